//! The exponential and the natural logarithm in plain IEEE arithmetic.
//!
//! `f64::exp` and `f64::ln` call the platform's C library, and their last bits differ between platforms. Additions,
//! multiplications and divisions give the same bits everywhere. With these two functions, a seed gives the same market on
//! every machine.

use std::f64::consts::{LN_2, SQRT_2};

/// The part of ln 2 that fits into 32 bits, so that its product with a small integer is exact.
const LN_2_HIGH: f64 = 0.693_147_180_369_123_8;
/// The rest of ln 2.
const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;

/// Returns eˣ within a few units in the last place; x is clamped to [-700, 700], where the result is a normal number.
pub fn exp(x: f64) -> f64 {
    let x = x.clamp(-700.0, 700.0);
    let k = (x / LN_2).round();
    let r = (x - k * LN_2_HIGH) - k * LN_2_LOW;
    // Taylor series: |r| <= ln 2 / 2, so the first omitted term, r¹⁴/14!, is below 5e-18.
    let mut sum = 1.0;
    for n in (1..=13).rev() {
        sum = 1.0 + sum * r / f64::from(n);
    }
    sum * f64::from_bits(((k as i64 + 1023) as u64) << 52)
}

/// Returns the natural logarithm of a positive normal number within a few units in the last place.
pub fn ln(x: f64) -> f64 {
    let bits = x.to_bits();
    let mut exponent = ((bits >> 52) & 0x7ff) as i64 - 1023;
    let mut mantissa = f64::from_bits((bits & ((1 << 52) - 1)) | (1023 << 52));
    if mantissa > SQRT_2 {
        mantissa /= 2.0;
        exponent += 1;
    }
    // ln m = 2 artanh s with |s| <= 0.172, so the first omitted term, 2 s²¹/21, is below 1e-17.
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let square = s * s;
    let mut sum = 0.0;
    for n in (0..10).rev() {
        sum = sum * square + 1.0 / f64::from(2 * n + 1);
    }
    let k = exponent as f64;
    k * LN_2_HIGH + (2.0 * s * sum + k * LN_2_LOW)
}

#[cfg(test)]
mod tests {
    use super::{exp, ln};

    #[test]
    fn agree_with_the_platform() {
        for i in -3000..3000 {
            let x = f64::from(i) * 0.0371;
            let relative = (exp(x) - x.exp()).abs() / x.exp();
            assert!(relative < 1e-15, "exp({x}): {relative}");
            let y = x.exp();
            let error = (ln(y) - y.ln()).abs();
            assert!(error <= 1e-15 * y.ln().abs().max(1.0), "ln({y}): {error}");
        }
    }

    #[test]
    fn bits_are_fixed() {
        // Computed once on x86-64; any other machine must give the same.
        assert_eq!(exp(1.0).to_bits(), 4_613_303_445_314_885_482);
        assert_eq!(ln(10.0).to_bits(), std::f64::consts::LN_10.to_bits());
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(ln(1.0), 0.0);
    }
}
