//! The right sides of ASOF joins of ticks: the rows that later left rows can match.
//!
//! In: the rows of a right side, as their ticks come. Out: the rows among which the left rows of a poll find theirs. A right side that has
//! the left row's own product needs the latest row of each key. One of another product needs more: ticks of different products do not
//! come in the order of `ts`, so a left row may be older than the latest right row.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use datafusion::arrow::array::{AsArray, RecordBatch, UInt32Array};
use datafusion::arrow::compute::{cast, concat_batches, take_record_batch};
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::arrow::row::{OwnedRow, RowConverter, SortField};
use datafusion::common::Result as Computed;
use datafusion::physical_expr::LexOrdering;
use datafusion::physical_plan::PhysicalExpr;
use datafusion::physical_plan::sorts::sort::sort_batch;

use super::flow::{Flow, column};
use super::held::Slot;
use super::passed::Passed;
use super::refusal::{Refusal, refused};
use super::step::Step;
use crate::asof::AsofJoinExec;

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
        let Some(products) = right.only.as_ref().filter(|products| !products.is_empty()) else {
            return refused(
                "it is not known which products' ticks an ASOF JOIN waits for: its right side needs \
                 ON left.product_id = right.product_id, or rows of products that are named, WHERE product_id = 'BTC-USD'",
                &["ASOF"],
            );
        };
        // Ticks of two products may have the same ts, so that neither is the latest.
        let named = condition.keys.iter().filter_map(|(_, key)| column(key)).find(|at| right.product.contains(at));
        if named.is_none() && products.len() > 1 {
            return refused(
                "several products are on the right side of an ASOF JOIN, and ticks of two may have the same ts: \
                 ON has to name the right side's product_id",
                &["ASOF"],
            );
        }
        let keys = condition.keys.iter().map(|(_, key)| Arc::clone(key)).collect();
        let [_, order] = condition.ordered(join.order());
        Ok(Rows::Passed(Passed::new(schema, products.clone(), (named, time), keys, order)?))
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

    /// Returns the number of rows held.
    pub fn rows(&self) -> usize {
        self.rows.values().map(RecordBatch::num_rows).sum()
    }

    /// Returns the bytes of memory held.
    pub fn bytes(&self) -> usize {
        self.rows.values().map(RecordBatch::get_array_memory_size).sum()
    }
}
