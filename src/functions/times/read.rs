//! `strptime`: text in a format as times.

use std::sync::Arc;

use chrono::format::{Item, ParseError, Parsed, parse};
use chrono::{NaiveDateTime, TimeDelta};
use datafusion::arrow::array::{Array, ArrayRef, AsArray, TimestampNanosecondBuilder};
use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::{Result, exec_err};

use super::format::items;
use super::{is_text, wrong_count};
use crate::functions::scalar::Scalar;
use crate::text::documentation::{Argument, Documentation, Example, Kind, Outcome, Section};

pub const STRPTIME: Documentation = Documentation {
    name: "strptime",
    kind: Kind::Scalar,
    section: Section::Times,
    summary: "Reads text in a format as a time; text in another format is an error",
    arguments: &[
        Argument { name: "text", sql_type: "VARCHAR", meaning: "a time as text", required: true },
        Argument {
            name: "format",
            sql_type: "VARCHAR",
            meaning: "text with %Y, %m, %d, %H, %M, %S, %f, %g or %n (a fraction after a point), %z (as in +0530), %j, %I, %p, %b and others \
                      of strptime",
            required: true,
        },
    ],
    result: Outcome {
        sql_type: "TIMESTAMP WITH TIME ZONE",
        meaning: "the time, in UTC where the format has no %z; parts that it does not have are those of 1900-01-01 00:00:00",
        when_null: "an argument is",
    },
    example: Example {
        query: "SELECT strptime('05.01.2026 09 Uhr', '%d.%m.%Y %H Uhr')",
        output: "2026-01-05T09:00:00Z",
    },
    source: "DuckDB 2.0; a format with %Z, the name of a time zone, is an error",
};

pub const TRY_STRPTIME: Documentation = Documentation {
    name: "try_strptime",
    summary: "Reads text in a format as a time; NULL where the text has another format",
    result: Outcome { when_null: "an argument is, or the text has another format", ..STRPTIME.result },
    example: Example { query: "SELECT try_strptime('yesterday', '%Y-%m-%d') IS NULL", output: "true" },
    ..STRPTIME
};

pub const FUNCTION: Scalar =
    Scalar { documentation: &STRPTIME, aliases: &[], coerce, returns, compute: |arguments| compute(arguments, false) };

pub const TRY_FUNCTION: Scalar = Scalar {
    documentation: &TRY_STRPTIME,
    aliases: &[],
    coerce,
    returns,
    compute: |arguments| compute(arguments, true),
};

/// What stands for another thing in chrono. A fraction after a point has as many digits as there are.
const OTHER: &[(&str, &str)] =
    &[(".%f", "%.f"), (".%g", "%.f"), (".%n", "%.f"), ("%f", "%6f"), ("%g", "%3f"), ("%n", "%9f"), ("%z", "%#z")];

fn coerce(types: &[DataType]) -> Result<Vec<DataType>> {
    match types {
        [text, format] if is_text(text) && is_text(format) => Ok(vec![DataType::Utf8; 2]),
        [text, format] => {
            let wrong = if is_text(text) { format } else { text };
            exec_err!("{} takes texts, not {wrong}", STRPTIME.syntax())
        }
        _ => wrong_count(&STRPTIME, types),
    }
}

fn returns(_types: &[DataType]) -> Result<DataType> {
    Ok(DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())))
}

fn compute(arguments: &[ArrayRef], is_tried: bool) -> Result<ArrayRef> {
    let (texts, formats) = (arguments[0].as_string::<i32>(), arguments[1].as_string::<i32>());
    let mut times = TimestampNanosecondBuilder::new();
    let mut known: Option<(&str, Vec<Item<'static>>)> = None;
    for row in 0..texts.len() {
        if texts.is_null(row) || formats.is_null(row) {
            times.append_null();
            continue;
        }
        let (text, format) = (texts.value(row), formats.value(row));
        let items = match known.take() {
            Some((last, items)) if last == format => items,
            _ => read_format(format)?,
        };
        let time = read(text.trim(), &items).map(|time| time.and_utc().timestamp_nanos_opt());
        match time {
            Ok(Some(ns)) => times.append_value(ns),
            _ if is_tried => times.append_null(),
            Ok(None) => return exec_err!("`{text}` is not between the years 1677 and 2262"),
            Err(problem) => return exec_err!("`{text}` is not a time in the format `{format}`: {problem}"),
        }
        known = Some((format, items));
    }
    Ok(Arc::new(times.finish().with_timezone("UTC")))
}

fn read_format(format: &str) -> Result<Vec<Item<'static>>> {
    if format.replace("%%", "").contains("%Z") {
        return exec_err!(
            "strptime does not read names of time zones (%Z); it reads +0530 as %z, and text that is always the same stands in the format as it is"
        );
    }
    items("strptime", format, OTHER)
}

/// Reads a time in UTC. Parts that the text does not have are those of 1900-01-01 00:00:00.
fn read(text: &str, items: &[Item<'static>]) -> Result<NaiveDateTime, ParseError> {
    let mut parts = Parsed::new();
    parse(&mut parts, text, items.iter())?;
    if parts.timestamp().is_some() {
        return parts.to_naive_datetime_with_offset(0);
    }
    if parts.second() == Some(60) {
        // Leap seconds have no place among times: an error.
        parts.set_second(59)?;
    }
    // Years of two digits: 69 is 1969.
    match (parts.year(), parts.year_div_100(), parts.year_mod_100(), parts.isoyear()) {
        (None, None, Some(69), _) => parts.set_year_div_100(19)?,
        (None, None, None, None) => parts.set_year(1900)?,
        _ => {}
    };
    let has_day = parts.ordinal().is_some()
        || parts.isoweek().is_some()
        || parts.week_from_sun().is_some()
        || parts.week_from_mon().is_some();
    if !has_day {
        if parts.month().is_none() {
            parts.set_month(1)?;
        }
        if parts.day().is_none() {
            parts.set_day(1)?;
        }
    }
    match (parts.hour_div_12(), parts.hour_mod_12()) {
        (None, None) => parts.set_hour(0)?,
        // `%I` without `%p`: 12 is noon.
        (None, Some(hour)) => parts.set_ampm(hour == 0)?,
        (Some(_), None) => parts.set_hour12(12)?,
        _ => {}
    };
    if parts.minute().is_none() {
        parts.set_minute(0)?;
    }
    if parts.second().is_none() {
        parts.set_second(0)?;
    }
    let offset = parts.offset().unwrap_or(0);
    Ok(parts.to_naive_datetime_with_offset(offset)? - TimeDelta::seconds(offset.into()))
}
