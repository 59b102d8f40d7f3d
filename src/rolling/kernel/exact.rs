//! Exact real numbers as integers of any width, and the single rounding at the end.
//!
//! In: integers scaled by a power of two. Out: the nearest double. An exact number has the same value in every
//! representation, so the result has the same bits whatever width it was computed in.

use std::cmp::Ordering;

/// Bits for the number of rows. The engine checks that a frame whose rows are held has fewer than 2^32.
pub const COUNT_BITS: i32 = 32;

/// The parts of a finite double: `±mantissa * 2^exponent`; the mantissa has at most 53 bits.
#[derive(Debug, Clone, Copy)]
pub struct Parts {
    pub negative: bool,
    pub mantissa: u64,
    pub exponent: i32,
}

impl Parts {
    /// Splits a finite double into its parts.
    #[inline]
    pub fn of(value: f64) -> Parts {
        let bits = value.to_bits();
        let biased = ((bits >> 52) & 0x7ff) as i32;
        let fraction = bits & ((1 << 52) - 1);
        let mantissa = if biased == 0 { fraction } else { fraction | 1 << 52 };
        Parts { negative: value.is_sign_negative(), mantissa, exponent: biased.max(1) - 1075 }
    }
}

/// Returns the powers of two between which all bits of the finite values lie; `None` if all are 0.
pub fn extent(values: impl Iterator<Item = f64>) -> Option<(i32, i32)> {
    values.filter(|value| *value != 0.0).fold(None, |extent, value| {
        let parts = Parts::of(value);
        let low = parts.exponent + parts.mantissa.trailing_zeros() as i32;
        let high = parts.exponent + 64 - parts.mantissa.leading_zeros() as i32;
        Some(extent.map_or((low, high), |(lowest, highest): (i32, i32)| (lowest.min(low), highest.max(high))))
    })
}

/// An exact magnitude, rounded once to 53 bits: `mantissa * 2^exponent`. The mantissa is 0 or in [2^63, 2^64].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rounded {
    pub mantissa: f64,
    pub exponent: i32,
}

impl Rounded {
    pub const ZERO: Rounded = Rounded { mantissa: 0.0, exponent: 0 };

    /// Rounds `top * 2^exponent`. The highest bit of `top` is set; `inexact` says that lower bits were lost.
    #[inline]
    fn new(top: u64, inexact: bool, exponent: i32) -> Rounded {
        Rounded { mantissa: (top | u64::from(inexact)) as f64, exponent }
    }

    /// Rounds `magnitude * 2^exponent`.
    #[inline]
    pub fn from_u128(magnitude: u128, exponent: i32) -> Rounded {
        if magnitude == 0 {
            return Rounded::ZERO;
        }
        let (top, exponent) = leading(magnitude, exponent);
        Rounded { mantissa: top as f64, exponent }
    }

    /// Rounds `magnitude * 2^exponent`, where the magnitude has 256 bits.
    #[inline]
    pub fn from_u256(magnitude: U256, exponent: i32) -> Rounded {
        if magnitude.high == 0 {
            return Rounded::from_u128(magnitude.low, exponent);
        }
        let zeros = magnitude.high.leading_zeros();
        let aligned =
            if zeros == 0 { magnitude.high } else { magnitude.high << zeros | magnitude.low >> (128 - zeros) };
        let inexact = aligned as u64 != 0 || magnitude.low << zeros != 0;
        Rounded::new((aligned >> 64) as u64, inexact, exponent + 192 - zeros as i32)
    }

    /// Rounds `magnitude * 2^exponent`, where the magnitude is given as limbs, least significant first.
    pub fn from_limbs(magnitude: &[u64], exponent: i32) -> Rounded {
        let Some(last) = magnitude.iter().rposition(|limb| *limb != 0) else { return Rounded::ZERO };
        let limb = |index: usize| magnitude.get(index).copied().unwrap_or(0);
        let zeros = magnitude[last].leading_zeros();
        let below = if last == 0 { 0 } else { limb(last - 1) };
        let top = if zeros == 0 { magnitude[last] } else { magnitude[last] << zeros | below >> (64 - zeros) };
        let lost = if last == 0 { 0 } else { below << zeros };
        let inexact = lost != 0 || magnitude[..last.saturating_sub(1)].iter().any(|limb| *limb != 0);
        Rounded::new(top, inexact, exponent + 64 * last as i32 - zeros as i32)
    }

    /// Returns this number divided by `divisor`, as a double; the quotient is rounded once more.
    #[inline]
    pub fn divided_by(self, divisor: f64) -> f64 {
        scaled(self.mantissa / divisor, self.exponent)
    }

    /// Returns the square root of this number divided by `divisor`.
    #[inline]
    pub fn root_of_quotient(self, divisor: f64) -> f64 {
        let odd = self.exponent & 1;
        let quotient = self.mantissa / divisor * f64::from(1 + odd);
        scaled(quotient.sqrt(), (self.exponent - odd) >> 1)
    }
}

