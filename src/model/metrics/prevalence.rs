//! The share of positives.

use super::{Better, Metric};

/// The metric.
pub const PREVALENCE: Metric = Metric {
    name: "prevalence",
    title: "Prevalence",
    heading: "prevalence",
    meaning: "the share of positive rows, which is the average precision of guessing",
    range: "in [0, 1]",
    better: Better::Neither,
    when_null: "there are no rows",
    source: "squall",
    compute: |sample| {
        let known = sample.rows() > 0 && sample.is_known();
        known.then(|| sample.positives() as f64 / sample.rows() as f64)
    },
    resampled: None,
};
