//! -0.0 and 0.0 as one number, and all NaNs as one.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Float32Type, Float64Type};

/// Returns the same values with one zero and one NaN, which is greater than every number.
pub fn one_zero(values: &ArrayRef) -> ArrayRef {
    match values.data_type() {
        DataType::Float64 => {
            let of = |value: f64| if value.is_nan() { f64::NAN } else { value + 0.0 };
            Arc::new(values.as_primitive::<Float64Type>().unary::<_, Float64Type>(of)) as ArrayRef
        }
        DataType::Float32 => {
            let of = |value: f32| if value.is_nan() { f32::NAN } else { value + 0.0 };
            Arc::new(values.as_primitive::<Float32Type>().unary::<_, Float32Type>(of))
        }
        _ => Arc::clone(values),
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Array, Float32Array, Float64Array};

    use super::*;

    #[test]
    fn zeros_and_nans_have_the_same_bits() {
        let doubles: ArrayRef = Arc::new(Float64Array::from(vec![Some(-0.0), Some(-f64::NAN), None, Some(-1.5)]));
        let doubles = one_zero(&doubles);
        let doubles = doubles.as_primitive::<Float64Type>();
        assert_eq!(doubles.value(0).to_bits(), 0);
        assert_eq!(doubles.value(1).to_bits(), f64::NAN.to_bits());
        assert!(doubles.is_null(2) && doubles.value(3) == -1.5);
        let floats: ArrayRef = Arc::new(Float32Array::from(vec![-0.0]));
        assert_eq!(one_zero(&floats).as_primitive::<Float32Type>().value(0).to_bits(), 0);
    }
}
