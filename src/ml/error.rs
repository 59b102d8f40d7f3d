//! Errors of a training.

use datafusion::arrow::datatypes::DataType;
use datafusion::error::DataFusionError;

use crate::error::Hint;
use crate::model::{self, MOST_CATEGORIES};

/// An error of a training.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the training query failed")]
    Query(#[from] DataFusionError),
    #[error("the training query has no column `{column}`, which {option} names")]
    NoColumn { column: String, option: &'static str, suggestion: Option<String> },
    #[error("column `{column}` is {data_type}, but a {role} is {expected}")]
    Type { column: String, data_type: DataType, role: &'static str, expected: &'static str },
    #[error("`{column}` holds '{value}', which is not a split")]
    Split { column: String, value: String },
    #[error("the label `{column}` is {value} in a row, but labels are 0 and 1, or false and true")]
    Label { column: String, value: f64 },
    #[error("{role} cannot be named `score`: scoring adds a column of that name to the rows")]
    Score { role: &'static str },
    #[error(
        "feature `{column}` has more than {MOST_CATEGORIES} different texts, and each would be a feature of its own"
    )]
    Categories { column: String },
    #[error("the features have the name `{name}` twice; a category of a text is a feature named `column=category`")]
    Twice { name: String },
    #[error(transparent)]
    Model(#[from] model::Error),
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Error::Query(_) => Some("run the query on its own with `squall sql` to see where it fails".into()),
            Error::NoColumn { suggestion, .. } => {
                Some(suggestion.clone().unwrap_or_else(|| "add it to the SELECT".into()))
            }
            Error::Type { column, role: "feature", .. } => {
                Some(format!("name `{column}` in id_cols, or leave it out of the SELECT"))
            }
            Error::Type { .. } => Some("CAST it in the query".into()),
            Error::Split { .. } => {
                Some("splits are 'train', 'validation' and 'test'; rows of NULL are left out".into())
            }
            Error::Label { column, .. } => Some(format!("compare it in the query, such as {column} > 0 AS {column}")),
            Error::Categories { column } => Some(format!(
                "group rare ones in the query, such as CASE WHEN {column} IN ('a', 'b') THEN {column} ELSE 'other' END AS {column}; or name it in id_cols"
            )),
            Error::Twice { .. } => Some("give one of the columns another name with AS".into()),
            Error::Score { .. } => Some("give it another name in the query: score AS …".into()),
            Error::Model(error) => error.hint(),
        }
    }
}
