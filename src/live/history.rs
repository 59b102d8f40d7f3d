//! Landed ticks, from which the state of windows is made at a start, and what a sink has missed is computed.
//!
//! In: where landing had come to, and where emitting goes on. Out: the ticks before that place which the queries look back on, in the
//! order of (product_id, ts), or of ts; and those from that place on, in the order of their offsets.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::{AsArray, BooleanArray, RecordBatch, UInt32Array};
use datafusion::arrow::compute::{concat_batches, filter_record_batch, take_record_batch};
use datafusion::arrow::datatypes::{Int64Type, TimestampNanosecondType};
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::context::SessionContext;
use futures::TryStreamExt;

use super::error::Error;
use super::lookback::{back, instant, landed, pairs};
use super::plan::OFFSET;
use crate::land::Tail;
use crate::pipeline::Project;
use crate::text::identifier;
use crate::tick;

/// Rows that are taken into the state at once.
const ROWS: usize = 1 << 16;

/// What has landed, as it was when a tail was opened.
pub struct History<'a> {
    pub context: &'a SessionContext,
    pub tail: &'a Tail,
    /// The first offset of each partition to emit.
    pub from: &'a BTreeMap<i32, i64>,
}

/// Ticks as a stream of batches.
pub struct Ticks {
    stream: SendableRecordBatchStream,
    last_ts: BTreeMap<String, i64>,
    first_ts: Option<BTreeMap<String, i64>>,
}

/// The landed ticks of a partition that are to be emitted.
pub struct Missed {
    ticks: Ticks,
    partition: i32,
    /// The first offset that was not returned, and the end of what has landed.
    next: i64,
    end: i64,
    /// Ticks of the last offset, which may go on in the next rows.
    held: Option<RecordBatch>,
    /// The last `ts` that was returned.
    pub reached: i64,
}

impl Missed {
    /// Returns the next ticks of whole offsets, with their place; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<(i32, Range<i64>, RecordBatch)>, Error> {
        if self.next >= self.end {
            return Ok(None);
        }
        let (offsets, ticks) = loop {
            let Some(ticks) = self.ticks.next().await? else {
                let rest = self.held.take().unwrap_or_else(|| RecordBatch::new_empty(tick::schema()));
                break (self.next..self.end, rest);
            };
            let ticks = match self.held.take() {
                Some(held) => joined(&[held, ticks])?,
                None => ticks,
            };
            let last = offsets(&ticks).last().copied();
            let whole = offsets(&ticks).iter().take_while(|offset| Some(**offset) != last).count();
            self.held = Some(ticks.slice(whole, ticks.num_rows() - whole));
            if let (Some(end), true) = (last, whole > 0) {
                break (self.next..end, ticks.slice(0, whole));
            }
        };
        self.next = offsets.end;
        self.reached = times(&ticks).last().copied().unwrap_or(self.reached);
        Ok(Some((self.partition, offsets, ticks)))
    }
}

impl History<'_> {
    /// Returns the ticks before those to emit, as far as the queries look back on them. If `by_time`, they are in the order of ts.
    pub async fn before(&self, project: &Project, queries: &[&str], by_time: bool) -> Result<Ticks, Error> {
        let first_ts = self.first_ts(project, queries).await?;
        let mut conditions = vec![format!("NOT ({})", self.to_emit())];
        if let Some(first_ts) = &first_ts {
            let first = first_ts.values().min().copied().unwrap_or(i64::MAX);
            conditions.push(format!("ts >= {}", instant(first)));
        }
        let order = if by_time { "ts, product_id" } else { "product_id, ts" };
        let stream = ticks(self.context, &conditions.join(" AND "), order).await?;
        Ok(Ticks { stream, last_ts: self.tail.last_ts().clone(), first_ts })
    }

    /// Returns the landed ticks of a partition that are to be emitted, in the order of their offsets; `None` if there are none.
    pub async fn missed(&self, partition: i32) -> Result<Option<Missed>, Error> {
        let Some(next) = self.from.get(&partition).copied() else { return Ok(None) };
        let Some(end) = self.tail.landed(partition).filter(|landed| *landed > next) else { return Ok(None) };
        let condition = format!("({}) AND log_partition = {partition}", self.to_emit());
        let stream = ticks(self.context, &condition, "log_offset, product_id, ts").await?;
        let ticks = Ticks { stream, last_ts: self.tail.last_ts().clone(), first_ts: None };
        Ok(Some(Missed { ticks, partition, next, end, held: None, reached: i64::MIN }))
    }

    /// Returns the first `ts` of each product that is to be emitted.
    pub async fn first_missed(&self) -> Result<BTreeMap<String, i64>, Error> {
        let sql = format!("SELECT product_id, min(ts) FROM landed_ticks WHERE {} GROUP BY product_id", self.to_emit());
        Ok(pairs(self.context, &sql).await?.unwrap_or_default().into_iter().collect())
    }

    /// Returns the condition of the landed ticks that are to be emitted.
    fn to_emit(&self) -> String {
        let of = |(partition, from): (&i32, &i64)| format!("log_partition = {partition} AND log_offset >= {from}");
        let missed = self.from.iter().filter(|(partition, from)| self.tail.landed(**partition) > Some(**from));
        let conditions: Vec<String> = missed.map(of).collect();
        if conditions.is_empty() { "false".into() } else { conditions.join(" OR ") }
    }

    /// Returns, for each product, the first `ts` that the queries look back on; `None` if they may look back on all.
    async fn first_ts(&self, project: &Project, queries: &[&str]) -> Result<Option<BTreeMap<String, i64>>, Error> {
        let mut begins: BTreeMap<String, i64> =
            self.tail.last_ts().iter().map(|(product, last)| (product.clone(), last.saturating_add(1))).collect();
        begins.extend(self.first_missed().await?);
        let mut firsts: Option<BTreeMap<String, i64>> = None;
        for name in queries {
            let Some(query) = project.query(name) else { return Ok(None) };
            let Some(lookback) = project.lookback(query, self.context).await? else { return Ok(None) };
            let Some(found) = back(self.context, &lookback, begins.clone()).await? else { return Ok(None) };
            firsts = Some(match firsts {
                None => found,
                Some(known) => {
                    let first = |(product, first): (String, i64)| {
                        let other = found.get(&product).copied().unwrap_or(first);
                        (product, first.min(other))
                    };
                    known.into_iter().map(first).collect()
                }
            });
        }
        Ok(firsts)
    }
}

