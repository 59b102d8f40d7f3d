//! The three parts of a training set, and how a model does on each.

use serde::{Deserialize, Serialize};

use super::confusion::Confusion;
use super::probability::{brier_term, log_loss_term, mean_loss};
use super::ranking::Ranked;

/// Which rows fit the model, which tune its threshold, and which judge it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    Train,
    Validation,
    Test,
}

impl Split {
    pub const ALL: [Split; 3] = [Split::Train, Split::Validation, Split::Test];

    /// Returns the name that a split column holds.
    pub fn as_str(self) -> &'static str {
        match self {
            Split::Train => "train",
            Split::Validation => "validation",
            Split::Test => "test",
        }
    }

    /// Reads a split column's value.
    pub fn parse(text: &str) -> Option<Split> {
        Split::ALL.into_iter().find(|split| split.as_str() == text)
    }
}

/// A model's metrics on one split; `None` is undefined, and `reason` says why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    pub split: Split,
    pub rows: u64,
    pub positives: u64,
    pub prevalence: Option<f64>,
    pub average_precision: Option<f64>,
    pub roc_auc: Option<f64>,
    pub log_loss: Option<f64>,
    pub brier: Option<f64>,
    /// Rows that score at least this are called positive.
    pub threshold: Option<f64>,
    pub precision: Option<f64>,
    pub recall: Option<f64>,
    pub f1: Option<f64>,
    pub reason: Option<String>,
}

impl Metrics {
    /// Measures scores on the rows of one split.
    ///
    /// `probability` says whether scores can be read as probabilities; without that, log loss and Brier score mean nothing.
    /// Where no row is positive every measure of quality is undefined: a low loss would be no merit there.
    pub fn measure(
        split: Split,
        labels: &[bool],
        scores: &[f64],
        threshold: Option<f64>,
        probability: bool,
    ) -> Metrics {
        let rows = labels.len() as u64;
        let positives = labels.iter().filter(|&&label| label).count() as u64;
        let mut metrics = Metrics {
            split,
            rows,
            positives,
            prevalence: (rows > 0).then(|| positives as f64 / rows as f64),
            average_precision: None,
            roc_auc: None,
            log_loss: None,
            brier: None,
            threshold,
            precision: None,
            recall: None,
            f1: None,
            reason: None,
        };
        if positives == 0 {
            let reason = if rows == 0 { "no rows" } else { "no row is positive" };
            metrics.reason = Some(reason.into());
            return metrics;
        }
        let ranked = Ranked::new(labels, scores);
        metrics.average_precision = ranked.as_ref().and_then(Ranked::average_precision);
        metrics.roc_auc = ranked.as_ref().and_then(Ranked::roc_auc);
        if probability {
            metrics.log_loss = mean_loss(labels, scores, log_loss_term);
            metrics.brier = mean_loss(labels, scores, brier_term);
        }
        if let Some(threshold) = threshold {
            let mut confusion = Confusion::default();
            for (&label, &score) in labels.iter().zip(scores) {
                confusion.add(label, score >= threshold);
            }
            metrics.precision = confusion.precision();
            metrics.recall = confusion.recall();
            metrics.f1 = confusion.f1();
        }
        metrics.reason = if positives == rows {
            Some("every row is positive".into())
        } else if threshold.is_none() {
            Some("no threshold: no validation row is positive".into())
        } else if !probability {
            Some("the score is no probability".into())
        } else if metrics.precision.is_none() {
            Some("no row reaches the threshold".into())
        } else {
            None
        };
        metrics
    }
}
