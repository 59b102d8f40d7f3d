//! Ticks of two products that are made up, so that a proof needs no landed data: prices that wander, bursts, ties of
//! `event_time`, silences, and a midnight.
//!
//! In: the schema of `landed_ticks` and a seed. Out: rows sorted by product and `ts`.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, Float64Array, Int32Array, Int64Array, StringArray, TimestampNanosecondArray, new_null_array,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::error::DataFusionError;

use super::random::Random;

const TICKS_PER_PRODUCT: usize = 700;

const NS_PER_MS: i64 = 1_000_000;
const NS_PER_S: i64 = 1_000 * NS_PER_MS;

/// 2026-01-01T23:51:00Z: midnight comes among the ticks, about 13 minutes long.
const START_NS: i64 = 1_767_311_460 * NS_PER_S;

/// The ticks that come after a silence. More than 5 minutes lie between them, for features that look so far back.
const AFTER_SILENCE: [usize; 2] = [150, 640];
const SILENCE_NS: i64 = 95 * NS_PER_S;

/// Makes the ticks; `products` are two names, in ascending order.
pub fn ticks(schema: &SchemaRef, products: [&str; 2], seed: u64) -> Result<RecordBatch, DataFusionError> {
    let mut random = Random::new(seed);
    let mut rows = Rows::default();
    for (index, product) in products.into_iter().enumerate() {
        rows.add(product, [60_000.0, 3_000.0][index], &mut random);
    }
    let columns = schema.fields().iter().map(|field| {
        let column = rows.column(field.name()).unwrap_or_else(|| new_null_array(field.data_type(), rows.ts.len()));
        Ok(cast(&column, field.data_type())?)
    });
    Ok(RecordBatch::try_new(Arc::clone(schema), columns.collect::<Result<_, DataFusionError>>()?)?)
}

#[derive(Default)]
struct Rows {
    product_id: Vec<String>,
    ts: Vec<i64>,
    event_time: Vec<i64>,
    bid: Vec<f64>,
    ask: Vec<f64>,
    bid_quantity: Vec<f64>,
    ask_quantity: Vec<f64>,
    buy: Vec<bool>,
    sequence_num: Vec<i64>,
}

impl Rows {
    fn add(&mut self, product: &str, price: f64, random: &mut Random) {
        let (mut event_time, mut ts, mut price) = (START_NS, START_NS - 1, price);
        for tick in 0..TICKS_PER_PRODUCT {
            event_time += match random.below(10) {
                _ if AFTER_SILENCE.contains(&tick) => SILENCE_NS,
                // A third of real messages share their predecessor's time.
                0..3 => 0,
                3..6 => random.between(1.0, 50.0) as i64 * NS_PER_MS,
                _ => random.between(200.0, 4_000.0) as i64 * NS_PER_MS,
            };
            ts = event_time.max(ts + 1);
            // Calm and hectic stretches alternate.
            let step = if (tick / 100) % 2 == 0 { 0.0002 } else { 0.002 };
            price *= 1.0 + random.between(-step, step);
            let spread = (price * random.between(0.00001, 0.0002)).max(0.01);
            let cents = |value: f64| (value * 100.0).round() / 100.0;
            self.product_id.push(product.into());
            self.ts.push(ts);
            self.event_time.push(event_time);
            self.bid.push(cents(price - spread));
            self.ask.push(cents(price + spread));
            self.bid_quantity.push(cents(random.between(0.01, 9.0)));
            self.ask_quantity.push(cents(random.between(0.01, 9.0)));
            self.buy.push(random.below(2) == 0);
            self.sequence_num.push(tick as i64);
        }
    }

    /// Returns a column of `landed_ticks`, or `None` if the table lacks it.
    fn column(&self, name: &str) -> Option<ArrayRef> {
        let count = self.ts.len();
        let times =
            |times: &[i64]| Arc::new(TimestampNanosecondArray::from(times.to_vec()).with_timezone("UTC")) as ArrayRef;
        let numbers = |values: Vec<f64>| Arc::new(Float64Array::from(values)) as ArrayRef;
        let texts = |texts: Vec<&str>| Arc::new(StringArray::from(texts)) as ArrayRef;
        let of = |value: fn(f64, f64) -> f64| {
            numbers(self.bid.iter().zip(&self.ask).map(|(bid, ask)| value(*bid, *ask)).collect())
        };
        let sides = || texts(self.buy.iter().map(|buy| if *buy { "BUY" } else { "SELL" }).collect());
        Some(match name {
            "product_id" => texts(self.product_id.iter().map(String::as_str).collect()),
            "ts" => times(&self.ts),
            "event_time" => times(&self.event_time),
            "ingest_time" => times(&self.event_time.iter().map(|time| time + 20 * NS_PER_MS).collect::<Vec<_>>()),
            "price" => of(|bid, ask| if bid.to_bits() % 2 == 0 { bid } else { ask }),
            "best_bid" => numbers(self.bid.clone()),
            "best_ask" => numbers(self.ask.clone()),
            "best_bid_quantity" => numbers(self.bid_quantity.clone()),
            "best_ask_quantity" => numbers(self.ask_quantity.clone()),
            "last_size" => numbers(self.bid_quantity.iter().map(|quantity| quantity / 10.0).collect()),
            "volume_24_h" => numbers((0..count).map(|tick| 1_000.0 + tick as f64 * 0.125).collect()),
            "low_24_h" | "low_52_w" => of(|bid, _| bid * 0.9),
            "high_24_h" | "high_52_w" => of(|_, ask| ask * 1.1),
            "price_percent_chg_24_h" => of(|bid, _| bid / 1e5),
            "side" => sides(),
            "sequence_num" => Arc::new(Int64Array::from(self.sequence_num.clone())),
            "log_offset" => Arc::new(Int64Array::from_iter_values(0..count as i64)),
            "log_partition" => Arc::new(Int32Array::from(vec![0; count])),
            "connection" => texts(vec!["c1"; count]),
            "status" => texts(vec!["ok"; count]),
            _ => return None,
        })
    }
}
