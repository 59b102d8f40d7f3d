//! The threshold, and precision, recall and F1 of the rows that it calls positive.

use super::{Better, Metric};
use crate::model::confusion::Confusion;

/// The model's threshold, listed beside the metrics that depend on it.
pub const THRESHOLD: Metric = Metric {
    name: "threshold",
    title: "Threshold",
    heading: "threshold",
    meaning: "the score from which on a row is called positive",
    range: "a score",
    better: Better::Neither,
    when_null: "the model has no threshold, because no validation row was positive when it was trained",
    source: "the maximum of F1 on validation rows, or part of a rule",
    compute: |sample| sample.threshold,
    resampled: None,
};

/// The share of positives among the rows called positive.
pub const PRECISION: Metric = Metric {
    name: "precision",
    title: "Precision",
    heading: "precision",
    meaning: "the share of positives among the rows called positive",
    range: "in [0, 1]",
    better: Better::Higher,
    when_null: "no row is positive, or none reaches the threshold",
    source: "scikit-learn 1.9.1, precision_score",
    compute: |sample| sample.confusion().and_then(Confusion::precision),
    resampled: Some(|resample| resample.confusion.as_ref().and_then(Confusion::precision)),
};

/// The share of the positives that are called positive.
pub const RECALL: Metric = Metric {
    name: "recall",
    title: "Recall",
    heading: "recall",
    meaning: "the share of the positives that are called positive",
    range: "in [0, 1]",
    better: Better::Higher,
    when_null: "no row is positive, or there is no threshold",
    source: "scikit-learn 1.9.1, recall_score",
    compute: |sample| sample.confusion().and_then(Confusion::recall),
    resampled: Some(|resample| resample.confusion.as_ref().and_then(Confusion::recall)),
};

/// The harmonic mean of precision and recall.
pub const F1: Metric = Metric {
    name: "f1",
    title: "F1",
    heading: "f1",
    meaning: "the harmonic mean of precision and recall",
    range: "in [0, 1]",
    better: Better::Higher,
    when_null: "no row is positive, or there is no threshold",
    source: "scikit-learn 1.9.1, f1_score",
    compute: |sample| sample.confusion().and_then(Confusion::f1),
    resampled: Some(|resample| resample.confusion.as_ref().and_then(Confusion::f1)),
};
