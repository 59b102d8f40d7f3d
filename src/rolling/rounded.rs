//! Quotients of decimals.
//!
//! In: the digits of a dividend and of a divisor. Out: the digits of the quotient, rounded to the nearest; halves go away from zero, as in
//! PostgreSQL's NUMERIC.

use datafusion::arrow::datatypes::i256;

/// Returns 10^`power` times a dividend, divided by a divisor; `None` if the divisor is 0 or the product has more than 76 digits.
pub fn rounded_quotient(dividend: i128, power: u32, divisor: i128) -> Option<i256> {
    let scale = i256::from_i128(10).checked_pow(power)?;
    let (dividend, divisor) = (i256::from_i128(dividend).checked_mul(scale)?, i256::from_i128(divisor));
    let quotient = dividend.checked_div(divisor)?;
    let rest = dividend.wrapping_sub(quotient.wrapping_mul(divisor)).wrapping_abs();
    let rounds = rest >= divisor.wrapping_abs().wrapping_sub(rest);
    let away = if (dividend < i256::ZERO) == (divisor < i256::ZERO) { i256::ONE } else { i256::MINUS_ONE };
    Some(if rounds { quotient.wrapping_add(away) } else { quotient })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_go_away_from_zero() {
        for (dividend, power, divisor, expected) in [
            (2, 6, 3, Some(666_667)),
            (-2, 6, 3, Some(-666_667)),
            (1, 0, 2, Some(1)),
            (1, 0, -2, Some(-1)),
            (7, 0, 3, Some(2)),
            (0, 3, 7, Some(0)),
            (1, 0, 0, None),
        ] {
            assert_eq!(
                rounded_quotient(dividend, power, divisor),
                expected.map(i256::from_i128),
                "{dividend} / {divisor}"
            );
        }
    }
}
