//! Why a statement failed, as clients are told: a code of five characters, a message, a hint and a place.
//!
//! The codes are PostgreSQL's (appendix "PostgreSQL Error Codes" of its manual), so that drivers know what kind of error it is.

use datafusion::arrow::error::ArrowError;
use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;

use super::wire::Notice;
use crate::catalog::{self, Session};
use crate::error::Hint;
use crate::repl::{Diagnosis, Error, Position, Statement};

/// Why a statement failed.
#[derive(Debug)]
pub enum Failure {
    /// The engine, or squall's own SQL.
    Sql(Error),
    /// The connection itself.
    Told(Notice),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Sql(error)
    }
}

impl From<catalog::Error> for Failure {
    fn from(error: catalog::Error) -> Self {
        Failure::Sql(error.into())
    }
}

impl From<DataFusionError> for Failure {
    fn from(error: DataFusionError) -> Self {
        Failure::Sql(error.into())
    }
}

impl From<ArrowError> for Failure {
    fn from(error: ArrowError) -> Self {
        Failure::Sql(DataFusionError::from(error).into())
    }
}

impl Failure {
    /// Makes a failure of the connection itself.
    pub fn told(code: &'static str, message: impl Into<String>) -> Failure {
        Failure::Told(Notice { code, message: message.into(), ..Notice::default() })
    }

    /// Adds what to try next to a failure of the connection itself.
    pub fn hint(self, hint: impl Into<String>) -> Failure {
        match self {
            Failure::Told(notice) => Failure::Told(Notice { hint: Some(hint.into()), ..notice }),
            other => other,
        }
    }

    /// Names the part of the statement that a failure of the connection itself is about.
    pub fn within(self, part: &str) -> Failure {
        match self {
            Failure::Told(notice) => Failure::Told(Notice { message: format!("{part}: {}", notice.message), ..notice }),
            other => other,
        }
    }

    /// Says what failed. The statement is a part of `text`, which the client sent.
    pub async fn notice(self, session: &Session, statement: Statement<'_>, text: &str) -> Notice {
        let error = match self {
            Failure::Told(notice) => return notice,
            Failure::Sql(error) => error,
        };
        let diagnosis = Diagnosis::find(session, &error, statement, text, None).await;
        Notice {
            code: code(&error),
            message: diagnosis.message().into(),
            hint: diagnosis.hint(),
            position: diagnosis.at().map(|at| characters(text, at)),
        }
    }
}

/// Returns the place in a text in characters from 1.
fn characters(text: &str, at: Position) -> usize {
    let before = text.split_inclusive('\n').take(at.line - 1).map(|line| line.chars().count()).sum::<usize>();
    before + at.column
}

fn code(error: &Error) -> &'static str {
    match error {
        Error::Statement(catalog::Error::Query(error)) | Error::Query(error) => engine(error),
        Error::Statement(catalog::Error::Missing { .. }) => "42P01",
        Error::Statement(catalog::Error::Refused(_)) => "0A000",
        Error::Statement(catalog::Error::Statement(_) | catalog::Error::Manage(_)) => "42601",
        Error::Statement(catalog::Error::Kept(_)) => "42000",
        Error::Statement(_) => "22000",
        Error::Panicked(_) => "XX000",
        Error::Format(_) | Error::Write(_) => "58000",
    }
}

fn engine(error: &DataFusionError) -> &'static str {
    // Of several errors, the first is told.
    match error.iter().next().unwrap_or(error).find_root() {
        DataFusionError::SQL(..) => "42601",
        DataFusionError::SchemaError(error, _) => match error.as_ref() {
            SchemaError::FieldNotFound { .. } => "42703",
            SchemaError::AmbiguousReference { .. } => "42702",
            _ => "42000",
        },
        DataFusionError::Plan(text) if text.contains("Invalid function") || text.contains("Candidate functions") => {
            "42883"
        }
        DataFusionError::Plan(text) if text.starts_with("table '") && text.ends_with("' not found") => "42P01",
        DataFusionError::Plan(_) => "42000",
        DataFusionError::NotImplemented(_) => "0A000",
        DataFusionError::ResourcesExhausted(_) => "53200",
        DataFusionError::IoError(_) | DataFusionError::ObjectStore(_) => "58030",
        DataFusionError::ArrowError(error, _) => match error.as_ref() {
            ArrowError::DivideByZero => "22012",
            ArrowError::ArithmeticOverflow(_) => "22003",
            ArrowError::CastError(_) | ArrowError::ParseError(_) => "22P02",
            _ => "22000",
        },
        DataFusionError::Internal(_) => "XX000",
        _ => "22000",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_characters_of_all_lines() {
        let text = "é\nab\n  x";
        for (line, column, expected) in [(1, 1, 1), (2, 2, 4), (3, 3, 8)] {
            assert_eq!(characters(text, Position { line, column }), expected);
        }
    }
}
