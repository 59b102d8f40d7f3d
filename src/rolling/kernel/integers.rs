//! Count, sum and sum of squares of the integers in a frame, exactly.
//!
//! In: integers of up to 64 bits and their validity. Out: their totals over any range of rows. Totals may wrap around; that is
//! harmless, because only their differences are read.

use super::counts::Counts;
use super::exact::U256;
use super::integer_totals::IntegerTotals;
use super::moments::Powers;
use super::ring::Ring;

/// Running totals of one column of integers.
#[derive(Debug)]
pub struct Integers {
    powers: Powers,
    counts: Counts,
    sums: Ring<i128>,
    /// Empty if squares are not asked for.
    squares: Ring<U256>,
}

/// The totals at the start of the last frame. While frames begin at the same row, that row's totals may be forgotten.
#[derive(Debug, Default)]
pub struct Origin {
    position: Option<usize>,
    count: u64,
    sum: i128,
    squares: U256,
}

impl Integers {
    pub fn new(powers: Powers) -> Self {
        Integers::after(Counts::default(), powers)
    }

    fn after(counts: Counts, powers: Powers) -> Self {
        let (mut sums, mut squares) = (Ring::starting_at(0), Ring::starting_at(0));
        sums.push(0);
        squares.push(U256::ZERO);
        Integers { powers, counts, sums, squares }
    }

    /// Adds rows; `valid` is absent if none is NULL.
    pub fn extend(&mut self, values: impl ExactSizeIterator<Item = i128> + Clone, valid: Option<&[bool]>) {
        self.counts.extend(valid, values.len());
        let is_valid = |row: usize| valid.is_none_or(|valid| valid[row]);
        if self.powers == Powers::ValuesAndSquares {
            let mut square = self.squares.last().unwrap_or(U256::ZERO);
            self.squares.extend(values.clone().enumerate().map(|(row, value)| {
                if is_valid(row) {
                    let magnitude = value.unsigned_abs();
                    square = square.plus(U256::product(magnitude, magnitude));
                }
                square
            }));
        }
        let mut sum = self.sums.last().unwrap_or(0);
        self.sums.extend(values.enumerate().map(|(row, value)| {
            if is_valid(row) {
                sum = sum.wrapping_add(value);
            }
            sum
        }));
    }

    /// Returns the totals of a range. Pass the same origin for all ranges of one scan.
    #[inline]
    pub fn totals(&self, origin: &mut Origin, start: usize, end: usize) -> IntegerTotals {
        let squares = |position| match self.powers {
            Powers::Values => U256::ZERO,
            Powers::ValuesAndSquares => self.squares.at(position),
        };
        if origin.position != Some(start) {
            let (count, sum) = (self.counts.before(start), self.sums.at(start));
            *origin = Origin { position: Some(start), count, sum, squares: squares(start) };
        }
        let spread = squares(end).minus(origin.squares);
        IntegerTotals {
            count: self.counts.before(end) - origin.count,
            sum: self.sums.at(end).wrapping_sub(origin.sum),
            squares: (spread.high, spread.low),
        }
    }

    /// Forgets rows before `position`.
    pub fn release(&mut self, position: usize) {
        self.counts.release(position);
        self.sums.release(position);
        if self.powers == Powers::ValuesAndSquares {
            self.squares.release(position);
        }
    }

    /// Returns the bytes of memory held.
    pub fn bytes(&self) -> usize {
        self.counts.bytes() + self.sums.bytes() + self.squares.bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::{Counts, Integers, Origin, Powers};

    #[test]
    fn ranges_are_summed_and_the_first_row_may_be_forgotten() {
        let mut integers = Integers::new(Powers::ValuesAndSquares);
        integers.extend([5, -7, 9].into_iter(), Some(&[true, true, false]));
        let mut origin = Origin::default();
        let totals = integers.totals(&mut origin, 0, 2);
        assert_eq!((totals.count, totals.sum, totals.squares), (2, -2, (0, 74)));
        integers.release(2);
        integers.extend([1].into_iter(), None);
        assert_eq!(integers.totals(&mut origin, 0, 4).sum, -1);
        assert_eq!(integers.totals(&mut origin, 2, 3).count, 0);
    }

    #[test]
    fn a_sum_over_a_multiple_of_2_to_the_32_values_has_a_count() {
        // Start as if 2^32 - 1 values, all 0, had come before.
        let mut integers = Integers::after(Counts::after(u64::from(u32::MAX)), Powers::Values);
        let mut origin = Origin { position: Some(0), ..Origin::default() };
        integers.extend([8].into_iter(), None);
        let totals = integers.totals(&mut origin, 0, 1);
        assert_eq!((totals.sum, totals.count > 0), (8, true));
    }
}
