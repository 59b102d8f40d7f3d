//! Reads columns of record batches as the values that tests compare.
//!
//! In: the arrays of a column, and to which part of the sample each row belongs. Out: one [`Sample`] a part.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int64Type, TimeUnit};
use datafusion::common::Result;

use super::two_sample::samples::WHOLE;

/// One sample's values of a column, without the missing ones.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Finite and ascending.
    Numbers(Vec<f64>),
    /// Ascending; from a column of whole numbers or durations.
    WholeNumbers(Vec<i128>),
    Texts(BTreeMap<String, u64>),
    Flags(BTreeMap<String, u64>),
    /// Instants in nanoseconds since 1970, ascending.
    Times(Vec<i128>),
    /// A type that is not compared, such as a list: the number of values.
    Other(u64),
    /// A column without a type, in which every value is NULL.
    Untyped,
}

impl Values {
    fn rows(&self) -> u64 {
        match self {
            Values::Numbers(numbers) => numbers.len() as u64,
            Values::WholeNumbers(numbers) | Values::Times(numbers) => numbers.len() as u64,
            Values::Texts(counts) | Values::Flags(counts) => counts.values().sum(),
            Values::Other(rows) => *rows,
            Values::Untyped => 0,
        }
    }
}

/// One sample's column.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    pub values: Values,
    /// Values that are NULL, NaN or infinite.
    pub missing: u64,
    /// If the numbers are made from what a model keeps of its training rows: how many rows these were.
    pub sketch_of: Option<u64>,
}

impl Sample {
    /// Makes a sample in which no value is missing.
    pub fn new(values: Values) -> Sample {
        Sample { values, missing: 0, sketch_of: None }
    }

    /// Returns the number of values that are not missing.
    pub fn rows(&self) -> u64 {
        self.sketch_of.unwrap_or_else(|| self.values.rows())
    }

    /// Returns the values of a numeric column, each rounded to a DOUBLE.
    pub fn numbers(&self) -> Option<Cow<'_, [f64]>> {
        match &self.values {
            Values::Numbers(numbers) => Some(Cow::Borrowed(numbers)),
            Values::WholeNumbers(numbers) => Some(numbers.iter().map(|number| *number as f64).collect()),
            _ => None,
        }
    }

    /// Returns whether there are values and all are the same one.
    pub fn is_constant(&self) -> bool {
        match &self.values {
            Values::Numbers(numbers) => !numbers.is_empty() && numbers.first() == numbers.last(),
            Values::WholeNumbers(numbers) | Values::Times(numbers) => {
                !numbers.is_empty() && numbers.first() == numbers.last()
            }
            Values::Texts(counts) | Values::Flags(counts) => counts.len() == 1,
            Values::Other(_) | Values::Untyped => false,
        }
    }

    /// Returns whether the first values of both are equal, which holds for constants if they are.
    pub fn values_equal(&self, other: &Sample) -> bool {
        match (&self.values, &other.values) {
            (Values::Texts(a), Values::Texts(b)) | (Values::Flags(a), Values::Flags(b)) => a.keys().eq(b.keys()),
            (Values::WholeNumbers(a), Values::WholeNumbers(b)) | (Values::Times(a), Values::Times(b)) => {
                a.first() == b.first()
            }
            _ => self.numbers().and_then(|a| a.first().copied()) == other.numbers().and_then(|b| b.first().copied()),
        }
    }

    /// Returns the first and the last instant.
    pub fn period(&self) -> Option<(i64, i64)> {
        let Values::Times(times) = &self.values else { return None };
        Some((i64::try_from(*times.first()?).ok()?, i64::try_from(*times.last()?).ok()?))
    }
}

/// Which part of the sample each row belongs to.
pub struct Parts<'a> {
    /// The number of parts.
    pub count: usize,
    /// The part of each row; every row belongs to part 0 if it is absent. A row with a number that is too large belongs to none.
    pub of_rows: Option<&'a [u32]>,
}

impl Parts<'_> {
    /// One part with every row.
    pub const WHOLE: Parts<'static> = Parts { count: 1, of_rows: None };

    fn of(&self, row: usize) -> Option<usize> {
        match self.of_rows {
            None => Some(0),
            Some(parts) => Some(parts[row] as usize).filter(|part| *part < self.count),
        }
    }

    fn rows(&self, rows: usize) -> Vec<u64> {
        let mut counts = vec![0; self.count];
        (0..rows).filter_map(|row| self.of(row)).for_each(|part| counts[part] += 1);
        counts
    }
}

