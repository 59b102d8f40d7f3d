//! The values that a client gives for `$1`, `$2` …, or for `?`, as SQL.
//!
//! In: a row of a batch. Out: expressions that stand in the places of the parameters, as in PostgreSQL's protocol. Also the types of
//! parameters, as clients are told them.

use std::borrow::Cow;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, IntervalUnit, Schema, TimeUnit};
use datafusion::common::ScalarValue;
use datafusion::sql::sqlparser::ast::Expr;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use super::super::failure::Failure;
use super::super::parameters::{array, cast, decimal, double, integer, parsed};
use super::super::types::{Shown, Type};
use crate::text::{hex, literal};

/// Writes each `?` as `$1`, `$2` and so on: ADBC and JDBC know parameters without numbers. A text that has numbers stays as it is.
pub fn numbered(text: &str) -> Cow<'_, str> {
    let tokens = Tokenizer::new(&GenericDialect {}, text).tokenize_with_location().unwrap_or_default();
    let has_numbers =
        tokens.iter().any(|token| matches!(&token.token, Token::Placeholder(name) if name.starts_with('$')));
    let places =
        tokens.iter().filter(|token| matches!(&token.token, Token::Placeholder(name) if name == "?" && !has_numbers));
    let mut places = places.map(|token| (token.span.start.line, token.span.start.column)).peekable();
    if places.peek().is_none() {
        return text.into();
    }
    let (mut written, mut count) = (String::with_capacity(text.len() + 8), 0);
    for (line, content) in (1..).zip(text.split_inclusive('\n')) {
        for (column, character) in (1..).zip(content.chars()) {
            if places.next_if_eq(&(line, column)).is_some() {
                count += 1;
                written.push_str(&format!("${count}"));
            } else {
                written.push(character);
            }
        }
    }
    written.into()
}

/// Returns the values of a row.
///
/// # Errors
/// A value is of a type that no literal has.
pub fn expressions(batch: &RecordBatch, row: usize) -> Result<Vec<Expr>, Failure> {
    let values = batch.columns().iter().enumerate().map(|(at, column)| {
        let value = sql(column, row).ok_or_else(|| {
            let message = format!("${}: values of type {} are not supported", at + 1, column.data_type());
            Failure::told("0A000", message)
                .hint("cast the value to one of the types in docs/serve.md, or send it as text")
        });
        Ok(parsed(&value?)?)
    });
    values.collect()
}

/// Returns a value as SQL.
fn sql(column: &ArrayRef, row: usize) -> Option<String> {
    if column.is_null(row) {
        return Some("NULL".into());
    }
    let value = ScalarValue::try_from_array(column, row).ok()?;
    let as_text = |value: &ScalarValue| match value.cast_to(&DataType::Utf8).ok()? {
        ScalarValue::Utf8(text) => text,
        _ => None,
    };
    Some(match &value {
        ScalarValue::Null => "NULL".into(),
        ScalarValue::Boolean(Some(value)) => if *value { "TRUE" } else { "FALSE" }.into(),
        ScalarValue::UInt64(Some(value)) => i64::try_from(*value).map_or_else(|_| value.to_string(), integer),
        ScalarValue::Float16(_) | ScalarValue::Float32(_) | ScalarValue::Float64(_) => {
            match value.cast_to(&DataType::Float64).ok()? {
                ScalarValue::Float64(value) => double(value?),
                _ => return None,
            }
        }
        ScalarValue::Utf8(text) | ScalarValue::LargeUtf8(text) | ScalarValue::Utf8View(text) => literal(text.as_ref()?),
        ScalarValue::Binary(bytes)
        | ScalarValue::LargeBinary(bytes)
        | ScalarValue::BinaryView(bytes)
        | ScalarValue::FixedSizeBinary(_, bytes) => format!("X'{}'", hex(bytes.as_ref()?)),
        ScalarValue::Decimal32(..)
        | ScalarValue::Decimal64(..)
        | ScalarValue::Decimal128(..)
        | ScalarValue::Decimal256(..) => decimal(&as_text(&value)?)?,
        ScalarValue::Date32(_) => cast(&as_text(&value)?, "DATE"),
        ScalarValue::Date64(_) => cast(&as_text(&value.cast_to(&DataType::Date32).ok()?)?, "DATE"),
        ScalarValue::Time32Second(_)
        | ScalarValue::Time32Millisecond(_)
        | ScalarValue::Time64Microsecond(_)
        | ScalarValue::Time64Nanosecond(_) => cast(&as_text(&value)?, "TIME"),
        ScalarValue::TimestampSecond(_, zone)
        | ScalarValue::TimestampMillisecond(_, zone)
        | ScalarValue::TimestampMicrosecond(_, zone)
        | ScalarValue::TimestampNanosecond(_, zone) => {
            // The instant is the same in every zone; its text is in UTC.
            let utc = zone.as_ref().map(|_| Arc::from("+00:00"));
            let instant = value.cast_to(&DataType::Timestamp(TimeUnit::Nanosecond, utc)).ok()?;
            cast(&as_text(&instant)?, if zone.is_some() { "TIMESTAMP WITH TIME ZONE" } else { "TIMESTAMP" })
        }
        ScalarValue::DurationSecond(Some(count)) => interval(0, 0, count.checked_mul(1_000_000_000)?),
        ScalarValue::DurationMillisecond(Some(count)) => interval(0, 0, count.checked_mul(1_000_000)?),
        ScalarValue::DurationMicrosecond(Some(count)) => interval(0, 0, count.checked_mul(1000)?),
        ScalarValue::DurationNanosecond(Some(count)) => interval(0, 0, *count),
        ScalarValue::IntervalYearMonth(Some(months)) => interval(*months, 0, 0),
        ScalarValue::IntervalDayTime(Some(value)) => interval(0, value.days, i64::from(value.milliseconds) * 1_000_000),
        ScalarValue::IntervalMonthDayNano(Some(value)) => interval(value.months, value.days, value.nanoseconds),
        ScalarValue::Dictionary(_, inner) => sql(&inner.to_array().ok()?, 0)?,
        ScalarValue::List(list) => elements(&list.value(0))?,
        ScalarValue::LargeList(list) => elements(&list.value(0))?,
        ScalarValue::FixedSizeList(list) => elements(&list.value(0))?,
        other if other.data_type().is_integer() => match other.cast_to(&DataType::Int64).ok()? {
            ScalarValue::Int64(value) => integer(value?),
            _ => return None,
        },
        _ => return None,
    })
}

