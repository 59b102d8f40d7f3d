//! Covariance, correlation and regression of a frame, from exact running totals.
//!
//! In: pairs of doubles; a pair counts if neither part is NULL. Out: for any range of rows, the statistics of SQL:2003's
//! binary set functions. Their numerators and denominators are exact integers, such as `n Σxy - Σx Σy`, rounded once.

use super::exact::{COUNT_BITS, Parts, add_limbs, extent, negate_limbs, place, scaled};
use super::integer::Integer;
use super::non_finite::NonFinite;
use super::ring::Ring;

/// Which statistic to compute; in regressions, the first of the pair depends on the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statistic {
    CovarianceSample,
    CovariancePopulation,
    Correlation,
    Slope,
    Intercept,
    R2,
    AverageX,
    AverageY,
    /// Sums of squared deviations from the averages, or of products of deviations.
    DeviationsX,
    DeviationsY,
    DeviationsXY,
}

/// How many pairs have come, and in how many of them the first or the second part is not finite.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    pairs: u64,
    first: NonFinite,
    second: NonFinite,
}

/// The five sums, in the order in which they are stored.
const SUMS: usize = 5;
const Y: usize = 0;
const X: usize = 1;
const YY: usize = 2;
const XX: usize = 3;
const XY: usize = 4;

