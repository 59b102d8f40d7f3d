//! Covariance, correlation and regression of a frame, from exact running totals.
//!
//! In: pairs of doubles; a pair counts where neither is NULL. Out: for any range of rows the statistics of SQL:2003's binary
//! set functions. Their numerators and denominators are exact integers, `n Σxy - Σx Σy` and its like, rounded once.

use std::cmp::Ordering;

use super::exact::{
    Parts, Rounded, add_limbs, compare_limbs, multiply_limbs, negate_limbs, place, scaled, subtract_limbs,
    take_magnitude,
};
use super::ring::Ring;

/// Bits for the number of rows: a frame holds fewer than 2^32.
const COUNT_BITS: i32 = 32;

/// Which statistic is asked for; in regressions the first of the pair depends on the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statistic {
    CovarianceSample,
    CovariancePopulation,
    Correlation,
    Slope,
    Intercept,
    R2,
}

/// How many pairs have passed, and how many with a part that no sum can hold, in the first and in the second.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    pairs: u32,
    first: u32,
    second: u32,
}

/// The five sums, in the order in which they are kept.
const SUMS: usize = 5;
const Y: usize = 0;
const X: usize = 1;
const YY: usize = 2;
const XX: usize = 3;
const XY: usize = 4;

/// Running totals of pairs `(y, x)`.
#[derive(Debug)]
pub struct Pairs {
    /// The pairs in reach, (0, 0) where one is NULL or not finite.
    values: Ring<(f64, f64)>,
    counts: Ring<Counts>,
    /// Every value is a multiple of `2^lowest` below `2^highest`.
    lowest: i32,
    highest: i32,
    /// Limbs of a sum of values; sums of products have twice as many.
    limbs: usize,
    /// Five sums a row, each of `2 * limbs` limbs.
    totals: Ring<u64>,
}

/// An exact integer: sign and magnitude.
#[derive(Debug, Clone)]
struct Integer {
    negative: bool,
    limbs: Vec<u64>,
}

impl Integer {
    fn times(&self, other: &Integer) -> Integer {
        let mut limbs = vec![0; self.limbs.len() + other.limbs.len()];
        multiply_limbs(&self.limbs, &other.limbs, &mut limbs);
        Integer { negative: self.negative != other.negative, limbs }
    }

    fn scaled_by(&self, factor: u32) -> Integer {
        self.times(&Integer { negative: false, limbs: vec![u64::from(factor)] })
    }

    fn minus(&self, other: &Integer) -> Integer {
        let width = self.limbs.len().max(other.limbs.len()) + 1;
        let widened = |integer: &Integer| {
            let mut limbs = integer.limbs.clone();
            limbs.resize(width, 0);
            limbs
        };
        let (mut a, b) = (widened(self), widened(other));
        if self.negative != other.negative {
            add_limbs(&mut a, &b);
            return Integer { negative: self.negative, limbs: a };
        }
        if compare_limbs(&a, &b) == Ordering::Less {
            let mut difference = b;
            subtract_limbs(&mut difference, &a);
            return Integer { negative: !self.negative, limbs: difference };
        }
        subtract_limbs(&mut a, &b);
        Integer { negative: self.negative, limbs: a }
    }

    fn is_zero(&self) -> bool {
        self.limbs.iter().all(|limb| *limb == 0)
    }

    fn round(&self) -> Rounded {
        Rounded::from_limbs(&self.limbs, 0)
    }

    fn signed(&self, magnitude: f64) -> f64 {
        if self.negative { -magnitude } else { magnitude }
    }
}

/// Returns the quotient of two integers, each rounded, times `2^exponent`.
fn quotient(numerator: &Integer, denominator: &Integer, exponent: i32) -> f64 {
    let (top, bottom) = (numerator.round(), denominator.round());
    let magnitude = scaled(top.mantissa / bottom.mantissa, top.exponent - bottom.exponent + exponent);
    Integer { negative: numerator.negative != denominator.negative, limbs: Vec::new() }.signed(magnitude)
}

impl Default for Pairs {
    fn default() -> Self {
        Pairs::new()
    }
}

impl Pairs {
    pub fn new() -> Self {
        let mut counts = Ring::starting_at(0);
        counts.push(Counts::default());
        let mut pairs = Pairs {
            values: Ring::starting_at(0),
            counts,
            lowest: 0,
            highest: 0,
            limbs: 1,
            totals: Ring::starting_at(0),
        };
        pairs.rebuild();
        pairs
    }

