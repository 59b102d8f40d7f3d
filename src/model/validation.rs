//! What walk-forward validation found when a model was trained: the part of the artifact about folds and variants.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::metrics::Metrics;

/// What a warning of folds without rows says.
pub const TIED: &str = "judge no row, because many rows have the same time";

/// The folds of the model that was chosen, and everything that was compared with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Validation {
    pub protocol: String,
    pub blocks: usize,
    pub train_blocks: usize,
    /// `expanding` or `rolling`.
    pub window: String,
    pub purge_s: f64,
    pub embargo_s: f64,
    pub folds: Vec<FoldFigures>,
    /// Over the judged rows of all folds together, without a threshold.
    pub metrics: Metrics,
    /// Everything that was tried, in this order; the more there is, the luckier the best of it.
    pub variants: Vec<Variant>,
}

impl Validation {
    /// Says that some folds judge no row; `None` if all judge some.
    pub fn warning(&self) -> Option<String> {
        let empty = self.folds.iter().filter(|fold| fold.from.is_none()).count();
        (empty > 0).then(|| format!("of {} folds, {empty} {TIED}: give fewer blocks (cv_blocks)", self.folds.len()))
    }

    /// Returns the position of the variant that was chosen: the first with the highest average precision.
    pub fn chosen(&self) -> Option<usize> {
        let known =
            self.variants.iter().enumerate().filter_map(|(place, variant)| Some((place, variant.average_precision?)));
        known.reduce(|best, other| if other.1 > best.1 { other } else { best }).map(|(place, _)| place)
    }
}

/// The figures of one fold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FoldFigures {
    /// Folds are numbered from 1.
    pub fold: usize,
    /// The first and the last judged row, RFC 3339; `None` if the fold judges no row.
    pub from: Option<String>,
    pub to: Option<String>,
    pub training_rows: usize,
    /// `None` if the label is used as it is.
    pub tau: Option<f64>,
    /// The threshold with the best F1 on the fold's training rows.
    pub threshold: Option<f64>,
    pub metrics: Metrics,
}

/// A type, its options and features, and how good they are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Variant {
    pub model_type: String,
    pub options: Map<String, Value>,
    pub features: Vec<String>,
    /// Over the judged rows of all folds together; `None` if the variant cannot be trained.
    pub average_precision: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}
