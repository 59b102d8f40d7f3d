//! Functions on times: buckets, differences, numbers since 1970, text. Their names and results are DuckDB's.
//!
//! Times have nanoseconds. A time zone is UTC.

mod age;
mod bucket;
mod difference;
mod epoch;
mod format;
mod make;
mod read;
mod text;
mod unit;

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::{Result, plan_err};

use super::Function;
use crate::text::documentation::{Argument, Documentation};

/// The family's functions.
pub const FUNCTIONS: &[Function] = &[
    Function { documentation: &age::AGE, implementation: |_| age::FUNCTION.function() },
    Function { documentation: &bucket::TIME_BUCKET, implementation: |_| bucket::FUNCTION.function() },
    Function { documentation: &difference::DATE_DIFF, implementation: |_| difference::BOUNDARIES.function() },
    Function { documentation: &difference::DATE_SUB, implementation: |_| difference::WHOLE.function() },
    Function { documentation: &epoch::EPOCH, implementation: |_| epoch::SECONDS.function() },
    Function { documentation: &epoch::EPOCH_MS, implementation: |_| epoch::MILLISECONDS.function() },
    Function { documentation: &epoch::EPOCH_US, implementation: |_| epoch::MICROSECONDS.function() },
    Function { documentation: &epoch::EPOCH_NS, implementation: |_| epoch::NANOSECONDS.function() },
    Function { documentation: &make::MAKE_TIMESTAMP, implementation: |_| make::FUNCTION.function() },
    Function { documentation: &text::STRFTIME, implementation: |_| text::FUNCTION.function() },
    Function { documentation: &read::STRPTIME, implementation: |_| read::FUNCTION.function() },
    Function { documentation: &read::TRY_STRPTIME, implementation: |_| read::TRY_FUNCTION.function() },
];

const TIME: Argument = Argument { name: "time", sql_type: "TIMESTAMP", meaning: "a time, or a date", required: true };

/// Returns the type to which a time is converted: with nanoseconds, and with its time zone if it has one.
fn time(documentation: &Documentation, data_type: &DataType) -> Result<DataType> {
    match data_type {
        DataType::Timestamp(_, zone) => Ok(DataType::Timestamp(TimeUnit::Nanosecond, zone.clone())),
        DataType::Date32
        | DataType::Date64
        | DataType::Null
        | DataType::Utf8
        | DataType::Utf8View
        | DataType::LargeUtf8 => Ok(DataType::Timestamp(TimeUnit::Nanosecond, None)),
        other => plan_err!("{} takes a TIMESTAMP or a DATE, not {other}", documentation.syntax()),
    }
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 | DataType::Null)
}

fn wrong_count<T>(documentation: &Documentation, types: &[DataType]) -> Result<T> {
    plan_err!("{} was given {} arguments", documentation.syntax(), types.len())
}
