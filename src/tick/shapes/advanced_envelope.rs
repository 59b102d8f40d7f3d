//! Coinbase Advanced Trade's envelope, as the exchange sends it, with or without `client_id`.

use serde::Deserialize;

use super::super::field::{Value, quote};
use super::super::{Content, Control, Problem, Tick};
use super::{Body, Fit, Outline, Recorded, Sequence, Shape, from_json};

/// Coinbase Advanced Trade's envelope.
pub static SHAPE: Shape = Shape {
    name: "advanced-envelope",
    what: "Coinbase Advanced Trade as on the wire",
    told_by: "`channel` and `events`",
    event_time: "`timestamp`",
    sequence: Sequence::Connection,
    fit,
    read,
};

/// The channels whose events hold tickers.
const TICKER_CHANNELS: [&str; 2] = ["ticker", "ticker_batch"];

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    channel: Value<'a>,
    #[serde(borrow, default)]
    timestamp: Value<'a>,
    #[serde(borrow, default)]
    sequence_num: Value<'a>,
    #[serde(borrow, default)]
    events: Vec<Event<'a>>,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, default)]
    tickers: Vec<Ticker<'a>>,
    #[serde(borrow, default)]
    heartbeat_counter: Value<'a>,
}

/// One ticker of an event.
#[derive(Deserialize)]
struct Ticker<'a> {
    #[serde(borrow, default)]
    product_id: Value<'a>,
    #[serde(borrow, default)]
    price: Value<'a>,
    #[serde(borrow, default)]
    volume_24_h: Value<'a>,
    #[serde(borrow, default)]
    low_24_h: Value<'a>,
    #[serde(borrow, default)]
    high_24_h: Value<'a>,
    #[serde(borrow, default)]
    low_52_w: Value<'a>,
    #[serde(borrow, default)]
    high_52_w: Value<'a>,
    #[serde(borrow, default)]
    price_percent_chg_24_h: Value<'a>,
    #[serde(borrow, default)]
    best_bid: Value<'a>,
    #[serde(borrow, default)]
    best_bid_quantity: Value<'a>,
    #[serde(borrow, default)]
    best_ask: Value<'a>,
    #[serde(borrow, default)]
    best_ask_quantity: Value<'a>,
}

impl Ticker<'_> {
    /// Returns the ticker as a tick with this time and number.
    fn tick(&self, event_time: i64, sequence_num: Option<i64>) -> Result<Tick, Problem> {
        let (best_bid, best_ask) = quote(&self.best_bid, &self.best_ask)?;
        let product_id = self.product_id.product("product_id")?;
        Ok(Tick {
            price: Some(self.price.price("price")?),
            best_bid_quantity: self.best_bid_quantity.amount("best_bid_quantity")?,
            best_ask_quantity: self.best_ask_quantity.amount("best_ask_quantity")?,
            volume_24_h: self.volume_24_h.amount("volume_24_h")?,
            low_24_h: self.low_24_h.amount("low_24_h")?,
            high_24_h: self.high_24_h.amount("high_24_h")?,
            low_52_w: self.low_52_w.amount("low_52_w")?,
            high_52_w: self.high_52_w.amount("high_52_w")?,
            price_percent_chg_24_h: self.price_percent_chg_24_h.number("price_percent_chg_24_h")?,
            sequence_num,
            ..Tick::quote(product_id, event_time, best_bid, best_ask)
        })
    }
}

fn fit(outline: &Outline<'_>) -> Option<Fit> {
    match (outline.has("channel"), outline.has("events")) {
        (true, true) => Some(Fit::Whole),
        (false, false) => None,
        _ => Some(Fit::Doubtful),
    }
}

/// Reads an envelope: every ticker of every event, or a control message if the channel carries no tickers.
fn read(text: &str, recorded: &Recorded) -> Result<Body, Problem> {
    let envelope: Envelope = from_json(text)?;
    let channel = envelope.channel.text("channel")?.ok_or(Problem::Missing { field: "channel" })?;
    let event_time = envelope.timestamp.time("timestamp")?;
    let sequence_num = envelope.sequence_num.integer("sequence_num")?;
    if TICKER_CHANNELS.contains(&channel) {
        let event_time = recorded.unless(event_time, "timestamp")?;
        let tickers = envelope.events.iter().flat_map(|event| &event.tickers);
        let ticks = tickers.map(|ticker| ticker.tick(event_time, sequence_num)).collect::<Result<Vec<_>, _>>()?;
        if ticks.is_empty() {
            return Err(Problem::Missing { field: "tickers" });
        }
        return Ok((sequence_num, Content::Ticks(ticks)));
    }
    let mut heartbeat_counter = None;
    for event in &envelope.events {
        heartbeat_counter = event.heartbeat_counter.integer("heartbeat_counter")?.or(heartbeat_counter);
    }
    let control = Control { name: channel.to_string(), event_time: recorded.if_any(event_time), heartbeat_counter };
    Ok((sequence_num, Content::Control(control)))
}
