//! Coinbase Exchange's `ticker`: one message per match. Its messages of other types are control messages.

use serde::Deserialize;

use super::super::field::{Value, quote};
use super::super::{Content, Control, Problem, Tick};
use super::{Body, Fit, Outline, Recorded, Sequence, Shape, from_json};

/// Coinbase Exchange's messages.
pub static SHAPE: Shape = Shape {
    name: "exchange",
    what: "Coinbase Exchange as on the wire",
    told_by: "`type`, no `timestamp`",
    event_time: "`time`",
    sequence: Sequence::Product,
    fit,
    read,
};

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
        let product_id = self.product_id.product("product_id")?;
        Ok(Tick {
            price: Some(self.price.price("price")?),
            best_bid_quantity: self.best_bid_size.amount("best_bid_size")?,
            best_ask_quantity: self.best_ask_size.amount("best_ask_size")?,
            volume_24_h: self.volume_24h.amount("volume_24h")?,
            low_24_h: self.low_24h.amount("low_24h")?,
            high_24_h: self.high_24h.amount("high_24h")?,
            side: self.side.side("side")?,
            last_size: self.last_size.amount("last_size")?,
            sequence_num,
            ..Tick::quote(product_id, event_time, best_bid, best_ask)
        })
    }

    /// Returns an error's text, with the reason if there is one.
    fn error(&self) -> String {
        let text = |value: &Value<'_>| match value {
            Value::Text(text) => Some(text.to_string()),
            _ => None,
        };
        let parts: Vec<String> = [text(&self.message), text(&self.reason)].into_iter().flatten().collect();
        if parts.is_empty() { "it gives no reason".into() } else { parts.join(": ") }
    }
}

/// The exchange calls its time `time`. So a `type` beside another clock is a recorder's copy.
fn fit(outline: &Outline<'_>) -> Option<Fit> {
    if !outline.has("type") || outline.has("timestamp") {
        return None;
    }
    if outline.has("best_bid") && (outline.has("sequence") || outline.has("time")) {
        return Some(Fit::Whole);
    }
    // This rules out an envelope, which has a `type` of its own.
    (!outline.has("channel") && !outline.has("events")).then_some(Fit::Doubtful)
}

/// Reads a message: a ticker, or a control message of any other type.
fn read(text: &str, recorded: &Recorded) -> Result<Body, Problem> {
    let message: Message = from_json(text)?;
    let kind = message.kind.text("type")?.ok_or(Problem::Missing { field: "type" })?;
    if kind == "error" {
        return Err(Problem::Exchange { message: message.error() });
    }
    let event_time = message.time.time("time")?;
    let sequence_num = message.sequence.integer("sequence")?;
    if kind == "ticker" {
        let tick = message.tick(recorded.unless(event_time, "time")?, sequence_num)?;
        return Ok((sequence_num, Content::Ticks(vec![tick])));
    }
    let control = Control { name: kind.to_string(), event_time: recorded.if_any(event_time), heartbeat_counter: None };
    Ok((sequence_num, Content::Control(control)))
}
