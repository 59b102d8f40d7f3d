//! The SQL shell.
//!
//! In: statements, from a terminal, a script or an argument. Out: their results, as tables for people or as CSV and JSON for
//! programs, and errors that point at the wrong word.

mod command;
mod complete;
mod diagnose;
mod ending;
mod feeder;
mod format;
mod help;
mod highlight;
mod names;
mod run;
mod shell;
mod statement;
mod target;
mod terminal;
mod variables;

pub use diagnose::Diagnosis;
pub use format::{Appearance, Format, table};
pub use run::{Error, Style, Written, run};
pub use shell::shell;
pub use statement::{Statement, split};
pub use terminal::terminal_width;
