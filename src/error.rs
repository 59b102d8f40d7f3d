//! What every layer's error offers besides its message.

/// An error that may know the next step; each layer's one error type implements it.
pub trait Hint: std::error::Error + Send + Sync + 'static {
    /// Returns what to try next; it names a command or a setting and has no trailing period.
    fn hint(&self) -> Option<String> {
        None
    }
}
