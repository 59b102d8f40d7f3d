//! The ratio of two exact integers, rounded once.
//!
//! In: two magnitudes as limbs. Out: the double nearest to their ratio. It computes one 64-bit digit of the quotient as in
//! Knuth's algorithm D (The Art of Computer Programming, vol. 2, 4.3.1), and whether there is a remainder.

use std::cmp::Ordering;

use super::exact::nearest;

/// The bits of the quotient's digit, which lies in `2^62..2^64`.
const QUOTIENT_BITS: i64 = 63;

/// Returns the double nearest to `numerator / denominator * 2^exponent`; the denominator must not be 0.
pub fn ratio(numerator: &[u64], denominator: &[u64], exponent: i32) -> f64 {
    let (top_bits, bottom_bits) = (bit_length(numerator), bit_length(denominator));
    if top_bits == 0 {
        return 0.0;
    }
    // One of the two is shifted up so that the quotient's digit comes before the point.
    let wanted = bottom_bits + QUOTIENT_BITS;
    let (up, down) = ((wanted - top_bits).max(0), (top_bits - wanted).max(0));
    // The leading 64 bits of the divisor. The shifted dividend loses as many low bits as the divisor does.
    let divisor = word(denominator, bottom_bits - 64);
    let low = top_bits - QUOTIENT_BITS - 64;
    let dividend = u128::from(word(numerator, low + 64)) << 64 | u128::from(word(numerator, low));
    // The estimate is at most 2 too large, because the divisor's first bit is set.
    let mut quotient = (dividend / u128::from(divisor)) as u64;
    let mut remainder = remainder((numerator, up), (denominator, down), quotient);
    while remainder == Ordering::Less {
        quotient -= 1;
        remainder = self::remainder((numerator, up), (denominator, down), quotient);
    }
    let inexact = remainder == Ordering::Greater;
    nearest(quotient | u64::from(inexact), exponent + down as i32 - up as i32)
}

/// Compares `numerator * 2^up - quotient * denominator * 2^down` with 0.
fn remainder((numerator, up): (&[u64], i64), (denominator, down): (&[u64], i64), quotient: u64) -> Ordering {
    let bits = (64 * numerator.len() as i64 + up).max(64 * denominator.len() as i64 + down + 64);
    let (mut carry, mut borrow, mut any) = (0, false, 0);
    let mut at = 0;
    while at < bits {
        let product = u128::from(quotient) * u128::from(word(denominator, at - down)) + carry;
        carry = product >> 64;
        let (difference, under) = word(numerator, at - up).overflowing_sub(product as u64);
        let (difference, again) = difference.overflowing_sub(u64::from(borrow));
        borrow = under || again;
        any |= difference;
        at += 64;
    }
    match (borrow, any) {
        (true, _) => Ordering::Less,
        (false, 0) => Ordering::Equal,
        (false, _) => Ordering::Greater,
    }
}

fn bit_length(limbs: &[u64]) -> i64 {
    let last = limbs.iter().rposition(|limb| *limb != 0);
    last.map_or(0, |last| 64 * (last as i64 + 1) - i64::from(limbs[last].leading_zeros()))
}

/// Returns the 64 bits from a place on; there are zeros beyond both ends.
#[inline]
fn word(limbs: &[u64], from: i64) -> u64 {
    let (index, bit) = (from.div_euclid(64), from.rem_euclid(64));
    let limb = |index: i64| usize::try_from(index).ok().and_then(|index| limbs.get(index)).copied().unwrap_or_default();
    if bit == 0 { limb(index) } else { limb(index) >> bit | limb(index + 1) << (64 - bit) }
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::ratio;
    use crate::rolling::kernel::exact::{add_limbs, multiply_limbs};

    #[test]
    fn ratios_of_small_integers_are_those_of_the_processor() {
        let mut random = StdRng::seed_from_u64(7);
        for _ in 0..100_000 {
            // At most 53 bits, so that the processor divides the same numbers and rounds once.
            let a = random.random::<u64>() >> random.random_range(11..64);
            let b = (random.random::<u64>() >> random.random_range(11..64)).max(1);
            assert_eq!(ratio(&[a, 0], &[b], 3), a as f64 / b as f64 * 8.0, "{a} / {b}");
        }
    }

    #[test]
    fn a_multiple_gives_back_the_factor_at_any_width() {
        let mut random = StdRng::seed_from_u64(8);
        for _ in 0..20_000 {
            // Even and of 53 bits, so that half a unit more is a tie, which is rounded down.
            let factor = (random.random::<u64>() >> 11 | 1 << 52) & !1;
            let mut divisor: Vec<u64> = (0..random.random_range(1..8)).map(|_| random.random()).collect();
            // Estimated digits are wrong most often in runs of ones and zeros.
            if random.random_range(0..2) == 0 {
                divisor.iter_mut().for_each(|limb| *limb = if *limb & 1 == 0 { 0 } else { u64::MAX });
            }
            divisor[0] |= 1;
            let mut product = vec![0; divisor.len() + 1];
            multiply_limbs(&[factor], &divisor, &mut product);
            assert_eq!(ratio(&product, &divisor, 0), factor as f64);
            multiply_limbs(&[factor << 1 | 1], &divisor, &mut product);
            assert_eq!(ratio(&product, &divisor, -1), factor as f64);
            add_limbs(&mut product, &[1]);
            assert_eq!(ratio(&product, &divisor, -1), (factor + 1) as f64);
        }
    }

    #[test]
    fn subnormal_ratios_are_rounded_once() {
        let n = (1u64 << 51) + 1;
        assert_eq!(ratio(&[3 * n + 1], &[3], -1074), f64::from_bits(n));
        assert_eq!(ratio(&[0, 3 * n + 1], &[3], -1138), f64::from_bits(n));
    }

    #[test]
    fn one_bit_decides_a_tie() {
        // 2^53 + 1 lies between two doubles and goes to the even one; anything above it goes to the other.
        let tie = (1u64 << 53) + 1;
        assert_eq!(ratio(&[0, 0, tie], &[0, 0, 1], 0), 2f64.powi(53));
        assert_eq!(ratio(&[1, 0, tie], &[0, 0, 1], 0), 2f64.powi(53) + 2.0);
        assert_eq!(ratio(&[0, 0, 1], &[0, 0, 0, 0, 0, 1], 0), 2f64.powi(-192));
        // The same, where the quotient has more bits than a digit.
        assert_eq!(ratio(&[0, 0, tie], &[1], -128), 2f64.powi(53));
        assert_eq!(ratio(&[1, 0, tie], &[1], -128), 2f64.powi(53) + 2.0);
    }
}
