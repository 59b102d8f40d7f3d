//! Converts values to integers in the same order, and back.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Float32Array, Float64Array, Int64Array, UInt64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float32Type, Float64Type, Int64Type, UInt64Type};
use datafusion::common::Result;

const SIGN: u64 = 1 << 63;

/// Returns values as integers in the same order; doubles are in their total order.
pub fn ordered(array: &ArrayRef) -> Result<Vec<i64>> {
    Ok(match array.data_type() {
        DataType::Float64 => {
            array.as_primitive::<Float64Type>().values().iter().map(|value| from_double(*value)).collect()
        }
        DataType::Float32 => array
            .as_primitive::<Float32Type>()
            .values()
            .iter()
            .map(|value| i64::from(total_order_32(value.to_bits().cast_signed())))
            .collect(),
        DataType::UInt64 => {
            array.as_primitive::<UInt64Type>().values().iter().map(|value| (value ^ SIGN).cast_signed()).collect()
        }
        _ => cast(array, &DataType::Int64)?.as_primitive::<Int64Type>().values().to_vec(),
    })
}

fn from_double(value: f64) -> i64 {
    total_order_64(value.to_bits().cast_signed())
}

/// Maps a double's bits to an integer in the doubles' total order, and back.
fn total_order_64(bits: i64) -> i64 {
    bits ^ ((bits >> 63).cast_unsigned() >> 1).cast_signed()
}

/// Maps a float's bits to an integer in the floats' total order, and back.
fn total_order_32(bits: i32) -> i32 {
    bits ^ ((bits >> 31).cast_unsigned() >> 1).cast_signed()
}

/// Turns such integers back into values of a type.
pub fn unordered(keys: Vec<Option<i64>>, data_type: &DataType) -> Result<ArrayRef> {
    Ok(match data_type {
        DataType::Float64 => Arc::new(Float64Array::from_iter(
            keys.into_iter().map(|key| key.map(|key| f64::from_bits(total_order_64(key).cast_unsigned()))),
        )),
        DataType::Float32 => Arc::new(Float32Array::from_iter(
            keys.into_iter().map(|key| key.map(|key| f32::from_bits(total_order_32(key as i32).cast_unsigned()))),
        )),
        DataType::UInt64 => {
            Arc::new(UInt64Array::from_iter(keys.into_iter().map(|key| key.map(|key| key.cast_unsigned() ^ SIGN))))
        }
        _ => cast(&(Arc::new(Int64Array::from(keys)) as ArrayRef), data_type)?,
    })
}

/// Returns the double for a key of a floating-point type.
#[inline]
pub fn from_key(key: i64, data_type: &DataType) -> f64 {
    if data_type == &DataType::Float32 {
        f64::from(f32::from_bits(total_order_32(key as i32).cast_unsigned()))
    } else {
        f64::from_bits(total_order_64(key).cast_unsigned())
    }
}

/// Turns doubles into values of a floating-point type.
pub fn floats(values: Vec<Option<f64>>, data_type: &DataType) -> ArrayRef {
    if data_type == &DataType::Float32 {
        Arc::new(Float32Array::from_iter(values.into_iter().map(|value| value.map(|value| value as f32))))
    } else {
        Arc::new(Float64Array::from(values))
    }
}
