//! The metrics: each metric or family of metrics has one file and one line of [`METRICS`].
//!
//! To add a metric, write its [`Metric`], add its line to [`METRICS`], and add the reference implementation's value to
//! `tests/reference/sklearn_metrics.py`, which the tests hold it to. If it can be undefined for a new reason, add the reason to
//! `why_undefined` below. An SQL aggregate of the same name is optional: `functions` has those.
//! Everything else follows from the table: the columns of `ml_evaluate`, `binary_metrics` and `runs`, the artifact, the
//! tables of `squall evaluate` and `squall compare`, the report, MLflow and docs/models.md.
//! `SQUALL_BLESS=1 cargo test --test it model::` rewrites that page.

mod average_precision;
mod brier;
mod calls;
mod log_loss;
mod prevalence;
mod roc_auc;
mod sample;

use std::collections::BTreeMap;

use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::bootstrap::Resample;
use super::split::Split;
pub use average_precision::AVERAGE_PRECISION;
pub use brier::BRIER;
pub use calls::{F1, PRECISION, RECALL, THRESHOLD};
pub use log_loss::LOG_LOSS;
pub use prevalence::PREVALENCE;
pub use roc_auc::ROC_AUC;
pub use sample::Sample;

/// Every metric, in the order of columns.
pub const METRICS: &[&Metric] =
    &[&PREVALENCE, &AVERAGE_PRECISION, &ROC_AUC, &LOG_LOSS, &BRIER, &THRESHOLD, &PRECISION, &RECALL, &F1];

/// A number that says how good scores are on labelled rows.
#[derive(Debug)]
pub struct Metric {
    /// The name of its column, also used by runs and MLflow.
    pub name: &'static str,
    /// The name shown to people, such as "Average precision".
    pub title: &'static str,
    /// A short name for a column in a terminal.
    pub heading: &'static str,
    /// What the metric is, as a noun phrase.
    pub meaning: &'static str,
    /// The metric's unit and range, such as "in [0, 1]".
    pub range: &'static str,
    pub better: Better,
    /// When the metric is NULL.
    pub when_null: &'static str,
    /// Whose definition the metric follows.
    pub source: &'static str,
    /// Computes the metric. It is called only if a row is positive, unless the metric does not measure quality
    /// ([`Better::Neither`]).
    pub compute: fn(&Sample) -> Option<f64>,
    /// Computes the metric of a resample of the rows, for its interval; `None` if it has no interval.
    pub resampled: Option<fn(&Resample) -> Option<f64>>,
}

/// Which of two values of a metric is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    Higher,
    Lower,
    /// The number describes the rows or the model; it does not measure quality.
    Neither,
}

impl Better {
    /// Returns the word that `ml_metrics()` shows.
    pub fn as_str(self) -> &'static str {
        match self {
            Better::Higher => "higher",
            Better::Lower => "lower",
            Better::Neither => "neither",
        }
    }

    /// Returns the best of several values; `None` if fewer than two are known or neither is better.
    pub fn best(self, values: impl IntoIterator<Item = Option<f64>>) -> Option<f64> {
        let known: Vec<f64> = values.into_iter().flatten().collect();
        if known.len() < 2 {
            return None;
        }
        match self {
            Better::Higher => known.into_iter().max_by(f64::total_cmp),
            Better::Lower => known.into_iter().min_by(f64::total_cmp),
            Better::Neither => None,
        }
    }
}

/// Why metrics of calls are missing: nobody chose a threshold, or none could be tuned.
pub const NO_THRESHOLD: &str = "no threshold";

/// All metrics of one sample; a `None` is undefined, and `reason` says why.
#[derive(Debug, Clone, PartialEq)]
pub struct Metrics {
    pub rows: u64,
    pub positives: u64,
    /// In the order of [`METRICS`].
    pub values: Vec<Option<f64>>,
    pub reason: Option<String>,
}

impl Metrics {
    /// Computes every metric.
    ///
    /// If no row is positive, every measure of quality is undefined, because a low loss would then mean nothing.
    pub fn measure(sample: &Sample) -> Metrics {
        let compute = |metric: &&Metric| match metric.better {
            Better::Higher | Better::Lower if sample.positives() == 0 => None,
            _ => (metric.compute)(sample),
        };
        let values: Vec<Option<f64>> = METRICS.iter().map(compute).collect();
        let mut metrics = Metrics { rows: sample.rows(), positives: sample.positives(), values, reason: None };
        metrics.reason = metrics.why_undefined(sample).map(Into::into);
        metrics
    }

    /// Returns a metric's value; `None` if it is undefined.
    pub fn get(&self, metric: &Metric) -> Option<f64> {
        self.iter().find(|(known, _)| known.name == metric.name)?.1
    }

    /// Returns the metrics with their values.
    pub fn iter(&self) -> impl Iterator<Item = (&'static Metric, Option<f64>)> {
        METRICS.iter().copied().zip(self.values.iter().copied())
    }

