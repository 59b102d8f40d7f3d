//! Values of a result as the bytes that clients read, in the text and the binary format.
//!
//! In: a batch of rows. Out: its values, row by row. Instants have microseconds in the protocol; nanoseconds are rounded down, so that
//! no row moves into the next second.

mod arrays;
mod binary;
mod numeric;
mod text;

use std::sync::Arc;

use bytes::{BufMut, BytesMut};
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Date32Array, Decimal256Array, Float32Array, Float64Array,
    Int16Array, Int32Array, Int64Array, IntervalMonthDayNanoArray, ListArray, RecordBatch, StringArray,
    Time64MicrosecondArray,
};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{
    DataType, Decimal256Type, DurationMicrosecondType, Int64Type, IntervalMonthDayNano, IntervalUnit, TimeUnit,
    TimestampMicrosecondType, TimestampNanosecondType,
};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};

use super::types::{Shown, Type};
use super::wire::{Out, format};
pub use numeric::read as read_numeric;

/// A column's values in the few forms that are written.
#[derive(Debug)]
enum Values {
    Bool(BooleanArray),
    Int2(Int16Array),
    Int4(Int32Array),
    Int8(Int64Array),
    Float4(Float32Array),
    Float8(Float64Array),
    Numeric(Decimal256Array),
    Text(StringArray),
    Bytea(BinaryArray),
    Date(Date32Array),
    Time(Time64MicrosecondArray),
    /// Microseconds since 1970, and whether they are an instant.
    Timestamp(Int64Array, bool),
    Interval(IntervalMonthDayNanoArray),
    /// The rows' ranges, and the elements with their type.
    List(ListArray, Box<Values>, Type),
}

/// The columns of a batch, ready to be written.
#[derive(Debug)]
pub struct Encoded {
    columns: Vec<Values>,
    rows: usize,
}

impl Encoded {
    /// Prepares a batch.
    ///
    /// # Errors
    /// A value is out of the range of its type in PostgreSQL.
    pub fn new(batch: &RecordBatch) -> Result<Encoded, ArrowError> {
        let columns = batch.columns().iter().map(Values::of).collect::<Result<_, ArrowError>>()?;
        Ok(Encoded { columns, rows: batch.num_rows() })
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Appends a row as a message of its own.
    ///
    /// # Errors
    /// A value cannot be written, for example a date that no calendar has.
    pub fn put(&self, row: usize, formats: &[i16], out: &mut Out) -> Result<(), ArrowError> {
        let mut written = Ok(());
        let before = out.bytes.len();
        out.message(b'D', |bytes| {
            bytes.put_i16(self.columns.len() as i16);
            for (at, values) in self.columns.iter().enumerate() {
                if values.is_null(row) {
                    bytes.put_i32(-1);
                } else if written.is_ok() {
                    written = sized(bytes, |bytes| values.put(row, format(formats, at) == 1, bytes));
                }
            }
        });
        if written.is_err() {
            out.bytes.truncate(before);
        }
        written
    }
}

/// Writes a value behind its length.
fn sized(bytes: &mut BytesMut, write: impl FnOnce(&mut BytesMut) -> Result<(), ArrowError>) -> Result<(), ArrowError> {
    let start = bytes.len();
    bytes.put_i32(0);
    write(bytes)?;
    let length = (bytes.len() - start - 4) as i32;
    bytes[start..start + 4].copy_from_slice(&length.to_be_bytes());
    Ok(())
}

impl Values {
    fn of(array: &ArrayRef) -> Result<Values, ArrowError> {
        let shown = Shown::of(array.data_type());
        if shown.array {
            let list = lists(array)?;
            let elements = Values::of(list.values())?;
            return Ok(Values::List(list, Box::new(elements), shown.of));
        }
        let array = match array.data_type() {
            DataType::Dictionary(_, value) => cast(array, value)?,
            _ => Arc::clone(array),
        };
        Ok(match shown.of {
            Type::Bool => Values::Bool(array.as_boolean().clone()),
            Type::Int2 => Values::Int2(cast(&array, &DataType::Int16)?.as_primitive().clone()),
            Type::Int4 => Values::Int4(cast(&array, &DataType::Int32)?.as_primitive().clone()),
            Type::Int8 => Values::Int8(cast(&array, &DataType::Int64)?.as_primitive().clone()),
            Type::Float4 => Values::Float4(cast(&array, &DataType::Float32)?.as_primitive().clone()),
            Type::Float8 => Values::Float8(array.as_primitive().clone()),
            Type::Numeric => Values::Numeric(decimals(&array)?),
            Type::Bytea => Values::Bytea(cast(&array, &DataType::Binary)?.as_binary().clone()),
            Type::Date => Values::Date(cast(&array, &DataType::Date32)?.as_primitive().clone()),
            Type::Time => Values::Time(cast(&array, &DataType::Time64(TimeUnit::Microsecond))?.as_primitive().clone()),
            Type::Timestamp => Values::Timestamp(microseconds(&array)?, false),
            Type::TimestampTz => Values::Timestamp(microseconds(&array)?, true),
            Type::Interval => Values::Interval(intervals(&array)?),
            Type::Text => Values::Text(texts(&array)?),
        })
    }

