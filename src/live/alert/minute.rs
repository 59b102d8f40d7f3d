//! The last minute of each product: the last row of each second, which is 60 rows at most however many ticks there are.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use datafusion::arrow::array::{RecordBatch, UInt32Array};
use datafusion::arrow::compute::take_record_batch;
use datafusion::arrow::error::ArrowError;

const SECOND_NS: i64 = 1_000_000_000;
const SECONDS: i64 = 60;

/// The last minute of each product.
#[derive(Debug, Default)]
pub struct Minutes {
    products: BTreeMap<String, VecDeque<Moment>>,
    /// The products that have rows of the present poll.
    touched: BTreeSet<String>,
}

/// The last row of a second.
#[derive(Debug, Clone)]
struct Moment {
    ts: i64,
    partition: i32,
    offset: i64,
    rows: Arc<RecordBatch>,
    row: usize,
}

impl Minutes {
    /// Returns the rows of a product in the minute before an instant, each as a batch of one row.
    pub fn before(&self, product: &str, ts: i64) -> Vec<RecordBatch> {
        let moments = self.products.get(product).into_iter().flatten();
        let moments = moments.filter(|moment| moment.ts >= ts.saturating_sub(SECONDS * SECOND_NS));
        moments.map(|moment| moment.rows.slice(moment.row, 1)).collect()
    }

    /// Adds a row of the poll `rows`.
    pub fn add(&mut self, product: &str, ts: i64, place: (i32, i64), rows: &Arc<RecordBatch>, row: usize) {
        if !self.products.contains_key(product) {
            self.products.insert(product.into(), VecDeque::new());
        }
        let Some(moments) = self.products.get_mut(product) else { return };
        let second = ts.div_euclid(SECOND_NS);
        if moments.back().is_some_and(|last| last.ts.div_euclid(SECOND_NS) >= second) {
            moments.pop_back();
        }
        while moments.front().is_some_and(|first| first.ts.div_euclid(SECOND_NS) <= second - SECONDS) {
            moments.pop_front();
        }
        moments.push_back(Moment { ts, partition: place.0, offset: place.1, rows: Arc::clone(rows), row });
        if !self.touched.contains(product) {
            self.touched.insert(product.into());
        }
    }

    /// Ends a poll: the rows that are kept are copied, so that the poll's other rows are not.
    ///
    /// # Errors
    /// None is expected: the rows exist.
    pub fn end(&mut self, poll: &Arc<RecordBatch>) -> Result<(), ArrowError> {
        let products = &mut self.products;
        let mut kept: Vec<&mut Moment> = Vec::new();
        for (product, moments) in products.iter_mut() {
            if self.touched.contains(product) {
                kept.extend(moments.iter_mut().filter(|moment| Arc::ptr_eq(&moment.rows, poll)));
            }
        }
        self.touched.clear();
        let rows = kept.iter().map(|moment| u32::try_from(moment.row).unwrap_or_default());
        let copied = Arc::new(take_record_batch(poll, &UInt32Array::from_iter_values(rows))?);
        for (row, moment) in kept.into_iter().enumerate() {
            (moment.rows, moment.row) = (Arc::clone(&copied), row);
        }
        Ok(())
    }

    /// Returns the first offset of each partition of which a row is kept.
    pub fn begins(&self) -> BTreeMap<i32, i64> {
        let mut begins: BTreeMap<i32, i64> = BTreeMap::new();
        for moment in self.products.values().flatten() {
            let begin = begins.entry(moment.partition).or_insert(moment.offset);
            *begin = moment.offset.min(*begin);
        }
        begins
    }
}