    /// Returns the first reason why a metric is missing; `None` if none is missing.
    fn why_undefined(&self, sample: &Sample) -> Option<&'static str> {
        if self.rows == 0 {
            Some("no rows")
        } else if !sample.is_known() {
            Some("a label or a score is NaN")
        } else if self.positives == 0 {
            Some("no row is positive")
        } else if self.positives == self.rows {
            Some("every row is positive")
        } else if sample.threshold.is_none() {
            Some(NO_THRESHOLD)
        } else if !sample.probability {
            Some("the score is not a probability")
        } else if self.get(&PRECISION).is_none() {
            Some("no row reaches the threshold")
        } else {
            None
        }
    }
}

impl Serialize for Metrics {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("rows", &self.rows)?;
        map.serialize_entry("positives", &self.positives)?;
        for (metric, value) in self.iter() {
            map.serialize_entry(metric.name, &value)?;
        }
        map.serialize_entry("reason", &self.reason)?;
        map.end()
    }
}

/// Metrics that the file does not have are undefined; metrics that squall does not know are ignored.
impl<'de> Deserialize<'de> for Metrics {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Stored {
            rows: u64,
            positives: u64,
            #[serde(default)]
            reason: Option<String>,
            #[serde(flatten)]
            values: BTreeMap<String, Value>,
        }
        let Stored { rows, positives, reason, values } = Stored::deserialize(deserializer)?;
        let value = |metric: &&Metric| values.get(metric.name).and_then(Value::as_f64);
        Ok(Metrics { rows, positives, values: METRICS.iter().map(value).collect(), reason })
    }
}

/// A model's metrics on one split.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SplitMetrics {
    pub split: Split,
    #[serde(flatten)]
    pub metrics: Metrics,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{AVERAGE_PRECISION, Better, LOG_LOSS, METRICS, Metrics, PREVALENCE, Sample, THRESHOLD};

    #[test]
    fn names_are_unique_and_fit_beside_the_other_columns() {
        let mut names: BTreeSet<&str> = ["model", "version", "role", "split", "rows", "positives", "reason"].into();
        for metric in METRICS {
            assert!(names.insert(metric.name), "{} is taken", metric.name);
        }
    }

    #[test]
    fn only_what_measures_no_quality_is_known_without_positives() {
        let metrics = Metrics::measure(&Sample::new(&[false, false], &[0.1, 0.2], Some(0.5), true));
        for (metric, value) in metrics.iter() {
            assert_eq!(value.is_some(), metric.better == Better::Neither, "{}", metric.name);
        }
        assert_eq!(metrics.reason.as_deref(), Some("no row is positive"));
    }

    #[test]
    fn each_missing_metric_has_a_reason() {
        let reason = |labels: &[bool], scores: &[f64], threshold, probability| {
            Metrics::measure(&Sample::new(labels, scores, threshold, probability)).reason
        };
        assert_eq!(reason(&[], &[], None, true).as_deref(), Some("no rows"));
        assert_eq!(reason(&[true, true], &[0.1, 0.2], Some(0.1), true).as_deref(), Some("every row is positive"));
        let nan = reason(&[true, false], &[f64::NAN, 0.2], Some(0.1), true);
        assert_eq!(nan.as_deref(), Some("a label or a score is NaN"));
        let labels = [true, false];
        let text = reason(&labels, &[0.9, 0.2], None, true);
        assert_eq!(text.as_deref(), Some("no threshold"));
        assert_eq!(reason(&labels, &[9.0, 2.0], Some(3.0), false).as_deref(), Some("the score is not a probability"));
        assert_eq!(reason(&labels, &[0.9, 0.2], Some(0.95), true).as_deref(), Some("no row reaches the threshold"));
        assert_eq!(reason(&labels, &[0.9, 0.2], Some(0.5), true), None);
    }

    #[test]
    fn the_best_is_told_of_two_or_more() {
        assert_eq!(Better::Higher.best([Some(0.1), None, Some(0.3)]), Some(0.3));
        assert_eq!(Better::Lower.best([Some(0.1), Some(0.3)]), Some(0.1));
        assert_eq!(Better::Lower.best([Some(0.1), None]), None);
        assert_eq!(Better::Neither.best([Some(0.1), Some(0.3)]), None);
    }

    #[test]
    fn metrics_come_back_from_their_text_and_from_an_older_one() {
        let metrics = Metrics::measure(&Sample::new(&[true, false, true], &[0.9, 0.2, 0.4], Some(0.5), true));
        let text = serde_json::to_string(&metrics).unwrap();
        assert!(text.starts_with("{\"rows\":3,\"positives\":2,\"prevalence\":"), "{text}");
        assert_eq!(serde_json::from_str::<Metrics>(&text).unwrap(), metrics);
        let other = "{\"rows\": 3, \"positives\": 2, \"prevalence\": 0.5, \"retired\": [1], \"threshold\": null}";
        let read: Metrics = serde_json::from_str(other).unwrap();
        assert_eq!((read.get(&PREVALENCE), read.get(&THRESHOLD), read.get(&LOG_LOSS)), (Some(0.5), None, None));
        assert_eq!(read.get(&AVERAGE_PRECISION), None);
    }
}
