//! The product and the time of rows, by which a row finds its tick.

use std::cmp::Ordering;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, TimeUnit, TimestampNanosecondType};
use datafusion::error::DataFusionError;

/// The product and the `ts` of rows.
pub struct Keys<'a> {
    products: ArrayRef,
    times: &'a [i64],
}

impl<'a> Keys<'a> {
    /// Reads the two columns.
    ///
    /// # Errors
    /// They are of other types, or a value is NULL.
    pub fn of(product: Option<&'a ArrayRef>, time: Option<&'a ArrayRef>) -> Result<Keys<'a>, DataFusionError> {
        let wrong = || DataFusionError::Internal("product_id or ts of a row is of another type".into());
        let product = product.ok_or_else(wrong)?;
        let products = datafusion::arrow::compute::cast(product, &DataType::Utf8)?;
        let time = time.ok_or_else(wrong)?;
        let is_time = matches!(time.data_type(), DataType::Timestamp(TimeUnit::Nanosecond, _));
        if !is_time || time.null_count() > 0 || products.null_count() > 0 {
            return Err(wrong());
        }
        Ok(Keys { products, times: time.as_primitive::<TimestampNanosecondType>().values() })
    }

    /// Returns the place of another's row among these, which are sorted.
    pub fn find(&self, other: &Keys<'_>, row: usize) -> Option<usize> {
        let (products, others) = (self.products.as_string::<i32>(), other.products.as_string::<i32>());
        let wanted = (others.value(row), other.times[row]);
        let (mut low, mut high) = (0, self.times.len());
        while low < high {
            let middle = low + (high - low) / 2;
            match (products.value(middle), self.times[middle]).cmp(&wanted) {
                Ordering::Less => low = middle + 1,
                Ordering::Equal => return Some(middle),
                Ordering::Greater => high = middle,
            }
        }
        None
    }
}
