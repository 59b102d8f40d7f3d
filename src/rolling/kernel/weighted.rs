//! Weighted means, from exact running totals of weights and of values times weights.
//!
//! In: doubles, each with an integer weight `mantissa * 2^shift`. Out: for ranges of rows, the ratio of the two sums,
//! rounded once. The unit of the values is chosen from the data; if a value does not fit, totals are rebuilt from the rows
//! that frames can still read. NaN and infinities are counted separately, so they leave together with the frame that they
//! were in.

use super::exact::{COUNT_BITS, Parts, extent, take_magnitude};
use super::non_finite::NonFinite;
use super::ratio::ratio;
use super::ring::Ring;
use super::segments::SegmentTotals;

/// The limbs that ordinary data need for values times weights. Extra limbs are released once the values that needed them are
/// gone.
const ORDINARY_LIMBS: usize = 4;

/// A row; its value is 0 if it is absent or not finite.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    pub value: f64,
    /// The weight is `mantissa * 2^shift`.
    pub mantissa: u64,
    pub shift: u32,
    /// Whether totals start again at this row.
    pub anew: bool,
}

/// Running totals of one column of weighted values.
#[derive(Debug)]
pub struct Weighted {
    weight_bits: i32,
    rows: Ring<Row>,
    non_finite: Ring<NonFinite>,
    /// Every value is a multiple of `2^lowest` below `2^highest`.
    lowest: i32,
    highest: i32,
    weights: SegmentTotals,
    products: SegmentTotals,
    /// Once rows before this position are gone, fewer limbs may be enough again.
    retry_at: usize,
}

/// The sums that make a mean, gathered from ranges of rows.
#[derive(Debug, Default)]
pub struct Fraction {
    products: Vec<u64>,
    weights: Vec<u64>,
}

impl Row {
    /// Returns a row that has no weight.
    pub fn absent() -> Row {
        Row { value: 0.0, mantissa: 0, shift: 0, anew: false }
    }
}

impl Weighted {
    /// Prepares for weights below `2^weight_bits`.
    pub fn new(weight_bits: i32) -> Self {
        let mut non_finite = Ring::starting_at(0);
        non_finite.push(NonFinite::default());
        Weighted {
            weight_bits,
            rows: Ring::starting_at(0),
            non_finite,
            lowest: 0,
            highest: 0,
            weights: SegmentTotals::new(weight_bits + COUNT_BITS + 1, 0),
            products: SegmentTotals::new(weight_bits + COUNT_BITS + 1, 0),
            retry_at: 0,
        }
    }

    /// Adds rows; their values may be NaN or infinite.
    pub fn extend(&mut self, rows: impl IntoIterator<Item = Row>) {
        let from = self.rows.end();
        let mut seen = self.non_finite.last().unwrap_or_default();
        for mut row in rows {
            if !row.value.is_finite() {
                // A value with weight 0 does not change the mean.
                if row.mantissa != 0 {
                    seen.note(row.value);
                }
                row.value = 0.0;
            }
            self.non_finite.push(seen);
            self.rows.push(row);
            self.weights.push(false, u128::from(row.mantissa), row.shift, row.anew);
        }
        let fits = self.extent(from).is_none_or(|(low, high)| self.lowest <= low && high <= self.highest);
        let retry = self.products.limbs() > ORDINARY_LIMBS && self.rows.base() >= self.retry_at;
        if fits && !retry { self.total_from(from) } else { self.rebuild() }
    }

    /// Returns the powers of two between which all bits of the values from a position on lie; `None` if all are 0.
    fn extent(&self, from: usize) -> Option<(i32, i32)> {
        let rows = &self.rows.live()[from - self.rows.base()..];
        extent(rows.iter().map(|row| row.value))
    }

    /// Chooses the unit again from the values held, and recomputes every total of values.
    fn rebuild(&mut self) {
        let base = self.rows.base();
        let (low, high) = self.extent(base).unwrap_or((0, 0));
        // A margin, so that similar values to come also fit.
        (self.lowest, self.highest) = (low - 8, high + 8);
        let bits = self.highest - self.lowest + self.weight_bits + COUNT_BITS + 1;
        self.products = SegmentTotals::new(bits, base);
        self.retry_at = self.rows.end();
        self.total_from(base);
    }

    fn total_from(&mut self, from: usize) {
        for row in &self.rows.live()[from - self.rows.base()..] {
            let parts = Parts::of(row.value);
            if parts.mantissa == 0 {
                self.products.push(false, 0, 0, row.anew);
                continue;
            }
            let zeros = parts.mantissa.trailing_zeros();
            let shift = (parts.exponent + zeros as i32 - self.lowest) as u32 + row.shift;
            let product = u128::from(parts.mantissa >> zeros) * u128::from(row.mantissa);
            self.products.push(parts.negative, product, shift, row.anew);
        }
    }