    /// Adds rows; `valid` says which have neither part NULL.
    pub fn extend(&mut self, first: &[f64], second: &[f64], valid: &[bool]) {
        let from = self.values.end();
        let mut counts = self.counts.last().unwrap_or_default();
        for ((y, x), valid) in first.iter().zip(second).zip(valid) {
            if *valid {
                counts.pairs = counts.pairs.wrapping_add(1);
                counts.first = counts.first.wrapping_add(u32::from(!y.is_finite()));
                counts.second = counts.second.wrapping_add(u32::from(!x.is_finite()));
            }
            self.counts.push(counts);
            let summable = *valid && y.is_finite() && x.is_finite();
            self.values.push(if summable { (*y, *x) } else { (0.0, 0.0) });
        }
        let fits = self.extent(from).is_none_or(|(low, high)| self.lowest <= low && high <= self.highest);
        if fits { self.total_from(from) } else { self.rebuild() }
    }

    /// Returns the powers of two between which all bits of the values from a position on lie; `None` if all are 0.
    fn extent(&self, from: usize) -> Option<(i32, i32)> {
        let values = &self.values.live()[from - self.values.base()..];
        values.iter().flat_map(|(y, x)| [*y, *x]).filter(|value| *value != 0.0).fold(None, |extent, value| {
            let parts = Parts::of(value);
            let low = parts.exponent + parts.mantissa.trailing_zeros() as i32;
            let high = parts.exponent + 64 - parts.mantissa.leading_zeros() as i32;
            Some(extent.map_or((low, high), |(lowest, highest): (i32, i32)| (lowest.min(low), highest.max(high))))
        })
    }

    /// Chooses the unit anew from the values held, and computes every total again.
    fn rebuild(&mut self) {
        let base = self.values.base();
        let (low, high) = self.extent(base).unwrap_or((0, 0));
        // A margin, so that the next value of its like fits.
        (self.lowest, self.highest) = (low - 8, high + 8);
        self.limbs = ((self.highest - self.lowest + COUNT_BITS + 1) as usize).div_ceil(64);
        let width = SUMS * 2 * self.limbs;
        self.totals = Ring::starting_at(base * width);
        self.totals.extend(std::iter::repeat_n(0, width));
        self.total_from(base);
    }

    fn total_from(&mut self, from: usize) {
        let width = 2 * self.limbs;
        let mut term = vec![0; width];
        for row in from..self.values.end() {
            let (y, x) = self.values.at(row);
            let (y, x) = (self.aligned(y), self.aligned(x));
            let terms = [(y, (false, 1, 0)), (x, (false, 1, 0)), (y, y), (x, x), (x, y)];
            for ((negative, mantissa, shift), (other_negative, other, other_shift)) in terms {
                place(u128::from(mantissa) * u128::from(other), shift + other_shift, &mut term);
                if negative != other_negative {
                    negate_limbs(&mut term);
                }
                // The same sum of the row before stands one row's width back.
                let live = self.totals.live();
                let before = live.len() - SUMS * width;
                add_limbs(&mut term, &live[before..before + width]);
                self.totals.extend(term.iter().copied());
            }
        }
    }

    fn aligned(&self, value: f64) -> (bool, u64, u32) {
        let parts = Parts::of(value);
        if parts.mantissa == 0 {
            return (false, 0, 0);
        }
        let zeros = parts.mantissa.trailing_zeros();
        (parts.negative, parts.mantissa >> zeros, (parts.exponent + zeros as i32 - self.lowest) as u32)
    }

    /// Forgets rows before `position`.
    pub fn release(&mut self, position: usize) {
        self.values.release(position);
        self.counts.release(position);
        self.totals.release(position * SUMS * 2 * self.limbs);
    }

    /// Returns the bytes of memory held.
    pub fn bytes(&self) -> usize {
        self.values.bytes() + self.counts.bytes() + self.totals.bytes()
    }

    fn sum(&self, which: usize, start: usize, end: usize) -> Integer {
        let width = 2 * self.limbs;
        let slot = |position: usize| {
            let from = (position * SUMS + which) * width - self.totals.base();
            &self.totals.live()[from..from + width]
        };
        let mut limbs = slot(end).to_vec();
        subtract_limbs(&mut limbs, slot(start));
        let negative = take_magnitude(&mut limbs);
        Integer { negative, limbs }
    }

    /// Returns `count * sum of products - product of sums`.
    fn spread(&self, products: usize, a: usize, b: usize, (start, end, count): (usize, usize, u32)) -> Integer {
        let squares = self.sum(products, start, end).scaled_by(count);
        squares.minus(&self.sum(a, start, end).times(&self.sum(b, start, end)))
    }

