//! Calibration with intervals: how far the share of positives in each bin of scores can be trusted.
//!
//! In: labels, scores that are probabilities, and times of rows. Out: the bins of `calibration_curve`, each with the interval of its
//! share of positives, and the expected calibration error (Naeini et al. 2015, doi:10.1609/aaai.v29i1.9602), the mean distance
//! between score and share, weighted by rows. An interval by rows alone would take neighbouring rows for independent ones; here
//! blocks of time are drawn.

use std::collections::BTreeMap;

use super::ranking::{LANES, Weights};
use super::{Blocks, Interval, Settings};
use crate::model::fixed_sum::FixedSum;
use crate::model::probability::{Bin, is_probability};

/// The bins of scores, and the error of all of them together.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    /// The bins that hold rows, by rising score.
    pub bins: Vec<CalibrationBin>,
    /// The expected calibration error, in [0, 1].
    pub error: f64,
    pub error_interval: Option<Interval>,
    /// The number of resamples; those without a positive row count too.
    pub resamples: usize,
    /// Says why intervals are missing; `None` if they are there.
    pub reason: Option<&'static str>,
}

/// A bin with the interval of its share of positives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CalibrationBin {
    pub bin: Bin,
    /// `None` if it is not known, also if most resamples hold no row of the bin.
    pub interval: Option<Interval>,
}

/// What the rows of a bin add up to.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Sums {
    scores: FixedSum,
    positives: u64,
}

impl Sums {
    fn add(&mut self, label: bool, score: f64) {
        self.scores.add(score);
        self.positives += u64::from(label);
    }

    fn add_times(&mut self, other: &Sums, weight: u32) {
        self.scores.merge(other.scores.times(weight));
        self.positives += other.positives * u64::from(weight);
    }

    fn rows(&self) -> u64 {
        self.scores.terms
    }

    /// Returns the share of positives; `None` without rows.
    fn share(&self) -> Option<f64> {
        (self.rows() > 0).then(|| self.positives as f64 / self.rows() as f64)
    }
}

/// Returns the expected calibration error; `None` without rows.
fn error<'a>(bins: impl Iterator<Item = &'a Sums>) -> Option<f64> {
    let (mut distance, mut rows) = (0.0, 0);
    for sums in bins {
        let (Some(mean), Some(share)) = (sums.scores.mean(), sums.share()) else { continue };
        distance += (mean - share).abs() * sums.rows() as f64;
        rows += sums.rows();
    }
    (rows > 0).then(|| distance / rows as f64)
}

/// Takes out of resampled errors by how much they exceed the error on average. Distances are never negative, so chance alone makes them
/// larger, and resamples have more of it than the rows: their middle lies above the error (Efron and Tibshirani 1993, chapter 10).
fn around(error: f64, mut resampled: Vec<f64>) -> Vec<f64> {
    let bias = resampled.iter().sum::<f64>() / resampled.len() as f64 - error;
    resampled.iter_mut().for_each(|value| *value = (*value - bias).clamp(0.0, 1.0));
    resampled
}

