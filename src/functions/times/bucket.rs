//! `time_bucket`: the start of the interval in which a time lies.

use std::sync::Arc;

use chrono::{DateTime, Datelike, NaiveDate};
use datafusion::arrow::array::{Array, ArrayRef, AsArray, Date32Array, TimestampNanosecondArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit, TimeUnit, TimestampNanosecondType,
};
use datafusion::common::{Result, exec_datafusion_err, exec_err};

use super::{TIME, time, wrong_count};
use crate::functions::scalar::Scalar;
use crate::text::documentation::{Argument, Documentation, Example, Kind, Outcome, Section};

pub const TIME_BUCKET: Documentation = Documentation {
    name: "time_bucket",
    kind: Kind::Scalar,
    section: Section::Times,
    summary: "Returns the start of the bucket of a fixed width in which a time lies",
    arguments: &[
        Argument {
            name: "width",
            sql_type: "INTERVAL",
            meaning: "the width: weeks, days and shorter units, or months and years, but not both",
            required: true,
        },
        TIME,
        Argument {
            name: "origin",
            sql_type: "TIMESTAMP",
            meaning: "the start of one bucket; or an INTERVAL by which buckets are moved; default 2000-01-03, a Monday, and 2000-01-01 for months",
            required: false,
        },
    ],
    result: Outcome { sql_type: "TIMESTAMP", meaning: "as the time; of a DATE, a DATE", when_null: "an argument is" },
    example: Example {
        query: "SELECT time_bucket(INTERVAL '5 minutes', TIMESTAMP '2026-01-05 09:33:20')",
        output: "2026-01-05T09:30:00",
    },
    source: "DuckDB 2.0",
};

pub const FUNCTION: Scalar =
    Scalar { documentation: &TIME_BUCKET, aliases: &[], coerce, returns: |types| Ok(types[1].clone()), compute };

const INTERVAL: DataType = DataType::Interval(IntervalUnit::MonthDayNano);
const DAY: i128 = 86_400_000_000_000;

/// 2000-01-03 in nanoseconds since 1970.
const ORIGIN: i64 = 946_857_600_000_000_000;
/// 2000-01 in months since year 0.
const ORIGIN_MONTH: i64 = 24_000;

fn coerce(types: &[DataType]) -> Result<Vec<DataType>> {
    let ([_, value] | [_, value, _]) = types else { return wrong_count(&TIME_BUCKET, types) };
    let value = match value {
        DataType::Date32 | DataType::Date64 => DataType::Date32,
        other => time(&TIME_BUCKET, other)?,
    };
    let mut coerced = vec![INTERVAL, value];
    if let [_, _, origin] = types {
        coerced.push(match origin {
            DataType::Interval(_) => INTERVAL,
            _ => DataType::Timestamp(TimeUnit::Nanosecond, None),
        });
    }
    Ok(coerced)
}

/// Where buckets begin.
#[derive(Clone, Copy)]
enum Origin {
    Default,
    Time(i64),
    Moved(IntervalMonthDayNano),
}

fn compute(arguments: &[ArrayRef]) -> Result<ArrayRef> {
    let widths = arguments[0].as_primitive::<IntervalMonthDayNanoType>();
    let data_type = arguments[1].data_type();
    let nanoseconds = DataType::Timestamp(TimeUnit::Nanosecond, None);
    let times = cast(&arguments[1], &nanoseconds)?;
    let times = times.as_primitive::<TimestampNanosecondType>();
    let origin = |row: usize| match arguments.get(2) {
        None => Some(Origin::Default),
        Some(column) if column.is_null(row) => None,
        Some(column) if column.data_type() == &INTERVAL => {
            Some(Origin::Moved(column.as_primitive::<IntervalMonthDayNanoType>().value(row)))
        }
        Some(column) => Some(Origin::Time(column.as_primitive::<TimestampNanosecondType>().value(row))),
    };
    let mut buckets = Vec::with_capacity(times.len());
    for row in 0..times.len() {
        let origin = origin(row).filter(|_| widths.is_valid(row) && times.is_valid(row));
        buckets.push(origin.map(|origin| bucket(widths.value(row), times.value(row), origin)).transpose()?);
    }
    Ok(match data_type {
        DataType::Date32 => {
            let days = |time: i64| i32::try_from(i128::from(time).div_euclid(DAY)).unwrap_or_default();
            Arc::new(buckets.into_iter().map(|bucket| bucket.map(days)).collect::<Date32Array>())
        }
        DataType::Timestamp(_, zone) => {
            Arc::new(TimestampNanosecondArray::from(buckets).with_timezone_opt(zone.clone()))
        }
        other => return exec_err!("time_bucket does not return {other}"),
    })
}

fn bucket(width: IntervalMonthDayNano, time: i64, origin: Origin) -> Result<i64> {
    let length = i128::from(width.days) * DAY + i128::from(width.nanoseconds);
    match (width.months, length) {
        (0, 1..) => fixed(length, time, origin),
        (1.., 0) => months(i64::from(width.months), time, origin),
        (0, _) | (_, 0) => exec_err!("the width of time_bucket must be positive"),
        _ => exec_err!(
            "the width of time_bucket must be months and years, or weeks, days and shorter units, but not both"
        ),
    }
}

fn fixed(length: i128, time: i64, origin: Origin) -> Result<i64> {
    let start = match origin {
        Origin::Default => i128::from(ORIGIN),
        Origin::Time(time) => i128::from(time),
        Origin::Moved(by) if by.months == 0 => {
            i128::from(ORIGIN) + i128::from(by.days) * DAY + i128::from(by.nanoseconds)
        }
        Origin::Moved(_) => return exec_err!("buckets of days and shorter units cannot be moved by months"),
    };
    let time = i128::from(time);
    in_range(time - (time - start).rem_euclid(length))
}

fn months(width: i64, time: i64, origin: Origin) -> Result<i64> {
    let month = |time: i64| {
        let date = DateTime::from_timestamp_nanos(time);
        i64::from(date.year()) * 12 + i64::from(date.month0())
    };
    let start = match origin {
        Origin::Default => ORIGIN_MONTH,
        Origin::Time(time)
            if DateTime::from_timestamp_nanos(time).day0() == 0 && i128::from(time).rem_euclid(DAY) == 0 =>
        {
            month(time)
        }
        Origin::Time(_) => return exec_err!("the origin of buckets of months must be the start of a month"),
        Origin::Moved(by) if by.days == 0 && by.nanoseconds == 0 => ORIGIN_MONTH + i64::from(by.months),
        Origin::Moved(_) => return exec_err!("buckets of months can only be moved by months"),
    };
    let found = month(time);
    let first = found - (found - start).rem_euclid(width);
    let date = i32::try_from(first.div_euclid(12)).ok().zip(u32::try_from(first.rem_euclid(12)).ok());
    let date = date.and_then(|(year, month)| NaiveDate::from_ymd_opt(year, month + 1, 1)?.and_hms_opt(0, 0, 0));
    let bucket = date.and_then(|date| date.and_utc().timestamp_nanos_opt());
    bucket.ok_or_else(|| exec_datafusion_err!("a bucket begins before 1677, which a TIMESTAMP cannot hold"))
}

fn in_range(time: i128) -> Result<i64> {
    i64::try_from(time).map_err(|_| exec_datafusion_err!("a bucket begins before 1677, which a TIMESTAMP cannot hold"))
}
