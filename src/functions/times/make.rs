//! `make_timestamp`: a time from its parts.

use std::sync::Arc;

use chrono::NaiveDate;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, TimestampNanosecondArray};
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit};
use datafusion::common::{Result, exec_err};

use super::wrong_count;
use crate::functions::scalar::Scalar;
use crate::text::documentation::{Argument, Documentation, Example, Kind, Outcome, Section};

const fn part(name: &'static str, meaning: &'static str) -> Argument {
    Argument { name, sql_type: "BIGINT", meaning, required: true }
}

pub const MAKE_TIMESTAMP: Documentation = Documentation {
    name: "make_timestamp",
    kind: Kind::Scalar,
    section: Section::Times,
    summary: "Returns the time with these parts",
    arguments: &[
        part("year", "from 1678 to 2261"),
        part("month", "1 to 12"),
        part("day", "1 to 31"),
        part("hour", "0 to 23"),
        part("minute", "0 to 59"),
        Argument {
            name: "second",
            sql_type: "DOUBLE",
            meaning: "0 or more and less than 60, with a fraction of microseconds",
            required: true,
        },
    ],
    result: Outcome {
        sql_type: "TIMESTAMP",
        meaning: "an error if there is no such time",
        when_null: "an argument is",
    },
    example: Example { query: "SELECT make_timestamp(2026, 1, 5, 9, 30, 1.5)", output: "2026-01-05T09:30:01.500" },
    source: "DuckDB 2.0, which also takes microseconds since 1970: here `to_timestamp_micros`",
};

pub const FUNCTION: Scalar = Scalar {
    documentation: &MAKE_TIMESTAMP,
    aliases: &[],
    coerce: |types| match types.len() {
        6 => Ok([vec![DataType::Int64; 5], vec![DataType::Float64]].concat()),
        _ => wrong_count(&MAKE_TIMESTAMP, types),
    },
    returns: |_| Ok(DataType::Timestamp(TimeUnit::Nanosecond, None)),
    compute,
};

fn compute(arguments: &[ArrayRef]) -> Result<ArrayRef> {
    let (seconds, parts) = (arguments[5].as_primitive::<Float64Type>(), &arguments[..5]);
    let mut times = Vec::with_capacity(seconds.len());
    for row in 0..seconds.len() {
        if arguments.iter().any(|column| column.is_null(row)) {
            times.push(None);
            continue;
        }
        let [year, month, day, hour, minute] =
            std::array::from_fn(|part| parts[part].as_primitive::<Int64Type>().value(row));
        let second = seconds.value(row);
        match time([year, month, day, hour, minute], second) {
            Some(time) => times.push(Some(time)),
            None => {
                return exec_err!("there is no time with the parts {year}, {month}, {day}, {hour}, {minute}, {second}");
            }
        }
    }
    Ok(Arc::new(TimestampNanosecondArray::from(times)))
}

/// Returns nanoseconds since 1970; `None` if there is no such time.
fn time([year, month, day, hour, minute]: [i64; 5], second: f64) -> Option<i64> {
    let small = |part: i64| u32::try_from(part).ok();
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, small(month)?, small(day)?)?;
    let minutes = date.and_hms_opt(small(hour)?, small(minute)?, 0)?.and_utc().timestamp();
    let micros = (0.0..60.0).contains(&second).then(|| (second * 1e6).round() as i64)?;
    minutes.checked_mul(1_000_000)?.checked_add(micros)?.checked_mul(1000)
}
