//! What squall refuses to do, in words that go through the engine unchanged.

use datafusion::error::DataFusionError;

use super::Hint;

/// Why something is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refused {
    pub message: String,
    pub hint: Option<String>,
}

impl Hint for Refused {
    fn hint(&self) -> Option<String> {
        self.hint.clone()
    }
}

impl Refused {
    /// Returns the refusal behind an error of the engine, if that is its cause.
    pub fn of(error: &DataFusionError) -> Option<&Refused> {
        match error.find_root() {
            DataFusionError::External(source) => source.downcast_ref(),
            _ => None,
        }
    }
}
