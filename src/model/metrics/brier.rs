//! The mean squared error of a probability.

use super::{Better, Metric};
use crate::model::probability::{brier_term, mean_loss};

/// The metric.
pub const BRIER: Metric = Metric {
    name: "brier",
    title: "Brier",
    heading: "brier",
    meaning: "the mean squared difference between score and label",
    range: "in [0, 1]; always answering the prevalence p gives p (1 - p)",
    better: Better::Lower,
    when_null: "no row is positive, or the score is not a probability",
    source: "scikit-learn 1.9.1, brier_score_loss",
    compute: |sample| mean_loss(sample.labels, sample.scores, brier_term).filter(|_| sample.probability),
    resampled: Some(|resample| resample.brier),
};
