//! The median and the continuous percentile of a frame.
//!
//! In: values as integers in their order, and frames that only move forward. Out: for each frame, the two values around the
//! wanted rank, interpolated. Two ordered sets hold the frame's values: those up to that rank, and those above it. A row
//! takes logarithmic time. The median has the bits of DataFusion's, with two exceptions: where DataFusion's sums of two finite values
//! overflow, and where NaN with a sign bit lies below the median of an even number of values. In the second case DataFusion's choice of
//! the lower neighbour depends on the order of the rows. A percentile lies at exactly its fraction of the way; DataFusion cuts the weight
//! of the upper neighbour off after six decimals.

use std::collections::{BTreeSet, VecDeque};

use super::bounds::Frames;
use super::extremum::Ordered;

/// Which rank to find.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rank {
    Median,
    /// A fraction in [0, 1] of the way from the smallest value to the largest.
    Percentile(f64),
}

/// The values of one frame: those up to the rank, and those above it.
#[derive(Debug)]
pub struct Quantile {
    rank: Rank,
    low: BTreeSet<(i64, usize)>,
    high: BTreeSet<(i64, usize)>,
    /// The contents of `low` and `high`, by position, because rows may be forgotten before they leave the frame.
    entered: VecDeque<(usize, i64)>,
    end: usize,
}

/// Where the result lies among `n` ordered values.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Place {
    At(usize),
    /// In the middle between the value of this rank and the next.
    Halfway(usize),
    /// Between the value of this rank and the next value; the number is the weight of the next value.
    Between(usize, f64),
}

impl Rank {
    /// Returns where the result lies among `count` values; there must be at least one.
    fn place(self, count: usize) -> Place {
        match self {
            Rank::Median if count.is_multiple_of(2) => Place::Halfway(count / 2 - 1),
            Rank::Median => Place::At(count / 2),
            Rank::Percentile(fraction) => {
                let last = (count - 1) as f64;
                let index = fraction * last;
                // The product and what its rounding lost.
                let lost = fraction.mul_add(last, -index);
                let lower = if index.fract() == 0.0 && lost < 0.0 { index - 1.0 } else { index.floor() };
                let weight = (index - lower) + lost;
                if weight == 0.0 || lower >= last {
                    return Place::At(lower as usize);
                }
                Place::Between(lower as usize, weight)
            }
        }
    }
}

impl Quantile {
    pub fn new(rank: Rank) -> Self {
        Quantile { rank, low: BTreeSet::new(), high: BTreeSet::new(), entered: VecDeque::new(), end: 0 }
    }

    /// Calls `emit` with each frame's quantile, or `None` if every value is NULL; `value` turns a key back into its value.
    pub fn advance(
        &mut self,
        column: &Ordered,
        frames: &Frames,
        value: impl Fn(i64) -> f64,
        mut emit: impl FnMut(Option<f64>),
    ) {
        for (start, end) in frames.start.iter().zip(&frames.end) {
            while let Some(entry) = self.entered.pop_front_if(|(position, _)| *position < *start) {
                self.remove(entry);
            }
            self.end = self.end.max(*start);
            while self.end < *end {
                if let Some(key) = column.key(self.end) {
                    self.entered.push_back((self.end, key));
                    self.insert((key, self.end));
                }
                self.end += 1;
            }
            emit(self.quantile(&value));
        }
    }

    fn insert(&mut self, entry: (i64, usize)) {
        if self.low.last().is_some_and(|greatest| entry < *greatest) {
            self.low.insert(entry);
        } else {
            self.high.insert(entry);
        }
    }

    fn remove(&mut self, (position, key): (usize, i64)) {
        if !self.low.remove(&(key, position)) {
            self.high.remove(&(key, position));
        }
    }

    fn quantile(&mut self, value: impl Fn(i64) -> f64) -> Option<f64> {
        let count = self.entered.len();
        if count == 0 {
            return None;
        }
        let place = self.rank.place(count);
        let (Place::At(rank) | Place::Halfway(rank) | Place::Between(rank, _)) = place;
        // `low` gets the values of the ranks 0..=rank.
        while self.low.len() <= rank {
            self.low.insert(self.high.pop_first()?);
        }
        while self.low.len() > rank + 1 {
            self.high.insert(self.low.pop_last()?);
        }
        let lower = value(self.low.last()?.0);
        let upper = || self.high.first().map(|(key, _)| value(*key));
        Some(match place {
            Place::At(_) => lower,
            Place::Halfway(_) => halfway(lower, upper()?),
            Place::Between(_, weight) => between(lower, upper()?, weight),
        })
    }

    /// Returns about how many bytes of memory are held.
    pub fn bytes(&self) -> usize {
        // Nodes of a B-tree are two thirds full on average.
        let entries = (self.low.len() + self.high.len()) * size_of::<(i64, usize)>() * 3 / 2;
        entries + self.entered.capacity() * size_of::<(usize, i64)>()
    }
}

/// Returns the value at a fraction of the way from the least of some values to the greatest. It changes the values' order.
pub fn of_values(values: &mut [f64], fraction: f64) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    let place = Rank::Percentile(fraction).place(values.len());
    let (Place::At(rank) | Place::Halfway(rank) | Place::Between(rank, _)) = place;
    let (_, lower, above) = values.select_nth_unstable_by(rank, f64::total_cmp);
    let lower = *lower;
    Some(match (place, above.iter().copied().min_by(f64::total_cmp)) {
        (Place::Between(_, weight), Some(upper)) => between(lower, upper, weight),
        _ => lower,
    })
}

