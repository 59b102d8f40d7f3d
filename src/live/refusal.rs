//! Why a query cannot run live.

use datafusion::error::DataFusionError;

/// A reason, and the words of the statement to blame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub reason: String,
    /// The first of these words that stands in the statement is to blame.
    pub words: Vec<String>,
}

/// Refuses for a reason.
pub fn refused<T>(reason: &str, words: &[&str]) -> Result<T, Refusal> {
    Err(Refusal { reason: reason.into(), words: words.iter().map(|word| (*word).into()).collect() })
}

impl From<DataFusionError> for Refusal {
    fn from(error: DataFusionError) -> Refusal {
        Refusal { reason: format!("the engine cannot plan it: {}", error.strip_backtrace()), words: Vec::new() }
    }
}
