//! A ticker's fields in one object, with the names of either Coinbase exchange: a recorder's selection of fields, or the
//! inner ticker of an Advanced Trade envelope. Numbers may be strings.

use serde::Deserialize;

use super::super::field::{Value, quote};
use super::super::{Content, Problem, Tick};
use super::{Body, Fit, Outline, Recorded, Sequence, Shape, from_json};

/// A ticker's fields in one object.
pub static SHAPE: Shape = Shape {
    name: "flat",
    what: "a recorder's selection of fields, or an envelope's inner ticker",
    told_by: "`product_id`, `best_bid` and `best_ask`",
    event_time: "`time`, else `timestamp`, else `ts`",
    sequence: Sequence::None,
    fit,
    read,
};

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
    low_52_w: Value<'a>,
    #[serde(borrow, default)]
    high_52_w: Value<'a>,
    #[serde(borrow, default)]
    price_percent_chg_24_h: Value<'a>,
    #[serde(borrow, default)]
    side: Value<'a>,
    #[serde(borrow, default)]
    last_size: Value<'a>,
}

fn fit(outline: &Outline<'_>) -> Option<Fit> {
    if !outline.has("product_id") {
        return None;
    }
    let has_quote = outline.has("best_bid") && outline.has("best_ask");
    Some(if has_quote { Fit::Selection } else { Fit::Doubtful })
}

/// Reads a ticker.
fn read(text: &str, recorded: &Recorded) -> Result<Body, Problem> {
    let line: Line = from_json(text)?;
    let (best_bid, best_ask) = quote(&line.best_bid, &line.best_ask)?;
    // The exchange's own time, if a recorder stored it beside its own.
    let event_time = line.time.time("time")?;
    let event_time = event_time.map_or_else(|| line.timestamp.time("timestamp"), |time| Ok(Some(time)))?;
    let event_time = event_time.map_or_else(|| line.ts.time("ts"), |time| Ok(Some(time)))?;
    let sequence_num = line.sequence_num.integer("sequence_num")?;
    let tick = Tick {
        product_id: line.product_id.product("product_id")?,
        event_time: recorded.unless(event_time, "timestamp")?,
        price: Some(line.price.price("price")?),
        best_bid,
        best_bid_quantity: line.best_bid_quantity.amount("best_bid_quantity")?,
        best_ask,
        best_ask_quantity: line.best_ask_quantity.amount("best_ask_quantity")?,
        volume_24_h: line.volume_24_h.amount("volume_24_h")?,
        low_24_h: line.low_24_h.amount("low_24_h")?,
        high_24_h: line.high_24_h.amount("high_24_h")?,
        low_52_w: line.low_52_w.amount("low_52_w")?,
        high_52_w: line.high_52_w.amount("high_52_w")?,
        price_percent_chg_24_h: line.price_percent_chg_24_h.number("price_percent_chg_24_h")?,
        side: line.side.side("side")?,
        last_size: line.last_size.amount("last_size")?,
        sequence_num,
    };
    Ok((sequence_num, Content::Ticks(vec![tick])))
}
