//! The mean negative log-likelihood.

use super::{Better, Metric};
use crate::model::probability::{log_loss_term, mean_loss};

/// The metric.
pub const LOG_LOSS: Metric = Metric {
    name: "log_loss",
    title: "Log loss",
    heading: "log loss",
    meaning: "the mean negative log-likelihood of the labels",
    range: "nats a row, in [0, 36.05]",
    better: Better::Lower,
    when_null: "no row is positive, or the score is not a probability",
    source: "scikit-learn 1.9.1, log_loss",
    compute: |sample| mean_loss(sample.labels, sample.scores, log_loss_term).filter(|_| sample.probability),
    resampled: Some(|resample| resample.log_loss),
};