/// Returns the landed ticks of a condition.
async fn ticks(context: &SessionContext, condition: &str, order: &str) -> Result<SendableRecordBatchStream, Error> {
    let schema = tick::schema();
    let columns: Vec<String> = schema.fields().iter().map(|field| identifier(field.name())).collect();
    let sql = format!("SELECT {} FROM landed_ticks WHERE {condition} ORDER BY {order}", columns.join(", "));
    let rows = async { context.sql(&sql).await?.execute_stream().await };
    rows.await.map_err(landed)
}

impl Ticks {
    /// Returns the landed ticks of some products from an instant of each on, up to another. If `by_time`, they are in the order of ts.
    pub async fn between(
        context: &SessionContext,
        first_ts: BTreeMap<String, i64>,
        last_ts: BTreeMap<String, i64>,
        by_time: bool,
    ) -> Result<Ticks, Error> {
        let first = first_ts.values().min().copied().unwrap_or(i64::MAX);
        let order = if by_time { "ts, product_id" } else { "product_id, ts" };
        let stream = ticks(context, &format!("ts >= {}", instant(first)), order).await?;
        Ok(Ticks { stream, last_ts, first_ts: Some(first_ts) })
    }

    /// Returns the next rows, those that had landed when the tail was opened; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>, Error> {
        let mut rows: Vec<RecordBatch> = Vec::new();
        let mut count = 0;
        while count < ROWS
            && let Some(batch) = self.stream.try_next().await.map_err(landed)?
        {
            // A result's columns are those of the schema, in its order.
            let batch = RecordBatch::try_new(tick::schema(), batch.columns().to_vec());
            let batch = self.wanted(&batch.map_err(|error| landed(error.into()))?).map_err(landed)?;
            count += batch.num_rows();
            rows.push(batch);
        }
        if rows.is_empty() {
            return Ok(None);
        }
        concat_batches(&tick::schema(), &rows).map(Some).map_err(|error| landed(error.into()))
    }

    fn wanted(&self, batch: &RecordBatch) -> Result<RecordBatch, DataFusionError> {
        let schema = tick::schema();
        let products = batch.column(schema.index_of("product_id")?).as_string::<i32>();
        let times = batch.column(schema.index_of("ts")?).as_primitive::<TimestampNanosecondType>();
        let is_wanted = |row: usize| {
            let (product, ts) = (products.value(row), times.value(row));
            let is_first = |first: &BTreeMap<String, i64>| first.get(product).is_some_and(|first| ts >= *first);
            self.last_ts.get(product).is_some_and(|last| ts <= *last) && self.first_ts.as_ref().is_none_or(is_first)
        };
        let wanted = BooleanArray::from_iter((0..batch.num_rows()).map(|row| Some(is_wanted(row))));
        Ok(filter_record_batch(batch, &wanted)?)
    }
}

/// Returns the offsets of ticks.
pub fn offsets(ticks: &RecordBatch) -> &[i64] {
    // The schema of ticks has the column.
    let column = ticks.column_by_name(OFFSET).map(|column| column.as_primitive::<Int64Type>());
    column.map_or(&[], |column| column.values())
}

/// Returns the `ts` of ticks.
pub fn times(ticks: &RecordBatch) -> &[i64] {
    // The schema of ticks has the column.
    let column = ticks.column_by_name("ts").map(|column| column.as_primitive::<TimestampNanosecondType>());
    column.map_or(&[], |column| column.values())
}

/// Returns the event times of ticks.
pub fn event_times(ticks: &RecordBatch) -> &[i64] {
    // The schema of ticks has the column.
    let column = ticks.column_by_name("event_time").map(|column| column.as_primitive::<TimestampNanosecondType>());
    column.map_or(&[], |column| column.values())
}

/// Returns the ticks in the order of (product_id, ts).
pub fn sorted(ticks: &RecordBatch) -> Result<RecordBatch, Error> {
    let schema = ticks.schema();
    let sorted = || -> Result<RecordBatch, DataFusionError> {
        let products = ticks.column(schema.index_of("product_id")?).as_string::<i32>();
        let times = ticks.column(schema.index_of("ts")?).as_primitive::<TimestampNanosecondType>();
        let key = |row: u32| (products.value(row as usize), times.value(row as usize));
        let mut order: Vec<u32> = (0..).take(ticks.num_rows()).collect();
        if order.is_sorted_by_key(|row| key(*row)) {
            return Ok(ticks.clone());
        }
        order.sort_by_key(|row| key(*row));
        Ok(take_record_batch(ticks, &UInt32Array::from(order))?)
    };
    sorted().map_err(landed)
}

/// Makes one batch of the rows of a portion.
pub fn joined(rows: &[RecordBatch]) -> Result<RecordBatch, Error> {
    match rows {
        [only] => Ok(only.clone()),
        rows => {
            let schema = rows.first().map_or_else(tick::schema, |batch| Arc::clone(batch.schema_ref()));
            concat_batches(&schema, rows).map_err(|error| landed(error.into()))
        }
    }
}
