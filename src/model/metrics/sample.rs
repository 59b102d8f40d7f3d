//! The labelled rows from which metrics are computed, and intermediate results that several metrics share.

use std::cell::OnceCell;

use crate::model::confusion::Confusion;
use crate::model::ranking::Ranked;

/// Labels and scores, and facts about the model that gave the scores.
#[derive(Debug)]
pub struct Sample<'a> {
    pub labels: &'a [bool],
    pub scores: &'a [f64],
    /// Rows with at least this score are called positive.
    pub threshold: Option<f64>,
    /// Whether the scores are probabilities.
    pub probability: bool,
    positives: u64,
    ranked: OnceCell<Option<Ranked>>,
    confusion: OnceCell<Option<Confusion>>,
}

impl<'a> Sample<'a> {
    /// Makes a sample. For a row whose label is unknown, pass NaN as its score.
    ///
    /// # Panics
    /// When the slices differ in length.
    pub fn new(labels: &'a [bool], scores: &'a [f64], threshold: Option<f64>, probability: bool) -> Sample<'a> {
        assert_eq!(labels.len(), scores.len(), "a row is a label and a score");
        let positives = labels.iter().filter(|&&label| label).count() as u64;
        let (ranked, confusion) = (OnceCell::new(), OnceCell::new());
        Sample { labels, scores, threshold, probability, positives, ranked, confusion }
    }

    /// Returns the number of rows.
    pub fn rows(&self) -> u64 {
        self.labels.len() as u64
    }

    /// Returns the number of positive rows.
    pub fn positives(&self) -> u64 {
        self.positives
    }

    /// Returns whether no score is NaN.
    pub fn is_known(&self) -> bool {
        self.ranked().is_some()
    }

    /// Returns the rows ranked by score; `None` if a score is NaN.
    pub fn ranked(&self) -> Option<&Ranked> {
        self.ranked.get_or_init(|| Ranked::new(self.labels, self.scores)).as_ref()
    }

    /// Returns right and wrong calls at the threshold; `None` if there is no threshold or a score is NaN.
    pub fn confusion(&self) -> Option<&Confusion> {
        let count = || {
            let threshold = self.threshold.filter(|_| self.is_known())?;
            let mut confusion = Confusion::default();
            for (&label, &score) in self.labels.iter().zip(self.scores) {
                confusion.add(label, score >= threshold);
            }
            Some(confusion)
        };
        self.confusion.get_or_init(count).as_ref()
    }
}