/// Running totals of pairs `(y, x)`.
#[derive(Debug)]
pub struct Pairs {
    /// The pairs that frames can still read; 0 for parts that are NULL or not finite.
    values: Ring<(f64, f64)>,
    counts: Ring<Counts>,
    /// Every value is a multiple of `2^lowest` below `2^highest`.
    lowest: i32,
    highest: i32,
    /// The limbs of a sum of values; sums of products have twice as many.
    limbs: usize,
    /// Five sums per row, each of `2 * limbs` limbs.
    totals: Ring<u64>,
    /// Once rows before this position are gone, fewer limbs may be enough again.
    retry_at: usize,
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
            retry_at: 0,
        };
        pairs.rebuild();
        pairs
    }

    /// Adds rows; `valid` says in which rows neither part is NULL.
    pub fn extend(&mut self, first: &[f64], second: &[f64], valid: &[bool]) {
        let from = self.values.end();
        let mut counts = self.counts.last().unwrap_or_default();
        for ((y, x), valid) in first.iter().zip(second).zip(valid) {
            if *valid {
                counts.pairs += 1;
                counts.first.note(*y);
                counts.second.note(*x);
            }
            self.counts.push(counts);
            let summable = |value: f64| if *valid && value.is_finite() { value } else { 0.0 };
            self.values.push((summable(*y), summable(*x)));
        }
        let fits = self.extent(from).is_none_or(|(low, high)| self.lowest <= low && high <= self.highest);
        if fits && !self.is_too_wide() { self.total_from(from) } else { self.rebuild() }
    }

    /// Returns whether fewer limbs are enough for the values held. It only checks once all values for which the limbs were
    /// chosen are gone.
    fn is_too_wide(&mut self) -> bool {
        let base = self.values.base();
        if self.limbs == 1 || base < self.retry_at {
            return false;
        }
        self.retry_at = self.values.end();
        let (low, high) = self.extent(base).unwrap_or((0, 0));
        limbs_for(low, high) < self.limbs
    }

    /// Returns the powers of two between which all bits of the values from a position on lie; `None` if all are 0.
    fn extent(&self, from: usize) -> Option<(i32, i32)> {
        let values = &self.values.live()[from - self.values.base()..];
        extent(values.iter().flat_map(|(y, x)| [*y, *x]))
    }

    /// Chooses the unit again from the values held, and recomputes every total.
    fn rebuild(&mut self) {
        let base = self.values.base();
        let (low, high) = self.extent(base).unwrap_or((0, 0));
        (self.lowest, self.highest) = (low - MARGIN, high + MARGIN);
        self.limbs = limbs_for(low, high);
        self.retry_at = self.values.end();
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
                // The same sum for the row before is one row's width back.
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
        Integer::difference(slot(end), slot(start))
    }

    /// Returns `count * sum of products - product of sums`.
    fn spread(&self, products: usize, a: usize, b: usize, (start, end, count): (usize, usize, u64)) -> Integer {
        let sums = self.sum(a, start, end).times(&self.sum(b, start, end));
        self.sum(products, start, end).times_count(count).minus(sums)
    }

    /// Returns how many pairs in a range count.
    pub fn count(&self, start: usize, end: usize) -> u64 {
        self.counts.at(end).pairs - self.counts.at(start).pairs
    }

    /// Returns a statistic over a range; `None` where SQL says NULL: too few pairs, or a part that does not vary.
    pub fn statistic(&self, statistic: Statistic, start: usize, end: usize) -> Option<f64> {
        let count = self.count(start, end);
        let (from, to) = (self.counts.at(start), self.counts.at(end));
        let (first, second) = (to.first.sum_since(from.first), to.second.sum_since(from.second));
        let range = (start, end, count);
        let of_x = || self.spread(XX, X, X, range);
        let of_y = || self.spread(YY, Y, Y, range);
        let covariance = || self.spread(XY, X, Y, range);
        let varies = |spread: Integer| (!spread.is_zero()).then_some(spread);
        let n = count;
        let average = |which: usize| self.sum(which, start, end).over(n, self.lowest);
        let average_product = |spread: Integer, divisor: u64| spread.over(divisor, 2 * self.lowest);
        let least = match statistic {
            Statistic::CovarianceSample | Statistic::Slope | Statistic::Intercept | Statistic::R2 => 2,
            // If neither part is finite, the correlation is NaN, even for one pair.
            Statistic::Correlation => {
                if first.is_some() && second.is_some() {
                    1
                } else {
                    2
                }
            }
            _ => 1,
        };
        if count < least {
            return None;
        }
        let (finite_y, finite_x) = (first.is_none(), second.is_none());
        let is_defined = match statistic {
            Statistic::AverageX | Statistic::AverageY => true,
            Statistic::DeviationsX => finite_x,
            Statistic::DeviationsY => finite_y,
            _ => finite_x && finite_y,
        };
        if !is_defined {
            let constant_y = || finite_y && of_y().is_zero();
            let constant_x = || finite_x && of_x().is_zero();
            let is_null = match statistic {
                Statistic::Correlation => finite_x || finite_y,
                Statistic::Slope | Statistic::Intercept => constant_x(),
                Statistic::R2 => constant_x() || constant_y(),
                _ => false,
            };
            return (!is_null).then_some(f64::NAN);
        }
        Some(match statistic {
            Statistic::AverageX => second.unwrap_or_else(|| average(X)),
            Statistic::AverageY => first.unwrap_or_else(|| average(Y)),
            Statistic::DeviationsX => average_product(of_x(), n),
            Statistic::DeviationsY => average_product(of_y(), n),
            Statistic::DeviationsXY => average_product(covariance(), n),
            Statistic::CovarianceSample => average_product(covariance(), n * (n - 1)),
            Statistic::CovariancePopulation => average_product(covariance(), n * n),
            Statistic::Slope => covariance().ratio(&varies(of_x())?, 0),
            Statistic::R2 | Statistic::Correlation => {
                let denominator = varies(of_x())?.times(&varies(of_y())?);
                let covariance = covariance();
                let square = covariance.times(&covariance);
                if statistic == Statistic::R2 {
                    return Some(square.ratio(&denominator, 0));
                }
                // Take the root of a number near 1, because the square of a small correlation may be too small for a double.
                let halves = (denominator.bits() - square.bits()) / 2;
                covariance.signed(scaled(square.ratio(&denominator, 2 * halves).sqrt(), -halves))
            }
            Statistic::Intercept => {
                // (Σy Σxx - Σx Σxy) / (n Σxx - (Σx)²), in units of the values.
                let denominator = varies(of_x())?;
                let [y, x, xx, xy] = [Y, X, XX, XY].map(|which| self.sum(which, start, end));
                y.times(&xx).minus(x.times(&xy)).ratio(&denominator, self.lowest)
            }
        })
    }
}

/// Spare bits on either side of the values held, so that similar values to come also fit.
const MARGIN: i32 = 8;

/// Returns how many limbs a sum of values needs if all their bits lie in `2^low..2^high`.
fn limbs_for(low: i32, high: i32) -> usize {
    ((high - low + 2 * MARGIN + COUNT_BITS + 1) as usize).div_ceil(64)
}

