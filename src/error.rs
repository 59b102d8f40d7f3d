//! What every layer's error offers beside its message.

/// An error that may know the next step: implemented by the one error type of each layer.
pub trait Hint: std::error::Error + Send + Sync + 'static {
    /// Returns what to try next, naming a command or a setting; no trailing period.
    fn hint(&self) -> Option<String> {
        None
    }
}