impl Calibration {
    /// Puts scores into `bins` bins of equal width and resamples blocks of time; `None` if there are no rows or a score is outside
    /// [0, 1]. A score on an edge belongs to the lower bin, as in scikit-learn.
    ///
    /// # Panics
    /// When the slices differ in length.
    pub fn measure(
        labels: &[bool],
        scores: &[f64],
        times: &[i64],
        bins: usize,
        settings: &Settings,
    ) -> Option<Calibration> {
        assert!(labels.len() == scores.len() && labels.len() == times.len(), "a row has a label, a score and a time");
        if scores.is_empty() || !scores.iter().copied().all(is_probability) {
            return None;
        }
        // As in `calibration`: NumPy's linspace multiplies.
        let edges: Vec<f64> = (1..bins).map(|edge| edge as f64 * (1.0 / bins as f64)).collect();
        let places: Vec<usize> = scores.iter().map(|score| edges.partition_point(|edge| edge < score)).collect();
        let mut filled: BTreeMap<usize, Sums> = BTreeMap::new();
        for (row, place) in places.iter().enumerate() {
            filled.entry(*place).or_default().add(labels[row], scores[row]);
        }
        let numbers: BTreeMap<usize, usize> =
            filled.keys().enumerate().map(|(number, place)| (*place, number)).collect();
        let totals: Vec<Sums> = filled.into_values().collect();

        let blocks = Blocks::new(times, settings.block_s);
        let mut shares: Vec<Vec<f64>> = vec![Vec::new(); totals.len()];
        let mut errors = Vec::new();
        if let Ok(blocks) = &blocks {
            // What the rows of a cell and a bin add up to: a resample weighs these, however many rows there are.
            let mut cells: BTreeMap<(u32, usize), Sums> = BTreeMap::new();
            for (row, place) in places.iter().enumerate() {
                cells.entry((blocks.cells[row], numbers[place])).or_default().add(labels[row], scores[row]);
            }
            let cells: Vec<((u32, usize), Sums)> = cells.into_iter().collect();
            let weighed = |weights: &[Weights]| -> [Vec<Sums>; LANES] {
                let mut sums: [Vec<Sums>; LANES] = std::array::from_fn(|_| vec![Sums::default(); totals.len()]);
                for ((cell, bin), cell_sums) in &cells {
                    for (sums, &weight) in sums.iter_mut().zip(&weights[*cell as usize]) {
                        sums[*bin].add_times(cell_sums, weight);
                    }
                }
                sums
            };
            for sums in blocks.resample(settings, weighed) {
                shares.iter_mut().zip(&sums).for_each(|(all, sums)| all.extend(sums.share()));
                errors.extend(error(sums.iter()));
            }
        }
        let interval =
            |values: Vec<f64>| if 2 * values.len() > settings.resamples { Interval::of(values) } else { None };
        let bin = |(sums, shares): (&Sums, Vec<f64>)| {
            let bin = Bin { rows: sums.rows(), mean_score: sums.scores.mean()?, positive_rate: sums.share()? };
            Some(CalibrationBin { bin, interval: interval(shares) })
        };
        let error = error(totals.iter())?;
        Some(Calibration {
            error,
            error_interval: interval(around(error, errors))
                .map(|found| Interval { low: found.low.min(error), high: found.high.max(error) }),
            bins: totals.iter().zip(shares).filter_map(bin).collect(),
            resamples: if blocks.is_ok() { settings.resamples } else { 0 },
            reason: blocks.err(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Calibration;
    use crate::model::bootstrap::Settings;
    use crate::model::probability::{Binning, calibration};

    const SECOND: i64 = 1_000_000_000;
    const SETTINGS: Settings = Settings { block_s: 600, resamples: 500, seed: 3 };

    /// A row a second for ten hours. The score is 0.25 or 0.75; of the first kind, every second run of ten minutes is positive.
    fn rows() -> (Vec<bool>, Vec<f64>, Vec<i64>) {
        let times: Vec<i64> = (0..36_000).map(|second| second * SECOND).collect();
        let scores = (0..36_000).map(|second| if second % 7 == 0 { 0.75 } else { 0.25 }).collect();
        let labels = (0..36_000).map(|second| second / 600 % 2 == 0).collect();
        (labels, scores, times)
    }

    #[test]
    fn the_bins_are_those_of_the_curve_and_the_error_is_their_mean_distance() {
        let (labels, scores, times) = rows();
        let found = Calibration::measure(&labels, &scores, &times, 10, &SETTINGS).unwrap();
        let curve = calibration(&labels, &scores, 10, Binning::Uniform).unwrap();
        assert_eq!(found.bins.iter().map(|bin| bin.bin).collect::<Vec<_>>(), curve);
        let by_hand: f64 =
            curve.iter().map(|bin| (bin.mean_score - bin.positive_rate).abs() * bin.rows as f64 / 36_000.0).sum();
        assert!((found.error - by_hand).abs() < 1e-15 && (found.error - 0.25).abs() < 1e-3, "{}", found.error);
        assert_eq!((found.resamples, found.reason), (500, None));
    }

    /// Wilson's interval of 30,857 rows would be 0.011 wide. There are only sixty independent stretches.
    #[test]
    fn an_interval_knows_that_neighbours_resemble_each_other() {
        let (labels, scores, times) = rows();
        let found = Calibration::measure(&labels, &scores, &times, 10, &SETTINGS).unwrap();
        let interval = found.bins[0].interval.unwrap();
        assert!(interval.low < 0.45 && interval.high > 0.55, "{interval:?}");
        assert!(interval.high - interval.low > 0.1, "{interval:?}");
    }

    /// Probabilities that are nearly perfect: every resample is further off than the rows are.
    #[test]
    fn the_interval_of_the_error_holds_the_error() {
        let times: Vec<i64> = (0..7_200).map(|second| second * SECOND).collect();
        let scores: Vec<f64> = (0..7_200).map(|second| f64::from(second % 10) / 10.0 + 0.05).collect();
        let labels: Vec<bool> = (0..7_200_u64)
            .map(|second| second.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32)
            .zip(&scores)
            .map(|(draw, score)| ((draw % 1_000) as f64) < score * 1_000.0)
            .collect();
        let settings = Settings { block_s: 60, ..SETTINGS };
        let found = Calibration::measure(&labels, &scores, &times, 10, &settings).unwrap();
        let interval = found.error_interval.unwrap();
        assert!(interval.low <= found.error && found.error <= interval.high, "{} in {interval:?}", found.error);
    }

    #[test]
    fn the_order_of_rows_changes_no_bit() {
        let (labels, scores, times) = rows();
        let turned = |order: &dyn Fn(usize) -> usize| {
            let pick = |row: usize| order(row);
            let labels: Vec<bool> = (0..36_000).map(|row| labels[pick(row)]).collect();
            let scores: Vec<f64> = (0..36_000).map(|row| scores[pick(row)]).collect();
            let times: Vec<i64> = (0..36_000).map(|row| times[pick(row)]).collect();
            Calibration::measure(&labels, &scores, &times, 10, &SETTINGS).unwrap()
        };
        assert_eq!(turned(&|row| row), turned(&|row| row * 7_919 % 36_000));
    }

    #[test]
    fn what_is_not_known_says_so() {
        assert_eq!(Calibration::measure(&[], &[], &[], 10, &SETTINGS), None);
        assert_eq!(Calibration::measure(&[true], &[1.5], &[0], 10, &SETTINGS), None);
        let one = Calibration::measure(&[true], &[0.5], &[0], 10, &SETTINGS).unwrap();
        assert_eq!(one.reason, Some("the rows span less than two blocks of time"));
        assert_eq!((one.error, one.error_interval, one.bins[0].interval), (0.5, None, None));
    }
}
