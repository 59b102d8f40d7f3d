//! The artifact of a model: one JSON file that holds everything that scoring needs, and says where the model came from.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::basis::Basis;
use super::metrics::SplitMetrics;
use super::scorer::Scorer;
use super::types::ModelType;
use super::validation::Validation;

/// The version of the artifact's layout; a reader refuses any other.
pub const FORMAT: u32 = 1;

/// A trained model as it is stored on disk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Artifact {
    pub format: u32,
    pub name: String,
    /// Versions start at 1; the highest is the latest.
    pub version: u64,
    /// RFC 3339, UTC.
    pub created_at: String,
    pub squall_version: String,
    /// How a row's score follows from `features`, in the names of this file.
    pub formula: String,
    /// Whether the score is the probability that the row is positive.
    pub probability: bool,
    /// The name of the label column.
    pub label: String,
    #[serde(flatten)]
    pub scorer: Scorer,
    /// Rows with at least this score are called positive. It is tuned for F1 on the validation rows, or it is part of the
    /// rule.
    pub threshold: Option<f64>,
    /// The hyperparameters used, by their names in OPTIONS.
    pub options: Map<String, Value>,
    pub training: Training,
    /// What a verdict about the model depends on; `None` in the artifacts of an earlier squall, which did not record it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<Basis>,
    pub metrics: Vec<SplitMetrics>,
    /// What the folds said; absent if the statement has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<Validation>,
    /// The statement that created the model.
    pub sql: String,
}

impl Artifact {
    /// Returns the name and the version, as a function takes them: `name@2`.
    pub fn reference(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }

    /// Checks what the types of the fields do not say.
    ///
    /// # Errors
    /// The model has no features, has a feature twice, or has numbers with which it cannot score.
    pub fn check(&self) -> Result<(), String> {
        let features = self.scorer.features();
        if features.is_empty() {
            return Err("it has no features".into());
        }
        if let Some(twice) = features.iter().enumerate().find(|(index, name)| features[..*index].contains(name)) {
            return Err(format!("it has the feature `{}` twice", twice.1));
        }
        let scale = self.scorer.weights().into_iter().find(|weight| weight.scale.is_some_and(|scale| scale <= 0.0));
        match scale {
            Some(weight) => Err(format!("the scale of `{}` is not greater than 0", weight.feature)),
            None => Ok(()),
        }
    }

    /// Returns the type of model.
    pub fn model_type(&self) -> &'static ModelType {
        self.scorer.model_type()
    }
}

/// Which rows trained a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Training {
    pub rows: u64,
    pub positives: u64,
    /// Rows, of any split, that were left out because the label or a feature is NULL, NaN or infinite.
    pub skipped: u64,
    /// `from` and `to` are the first and the last value of the time column over the training rows, RFC 3339.
    pub from: Option<String>,
    pub to: Option<String>,
    /// The column of the rows' weights; `None` if each row counted once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_column: Option<String>,
    /// Columns named by `id_cols` that hold a single value over the training rows, such as the product or tau.
    pub constants: Map<String, Value>,
}
