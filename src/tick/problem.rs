//! Why a message is no tick.

/// Why a message cannot be read; prints as one line that names the field and its value.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Problem {
    #[error("message is empty")]
    Empty,
    #[error("message is no UTF-8 text from byte {valid_bytes} on")]
    NotText { valid_bytes: usize },
    #[error("message ends in the middle, after {bytes} bytes")]
    Truncated { bytes: usize },
    #[error("message is no JSON of a known shape: {reason}")]
    NotJson { reason: String },
    #[error("message has none of the known shapes")]
    UnknownShape,
    #[error("{field} is missing")]
    Missing { field: &'static str },
    #[error("{field} is {value}, which is no number")]
    NotANumber { field: &'static str, value: String },
    #[error("{field} is {value}, which is not finite")]
    NotFinite { field: &'static str, value: String },
    #[error("{field} is {value}, which is not above zero")]
    NotPositive { field: &'static str, value: String },
    #[error("{field} is {value}, which is negative")]
    Negative { field: &'static str, value: String },
    #[error("{field} is {value}, which is no whole number")]
    NotAnInteger { field: &'static str, value: String },
    #[error("{field} is {value}, which is no text")]
    NotAName { field: &'static str, value: String },
    #[error("{field} is {value}, neither buy nor sell")]
    NotASide { field: &'static str, value: String },
    #[error("{field} is {value}, which is no time")]
    NotATime { field: &'static str, value: String },
    #[error("quote is crossed: best_bid {best_bid} is above best_ask {best_ask}")]
    Crossed { best_bid: f64, best_ask: f64 },
    #[error("the exchange answers with an error: {message}")]
    Exchange { message: String },
}

impl Problem {
    /// Returns the kind of problem without its particulars, for counting: `price is missing`, `quote is crossed`, ….
    pub fn kind(&self) -> String {
        match self {
            Problem::Empty => "message is empty".into(),
            Problem::NotText { .. } => "message is no UTF-8 text".into(),
            Problem::Truncated { .. } => "message ends in the middle".into(),
            Problem::NotJson { .. } => "message is no JSON of a known shape".into(),
            Problem::UnknownShape => "message has none of the known shapes".into(),
            Problem::Missing { field } => format!("{field} is missing"),
            Problem::NotANumber { field, .. } => format!("{field} is no number"),
            Problem::NotFinite { field, .. } => format!("{field} is not finite"),
            Problem::NotPositive { field, .. } => format!("{field} is not above zero"),
            Problem::Negative { field, .. } => format!("{field} is negative"),
            Problem::NotAnInteger { field, .. } => format!("{field} is no whole number"),
            Problem::NotAName { field, .. } => format!("{field} is no text"),
            Problem::NotASide { field, .. } => format!("{field} is neither buy nor sell"),
            Problem::NotATime { field, .. } => format!("{field} is no time"),
            Problem::Crossed { .. } => "quote is crossed".into(),
            Problem::Exchange { .. } => "the exchange answers with an error".into(),
        }
    }
}
