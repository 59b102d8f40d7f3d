//! What is wrong with a command, and what to type instead.

use std::fmt;

use crate::error::Hint;

/// A command's failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    message: String,
    hint: Option<String>,
}

impl Complaint {
    /// Makes a complaint without a hint.
    pub fn new(message: impl Into<String>) -> Complaint {
        Complaint { message: message.into(), hint: None }
    }

    /// Adds what to try next.
    pub fn with_hint(mut self, hint: impl Into<String>) -> Complaint {
        self.hint = Some(hint.into());
        self
    }

    /// Makes a complaint of an error and its hint.
    pub fn of(error: &(impl Hint + ?Sized)) -> Complaint {
        Complaint { message: error.to_string(), hint: error.hint() }
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\nHint: {hint}"),
            None => Ok(()),
        }
    }
}
