//! Exact integers of any width: sign and magnitude.
//!
//! In: totals as limbs in two's complement. Out: their products and differences, exactly, and the quotient of two of them,
//! rounded.

use std::cmp::Ordering;

use super::exact::{Rounded, add_limbs, compare_limbs, multiply_limbs, scaled, subtract_limbs, take_magnitude};

/// An exact integer.
#[derive(Debug, Clone)]
pub struct Integer {
    negative: bool,
    /// The magnitude, least significant limb first, its highest limb not 0.
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

    pub fn times_count(&self, factor: u32) -> Integer {
        let mut limbs = vec![0; self.limbs.len() + 1];
        multiply_limbs(&[u64::from(factor)], &self.limbs, &mut limbs);
        Integer { negative: self.negative, limbs }.trimmed()
    }

    pub fn minus(mut self, mut other: Integer) -> Integer {
        let width = self.limbs.len().max(other.limbs.len()) + 1;
        self.limbs.resize(width, 0);
        other.limbs.resize(width, 0);
        if self.negative != other.negative {
            add_limbs(&mut self.limbs, &other.limbs);
            return self.trimmed();
        }
        if compare_limbs(&self.limbs, &other.limbs) == Ordering::Less {
            subtract_limbs(&mut other.limbs, &self.limbs);
            return Integer { negative: !self.negative, limbs: other.limbs }.trimmed();
        }
        subtract_limbs(&mut self.limbs, &other.limbs);
        self.trimmed()
    }

    pub fn is_zero(&self) -> bool {
        self.limbs.is_empty()
    }

    /// Returns this integer over `divisor`, times `2^exponent`, each of the two steps rounded; never -0.0.
    pub fn over(&self, divisor: f64, exponent: i32) -> f64 {
        self.signed(Rounded::from_limbs(&self.limbs, exponent).divided_by(divisor))
    }

    /// Returns the quotient of two integers times `2^exponent`: both rounded, and the quotient again; never -0.0.
    pub fn ratio(&self, denominator: &Integer, exponent: i32) -> f64 {
        let (top, bottom) = (Rounded::from_limbs(&self.limbs, 0), Rounded::from_limbs(&denominator.limbs, 0));
        let magnitude = scaled(top.mantissa / bottom.mantissa, top.exponent - bottom.exponent + exponent);
        if denominator.negative { -self.signed(magnitude) } else { self.signed(magnitude) }
    }

    /// Gives a magnitude this integer's sign.
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
                assert_eq!(found.over(1.0, 0), (a * a - b * 5) as f64, "{a}, {b}");
                assert_eq!(found.is_zero(), a * a == b * 5, "{a}, {b}");
            }
        }
    }

    #[test]
    fn a_ratio_has_the_sign_of_its_parts_and_zero_has_none() {
        assert_eq!(integer(-6).ratio(&integer(4), 1), -3.0);
        assert_eq!(integer(-6).ratio(&integer(-4), 0), 1.5);
        assert!(integer(0).times(&integer(-4)).over(3.0, 0).is_sign_positive());
        assert!(integer(-4).minus(integer(-4)).over(3.0, 0).is_sign_positive());
    }

    #[test]
    fn a_difference_of_totals_that_wrapped_around_is_right() {
        assert_eq!(Integer::difference(&[3, 0], &[u64::MAX - 1, u64::MAX]).over(1.0, 0), 5.0);
    }
}
