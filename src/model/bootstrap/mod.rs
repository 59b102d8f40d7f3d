//! Intervals of metrics by the moving-block bootstrap over time (Künsch 1989, doi:10.1214/aos/1176347265).
//!
//! In: labels, scores and times of rows. Out: 95 % intervals of metrics, and of the difference of two scores on the same
//! resamples.
//!
//! Neighbouring rows share most of their windows, so rows are not independent, but spans of time far longer than a window
//! nearly are. A resample therefore draws blocks of time, each with the rows of every product in it, until it has as much time as
//! there is. A block may begin at every fiftieth of its length. Gaps longer than a block are taken out of the time.
//!
//! A resample is a weight for each of these fiftieths ([`Blocks`]), and the metrics of several resamples are computed in one pass over
//! rows that are sorted only once ([`ranking`], [`weighted`]). Counts are integers and every resample has a seed of its own, so the result has the same
//! bits for any order of the rows and any number of threads.

mod binned;
mod ranking;
mod weighted;

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use super::metrics::{METRICS, Sample};
use super::probability::quantile_sorted;
use super::ranking::Ranked;
use super::stripes::each;
pub use binned::{Calibration, CalibrationBin};
use ranking::{LANES, Ranking, Weights};
pub use weighted::Resample;
use weighted::Weighed;

/// A block may begin at every such part of its length.
const CELLS_PER_BLOCK: u64 = 50;

/// With less time than this many blocks, resamples hardly differ.
const LEAST_BLOCKS: u64 = 2;

/// The most blocks. A resample holds a weight for each of their parts, and several resamples are drawn at once.
const MOST_BLOCKS: u64 = 100_000;

/// Why rows cannot be cut into blocks.
const TOO_SHORT: &str = "the rows span less than two blocks of time";
pub const TOO_LONG: &str = "the rows span more than 100000 blocks of time: take a longer block_s";

/// The share of resamples that lie between the ends of an interval.
const COVERED: f64 = 0.95;

/// How resamples are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// The length of a block, in seconds.
    pub block_s: u64,
    /// The number of resamples.
    pub resamples: usize,
    pub seed: u64,
}

impl Settings {
    /// The length of a block by default: ten minutes.
    pub const BLOCK_S: u64 = 600;
    /// The number of resamples by default.
    pub const RESAMPLES: usize = 1000;
    /// The longest block: more than 30 years.
    pub const LONGEST_BLOCK_S: u64 = 1_000_000_000;

    /// Returns the settings for labels that look `horizon_ns` ahead: blocks of ten horizons, and of ten minutes at least.
    pub fn for_horizon(horizon_ns: i64) -> Settings {
        let ten = u64::try_from(horizon_ns).unwrap_or(0).div_ceil(100_000_000);
        Settings { block_s: ten.clamp(Settings::BLOCK_S, Settings::LONGEST_BLOCK_S), ..Settings::default() }
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { block_s: Settings::BLOCK_S, resamples: Settings::RESAMPLES, seed: 0 }
    }
}

/// The middle 95 % of the resamples' values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    pub low: f64,
    pub high: f64,
}

impl Interval {
    /// Returns the interval of some values, by percentiles as `numpy.percentile` computes them; `None` if there are none.
    fn of(mut values: Vec<f64>) -> Option<Interval> {
        if values.is_empty() {
            return None;
        }
        values.sort_unstable_by(f64::total_cmp);
        let outside = (1.0 - COVERED) / 2.0;
        Some(Interval { low: quantile_sorted(&values, outside), high: quantile_sorted(&values, 1.0 - outside) })
    }
}

/// The places of rows in time: each row lies in a cell, a fiftieth of a block.
#[derive(Debug, Clone)]
struct Blocks {
    /// The cell of each row.
    cells: Vec<u32>,
    /// The number of cells.
    count: usize,
}

