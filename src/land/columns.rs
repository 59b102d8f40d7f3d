//! Landed rows as Arrow columns, and back.
//!
//! In: placed ticks. Out: one record batch per product, in the columns of [`tick::schema`]. Batches can also be read back as
//! rows.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, Float64Builder, Int32Array, Int64Array, Int64Builder, RecordBatch,
    StringArray, StringBuilder, TimestampNanosecondArray,
};
use datafusion::arrow::datatypes::{Float64Type, Int64Type, TimestampNanosecondType};
use datafusion::arrow::error::ArrowError;

use crate::tick::{self, Side, Status, Tick};

/// A landed row.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub tick: Tick,
    pub ts: i64,
    pub status: Status,
    pub ingest_time: i64,
    pub connection: Option<String>,
    pub log_offset: i64,
}

/// The rows of one product, in the order in which they are placed.
#[derive(Debug, Default)]
pub struct Columns {
    ts: Vec<i64>,
    event_time: Vec<i64>,
    ingest_time: Vec<i64>,
    log_offset: Vec<i64>,
    numbers: [Float64Builder; 12],
    side: StringBuilder,
    sequence_num: Int64Builder,
    connection: StringBuilder,
    status: StringBuilder,
}

impl Columns {
    /// Adds a row; its `ts` must be above that of the row before.
    pub fn push(&mut self, row: &Row) {
        self.ts.push(row.ts);
        self.event_time.push(row.tick.event_time);
        self.ingest_time.push(row.ingest_time);
        self.log_offset.push(row.log_offset);
        for (column, number) in self.numbers.iter_mut().zip(row.tick.numbers()) {
            column.append_option(number);
        }
        self.side.append_option(row.tick.side.map(Side::as_str));
        self.sequence_num.append_option(row.tick.sequence_num);
        self.connection.append_option(row.connection.as_deref());
        self.status.append_value(row.status.as_str());
    }

    /// Returns the rows as a batch of the landed schema.
    pub fn finish(mut self, product_id: &str, log_partition: i32) -> Result<RecordBatch, ArrowError> {
        let rows = self.ts.len();
        let time =
            |times: Vec<i64>| -> ArrayRef { Arc::new(TimestampNanosecondArray::from(times).with_timezone("UTC")) };
        let mut product = StringBuilder::with_capacity(rows, rows * product_id.len());
        for _ in 0..rows {
            product.append_value(product_id);
        }
        let mut columns: Vec<(&str, ArrayRef)> = vec![
            ("product_id", Arc::new(product.finish())),
            ("ts", time(self.ts)),
            ("event_time", time(self.event_time)),
            ("ingest_time", time(self.ingest_time)),
            ("side", Arc::new(self.side.finish())),
            ("sequence_num", Arc::new(self.sequence_num.finish())),
            ("connection", Arc::new(self.connection.finish())),
            ("status", Arc::new(self.status.finish())),
            ("log_partition", Arc::new(Int32Array::from_value(log_partition, rows))),
            ("log_offset", Arc::new(Int64Array::from(self.log_offset))),
        ];
        for (name, column) in Tick::NUMBERS.into_iter().zip(&mut self.numbers) {
            columns.push((name, Arc::new(column.finish())));
        }
        // The columns are put into the schema's order by name, so that only the schema defines the order.
        let schema = tick::schema();
        let mut arrays = Vec::with_capacity(schema.fields().len());
        for field in schema.fields() {
            let column = columns.iter().find(|(name, _)| name == field.name());
            let (_, array) =
                column.ok_or_else(|| ArrowError::SchemaError(format!("nothing fills column {}", field.name())))?;
            arrays.push(Arc::clone(array));
        }
        RecordBatch::try_new(schema, arrays)
    }
}

/// Returns the rows of a batch of the landed schema.
///
/// # Errors
/// A column is missing or of another type, or `side` or `status` holds an unknown word.
pub fn rows(batch: &RecordBatch) -> Result<Vec<Row>, ArrowError> {
    let product_id = strings(batch, "product_id")?;
    let [ts, event_time, ingest_time] =
        [times(batch, "ts")?, times(batch, "event_time")?, times(batch, "ingest_time")?];
    let columns = Tick::NUMBERS.map(|name| floats(batch, name));
    let mut numbers = Vec::with_capacity(columns.len());
    for column in columns {
        numbers.push(column?);
    }
    let (side, status) = (strings(batch, "side")?, strings(batch, "status")?);
    let (sequence_num, log_offset) = (integers(batch, "sequence_num")?, integers(batch, "log_offset")?);
    let connection = strings(batch, "connection")?;

    let mut rows = Vec::with_capacity(batch.num_rows());
    for i in 0..batch.num_rows() {
        let number = |column: usize| numbers[column].is_valid(i).then(|| numbers[column].value(i));
        let quote = |column: usize| {
            number(column).ok_or_else(|| ArrowError::SchemaError(format!("{} is NULL", Tick::NUMBERS[column])))
        };
        let tick = Tick {
            product_id: product_id.value(i).to_string(),
            event_time: event_time.value(i),
            price: number(0),
            best_bid: quote(1)?,
            best_bid_quantity: number(2),
            best_ask: quote(3)?,
            best_ask_quantity: number(4),
            volume_24_h: number(5),
            low_24_h: number(6),
            high_24_h: number(7),
            low_52_w: number(8),
            high_52_w: number(9),
            price_percent_chg_24_h: number(10),
            side: side.is_valid(i).then(|| parse_side(side.value(i))).transpose()?,
            last_size: number(11),
            sequence_num: sequence_num.is_valid(i).then(|| sequence_num.value(i)),
        };
        rows.push(Row {
            tick,
            ts: ts.value(i),
            status: parse_status(status.value(i))?,
            ingest_time: ingest_time.value(i),
            connection: connection.is_valid(i).then(|| connection.value(i).to_string()),
            log_offset: log_offset.value(i),
        });
    }
    Ok(rows)
}

fn parse_side(word: &str) -> Result<Side, ArrowError> {
    let known = [Side::Buy, Side::Sell].into_iter().find(|side| side.as_str() == word);
    known.ok_or_else(|| ArrowError::ParseError(format!("side is `{word}`")))
}

fn parse_status(word: &str) -> Result<Status, ArrowError> {
    Status::parse(word).ok_or_else(|| ArrowError::ParseError(format!("status is `{word}`")))
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, ArrowError> {
    batch.column_by_name(name).ok_or_else(|| ArrowError::SchemaError(format!("column {name} is missing")))
}

fn other_type(name: &str) -> ArrowError {
    ArrowError::SchemaError(format!("column {name} is of another type"))
}

fn strings<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a StringArray, ArrowError> {
    column(batch, name)?.as_string_opt().ok_or_else(|| other_type(name))
}

fn times<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a TimestampNanosecondArray, ArrowError> {
    column(batch, name)?.as_primitive_opt::<TimestampNanosecondType>().ok_or_else(|| other_type(name))
}

fn floats<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a Float64Array, ArrowError> {
    column(batch, name)?.as_primitive_opt::<Float64Type>().ok_or_else(|| other_type(name))
}

fn integers<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a Int64Array, ArrowError> {
    column(batch, name)?.as_primitive_opt::<Int64Type>().ok_or_else(|| other_type(name))
}
