//! A recorder's nanoseconds, a space, and a message of Binance's `bookTicker` stream: quotes only, so no price.

use serde::Deserialize;

use super::super::field::{Value, quote};
use super::super::{Content, Parsed, Problem, Tick};
use super::{Shape, from_json};

#[derive(Deserialize)]
struct Stream<'a> {
    #[serde(borrow)]
    data: BookTicker<'a>,
}

/// Field names are Binance's: update id, symbol, bid price and quantity, ask price and quantity.
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

/// Reads a line; spot `bookTicker` messages carry no time of their own, so the recorder's must stand before them.
pub(super) fn read(text: &str) -> Result<Parsed, Problem> {
    let Some((time, json)) = text.split_once(' ').filter(|_| !text.starts_with('{')) else {
        // A number alone is what is left of a line cut off before its message.
        return Err(if text.starts_with('{') {
            Problem::Missing { field: "recorder's time" }
        } else {
            Problem::Truncated { bytes: text.len() }
        });
    };
    let not_a_time = || Problem::NotATime { field: "recorder's time", value: format!("`{}`", &time) };
    let event_time = time.parse::<i64>().map_err(|_| not_a_time())?;
    let Stream { data } = from_json(json)?;
    let (best_bid, best_ask) = quote(&data.best_bid, &data.best_ask)?;
    let sequence_num = data.update_id.integer("u")?;
    let tick = Tick {
        product_id: data.symbol.product("s")?,
        event_time,
        price: None,
        best_bid,
        best_bid_quantity: data.best_bid_quantity.amount("B")?,
        best_ask,
        best_ask_quantity: data.best_ask_quantity.amount("A")?,
        volume_24_h: None,
        low_24_h: None,
        high_24_h: None,
        low_52_w: None,
        high_52_w: None,
        price_percent_chg_24_h: None,
        side: None,
        last_size: None,
        sequence_num,
    };
    Ok(Parsed { shape: Shape::BinanceBookTicker, sequence_num, content: Content::Ticks(vec![tick]) })
}
