//! The area under the ROC curve.

use super::{Better, Metric};
use crate::model::ranking::Ranked;

/// The metric.
pub const ROC_AUC: Metric = Metric {
    name: "roc_auc",
    title: "ROC AUC",
    heading: "roc auc",
    meaning: "the probability that a positive row scores higher than a negative one, ties counting half",
    range: "in [0, 1]; guessing gives 0.5",
    better: Better::Higher,
    when_null: "the rows are not of both classes",
    source: "scikit-learn 1.9.1, roc_auc_score",
    compute: |sample| sample.ranked().and_then(Ranked::roc_auc),
    resampled: Some(|resample| resample.roc_auc),
};
