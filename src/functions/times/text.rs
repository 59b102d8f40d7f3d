//! `strftime`: times as text.

use std::fmt::Write;
use std::sync::Arc;

use chrono::format::Item;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringBuilder};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, TimeUnit, TimestampNanosecondType};
use datafusion::common::{Result, exec_datafusion_err};

use super::format::items;
use super::unit::date_time;
use super::{TIME, is_text, time, wrong_count};
use crate::functions::scalar::Scalar;
use crate::text::documentation::{Argument, Documentation, Example, Kind, Outcome, Section};

pub const STRFTIME: Documentation = Documentation {
    name: "strftime",
    kind: Kind::Scalar,
    section: Section::Times,
    summary: "Returns a time as text in a format; the format may also come first",
    arguments: &[
        TIME,
        Argument {
            name: "format",
            sql_type: "VARCHAR",
            meaning: "text with %Y, %m, %d, %H, %M, %S, %g (milliseconds), %f (microseconds), %n (nanoseconds), %a, %b, %j and others of strftime",
            required: true,
        },
    ],
    result: Outcome { sql_type: "VARCHAR", meaning: "the text, in UTC", when_null: "an argument is" },
    example: Example {
        query: "SELECT strftime(TIMESTAMP '2026-01-05 09:33:20.5', '%d.%m.%Y %H:%M:%S.%g')",
        output: "05.01.2026 09:33:20.500",
    },
    source: "DuckDB 2.0",
};

pub const FUNCTION: Scalar =
    Scalar { documentation: &STRFTIME, aliases: &[], coerce, returns: |_| Ok(DataType::Utf8), compute };

/// What stands for another thing in chrono.
const OTHER: &[(&str, &str)] = &[
    ("%f", "%6f"),
    ("%g", "%3f"),
    ("%n", "%9f"),
    ("%x", "%Y-%m-%d"),
    ("%X", "%H:%M:%S"),
    ("%c", "%Y-%m-%d %H:%M:%S"),
    ("%z", "+00"),
    ("%Z", ""),
];

fn coerce(types: &[DataType]) -> Result<Vec<DataType>> {
    match types {
        [format, value] if is_text(format) && !is_text(value) => Ok(vec![DataType::Utf8, time(&STRFTIME, value)?]),
        [value, _] => Ok(vec![time(&STRFTIME, value)?, DataType::Utf8]),
        _ => wrong_count(&STRFTIME, types),
    }
}

fn compute(arguments: &[ArrayRef]) -> Result<ArrayRef> {
    let (times, formats) = match arguments[0].data_type() {
        DataType::Utf8 => (&arguments[1], &arguments[0]),
        _ => (&arguments[0], &arguments[1]),
    };
    let times = cast(times, &DataType::Timestamp(TimeUnit::Nanosecond, None))?;
    let (times, formats) = (times.as_primitive::<TimestampNanosecondType>(), formats.as_string::<i32>());
    let mut texts = StringBuilder::new();
    let mut known: Option<(&str, Vec<Item<'static>>)> = None;
    for row in 0..times.len() {
        if times.is_null(row) || formats.is_null(row) {
            texts.append_null();
            continue;
        }
        let format = formats.value(row);
        let items = match known.take() {
            Some((last, items)) if last == format => items,
            _ => items("strftime", format, OTHER)?,
        };
        let text = date_time(times.value(row)).format_with_items(items.iter());
        write!(texts, "{text}").map_err(|_| exec_datafusion_err!("strftime cannot write the format `{format}`"))?;
        texts.append_value("");
        known = Some((format, items));
    }
    Ok(Arc::new(texts.finish()))
}
