//! The SQL shell.
//!
//! In: statements, from a terminal, a script or an argument. Out: their results, as tables for people or as CSV and JSON for
//! programs, and errors that point at the wrong word.

mod command;
mod complete;
mod diagnose;
mod help;
mod names;
mod output;
mod run;
mod shell;
mod statement;
mod table;
mod terminal;

pub use diagnose::Diagnosis;
pub use output::Format;
pub use run::{Error, Style, Written, run};
pub use shell::shell;
pub use statement::{Statement, split};
pub use table::table;
pub use terminal::terminal_width;
