//! What every layer's error offers besides its message.

pub mod panics;
mod refused;

pub use refused::Refused;

/// An error that may know the next step; each layer's one error type implements it.
pub trait Hint: std::error::Error + Send + Sync + 'static {
    /// Returns what to try next; it names a command or a setting and has no trailing period.
    fn hint(&self) -> Option<String> {
        None
    }
}

/// Returns an error's message and its causes on one line.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let message = error.to_string();
        // Some errors repeat the text of their source.
        if !text.ends_with(&message) {
            text.push_str(": ");
            text.push_str(message.trim_end());
        }
        cause = error.source();
    }
    text
}
