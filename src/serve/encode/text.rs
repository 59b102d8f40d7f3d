//! Values in the text format, as PostgreSQL writes them with DateStyle ISO and IntervalStyle postgres.

use std::fmt::{self, Write};

use bytes::{BufMut, BytesMut};
use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, Timelike};
use datafusion::arrow::datatypes::IntervalMonthDayNano;
use datafusion::arrow::error::ArrowError;

use super::Values;
use crate::text::hex;

/// Numbers from here on are written with an exponent.
const LARGE: f64 = 1e15;

/// Numbers below are written with an exponent.
const SMALL: f64 = 1e-4;

/// Writes the value of a row, which is not NULL.
pub fn put(values: &Values, row: usize, bytes: &mut BytesMut) -> Result<(), ArrowError> {
    let written = match values {
        Values::Bool(array) => bytes.write_char(if array.value(row) { 't' } else { 'f' }),
        Values::Int2(array) => write!(bytes, "{}", array.value(row)),
        Values::Int4(array) => write!(bytes, "{}", array.value(row)),
        Values::Int8(array) => write!(bytes, "{}", array.value(row)),
        Values::Float4(array) => put_float(array.value(row), f64::from(array.value(row)), bytes),
        Values::Float8(array) => put_float(array.value(row), array.value(row), bytes),
        Values::Numeric(array) => bytes.write_str(&array.value_as_string(row)),
        Values::Text(array) => bytes.write_str(array.value(row)),
        Values::Bytea(array) => {
            bytes.put_slice(b"\\x");
            bytes.write_str(&hex(array.value(row)))
        }
        Values::Date(array) => match date(i64::from(array.value(row))) {
            Some(date) => put_date(date, bytes).and_then(|()| put_era(date, bytes)),
            None => return Err(out_of_range("date")),
        },
        Values::Time(array) => put_time(array.value(row), bytes),
        Values::Timestamp(array, zoned) => {
            let instant = DateTime::from_timestamp_micros(array.value(row));
            let Some(instant) = instant else { return Err(out_of_range("timestamp")) };
            put_instant(instant, *zoned, bytes)
        }
        Values::Interval(array) => put_interval(array.value(row), bytes),
        // The module `arrays` writes lists.
        Values::List(..) => Err(fmt::Error),
    };
    written.map_err(|fmt::Error| ArrowError::ComputeError("a value cannot be written as text".into()))
}

fn out_of_range(what: &str) -> ArrowError {
    ArrowError::CastError(format!("{what} out of range"))
}

/// Writes a number by the fewest digits that give it back.
fn put_float<T: fmt::Display + fmt::LowerExp>(shown: T, value: f64, bytes: &mut BytesMut) -> fmt::Result {
    if value.is_nan() {
        return bytes.write_str("NaN");
    }
    if value.is_infinite() {
        return bytes.write_str(if value > 0.0 { "Infinity" } else { "-Infinity" });
    }
    if value == 0.0 || (SMALL..LARGE).contains(&value.abs()) {
        return write!(bytes, "{shown}");
    }
    let written = format!("{shown:e}");
    let (digits, exponent) = written.split_once('e').ok_or(fmt::Error)?;
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(exponent) => ('-', exponent),
        None => ('+', exponent),
    };
    write!(bytes, "{digits}e{sign}{exponent:0>2}")
}

fn date(days: i64) -> Option<NaiveDate> {
    let epoch = NaiveDate::default();
    match u64::try_from(days) {
        Ok(days) => epoch.checked_add_days(Days::new(days)),
        Err(_) => epoch.checked_sub_days(Days::new(days.unsigned_abs())),
    }
}

fn put_date(date: NaiveDate, bytes: &mut BytesMut) -> fmt::Result {
    // There is no year 0: the year before 1 is 1 BC.
    let year = if date.year() > 0 { date.year() } else { 1 - date.year() };
    write!(bytes, "{year:04}-{:02}-{:02}", date.month(), date.day())
}

fn put_era(date: NaiveDate, bytes: &mut BytesMut) -> fmt::Result {
    if date.year() > 0 { Ok(()) } else { bytes.write_str(" BC") }
}

fn put_clock(time: NaiveTime, bytes: &mut BytesMut) -> fmt::Result {
    write!(bytes, "{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second())?;
    put_fraction(u64::from(time.nanosecond()) / 1000, bytes)
}

/// Writes microseconds behind a point, without zeros at the end.
fn put_fraction(microseconds: u64, bytes: &mut BytesMut) -> fmt::Result {
    if microseconds == 0 {
        return Ok(());
    }
    let digits = format!("{microseconds:06}");
    write!(bytes, ".{}", digits.trim_end_matches('0'))
}

fn put_time(microseconds: i64, bytes: &mut BytesMut) -> fmt::Result {
    let seconds = microseconds.div_euclid(1_000_000);
    write!(bytes, "{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)?;
    put_fraction(microseconds.rem_euclid(1_000_000).unsigned_abs(), bytes)
}

fn put_instant(instant: DateTime<chrono::Utc>, zoned: bool, bytes: &mut BytesMut) -> fmt::Result {
    let instant = instant.naive_utc();
    put_date(instant.date(), bytes)?;
    bytes.put_u8(b' ');
    put_clock(instant.time(), bytes)?;
    if zoned {
        bytes.put_slice(b"+00");
    }
    put_era(instant.date(), bytes)
}

fn put_interval(interval: IntervalMonthDayNano, bytes: &mut BytesMut) -> fmt::Result {
    let parts = [(interval.months / 12, "year"), (interval.months % 12, "mon"), (interval.days, "day")];
    let mut written = false;
    for (count, unit) in parts.into_iter().filter(|(count, _)| *count != 0) {
        let space = if written { " " } else { "" };
        let ending = if count == 1 { "" } else { "s" };
        write!(bytes, "{space}{count} {unit}{ending}")?;
        written = true;
    }
    let microseconds = interval.nanoseconds.div_euclid(1000);
    if written && microseconds == 0 {
        return Ok(());
    }
    let sign = if microseconds < 0 { "-" } else { "" };
    let space = if written { " " } else { "" };
    write!(bytes, "{space}{sign}")?;
    put_time(microseconds.checked_abs().unwrap_or(i64::MAX), bytes)
}
