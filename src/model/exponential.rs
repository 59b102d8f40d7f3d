//! The exponential function and the logistic function, with the same bits on every machine.
//!
//! The standard library's `exp` is that of the machine's C library, whose last bits differ between versions and systems. Scores
//! must not. So this one uses additions and multiplications only, which IEEE 754 defines to the last bit, and no branches, so that a
//! loop over a column is compiled to vector instructions. The method is that of Cody and Waite (Software Manual for the Elementary
//! Functions, 1980, chapter 6): `exp(x) = 2^k exp(r)` with `|r| <= ln(2) / 2`, and a polynomial for `exp(r)`. The error is below one
//! unit in the last place.

/// Arguments are taken as if they were within ±708, so that neither the result nor its reciprocal leaves the normal numbers.
const LARGEST: f64 = 708.0;

/// Adding it rounds to a whole number, which then stands in the lowest bits.
const ROUND: f64 = 6_755_399_441_055_744.0;

/// ln(2) in two parts: the first has 21 zeros at its end, so that its product with `k` is exact.
const LN_2_HIGH: f64 = 0.693_147_180_369_123_8;
const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;

/// 1 / n! for n from 2 to 13. What is left out is below 2^-57 of the result.
const TAYLOR: [f64; 12] = [
    1.0 / 2.0,
    1.0 / 6.0,
    1.0 / 24.0,
    1.0 / 120.0,
    1.0 / 720.0,
    1.0 / 5_040.0,
    1.0 / 40_320.0,
    1.0 / 362_880.0,
    1.0 / 3_628_800.0,
    1.0 / 39_916_800.0,
    1.0 / 479_001_600.0,
    1.0 / 6_227_020_800.0,
];

/// Returns e to the power of `x`; beyond ±708, that of ±708. NaN gives NaN.
#[inline]
pub fn exp(x: f64) -> f64 {
    // Written so that NaN stays NaN.
    let x = if x > LARGEST { LARGEST } else { x };
    let x = if x < -LARGEST { -LARGEST } else { x };
    let rounded = x * std::f64::consts::LOG2_E + ROUND;
    let k = rounded - ROUND;
    let r = (x - k * LN_2_HIGH) - k * LN_2_LOW;
    let [c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13] = TAYLOR;
    let (r2, low) = (r * r, c2 + c3 * r);
    let r4 = r2 * r2;
    let (middle, high) = ((c4 + c5 * r) + (c6 + c7 * r) * r2, (c8 + c9 * r) + (c10 + c11 * r) * r2);
    let rest = low + r2 * (middle + r4 * (high + r4 * (c12 + c13 * r)));
    let of_r = 1.0 + (r + r2 * rest);
    of_r * f64::from_bits(rounded.to_bits().wrapping_add(1023) << 52)
}

/// Returns `1 / (1 + e^-x)`, the probability whose log-odds are `x`; between 3e-308 and 1.
#[inline]
pub fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + exp(-x))
}

#[cfg(test)]
mod tests {
    use super::{exp, logistic};

    #[test]
    fn the_error_is_below_one_unit_in_the_last_place() {
        for step in -70_000..=70_000 {
            let x = f64::from(step) / 100.0 + 1e-3 / f64::from(step).abs().max(1.0);
            let (ours, theirs) = (exp(x), x.exp());
            let unit = theirs.next_up() - theirs;
            assert!((ours - theirs).abs() <= unit, "exp({x}) = {ours}, libc's {theirs}");
        }
    }

    #[test]
    fn values_that_are_known_exactly() {
        assert_eq!([exp(0.0), exp(-0.0), exp(1e-300)], [1.0; 3]);
        assert!(exp(f64::NAN).is_nan() && logistic(f64::NAN).is_nan());
        assert_eq!([logistic(0.0), logistic(f64::INFINITY), logistic(1e300)], [0.5, 1.0, 1.0]);
        let least = logistic(f64::NEG_INFINITY);
        assert!(least > 0.0 && least < 4e-308 && least == logistic(-708.0), "{least}");
    }
}
