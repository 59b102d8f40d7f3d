//! `epoch`, `epoch_ms`, `epoch_us`, `epoch_ns`: times as numbers since 1970, and differences of times as numbers.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, TimestampMillisecondArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type, TimeUnit};
use datafusion::common::Result;

use super::{TIME, time, wrong_count};
use crate::functions::scalar::Scalar;
use crate::text::documentation::{Argument, Documentation, Example, Kind, Outcome, Section};

const TIME_OR_DIFFERENCE: Argument = Argument { meaning: "a time, a date, or the difference of two times", ..TIME };
const WHEN_NULL: &str = "the time is";
const SOURCE: &str = "DuckDB 2.0";

pub const EPOCH: Documentation = Documentation {
    name: "epoch",
    kind: Kind::Scalar,
    section: Section::Times,
    summary: "Returns the seconds from 1970, UTC, to a time, or between two times",
    arguments: &[TIME_OR_DIFFERENCE],
    result: Outcome { sql_type: "DOUBLE", meaning: "seconds; a double holds about 0.2 µs", when_null: WHEN_NULL },
    example: Example { query: "SELECT epoch(TIMESTAMP '2026-01-05 09:33:20.5')", output: "1767605600.5" },
    source: SOURCE,
};

pub const EPOCH_MS: Documentation = Documentation {
    name: "epoch_ms",
    kind: Kind::Scalar,
    section: Section::Times,
    summary: "Returns the milliseconds from 1970, UTC, to a time; of a number, the time",
    arguments: &[Argument {
        meaning: "a time, a date, or the difference of two times; or a BIGINT of milliseconds",
        ..TIME
    }],
    result: Outcome { sql_type: "BIGINT", meaning: "milliseconds, rounded down; or a TIMESTAMP", when_null: WHEN_NULL },
    example: Example {
        query: "SELECT epoch_ms(TIMESTAMP '2026-01-05 09:33:20.5'), epoch_ms(1767605600500)",
        output: "1767605600500 | 2026-01-05T09:33:20.500",
    },
    source: SOURCE,
};

pub const EPOCH_US: Documentation = Documentation {
    name: "epoch_us",
    kind: Kind::Scalar,
    section: Section::Times,
    summary: "Returns the microseconds from 1970, UTC, to a time",
    arguments: &[TIME_OR_DIFFERENCE],
    result: Outcome { sql_type: "BIGINT", meaning: "microseconds, rounded down", when_null: WHEN_NULL },
    example: Example { query: "SELECT epoch_us(TIMESTAMP '2026-01-05 09:33:20.5')", output: "1767605600500000" },
    source: SOURCE,
};

pub const EPOCH_NS: Documentation = Documentation {
    name: "epoch_ns",
    kind: Kind::Scalar,
    section: Section::Times,
    summary: "Returns the nanoseconds from 1970, UTC, to a time",
    arguments: &[TIME_OR_DIFFERENCE],
    result: Outcome { sql_type: "BIGINT", meaning: "nanoseconds", when_null: WHEN_NULL },
    example: Example { query: "SELECT epoch_ns(TIMESTAMP '2026-01-05 09:33:20.5')", output: "1767605600500000000" },
    source: SOURCE,
};

pub const SECONDS: Scalar = Scalar {
    documentation: &EPOCH,
    aliases: &[],
    coerce: |types| coerce(&EPOCH, types),
    returns: |_| Ok(DataType::Float64),
    compute: |arguments| {
        let seconds = |time: i64| (time / 1_000_000_000) as f64 + (time % 1_000_000_000) as f64 / 1e9;
        let numbers: Float64Array = nanoseconds(&arguments[0])?.unary(seconds);
        Ok(Arc::new(numbers) as ArrayRef)
    },
};

pub const MILLISECONDS: Scalar = Scalar {
    documentation: &EPOCH_MS,
    aliases: &[],
    coerce: |types| match types {
        [number] if number.is_integer() => Ok(vec![DataType::Int64]),
        types => coerce(&EPOCH_MS, types),
    },
    returns: |types| {
        Ok(match types {
            [DataType::Int64] => DataType::Timestamp(TimeUnit::Millisecond, None),
            _ => DataType::Int64,
        })
    },
    compute: |arguments| match arguments[0].data_type() {
        DataType::Int64 => {
            let numbers = arguments[0].as_primitive::<Int64Type>();
            Ok(Arc::new(TimestampMillisecondArray::new(numbers.values().clone(), numbers.nulls().cloned())) as ArrayRef)
        }
        _ => since(&arguments[0], 1_000_000),
    },
};

pub const MICROSECONDS: Scalar = Scalar {
    documentation: &EPOCH_US,
    aliases: &[],
    coerce: |types| coerce(&EPOCH_US, types),
    returns: |_| Ok(DataType::Int64),
    compute: |arguments| since(&arguments[0], 1_000),
};

pub const NANOSECONDS: Scalar = Scalar {
    documentation: &EPOCH_NS,
    aliases: &[],
    coerce: |types| coerce(&EPOCH_NS, types),
    returns: |_| Ok(DataType::Int64),
    compute: |arguments| since(&arguments[0], 1),
};

fn coerce(documentation: &Documentation, types: &[DataType]) -> Result<Vec<DataType>> {
    match types {
        [DataType::Duration(_)] => Ok(vec![DataType::Duration(TimeUnit::Nanosecond)]),
        [value] => Ok(vec![time(documentation, value)?]),
        _ => wrong_count(documentation, types),
    }
}

/// Returns nanoseconds, from 1970 or between two times.
fn nanoseconds(values: &ArrayRef) -> Result<Int64Array> {
    let numbers = match values.data_type() {
        DataType::Duration(_) => cast(values, &DataType::Int64)?,
        _ => cast(&cast(values, &DataType::Timestamp(TimeUnit::Nanosecond, None))?, &DataType::Int64)?,
    };
    Ok(numbers.as_primitive::<Int64Type>().clone())
}

/// Returns whole units: from 1970 rounded down, between two times rounded towards 0.
fn since(values: &ArrayRef, length: i64) -> Result<ArrayRef> {
    let is_difference = matches!(values.data_type(), DataType::Duration(_));
    let units = |time: i64| if is_difference { time / length } else { time.div_euclid(length) };
    let numbers: Int64Array = nanoseconds(values)?.unary(units);
    Ok(Arc::new(numbers))
}
