//! Bybit's messages (v5). `orderbook.1` is a whole quote; other topics hold no ticks.
//!
//! Source: <https://bybit-exchange.github.io/docs/v5/websocket/public/orderbook>, read in November 2026. At depth 1, every message
//! is a `snapshot` with both sides; without a change it is sent again after 3 s, with the same `u`. A `delta` leaves out the
//! side that did not change, so it is not a quote. `u` starts again at 1 when the exchange restarts its service. `cts` is the
//! time of the matching engine, `ts` the time at which the message was made.

use super::super::field::Value;
use super::super::json::Object;
use super::super::{Control, Problem, Tick, field};
use super::book::{ASK, BID, best};
use super::{Body, Fit, Recorded, Sequence, Shape, Sink};

/// Bybit's `orderbook.1`.
pub static SHAPE: Shape = Shape {
    name: "bybit-orderbook",
    what: "Bybit's `orderbook.1` (v5) as on the wire",
    told_by: "`topic` and `data`, or `op` and `ret_msg`",
    event_time: "`cts`, else `ts`",
    sequence: Sequence::Restarts,
    fit,
    read,
};

/// The topic of whole quotes, up to the product.
pub const QUOTES: &str = "orderbook.1.";
/// How the other public topics begin. Other exchanges have topics too.
const OTHERS: [&str; 7] =
    ["orderbook.", "publicTrade.", "tickers.", "kline.", "liquidation.", "allLiquidation.", "priceLimit."];

fn fit(object: Object<'_>) -> Option<Fit> {
    if let Value::Text(topic) = object.peek("topic") {
        let is_known = OTHERS.iter().any(|other| topic.starts_with(other));
        return (is_known && object.has("data") && object.has("ts")).then_some(Fit::Whole);
    }
    let is_answer = object.has("ret_msg") || object.has("conn_id");
    (matches!(object.peek("op"), Value::Text(_)) && is_answer).then_some(Fit::Whole)
}

fn read(object: Object<'_>, recorded: &Recorded, ticks: &mut dyn Sink) -> Result<Body, Problem> {
    let Some(topic) = object.value("topic").text("topic")? else {
        if object.value("success").once("success")? == Value::Other("false") {
            let message = object.value("ret_msg").text("ret_msg")?.unwrap_or_default();
            return Err(Problem::exchange(&message));
        }
        let name = object.value("op").text("op")?.unwrap_or_default();
        return Ok(Body { sequence_num: None, control: Some(Control::new(&name, recorded.if_any(None))) });
    };
    let sent = object.value("ts").time("ts")?;
    if !topic.starts_with(QUOTES) {
        // The product is not part of the name, so that few names are counted.
        let name = topic.rsplit_once('.').map_or(&*topic, |(name, _)| name);
        return Ok(Body { sequence_num: None, control: Some(Control::new(name, recorded.if_any(sent))) });
    }
    if object.value("type").once("type")? != Value::Text("snapshot") {
        return Err(Problem::PartOfABook);
    }
    let book = object.object("data")?;
    let (best_bid, best_bid_quantity) = best(book, "b", BID)?;
    let (best_ask, best_ask_quantity) = best(book, "a", ASK)?;
    field::quote(best_bid, best_ask)?;
    let sequence_num = book.value("u").integer("u")?;
    let product_id = book.value("s").product("s")?;
    let event_time = recorded.unless(object.value("cts").time("cts")?.or(sent), "ts")?;
    ticks.push(&Tick {
        best_bid_quantity: Some(best_bid_quantity),
        best_ask_quantity: Some(best_ask_quantity),
        sequence_num,
        ..Tick::quote(&*product_id, event_time, best_bid, best_ask)
    });
    Ok(Body { sequence_num, control: None })
}
