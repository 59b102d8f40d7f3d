//! How long an `ewma` takes to halve a weight.
//!
//! In: the constant in SQL, and the type of the window's order key. Out: a half-life in units of the key, or an error.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue, plan_err};

use crate::rolling::frame::distance;
use crate::rolling::kernel::decay::HalfLife;
use crate::rolling::keys::is_countable;

/// Returns the half-life that a constant means for an order key of this type.
pub fn half_life(constant: &ScalarValue, key: &DataType) -> Result<HalfLife> {
    if !is_countable(key) {
        return plan_err!(
            "ewma weighs rows by the ORDER BY column of their window, which must be a timestamp or an integer, not {key}; \
             a date can be cast: ORDER BY ts::TIMESTAMP"
        );
    }
    let length = if constant.is_null() { None } else { distance(constant, key) };
    if let Some(half_life) = length.and_then(|(numerator, denominator)| HalfLife::new(numerator, denominator)) {
        return Ok(half_life);
    }
    let wanted = if key.is_integer() {
        "a positive integer, in the unit of the ORDER BY column, such as ewma(price, 10)"
    } else {
        "a positive INTERVAL without months, and without days where the time zone has days of several lengths, \
         such as ewma(price, INTERVAL '10 seconds')"
    };
    plan_err!("half_life of ewma(value, half_life) must be {wanted}, not {constant}")
}
