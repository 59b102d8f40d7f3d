//! `date_diff`, `date_sub`: how far two times are apart.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, TimeUnit, TimestampNanosecondType};
use datafusion::common::{Result, plan_err};

use super::unit::Unit;
use super::{is_text, time, wrong_count};
use crate::functions::scalar::Scalar;
use crate::text::documentation::{Argument, Documentation, Example, Kind, Outcome, Section};

const ARGUMENTS: &[Argument] = &[
    Argument {
        name: "unit",
        sql_type: "VARCHAR",
        meaning: "nanosecond, microsecond, millisecond, second, minute, hour, day, week (seven days), month, quarter, year or decade",
        required: true,
    },
    Argument { name: "start", sql_type: "TIMESTAMP", meaning: "a time, or a date", required: true },
    Argument { name: "end", sql_type: "TIMESTAMP", meaning: "a time, or a date", required: true },
];

pub const DATE_DIFF: Documentation = Documentation {
    name: "date_diff",
    kind: Kind::Scalar,
    section: Section::Times,
    summary: "Returns how many boundaries of a unit lie between two times",
    arguments: ARGUMENTS,
    result: Outcome {
        sql_type: "BIGINT",
        meaning: "negative if the end is before the start",
        when_null: "an argument is",
    },
    example: Example {
        query: "SELECT date_diff('hour', TIMESTAMP '2026-01-05 09:59:59', TIMESTAMP '2026-01-05 10:00:00')",
        output: "1",
    },
    source: "DuckDB 2.0",
};

pub const DATE_SUB: Documentation = Documentation {
    name: "date_sub",
    kind: Kind::Scalar,
    section: Section::Times,
    summary: "Returns how many whole units lie between two times",
    arguments: ARGUMENTS,
    result: Outcome {
        sql_type: "BIGINT",
        meaning: "negative if the end is before the start; the last day of a short month completes a month",
        when_null: "an argument is",
    },
    example: Example {
        query: "SELECT date_sub('hour', TIMESTAMP '2026-01-05 09:59:59', TIMESTAMP '2026-01-05 10:00:00')",
        output: "0",
    },
    source: "DuckDB 2.0",
};

pub const BOUNDARIES: Scalar = Scalar {
    documentation: &DATE_DIFF,
    aliases: &["datediff"],
    coerce: |types| coerce(&DATE_DIFF, types),
    returns: |_| Ok(DataType::Int64),
    compute: |arguments| compute(arguments, Unit::boundaries),
};

pub const WHOLE: Scalar = Scalar {
    documentation: &DATE_SUB,
    aliases: &["datesub"],
    coerce: |types| coerce(&DATE_SUB, types),
    returns: |_| Ok(DataType::Int64),
    compute: |arguments| compute(arguments, Unit::whole),
};

fn coerce(documentation: &Documentation, types: &[DataType]) -> Result<Vec<DataType>> {
    let [unit, start, end] = types else { return wrong_count(documentation, types) };
    if !is_text(unit) {
        return plan_err!("the unit of {} is text, such as 'minute'", documentation.syntax());
    }
    Ok(vec![DataType::Utf8, time(documentation, start)?, time(documentation, end)?])
}

fn compute(arguments: &[ArrayRef], count: fn(Unit, i64, i64) -> i64) -> Result<ArrayRef> {
    let units = arguments[0].as_string::<i32>();
    let nanoseconds = DataType::Timestamp(TimeUnit::Nanosecond, None);
    let (starts, ends) = (cast(&arguments[1], &nanoseconds)?, cast(&arguments[2], &nanoseconds)?);
    let (starts, ends) =
        (starts.as_primitive::<TimestampNanosecondType>(), ends.as_primitive::<TimestampNanosecondType>());
    let mut known: Option<(&str, Unit)> = None;
    let mut counts = Vec::with_capacity(units.len());
    for row in 0..units.len() {
        if units.is_null(row) || starts.is_null(row) || ends.is_null(row) {
            counts.push(None);
            continue;
        }
        let name = units.value(row);
        let unit = match known {
            Some((last, unit)) if last == name => unit,
            _ => Unit::read(name)?,
        };
        known = Some((name, unit));
        counts.push(Some(count(unit, starts.value(row), ends.value(row))));
    }
    Ok(Arc::new(Int64Array::from(counts)))
}
