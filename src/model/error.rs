//! What can be wrong with a training set, an option, or a model on disk.

use std::path::PathBuf;

use crate::error::Hint;

/// What can be wrong with a training set, an option, or a model on disk.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no model is called `{name}` in {dir}")]
    Missing { name: String, dir: PathBuf, suggestion: Option<String> },
    #[error("model `{name}` has no version {version}; its versions are {versions:?}")]
    MissingVersion { name: String, version: u64, versions: Vec<u64> },
    #[error("model `{name}` exists already, at version {version}")]
    Exists { name: String, version: u64 },
    #[error("`{name}` is no name for a model: use letters, digits and underscores, a letter first")]
    Name { name: String },
    #[error("cannot read {path}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("cannot write {path}")]
    Write { path: PathBuf, source: std::io::Error },
    #[error("{path} is no model artifact")]
    Artifact { path: PathBuf, source: serde_json::Error },
    #[error("unknown model type '{given}'")]
    ModelType { given: String, suggestion: Option<String> },
    #[error("{option} must be {expected}, not {given}")]
    Option { option: &'static str, expected: &'static str, given: String },
    #[error("no training rows{}", why_none(.skipped))]
    NoRows { skipped: u64 },
    #[error("the training set has one class only: {} of its {rows} rows are positive", if *.positive { "all" } else { "none" })]
    OneClass { rows: u64, positive: bool },
    #[error("no features: the query selects nothing but the label and columns that OPTIONS set apart")]
    NoFeatures,
    #[error("a {model_type} model takes one feature, and the query selects {}: {}", .given.len(), .given.join(", "))]
    NotOneFeature { model_type: &'static str, given: Vec<String> },
    #[error("feature `{feature}` is NaN or infinite in {rows} of the training rows")]
    NotFinite { feature: String, rows: u64 },
    #[error("feature `{feature}` is {value} in every training row")]
    Constant { feature: String, value: f64 },
    #[error("the optimiser failed")]
    Optimiser(#[from] linfa_logistic::error::Error),
    #[error("the optimiser had not converged after {iterations} iterations")]
    NotConverged { iterations: u64 },
}

fn why_none(rows: &u64) -> String {
    if *rows == 0 { String::new() } else { format!(": each of the {rows} has a NULL among label and features") }
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Error::Missing { suggestion: Some(suggestion), .. } | Error::ModelType { suggestion: Some(suggestion), .. } => {
                suggestion.clone()
            }
            Error::Missing { name, .. } => {
                format!("`squall train` trains the project's models; or run CREATE MODEL {name} OPTIONS (…) AS SELECT …")
            }
            Error::MissingVersion { name, .. } => format!("`{name}` alone is the latest version"),
            Error::Exists { .. } => "CREATE OR REPLACE MODEL adds a version".into(),
            Error::ModelType { suggestion: None, .. } => {
                format!("model types are {}", super::ModelType::NAMES.map(|name| format!("'{name}'")).join(", "))
            }
            Error::NoRows { .. } => {
                "see what the training query returns: squall sql 'SELECT split, count(*) FROM spike_training GROUP BY split'".into()
            }
            Error::OneClass { .. } => {
                "train on more data, or on a threshold that some rows reach and some do not".into()
            }
            Error::NoFeatures => "select the columns to learn from".into(),
            Error::NotOneFeature { .. } => "name the other columns in id_cols, or leave them out of the SELECT".into(),
            Error::NotFinite { feature, .. } => {
                format!("guard it in SQL, such as CASE WHEN isnan({feature}) THEN NULL … END: rows with a NULL are skipped")
            }
            Error::Constant { feature, .. } => format!("leave `{feature}` out of the SELECT: it can teach nothing"),
            Error::NotConverged { .. } => "raise max_iterations or l2_reg".into(),
            Error::Artifact { .. } => "remove that version's folder, or train again".into(),
            Error::Name { .. } | Error::Read { .. } | Error::Write { .. } | Error::Option { .. } | Error::Optimiser(_) => {
                return None;
            }
        })
    }
}