    /// Forgets rows before `position`.
    pub fn release(&mut self, position: usize) {
        self.rows.release(position);
        self.non_finite.release(position);
        self.weights.release(position);
        self.products.release(position);
    }

    /// Returns the bytes of memory held.
    pub fn bytes(&self) -> usize {
        self.rows.bytes() + self.non_finite.bytes() + self.weights.bytes() + self.products.bytes()
    }

    /// Returns the mean of a range that contains NaN or infinite values; `None` if all are finite.
    pub fn non_finite(&self, start: usize, end: usize) -> Option<f64> {
        self.non_finite.at(end).sum_since(self.non_finite.at(start))
    }

    /// Empties a fraction and makes room for ranges at offsets up to the given one.
    pub fn clear(&self, fraction: &mut Fraction, greatest_offset: usize) {
        for (sum, totals) in [(&mut fraction.products, &self.products), (&mut fraction.weights, &self.weights)] {
            sum.clear();
            sum.resize(totals.limbs() + greatest_offset + 1, 0);
        }
    }

    /// Adds a range, its weights times `2^(64 * offset)`; `anew` says whether totals start again at its first row.
    pub fn add_to(&self, fraction: &mut Fraction, offset: usize, range: (usize, usize), anew: bool) {
        self.products.add_to(&mut fraction.products, offset, range, anew);
        self.weights.add_to(&mut fraction.weights, offset, range, anew);
    }

    /// Returns the sum of values times weights of a fraction, divided by one weight, and uses the fraction up.
    pub fn mean_by(&self, fraction: &mut Fraction, mantissa: u64, shift: u32) -> Option<f64> {
        let wide = u128::from(mantissa) << (shift % 64);
        let limb = (shift / 64) as usize;
        fraction.weights.fill(0);
        fraction.weights[limb] = wide as u64;
        fraction.weights[limb + 1] = (wide >> 64) as u64;
        self.mean(fraction)
    }

    /// Returns the mean of a fraction and uses the fraction up; `None` if it has no weight.
    pub fn mean(&self, fraction: &mut Fraction) -> Option<f64> {
        if fraction.weights.iter().all(|limb| *limb == 0) {
            return None;
        }
        let negative = take_magnitude(&mut fraction.products);
        let mean = ratio(&fraction.products, &fraction.weights, self.lowest);
        Some(if negative { -mean } else { mean })
    }
}

#[cfg(test)]
mod tests {
    use super::{Fraction, ORDINARY_LIMBS, Row, Weighted};

    fn row(value: f64, mantissa: u64) -> Row {
        Row { value, mantissa, shift: 3, anew: false }
    }

    fn mean(weighted: &Weighted, start: usize, end: usize) -> Option<f64> {
        let mut fraction = Fraction::default();
        weighted.clear(&mut fraction, 0);
        weighted.add_to(&mut fraction, 0, (start, end), false);
        weighted.mean(&mut fraction)
    }

    #[test]
    fn means_survive_a_change_of_the_unit() {
        let mut weighted = Weighted::new(67);
        weighted.extend([row(1.0, 3), row(-2.0, 1), Row::absent()]);
        weighted.extend([row(2f64.powi(900), 1), row(2f64.powi(-900), u64::MAX)]);
        assert_eq!(mean(&weighted, 0, 2), Some(0.25));
        assert_eq!(mean(&weighted, 2, 3), None);
        assert_eq!(mean(&weighted, 2, 5), Some(2f64.powi(900) / 2f64.powi(64)));
        assert_eq!(mean(&weighted, 4, 5), Some(2f64.powi(-900)));
    }

    #[test]
    fn limbs_are_given_back_when_their_cause_is_gone() {
        let mut weighted = Weighted::new(67);
        weighted.extend([row(1e300, 1), row(1.0, 1)]);
        assert!(weighted.products.limbs() > ORDINARY_LIMBS);
        weighted.release(2);
        weighted.extend([row(3.0, 1), row(4.0, 3)]);
        assert!(weighted.products.limbs() <= ORDINARY_LIMBS);
        assert_eq!(mean(&weighted, 2, 4), Some(3.75));
    }

    #[test]
    fn infinity_spoils_only_ranges_in_which_it_has_weight() {
        let mut weighted = Weighted::new(67);
        weighted.extend([row(f64::INFINITY, 1), row(1.0, 1), row(f64::NAN, 0), row(f64::NEG_INFINITY, 1)]);
        assert_eq!(weighted.non_finite(0, 2), Some(f64::INFINITY));
        assert_eq!(weighted.non_finite(1, 3), None);
        assert_eq!(weighted.non_finite(1, 4), Some(f64::NEG_INFINITY));
        assert!(weighted.non_finite(0, 4).is_some_and(f64::is_nan));
    }
}
