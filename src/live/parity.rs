//! Compares what was emitted live with batch, bit for bit.
//!
//! In: rows that `squall live` emitted, from a folder or as samples, and landed ticks. The query is computed again over the landed ticks,
//! without materialised tables. Out: how many rows agree, and the first difference: a value, a row that is missing, or one too many.

use std::cmp::Ordering;
use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type, SchemaRef, TimestampNanosecondType};
use datafusion::arrow::row::{RowConverter, Rows, SortField};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::catalog::TableProvider;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::{ident, lit};
use datafusion::prelude::{DataFrame, ParquetReadOptions};
use datafusion::scalar::ScalarValue;
use futures::TryStreamExt;

use super::error::Error;
use super::frames::{Computed, computed};
use super::lookback::{ALWAYS, instant, ticks_for};
use super::plan::{LivePlan, OFFSET, PARTITION};
use super::sink::Kept;
use crate::land::{Folder, read_footer};
use crate::pipeline::{Over, Project, Query};
use crate::text::{identifier, literal};

/// The names of the query's rows, and of the emitted ones, where they are compared.
const BATCH: &str = "squall_batch_rows";
const LIVE: &str = "squall_live_rows";

/// What a comparison found.
#[derive(Debug, Clone, Default)]
pub struct Parity {
    /// Rows that are the same.
    pub same: u64,
    /// Emitted rows whose ticks have not landed yet, so that batch does not know them.
    pub waiting: u64,
    /// Rows that differ, as far as they were counted.
    pub differing: u64,
    /// The first of them.
    pub difference: Option<Difference>,
    /// What batch computed its value from, if a value differs.
    pub computed: Option<Computed>,
}

/// The first difference between live and batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The row's product and time.
    pub row: String,
    /// The same for programs; the time is in nanoseconds since 1970.
    pub key: (String, i64),
    /// Where its tick lies in the log: partition and offset.
    pub place: (String, String),
    pub what: What,
}

/// How a row differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    Value {
        column: String,
        live: String,
        batch: String,
    },
    /// Batch has the row, and live did not emit it.
    Missing,
    /// Live emitted the row, and batch does not have it, or not so often.
    TooMany,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Difference { row, place: (partition, offset), what, .. } = self;
        let place = format!("the row of {row} (partition {partition}, offset {offset})");
        match what {
            What::Value { column, live, batch } => {
                write!(f, "`{column}` of {place} is {live} live and {batch} in batch")
            }
            What::Missing => write!(f, "{place} was not emitted, and batch has it"),
            What::TooMany => write!(f, "{place} was emitted, and batch does not have it"),
        }
    }
}

