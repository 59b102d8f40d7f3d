//! The right sides of ASOF joins of ticks: the rows that later left rows can match.
//!
//! In: the rows of a right side, as their ticks come. Out: the rows among which the left rows of a poll find theirs. A right side that has
//! the left row's own product needs the latest row of each key. One of another product needs more: ticks of different products do not
//! come in the order of `ts`, so a left row may be older than the latest right row.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use datafusion::arrow::array::{AsArray, RecordBatch, UInt32Array};
use datafusion::arrow::compute::{cast, concat_batches, take_record_batch};
use datafusion::arrow::datatypes::{DataType, SchemaRef, TimestampNanosecondType};
use datafusion::arrow::row::{OwnedRow, RowConverter, SortField};
use datafusion::common::Result as Computed;
use datafusion::physical_expr::LexOrdering;
use datafusion::physical_plan::PhysicalExpr;
use datafusion::physical_plan::sorts::sort::sort_batch;

use super::flow::{Flow, column};
use super::held::Slot;
use super::refusal::{Refusal, refused};
use super::step::Step;
use crate::asof::AsofJoinExec;

/// So many of the newest right rows are kept for left rows that come late.
const MOST: usize = 1 << 20;
/// Rows of a chunk; smaller ones are joined.
const CHUNK: usize = 1 << 13;

/// The right side of an ASOF JOIN, and the plan of its input.
pub struct Right {
    pub input: Step,
    pub rows: Rows,
    /// Where the rows go that the left rows of a poll can match.
    pub slot: Arc<Slot>,
}

/// The rows that are kept of a right side.
pub enum Rows {
    Latest(Latest),
    Passed(Passed),
}

impl Rows {
    /// Decides how the right rows of an ASOF JOIN of ticks are kept.
    ///
    /// # Errors
    /// The join needs more than can be kept.
    pub fn of(join: &AsofJoinExec, left: &Flow, (schema, right): (&SchemaRef, &Flow)) -> Result<Rows, Refusal> {
        let condition = join.condition();
        let (one, other) = (column(&condition.times.0), column(&condition.times.1));
        let is_ts = |flow: &Flow, at: Option<usize>| at.is_some_and(|at| flow.time.contains(&at));
        if !left.is_live {
            return refused(
                "ASOF JOIN keeps rows of a table that does not change, whose match may come later",
                &["ASOF"],
            );
        }
        let (true, true, true, Some(time)) = (condition.looks_back(), is_ts(left, one), is_ts(right, other), other)
        else {
            return refused(
                "an ASOF JOIN of ticks compares the ts of both, and looks back: left.ts >= right.ts, or left.ts > right.ts",
                &["ASOF"],
            );
        };
        if !right.is_unique {
            return refused("the right side of an ASOF JOIN has rows of which a tick may have several", &["ASOF"]);
        }
        let is_product = |(one, other): &&(Arc<dyn PhysicalExpr>, Arc<dyn PhysicalExpr>)| {
            column(one).is_some_and(|at| left.product.contains(&at))
                && column(other).is_some_and(|at| right.product.contains(&at))
        };
        if let Some(product) = condition.keys.iter().find(is_product).and_then(|(_, key)| column(key)) {
            let keys = condition.keys.iter().map(|(_, key)| Arc::clone(key)).collect();
            let [_, order] = condition.ordered(join.order());
            return Ok(Rows::Latest(Latest::new(SchemaRef::clone(schema), keys, product, order)?));
        }
        match (condition.keys.as_slice(), &right.only) {
            ([], Some(product)) => Ok(Rows::Passed(Passed::new(product.clone(), time))),
            _ => refused(
                "it is not known which product's ticks an ASOF JOIN waits for: its right side needs \
                 ON left.product_id = right.product_id, or rows of one product, WHERE product_id = 'BTC-USD', and then no keys",
                &["ASOF"],
            ),
        }
    }
}