/// Returns the 64 leading bits of `magnitude * 2^exponent`, and their unit. The last bit is also set if any lower bit is.
/// The magnitude must not be 0.
#[inline]
fn leading(magnitude: u128, exponent: i32) -> (u64, i32) {
    let zeros = magnitude.leading_zeros();
    let aligned = magnitude << zeros;
    ((aligned >> 64) as u64 | u64::from(aligned as u64 != 0), exponent + 64 - zeros as i32)
}

/// Returns `magnitude / count * 2^exponent`, correctly rounded.
#[inline]
pub fn mean(magnitude: u128, count: u32, exponent: i32) -> f64 {
    if magnitude == 0 {
        return 0.0;
    }
    // Long division by digits of 64 and 32 bits. The quotient has at least 64 bits; its last bit also stands for all that
    // follow.
    let zeros = magnitude.leading_zeros();
    let aligned = magnitude << zeros;
    let (high, low, divisor) = ((aligned >> 64) as u64, aligned as u64, u64::from(count));
    let rest = (high % divisor) << 32 | low >> 32;
    let quotient = u128::from(high / divisor) << 32 | u128::from(rest / divisor);
    let inexact = rest % divisor != 0 || low as u32 != 0;
    let (top, exponent) = leading(quotient | u128::from(inexact), exponent + 32 - zeros as i32);
    nearest(top, exponent)
}

/// The smallest unit in which a number of at least 63 bits is not subnormal.
const LEAST_NORMAL_UNIT: i32 = -1022 - 62;

/// Returns the double nearest to `top * 2^exponent`. `top` is at least 2^62, and its last bit also stands for all bits below
/// it.
#[inline]
pub fn nearest(top: u64, exponent: i32) -> f64 {
    if exponent >= LEAST_NORMAL_UNIT { scaled(top as f64, exponent) } else { nearest_subnormal(top, exponent) }
}

/// Does the same if the result may be subnormal. It then has fewer bits, and rounding to 53 bits first would round twice.
fn nearest_subnormal(top: u64, exponent: i32) -> f64 {
    // Subnormal doubles are integers in units of 2^-1074, and so are their bit patterns.
    let dropped = (-1074 - exponent).unsigned_abs();
    if dropped > u64::BITS {
        return 0.0;
    }
    let top = u128::from(top);
    let (kept, rest, half) = ((top >> dropped) as u64, top & ((1 << dropped) - 1), 1 << (dropped - 1));
    let up = rest > half || (rest == half && kept & 1 == 1);
    f64::from_bits(kept + u64::from(up))
}

/// Returns `value * 2^exponent`.
#[inline]
pub fn scaled(value: f64, exponent: i32) -> f64 {
    if (-900..=900).contains(&exponent) {
        return value * power_of_two(exponent);
    }
    let mut value = value;
    let mut exponent = exponent.clamp(-4000, 4000);
    while exponent != 0 {
        let step = exponent.clamp(-900, 900);
        value *= power_of_two(step);
        exponent -= step;
    }
    value
}

#[inline]
fn power_of_two(exponent: i32) -> f64 {
    f64::from_bits(((exponent + 1023) as u64) << 52)
}

/// An integer of 256 bits; sums and differences wrap around.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct U256 {
    pub high: u128,
    pub low: u128,
}

impl U256 {
    pub const ZERO: U256 = U256 { high: 0, low: 0 };

    #[inline]
    pub fn plus(self, other: U256) -> U256 {
        let (low, carry) = self.low.overflowing_add(other.low);
        U256 { high: self.high.wrapping_add(other.high).wrapping_add(u128::from(carry)), low }
    }

    #[inline]
    pub fn minus(self, other: U256) -> U256 {
        let (low, borrow) = self.low.overflowing_sub(other.low);
        U256 { high: self.high.wrapping_sub(other.high).wrapping_sub(u128::from(borrow)), low }
    }

    /// Returns `value * 2^shift`; the shift must be below 128.
    #[inline]
    pub fn shifted(value: u128, shift: u32) -> U256 {
        let high = if shift == 0 { 0 } else { value >> (128 - shift) };
        U256 { high, low: value << shift }
    }

    /// Returns the product with a factor; the product must fit.
    #[inline]
    pub fn times(self, factor: u64) -> U256 {
        let factor = u128::from(factor);
        let bottom = (self.low & u128::from(u64::MAX)) * factor;
        let middle = (self.low >> 64) * factor + (bottom >> 64);
        let high = self.high.wrapping_mul(factor).wrapping_add(middle >> 64);
        U256 { high, low: middle << 64 | (bottom & u128::from(u64::MAX)) }
    }

