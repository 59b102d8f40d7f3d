//! Realized volatility and bipower variation of a frame, from running totals of what each return contributes.
//!
//! In: prices. Out: for any range of rows, over the returns whose two prices are both in the range, either the square root
//! of the sum of squared log returns (Andersen & Bollerslev 1998, doi:10.2307/2527343), or pi/2 times the sum of products of
//! neighbouring absolute returns (Barndorff-Nielsen & Shephard 2004, doi:10.1093/jjfinec/nbh001). A return's contribution
//! has twice the digits of a double, and the sum is exact.

use super::log_return::{TwoParts, log_return};
use super::moments::{Moments, Powers};
use super::pointer::Pointer;
use super::ring::Ring;

/// pi/2, as the sum of two doubles.
const HALF_PI: TwoParts = TwoParts { high: std::f64::consts::FRAC_PI_2, low: 6.123_233_995_736_766e-17 };

/// What to compute from returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variation {
    Realized,
    Bipower,
}

impl Variation {
    /// Returns the smallest number of prices for which it is defined.
    fn least_prices(self) -> u64 {
        match self {
            Variation::Realized => 2,
            Variation::Bipower => 3,
        }
    }
}

/// How many prices have come, and how many of them have no logarithm.
#[derive(Debug, Clone, Copy, Default)]
struct Passed {
    prices: u64,
    undefined: u64,
}

/// The returns of one column of prices.
#[derive(Debug)]
pub struct Returns {
    variation: Variation,
    /// The last price; NaN if it has no logarithm.
    last_price: Option<f64>,
    last_return: TwoParts,
    passed: Ring<Passed>,
    /// The contribution of the return that ends at each row, in two parts.
    high: Moments,
    low: Moments,
}

impl Returns {
    pub fn new(variation: Variation) -> Self {
        let mut passed = Ring::starting_at(0);
        passed.push(Passed::default());
        let (high, low) = (Moments::new(Powers::Values), Moments::new(Powers::Values));
        Returns { variation, last_price: None, last_return: TwoParts::default(), passed, high, low }
    }

    /// Adds rows; `valid` is absent if none is NULL.
    pub fn extend(&mut self, prices: &[f64], valid: Option<&[bool]>) {
        let mut passed = self.passed.last().unwrap_or_default();
        let (mut high, mut low) = (Vec::with_capacity(prices.len()), Vec::with_capacity(prices.len()));
        for (row, price) in prices.iter().enumerate() {
            let counted = valid.is_none_or(|valid| valid[row]);
            let term = if counted { self.term(*price) } else { TwoParts::default() };
            high.push(term.high);
            low.push(term.low);
            passed.prices += u64::from(counted);
            passed.undefined += u64::from(counted && !has_logarithm(*price));
            self.passed.push(passed);
        }
        self.high.extend(&high, None);
        self.low.extend(&low, None);
    }

    /// Returns the contribution of the return to this price; 0 if there is no return.
    fn term(&mut self, price: f64) -> TwoParts {
        let price = if has_logarithm(price) { price } else { f64::NAN };
        let last = self.last_price.replace(price).unwrap_or(f64::NAN);
        let defined = !last.is_nan() && !price.is_nan();
        let log_return = if defined { log_return(last, price) } else { TwoParts::default() };
        let before = std::mem::replace(&mut self.last_return, log_return);
        match self.variation {
            Variation::Realized => log_return.times(log_return),
            Variation::Bipower => log_return.times(before).abs(),
        }
    }

    /// Forgets rows before `position`.
    pub fn release(&mut self, position: usize) {
        self.passed.release(position);
        self.high.release(position);
        self.low.release(position);
    }

    /// Returns the bytes of memory held.
    pub fn bytes(&self) -> usize {
        self.passed.bytes() + self.high.bytes() + self.low.bytes()
    }

    /// Returns the variation over a range; `None` if it has too few prices, or a price without a logarithm. Pass the same
    /// pointer for all ranges of one scan.
    pub fn variation(&self, behind: &mut Pointer, start: usize, end: usize) -> Option<f64> {
        let (from, to) = (self.passed.at(start), self.passed.at(end));
        let least = self.variation.least_prices();
        if to.prices - from.prices < least || to.undefined != from.undefined {
            return None;
        }
        // The first prices of the range end returns that began before the range.
        let first = behind.seek(start, end, |position| self.passed.at(position).prices - from.prices >= least - 1);
        let (high, low) = (self.high.sum(first, end)?, self.low.sum(first, end)?);
        Some(match self.variation {
            Variation::Realized => (high + low).sqrt(),
            Variation::Bipower => high.mul_add(HALF_PI.high, high * HALF_PI.low + low * HALF_PI.high),
        })
    }
}

fn has_logarithm(price: f64) -> bool {
    price > 0.0 && price.is_finite()
}

#[cfg(test)]
mod tests {
    use std::f64::consts::{FRAC_PI_2, LN_2};

    use super::{Pointer, Returns, Variation};

    fn over(variation: Variation, prices: &[f64], ranges: &[(usize, usize)]) -> Vec<Option<f64>> {
        let mut returns = Returns::new(variation);
        returns.extend(prices, None);
        let mut pointer = Pointer::default();
        ranges.iter().map(|(start, end)| returns.variation(&mut pointer, *start, *end)).collect()
    }

    #[test]
    fn only_returns_within_the_range_count() {
        let prices = [1.0, 2.0, 4.0, 4.0, 1.0];
        let found = over(Variation::Realized, &prices, &[(0, 1), (0, 2), (1, 4), (2, 4), (2, 5), (5, 5)]);
        assert_eq!(found, [None, Some(LN_2), Some(LN_2), Some(0.0), Some(2.0 * LN_2), None]);
        let found = over(Variation::Bipower, &prices, &[(0, 2), (0, 3), (1, 4), (2, 5)]);
        assert_eq!(found, [None, Some(FRAC_PI_2 * (LN_2 * LN_2)), Some(0.0), Some(0.0)]);
    }

    #[test]
    fn a_price_without_a_logarithm_leaves_with_its_frame() {
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let found = over(Variation::Realized, &[1.0, bad, 3.0, 3.0], &[(0, 2), (1, 4), (2, 4)]);
            assert_eq!(found, [None, None, Some(0.0)], "{bad}");
        }
    }

    #[test]
    fn rows_without_a_price_are_passed_over() {
        let mut returns = Returns::new(Variation::Realized);
        returns.extend(&[1.0, 9.0, 2.0], Some(&[true, false, true]));
        returns.extend(&[9.0], Some(&[false]));
        let mut pointer = Pointer::default();
        assert_eq!(returns.variation(&mut pointer, 0, 4), Some(LN_2));
        assert_eq!(returns.variation(&mut pointer, 1, 4), None);
    }
}
