//! The area under the precision-recall curve.

use super::{Better, Metric};
use crate::model::ranking::Ranked;

/// The metric.
pub const AVERAGE_PRECISION: Metric = Metric {
    name: "average_precision",
    title: "Average precision",
    heading: "avg prec",
    meaning: "the area under the precision-recall curve, without interpolation",
    range: "in [0, 1]",
    better: Better::Higher,
    when_null: "no row is positive",
    source: "scikit-learn 1.9.1, average_precision_score",
    compute: |sample| sample.ranked().and_then(Ranked::average_precision),
    resampled: Some(|resample| Some(resample.average_precision)),
};