    /// Returns the product of two integers of 128 bits.
    #[inline]
    pub fn product(a: u128, b: u128) -> U256 {
        let mask = u128::from(u64::MAX);
        let (a_low, a_high, b_low, b_high) = (a & mask, a >> 64, b & mask, b >> 64);
        let bottom = a_low * b_low;
        let (cross, carry) = (a_low * b_high).overflowing_add(a_high * b_low);
        let top = a_high * b_high + (cross >> 64) + (u128::from(carry) << 64);
        let (low, carry) = bottom.overflowing_add(cross << 64);
        U256 { high: top + u128::from(carry), low }
    }
}

/// Sets `out` to the product of two magnitudes; `out` must be as long as both together.
pub fn multiply_limbs(a: &[u64], b: &[u64], out: &mut [u64]) {
    out.fill(0);
    for (shift, factor) in a.iter().enumerate() {
        let mut carry = 0u128;
        for (index, limb) in b.iter().enumerate() {
            let sum = u128::from(*factor) * u128::from(*limb) + u128::from(out[shift + index]) + carry;
            out[shift + index] = sum as u64;
            carry = sum >> 64;
        }
        out[shift + b.len()] = carry as u64;
    }
}

/// Subtracts `b` from `a`, wrapping around.
pub fn subtract_limbs(a: &mut [u64], b: &[u64]) {
    let mut borrow = false;
    for (index, limb) in a.iter_mut().enumerate() {
        let (first, under) = limb.overflowing_sub(b.get(index).copied().unwrap_or(0));
        let (second, again) = first.overflowing_sub(u64::from(borrow));
        *limb = second;
        borrow = under || again;
    }
}

/// Adds `b` to `a`, wrapping around.
pub fn add_limbs(a: &mut [u64], b: &[u64]) {
    let mut carry = false;
    for (index, limb) in a.iter_mut().enumerate() {
        let (first, over) = limb.overflowing_add(b.get(index).copied().unwrap_or(0));
        let (second, again) = first.overflowing_add(u64::from(carry));
        *limb = second;
        carry = over || again;
    }
}

/// Replaces a two's-complement number by its magnitude, and returns whether it was negative.
pub fn take_magnitude(limbs: &mut [u64]) -> bool {
    let negative = limbs.last().is_some_and(|limb| limb >> 63 == 1);
    if negative {
        negate_limbs(limbs);
    }
    negative
}

/// Negates a two's-complement number.
pub fn negate_limbs(limbs: &mut [u64]) {
    let mut carry = true;
    for limb in limbs {
        let (sum, over) = (!*limb).overflowing_add(u64::from(carry));
        *limb = sum;
        carry = over;
    }
}

/// Writes `value * 2^shift` into `out`, which must have room for it.
pub fn place(value: u128, shift: u32, out: &mut [u64]) {
    out.fill(0);
    let (limb, bit) = (shift as usize / 64, shift % 64);
    let parts = [
        (value << bit) as u64,
        ((value << bit) >> 64) as u64,
        if bit == 0 { 0 } else { (value >> (128 - bit)) as u64 },
    ];
    for (slot, part) in out[limb..].iter_mut().zip(parts) {
        *slot = part;
    }
}

/// Compares two magnitudes of the same length.
pub fn compare_limbs(a: &[u64], b: &[u64]) -> Ordering {
    a.iter().rev().cmp(b.iter().rev())
}

#[cfg(test)]
mod tests {
    use super::{mean, nearest};

    #[test]
    fn a_mean_of_subnormals_is_rounded_once() {
        // In units of 2^-1074, (3 n + 1) / 3 is nearest to n. If it were rounded to 53 bits first, it would be a tie between
        // n and n + 1.
        let n = (1u128 << 51) + 1;
        assert_eq!(mean(3 * n + 1, 3, -1074), f64::from_bits(n as u64));
        assert_eq!(mean(3 * n + 2, 3, -1074), f64::from_bits(n as u64 + 1));
        assert_eq!(mean(1, 2, -1074), 0.0, "a tie goes to the even one");
        assert_eq!(mean(3, 2, -1074), f64::from_bits(2));
        assert_eq!(mean(5, 3, -1074), f64::from_bits(2));
    }

    #[test]
    fn numbers_around_the_least_normal_double_are_rounded_once() {
        let least = f64::MIN_POSITIVE;
        assert_eq!(nearest(1 << 63, -1022 - 63), least);
        assert_eq!(nearest(u64::MAX, -1023 - 63), least, "just below it");
        assert_eq!(nearest(1 << 63, -1023 - 63), least / 2.0);
        // Half of the smallest double is a tie, which goes to 0; anything above it does not.
        assert_eq!(nearest(1 << 63, -1075 - 63), 0.0);
        assert_eq!(nearest(1 << 63 | 1, -1075 - 63), 5e-324);
        assert_eq!(nearest(u64::MAX, -1076 - 63), 0.0);
    }
}
