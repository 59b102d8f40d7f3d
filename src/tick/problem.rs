//! Why a message cannot be read as ticks.

use std::fmt;

use super::field::LONGEST_PRODUCT;
use crate::text::printable;

/// Why a message cannot be read; its text is one line that names the field and its value.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Problem {
    #[error("message is empty")]
    Empty,
    #[error("message is not UTF-8 text from byte {valid_bytes} on")]
    NotText { valid_bytes: usize },
    #[error("message ends in the middle, after {bytes} bytes")]
    Truncated { bytes: usize },
    #[error("message is not JSON of a known shape: {reason}")]
    NotJson { reason: String },
    #[error("message has none of the known shapes")]
    UnknownShape,
    #[error("several values of the line could be the message")]
    SeveralMessages,
    #[error("message is longer than {most} bytes")]
    TooLong { most: u64 },
    #[error("message has more than {} values", super::json::MOST_VALUES)]
    TooManyValues,
    #[error("{field} comes twice, with different values")]
    Twice { field: &'static str },
    #[error("{field} is missing")]
    Missing { field: &'static str },
    #[error("{field} is {value}, which is {fault}")]
    Value { field: &'static str, value: String, fault: Fault },
    #[error("quote is crossed: best_bid {best_bid} is above best_ask {best_ask}")]
    Crossed { best_bid: f64, best_ask: f64 },
    #[error("line {line} of {file}: {reason}")]
    Row { file: String, line: i64, reason: String },
    #[error("message is a change of an order book, not a whole quote")]
    PartOfABook,
    #[error("the exchange answers with an error: {message}")]
    Exchange { message: String },
}

/// What is wrong with a field's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    NotANumber,
    NotFinite,
    NotPositive,
    Negative,
    NotAnInteger,
    NotAName,
    TooLong,
    NotPrintable,
    NotASide,
    NotATime,
    NotPlausible,
    NotAList,
    NotOneLevel,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fault::NotANumber => "not a number",
            Fault::NotFinite => "not finite",
            Fault::NotPositive => "not above zero",
            Fault::Negative => "negative",
            Fault::NotAnInteger => "not a whole number",
            Fault::NotAName => "not text",
            Fault::TooLong => return write!(f, "longer than {LONGEST_PRODUCT} bytes"),
            Fault::NotPrintable => "not printable text",
            Fault::NotASide => "neither buy nor sell",
            Fault::NotATime => "not a time",
            Fault::NotPlausible => "not a time between the years 2009 and 2100",
            Fault::NotAList => "not a list of objects",
            Fault::NotOneLevel => "not one level of an order book",
        })
    }
}

/// What a message lacks whose exchange sends no time, if its recorder noted none either.
pub(super) const RECORDERS_TIME: &str = "recorder's time";

/// An exchange's error has no more characters than this.
const LONGEST_ERROR: usize = 400;

impl Problem {
    /// Returns the problem for a message in which the exchange reports an error with this text.
    pub(super) fn exchange(text: &str) -> Problem {
        let text = if text.is_empty() { "it gives no reason" } else { text };
        Problem::Exchange { message: printable(text, LONGEST_ERROR) }
    }

    /// Returns whether the message lacks nothing but a time, which a recorder can give it.
    pub fn lacks_time(&self) -> bool {
        matches!(self, Problem::Missing { field: RECORDERS_TIME })
    }

    /// Returns the kind of problem without its details, for counting: `price is missing`, `price is not a number`, ….
    pub fn kind(&self) -> String {
        match self {
            Problem::NotText { .. } => "message is not UTF-8 text".into(),
            Problem::Truncated { .. } => "message ends in the middle".into(),
            Problem::NotJson { .. } => "message is not JSON of a known shape".into(),
            Problem::Value { field, fault, .. } => format!("{field} is {fault}"),
            Problem::Crossed { .. } => "quote is crossed".into(),
            Problem::Row { .. } => "row of a table cannot be read".into(),
            Problem::Exchange { .. } => "the exchange answers with an error".into(),
            // These problems have no details.
            Problem::Empty
            | Problem::UnknownShape
            | Problem::SeveralMessages
            | Problem::TooLong { .. }
            | Problem::TooManyValues
            | Problem::PartOfABook
            | Problem::Twice { .. }
            | Problem::Missing { .. } => self.to_string(),
        }
    }
}

/// The longest part of a value that a problem quotes.
const QUOTED_CHARS: usize = 60;

/// Returns a message's text for a problem: between backticks, without control characters, and shortened when long.
pub fn quoted(text: &str) -> String {
    format!("`{}`", printable(text, QUOTED_CHARS))
}