/// Compares the rows of a query in a folder with the query over landed ticks: the rows whose `ts` lies in a span of time, in
/// nanoseconds since 1970.
///
/// # Errors
/// The folder holds no rows of the query, or the query fails.
pub async fn parity(
    project: &Project,
    query: &Query,
    context: &SessionContext,
    folder: &Folder,
    dir: &Path,
    span: Range<i64>,
) -> Result<Parity, Error> {
    let plan = LivePlan::new(project, query, context).await?;
    let nothing = || Error::Nothing { dir: dir.into(), name: query.name.clone() };
    let kept = Kept::read(dir, &query.name)?.ok_or_else(nothing)?;
    let files = kept.files(dir)?;
    if files.is_empty() {
        return Err(nothing());
    }
    let landed = landed(folder, &kept.log).await?;
    // The offsets that both know.
    let mut conditions = Vec::new();
    for (partition, begin) in &kept.begins {
        let next = files.iter().filter(|file| file.partition == *partition).map(|file| file.next_offset()).max();
        let known = landed.iter().find(|(number, _)| number == partition).map(|(_, next)| *next);
        if let (Some(next), Some(known)) = (next, known) {
            let end = next.min(known);
            conditions.push(format!("({PARTITION} = {partition} AND {OFFSET} >= {begin} AND {OFFSET} < {end})"));
        }
    }
    let failed = |source| Error::query(&query.name, source);
    let mut condition = if conditions.is_empty() { "false".into() } else { conditions.join(" OR ") };
    let [_, time] = plan.key();
    if let Some(passed) = passed(&plan, context).await.map_err(failed)? {
        condition = format!("({condition}) AND {} <= {}", identifier(time), instant(passed));
    }
    if span != ALWAYS {
        let (time, first, end) = (identifier(time), instant(span.start), instant(span.end));
        condition = format!("({condition}) AND {time} >= {first} AND {time} < {end}");
    }
    let landed = ticks_for(project, query, context, &span).await?;
    let comparison = Comparison { project, query, context, plan: &plan, landed, condition, goes_on: false };
    let paths: Vec<String> = files.iter().map(|file| dir.join(file.to_string()).display().to_string()).collect();
    let session = SessionContext::new_with_state(context.state());
    let mut emitted = session.read_parquet(paths, ParquetReadOptions::default()).await.map_err(failed)?;
    if span != ALWAYS {
        let at = |ns| lit(ScalarValue::TimestampNanosecond(Some(ns), Some("UTC".into())));
        let within = ident(time).gt_eq(at(span.start)).and(ident(time).lt(at(span.end)));
        emitted = emitted.filter(within).map_err(failed)?;
    }
    let mut found = comparison.run(emitted).await.map_err(failed)??;
    if let Some(Difference { what: What::Value { column, .. }, key, .. }) = &found.difference {
        let (state, rows) = comparison.planned().await?.into_parts();
        found.computed = Some(computed(&state, &rows, column, (&key.0, key.1)).await.map_err(failed)?);
    }
    Ok(found)
}

/// Returns one past the last landed offset of each partition of a log.
async fn landed(folder: &Folder, log: &str) -> Result<Vec<(i32, i64)>, Error> {
    let listing = folder.list().await?;
    let mut landed: Vec<(i32, i64)> = Vec::new();
    for file in listing.landed.visible() {
        let footer = read_footer(folder, file).await?;
        if footer.origin.is_some_and(|origin| origin.log.to_string() == log) {
            landed.retain(|(partition, next)| *partition != file.partition || *next > file.next_offset());
            if !landed.iter().any(|(partition, _)| *partition == file.partition) {
                landed.push((file.partition, file.next_offset()));
            }
        }
    }
    Ok(landed)
}

/// Returns the last `ts` for which all right rows of the ASOF joins with other products have landed; `None` without such a join.
pub(super) async fn passed(plan: &LivePlan, context: &SessionContext) -> Result<Option<i64>, DataFusionError> {
    let mut passed: Option<i64> = None;
    for product in plan.waits_for() {
        let sql = format!("SELECT CAST(max(ts) AS BIGINT) FROM landed_ticks WHERE product_id = {}", literal(product));
        let rows = context.sql(&sql).await?.collect().await?;
        let last = rows.first().and_then(|rows| rows.column(0).as_primitive_opt::<Int64Type>()?.iter().next()?);
        passed = Some(passed.unwrap_or(i64::MAX).min(last.unwrap_or(0)));
    }
    Ok(passed)
}

/// A comparison of emitted rows of a query with batch.
pub(super) struct Comparison<'a> {
    pub project: &'a Project,
    pub query: &'a Query,
    pub context: &'a SessionContext,
    pub plan: &'a LivePlan,
    /// The landed ticks, or those that the compared rows depend on.
    pub landed: Arc<dyn TableProvider>,
    /// Which rows are compared, as SQL over the columns of the query and the place in the log.
    pub condition: String,
    /// Whether to go on after the first difference.
    pub goes_on: bool,
}

