//! Landed rows as Arrow columns, and back.
//!
//! In: the rows of chunks, which are placed in the order of their products. Out: record batches in the order of
//! (product_id, ts), in the columns of [`tick::schema`]. Batches can also be read back as rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray, TimestampNanosecondArray,
};
use datafusion::arrow::buffer::{BooleanBuffer, NullBuffer};
use datafusion::arrow::datatypes::{Float64Type, Int64Type, TimestampNanosecondType};
use datafusion::arrow::error::ArrowError;

use super::read;
use super::summary::Rows;
use crate::text::Names;
use crate::tick::{self, Order, Side, Status, Tick};

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
/// What a row takes beside its names: 3 times, an offset, 12 numbers, a sequence number, 2 words, 2 numbers of names.
const ROW_BYTES: usize = 4 * 8 + 12 * 8 + 16 + 2 + 4 + 8;

/// The rows of a range, in the order in which they are placed. A product takes no more than its name and its counts.
#[derive(Debug, Default)]
pub struct Columns {
    products: Names,
    connections: Names,
    /// The number of each row's product.
    product: Vec<u32>,
    /// The number of the row's connection; `None` if it has none.
    connection: Vec<Option<u32>>,
    ts: Vec<i64>,
    event_time: Vec<i64>,
    ingest_time: Vec<i64>,
    log_offset: Vec<i64>,
    /// NaN for an absent number, as in [`tick::Columns`].
    numbers: [Vec<f64>; 12],
    side: Vec<Option<Side>>,
    sequence_num: Vec<Option<i64>>,
    status: Vec<Status>,
    /// The count of each product's rows.
    counts: Vec<Rows>,
}

impl Columns {
    /// Places the rows of the next chunk, and adds them.
    pub fn add(&mut self, rows: &read::Rows, connections: &Names, order: &mut Order) {
        let ticks = &rows.ticks;
        // Each name is looked up once, not for each row.
        let mut known: Vec<Option<(usize, u32)>> = vec![None; ticks.products.count()];
        for (row, product) in ticks.product.iter().enumerate() {
            let (place, number) = *known[*product as usize].get_or_insert_with(|| {
                let name = ticks.products.name(*product);
                (order.product(name), self.products.number(name))
            });
            let (ts, status) = order.place(place, ticks.event_time[row], rows.identity[row], rows.ingest_time[row]);
            self.product.push(number);
            self.ts.push(ts);
            self.status.push(status);
            if number as usize == self.counts.len() {
                self.counts.push(Rows::starting_at(ts));
            }
            self.counts[number as usize].count(ts, status);
        }
        let numbers: Vec<u32> = connections.iter().map(|name| self.connections.number(name)).collect();
        self.connection.extend(rows.connection.iter().map(|connection| connection.map(|at| numbers[at as usize])));
        self.event_time.extend_from_slice(&ticks.event_time);
        self.ingest_time.extend_from_slice(&rows.ingest_time);
        self.log_offset.extend_from_slice(&rows.log_offset);
        for (column, numbers) in self.numbers.iter_mut().zip(&ticks.numbers) {
            column.extend_from_slice(numbers);
        }
        self.side.extend_from_slice(&ticks.side);
        self.sequence_num.extend_from_slice(&ticks.sequence_num);
    }

    /// Returns roughly how much memory the rows take.
    pub fn bytes(&self) -> usize {
        let products = self.products.bytes() + self.counts.len() * size_of::<Rows>();
        self.ts.len() * ROW_BYTES + products + self.connections.bytes()
    }

    /// Counts each product's rows.
    pub fn counts(&self) -> BTreeMap<String, Rows> {
        self.products.iter().map(String::from).zip(self.counts.iter().cloned()).collect()
    }

    /// Finds the order of (product_id, ts).
    pub fn arrange(self, log_partition: i32) -> Arranged {
        Arranged { order: self.order(), columns: self, log_partition }
    }

    /// Returns the rows' places in the order of (product_id, ts): the rows of each product are in order already.
    fn order(&self) -> Vec<u32> {
        let mut by_name: Vec<u32> = (0..).take(self.products.count()).collect();
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
    order: Vec<u32>,
    log_partition: i32,
}

impl Arranged {
    /// Returns batches of the landed schema, in the order of (product_id, ts).
    pub fn batches(&self) -> impl Iterator<Item = Result<RecordBatch, ArrowError>> {
        let longest = self.columns.products.iter().map(str::len).max().unwrap_or_default();
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
        let product = StringArray::from_iter_values(rows().map(|row| columns.products.name(columns.product[row])));
        let sequence_num: Int64Array = rows().map(|row| columns.sequence_num[row]).collect();
        let side: StringArray = rows().map(|row| columns.side[row].map(Side::as_str)).collect();
        let connection: StringArray =
            rows().map(|row| columns.connection[row].map(|number| &**columns.connections.name(number))).collect();
        let status = StringArray::from_iter_values(rows().map(|row| columns.status[row].as_str()));
        let mut filled: Vec<(&str, ArrayRef)> = vec![
            ("product_id", Arc::new(product)),
            ("ts", time(&columns.ts)),
            ("event_time", time(&columns.event_time)),
            ("ingest_time", time(&columns.ingest_time)),
            ("side", Arc::new(side)),
            ("sequence_num", Arc::new(sequence_num)),
            ("connection", Arc::new(connection)),
            ("status", Arc::new(status)),
            ("log_partition", Arc::new(Int32Array::from_value(self.log_partition, places.len()))),
            ("log_offset", Arc::new(Int64Array::from_iter_values(rows().map(|row| columns.log_offset[row])))),
        ];
        for (name, column) in Tick::NUMBERS.into_iter().zip(&columns.numbers) {
            let values: Vec<f64> = rows().map(|row| column[row]).collect();
            let present = BooleanBuffer::collect_bool(values.len(), |row| !values[row].is_nan());
            let nulls = Some(NullBuffer::new(present)).filter(|nulls| nulls.null_count() > 0);
            filled.push((name, Arc::new(Float64Array::new(values.into(), nulls))));
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
