//! Printing to standard output; the command continues if the reader closes it.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write};

/// Prints a line of a command's results.
///
/// It replaces the standard library's macro, which panics if the reader closes the pipe (`squall run --all | head`). With
/// this macro, the command finishes its work and prints nothing more.
/// command finishes its work and prints nothing more.
macro_rules! println {
    () => { $crate::cli::print::text(format_args!("\n")) };
    ($($text:tt)*) => { $crate::cli::print::text(format_args!("{}\n", format_args!($($text)*))) };
}

/// Prints a part of a command's results, as `println!` here does.
macro_rules! print {
    ($($text:tt)*) => { $crate::cli::print::text(format_args!($($text)*)) };
}

/// Prints text. If writing to standard output fails for any reason other than a closed pipe, ends the program.
pub(super) fn text(text: Arguments<'_>) {
    if let Err(error) = std::io::stdout().write_fmt(text)
        && error.kind() != ErrorKind::BrokenPipe
    {
        // If standard error is closed too, there is nowhere to print it.
        let _ = writeln!(std::io::stderr(), "Error: cannot write to standard output\nCaused by: {error}");
        std::process::exit(1);
    }
}
