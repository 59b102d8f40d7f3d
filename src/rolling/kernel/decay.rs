//! The exponentially weighted mean and sum of a frame, over irregular times.
//!
//! In: values, their times as integers that never descend within a frame, and a half-life. Out: for any range of rows, the
//! sum of `w * v`, alone or divided by the sum of `w`, where `w = 2^((t - t_last) / half_life)`. The mean is the same as
//! pandas' `ewm(halflife=, times=, adjust=True)`.
//!
//! A weight is `m * 2^age` with an integer `age = floor(t / half_life)`. `m` in [1, 2] is rounded to a double; after that,
//! all sums are exact, and the ratio is rounded once. Weights of all times do not fit one fixed point, so totals start again
//! every [`SEGMENT`] half-lives. Rows more than [`REACH`] half-lives older than the last row of a range are ignored, so a
//! range has only a few segments.

use std::collections::VecDeque;

use super::counts::Counts;
use super::exact::Parts;
use super::pointer::Pointer;
use super::ring::Ring;
use super::weighted::{Fraction, Row, Weighted};

/// How many half-lives a segment spans: the bits of a limb, so that segments differ by whole limbs.
const SEGMENT: i128 = 64;

/// The number of half-lives after which a row is ignored; its weight would be below 2^-192.
const REACH: i128 = 192;

/// The bits of a weight within its segment: the 53 bits of a double, and one for `m` = 2.
const WEIGHT_BITS: i32 = 54 + SEGMENT as i32;

/// A positive number of time units. It is a fraction, because a unit may be longer than the half-life's own unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HalfLife {
    numerator: i128,
    denominator: i128,
}

/// Rows from this position on have weights in the same unit.
#[derive(Debug, Clone, Copy)]
struct Segment {
    start: usize,
    number: i128,
}

/// The weighted values of one column.
#[derive(Debug)]
pub struct Decay {
    half_life: HalfLife,
    counts: Counts,
    /// The age of the last row counted, at each row.
    ages: Ring<i128>,
    segments: VecDeque<Segment>,
    totals: Weighted,
}

/// What a scan over moving frames remembers.
#[derive(Debug, Default)]
pub struct DecayScan {
    within_reach: Pointer,
    fraction: Fraction,
}

impl HalfLife {
    /// Returns a half-life of this many units of time; `None` unless it is positive.
    pub fn new(numerator: i128, denominator: i128) -> Option<Self> {
        (numerator > 0 && denominator > 0).then_some(HalfLife { numerator, denominator })
    }

    /// Returns the number of whole half-lives in a time, and 2 to the power of the remainder.
    fn age(self, time: i64) -> (i128, f64) {
        // Ordinary numbers fit into 64 bits, which the processor can divide.
        let narrow = i64::try_from(self.denominator).ok().and_then(|denominator| time.checked_mul(denominator));
        let (age, rest) = match (narrow, i64::try_from(self.numerator)) {
            (Some(time), Ok(half_life)) => {
                (i128::from(time.div_euclid(half_life)), i128::from(time.rem_euclid(half_life)))
            }
            _ => {
                let time = i128::from(time) * self.denominator;
                (time.div_euclid(self.numerator), time.rem_euclid(self.numerator))
            }
        };
        (age, libm::exp2(rest as f64 / self.numerator as f64))
    }
}

impl Decay {
    pub fn new(half_life: HalfLife) -> Self {
        let (counts, totals) = (Counts::default(), Weighted::new(WEIGHT_BITS));
        Decay { half_life, counts, ages: Ring::starting_at(0), segments: VecDeque::new(), totals }
    }

    /// Adds rows; `valid` says in which rows neither value nor time is NULL.
    pub fn extend(&mut self, values: &[f64], times: &[i64], valid: &[bool]) {
        self.counts.extend(Some(valid), values.len());
        let mut rows = Vec::with_capacity(values.len());
        for ((value, time), valid) in values.iter().zip(times).zip(valid) {
            if *valid {
                let (age, m) = self.half_life.age(*time);
                self.ages.push(age);
                rows.push(self.row(*value, age, m));
            } else {
                self.ages.push(self.ages.last().unwrap_or(0));
                rows.push(Row::absent());
            }
        }
        self.totals.extend(rows);
    }

    /// Weighs the row whose age came last; begins a new segment if the row's weight needs another unit.
    fn row(&mut self, value: f64, age: i128, m: f64) -> Row {
        let number = age.div_euclid(SEGMENT);
        // Time only goes back where another partition begins, and no frame spans two partitions.
        let anew = self.segments.back().is_none_or(|segment| segment.number != number);
        if anew {
            self.segments.push_back(Segment { start: self.ages.end() - 1, number });
        }
        // Shifted up by 52 bits, m is an integer.
        let parts = Parts::of(m);
        let shift = (parts.exponent + 52) as u32 + age.rem_euclid(SEGMENT) as u32;
        Row { value, mantissa: parts.mantissa, shift, anew }
    }