impl Blocks {
    /// Places rows.
    ///
    /// # Errors
    /// The rows span too little or too much time.
    fn new(times: &[i64], block_s: u64) -> Result<Blocks, &'static str> {
        let first = *times.iter().min().ok_or(TOO_SHORT)?;
        let cell_ns = block_s * (1_000_000_000 / CELLS_PER_BLOCK);
        // No time is before the first, so that the difference fits into 64 bits without a sign.
        let cells: Vec<u64> = times.iter().map(|time| time.wrapping_sub(first) as u64 / cell_ns).collect();
        let mut used = cells.clone();
        used.sort_unstable();
        used.dedup();
        // The cells after gaps have moved together.
        let mut moved = Vec::with_capacity(used.len());
        let mut next = 0;
        for (index, cell) in used.iter().enumerate() {
            if index > 0 {
                let step = cell - used[index - 1];
                next += if step > CELLS_PER_BLOCK { 1 } else { step };
            }
            if next >= MOST_BLOCKS * CELLS_PER_BLOCK {
                return Err(TOO_LONG);
            }
            moved.push(next as u32);
        }
        let count = next + 1;
        if count < LEAST_BLOCKS * CELLS_PER_BLOCK {
            return Err(TOO_SHORT);
        }
        let place = |cell: &u64| moved[used.partition_point(|known| known < cell)];
        Ok(Blocks { cells: cells.iter().map(place).collect(), count: count as usize })
    }

    /// Draws resamples: how often each cell is in each of them.
    fn draw(&self, seeds: &[u64]) -> Vec<Weights> {
        let length = CELLS_PER_BLOCK as usize;
        let starts = self.count - length + 1;
        // First what each cell changes against the one before it, then the sums of the changes.
        let mut weights = vec![[0_u32; LANES]; self.count + 1];
        for (lane, &seed) in seeds.iter().enumerate() {
            let mut random = Pcg64::seed_from_u64(seed);
            let mut left = self.count;
            while left > 0 {
                let start = random.random_range(0..starts as u64) as usize;
                let taken = length.min(left);
                let (begin, end) = (&mut weights[start][lane], start + taken);
                *begin = begin.wrapping_add(1);
                weights[end][lane] = weights[end][lane].wrapping_sub(1);
                left -= taken;
            }
        }
        weights.pop();
        let mut sums = [0_u32; LANES];
        for weights in &mut weights {
            for lane in 0..LANES {
                sums[lane] = sums[lane].wrapping_add(weights[lane]);
            }
            *weights = sums;
        }
        weights
    }

    /// Computes a statistic of every resample, in the order of the resamples; the statistic takes several at once.
    fn resample<T: Send>(&self, settings: &Settings, statistic: impl Fn(&[Weights]) -> [T; LANES] + Sync) -> Vec<T> {
        let mut random = Pcg64::seed_from_u64(settings.seed);
        let seeds: Vec<u64> = (0..settings.resamples).map(|_| random.random()).collect();
        let together: Vec<&[u64]> = seeds.chunks(LANES).collect();
        let some = each(together.len(), |number| statistic(&self.draw(together[number])));
        some.into_iter().flatten().take(seeds.len()).collect()
    }
}

/// The reason if there is no interval.
fn why_not(
    known: bool,
    rows: usize,
    positives: bool,
    blocks: &Result<Blocks, &'static str>,
    counted: usize,
    left_out: usize,
) -> Option<&'static str> {
    if rows == 0 {
        Some("no rows")
    } else if !known {
        Some("a label or a score is NaN")
    } else if !positives {
        Some("no row is positive")
    } else if let Err(problem) = blocks {
        Some(problem)
    } else if counted <= left_out {
        Some("most resamples have no positive row")
    } else {
        None
    }
}

/// The average precision of several scores of the same rows, and its values on the same resamples.
#[derive(Debug, Clone, PartialEq)]
pub struct AveragePrecisions {
    /// The average precision of each score; `None` if no row is positive or a score is NaN.
    pub estimates: Vec<Option<f64>>,
    /// For each score its values on the resamples that have a positive row.
    resampled: Vec<Vec<f64>>,
    /// The number of resamples with a positive row.
    pub resamples: usize,
    /// The number of resamples without one, which are left out.
    pub left_out: usize,
    /// Says why intervals are missing; `None` if they are there.
    pub reason: Option<&'static str>,
}

/// How much better one score is than another on the same rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gain {
    /// The difference of the average precisions.
    pub estimate: f64,
    /// The interval of the difference on the same resamples; `None` if it is not known.
    pub interval: Option<Interval>,
    /// The share of resamples in which the score is better, in [0, 1]; `None` if it is not known.
    pub share_better: Option<f64>,
}