/// Reads a column.
pub fn read(data_type: &DataType, columns: &[&ArrayRef], parts: &Parts<'_>) -> Result<Vec<Sample>> {
    let all = parts.rows(columns.iter().map(|column| column.len()).sum());
    let values: Vec<Values> = match data_type {
        DataType::Boolean => {
            let mut counts = vec![BTreeMap::new(); parts.count];
            let flags = columns.iter().flat_map(|column| column.as_boolean().iter());
            for (row, flag) in flags.enumerate() {
                if let (Some(part), Some(flag)) = (parts.of(row), flag) {
                    *counts[part].entry(flag.to_string()).or_default() += 1;
                }
            }
            counts.into_iter().map(Values::Flags).collect()
        }
        whole if whole.is_integer() || matches!(whole, DataType::Decimal128(_, 0)) => {
            ascending(columns, &WHOLE, 1, parts)?.into_iter().map(Values::WholeNumbers).collect()
        }
        number if number.is_numeric() => numbers(columns, parts)?.into_iter().map(Values::Numbers).collect(),
        DataType::Duration(unit) | DataType::Time32(unit) | DataType::Time64(unit) => {
            let whole = ascending(columns, &DataType::Int64, nanoseconds(*unit), parts)?;
            whole.into_iter().map(Values::WholeNumbers).collect()
        }
        DataType::Timestamp(unit, _) => {
            let times = ascending(columns, &DataType::Int64, nanoseconds(*unit), parts)?;
            times.into_iter().map(Values::Times).collect()
        }
        DataType::Date32 => {
            let times = ascending(columns, &DataType::Int64, 86_400_000_000_000, parts)?;
            times.into_iter().map(Values::Times).collect()
        }
        DataType::Date64 => {
            let times = ascending(columns, &DataType::Int64, 1_000_000, parts)?;
            times.into_iter().map(Values::Times).collect()
        }
        text if is_text(text) => texts(columns, parts)?.into_iter().map(Values::Texts).collect(),
        DataType::Null => vec![Values::Untyped; parts.count],
        _ => {
            let mut counts = vec![0; parts.count];
            let present = columns.iter().flat_map(|column| {
                let nulls = column.logical_nulls();
                (0..column.len()).map(move |row| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row)))
            });
            for (row, present) in present.enumerate() {
                if let Some(part) = parts.of(row).filter(|_| present) {
                    counts[part] += 1;
                }
            }
            counts.into_iter().map(Values::Other).collect()
        }
    };
    let sample = |(values, rows): (Values, u64)| {
        let missing = rows - values.rows();
        Sample { missing, ..Sample::new(values) }
    };
    Ok(values.into_iter().zip(all).map(sample).collect())
}

/// Returns whether a type holds text; the types of text differ in how it is stored, not in what it says.
pub fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => is_text(values),
        _ => false,
    }
}

fn nanoseconds(unit: TimeUnit) -> i128 {
    match unit {
        TimeUnit::Second => 1_000_000_000,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1_000,
        TimeUnit::Nanosecond => 1,
    }
}

fn numbers(columns: &[&ArrayRef], parts: &Parts<'_>) -> Result<Vec<Vec<f64>>> {
    let mut numbers = vec![Vec::new(); parts.count];
    let mut row = 0;
    for column in columns {
        let column = cast(column, &DataType::Float64)?;
        for number in column.as_primitive::<Float64Type>() {
            if let (Some(part), Some(number)) = (parts.of(row), number.filter(|number| number.is_finite())) {
                // Adding 0.0 turns -0.0 into 0.0, so that both are the same value.
                numbers[part].push(number + 0.0);
            }
            row += 1;
        }
    }
    numbers.iter_mut().for_each(|part| part.sort_unstable_by(f64::total_cmp));
    Ok(numbers)
}

/// Returns whole numbers in units of `unit`, ascending. `through` is a type to which the column can be cast: a whole number.
fn ascending(columns: &[&ArrayRef], through: &DataType, unit: i128, parts: &Parts<'_>) -> Result<Vec<Vec<i128>>> {
    let mut numbers = vec![Vec::new(); parts.count];
    let mut row = 0;
    for column in columns {
        // Times of day and dates of 32 bits cannot be cast to BIGINT in one step.
        let narrow = matches!(column.data_type(), DataType::Date32 | DataType::Time32(_));
        let column = if narrow { cast(column, &DataType::Int32)? } else { Arc::clone(column) };
        let column = cast(&column, through)?;
        let whole: Vec<Option<i128>> = match through {
            DataType::Int64 => column.as_primitive::<Int64Type>().iter().map(|number| number.map(i128::from)).collect(),
            _ => column.as_primitive::<Decimal128Type>().iter().collect(),
        };
        for number in whole {
            if let (Some(part), Some(number)) = (parts.of(row), number) {
                numbers[part].push(number * unit);
            }
            row += 1;
        }
    }
    numbers.iter_mut().for_each(|part| part.sort_unstable());
    Ok(numbers)
}

fn texts(columns: &[&ArrayRef], parts: &Parts<'_>) -> Result<Vec<BTreeMap<String, u64>>> {
    let mut counts: Vec<BTreeMap<String, u64>> = vec![BTreeMap::new(); parts.count];
    let mut row = 0;
    for column in columns {
        let texts = cast(column, &DataType::Utf8)?;
        for text in texts.as_string::<i32>() {
            if let (Some(part), Some(text)) = (parts.of(row), text) {
                match counts[part].get_mut(text) {
                    Some(count) => *count += 1,
                    None => drop(counts[part].insert(text.to_string(), 1)),
                }
            }
            row += 1;
        }
    }
    Ok(counts)
}