    /// Forgets rows before `position`.
    pub fn release(&mut self, position: usize) {
        self.counts.release(position);
        self.ages.release(position);
        self.totals.release(position);
        while self.segments.get(1).is_some_and(|next| next.start <= position) {
            self.segments.pop_front();
        }
    }

    /// Returns the bytes of memory held.
    pub fn bytes(&self) -> usize {
        let segments = self.segments.capacity() * size_of::<Segment>();
        self.counts.bytes() + self.ages.bytes() + self.totals.bytes() + segments
    }

    /// Returns the mean over a range; `None` if every row in it has a NULL.
    pub fn mean(&self, scan: &mut DecayScan, start: usize, end: usize) -> Option<f64> {
        if self.counts.before(start) == self.counts.before(end) {
            return None;
        }
        // A row that does not count carries the age of an earlier row, which may belong to another partition.
        let newest = self.ages.at(end - 1);
        let first = self.within_reach(scan, start, end, newest);
        self.totals.non_finite(first, end).or_else(|| {
            self.gather(&mut scan.fraction, first, end, newest);
            self.totals.mean(&mut scan.fraction)
        })
    }

    /// Returns the sum over a range as it stands at a time, which no row of the range follows; `None` if every row in it has a
    /// NULL.
    pub fn sum(&self, scan: &mut DecayScan, start: usize, end: usize, time: i64) -> Option<f64> {
        if self.counts.before(start) == self.counts.before(end) {
            return None;
        }
        let (newest, m) = self.half_life.age(time);
        let first = self.within_reach(scan, start, end, newest);
        if first == end {
            return Some(0.0);
        }
        self.totals.non_finite(first, end).or_else(|| {
            let unit = self.gather(&mut scan.fraction, first, end, newest);
            // The sum of the weights gives way to the weight of a row at that time.
            let parts = Parts::of(m);
            let shift = parts.exponent + 52 + (newest - unit * SEGMENT) as i32;
            self.totals.mean_by(&mut scan.fraction, parts.mantissa, shift as u32)
        })
    }

    /// Returns the first row of a range that counts for one of this age; the range's end if none does.
    fn within_reach(&self, scan: &mut DecayScan, start: usize, end: usize, newest: i128) -> usize {
        let counts = |position: usize| self.counts.includes(position) && self.ages.at(position) >= newest - REACH;
        scan.within_reach.seek(start, end, counts)
    }

    /// Adds the segments of a range, in the unit of the first segment, whose number it returns. The range's first row must
    /// count, and no row is newer than `newest`.
    fn gather(&self, fraction: &mut Fraction, first: usize, end: usize, newest: i128) -> i128 {
        let begins_by = |position: usize| self.segments.partition_point(|segment| segment.start <= position);
        // Every row that counts lies in a segment.
        let (from, to) = (begins_by(first) - 1, begins_by(end - 1));
        let unit = self.segments[from].number;
        let offset = |index: usize| (self.segments[index].number - unit) as usize;
        self.totals.clear(fraction, (newest.div_euclid(SEGMENT) - unit) as usize);
        for index in from..to {
            let begin = self.segments[index].start;
            let range = (begin.max(first), self.segments.get(index + 1).map_or(end, |next| next.start.min(end)));
            self.totals.add_to(fraction, offset(index), range, begin >= first);
        }
        unit
    }
}

#[cfg(test)]
mod tests {
    use super::{Decay, DecayScan, HalfLife};

    fn half_life(units: i128) -> HalfLife {
        HalfLife::new(units, 1).expect("the half-life is positive")
    }

    fn over(rows: &[(f64, i64)], units: i128, ranges: &[(usize, usize)]) -> Vec<Option<f64>> {
        let (values, times): (Vec<f64>, Vec<i64>) = rows.iter().copied().unzip();
        let mut decay = Decay::new(half_life(units));
        decay.extend(&values, &times, &vec![true; rows.len()]);
        let mut scan = DecayScan::default();
        ranges.iter().map(|(start, end)| decay.mean(&mut scan, *start, *end)).collect()
    }