/// The latest right row of each key, where both sides of a match are of one product.
pub struct Latest {
    schema: SchemaRef,
    /// The order in which the join reads the rows.
    order: Option<LexOrdering>,
    keys: Vec<Arc<dyn PhysicalExpr>>,
    converter: RowConverter,
    /// The column of the product.
    product: usize,
    /// The rows of each product.
    rows: BTreeMap<String, RecordBatch>,
}

impl Latest {
    /// Starts without a row.
    ///
    /// # Errors
    /// The keys are of a type that cannot be compared.
    pub fn new(
        schema: SchemaRef,
        keys: Vec<Arc<dyn PhysicalExpr>>,
        product: usize,
        order: Option<LexOrdering>,
    ) -> Computed<Latest> {
        let types = keys.iter().map(|key| Ok(SortField::new(key.data_type(&schema)?))).collect::<Computed<_>>()?;
        Ok(Latest { converter: RowConverter::new(types)?, schema, order, keys, product, rows: BTreeMap::new() })
    }

    /// Takes the right rows of a poll, and returns all that the left rows of its ticks can match.
    ///
    /// # Errors
    /// A key cannot be computed.
    pub fn advance(&mut self, rows: &[RecordBatch], ticks: &RecordBatch) -> Computed<Vec<RecordBatch>> {
        let products: BTreeSet<&str> = ticks
            .column_by_name("product_id")
            .map(|products| products.as_string::<i32>().iter().flatten().collect())
            .unwrap_or_default();
        let kept = products.iter().filter_map(|product| self.rows.get(*product));
        let all = concat_batches(&self.schema, kept.chain(rows))?;
        if rows.iter().any(|batch| batch.num_rows() > 0) {
            self.keep(&all)?;
        }
        Ok(vec![match &self.order {
            Some(order) => sort_batch(&all, order, None)?,
            None => all,
        }])
    }

    /// Keeps the last row of each key; the rows of a key are in the order of time.
    fn keep(&mut self, all: &RecordBatch) -> Computed<()> {
        let columns = self.keys.iter().map(|key| key.evaluate(all)?.into_array(all.num_rows()));
        let keys = self.converter.convert_columns(&columns.collect::<Computed<Vec<_>>>()?)?;
        let products = cast(all.column(self.product), &DataType::Utf8)?;
        let mut latest: BTreeMap<&str, HashMap<OwnedRow, u32>> = BTreeMap::new();
        for (row, product) in (0..).zip(products.as_string::<i32>().iter()) {
            let Some(product) = product else { continue };
            latest.entry(product).or_default().insert(keys.row(row as usize).owned(), row);
        }
        for (product, rows) in latest {
            let mut rows: Vec<u32> = rows.into_values().collect();
            rows.sort_unstable();
            self.rows.insert(product.into(), take_record_batch(all, &UInt32Array::from(rows))?);
        }
        Ok(())
    }

    /// Returns the bytes of memory held.
    pub fn bytes(&self) -> usize {
        self.rows.values().map(RecordBatch::get_array_memory_size).sum()
    }
}

/// The right rows of one product, for left rows of any product.
pub struct Passed {
    /// The product whose ticks a left row waits for.
    pub product: String,
    /// The column of the time.
    time: usize,
    /// The rows in the order of time.
    chunks: VecDeque<RecordBatch>,
    rows: usize,
    /// Whether the oldest rows were dropped.
    is_cut: bool,
}

impl Passed {
    /// Starts without a row.
    pub fn new(product: String, time: usize) -> Passed {
        Passed { product, time, chunks: VecDeque::new(), rows: 0, is_cut: false }
    }

    /// Takes the right rows of a poll, which come after the ones before.
    ///
    /// # Errors
    /// The rows cannot be joined.
    pub fn add(&mut self, rows: &[RecordBatch]) -> Computed<()> {
        for batch in rows.iter().filter(|batch| batch.num_rows() > 0) {
            self.rows += batch.num_rows();
            self.chunks.push_back(batch.clone());
            // Chunks of like sizes become one, so that a row moves few times.
            while let [.., one, other] = self.chunks.make_contiguous()
                && one.num_rows() <= 2 * other.num_rows()
                && one.num_rows() + other.num_rows() <= CHUNK
            {
                let both = concat_batches(&one.schema(), [&*one, &*other])?;
                self.chunks.truncate(self.chunks.len() - 2);
                self.chunks.push_back(both);
            }
        }
        Ok(())
    }

