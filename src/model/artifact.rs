//! The artifact of a model: one JSON file that holds all that scoring needs, and where the model came from.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::metrics::SplitMetrics;
use super::scorer::Scorer;
use super::types::ModelType;

/// The artifact's layout; a reader refuses any other.
pub const FORMAT: u32 = 1;

/// A trained model as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Artifact {
    pub format: u32,
    pub name: String,
    /// From 1 up; the highest is the latest.
    pub version: u64,
    /// RFC 3339, UTC.
    pub created_at: String,
    pub squall_version: String,
    /// How a row is scored from `features`, in the names of this file.
    pub formula: String,
    /// Whether the score is the probability of a positive.
    pub probability: bool,
    /// The name of the label column.
    pub label: String,
    #[serde(flatten)]
    pub scorer: Scorer,
    /// Rows that score at least this are called positive; tuned for F1 on the validation rows, or the rule's own.
    pub threshold: Option<f64>,
    /// The hyperparameters in force, by their names in OPTIONS.
    pub options: Map<String, Value>,
    pub training: Training,
    pub metrics: Vec<SplitMetrics>,
    /// The statement that made the model.
    pub sql: String,
}

impl Artifact {
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
    /// Rows of any split that were left out for a NULL among label and features.
    pub skipped: u64,
    /// The first and last value of the time column over the training rows, RFC 3339.
    pub from: Option<String>,
    pub to: Option<String>,
    /// Columns set apart by `id_cols` that hold one value over the training rows, such as the product or tau.
    pub constants: Map<String, Value>,
}