impl AveragePrecisions {
    /// Computes the average precision of each score on every resample.
    ///
    /// For a row whose label is not known, pass NaN as its scores.
    ///
    /// # Panics
    /// When the slices differ in length.
    pub fn new(labels: &[bool], scores: &[&[f64]], times: &[i64], settings: &Settings) -> AveragePrecisions {
        assert_eq!(labels.len(), times.len(), "a row has a label and a time");
        let ranked: Vec<Option<Ranked>> = scores.iter().map(|scores| Ranked::new(labels, scores)).collect();
        let known = ranked.iter().all(Option::is_some);
        let positives = labels.contains(&true);
        let estimates = ranked.iter().map(|ranked| ranked.as_ref().and_then(Ranked::average_precision)).collect();
        let blocks = if known && positives { Blocks::new(times, settings.block_s) } else { Err(TOO_SHORT) };
        let mut resampled = vec![Vec::new(); scores.len()];
        let (mut resamples, mut left_out) = (0, 0);
        if let Ok(blocks) = &blocks {
            // Scores that are given twice, such as those of a baseline that is compared with itself, are ranked once.
            let first = |score: usize| scores.iter().position(|known| *known == scores[score]).unwrap_or(score);
            let places: Vec<usize> = (0..scores.len()).map(first).collect();
            let ranking = |(score, scores): (usize, &&[f64])| {
                (places[score] == score).then(|| Ranking::new(labels, scores, &blocks.cells))
            };
            let rankings: Vec<Option<Ranking>> = scores.iter().enumerate().map(ranking).collect();
            let some = |weights: &[Weights]| -> [Option<Vec<f64>>; LANES] {
                let areas: Vec<_> = rankings.iter().map(|ranking| Some(ranking.as_ref()?.areas(weights))).collect();
                let value = |place: &usize, lane: usize| areas[*place].and_then(|areas| areas[lane].average_precision);
                std::array::from_fn(|lane| places.iter().map(|place| value(place, lane)).collect())
            };
            for values in blocks.resample(settings, some) {
                let Some(values) = values else {
                    left_out += 1;
                    continue;
                };
                resamples += 1;
                resampled.iter_mut().zip(values).for_each(|(all, value)| all.push(value));
            }
        }
        let reason = why_not(known, labels.len(), positives, &blocks, resamples, left_out);
        AveragePrecisions { estimates, resampled, resamples, left_out, reason }
    }

    /// Returns the interval of one score; `None` if it is not known.
    pub fn interval(&self, score: usize) -> Option<Interval> {
        Interval::of(self.resampled[score].clone()).filter(|_| self.reason.is_none())
    }

    /// Returns how much better one score is than another; `None` if an average precision is not known.
    pub fn gain(&self, score: usize, baseline: usize) -> Option<Gain> {
        let estimate = self.estimates[score]? - self.estimates[baseline]?;
        let pairs = || self.resampled[score].iter().zip(&self.resampled[baseline]);
        let better = pairs().filter(|(score, baseline)| score > baseline).count();
        let known = self.reason.is_none();
        Some(Gain {
            estimate,
            interval: Interval::of(pairs().map(|(score, baseline)| score - baseline).collect()).filter(|_| known),
            share_better: known.then(|| better as f64 / self.resamples as f64),
        })
    }
}

/// The intervals of all metrics of one sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Intervals {
    /// In the order of [`METRICS`]; `None` where the metric has no interval or is not known.
    pub values: Vec<Option<Interval>>,
    /// The number of resamples with a positive row.
    pub resamples: usize,
    /// The number of resamples without one, which are left out.
    pub left_out: usize,
    /// Says why intervals are missing; `None` if they are there.
    pub reason: Option<&'static str>,
}

impl Intervals {
    /// Computes every metric on every resample.
    ///
    /// # Panics
    /// When there are not as many times as rows.
    pub fn measure(sample: &Sample, times: &[i64], settings: &Settings) -> Intervals {
        assert_eq!(sample.labels.len(), times.len(), "a row has a label and a time");
        let (known, positives) = (sample.is_known(), sample.positives() > 0);
        let blocks = if known && positives { Blocks::new(times, settings.block_s) } else { Err(TOO_SHORT) };
        let mut resampled: Vec<Vec<f64>> = vec![Vec::new(); METRICS.len()];
        let (mut resamples, mut left_out) = (0, 0);
        if let Ok(blocks) = &blocks {
            let weighed = Weighed::new(sample, &blocks.cells, blocks.count);
            for resample in blocks.resample(settings, |weights| weighed.resamples(weights)) {
                let Some(resample) = resample else {
                    left_out += 1;
                    continue;
                };
                resamples += 1;
                for (all, metric) in resampled.iter_mut().zip(METRICS) {
                    all.extend(metric.resampled.and_then(|compute| compute(&resample)));
                }
            }
        }
        let reason = why_not(known, times.len(), positives, &blocks, resamples, left_out);
        // A metric that is undefined on most resamples, such as the precision of rare calls, has no interval.
        let interval = |values: Vec<f64>| if 2 * values.len() > resamples { Interval::of(values) } else { None };
        let values = resampled.into_iter().map(|values| interval(values).filter(|_| reason.is_none())).collect();
        Intervals { values, resamples, left_out, reason }
    }
}

#[cfg(test)]
mod tests;
