//! Order keys, partition boundaries and peers of a batch.
//!
//! In: the evaluated PARTITION BY and ORDER BY columns of consecutive batches. Out: keys as ascending integers, and the rows
//! at which groups of equal values begin.

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::{cast, partition};
use datafusion::arrow::datatypes::{DataType, Int64Type, UInt64Type};
use datafusion::common::{Result, ScalarValue};

/// Returns whether order keys of this type can be mapped to integers, so that frames can count their differences.
pub fn is_countable(data_type: &DataType) -> bool {
    data_type.is_integer() || matches!(data_type, DataType::Timestamp(_, _))
}

/// Returns the keys as integers that ascend in the order's direction; the integers for NULLs mean nothing.
pub fn ascending(column: &ArrayRef, descending: bool) -> Result<Vec<i64>> {
    let keys: Vec<i64> = if column.data_type() == &DataType::UInt64 {
        let flip = |key: &u64| (key ^ (1 << 63)).cast_signed();
        column.as_primitive::<UInt64Type>().values().iter().map(flip).collect()
    } else {
        cast(column, &DataType::Int64)?.as_primitive::<Int64Type>().values().to_vec()
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
