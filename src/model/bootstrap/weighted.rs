//! Metrics of rows with weights: the weight of a row is that of its cell, the number of times that a resample holds it.

use crate::model::confusion::Confusion;
use crate::model::fixed_sum::FixedSum;
use crate::model::metrics::Sample;
use crate::model::probability::{brier_term, is_probability, log_loss_term};

/// Rows in order of falling score.
#[derive(Debug)]
pub struct Ranking(Vec<Row>);

#[derive(Debug, Clone, Copy)]
struct Row {
    cell: u32,
    label: bool,
    /// Whether the next row has another score.
    ends_step: bool,
}

impl Ranking {
    /// Sorts rows by score; no score is NaN.
    pub fn new(labels: &[bool], scores: &[f64], cells: &[u32]) -> Ranking {
        // Adding 0.0 turns -0.0 into 0.0, so that both are the same score.
        let mut rows: Vec<(f64, Row)> = scores
            .iter()
            .zip(labels.iter().zip(cells))
            .map(|(score, (&label, &cell))| (score + 0.0, Row { cell, label, ends_step: true }))
            .collect();
        rows.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
        for index in 1..rows.len() {
            rows[index - 1].1.ends_step = rows[index - 1].0 != rows[index].0;
        }
        Ranking(rows.into_iter().map(|(_, row)| row).collect())
    }

    /// Returns the area under the precision-recall curve; `None` if no row is positive.
    pub fn average_precision(&self, weights: &[u32]) -> Option<f64> {
        let (mut positives, mut all, mut before) = (0_u64, 0_u64, 0_u64);
        let mut sum = 0.0;
        for row in &self.0 {
            let weight = u64::from(weights[row.cell as usize]);
            all += weight;
            positives += weight * u64::from(row.label);
            if row.ends_step && positives > before {
                sum += (positives - before) as f64 * (positives as f64 / all as f64);
                before = positives;
            }
        }
        (positives > 0).then(|| sum / positives as f64)
    }

    /// Returns the probability that a positive outranks a negative, ties counting half; `None` unless both classes occur.
    pub fn roc_auc(&self, weights: &[u32]) -> Option<f64> {
        let (mut positives, mut negatives) = (0_u64, 0_u64);
        let (mut positives_before, mut negatives_before) = (0_u64, 0_u64);
        let mut doubled = 0_u128;
        for row in &self.0 {
            let weight = u64::from(weights[row.cell as usize]);
            positives += weight * u64::from(row.label);
            negatives += weight * u64::from(!row.label);
            if row.ends_step {
                doubled += u128::from(negatives - negatives_before) * u128::from(positives_before + positives);
                (positives_before, negatives_before) = (positives, negatives);
            }
        }
        (positives > 0 && negatives > 0).then(|| doubled as f64 / (2.0 * positives as f64 * negatives as f64))
    }
}

/// A sample whose metrics can be computed for any weights of its cells.
#[derive(Debug)]
pub struct Weighed {
    ranking: Ranking,
    /// For each cell the right and wrong calls at the threshold; `None` if there is no threshold.
    calls: Option<Vec<Confusion>>,
    /// For each cell the log loss and the squared error; `None` if the scores are not probabilities.
    losses: Option<Vec<(FixedSum, FixedSum)>>,
}

/// One resample, from which metrics are computed; it has a positive row.
#[derive(Debug)]
pub struct Resample<'a> {
    weighed: &'a Weighed,
    weights: &'a [u32],
    pub average_precision: f64,
    /// Right and wrong calls at the threshold.
    pub confusion: Option<Confusion>,
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

    /// Returns one resample; `None` if it has no positive row.
    pub fn resample<'a>(&'a self, weights: &'a [u32]) -> Option<Resample<'a>> {
        let average_precision = self.ranking.average_precision(weights)?;
        let confusion = self.calls.as_ref().map(|cells| {
            let mut sum = Confusion::default();
            for (cell, &weight) in cells.iter().zip(weights) {
                let weight = u64::from(weight);
                sum.true_positives += weight * cell.true_positives;
                sum.false_positives += weight * cell.false_positives;
                sum.false_negatives += weight * cell.false_negatives;
                sum.true_negatives += weight * cell.true_negatives;
            }
            sum
        });
        Some(Resample { weighed: self, weights, average_precision, confusion })
    }
}

impl Resample<'_> {
    /// Returns the area under the ROC curve; `None` unless both classes occur.
    pub fn roc_auc(&self) -> Option<f64> {
        self.weighed.ranking.roc_auc(self.weights)
    }

    /// Returns the mean log loss, in nats a row; `None` if the scores are not probabilities.
    pub fn log_loss(&self) -> Option<f64> {
        self.mean(|(log_loss, _)| log_loss)
    }

    /// Returns the mean squared error; `None` if the scores are not probabilities.
    pub fn brier(&self) -> Option<f64> {
        self.mean(|(_, brier)| brier)
    }

    fn mean(&self, loss: fn(&(FixedSum, FixedSum)) -> &FixedSum) -> Option<f64> {
        let mut sum = FixedSum::default();
        for (cell, &weight) in self.weighed.losses.as_ref()?.iter().zip(self.weights) {
            let cell = loss(cell);
            sum.merge(FixedSum { units: cell.units * i128::from(weight), terms: cell.terms * u64::from(weight) });
        }
        sum.mean()
    }
}
