//! `age`: the difference of two times in years, months and days.

use std::sync::Arc;

use chrono::{Datelike, Months, NaiveDateTime, Timelike};
use datafusion::arrow::array::{ArrayRef, AsArray, IntervalMonthDayNanoArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, IntervalMonthDayNano, IntervalUnit, TimeUnit, TimestampNanosecondType};
use datafusion::common::Result;

use super::{TIME, time, wrong_count};
use crate::functions::scalar::Scalar;
use crate::text::documentation::{Argument, Documentation, Example, Kind, Outcome, Section};

pub const AGE: Documentation = Documentation {
    name: "age",
    kind: Kind::Scalar,
    section: Section::Times,
    summary: "Returns the difference of two times in years, months, days and a time",
    arguments: &[
        Argument { name: "end", ..TIME },
        Argument { name: "start", meaning: "a time, or a date, which is subtracted", ..TIME },
    ],
    result: Outcome {
        sql_type: "INTERVAL",
        meaning: "whole months of the calendar first, then days; negative if the end is before the start. `end - start` has days and shorter units",
        when_null: "an argument is",
    },
    example: Example {
        query: "SELECT age(TIMESTAMP '2026-03-05 10:00:00', TIMESTAMP '2026-01-01')",
        output: "2 mons 4 days 10 hours",
    },
    source: "PostgreSQL 15, DuckDB 2.0",
};

pub const FUNCTION: Scalar = Scalar {
    documentation: &AGE,
    aliases: &[],
    coerce: |types| match types {
        [end, start] => Ok(vec![time(&AGE, end)?, time(&AGE, start)?]),
        _ => wrong_count(&AGE, types),
    },
    returns: |_| Ok(DataType::Interval(IntervalUnit::MonthDayNano)),
    compute,
};

fn compute(arguments: &[ArrayRef]) -> Result<ArrayRef> {
    let nanoseconds = DataType::Timestamp(TimeUnit::Nanosecond, None);
    let (ends, starts) = (cast(&arguments[0], &nanoseconds)?, cast(&arguments[1], &nanoseconds)?);
    let (ends, starts) =
        (ends.as_primitive::<TimestampNanosecondType>(), starts.as_primitive::<TimestampNanosecondType>());
    let ages = ends.iter().zip(starts).map(|(end, start)| Some(age(end?, start?)));
    Ok(Arc::new(ages.collect::<IntervalMonthDayNanoArray>()))
}

/// Returns the age of two times in nanoseconds since 1970.
fn age(end: i64, start: i64) -> IntervalMonthDayNano {
    let read = |time: i64| chrono::DateTime::from_timestamp_nanos(time).naive_utc();
    let is_negative = end < start;
    let (early, late) = if is_negative { (read(end), read(start)) } else { (read(start), read(end)) };
    let months = |time: NaiveDateTime| time.year() * 12 + time.month0() as i32;
    let nanoseconds = |time: NaiveDateTime| {
        i64::from(time.num_seconds_from_midnight()) * 1_000_000_000 + i64::from(time.nanosecond())
    };
    let mut months_between = months(late) - months(early);
    let mut days = late.day() as i32 - early.day() as i32;
    let mut rest = nanoseconds(late) - nanoseconds(early);
    if rest < 0 {
        rest += 86_400_000_000_000;
        days -= 1;
    }
    if days < 0 {
        // A month that is not whole counts the days of the month in which the earlier time is.
        days += days_of_month(early);
        months_between -= 1;
    }
    let sign = if is_negative { -1 } else { 1 };
    IntervalMonthDayNano::new(sign * months_between, sign * days, i64::from(sign) * rest)
}

fn days_of_month(time: NaiveDateTime) -> i32 {
    let first = time.date().with_day(1).unwrap_or_default();
    let next = first.checked_add_months(Months::new(1)).unwrap_or_default();
    (next - first).num_days() as i32
}
