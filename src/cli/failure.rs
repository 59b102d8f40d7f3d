//! How a command fails: `Error:`, `Caused by:` and `Hint:` on standard error, and an exit code.

use std::process::ExitCode;

use datafusion::error::DataFusionError;

use super::print;
use crate::error::Hint;

/// What the engine puts before the text of an error that is not its own.
const EXTERNAL: &str = "External error: ";

/// A command's failure.
#[derive(Debug)]
pub struct Failure {
    message: String,
    causes: Vec<String>,
    hint: Option<String>,
    code: u8,
}

impl Failure {
    /// Makes a failure with exit code 1.
    pub fn new(message: impl Into<String>) -> Self {
        Failure { message: message.into(), causes: Vec::new(), hint: None, code: 1 }
    }

    /// Names the file that the failure concerns.
    pub fn within(mut self, file: &str) -> Self {
        self.message = format!("{file}: {}", self.message);
        self
    }

    /// Adds what to try next.
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Sets the exit code.
    pub fn with_code(mut self, code: u8) -> Self {
        self.code = code;
        self
    }

    /// Returns the message and its causes, one a line.
    pub fn message_and_causes(&self) -> String {
        let causes = self.causes.iter().map(|cause| format!("\nCaused by: {cause}"));
        format!("{}{}", self.message, causes.collect::<String>())
    }

    /// Returns what to try next.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Prints the failure and returns its exit code.
    pub fn report(&self) -> ExitCode {
        self.print();
        ExitCode::from(self.code)
    }

    /// Prints the failure. If standard error is closed, the exit code still says that the command failed.
    pub fn print(&self) {
        let mut text = format!("Error: {}", self.message_and_causes());
        if let Some(hint) = &self.hint {
            text.push_str(&format!("\nHint: {hint}"));
        }
        print::message(&text);
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

/// Returns whether an error only says in which part of the engine its source came up: it repeats the source's text.
fn is_context(error: &(dyn std::error::Error + 'static)) -> bool {
    let boxed = || error.downcast_ref::<Box<DataFusionError>>().map(AsRef::as_ref);
    matches!(error.downcast_ref::<DataFusionError>().or_else(boxed), Some(DataFusionError::Context(..)))
}

impl<E: Hint> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut failure = Failure::new(error.to_string());
        failure.hint = error.hint();
        let mut source = error.source();
        while let Some(cause) = source {
            if is_context(cause) {
                source = cause.source();
                continue;
            }
            let text = cause.to_string().trim_end().to_string();
            // Some errors repeat the text of their source; print that text only once.
            let before = failure.causes.last_mut().unwrap_or(&mut failure.message);
            if *before == format!("{EXTERNAL}{text}") {
                *before = text;
            } else if *before != text {
                failure.causes.push(text);
            }
            source = cause.source();
        }
        failure
    }
}