fn elements(list: &ArrayRef) -> Option<String> {
    let elements: Option<Vec<String>> = (0..list.len()).map(|row| sql(list, row)).collect();
    Some(array(&elements?))
}

fn interval(months: i32, days: i32, nanoseconds: i64) -> String {
    format!("INTERVAL '{months} months {days} days {nanoseconds} nanoseconds'")
}

/// Returns the schema of a statement's parameters, given their types in PostgreSQL's numbers.
pub fn schema(types: &[u32]) -> Schema {
    let field = |(at, oid): (usize, &u32)| {
        let shown = Shown::numbered(*oid).unwrap_or(Shown { of: Type::Text, array: false });
        let of = data_type(shown.of);
        Field::new(format!("${}", at + 1), if shown.array { DataType::new_list(of, true) } else { of }, true)
    };
    Schema::new(types.iter().enumerate().map(field).collect::<Vec<Field>>())
}

fn data_type(of: Type) -> DataType {
    match of {
        Type::Bool => DataType::Boolean,
        Type::Bytea => DataType::Binary,
        Type::Int2 => DataType::Int16,
        Type::Int4 => DataType::Int32,
        Type::Int8 => DataType::Int64,
        Type::Float4 => DataType::Float32,
        Type::Float8 => DataType::Float64,
        Type::Numeric => DataType::Decimal128(38, 9),
        Type::Text => DataType::Utf8,
        Type::Date => DataType::Date32,
        Type::Time => DataType::Time64(TimeUnit::Nanosecond),
        Type::Timestamp => DataType::Timestamp(TimeUnit::Nanosecond, None),
        Type::TimestampTz => DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())),
        Type::Interval => DataType::Interval(IntervalUnit::MonthDayNano),
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::IntervalMonthDayNano;

    use super::*;

    #[test]
    fn values_become_literals_of_their_types() {
        let nanoseconds = 1_767_323_045_123_456_789;
        let numbers = [Some(7), None].into_iter().map(ScalarValue::Int32);
        let list = ScalarValue::List(ScalarValue::new_list(&numbers.collect::<Vec<_>>(), &DataType::Int32, true));
        for (value, expected) in [
            (ScalarValue::Int8(Some(-7)), "(-7)"),
            (ScalarValue::Int64(Some(i64::MIN)), "CAST('-9223372036854775808' AS BIGINT)"),
            (ScalarValue::UInt64(Some(u64::MAX)), "18446744073709551615"),
            (ScalarValue::Float32(Some(1.5)), "CAST('1.5' AS DOUBLE)"),
            (ScalarValue::Float64(Some(f64::NAN)), "CAST('NaN' AS DOUBLE)"),
            (ScalarValue::Utf8View(Some("it's".into())), "'it''s'"),
            (ScalarValue::LargeBinary(Some(vec![0, 255])), "X'00ff'"),
            (ScalarValue::Decimal128(Some(-1250), 6, 2), "CAST('-12.50' AS DECIMAL(4,2))"),
            (ScalarValue::Date32(Some(20_455)), "CAST('2026-01-02' AS DATE)"),
            (ScalarValue::Boolean(None), "NULL"),
            (
                ScalarValue::TimestampNanosecond(Some(nanoseconds), Some("Europe/Berlin".into())),
                "CAST('2026-01-02T03:04:05.123456789Z' AS TIMESTAMP WITH TIME ZONE)",
            ),
            (ScalarValue::TimestampMillisecond(Some(1), None), "CAST('1970-01-01T00:00:00.001' AS TIMESTAMP)"),
            (
                ScalarValue::IntervalMonthDayNano(Some(IntervalMonthDayNano::new(1, 2, 3))),
                "INTERVAL '1 months 2 days 3 nanoseconds'",
            ),
            (list, "ARRAY[7, NULL]"),
            (ScalarValue::Dictionary(Box::new(DataType::Int8), Box::new(ScalarValue::Utf8(Some("a".into())))), "'a'"),
        ] {
            let batch = RecordBatch::try_from_iter([("v", value.to_array().unwrap())]).unwrap();
            assert_eq!(expressions(&batch, 0).unwrap()[0].to_string(), expected, "{value:?}");
        }
    }

    #[test]
    fn parameters_without_numbers_get_them_in_their_order() {
        for (text, expected) in [
            ("SELECT ?, '?', \"?\" -- ?\n, é, ?", "SELECT $1, '?', \"?\" -- ?\n, é, $2"),
            ("SELECT 1 /* ? */ WHERE a = ?", "SELECT 1 /* ? */ WHERE a = $1"),
            ("SELECT $1, ?", "SELECT $1, ?"),
            ("SELECT ?1", "SELECT ?1"),
            ("SELECT 'not ended ?", "SELECT 'not ended ?"),
            ("", ""),
        ] {
            assert_eq!(numbered(text), expected);
        }
    }
}