fn halfway(lower: f64, upper: f64) -> f64 {
    let sum = lower + upper;
    if sum.is_infinite() && lower.is_finite() && upper.is_finite() {
        return lower / 2.0 + upper / 2.0;
    }
    sum / 2.0
}

fn between(lower: f64, upper: f64, weight: f64) -> f64 {
    let distance = upper - lower;
    if distance.is_infinite() && lower.is_finite() && upper.is_finite() {
        return lower * (1.0 - weight) + upper * weight;
    }
    lower + distance * weight
}

#[cfg(test)]
mod tests {
    use super::{Ordered, Place, Quantile, Rank, of_values};
    use crate::rolling::kernel::bounds::Frames;

    fn run(rank: Rank, keys: &[Option<i64>], frames: &[(usize, usize)]) -> Vec<Option<f64>> {
        let mut column = Ordered::new();
        let valid: Vec<bool> = keys.iter().map(Option::is_some).collect();
        column.extend(&keys.iter().map(|key| key.unwrap_or(0)).collect::<Vec<_>>(), Some(&valid));
        let (start, end) = frames.iter().copied().unzip();
        let mut found = Vec::new();
        Quantile::new(rank).advance(&column, &Frames { start, end }, |key| key as f64, |value| found.push(value));
        found
    }

    #[test]
    fn a_median_is_the_middle_value_or_lies_halfway() {
        let keys = [Some(5), Some(1), None, Some(1), Some(9), Some(2), None, None];
        let frames = [(0, 1), (0, 2), (0, 5), (1, 6), (3, 6), (6, 8), (8, 8)];
        let expected = [Some(5.0), Some(3.0), Some(3.0), Some(1.5), Some(2.0), None, None];
        assert_eq!(run(Rank::Median, &keys, &frames), expected);
    }

    #[test]
    fn a_percentile_interpolates_between_its_neighbours() {
        let keys: Vec<Option<i64>> = [40, 10, 30, 20, 50].map(Some).to_vec();
        let of_all = |fraction| run(Rank::Percentile(fraction), &keys, &[(0, 5)])[0];
        assert_eq!(of_all(0.0), Some(10.0));
        assert_eq!(of_all(1.0), Some(50.0));
        assert_eq!(of_all(0.25), Some(20.0));
        assert_eq!(of_all(0.9), Some(46.0));
        assert_eq!(of_all(0.125), Some(15.0));
    }

    #[test]
    fn a_weight_is_that_of_the_fraction_without_rounding() {
        // The double nearest to 0.9 is a little greater, and those nearest to 0.7 and 0.3 are a little less.
        assert_eq!(Rank::Percentile(0.9).place(32), Place::Between(27, 0.900_000_000_000_000_7));
        assert_eq!(Rank::Percentile(0.7).place(32), Place::Between(21, 0.699_999_999_999_998_6));
        assert_eq!(Rank::Percentile(0.3).place(11), Place::Between(2, 0.999_999_999_999_999_9));
        assert_eq!(Rank::Percentile(1e-8).place(2), Place::Between(0, 1e-8));
        assert_eq!(Rank::Percentile(1.0).place(11), Place::At(10));
        assert_eq!(Rank::Percentile(0.5).place(11), Place::At(5));
    }

    #[test]
    fn the_quantile_of_values_is_that_of_a_frame() {
        let mut values = [8.0, 1.0, 4.0, 2.0];
        assert_eq!(of_values(&mut values, 0.3), Some(1.0 + 0.899_999_999_999_999_9));
        assert_eq!(of_values(&mut values, 1.0), Some(8.0));
        assert_eq!(of_values(&mut [], 0.3), None);
    }

    #[test]
    fn frames_that_jump_forget_what_they_passed_over() {
        let keys: Vec<Option<i64>> = (0..100).map(|key| Some((key * 37) % 101)).collect();
        let frames = [(0, 40), (35, 42), (60, 60), (90, 93)];
        for rank in [Rank::Median, Rank::Percentile(0.3)] {
            let alone: Vec<Option<f64>> = frames.iter().flat_map(|frame| run(rank, &keys, &[*frame])).collect();
            assert_eq!(run(rank, &keys, &frames), alone);
        }
    }

    #[test]
    fn values_whose_sum_or_difference_overflows_have_a_quantile() {
        assert_eq!(super::halfway(f64::MAX, f64::MAX), f64::MAX);
        assert_eq!(super::between(-f64::MAX, f64::MAX, 0.5), 0.0);
        assert_eq!(super::halfway(1.0, f64::INFINITY), f64::INFINITY);
    }

    #[test]
    fn one_pass_over_many_ties_equals_sorting_each_frame() {
        // Values fall and rise again, with noise, so that values leave both sets.
        let keys: Vec<i64> = (0..200i64).map(|row| (row - 100).abs() / 5 + row * 37 % 11).collect();
        let frames: Vec<(usize, usize)> = (0..keys.len()).map(|row| (row.saturating_sub(7), row + 1)).collect();
        let found = run(Rank::Percentile(0.5), &keys.iter().copied().map(Some).collect::<Vec<_>>(), &frames);
        for ((start, end), found) in frames.into_iter().zip(found) {
            let mut sorted = keys[start..end].to_vec();
            sorted.sort_unstable();
            let (low, high) = (sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
            assert_eq!(found, Some((low + high) as f64 / 2.0), "{start}..{end}");
        }
    }
}