    /// Drops old rows if there are too many; `needed` is the oldest time of a left row that is known to come.
    pub fn forget(&mut self, needed: impl FnOnce() -> i64) {
        if self.rows <= MOST + MOST / 8 {
            return;
        }
        let needed = needed();
        while let (Some(first), Some(second)) = (self.chunks.front(), self.chunks.get(1))
            && self.rows - first.num_rows() >= MOST
            && self.times(second).first().is_some_and(|time| *time < needed)
        {
            self.rows -= first.num_rows();
            self.chunks.pop_front();
            self.is_cut = true;
        }
    }

    fn times<'a>(&self, rows: &'a RecordBatch) -> &'a [i64] {
        rows.column(self.time).as_primitive::<TimestampNanosecondType>().values()
    }

    /// Returns the rows that left rows from one time to another can match; `None` if some of them were dropped.
    pub fn between(&self, first: i64, last: i64) -> Option<Vec<RecordBatch>> {
        let mut found = VecDeque::new();
        for chunk in self.chunks.iter().rev() {
            let times = self.times(chunk);
            let earlier = times.partition_point(|time| *time < first);
            let (start, end) = (earlier.saturating_sub(1), times.partition_point(|time| *time <= last));
            if start < end {
                found.push_front(chunk.slice(start, end - start));
            }
            if earlier > 0 {
                return Some(found.into());
            }
        }
        (!self.is_cut).then(|| found.into())
    }

    /// Returns the bytes of memory held.
    pub fn bytes(&self) -> usize {
        self.chunks.iter().map(RecordBatch::get_array_memory_size).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::TimestampNanosecondArray;

    fn rows(times: std::ops::Range<i64>) -> RecordBatch {
        let times = TimestampNanosecondArray::from_iter_values(times);
        RecordBatch::try_from_iter([("ts", Arc::new(times) as _)]).unwrap()
    }

    fn found(passed: &Passed, first: i64, last: i64) -> Option<Vec<i64>> {
        let rows = passed.between(first, last)?;
        Some(rows.iter().flat_map(|rows| passed.times(rows).to_vec()).collect())
    }

    #[test]
    fn rows_are_found_in_any_chunks() {
        let mut passed = Passed::new("A".into(), 0);
        for time in 0..100 {
            passed.add(&[rows(10 * time..10 * time + 1)]).unwrap();
        }
        assert!(passed.chunks.len() < 10, "{} chunks", passed.chunks.len());
        assert_eq!(found(&passed, 25, 41), Some(vec![20, 30, 40]));
        assert_eq!(found(&passed, 30, 30), Some(vec![20, 30]), "for `>`, the row before");
        assert_eq!(found(&passed, -5, -1), Some(vec![]));
        assert_eq!(found(&passed, 5_000, 6_000), Some(vec![990]));
    }

    #[test]
    fn what_was_dropped_is_not_found_as_nothing() {
        let mut passed = Passed::new("A".into(), 0);
        let step = CHUNK as i64;
        for chunk in 0..200 {
            passed.add(&[rows(chunk * step..(chunk + 1) * step)]).unwrap();
            passed.forget(|| if chunk < 180 { 17 } else { i64::MAX });
            assert_eq!(passed.is_cut, chunk >= 180, "rows from 17 on were needed");
        }
        assert!(passed.rows < MOST + MOST / 8 + CHUNK);
        let first = passed.times(&passed.chunks[0])[0];
        assert_eq!(found(&passed, first, first), None, "the row before it is not known");
        assert_eq!(found(&passed, first + 1, first + 1), Some(vec![first, first + 1]));
    }
}
