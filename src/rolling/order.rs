//! Checks whether rows are in a given order.
//!
//! In: the order's columns, batch by batch. Out: whether every row so far is equal to the row before it or comes after it.

use std::cmp::Ordering;

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::arrow::compute::{SortOptions, partition};
use datafusion::common::utils::compare_rows;
use datafusion::common::{Result, ScalarValue};

use super::keys::{ascending, is_countable, row_values};

/// The first and the last row of a sequence in order: the values of the order's columns.
#[derive(Debug, Clone)]
pub struct Ends {
    pub first: Vec<ScalarValue>,
    pub last: Vec<ScalarValue>,
}

/// Returns the ends of a batch if its rows are in order; `None` if they are not, or if there are no rows.
///
/// The last column must not contain NULLs, and frames must be able to count its type.
pub fn ends_of_ordered(columns: &[ArrayRef], options: &[SortOptions]) -> Result<Option<Ends>> {
    let (Some((key, leading)), Some((key_options, _))) = (columns.split_last(), options.split_last()) else {
        return Ok(None);
    };
    let rows = key.len();
    if rows == 0 || key.logical_null_count() > 0 || !is_countable(key.data_type()) {
        return Ok(None);
    }
    let keys = ascending(key, key_options.descending)?;
    let ends = || Ok(Some(Ends { first: row_values(columns, 0)?, last: row_values(columns, rows - 1)? }));
    if leading.is_empty() {
        return if keys.is_sorted() { ends() } else { Ok(None) };
    }
    for range in partition(leading)?.ranges() {
        if !keys[range.clone()].is_sorted() {
            return Ok(None);
        }
        if range.start > 0 {
            let (before, after) = (row_values(leading, range.start - 1)?, row_values(leading, range.start)?);
            if compare_rows(&before, &after, options)? != Ordering::Less {
                return Ok(None);
            }
        }
    }
    ends()
}

/// Returns whether one sequence may follow another.
pub fn follows(before: &Ends, after: &Ends, options: &[SortOptions]) -> Result<bool> {
    Ok(compare_rows(&before.last, &after.first, options)? != Ordering::Greater)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{ArrayRef, Int64Array, StringArray};
    use datafusion::arrow::compute::SortOptions;

    use super::{ends_of_ordered, follows};

    const ASCENDING: SortOptions = SortOptions { descending: false, nulls_first: false };

    fn columns(rows: &[(&str, i64)]) -> Vec<ArrayRef> {
        vec![
            Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.0))),
            Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.1))),
        ]
    }

    #[test]
    fn order_holds_within_and_between_batches() {
        let options = [ASCENDING, ASCENDING];
        let ends = |rows: &[(&str, i64)]| ends_of_ordered(&columns(rows), &options).expect("comparable columns");
        let first = ends(&[("a", 1), ("a", 1), ("a", 7), ("b", 2)]).expect("in order");
        let second = ends(&[("b", 2), ("c", 0)]).expect("in order");
        assert!(follows(&first, &second, &options).expect("comparable columns"));
        assert!(!follows(&second, &first, &options).expect("comparable columns"));
        assert!(ends(&[("a", 2), ("a", 1)]).is_none(), "time goes back");
        assert!(ends(&[("b", 1), ("a", 2)]).is_none(), "partitions go back");
        assert!(ends(&[("a", 1), ("b", 1), ("a", 2)]).is_none(), "a partition comes again");
        assert!(ends(&[]).is_none());
    }
}
