//! Order keys, partition boundaries and peers of a batch.
//!
//! In: the evaluated PARTITION BY and ORDER BY columns of consecutive batches. Out: keys as ascending integers, and the rows
//! at which groups of equal values begin.

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::{cast, partition};
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int64Type, UInt64Type};
use datafusion::common::{Result, ScalarValue, exec_err};

use super::kernel::bounds::to_total_order;

/// Returns whether order keys of this type can be mapped to integers, so that frames can count their differences.
pub fn is_countable(data_type: &DataType) -> bool {
    data_type.is_integer() || matches!(data_type, DataType::Timestamp(_, _))
}

/// Returns whether frames can measure distances between keys of this type: those that they can count, and those whose distances
/// are not differences of integers.
pub fn is_measurable(data_type: &DataType) -> bool {
    is_countable(data_type)
        || matches!(
            data_type,
            DataType::Date32 | DataType::Date64 | DataType::Float32 | DataType::Float64 | DataType::Decimal128(_, _)
        )
}

/// Returns the keys as integers that ascend in the order's direction; the integers for NULLs mean nothing.
pub fn ascending(column: &ArrayRef, descending: bool) -> Result<Vec<i64>> {
    let keys: Vec<i64> = match column.data_type() {
        DataType::UInt64 => {
            let flip = |key: &u64| (key ^ (1 << 63)).cast_signed();
            column.as_primitive::<UInt64Type>().values().iter().map(flip).collect()
        }
        DataType::Float32 | DataType::Float64 => {
            let doubles = cast(column, &DataType::Float64)?;
            doubles.as_primitive::<Float64Type>().values().iter().map(|key| to_total_order(key + 0.0)).collect()
        }
        DataType::Decimal128(_, _) => {
            let decimals = column.as_primitive::<Decimal128Type>();
            let key = |row: usize| if decimals.is_null(row) { Ok(0) } else { i64::try_from(decimals.value(row)) };
            match (0..decimals.len()).map(key).collect() {
                Ok(keys) => keys,
                Err(_) => {
                    return exec_err!(
                        "a RANGE frame measures DECIMAL keys of up to 18 digits, and the ORDER BY column has longer ones; \
                     cast it to DOUBLE"
                    );
                }
            }
        }
        _ => cast(column, &DataType::Int64)?.as_primitive::<Int64Type>().values().to_vec(),
    };
    Ok(if descending { keys.into_iter().map(|key| !key).collect() } else { keys })
}

/// Finds where groups of equal rows begin, also across batches.
#[derive(Debug)]
pub struct Boundaries {
    last: Option<Vec<ScalarValue>>,
    contiguous: bool,
}

impl Boundaries {
    /// Prepares for columns whose equal rows are all adjacent.
    pub fn of_contiguous() -> Self {
        Boundaries { last: None, contiguous: true }
    }

    /// Prepares for columns in which a row may return after others.
    pub fn of_recurring() -> Self {
        Boundaries { last: None, contiguous: false }
    }

    /// Returns the rows of a batch at which a group begins. The batch's first row is included, unless it continues the group
    /// of the row before it.
    pub fn find(&mut self, columns: &[ArrayRef], rows: usize) -> Result<Vec<usize>> {
        if rows == 0 {
            return Ok(Vec::new());
        }
        let first = row_values(columns, 0)?;
        let last = row_values(columns, rows - 1)?;
        let continues = self.last.as_ref() == Some(&first);
        let mut starts = if columns.is_empty() || (self.contiguous && first == last) {
            vec![0]
        } else {
            partition(columns)?.ranges().into_iter().map(|range| range.start).collect()
        };
        if continues {
            starts.remove(0);
        }
        self.last = Some(last);
        Ok(starts)
    }
}

/// Returns one row's values.
pub fn row_values(columns: &[ArrayRef], row: usize) -> Result<Vec<ScalarValue>> {
    columns.iter().map(|column| ScalarValue::try_from_array(column, row)).collect()
}

/// Returns the validity of a column's rows, or `None` if all are valid.
pub fn validity(column: &dyn Array) -> Option<Vec<bool>> {
    let nulls = column.logical_nulls()?;
    (nulls.null_count() > 0).then(|| nulls.iter().collect())
}
