//! Metrics of rows with weights: the weight of a row is that of its cell, the number of times that a resample holds it.

use super::ranking::{LANES, Ranking, Weights};
use crate::model::confusion::Confusion;
use crate::model::fixed_sum::FixedSum;
use crate::model::metrics::Sample;
use crate::model::probability::{brier_term, is_probability, log_loss_term};

/// A sample whose metrics can be computed for any weights of its cells.
#[derive(Debug)]
pub struct Weighed {
    ranking: Ranking,
    /// For each cell the right and wrong calls at the threshold; `None` if there is no threshold.
    calls: Option<Vec<Confusion>>,
    /// For each cell the log loss and the squared error; `None` if the scores are not probabilities.
    losses: Option<Vec<(FixedSum, FixedSum)>>,
}

/// What the metrics of one resample are computed from; it has a positive row.
#[derive(Debug, Clone, Copy)]
pub struct Resample {
    pub average_precision: f64,
    /// The area under the ROC curve; `None` unless both classes occur.
    pub roc_auc: Option<f64>,
    /// Right and wrong calls at the threshold.
    pub confusion: Option<Confusion>,
    /// The mean log loss, in nats a row; `None` if the scores are not probabilities.
    pub log_loss: Option<f64>,
    /// The mean squared error; `None` if the scores are not probabilities.
    pub brier: Option<f64>,
}

impl Weighed {
    /// Sums what can be summed in each cell; no score of the sample is NaN.
    pub fn new(sample: &Sample, cells: &[u32], count: usize) -> Weighed {
        let rows = || cells.iter().zip(sample.labels.iter().zip(sample.scores));
        let calls = sample.threshold.map(|threshold| {
            let mut calls = vec![Confusion::default(); count];
            rows().for_each(|(&cell, (&label, &score))| calls[cell as usize].add(label, score >= threshold));
            calls
        });
        let probability = sample.probability && sample.scores.iter().copied().all(is_probability);
        let losses = probability.then(|| {
            let mut losses = vec![(FixedSum::default(), FixedSum::default()); count];
            for (&cell, (&label, &score)) in rows() {
                let (log_loss, brier) = &mut losses[cell as usize];
                log_loss.add(log_loss_term(label, score));
                brier.add(brier_term(label, score));
            }
            losses
        });
        Weighed { ranking: Ranking::new(sample.labels, sample.scores, cells), calls, losses }
    }

    /// Returns the resamples; `None` for one that has no positive row.
    pub fn resamples(&self, weights: &[Weights]) -> [Option<Resample>; LANES] {
        let mut calls = [Confusion::default(); LANES];
        for (cell, weights) in self.calls.iter().flatten().zip(weights) {
            for (sum, &weight) in calls.iter_mut().zip(weights) {
                let weight = u64::from(weight);
                sum.true_positives += weight * cell.true_positives;
                sum.false_positives += weight * cell.false_positives;
                sum.false_negatives += weight * cell.false_negatives;
                sum.true_negatives += weight * cell.true_negatives;
            }
        }
        let mut losses = [(FixedSum::default(), FixedSum::default()); LANES];
        for ((log_loss, brier), weights) in self.losses.iter().flatten().zip(weights) {
            for (sums, &weight) in losses.iter_mut().zip(weights) {
                sums.0.merge(log_loss.times(weight));
                sums.1.merge(brier.times(weight));
            }
        }
        let areas = self.ranking.areas(weights);
        let known = self.losses.is_some();
        std::array::from_fn(|lane| {
            Some(Resample {
                average_precision: areas[lane].average_precision?,
                roc_auc: areas[lane].roc_auc,
                confusion: self.calls.is_some().then_some(calls[lane]),
                log_loss: losses[lane].0.mean().filter(|_| known),
                brier: losses[lane].1.mean().filter(|_| known),
            })
        })
    }
}
