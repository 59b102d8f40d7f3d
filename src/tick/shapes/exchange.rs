//! Coinbase Exchange's `ticker`, one message a match; other types of its messages are control messages.

use serde::Deserialize;

use super::super::field::{Value, quote};
use super::super::{Content, Control, Parsed, Problem, Tick};
use super::{Shape, exchange_error, from_json};

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Value<'a>,
    #[serde(borrow, default)]
    sequence: Value<'a>,
    #[serde(borrow, default)]
    product_id: Value<'a>,
    #[serde(borrow, default)]
    price: Value<'a>,
    #[serde(borrow, default)]
    volume_24h: Value<'a>,
    #[serde(borrow, default)]
    low_24h: Value<'a>,
    #[serde(borrow, default)]
    high_24h: Value<'a>,
    #[serde(borrow, default)]
    best_bid: Value<'a>,
    #[serde(borrow, default)]
    best_bid_size: Value<'a>,
    #[serde(borrow, default)]
    best_ask: Value<'a>,
    #[serde(borrow, default)]
    best_ask_size: Value<'a>,
    #[serde(borrow, default)]
    side: Value<'a>,
    #[serde(borrow, default)]
    time: Value<'a>,
    #[serde(borrow, default)]
    last_size: Value<'a>,
    #[serde(borrow, default)]
    message: Value<'a>,
    #[serde(borrow, default)]
    reason: Value<'a>,
}

impl Message<'_> {
    fn tick(&self, event_time: i64, sequence_num: Option<i64>) -> Result<Tick, Problem> {
        let (best_bid, best_ask) = quote(&self.best_bid, &self.best_ask)?;
        Ok(Tick {
            product_id: self.product_id.product("product_id")?,
            event_time,
            price: Some(self.price.price("price")?),
            best_bid,
            best_bid_quantity: self.best_bid_size.amount("best_bid_size")?,
            best_ask,
            best_ask_quantity: self.best_ask_size.amount("best_ask_size")?,
            volume_24_h: self.volume_24h.amount("volume_24h")?,
            low_24_h: self.low_24h.amount("low_24h")?,
            high_24_h: self.high_24h.amount("high_24h")?,
            low_52_w: None,
            high_52_w: None,
            price_percent_chg_24_h: None,
            side: self.side.side("side")?,
            last_size: self.last_size.amount("last_size")?,
            sequence_num,
        })
    }
}

/// Reads a message as it came from the wire.
pub(super) fn read(text: &str) -> Result<Parsed, Problem> {
    read_at(text, Shape::Exchange, None)
}

/// Reads a message; `recorded_at` stands in for a time that the exchange did not send.
pub(super) fn read_at(text: &str, shape: Shape, recorded_at: Option<i64>) -> Result<Parsed, Problem> {
    let message: Message = from_json(text)?;
    let kind = message.kind.text("type")?.ok_or(Problem::Missing { field: "type" })?;
    if kind == "error" {
        return Err(exchange_error(&message.message, &message.reason));
    }
    let event_time = message.time.time("time")?.or(recorded_at);
    let sequence_num = message.sequence.integer("sequence")?;
    let content = if kind == "ticker" {
        let event_time = event_time.ok_or(Problem::Missing { field: "time" })?;
        Content::Ticks(vec![message.tick(event_time, sequence_num)?])
    } else {
        Content::Control(Control { name: kind.to_string(), event_time, heartbeat_counter: None })
    };
    Ok(Parsed { shape, sequence_num, content })
}
