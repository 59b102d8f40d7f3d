//! The time-weighted average of a frame; each value holds until the next one.
//!
//! In: values and their times as integers. Out: for any range of rows, the mean of the values, each weighted by the time
//! from its own time to the next one in the range (last observation carried forward, as in TimescaleDB's
//! `time_weight('LOCF', …)`). In each span of time the value of the earlier time holds, whichever way the rows are ordered.

use super::counts::Counts;
use super::pointer::Pointer;
use super::weighted::{Fraction, Row, Weighted};

/// The bits of a span of time.
const SPAN_BITS: i32 = 64;

/// The values of one column, and how long each holds.
#[derive(Debug)]
pub struct Holding {
    last: Option<(f64, i64)>,
    counts: Counts,
    /// At each row, the span of time that ends there, and the value that holds during it.
    spans: Weighted,
}

/// What a scan over moving frames remembers.
#[derive(Debug, Default)]
pub struct HoldingScan {
    behind: Pointer,
    fraction: Fraction,
}

impl Default for Holding {
    fn default() -> Self {
        Holding { last: None, counts: Counts::default(), spans: Weighted::new(SPAN_BITS) }
    }
}

impl Holding {
    /// Adds rows; `valid` says in which rows neither value nor time is NULL.
    pub fn extend(&mut self, values: &[f64], times: &[i64], valid: &[bool]) {
        self.counts.extend(Some(valid), values.len());
        let mut spans = Vec::with_capacity(values.len());
        for ((value, time), valid) in values.iter().zip(times).zip(valid) {
            spans.push(if *valid { self.span(*value, *time) } else { Row::absent() });
        }
        self.spans.extend(spans);
    }

    fn span(&mut self, value: f64, time: i64) -> Row {
        let Some((last, before)) = self.last.replace((value, time)) else { return Row::absent() };
        let held = if before <= time { last } else { value };
        Row { value: held, mantissa: time.abs_diff(before), shift: 0, anew: false }
    }

    /// Forgets rows before `position`.
    pub fn release(&mut self, position: usize) {
        self.counts.release(position);
        self.spans.release(position);
    }

    /// Returns the bytes of memory held.
    pub fn bytes(&self) -> usize {
        self.counts.bytes() + self.spans.bytes()
    }

    /// Returns the average over a range; `None` if no time passes in it.
    pub fn average(&self, scan: &mut HoldingScan, start: usize, end: usize) -> Option<f64> {
        // The first row of the range ends a span that began before the range.
        let from = self.counts.before(start);
        let first = scan.behind.seek(start, end, |position| self.counts.before(position) != from);
        if first == end {
            return None;
        }
        self.spans.non_finite(first, end).or_else(|| {
            self.spans.clear(&mut scan.fraction, 0);
            self.spans.add_to(&mut scan.fraction, 0, (first, end), false);
            self.spans.mean(&mut scan.fraction)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Holding, HoldingScan};

    fn over(rows: &[(f64, i64)], ranges: &[(usize, usize)]) -> Vec<Option<f64>> {
        let (values, times): (Vec<f64>, Vec<i64>) = rows.iter().copied().unzip();
        let mut holding = Holding::default();
        holding.extend(&values, &times, &vec![true; rows.len()]);
        let mut scan = HoldingScan::default();
        ranges.iter().map(|(start, end)| holding.average(&mut scan, *start, *end)).collect()
    }

    #[test]
    fn each_value_holds_until_the_next() {
        let rows = [(1.0, 0), (4.0, 1), (7.0, 4), (9.0, 4), (8.0, 6)];
        // 1 for one unit of time, 4 for three, 7 for none, 9 for two, 8 is the last.
        let found = over(&rows, &[(0, 1), (0, 3), (0, 5), (1, 4), (2, 4), (2, 5), (5, 5)]);
        assert_eq!(found, [None, Some(3.25), Some(31.0 / 6.0), Some(4.0), None, Some(9.0), None]);
    }

    #[test]
    fn the_earlier_value_holds_in_descending_order_too() {
        assert_eq!(over(&[(7.0, 4), (4.0, 1), (1.0, 0)], &[(0, 3)]), [Some(3.25)]);
    }

    #[test]
    fn spans_of_any_length_are_exact() {
        let rows = [(0.1, i64::MIN), (0.1, i64::MAX), (1.0, i64::MAX - 1), (5.0, i64::MAX)];
        assert_eq!(over(&rows, &[(0, 2), (2, 4)]), [Some(0.1), Some(1.0)]);
    }

    #[test]
    fn infinity_counts_while_it_holds() {
        let rows = [(f64::INFINITY, 0), (1.0, 1), (f64::NAN, 2)];
        assert_eq!(over(&rows, &[(0, 2), (1, 3)]), [Some(f64::INFINITY), Some(1.0)]);
    }

    #[test]
    fn rows_without_value_or_time_are_passed_over() {
        let mut holding = Holding::default();
        holding.extend(&[2.0, 9.0, 4.0], &[0, 1, 2], &[true, false, true]);
        assert_eq!(holding.average(&mut HoldingScan::default(), 0, 3), Some(2.0));
    }
}