#[cfg(test)]
mod tests {
    use super::{Pairs, Statistic};

    #[test]
    fn limbs_are_given_back_when_the_values_that_needed_them_are_gone() {
        let mut pairs = Pairs::new();
        pairs.extend(&[1.0, 2.0], &[1.0, 3.0], &[true; 2]);
        let ordinary = pairs.limbs;
        pairs.extend(&[1e200], &[1e-200], &[true]);
        assert!(pairs.limbs > ordinary);
        pairs.extend(&[1.0, 2.0], &[1.0, 3.0], &[true; 2]);
        pairs.release(3);
        pairs.extend(&[5.0], &[9.0], &[true]);
        assert_eq!(pairs.limbs, ordinary);
        assert_eq!(pairs.statistic(Statistic::Slope, 3, 6), Some(0.5));
    }

    /// y = 3 - 2x on x = 1, 2, 4; then a row that is not on the line, a NULL, and a pair that is larger by 2^600.
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
    fn sums_of_deviations_and_averages_need_one_pair() {
        let pairs = pairs();
        let statistic = |statistic, start, end| pairs.statistic(statistic, start, end);
        assert_eq!(statistic(Statistic::AverageY, 0, 3), Some(-5.0 / 3.0));
        assert_eq!(statistic(Statistic::AverageX, 0, 3), Some(7.0 / 3.0));
        assert_eq!(statistic(Statistic::DeviationsX, 0, 3), Some(14.0 / 3.0));
        assert_eq!(statistic(Statistic::DeviationsY, 0, 3), Some(56.0 / 3.0));
        assert_eq!(statistic(Statistic::DeviationsXY, 0, 3), Some(-28.0 / 3.0));
        assert_eq!((pairs.count(0, 3), pairs.count(3, 5), pairs.count(4, 5)), (3, 1, 0));
        assert_eq!(statistic(Statistic::DeviationsXY, 3, 5), Some(0.0));
        assert_eq!(statistic(Statistic::DeviationsXY, 4, 5), None, "the only row is NULL");
        assert_eq!(statistic(Statistic::AverageX, 4, 5), None);
    }

    #[test]
    fn what_is_not_finite_matters_only_to_statistics_that_read_it() {
        let mut pairs = Pairs::new();
        pairs.extend(&[f64::INFINITY, 1.0, f64::NAN], &[1.0, 4.0, 1.0], &[true; 3]);
        let statistic = |statistic, start, end| pairs.statistic(statistic, start, end);
        assert_eq!(statistic(Statistic::AverageY, 0, 2), Some(f64::INFINITY));
        assert!(statistic(Statistic::AverageY, 0, 3).is_some_and(f64::is_nan));
        assert_eq!(statistic(Statistic::AverageX, 0, 3), Some(2.0));
        assert_eq!(statistic(Statistic::DeviationsX, 0, 3), Some(6.0));
        assert!(statistic(Statistic::DeviationsY, 0, 2).is_some_and(f64::is_nan));
        assert!(statistic(Statistic::Slope, 0, 2).is_some_and(f64::is_nan));
        let mut constant = Pairs::new();
        constant.extend(&[f64::NAN, 1.0], &[3.0, 3.0], &[true; 2]);
        assert_eq!(constant.statistic(Statistic::Slope, 0, 2), None, "x does not vary");
    }

    #[test]
    fn a_correlation_may_be_smaller_than_the_root_of_the_least_double() {
        let mut pairs = Pairs::new();
        pairs.extend(&[1.0, -1.0, 0.0, 0.0], &[1e-170, 0.0, 1.0, -1.0], &[true; 4]);
        // (4 * 1e-170 - 0) / √((4 * 2 - 0) (4 * 2 - 1e-340)).
        assert_eq!(pairs.statistic(Statistic::Correlation, 0, 4), Some(5e-171));
    }

    #[test]
    fn an_infinity_leaves_with_its_frame() {
        let mut pairs = Pairs::new();
        pairs.extend(&[f64::INFINITY, 1.0, 2.0], &[1.0, 1.0, 3.0], &[true; 3]);
        assert!(pairs.statistic(Statistic::CovarianceSample, 0, 3).is_some_and(f64::is_nan));
        assert_eq!(pairs.statistic(Statistic::Slope, 1, 3), Some(0.5));
    }
}
