//! The logarithm of the ratio of two prices, and products of such logarithms, with more digits than a double has.
//!
//! A number is the unevaluated sum of two doubles; the second is below half a unit in the last place of the first (Dekker
//! 1971, doi:10.1007/BF01397083). Only operations that IEEE 754 defines to the last bit are used, so results are the same on
//! every machine.

use super::exact::{Parts, scaled};

/// ln 2 in two parts; the first has few enough bits for its product with an exponent to be exact.
const LN_2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;

/// The number of terms after the first in the series of atanh. Arguments are below 0.172, so the next term is below 2^-60.
const TERMS: u32 = 11;

/// A real number as the sum of two doubles.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct TwoParts {
    pub high: f64,
    pub low: f64,
}

impl TwoParts {
    /// Returns the sum of two numbers; the first must have the greater magnitude or be 0.
    fn of(high: f64, low: f64) -> Self {
        let sum = high + low;
        TwoParts { high: sum, low: low - (sum - high) }
    }

    /// Returns the product, with a relative error of about 2^-100.
    pub fn times(self, other: TwoParts) -> TwoParts {
        let product = self.high * other.high;
        let rest = self.high.mul_add(other.high, -product);
        TwoParts::of(product, rest + (self.high * other.low + self.low * other.high))
    }

    /// Returns the magnitude.
    pub fn abs(self) -> TwoParts {
        if self.high < 0.0 { TwoParts { high: -self.high, low: -self.low } } else { self }
    }
}

/// Returns ln(to / from) of two positive, finite doubles, with a relative error of at most a tenth of 2^-53.
///
/// With `to / from = 2^k m` and m near 1, it is `k ln 2 + 2 atanh((m - 1) / (m + 1))`.
pub fn log_return(from: f64, to: f64) -> TwoParts {
    let ((from, low), (mut to, high)) = (significand(from), significand(to));
    let mut exponent = high - low;
    if to > from * std::f64::consts::SQRT_2 {
        (to, exponent) = (to / 2.0, exponent + 1);
    } else if from > to * std::f64::consts::SQRT_2 {
        (to, exponent) = (to * 2.0, exponent - 1);
    }
    let logarithm = near_one(from, to);
    if exponent == 0 {
        return logarithm;
    }
    let exponent = f64::from(exponent);
    let sum = TwoParts::of(exponent * LN_2_HIGH, logarithm.high);
    TwoParts::of(sum.high, sum.low + (logarithm.low + exponent * LN_2_LOW))
}

/// Returns the significand in [1, 2) and the exponent of a positive, finite double.
fn significand(value: f64) -> (f64, i32) {
    let parts = Parts::of(value);
    let zeros = parts.mantissa.leading_zeros() as i32;
    (scaled(parts.mantissa as f64, zeros - 63), parts.exponent + 63 - zeros)
}

/// Returns ln(to / from), if the two differ by at most a factor of √2.
fn near_one(from: f64, to: f64) -> TwoParts {
    // This is exact, because the two are so close.
    let difference = to - from;
    let sum = if from > to { TwoParts::of(from, to) } else { TwoParts::of(to, from) };
    let high = difference / sum.high;
    let low = ((-high).mul_add(sum.high, difference) - high * sum.low) / sum.high;
    let square = high * high;
    let series = (1..=TERMS).rev().fold(0.0, |series, term| square * (series + 1.0 / f64::from(2 * term + 1)));
    TwoParts::of(2.0 * high, 2.0 * (low + high * series))
}

#[cfg(test)]
mod tests {
    use super::{TwoParts, log_return};

    #[test]
    fn logarithms_are_those_of_the_series_and_of_tables() {
        // ln 2 and ln 10 to 33 digits, in two doubles.
        assert_eq!(log_return(3.0, 6.0).high, std::f64::consts::LN_2);
        assert!((log_return(3.0, 6.0).low - 2.319_046_813_846_3e-17).abs() < 1e-25);
        assert_eq!(log_return(0.7, 7.0).high, std::f64::consts::LN_10);
        assert_eq!(log_return(5.0, 5.0), TwoParts::default());
        // ln(1 + x) = x - x²/2 + x³/3 - … with x = 2^-30.
        let x = 2f64.powi(-30);
        let small = log_return(1.0, 1.0 + x);
        assert_eq!(small.high, x - x * x / 2.0 + x * x * x / 3.0);
        assert!((small.low - (x * x * x / 3.0 - (small.high - (x - x * x / 2.0)))).abs() < x * 2f64.powi(-85));
    }

    #[test]
    fn a_return_and_its_way_back_cancel() {
        for (from, to) in
            [(1.0, 1.5), (95_000.01, 95_000.02), (1e-300, 1e300), (5e-324, f64::MAX), (0.9, 1.1), (1.3, 7.7)]
        {
            let (there, back) = (log_return(from, to), log_return(to, from));
            assert!((there.high + back.high).abs() <= there.high.abs() * f64::EPSILON, "{from} {to}");
            let whole = (there.high + back.high) + (there.low + back.low);
            assert!(whole.abs() <= there.high.abs() * f64::EPSILON / 8.0, "{from} {to}: {whole}");
        }
    }

    #[test]
    fn products_keep_their_rest() {
        let x = TwoParts { high: 1.0 + f64::EPSILON, low: 2f64.powi(-60) };
        let square = x.times(x);
        assert_eq!(square.high, 1.0 + 2.0 * f64::EPSILON);
        assert_eq!(square.low, f64::EPSILON * f64::EPSILON + 2f64.powi(-59) * (1.0 + f64::EPSILON));
    }
}