    fn put(&self, row: usize, binary: bool, bytes: &mut BytesMut) -> Result<(), ArrowError> {
        match (self, binary) {
            (Values::List(list, elements, of), true) => arrays::put_binary(list, elements, *of, row, bytes),
            (Values::List(list, elements, _), false) => arrays::put_text(list, elements, row, bytes),
            (values, true) => binary::put(values, row, bytes),
            (values, false) => text::put(values, row, bytes),
        }
    }

    fn is_null(&self, row: usize) -> bool {
        match self {
            Values::Bool(array) => array.is_null(row),
            Values::Int2(array) => array.is_null(row),
            Values::Int4(array) => array.is_null(row),
            Values::Int8(array) | Values::Timestamp(array, _) => array.is_null(row),
            Values::Float4(array) => array.is_null(row),
            Values::Float8(array) => array.is_null(row),
            Values::Numeric(array) => array.is_null(row),
            Values::Text(array) => array.is_null(row),
            Values::Bytea(array) => array.is_null(row),
            Values::Date(array) => array.is_null(row),
            Values::Time(array) => array.is_null(row),
            Values::Interval(array) => array.is_null(row),
            Values::List(array, ..) => array.is_null(row),
        }
    }
}

/// Casts a column; a value that does not fit is an error.
fn cast(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, ArrowError> {
    if array.data_type() == to {
        return Ok(Arc::clone(array));
    }
    cast_with_options(array, to, &CastOptions { safe: false, ..CastOptions::default() })
}

fn lists(array: &ArrayRef) -> Result<ListArray, ArrowError> {
    let element = match array.data_type() {
        DataType::LargeList(element) | DataType::FixedSizeList(element, _) => Arc::clone(element),
        _ => return Ok(array.as_list().clone()),
    };
    Ok(cast(array, &DataType::List(element))?.as_list().clone())
}

fn decimals(array: &ArrayRef) -> Result<Decimal256Array, ArrowError> {
    let scale = match array.data_type() {
        DataType::Decimal32(_, scale)
        | DataType::Decimal64(_, scale)
        | DataType::Decimal128(_, scale)
        | DataType::Decimal256(_, scale) => *scale,
        _ => 0,
    };
    Ok(cast(array, &DataType::Decimal256(76, scale))?.as_primitive::<Decimal256Type>().clone())
}

fn microseconds(array: &ArrayRef) -> Result<Int64Array, ArrowError> {
    if let Some(array) = array.as_primitive_opt::<TimestampNanosecondType>() {
        return Ok(array.unary::<_, Int64Type>(|nanoseconds| nanoseconds.div_euclid(1000)));
    }
    let array = cast(array, &DataType::Timestamp(TimeUnit::Microsecond, None))?;
    Ok(array.as_primitive::<TimestampMicrosecondType>().unary::<_, Int64Type>(|microseconds| microseconds))
}

fn intervals(array: &ArrayRef) -> Result<IntervalMonthDayNanoArray, ArrowError> {
    if matches!(array.data_type(), DataType::Duration(_)) {
        let durations = cast(array, &DataType::Duration(TimeUnit::Microsecond))?;
        let values = durations.as_primitive::<DurationMicrosecondType>();
        return values.try_unary(|microseconds| {
            let nanoseconds = microseconds.checked_mul(1000);
            let nanoseconds =
                nanoseconds.ok_or_else(|| ArrowError::ArithmeticOverflow("interval out of range".into()))?;
            Ok(IntervalMonthDayNano::new(0, 0, nanoseconds))
        });
    }
    Ok(cast(array, &DataType::Interval(IntervalUnit::MonthDayNano))?.as_primitive().clone())
}

/// Returns a column as text; what has no type in PostgreSQL is written as the shell shows it.
fn texts(array: &ArrayRef) -> Result<StringArray, ArrowError> {
    if matches!(array.data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) {
        return Ok(cast(array, &DataType::Utf8)?.as_string().clone());
    }
    let formatter = ArrayFormatter::try_new(array.as_ref(), &FormatOptions::default())?;
    // Some arrays, as those of the type Null, hold their NULLs in another way than as a bit for each row.
    let nulls = array.logical_nulls();
    let is_null = |row: usize| nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
    (0..array.len()).map(|row| (!is_null(row)).then(|| formatter.value(row).try_to_string()).transpose()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::{Decimal128Array, TimestampNanosecondArray, UInt64Array};
    use datafusion::arrow::datatypes::Float64Type;

    /// Returns the value of the first row, in one format.
    fn value(array: impl Array + 'static, binary: bool) -> Option<Vec<u8>> {
        let batch = RecordBatch::try_from_iter([("c", Arc::new(array) as ArrayRef)]).unwrap();
        let mut out = Out::default();
        Encoded::new(&batch).unwrap().put(0, &[i16::from(binary)], &mut out).unwrap();
        let length = i32::from_be_bytes(out.bytes[7..11].try_into().unwrap());
        usize::try_from(length).ok().map(|length| out.bytes[11..11 + length].to_vec())
    }

    fn text(array: impl Array + 'static) -> String {
        String::from_utf8(value(array, false).unwrap()).unwrap()
    }

    #[test]
    fn numbers_are_written_as_postgresql_writes_them() {
        for (number, expected) in [
            (f64::NAN, "NaN"),
            (f64::INFINITY, "Infinity"),
            (f64::NEG_INFINITY, "-Infinity"),
            (0.1 + 0.2, "0.30000000000000004"),
            (-0.0, "-0"),
            (1e15, "1e+15"),
            (1.5e-7, "1.5e-07"),
            (123_456_789.0, "123456789"),
        ] {
            assert_eq!(text(Float64Array::from(vec![number])), expected);
        }
        assert_eq!(text(Decimal128Array::from(vec![-12_345]).with_precision_and_scale(10, 3).unwrap()), "-12.345");
        assert_eq!(value(Int32Array::from(vec![None]), true), None);
        assert_eq!(value(Int32Array::from(vec![-2]), true).unwrap(), (-2i32).to_be_bytes());
    }

    #[test]
    fn a_count_too_large_for_a_bigint_is_an_error_and_not_another_number() {
        let batch =
            RecordBatch::try_from_iter([("c", Arc::new(UInt64Array::from(vec![u64::MAX])) as ArrayRef)]).unwrap();
        assert!(Encoded::new(&batch).is_err());
    }

    #[test]
    fn nanoseconds_are_rounded_down_before_1970_too() {
        let utc = |nanoseconds| TimestampNanosecondArray::from(vec![nanoseconds]).with_timezone("UTC");
        assert_eq!(text(utc(1_999)), "1970-01-01 00:00:00.000001+00");
        assert_eq!(text(utc(-1)), "1969-12-31 23:59:59.999999+00");
        assert_eq!(text(TimestampNanosecondArray::from(vec![0])), "1970-01-01 00:00:00");
        assert_eq!(value(utc(946_684_800_000_000_999), true).unwrap(), 0i64.to_be_bytes());
    }

    #[test]
    fn intervals_are_written_part_by_part() {
        let interval = |months, days, nanoseconds| {
            text(IntervalMonthDayNanoArray::from(vec![IntervalMonthDayNano::new(months, days, nanoseconds)]))
        };
        assert_eq!(interval(14, 3, 3_723_500_000_000), "1 year 2 mons 3 days 01:02:03.5");
        assert_eq!(interval(0, -1, -1_000_000_000), "-1 days -00:00:01");
        assert_eq!(interval(0, 0, 0), "00:00:00");
    }

    #[test]
    fn arrays_quote_what_would_be_read_wrongly() {
        let mut builder = datafusion::arrow::array::ListBuilder::new(datafusion::arrow::array::StringBuilder::new());
        for item in [Some("a"), None, Some(""), Some("null"), Some("x,\"y\"")] {
            builder.values().append_option(item);
        }
        builder.append(true);
        assert_eq!(text(builder.finish()), r#"{a,NULL,"","null","x,\"y\""}"#);
        let list = ListArray::from_iter_primitive::<Float64Type, _, _>([Some([Some(1.5), None])]);
        let mut expected = Vec::new();
        for number in [1i32, 1, 701, 2, 1, 8] {
            expected.extend(number.to_be_bytes());
        }
        expected.extend(1.5f64.to_be_bytes());
        expected.extend((-1i32).to_be_bytes());
        assert_eq!(value(list, true).unwrap(), expected);
    }

    #[test]
    fn what_has_no_type_is_text() {
        let batch = RecordBatch::try_from_iter([("a", Arc::new(StringArray::from(vec!["é"])) as ArrayRef)]).unwrap();
        let structs = datafusion::arrow::array::StructArray::from(batch);
        assert_eq!(text(structs), "{a: é}");
    }
}
