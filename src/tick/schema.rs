//! The columns of landed ticks.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

/// Returns the Arrow schema of landed ticks: a [`super::Tick`]'s fields, and the columns that landing adds.
///
/// Times are `Timestamp(ns, "UTC")`, numbers `Float64`, counts `Int64`, names `Utf8`; `side` is `buy` or `sell`, `status` is
/// one of [`super::Status::ALL`]. Columns that a feed may leave out are nullable.
pub fn schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        let time = || DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()));
        Arc::new(Schema::new(vec![
            Field::new("product_id", DataType::Utf8, false),
            Field::new("ts", time(), false),
            Field::new("event_time", time(), false),
            Field::new("ingest_time", time(), false),
            Field::new("price", DataType::Float64, true),
            Field::new("best_bid", DataType::Float64, false),
            Field::new("best_bid_quantity", DataType::Float64, true),
            Field::new("best_ask", DataType::Float64, false),
            Field::new("best_ask_quantity", DataType::Float64, true),
            Field::new("volume_24_h", DataType::Float64, true),
            Field::new("low_24_h", DataType::Float64, true),
            Field::new("high_24_h", DataType::Float64, true),
            Field::new("low_52_w", DataType::Float64, true),
            Field::new("high_52_w", DataType::Float64, true),
            Field::new("price_percent_chg_24_h", DataType::Float64, true),
            Field::new("side", DataType::Utf8, true),
            Field::new("last_size", DataType::Float64, true),
            Field::new("sequence_num", DataType::Int64, true),
            Field::new("connection", DataType::Utf8, true),
            Field::new("status", DataType::Utf8, false),
            Field::new("log_partition", DataType::Int32, false),
            Field::new("log_offset", DataType::Int64, false),
        ]))
    });
    Arc::clone(&SCHEMA)
}