impl Comparison<'_> {
    /// Compares emitted rows.
    pub async fn run(&self, emitted: DataFrame) -> Result<Result<Parity, Error>, DataFusionError> {
        let batch = match self.batch().await? {
            Ok(batch) => batch,
            Err(error) => return Ok(Err(error)),
        };
        let all = emitted.clone().count().await? as u64;
        let live = self.sorted(emitted, LIVE).await?;
        let counted = live.clone().count().await? as u64;
        let columns: Vec<&str> = self.plan.schema().fields().iter().map(|field| field.name().as_str()).collect();
        let mut live = Cursor::new(live.execute_stream().await?, self.plan.schema(), self.plan.key())?;
        let mut batch = Cursor::new(batch.execute_stream().await?, self.plan.schema(), self.plan.key())?;
        let mut found = Parity { waiting: all - counted, ..Parity::default() };
        loop {
            let (has_live, has_batch) = (live.advance().await?, batch.advance().await?);
            let order = match (has_live, has_batch) {
                (false, false) => return Ok(Ok(found)),
                (true, false) => Ordering::Less,
                (false, true) => Ordering::Greater,
                (true, true) => live.key().cmp(&batch.key()),
            };
            let what = match order {
                Ordering::Less => What::TooMany,
                Ordering::Greater => What::Missing,
                Ordering::Equal if live.row() == batch.row() => {
                    found.same += 1;
                    live.place += 1;
                    batch.place += 1;
                    continue;
                }
                Ordering::Equal => {
                    let differs = |column: &usize| live.cell(*column) != batch.cell(*column);
                    let column = (0..columns.len()).find(differs).unwrap_or_default();
                    let (live_value, batch_value) = (live.shown(column)?, batch.shown(column)?);
                    What::Value { column: columns[column].into(), live: live_value, batch: batch_value }
                }
            };
            found.differing += 1;
            if found.difference.is_none() {
                let at = if order == Ordering::Greater { &batch } else { &live };
                found.difference = Some(at.difference(what)?);
            }
            if !self.goes_on {
                return Ok(Ok(found));
            }
            live.place += usize::from(order != Ordering::Greater);
            batch.place += usize::from(order != Ordering::Less);
        }
    }

    /// Plans the query over landed ticks.
    async fn planned(&self) -> Result<DataFrame, Error> {
        let over = Over { context: self.context, landed: Arc::clone(&self.landed), configure: |_| {} };
        Ok(self.project.plan_over(self.query, &over).await?)
    }

    /// Returns the query's rows over landed ticks, with the places of their ticks.
    async fn batch(&self) -> Result<Result<DataFrame, Error>, DataFusionError> {
        let frame = match self.planned().await {
            Ok(frame) => frame,
            Err(error) => return Ok(Err(error)),
        };
        let own: Vec<String> = frame.schema().fields().iter().map(|field| field.name().clone()).collect();
        let state = frame.clone().into_parts().0;
        let session = SessionContext::new_with_state(state);
        session.register_table(BATCH, frame.into_view())?;
        let [product, time] = self.plan.key().map(identifier);
        let added = [PARTITION, OFFSET].into_iter().filter(|name| !own.iter().any(|column| column == name));
        let added = added.map(|name| format!(", ticks.{name}")).collect::<String>();
        let rows = session
            .sql(&format!(
                "SELECT own.*{added} FROM {BATCH} AS own JOIN landed_ticks AS ticks \
                 ON ticks.product_id = own.{product} AND ticks.ts = own.{time}"
            ))
            .await?;
        self.sorted(rows, "squall_placed_rows").await.map(Ok)
    }

    /// Returns the rows that are compared, in the order of product and time, and then of everything else if a tick may have several
    /// rows.
    async fn sorted(&self, rows: DataFrame, name: &str) -> Result<DataFrame, DataFusionError> {
        let session = SessionContext::new_with_state(rows.clone().into_parts().0);
        session.register_table(name, rows.into_view())?;
        let columns = self.plan.schema().fields().iter().map(|field| identifier(field.name()));
        let columns: Vec<String> = columns.collect();
        let mut order: Vec<String> = self.plan.key().map(identifier).to_vec();
        if !self.plan.is_unique() {
            order.extend(columns.iter().cloned());
        }
        let (columns, order) = (columns.join(", "), order.join(", "));
        let sql = format!("SELECT {columns} FROM {name} WHERE {} ORDER BY {order}", self.condition);
        let sorted = session.sql(&sql).await;
        // The name is needed for planning only, and sessions share it.
        session.deregister_table(name)?;
        sorted
    }
}

