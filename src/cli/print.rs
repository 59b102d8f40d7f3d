//! Printing; the command continues if the reader closes a stream. What goes to standard error, and what [`safe`] returns, shows no
//! secret and cannot control a terminal.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write};
use std::sync::OnceLock;

use chrono::{DateTime, SecondsFormat, Utc};

use super::progress::beside;
use crate::log::Fields;
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

/// How messages on standard error are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Sentences for people
    #[default]
    Text,
    /// One JSON object a line: time, level, command, message, and what the message is about
    Json,
}

/// The command whose messages are written as JSON; none, as long as they are text.
static JSON: OnceLock<&'static str> = OnceLock::new();

/// Sets how the messages of a command are written. It counts from now on, for the whole program.
pub(super) fn set_format(format: Format, command: &'static str) {
    if format == Format::Json {
        // It is set once, from the command line.
        let _ = JSON.set(command);
    }
}

/// Returns whether messages are JSON.
pub(super) fn is_json() -> bool {
    JSON.get().is_some()
}

/// Prints a message on standard error. If that is closed, there is nowhere to print it.
pub(super) fn message(text: &str) {
    message_of(text, &[]);
}

/// Prints a message, and for machines what it is about.
pub(super) fn message_of(text: &str, fields: &Fields<'_>) {
    let line = match JSON.get() {
        None => safe(text),
        Some(command) => json(Utc::now(), command, text, fields),
    };
    let _ = beside(|| writeln!(std::io::stderr(), "{line}"));
}

/// Prints what a fault of the program says. The progress line stays, because the fault may have come while it was drawn.
pub(super) fn fault(text: &str) {
    let line = match JSON.get() {
        None => text.into(),
        Some(command) => json(Utc::now(), command, text, &[]),
    };
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Returns a message as a JSON object in one line. Its level is what the text begins with; causes and hint are fields of their own.
fn json(time: DateTime<Utc>, command: &str, text: &str, fields: &Fields<'_>) -> String {
    let levels = [("Error: ", "error"), ("Warning: ", "warning"), ("Note: ", "info")];
    let found = levels.into_iter().find_map(|(start, level)| Some((level, text.strip_prefix(start)?)));
    let (level, text) = found.unwrap_or(("info", text));
    let mut message = String::new();
    let (mut causes, mut hint): (Vec<String>, Option<String>) = (Vec::new(), None);
    for line in text.split('\n') {
        let line = printable(&without_secrets(line), MOST_OF_A_LINE);
        if let Some(cause) = line.strip_prefix("Caused by: ") {
            causes.push(cause.into());
        } else if let Some(text) = line.strip_prefix("Hint: ") {
            hint = Some(text.into());
        } else {
            // A line goes on what was begun last.
            let part = hint.as_mut().or(causes.last_mut()).unwrap_or(&mut message);
            if !part.is_empty() {
                part.push('\n');
            }
            part.push_str(&line);
        }
    }
    let mut object = serde_json::Map::new();
    object.insert("time".into(), time.to_rfc3339_opts(SecondsFormat::Micros, true).into());
    object.insert("level".into(), level.into());
    object.insert("command".into(), command.into());
    object.insert("message".into(), message.into());
    for (name, value) in fields {
        object.insert((*name).into(), without_secrets(value).into());
    }
    if !causes.is_empty() {
        object.insert("causes".into(), causes.into());
    }
    if let Some(hint) = hint {
        object.insert("hint".into(), hint.into());
    }
    serde_json::Value::Object(object).to_string()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str, fields: &Fields<'_>) -> String {
        json(DateTime::from_timestamp_micros(1_767_571_200_000_001).unwrap(), "land", text, fields)
    }

    #[test]
    fn a_message_is_one_object_in_one_line() {
        assert_eq!(
            written("Warning: no \"room\" for kafka://me:secret@host/x", &[("partition", "3".into())]),
            r#"{"time":"2026-01-05T00:00:00.000001Z","level":"warning","command":"land","message":"no \"room\" for kafka://********@host/x","partition":"3"}"#
        );
        assert_eq!(
            written("Error: it failed\nat once\nCaused by: this\nand that\nCaused by: those\nHint: try again", &[]),
            r#"{"time":"2026-01-05T00:00:00.000001Z","level":"error","command":"land","message":"it failed\nat once","causes":["this\nand that","those"],"hint":"try again"}"#
        );
        assert!(written("Note: well", &[]).contains(r#""level":"info","command":"land","message":"well"}"#));
        assert!(written("12 rows", &[]).contains(r#""level":"info","command":"land","message":"12 rows"}"#));
    }
}
