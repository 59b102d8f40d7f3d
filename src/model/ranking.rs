//! How well scores rank positives above negatives.
//!
//! In: labels and scores. Out: [`Ranked`], the running counts at each distinct score, and the figures that follow from them.
//! Counts are integers, so every result has the same bits in any order of the rows. Definitions are those of scikit-learn
//! 1.9.1 (`precision_recall_curve`, `average_precision_score`, `roc_curve`, `roc_auc_score`). Rows with equal scores form
//! one step.

use super::confusion::Confusion;

/// Running counts over rows in order of falling score.
#[derive(Debug, Clone)]
pub struct Ranked {
    steps: Vec<Step>,
    positives: u64,
    negatives: u64,
}

/// All rows whose score is at least `threshold`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    pub threshold: f64,
    pub true_positives: u64,
    pub false_positives: u64,
}

impl Ranked {
    /// Sorts rows by score; `None` if a score is NaN, because NaN cannot be ranked.
    ///
    /// # Panics
    /// When the slices differ in length.
    pub fn new(labels: &[bool], scores: &[f64]) -> Option<Ranked> {
        assert_eq!(labels.len(), scores.len(), "a row is a label and a score");
        if scores.iter().any(|score| score.is_nan()) {
            return None;
        }
        // Adding 0.0 turns -0.0 into 0.0, so that both are the same score.
        let mut rows: Vec<(f64, bool)> = scores.iter().map(|score| score + 0.0).zip(labels.iter().copied()).collect();
        rows.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
        let mut steps: Vec<Step> = Vec::new();
        let (mut positives, mut negatives) = (0, 0);
        for (score, label) in rows {
            if label {
                positives += 1;
            } else {
                negatives += 1;
            }
            let step = Step { threshold: score, true_positives: positives, false_positives: negatives };
            match steps.last_mut() {
                Some(last) if last.threshold == score => *last = step,
                _ => steps.push(step),
            }
        }
        Some(Ranked { steps, positives, negatives })
    }

    /// Returns one step per distinct score, by falling score.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Returns the number of positive rows.
    pub fn positives(&self) -> u64 {
        self.positives
    }

    /// Returns the number of negative rows.
    pub fn negatives(&self) -> u64 {
        self.negatives
    }

    /// Returns the step's share of true positives among its rows, in [0, 1].
    pub fn precision(&self, step: &Step) -> f64 {
        step.true_positives as f64 / (step.true_positives + step.false_positives) as f64
    }

    /// Returns the area under the precision-recall curve, in [0, 1]; `None` if no row is positive.
    ///
    /// It is the sum of precision times the gain in recall, without interpolation, as in scikit-learn.
    pub fn average_precision(&self) -> Option<f64> {
        if self.positives == 0 {
            return None;
        }
        let mut sum = 0.0;
        let mut before = 0;
        for step in &self.steps {
            sum += (step.true_positives - before) as f64 * self.precision(step);
            before = step.true_positives;
        }
        Some(sum / self.positives as f64)
    }

    /// Returns the probability that a positive outranks a negative, ties counting half; `None` unless both classes occur.
    pub fn roc_auc(&self) -> Option<f64> {
        if self.positives == 0 || self.negatives == 0 {
            return None;
        }
        // Twice the area, in units of one positive by one negative; as an integer it is exact.
        let mut doubled: u128 = 0;
        let (mut positives, mut negatives) = (0, 0);
        for step in &self.steps {
            let width = u128::from(step.false_positives - negatives);
            doubled += width * u128::from(positives + step.true_positives);
            (positives, negatives) = (step.true_positives, step.false_positives);
        }
        Some(doubled as f64 / (2.0 * self.positives as f64 * self.negatives as f64))
    }

    /// Returns the threshold with the highest F1; if several scores share it, the highest of these. `None` if no row is
    /// positive.
    pub fn best_f1_threshold(&self) -> Option<f64> {
        let mut best: Option<(f64, f64)> = None;
        for step in &self.steps {
            let f1 = self.confusion(step).f1()?;
            if best.is_none_or(|(highest, _)| f1 > highest) {
                best = Some((f1, step.threshold));
            }
        }
        best.map(|(_, threshold)| threshold)
    }

    /// Returns the four counts when the step's rows are called positive.
    pub fn confusion(&self, step: &Step) -> Confusion {
        Confusion {
            true_positives: step.true_positives,
            false_positives: step.false_positives,
            false_negatives: self.positives - step.true_positives,
            true_negatives: self.negatives - step.false_positives,
        }
    }
}