/// The rows of a sorted stream, one after another.
struct Cursor {
    stream: SendableRecordBatchStream,
    schema: SchemaRef,
    /// The positions of the columns with a row's product and time.
    key: [usize; 2],
    converter: RowConverter,
    keys: RowConverter,
    batch: RecordBatch,
    rows: Rows,
    key_rows: Rows,
    place: usize,
}

impl Cursor {
    fn new(stream: SendableRecordBatchStream, schema: &SchemaRef, key: [&str; 2]) -> Result<Cursor, DataFusionError> {
        let key = [schema.index_of(key[0])?, schema.index_of(key[1])?];
        let field = |column: usize| SortField::new(schema.field(column).data_type().clone());
        let converter = RowConverter::new((0..schema.fields().len()).map(field).collect())?;
        let keys = RowConverter::new(key.map(field).to_vec())?;
        let batch = RecordBatch::new_empty(Arc::clone(schema));
        let rows = converter.convert_columns(batch.columns())?;
        let key_rows = keys.convert_columns(&key.map(|column| ArrayRef::clone(batch.column(column))))?;
        Ok(Cursor { stream, schema: Arc::clone(schema), key, converter, keys, batch, rows, key_rows, place: 0 })
    }

    /// Makes sure that there is a row; returns whether there is.
    async fn advance(&mut self) -> Result<bool, DataFusionError> {
        while self.place >= self.batch.num_rows() {
            let Some(batch) = self.stream.try_next().await? else { return Ok(false) };
            let fields = self.schema.fields().iter().zip(batch.columns());
            let columns = fields.map(|(field, column)| cast(column, field.data_type()));
            let columns = columns.collect::<Result<Vec<_>, _>>()?;
            self.rows = self.converter.convert_columns(&columns)?;
            self.key_rows = self.keys.convert_columns(&self.key.map(|column| ArrayRef::clone(&columns[column])))?;
            let nullable = self.schema.fields().iter().map(|field| field.as_ref().clone().with_nullable(true));
            let schema = datafusion::arrow::datatypes::Schema::new(nullable.collect::<Vec<_>>());
            self.batch = RecordBatch::try_new(Arc::new(schema), columns)?;
            self.place = 0;
        }
        Ok(true)
    }

    /// The row's bytes: rows are the same if, and only if, their bytes are. NaN has the bits that it has.
    fn row(&self) -> &[u8] {
        self.rows.row(self.place).data()
    }

    fn key(&self) -> Vec<u8> {
        self.key_rows.row(self.place).data().to_vec()
    }

    fn cell(&self, column: usize) -> Vec<u8> {
        let cell = self.batch.column(column).slice(self.place, 1);
        let converter = RowConverter::new(vec![SortField::new(cell.data_type().clone())]);
        let rows = converter.and_then(|converter| converter.convert_columns(&[cell]));
        rows.map(|rows| rows.row(0).data().to_vec()).unwrap_or_default()
    }

    /// Returns a value as text; of a number also the bits.
    fn shown(&self, column: usize) -> Result<String, DataFusionError> {
        let cells = self.batch.column(column);
        if cells.is_null(self.place) {
            return Ok("NULL".into());
        }
        if *cells.data_type() == DataType::Float64 {
            let value = cells.as_primitive::<Float64Type>().value(self.place);
            return Ok(format!("{value:?} (bits {:016x})", value.to_bits()));
        }
        let formatter = ArrayFormatter::try_new(cells.as_ref(), &FormatOptions::default())?;
        Ok(formatter.value(self.place).to_string())
    }

    fn difference(&self, what: What) -> Result<Difference, DataFusionError> {
        let of = |name: &str| self.shown(self.schema.index_of(name)?);
        let [product, time] = self.key;
        let row = format!("{} at {}", self.shown(product)?, self.shown(time)?);
        let at = self.batch.column(time).as_primitive_opt::<TimestampNanosecondType>();
        let key = (self.shown(product)?, at.map_or(0, |times| times.value(self.place)));
        Ok(Difference { row, key, place: (of(PARTITION)?, of(OFFSET)?), what })
    }
}
