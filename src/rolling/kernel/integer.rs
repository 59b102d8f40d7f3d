//! Exact integers of any width: sign and magnitude.
//!
//! In: totals as limbs in two's complement. Out: their exact products and differences, and the rounded quotient of two of
//! them.

use std::cmp::Ordering;

use super::exact::{add_limbs, compare_limbs, multiply_limbs, subtract_limbs, take_magnitude};
use super::ratio::ratio;

/// An exact integer.
#[derive(Debug, Clone)]
pub struct Integer {
    negative: bool,
    /// The magnitude, least significant limb first; its highest limb is not 0.
    limbs: Vec<u64>,
}

impl Integer {
    /// Returns the difference of two totals, which may have wrapped around.
    pub fn difference(later: &[u64], earlier: &[u64]) -> Integer {
        let mut limbs = later.to_vec();
        subtract_limbs(&mut limbs, earlier);
        let negative = take_magnitude(&mut limbs);
        Integer { negative, limbs }.trimmed()
    }

    fn trimmed(mut self) -> Integer {
        let used = self.limbs.iter().rposition(|limb| *limb != 0).map_or(0, |last| last + 1);
        self.limbs.truncate(used);
        self
    }

    pub fn times(&self, other: &Integer) -> Integer {
        let mut limbs = vec![0; self.limbs.len() + other.limbs.len()];
        multiply_limbs(&self.limbs, &other.limbs, &mut limbs);
        Integer { negative: self.negative != other.negative, limbs }.trimmed()
    }

    pub fn times_count(&self, factor: u64) -> Integer {
        let mut limbs = vec![0; self.limbs.len() + 1];
        multiply_limbs(&[factor], &self.limbs, &mut limbs);
        Integer { negative: self.negative, limbs }.trimmed()
    }

    pub fn minus(self, other: Integer) -> Integer {
        let differ = self.negative != other.negative;
        // Magnitudes have no leading zeros, so the longer one is greater.
        let shorter = self.limbs.len() < other.limbs.len();
        let swap = shorter
            || (self.limbs.len() == other.limbs.len() && compare_limbs(&self.limbs, &other.limbs) == Ordering::Less);
        let negative = self.negative != (swap && !differ);
        let (mut greater, lesser) = if swap { (other.limbs, self.limbs) } else { (self.limbs, other.limbs) };
        if differ {
            greater.push(0);
            add_limbs(&mut greater, &lesser);
        } else {
            subtract_limbs(&mut greater, &lesser);
        }
        Integer { negative, limbs: greater }.trimmed()
    }

    /// Returns how many bits the magnitude has.
    pub fn bits(&self) -> i32 {
        self.limbs.last().map_or(0, |last| 64 * self.limbs.len() as i32 - last.leading_zeros() as i32)
    }

    pub fn is_zero(&self) -> bool {
        self.limbs.is_empty()
    }

    /// Returns this integer divided by `divisor`, times `2^exponent`, correctly rounded; never -0.0.
    pub fn over(&self, divisor: u64, exponent: i32) -> f64 {
        self.signed(ratio(&self.limbs, &[divisor], exponent))
    }

    /// Returns the quotient of two integers times `2^exponent`, correctly rounded; never -0.0.
    pub fn ratio(&self, denominator: &Integer, exponent: i32) -> f64 {
        let magnitude = self.signed(ratio(&self.limbs, &denominator.limbs, exponent));
        if denominator.negative && !self.is_zero() { -magnitude } else { magnitude }
    }

    /// Gives this integer's sign to a magnitude.
    pub fn signed(&self, magnitude: f64) -> f64 {
        if self.negative && !self.is_zero() { -magnitude } else { magnitude }
    }
}

#[cfg(test)]
mod tests {
    use super::Integer;

    fn integer(value: i128) -> Integer {
        Integer::difference(&[value as u64, (value >> 64) as u64], &[0, 0])
    }

    #[test]
    fn products_and_differences_are_exact_on_either_side_of_zero() {
        for a in [-7, -1, 0, 3, 1 << 55] {
            for b in [-(1 << 90), -3, 0, 1, 12, 9 << 70] {
                let found = integer(a).times(&integer(a)).minus(integer(b).times_count(5));
                assert_eq!(found.over(1, 0), (a * a - b * 5) as f64, "{a}, {b}");
                assert_eq!(found.is_zero(), a * a == b * 5, "{a}, {b}");
            }
        }
    }

    #[test]
    fn a_ratio_has_the_sign_of_its_parts_and_zero_has_none() {
        assert_eq!(integer(-6).ratio(&integer(4), 1), -3.0);
        assert_eq!(integer(-6).ratio(&integer(-4), 0), 1.5);
        assert!(integer(0).times(&integer(-4)).over(3, 0).is_sign_positive());
        assert!(integer(-4).minus(integer(-4)).over(3, 0).is_sign_positive());
    }

    #[test]
    fn quotients_are_rounded_once() {
        // The mean of equal values is that value. 2^53 + 1 is a tie; anything more is not.
        let value = (1i128 << 52) + 0x_9999_9999;
        for count in [3, 7, 49] {
            assert_eq!(integer(value).times_count(count).over(count, 0), value as f64);
            let wide = integer(value).times(&integer(1 << 100)).times(&integer(1 << 100));
            assert_eq!(wide.times_count(count).ratio(&wide, 0), count as f64);
        }
        let tie = (1i128 << 53) + 1;
        assert_eq!(integer(tie).over(1, 0), 2f64.powi(53));
        let above = integer(tie).times(&integer(1 << 100)).minus(integer(-1));
        assert_eq!(above.over(1, -100), 2f64.powi(53) + 2.0);
        assert_eq!(above.times_count(5).over(5, -100), 2f64.powi(53) + 2.0);
    }

    #[test]
    fn a_difference_of_totals_that_wrapped_around_is_right() {
        assert_eq!(Integer::difference(&[3, 0], &[u64::MAX - 1, u64::MAX]).over(1, 0), 5.0);
    }
}
