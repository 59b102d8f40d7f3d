//! Printing; the command continues if the reader closes a stream. What goes to standard error, and what [`safe`] returns, shows no
//! secret and cannot control a terminal.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write};

use super::progress::beside;
use crate::text::{printable, without_secrets};

/// Longer lines of a message are cut.
const MOST_OF_A_LINE: usize = 10_000;

/// Prints a line of a command's results.
///
/// It replaces the standard library's macro, which panics if the reader closes the pipe (`squall run --all | head`). With
/// this macro, the command finishes its work and prints nothing more.
macro_rules! println {
    () => { $crate::cli::print::text(format_args!("\n")) };
    ($($text:tt)*) => { $crate::cli::print::text(format_args!("{}\n", format_args!($($text)*))) };
}

/// Prints a part of a command's results, as `println!` here does.
macro_rules! print {
    ($($text:tt)*) => { $crate::cli::print::text(format_args!($($text)*)) };
}

/// Prints a message for the user on standard error, as [`safe`] shows it.
macro_rules! eprintln {
    ($($text:tt)*) => { $crate::cli::print::message(&format!($($text)*)) };
}

/// Prints a message on standard error. If that is closed, there is nowhere to print it.
pub(super) fn message(text: &str) {
    let _ = beside(|| writeln!(std::io::stderr(), "{}", safe(text)));
}

/// Returns a text whose parts come from messages, files and addresses, so that it shows no secret and cannot control a terminal.
pub(super) fn safe(text: &str) -> String {
    let lines: Vec<String> = without_secrets(text).split('\n').map(|line| printable(line, MOST_OF_A_LINE)).collect();
    lines.join("\n")
}

/// Prints text. If writing to standard output fails for any reason other than a closed pipe, ends the program.
pub(super) fn text(text: Arguments<'_>) {
    if let Err(error) = beside(|| std::io::stdout().write_fmt(text))
        && error.kind() != ErrorKind::BrokenPipe
    {
        // If standard error is closed too, there is nowhere to print it.
        let _ = writeln!(std::io::stderr(), "Error: cannot write to standard output\nCaused by: {error}");
        std::process::exit(1);
    }
}