    #[test]
    fn a_half_life_halves() {
        let rows = [(3.0, -10), (9.0, 0), (6.0, 20)];
        // (3 / 8 + 9 / 4 + 6) / (1 / 8 + 1 / 4 + 1)
        let found = over(&rows, 10, &[(0, 1), (0, 2), (0, 3), (1, 3), (2, 2)]);
        assert_eq!(found, [Some(3.0), Some(7.0), Some(69.0 / 11.0), Some(6.6), None]);
    }

    #[test]
    fn a_sum_goes_on_losing_weight_after_its_last_value() {
        let rows = [(3.0, -10), (9.0, 0), (6.0, 20), (1e308, 30), (1e308, 30)];
        let (values, times): (Vec<f64>, Vec<i64>) = rows.iter().copied().unzip();
        let mut decay = Decay::new(half_life(10));
        decay.extend(&values, &times, &[true; 5]);
        let sum = |start, end, time| decay.sum(&mut DecayScan::default(), start, end, time);
        assert_eq!(sum(0, 1, -10), Some(3.0));
        assert_eq!(sum(0, 3, 20), Some(3.0 / 8.0 + 9.0 / 4.0 + 6.0));
        assert_eq!(sum(0, 3, 640), Some(6.0 * 2f64.powi(-62) + 9.0 * 2f64.powi(-64) + 3.0 * 2f64.powi(-65)));
        assert_eq!(sum(0, 3, 10_000), Some(0.0), "all rows are out of reach");
        assert_eq!(sum(3, 5, 30), Some(f64::INFINITY), "2e308 is more than a double");
        assert_eq!(sum(3, 5, 40), Some(1e308));
        assert_eq!(sum(2, 2, 20), None);
        assert_eq!(sum(1, 2, 5), Some(9.0 / 2f64.sqrt()));
    }

    #[test]
    fn a_constant_is_its_own_mean() {
        let rows: Vec<(f64, i64)> = (0..2000).map(|row| (0.1, row * row * 7)).collect();
        let ranges: Vec<(usize, usize)> = (1..2000).map(|end| (end / 3, end)).collect();
        assert!(over(&rows, 1003, &ranges).iter().all(|mean| *mean == Some(0.1)));
    }

    #[test]
    fn segments_add_up_and_rows_out_of_reach_count_nothing() {
        // In the second range, weights are 2^-192, 2^-100 and 1; in the third range, the first row is out of reach.
        let rows = [(2f64.powi(192), 0), (2f64.powi(100), 92), (0.0, 192), (0.0, 193)];
        let found = over(&rows, 1, &[(0, 2), (0, 3), (0, 4)]);
        let first = 2f64.powi(192) * 2f64.powi(-92);
        assert_eq!(found, [Some(2f64.powi(100) + first), Some(2.0), Some(1.0 / 3.0)]);
    }

    #[test]
    fn where_rows_began_and_what_was_before_does_not_matter() {
        let row = |row: i64| ((row * 37 % 101) as f64 / 7.0, row * row * row);
        let rows: Vec<(f64, i64)> = (0..300).map(row).collect();
        let mut decay = Decay::new(half_life(100_000));
        let mut scan = DecayScan::default();
        for (end, (value, time)) in (1usize..).zip(&rows) {
            // A bad value changes the unit of the totals.
            let value = if end == 50 { 1e200 } else { *value };
            decay.extend(&[value], &[*time], &[true]);
            let start = end.saturating_sub(20);
            decay.release(start);
            let found = decay.mean(&mut scan, start, end);
            if start >= 50 {
                let alone = over(&rows[start..end], 100_000, &[(0, end - start)])[0];
                assert_eq!(found.map(f64::to_bits), alone.map(f64::to_bits), "{start}..{end}");
            }
        }
    }

    #[test]
    fn another_partition_and_rows_without_value_leave_no_trace() {
        let mut decay = Decay::new(half_life(1));
        decay.extend(&[5.0, 9.0, 1.0, 3.0], &[10_000, 0, 0, 1000], &[true, false, true, true]);
        // In the second partition, rows 1 to 3, the row at 0 is out of reach of the one at 1000.
        assert_eq!(decay.mean(&mut DecayScan::default(), 1, 4), Some(3.0));
        assert_eq!(decay.mean(&mut DecayScan::default(), 1, 2), None);
    }

    #[test]
    fn half_lives_shorter_than_a_unit_of_time_and_longer_than_all_time() {
        let second = HalfLife::new(1, 1_000_000_000).expect("positive");
        assert_eq!(second.age(i64::MAX).0, i128::from(i64::MAX) * 1_000_000_000);
        assert_eq!(half_life(i128::MAX / 2).age(-1), ((-1), 2.0));
        assert_eq!(half_life(10).age(-15), (-2, 2f64.sqrt()));
    }
}
