//! Binance's `bookTicker`: only quotes, without a price. A stream's message nests it under `data`.

use serde::Deserialize;

use super::super::field::{Value, quote};
use super::super::{Content, Problem, Tick};
use super::{Body, Fit, Outline, Recorded, Sequence, Shape, from_json};

/// Binance's `bookTicker`.
pub static SHAPE: Shape = Shape {
    name: "binance-bookticker",
    what: "Binance's `bookTicker` as on the wire",
    told_by: "`s`, `b` and `a`",
    event_time: "the recorder's: the message has none",
    sequence: Sequence::Product,
    fit,
    read,
};

/// The names are Binance's: update id, symbol, bid price and quantity, ask price and quantity.
#[derive(Deserialize)]
struct BookTicker<'a> {
    #[serde(borrow, default, rename = "u")]
    update_id: Value<'a>,
    #[serde(borrow, default, rename = "s")]
    symbol: Value<'a>,
    #[serde(borrow, default, rename = "b")]
    best_bid: Value<'a>,
    #[serde(borrow, default, rename = "B")]
    best_bid_quantity: Value<'a>,
    #[serde(borrow, default, rename = "a")]
    best_ask: Value<'a>,
    #[serde(borrow, default, rename = "A")]
    best_ask_quantity: Value<'a>,
}

fn fit(outline: &Outline<'_>) -> Option<Fit> {
    match (outline.has("s"), outline.has("b") && outline.has("a"), outline.has("u")) {
        (true, true, _) => Some(Fit::Whole),
        (true, false, true) => Some(Fit::Doubtful),
        _ => None,
    }
}

/// Reads a message of the spot market. It carries no time, so the recorder's time is required.
fn read(text: &str, recorded: &Recorded) -> Result<Body, Problem> {
    let data: BookTicker = from_json(text)?;
    let (best_bid, best_ask) = quote(&data.best_bid, &data.best_ask)?;
    let sequence_num = data.update_id.integer("u")?;
    let (product_id, event_time) = (data.symbol.product("s")?, recorded.unless(None, "recorder's time")?);
    let tick = Tick {
        best_bid_quantity: data.best_bid_quantity.amount("B")?,
        best_ask_quantity: data.best_ask_quantity.amount("A")?,
        sequence_num,
        ..Tick::quote(product_id, event_time, best_bid, best_ask)
    };
    Ok((sequence_num, Content::Ticks(vec![tick])))
}
