//! -0.0 and 0.0 as one number, and all NaNs as one.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, make_array};
use datafusion::arrow::datatypes::{DataType, Float32Type, Float64Type};

/// Returns whether a type is, or holds, floating-point numbers.
pub fn holds_floats(data_type: &DataType) -> bool {
    match data_type {
        DataType::List(field) | DataType::LargeList(field) | DataType::FixedSizeList(field, _) => {
            holds_floats(field.data_type())
        }
        DataType::Struct(fields) => fields.iter().any(|field| holds_floats(field.data_type())),
        other => matches!(other, DataType::Float64 | DataType::Float32),
    }
}

/// Returns the same values with one zero and one NaN, which is greater than every number; also inside lists and structs.
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
        nested if holds_floats(nested) => {
            let data = values.to_data();
            let inner = data.child_data().iter().map(|inner| one_zero(&make_array(inner.clone())).to_data()).collect();
            // The parts have as many values as before.
            data.into_builder().child_data(inner).build().map_or_else(|_| Arc::clone(values), make_array)
        }
        _ => Arc::clone(values),
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Float32Array, Float64Array, ListArray};

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
        let lists = [Some(vec![Some(7.0)]), None, Some(vec![None, Some(-0.0)])];
        let lists: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Float64Type, _, _>(lists).slice(1, 2));
        let lists = one_zero(&lists);
        assert!(lists.is_null(0));
        assert_eq!(lists.as_list::<i32>().value(1).as_primitive::<Float64Type>().value(1).to_bits(), 0);
    }
}
