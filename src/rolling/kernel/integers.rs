//! Count and sum of the integers in a frame.
//!
//! In: 64-bit integers and their validity. Out: their sum over any range of rows, with 64-bit wraparound as in DataFusion.

use super::counts::Counts;
use super::ring::Ring;

/// Running totals of one column of integers.
#[derive(Debug)]
pub struct Integers {
    sums: Ring<i64>,
    counts: Counts,
}

/// The totals at the start of the last frame. While frames begin at the same row, that row's totals may be forgotten.
#[derive(Debug, Default)]
pub struct Origin {
    position: Option<usize>,
    sum: i64,
    count: u64,
}

impl Default for Integers {
    fn default() -> Self {
        Integers::after(Counts::default())
    }
}

impl Integers {
    fn after(counts: Counts) -> Self {
        let mut sums = Ring::starting_at(0);
        sums.push(0);
        Integers { sums, counts }
    }

    /// Adds rows; `valid` is absent if none is NULL. Unsigned integers are passed as the signed ones with the same bits.
    pub fn extend(&mut self, values: impl ExactSizeIterator<Item = i64>, valid: Option<&[bool]>) {
        self.counts.extend(valid, values.len());
        let mut sum = self.sums.last().unwrap_or(0);
        self.sums.extend(values.enumerate().map(|(row, value)| {
            if valid.is_none_or(|valid| valid[row]) {
                sum = sum.wrapping_add(value);
            }
            sum
        }));
    }

    /// Returns the sum over a range; `None` if every value in it is NULL. Pass the same origin for all ranges of one scan.
    #[inline]
    pub fn sum(&self, origin: &mut Origin, start: usize, end: usize) -> Option<i64> {
        if origin.position != Some(start) {
            *origin = Origin { position: Some(start), sum: self.sums.at(start), count: self.counts.before(start) };
        }
        (self.counts.before(end) != origin.count).then(|| self.sums.at(end).wrapping_sub(origin.sum))
    }

    /// Forgets rows before `position`.
    pub fn release(&mut self, position: usize) {
        self.sums.release(position);
        self.counts.release(position);
    }

    /// Returns the bytes of memory held.
    pub fn bytes(&self) -> usize {
        self.sums.bytes() + self.counts.bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::{Counts, Integers, Origin};

    #[test]
    fn ranges_are_summed_and_the_first_row_may_be_forgotten() {
        let mut integers = Integers::default();
        integers.extend([5, -7, 9].into_iter(), Some(&[true, true, false]));
        let mut origin = Origin::default();
        assert_eq!(integers.sum(&mut origin, 0, 2), Some(-2));
        integers.release(2);
        integers.extend([1].into_iter(), None);
        assert_eq!(integers.sum(&mut origin, 0, 4), Some(-1));
        assert_eq!(integers.sum(&mut origin, 2, 3), None);
    }

    #[test]
    fn a_sum_over_a_multiple_of_2_to_the_32_values_is_not_null() {
        // Start as if 2^32 - 1 values, all 0, had come before.
        let mut integers = Integers::after(Counts::after(u64::from(u32::MAX)));
        let mut origin = Origin { position: Some(0), sum: 0, count: 0 };
        integers.extend([8].into_iter(), None);
        assert_eq!(integers.sum(&mut origin, 0, 1), Some(8));
    }
}
