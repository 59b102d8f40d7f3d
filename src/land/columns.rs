//! Landed rows as Arrow columns, and back.
//!
//! In: placed ticks. Out: record batches in the order of (product_id, ts), in the columns of [`tick::schema`]. Batches can also
//! be read back as rows.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, Float64Builder, Int32Array, Int64Array, Int64Builder, RecordBatch,
    StringArray, TimestampNanosecondArray, UInt32Array,
};
use datafusion::arrow::compute::take;
use datafusion::arrow::datatypes::{Float64Type, Int64Type, TimestampNanosecondType};
use datafusion::arrow::error::ArrowError;

use crate::log::Record;
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

/// Rows per batch; fewer if the products' names are long.
const BATCH_ROWS: usize = 8192;
/// The bytes that the products' names in a batch may take.
const BATCH_NAME_BYTES: usize = 8 << 20;
/// What a row takes beside its names: 4 times, 12 numbers and a sequence number with their validity, 2 words, 2 numbers of
/// names.
const ROW_BYTES: usize = 4 * 8 + 13 * 9 + 2 * 8 + 2 * 4;

/// The rows of a range, in the order in which they are placed. A product takes no more than its name and its number.
#[derive(Debug, Default)]
pub struct Columns {
    products: Names,
    connections: Names,
    product: Vec<u32>,
    /// The number of the row's connection; `None` if it has none.
    connection: Vec<Option<u32>>,
    ts: Vec<i64>,
    event_time: Vec<i64>,
    ingest_time: Vec<i64>,
    log_offset: Vec<i64>,
    numbers: [Float64Builder; 12],
    side: Vec<Option<Side>>,
    sequence_num: Int64Builder,
    status: Vec<Status>,
}

/// Names, each stored once and numbered in the order in which they came.
#[derive(Debug, Default)]
struct Names {
    numbers: HashMap<Arc<str>, u32>,
    names: Vec<Arc<str>>,
    bytes: usize,
}

impl Names {
    /// What a name takes beside its text: its entries in the map and in the list, and the counts of the shared text.
    const ENTRY_BYTES: usize = 64;

    fn number(&mut self, name: &str, last: Option<u32>) -> u32 {
        // Most rows have the connection, and many the product, of the row before them.
        if let Some(last) = last
            && self.name(last) == name
        {
            return last;
        }
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        // A range is committed long before it has 2^32 names, because names count towards its bytes.
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        let name: Arc<str> = name.into();
        self.bytes += name.len() + Self::ENTRY_BYTES;
        self.names.push(Arc::clone(&name));
        self.numbers.insert(name, number);
        number
    }

    fn name(&self, number: u32) -> &str {
        &self.names[number as usize]
    }
}

impl Columns {
    /// Adds a row of the message at `log_offset`; its `ts` must be above that of the product's row before.
    pub fn push(&mut self, tick: &Tick<&str>, (ts, status): (i64, Status), record: &Record, log_offset: i64) {
        let product = self.products.number(tick.product_id, self.product.last().copied());
        self.product.push(product);
        let connection = record.connection.as_deref().map(|name| {
            let last = self.connection.last().copied().flatten();
            self.connections.number(name, last)
        });
        self.connection.push(connection);
        self.ts.push(ts);
        self.event_time.push(tick.event_time);
        self.ingest_time.push(record.ingest_time);
        self.log_offset.push(log_offset);
        for (column, number) in self.numbers.iter_mut().zip(tick.numbers()) {
            column.append_option(number);
        }
        self.side.push(tick.side);
        self.sequence_num.append_option(tick.sequence_num);
        self.status.push(status);
    }

    /// Returns roughly how much memory the rows take.
    pub fn bytes(&self) -> usize {
        self.ts.len() * ROW_BYTES + self.products.bytes + self.connections.bytes
    }

    /// Finds the order of (product_id, ts).
    pub fn arrange(mut self, log_partition: i32) -> Arranged {
        Arranged {
            order: self.order(),
            numbers: self.numbers.each_mut().map(Float64Builder::finish),
            sequence_num: self.sequence_num.finish(),
            columns: self,
            log_partition,
        }
    }

    /// Returns the rows' places in the order of (product_id, ts): the rows of each product are in order already.
    fn order(&self) -> Vec<u32> {
        let mut by_name: Vec<u32> = (0..).take(self.products.names.len()).collect();
        by_name.sort_unstable_by(|a, b| self.products.name(*a).cmp(self.products.name(*b)));
        // The place where each product's rows begin.
        let mut begins = vec![0u32; by_name.len()];
        for product in &self.product {
            begins[*product as usize] += 1;
        }
        let mut begin = 0;
        for product in by_name {
            let rows = std::mem::replace(&mut begins[product as usize], begin);
            begin += rows;
        }
        let mut order = vec![0u32; self.product.len()];
        for (row, product) in (0..).zip(&self.product) {
            let place = &mut begins[*product as usize];
            order[*place as usize] = row;
            *place += 1;
        }
        order
    }
}

/// The rows of a range, and their order.
pub struct Arranged {
    columns: Columns,
    numbers: [Float64Array; 12],
    sequence_num: Int64Array,
    order: Vec<u32>,
    log_partition: i32,
}

impl Arranged {
    /// Returns batches of the landed schema, in the order of (product_id, ts).
    pub fn batches(&self) -> impl Iterator<Item = Result<RecordBatch, ArrowError>> {
        let longest = self.columns.products.names.iter().map(|name| name.len()).max().unwrap_or_default();
        let rows = (BATCH_NAME_BYTES / longest.max(1)).clamp(1, BATCH_ROWS);
        self.order.chunks(rows).map(|places| self.batch(places))
    }

    /// Returns the rows at these places as a batch.
    fn batch(&self, places: &[u32]) -> Result<RecordBatch, ArrowError> {
        let columns = &self.columns;
        let rows = || places.iter().map(|place| *place as usize);
        let time = |times: &[i64]| -> ArrayRef {
            let times = TimestampNanosecondArray::from_iter_values(rows().map(|row| times[row]));
            Arc::new(times.with_timezone("UTC"))
        };
        let places_array = UInt32Array::from_iter_values(places.iter().copied());
        let product = StringArray::from_iter_values(rows().map(|row| columns.products.name(columns.product[row])));
        let side: StringArray = rows().map(|row| columns.side[row].map(Side::as_str)).collect();
        let connection: StringArray =
            rows().map(|row| columns.connection[row].map(|number| columns.connections.name(number))).collect();
        let status = StringArray::from_iter_values(rows().map(|row| columns.status[row].as_str()));
        let mut filled: Vec<(&str, ArrayRef)> = vec![
            ("product_id", Arc::new(product)),
            ("ts", time(&columns.ts)),
            ("event_time", time(&columns.event_time)),
            ("ingest_time", time(&columns.ingest_time)),
            ("side", Arc::new(side)),
            ("sequence_num", take(&self.sequence_num, &places_array, None)?),
            ("connection", Arc::new(connection)),
            ("status", Arc::new(status)),
            ("log_partition", Arc::new(Int32Array::from_value(self.log_partition, places.len()))),
            ("log_offset", Arc::new(Int64Array::from_iter_values(rows().map(|row| columns.log_offset[row])))),
        ];
        for (name, column) in Tick::NUMBERS.into_iter().zip(&self.numbers) {
            filled.push((name, take(column, &places_array, None)?));
        }
        // The columns are put into the schema's order by name, so that only the schema defines the order.
        let schema = tick::schema();
        let mut arrays = Vec::with_capacity(schema.fields().len());
        for field in schema.fields() {
            let column = filled.iter().find(|(name, _)| name == field.name());
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
