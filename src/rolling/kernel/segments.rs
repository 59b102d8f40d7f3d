//! Running totals of integers, with as many limbs as they need; the totals may start again from 0.
//!
//! In: terms `±magnitude * 2^shift`, and the rows at which totals start again. Out: the exact total of any range that no
//! such row divides. Totals may wrap around, because that does not change their differences.

use super::exact::{add_limbs, negate_limbs, place};
use super::ring::Ring;

/// Running totals of one column of terms.
#[derive(Debug)]
pub struct SegmentTotals {
    limbs: usize,
    /// At each position, the total of the rows before it, since totals last started again.
    totals: Ring<u64>,
    term: Vec<u64>,
}

impl SegmentTotals {
    /// Prepares totals of this many bits, including the sign; `position` is that of the first row.
    pub fn new(bits: i32, position: usize) -> Self {
        let limbs = (bits.max(1) as usize).div_ceil(64);
        let mut totals = Ring::starting_at(position * limbs);
        totals.extend(std::iter::repeat_n(0, limbs));
        SegmentTotals { limbs, totals, term: vec![0; limbs] }
    }

    /// Returns how many limbs a total has.
    pub fn limbs(&self) -> usize {
        self.limbs
    }

    /// Adds a row's term, which must fit; `anew` says whether totals start again at this row.
    pub fn push(&mut self, negative: bool, magnitude: u128, shift: u32, anew: bool) {
        place(magnitude, shift, &mut self.term);
        if negative {
            negate_limbs(&mut self.term);
        }
        if !anew {
            let live = self.totals.live();
            add_limbs(&mut self.term, &live[live.len() - self.limbs..]);
        }
        self.totals.extend(self.term.iter().copied());
    }

    /// Adds the total of a range, times `2^(64 * offset)`, to `sum`. The range must not be empty; `anew` says whether totals
    /// start again at its first row.
    pub fn add_to(&self, sum: &mut [u64], offset: usize, (start, end): (usize, usize), anew: bool) {
        let (to, from) = (self.slot(end), if anew { &[] } else { self.slot(start) });
        let (mut borrow, mut carry, mut above) = (false, false, 0);
        for (index, out) in sum[offset..].iter_mut().enumerate() {
            let limb = match to.get(index) {
                Some(limb) => {
                    let (first, under) = limb.overflowing_sub(from.get(index).copied().unwrap_or(0));
                    let (difference, again) = first.overflowing_sub(u64::from(borrow));
                    borrow = under || again;
                    // The sign is extended above the total's own limbs.
                    above = if difference >> 63 == 1 { u64::MAX } else { 0 };
                    difference
                }
                None => above,
            };
            let (first, over) = out.overflowing_add(limb);
            let (total, again) = first.overflowing_add(u64::from(carry));
            *out = total;
            carry = over || again;
        }
    }

    fn slot(&self, position: usize) -> &[u64] {
        let from = position * self.limbs - self.totals.base();
        &self.totals.live()[from..from + self.limbs]
    }

    /// Forgets rows before `position`.
    pub fn release(&mut self, position: usize) {
        self.totals.release(position * self.limbs);
    }

    /// Returns the bytes of memory held.
    pub fn bytes(&self) -> usize {
        self.totals.bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::SegmentTotals;

    #[test]
    fn ranges_are_totalled_on_both_sides_of_a_new_beginning() {
        let mut totals = SegmentTotals::new(128, 0);
        for (term, anew) in [(5i64, false), (-7, false), (100, true), (-1, false)] {
            totals.push(term < 0, u128::from(term.unsigned_abs()), 64, anew);
        }
        let total = |range, anew| {
            let mut sum = [1, 0, 0, 0];
            totals.add_to(&mut sum, 1, range, anew);
            (sum[0], sum[1], sum[2].cast_signed(), sum[3].cast_signed())
        };
        assert_eq!(total((0, 2), true), (1, 0, -2, -1));
        assert_eq!(total((1, 2), false), (1, 0, -7, -1));
        assert_eq!(total((2, 4), true), (1, 0, 99, 0));
        assert_eq!(total((3, 4), false), (1, 0, -1, -1));
    }
}
