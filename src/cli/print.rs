//! Standard output whose reader may leave.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write};

/// Prints a line of a command's results.
///
/// It stands in for the standard library's, which panics when the reader goes away (`squall run --all | head`): here the work
/// goes on to its end, unseen.
macro_rules! println {
    () => { $crate::cli::print::text(format_args!("\n")) };
    ($($text:tt)*) => { $crate::cli::print::text(format_args!("{}\n", format_args!($($text)*))) };
}

/// Prints a part of a command's results, as `println!` here does.
macro_rules! print {
    ($($text:tt)*) => { $crate::cli::print::text(format_args!($($text)*)) };
}

/// Prints text; ends the program where standard output cannot be written for another reason than a reader who left.
pub(super) fn text(text: Arguments<'_>) {
    if let Err(error) = std::io::stdout().write_fmt(text)
        && error.kind() != ErrorKind::BrokenPipe
    {
        // Nobody to tell when standard error is closed too.
        let _ = writeln!(std::io::stderr(), "Error: cannot write to standard output\nCaused by: {error}");
        std::process::exit(1);
    }
}