    /// Returns a statistic over a range: `None` where SQL has it NULL, for too few pairs or a part that does not vary.
    pub fn statistic(&self, statistic: Statistic, start: usize, end: usize) -> Option<f64> {
        let (from, to) = (self.counts.at(start), self.counts.at(end));
        let count = to.pairs.wrapping_sub(from.pairs);
        let least = if statistic == Statistic::CovariancePopulation { 1 } else { 2 };
        let (first, second) = (to.first != from.first, to.second != from.second);
        if first || second {
            let undefined = statistic == Statistic::Correlation && !(first && second);
            return (!undefined && (count >= least || statistic == Statistic::Correlation)).then_some(f64::NAN);
        }
        if count < least {
            return None;
        }
        let range = (start, end, count);
        let covariance = self.spread(XY, X, Y, range);
        let of_x = || self.spread(XX, X, X, range);
        let of_y = || self.spread(YY, Y, Y, range);
        let varies = |spread: Integer| (!spread.is_zero()).then_some(spread);
        let n = f64::from(count);
        let average = |divisor: f64| {
            let rounded = covariance.round();
            let rounded = Rounded { exponent: rounded.exponent + 2 * self.lowest, ..rounded };
            covariance.signed(rounded.divided_by(divisor))
        };
        Some(match statistic {
            Statistic::CovarianceSample => average(n * (n - 1.0)),
            Statistic::CovariancePopulation => average(n * n),
            Statistic::Slope => quotient(&covariance, &varies(of_x())?, 0),
            Statistic::R2 => {
                let denominator = varies(of_x())?.times(&varies(of_y())?);
                quotient(&covariance.times(&covariance), &denominator, 0)
            }
            Statistic::Correlation => {
                let denominator = varies(of_x())?.times(&varies(of_y())?);
                covariance.signed(quotient(&covariance.times(&covariance), &denominator, 0).sqrt())
            }
            Statistic::Intercept => {
                // (Σy Σxx - Σx Σxy) / (n Σxx - (Σx)²), in units of the values.
                let denominator = varies(of_x())?;
                let [y, x, xx, xy] = [Y, X, XX, XY].map(|which| self.sum(which, start, end));
                let numerator = y.times(&xx).minus(&x.times(&xy));
                if numerator.is_zero() { 0.0 } else { quotient(&numerator, &denominator, self.lowest) }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Pairs, Statistic};

    /// y = 3 - 2x on x = 1, 2, 4, then a row that lies off the line, a NULL, and a pair 2^600 away in size.
    fn pairs() -> Pairs {
        let mut pairs = Pairs::new();
        pairs.extend(&[1.0, -1.0, -5.0], &[1.0, 2.0, 4.0], &[true; 3]);
        pairs.extend(&[7.0, 9.0, 2f64.powi(600)], &[5.0, 9.0, 2f64.powi(-600)], &[true, false, true]);
        pairs
    }

    #[test]
    fn a_line_is_found_exactly_before_and_after_the_unit_changes() {
        let pairs = pairs();
        let statistic = |statistic| pairs.statistic(statistic, 0, 3);
        assert_eq!(statistic(Statistic::Slope), Some(-2.0));
        assert_eq!(statistic(Statistic::Intercept), Some(3.0));
        assert_eq!(statistic(Statistic::R2), Some(1.0));
        assert_eq!(statistic(Statistic::Correlation), Some(-1.0));
        // n Σxy - Σx Σy = 3 * -21 - 7 * -5 = -28.
        assert_eq!(statistic(Statistic::CovarianceSample), Some(-28.0 / 6.0));
        assert_eq!(statistic(Statistic::CovariancePopulation), Some(-28.0 / 9.0));
    }

    #[test]
    fn too_few_pairs_and_columns_that_do_not_vary_have_no_statistic() {
        let pairs = pairs();
        assert_eq!(pairs.statistic(Statistic::CovarianceSample, 3, 5), None, "the second of two rows is NULL");
        assert_eq!(pairs.statistic(Statistic::CovariancePopulation, 3, 5), Some(0.0));
        assert_eq!(pairs.statistic(Statistic::CovariancePopulation, 4, 5), None);
        let mut constant = Pairs::new();
        constant.extend(&[1.0, 2.0], &[0.1, 0.1], &[true; 2]);
        for statistic in [Statistic::Slope, Statistic::Intercept, Statistic::R2, Statistic::Correlation] {
            assert_eq!(constant.statistic(statistic, 0, 2), None, "{statistic:?}");
        }
    }

    #[test]
    fn an_infinity_leaves_with_its_frame() {
        let mut pairs = Pairs::new();
        pairs.extend(&[f64::INFINITY, 1.0, 2.0], &[1.0, 1.0, 3.0], &[true; 3]);
        assert!(pairs.statistic(Statistic::CovarianceSample, 0, 3).is_some_and(f64::is_nan));
        assert_eq!(pairs.statistic(Statistic::Slope, 1, 3), Some(0.5));
    }
}
