//! Running totals in fixed point, with as many limbs as the values need.
//!
//! In: values with any exponents that doubles can have. Out: the exact total of any range of them, and of their squares.
//! This form serves data that the two-limb form cannot hold. It is slower, and gives the same bits.

use super::exact::{
    COUNT_BITS, Parts, Rounded, add_limbs, multiply_limbs, negate_limbs, place, subtract_limbs, take_magnitude,
};
use super::ratio::ratio;
use super::ring::Ring;

/// Running totals of values, and of their squares, as integers of `limbs` and `2 * limbs` limbs.
#[derive(Debug)]
pub struct WideTotals {
    lowest: i32,
    highest: i32,
    limbs: usize,
    values: Ring<u64>,
    squares: Ring<u64>,
    term: Vec<u64>,
}

impl WideTotals {
    /// Prepares totals for values whose bits all lie in `2^lowest..2^highest`; the first value is at `position`.
    pub fn new(lowest: i32, highest: i32, position: usize) -> Self {
        let bits = (highest - lowest + COUNT_BITS + 1).max(1) as usize;
        let limbs = bits.div_ceil(64);
        let mut values = Ring::starting_at(position * limbs);
        let mut squares = Ring::starting_at(position * 2 * limbs);
        values.extend(std::iter::repeat_n(0, limbs));
        squares.extend(std::iter::repeat_n(0, 2 * limbs));
        WideTotals { lowest, highest, limbs, values, squares, term: Vec::new() }
    }

    /// Returns whether these totals have room for a value's bits.
    pub fn fits(&self, lowest: i32, highest: i32) -> bool {
        self.lowest <= lowest && highest <= self.highest
    }

    /// Adds one value; it must fit.
    pub fn push(&mut self, value: f64) {
        let parts = Parts::of(value);
        let (mantissa, shift) = self.aligned(parts);
        let mut term = std::mem::take(&mut self.term);
        term.resize(self.limbs, 0);
        place(u128::from(mantissa), shift, &mut term);
        if parts.negative {
            negate_limbs(&mut term);
        }
        push_total(&mut self.values, &mut term);
        term.resize(2 * self.limbs, 0);
        place(u128::from(mantissa) * u128::from(mantissa), 2 * shift, &mut term);
        push_total(&mut self.squares, &mut term);
        self.term = term;
    }

    /// Returns the mantissa, and its shift relative to the lowest bit kept.
    fn aligned(&self, parts: Parts) -> (u64, u32) {
        if parts.mantissa == 0 {
            return (0, 0);
        }
        let zeros = parts.mantissa.trailing_zeros();
        (parts.mantissa >> zeros, (parts.exponent + zeros as i32 - self.lowest) as u32)
    }

    /// Returns the sum over a range: whether it is negative, and its magnitude.
    pub fn sum(&self, start: usize, end: usize) -> (bool, Rounded) {
        let (negative, magnitude) = self.difference(start, end);
        (negative, Rounded::from_limbs(&magnitude, self.lowest))
    }

    /// Returns the sum over a range divided by `count`, correctly rounded.
    pub fn mean(&self, start: usize, end: usize, count: u32) -> f64 {
        let (negative, magnitude) = self.difference(start, end);
        let mean = ratio(&magnitude, &[u64::from(count)], self.lowest);
        if negative { -mean } else { mean }
    }

    fn difference(&self, start: usize, end: usize) -> (bool, Vec<u64>) {
        let mut total = slot(&self.values, end, self.limbs).to_vec();
        subtract_limbs(&mut total, slot(&self.values, start, self.limbs));
        let negative = take_magnitude(&mut total);
        (negative, total)
    }

    /// Returns `count * sum of squares - square of the sum` over a range.
    pub fn spread(&self, start: usize, end: usize, count: u32) -> Rounded {
        let width = 2 * self.limbs;
        let mut squares = slot(&self.squares, end, width).to_vec();
        subtract_limbs(&mut squares, slot(&self.squares, start, width));
        let mut spread = vec![0; width + 1];
        multiply_limbs(&[u64::from(count)], &squares, &mut spread);
        let (_, sum) = self.difference(start, end);
        let mut square = vec![0; width];
        multiply_limbs(&sum, &sum, &mut square);
        subtract_limbs(&mut spread, &square);
        Rounded::from_limbs(&spread, 2 * self.lowest)
    }

    /// Forgets totals before `position`.
    pub fn release(&mut self, position: usize) {
        self.values.release(position * self.limbs);
        self.squares.release(position * 2 * self.limbs);
    }

    /// Returns the bytes of memory held.
    pub fn bytes(&self) -> usize {
        self.values.bytes() + self.squares.bytes()
    }
}

fn slot(ring: &Ring<u64>, position: usize, width: usize) -> &[u64] {
    let from = position * width - ring.base();
    &ring.live()[from..from + width]
}

/// Appends the last total plus `term`; this overwrites `term`.
fn push_total(ring: &mut Ring<u64>, term: &mut [u64]) {
    let live = ring.live();
    add_limbs(term, &live[live.len() - term.len()..]);
    ring.extend(term.iter().copied());
}
