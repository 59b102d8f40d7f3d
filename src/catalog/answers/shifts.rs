//! Shifts by more bits than a number has, and shifts that lose bits.
//!
//! The engine takes the number of bits modulo 64 and drops what leaves the number: `1 << 64` is 1, and `1 << -1` is negative. In: two
//! columns of integers. Out: the left one times a power of two, or divided by it and rounded down; an error if it does not fit its type.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Datum, PrimitiveArray, downcast_integer};
use datafusion::arrow::datatypes::ArrowPrimitiveType;
use datafusion::arrow::error::ArrowError;

/// `left << right`
pub fn left(left: &dyn Datum, right: &dyn Datum) -> Result<ArrayRef, ArrowError> {
    shifted("<<", left, right, |value, bits| match bits {
        _ if value == 0 => Some(0),
        // Every integer type has at most 64 bits.
        0..64 => Some(value << bits),
        _ => None,
    })
}

/// `left >> right`
pub fn right(left: &dyn Datum, right: &dyn Datum) -> Result<ArrayRef, ArrowError> {
    shifted(">>", left, right, |value, bits| Some(value >> bits.min(127)))
}

/// Returns a number that may be too large for its type; `None` if it is too large for every type.
type Shift = fn(i128, u32) -> Option<i128>;

fn shifted(operator: &str, left: &dyn Datum, right: &dyn Datum, shift: Shift) -> Result<ArrayRef, ArrowError> {
    let ((left, one_left), (right, one_right)) = (left.get(), right.get());
    let rows = if one_left { right.len() } else { left.len() };
    let places = (0..rows).map(|row| (if one_left { 0 } else { row }, if one_right { 0 } else { row }));
    macro_rules! shifted {
        ($kind:ty) => {
            of_type::<$kind>(operator, left, right, places, shift)
        };
    }
    downcast_integer! {
        left.data_type() => (shifted),
        other => Err(ArrowError::InvalidArgumentError(format!("{other} cannot be shifted")))
    }
}

fn of_type<T>(
    operator: &str,
    left: &dyn Array,
    right: &dyn Array,
    places: impl Iterator<Item = (usize, usize)>,
    shift: Shift,
) -> Result<ArrayRef, ArrowError>
where
    T: ArrowPrimitiveType,
    T::Native: Into<i128> + TryFrom<i128>,
{
    let (left, right) = (left.as_primitive::<T>(), right.as_primitive::<T>());
    let found = places.map(|(one, other)| {
        if left.is_null(one) || right.is_null(other) {
            return Ok(None);
        }
        let (value, bits): (i128, i128) = (left.value(one).into(), right.value(other).into());
        let Ok(count) = u32::try_from(bits) else {
            // No column holds more bits than an integer has, so the number is negative.
            return Err(ArrowError::InvalidArgumentError(format!(
                "{value} {operator} {bits} shifts by a negative number of bits"
            )));
        };
        match shift(value, count).and_then(|shifted| T::Native::try_from(shifted).ok()) {
            Some(shifted) => Ok(Some(shifted)),
            None => Err(ArrowError::ArithmeticOverflow(format!("{value} {operator} {bits}"))),
        }
    });
    Ok(Arc::new(found.collect::<Result<PrimitiveArray<T>, _>>()?))
}
