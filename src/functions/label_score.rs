//! What all aggregates over (label, score) share: argument types, reading columns, documentation of the arguments.
//!
//! In: a label, BOOLEAN or a number that is 0 or 1, and a score, any number. Out: rows of both. A row is skipped if either is
//! NULL.

use datafusion::arrow::array::{Array, ArrayRef, AsArray, TimestampNanosecondArray};
use datafusion::arrow::datatypes::{DataType, Float64Type, TimeUnit};
use datafusion::common::{Result, exec_err, plan_err};

use crate::text::documentation::Argument;

/// The documentation of the label.
pub const LABEL: Argument = Argument {
    name: "label",
    sql_type: "BOOLEAN or number",
    meaning: "whether the row is positive; a number must be 0 or 1",
    required: true,
};

/// The documentation of the score.
pub const SCORE: Argument =
    Argument { name: "score", sql_type: "DOUBLE", meaning: "higher means more likely positive", required: true };

/// The documentation of a score that is read as a probability.
pub const PROBABILITY: Argument = Argument {
    name: "score",
    sql_type: "DOUBLE",
    meaning: "predicted probability that the row is positive, in [0, 1]",
    required: true,
};

/// The documentation of the threshold.
pub const THRESHOLD: Argument = Argument {
    name: "threshold",
    sql_type: "DOUBLE",
    meaning: "a row is called positive when its score is at least this; may differ from row to row",
    required: true,
};

/// The documentation of a row's time.
pub const TIME: Argument = Argument {
    name: "ts",
    sql_type: "TIMESTAMP",
    meaning: "the row's time; rows of several products may share one",
    required: true,
};

/// Returns the type to which a time is converted: nanoseconds, of the same time zone. `index` is the argument's, from 0.
///
/// # Errors
/// The argument is not a timestamp.
pub fn coerce_time(syntax: &str, index: usize, given: &DataType) -> Result<DataType> {
    match given {
        DataType::Timestamp(_, zone) => Ok(DataType::Timestamp(TimeUnit::Nanosecond, zone.clone())),
        DataType::Null => Ok(DataType::Timestamp(TimeUnit::Nanosecond, None)),
        given => plan_err!(
            "argument {} of {syntax} must be a timestamp, not {given}: convert it, such as `to_timestamp(…)`",
            index + 1
        ),
    }
}

/// Returns the types to which arguments are converted: BOOLEAN stays for a label, and every number becomes DOUBLE.
///
/// # Errors
/// The number of arguments is wrong, or an argument is not a number.
pub fn coerce(syntax: &str, range: std::ops::RangeInclusive<usize>, types: &[DataType]) -> Result<Vec<DataType>> {
    if !range.contains(&types.len()) {
        return plan_err!("{syntax} was given {} arguments", types.len());
    }
    let coerced = types.iter().enumerate().map(|(index, given)| match given {
        DataType::Boolean if index == 0 => Ok(DataType::Boolean),
        given if given.is_numeric() || given.is_null() => Ok(DataType::Float64),
        given => plan_err!("argument {} of {syntax} must be a number, not {given}", index + 1),
    });
    coerced.collect()
}

/// Calls `row` with the label, the other columns' values and the time, for each row without a NULL.
///
/// The label is `None` if it is NaN, because NaN is neither positive nor negative.
///
/// # Errors
/// A label is a number other than 0 and 1: which of the two others would be positive is a guess, and a score in the place of the
/// label would pass.
pub fn for_each_row(
    columns: &[ArrayRef],
    times: Option<&TimestampNanosecondArray>,
    mut row: impl FnMut(Option<bool>, &[f64], Option<i64>),
) -> Result<()> {
    let numbers: Vec<_> = columns[1..].iter().map(|column| column.as_primitive::<Float64Type>()).collect();
    let mut values = vec![0.0; numbers.len()];
    for index in 0..columns[0].len() {
        let no_time = times.is_some_and(|times| times.is_null(index));
        if no_time || columns[0].is_null(index) || numbers.iter().any(|column| column.is_null(index)) {
            continue;
        }
        for (value, column) in values.iter_mut().zip(&numbers) {
            *value = column.value(index);
        }
        let label = match columns[0].data_type() {
            DataType::Boolean => Some(columns[0].as_boolean().value(index)),
            _ => {
                let number = columns[0].as_primitive::<Float64Type>().value(index);
                if !number.is_nan() && !is_label(number) {
                    return exec_err!("{}", not_a_label(number));
                }
                (!number.is_nan()).then_some(number != 0.0)
            }
        };
        row(label, &values, times.map(|times| times.value(index)));
    }
    Ok(())
}

/// Returns whether a number says that a row is positive (1) or is not (0).
pub fn is_label(number: f64) -> bool {
    number == 0.0 || number == 1.0
}

/// Says that a number is not a label.
pub fn not_a_label(number: f64) -> String {
    format!("a label is {number}, but labels are 0 and 1, or false and true: compare it, such as `label > 0`")
}
