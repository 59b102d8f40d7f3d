//! What `check` finds wrong with a project: each fault with its file, line and column.

use std::path::Path;

use super::error::Error;
use super::place::Place;
use crate::error::Hint;

/// How much a fault matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It may be right: the author should know.
    Warning,
    /// It is wrong.
    Error,
}

impl Severity {
    /// Returns the name that users see.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// The check that found a fault, in the order in which the checks run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    /// The files: their names, placeholders, SQL and references.
    Parse,
    /// The header against the rules and against the query's columns.
    Header,
    /// The plan of each query, and of each model's training query.
    Plan,
    /// How features and labels look at time.
    Lint,
    /// The grain identifies one row.
    Grain,
    /// The audits of the data.
    Audit,
    /// The project's own tests.
    Test,
    /// Recomputing over cut data.
    Proof,
}

impl Check {
    /// Returns the name that users see.
    pub fn as_str(self) -> &'static str {
        match self {
            Check::Parse => "parse",
            Check::Header => "header",
            Check::Plan => "plan",
            Check::Lint => "lint",
            Check::Grain => "grain",
            Check::Audit => "audit",
            Check::Test => "test",
            Check::Proof => "proof",
        }
    }
}

/// Something wrong with a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub check: Check,
    pub severity: Severity,
    /// The query, model, audit or test file.
    pub query: String,
    pub place: Place,
    /// What is wrong, without the place.
    pub message: String,
    pub hint: Option<String>,
}

impl Fault {
    /// Makes a fault that is wrong and has no hint.
    pub fn new(check: Check, query: &str, place: Place, message: impl Into<String>) -> Fault {
        Fault { check, severity: Severity::Error, query: query.into(), place, message: message.into(), hint: None }
    }

    /// Adds what to try next.
    pub fn with_hint(mut self, hint: impl Into<String>) -> Fault {
        self.hint = Some(hint.into());
        self
    }

    /// Makes it a warning.
    pub fn warning(mut self) -> Fault {
        self.severity = Severity::Warning;
        self
    }

    /// Makes a fault of an error about one query's file.
    pub(super) fn of(check: Check, query: &str, error: &Error) -> Fault {
        let start = || Place::start(error.file().unwrap_or(Path::new("")));
        let place = error.place().cloned().unwrap_or_else(start);
        Fault { hint: error.hint(), ..Fault::new(check, query, place, error.without_place()) }
    }
}
