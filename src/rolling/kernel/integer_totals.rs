//! Mean and variance of integers, from their exact totals.
//!
//! In: how many integers there are, their sum and the sum of their squares. Out: the figures, rounded at the end. Integers of 64
//! bits have a sum within 128 bits, and squares within 256 bits, for fewer than 2^62 rows.

use super::exact::{Rounded, U256};

/// The exact totals of some integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IntegerTotals {
    pub count: u64,
    pub sum: i128,
    /// The sum of the squares: the upper and the lower 128 bits.
    pub squares: (u128, u128),
}

impl IntegerTotals {
    /// Returns the mean; `None` if there are no integers.
    pub fn mean(&self) -> Option<f64> {
        if self.count == 0 {
            return None;
        }
        if self.sum.unsigned_abs() >> 53 == 0 {
            return Some(self.sum as f64 / self.count as f64);
        }
        let count = i128::from(self.count);
        let (whole, rest) = (self.sum / count, self.sum % count);
        if whole.unsigned_abs() >> 53 == 0 {
            return Some(whole as f64 + rest as f64 / self.count as f64);
        }
        // The whole part has more bits than a double. A last bit stands for the rest.
        let mean = Rounded::from_u128(whole.unsigned_abs() << 1 | u128::from(rest != 0), -1).divided_by(1.0);
        Some(if self.sum < 0 { -mean } else { mean })
    }

    /// Returns the variance of a sample or of a population; `None` if there are too few integers.
    pub fn variance(&self, sample: bool) -> Option<f64> {
        let (numerator, divisors) = self.spread(sample)?;
        Some(numerator.divided_by(divisors))
    }

    /// Returns the standard deviation of a sample or of a population; `None` if there are too few integers.
    pub fn deviation(&self, sample: bool) -> Option<f64> {
        let (numerator, divisors) = self.spread(sample)?;
        Some(numerator.root_of_quotient(divisors))
    }

    /// Returns `n Σx² - (Σx)²`, and what to divide it by.
    fn spread(&self, sample: bool) -> Option<(Rounded, f64)> {
        let least = if sample { 2 } else { 1 };
        if self.count < least {
            return None;
        }
        let squares = U256 { high: self.squares.0, low: self.squares.1 }.times(self.count);
        let numerator = squares.minus(U256::product(self.sum.unsigned_abs(), self.sum.unsigned_abs()));
        let others = if sample { self.count - 1 } else { self.count };
        Some((Rounded::from_u256(numerator, 0), self.count as f64 * others as f64))
    }
}

#[cfg(test)]
mod tests {
    use super::IntegerTotals;

    fn totals(values: &[i64]) -> IntegerTotals {
        let square = |value: &i64| u128::from(value.unsigned_abs()) * u128::from(value.unsigned_abs());
        IntegerTotals {
            count: values.len() as u64,
            sum: values.iter().map(|value| i128::from(*value)).sum(),
            squares: (0, values.iter().map(square).sum()),
        }
    }

    #[test]
    fn large_integers_keep_their_digits() {
        let close = totals(&[1_700_000_000_000_000_001, 1_700_000_000_000_000_003, 1_700_000_000_000_000_005]);
        assert_eq!(close.variance(true), Some(4.0));
        assert_eq!(close.variance(false), Some(8.0 / 3.0));
        assert_eq!(close.deviation(true), Some(2.0));
        assert_eq!(close.mean(), Some(1.7e18));
        assert_eq!(totals(&[i64::MAX, i64::MAX, -2]).mean(), Some(6_148_914_691_236_517_204.0));
        assert_eq!(totals(&[i64::MIN, i64::MIN]).mean(), Some(-9_223_372_036_854_775_808.0));
        assert_eq!(totals(&[1, 2]).mean(), Some(1.5));
    }

    #[test]
    fn too_few_integers_have_no_figures() {
        assert_eq!(
            (totals(&[]).mean(), totals(&[7]).variance(true), totals(&[7]).variance(false)),
            (None, None, Some(0.0))
        );
    }
}
