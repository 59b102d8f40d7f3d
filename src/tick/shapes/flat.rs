//! A recorder's own flat selection of a ticker's fields, numbers or strings, in either exchange's names.

use serde::Deserialize;

use super::super::field::{Value, quote};
use super::super::{Content, Parsed, Problem, Tick};
use super::{Shape, from_json};

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow, default)]
    product_id: Value<'a>,
    #[serde(borrow, default)]
    timestamp: Value<'a>,
    #[serde(borrow, default)]
    time: Value<'a>,
    #[serde(borrow, default)]
    ts: Value<'a>,
    #[serde(borrow, default, alias = "sequence")]
    sequence_num: Value<'a>,
    #[serde(borrow, default)]
    price: Value<'a>,
    #[serde(borrow, default)]
    best_bid: Value<'a>,
    #[serde(borrow, default, alias = "best_bid_size")]
    best_bid_quantity: Value<'a>,
    #[serde(borrow, default)]
    best_ask: Value<'a>,
    #[serde(borrow, default, alias = "best_ask_size")]
    best_ask_quantity: Value<'a>,
    #[serde(borrow, default, alias = "volume_24h", alias = "volume")]
    volume_24_h: Value<'a>,
    #[serde(borrow, default, alias = "low_24h")]
    low_24_h: Value<'a>,
    #[serde(borrow, default, alias = "high_24h")]
    high_24_h: Value<'a>,
    #[serde(borrow, default)]
    side: Value<'a>,
    #[serde(borrow, default)]
    last_size: Value<'a>,
}

/// Reads a line.
pub(super) fn read(text: &str) -> Result<Parsed, Problem> {
    let line: Line = from_json(text)?;
    let (best_bid, best_ask) = quote(&line.best_bid, &line.best_ask)?;
    // The exchange's own time, where a recorder kept it beside its own.
    let event_time = line.time.time("time")?;
    let event_time = event_time.map_or_else(|| line.timestamp.time("timestamp"), |time| Ok(Some(time)))?;
    let event_time = event_time.map_or_else(|| line.ts.time("ts"), |time| Ok(Some(time)))?;
    let sequence_num = line.sequence_num.integer("sequence_num")?;
    let tick = Tick {
        product_id: line.product_id.product("product_id")?,
        event_time: event_time.ok_or(Problem::Missing { field: "timestamp" })?,
        price: Some(line.price.price("price")?),
        best_bid,
        best_bid_quantity: line.best_bid_quantity.amount("best_bid_quantity")?,
        best_ask,
        best_ask_quantity: line.best_ask_quantity.amount("best_ask_quantity")?,
        volume_24_h: line.volume_24_h.amount("volume_24_h")?,
        low_24_h: line.low_24_h.amount("low_24_h")?,
        high_24_h: line.high_24_h.amount("high_24_h")?,
        low_52_w: None,
        high_52_w: None,
        price_percent_chg_24_h: None,
        side: line.side.side("side")?,
        last_size: line.last_size.amount("last_size")?,
        sequence_num,
    };
    Ok(Parsed { shape: Shape::Flat, sequence_num, content: Content::Ticks(vec![tick]) })
}
