//! Values in the binary format. Source: the functions `*_send` of PostgreSQL.

use bytes::{BufMut, BytesMut};
use datafusion::arrow::error::ArrowError;

use super::{Values, numeric};

/// Days from 1970-01-01 to 2000-01-01, where PostgreSQL's dates begin.
const EPOCH_DAYS: i32 = 10_957;

/// The same in microseconds.
const EPOCH_MICROSECONDS: i64 = EPOCH_DAYS as i64 * 86_400_000_000;

/// Writes the value of a row, which is not NULL.
pub fn put(values: &Values, row: usize, bytes: &mut BytesMut) -> Result<(), ArrowError> {
    let out_of_range = || ArrowError::CastError("timestamp out of range".into());
    match values {
        Values::Bool(array) => bytes.put_u8(u8::from(array.value(row))),
        Values::Int2(array) => bytes.put_i16(array.value(row)),
        Values::Int4(array) => bytes.put_i32(array.value(row)),
        Values::Int8(array) => bytes.put_i64(array.value(row)),
        Values::Float4(array) => bytes.put_f32(array.value(row)),
        Values::Float8(array) => bytes.put_f64(array.value(row)),
        Values::Numeric(array) => numeric::put(&array.value_as_string(row), bytes),
        Values::Text(array) => bytes.put_slice(array.value(row).as_bytes()),
        Values::Bytea(array) => bytes.put_slice(array.value(row)),
        Values::Date(array) => bytes.put_i32(array.value(row).checked_sub(EPOCH_DAYS).ok_or_else(out_of_range)?),
        Values::Time(array) => bytes.put_i64(array.value(row)),
        Values::Timestamp(array, _) => {
            bytes.put_i64(array.value(row).checked_sub(EPOCH_MICROSECONDS).ok_or_else(out_of_range)?);
        }
        Values::Interval(array) => {
            let interval = array.value(row);
            bytes.put_i64(interval.nanoseconds.div_euclid(1000));
            bytes.put_i32(interval.days);
            bytes.put_i32(interval.months);
        }
        Values::List(..) => return Err(ArrowError::ComputeError("a list inside a list has no binary format".into())),
    }
    Ok(())
}
