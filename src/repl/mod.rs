//! The SQL shell.
//!
//! In: statements, from a terminal, a script or an argument. Out: their results, as tables for people, as CSV, JSON and Parquet
//! for programs, or as a drawing; and errors that point at the wrong word.

mod asked;
mod commands;
mod complaint;
mod complete;
mod culprit;
mod diagnose;
mod editing;
mod ending;
mod feeder;
mod format;
mod help;
mod highlight;
pub mod interrupts;
mod names;
mod pager;
mod plot;
mod plotting;
mod progress;
mod prompt;
mod run;
mod running;
mod shell;
mod statement;
mod target;
mod terminal;
mod variables;

pub use complaint::Complaint;
pub use diagnose::Diagnosis;
pub use format::{Appearance, Format, table};
pub use progress::{Progress, Showing};
pub use run::{Error, Style, Written, run};
pub use shell::{Project, shell};
pub use statement::{Position, Statement, split};
pub use target::Target;
pub use terminal::{terminal_size, terminal_width};
