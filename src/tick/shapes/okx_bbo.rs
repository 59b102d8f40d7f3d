//! OKX's messages (v5). `bbo-tbt` is a whole quote; other channels hold no ticks.
//!
//! Source: <https://www.okx.com/docs-v5/en/#order-book-trading-market-data-ws-order-book-channel>, read in November 2026. The channel
//! sends one level of each side, tick by tick, always both. `seqId` rises, and may start again lower after maintenance. The
//! exchange answers the text `ping` with the text `pong`, which is not JSON.

use super::super::field::Value;
use super::super::json::Object;
use super::super::problem::Fault;
use super::super::{Control, Problem, Tick, field};
use super::book::{ASK, BID, best};
use super::{Body, Fit, Message, Recorded, Sequence, Shape, Sink};

/// OKX's `bbo-tbt`.
pub static SHAPE: Shape = Shape {
    name: "okx-bbo",
    what: "OKX's `bbo-tbt` (v5) as on the wire",
    told_by: "`arg` with a `channel`, and `data`; or `event` and `connId`",
    event_time: "`ts`",
    sequence: Sequence::Restarts,
    fit,
    read,
};

/// The channel of whole quotes.
pub const QUOTES: &str = "bbo-tbt";
/// The exchange's answer to `ping`.
const PONG: &str = "pong";

/// Returns whether a text that is not JSON is a message of the exchange.
pub fn is_plain(text: &str) -> bool {
    text == PONG
}

/// Returns the message that is not JSON.
pub fn plain(recorded: &Recorded) -> Message {
    Message { shape: &SHAPE, sequence_num: None, control: Some(Control::new(PONG, recorded.if_any(None))) }
}

fn fit(object: Object<'_>) -> Option<Fit> {
    if matches!(object.peek("event"), Value::Text(_)) {
        let is_own = object.has("connId") || object.nested("arg").is_some_and(|arg| arg.has("channel"));
        return is_own.then_some(Fit::Whole);
    }
    let arg = object.nested("arg")?;
    // Bitget's messages look the same, and name both.
    let is_own = arg.has("channel") && !(arg.has("instType") && arg.has("instId"));
    (is_own && object.has_list("data")).then_some(Fit::Whole)
}

fn read(object: Object<'_>, recorded: &Recorded, ticks: &mut dyn Sink) -> Result<Body, Problem> {
    let control =
        |name: &str| Ok(Body { sequence_num: None, control: Some(Control::new(name, recorded.if_any(None))) });
    if let Some(event) = object.value("event").text("event")? {
        return if event == "error" { Err(Problem::exchange(&error(object))) } else { control(&event) };
    }
    let arg = object.object("arg")?;
    let channel = arg.value("channel").text("channel")?.unwrap_or_default();
    if channel != QUOTES {
        return control(&channel);
    }
    // Whole quotes have no `action`; a channel with one sends changes.
    if object.has("action") {
        return Err(Problem::PartOfABook);
    }
    let product_id = arg.value("instId").product("instId")?;
    let mut sequence_num = None;
    let before = ticks.count();
    for book in object.list("data").ok_or_else(|| object.value("data").wrong("data", Fault::NotAList))? {
        let (best_bid, best_bid_quantity) = best(book, "bids", BID)?;
        let (best_ask, best_ask_quantity) = best(book, "asks", ASK)?;
        field::quote(best_bid, best_ask)?;
        sequence_num = book.value("seqId").integer("seqId")?;
        let event_time = recorded.unless(book.value("ts").time("ts")?, "ts")?;
        ticks.push(&Tick {
            best_bid_quantity: Some(best_bid_quantity),
            best_ask_quantity: Some(best_ask_quantity),
            sequence_num,
            ..Tick::quote(&*product_id, event_time, best_bid, best_ask)
        });
    }
    if ticks.count() == before {
        return Err(Problem::Missing { field: "data" });
    }
    Ok(Body { sequence_num, control: None })
}

/// Returns an error's text, with its code if there is one.
fn error(object: Object<'_>) -> String {
    let text = |name| object.value(name).text(name).ok().flatten();
    match (text("msg"), text("code")) {
        (Some(message), Some(code)) => format!("{message} ({code})"),
        (Some(text), None) | (None, Some(text)) => text.into_owned(),
        (None, None) => String::new(),
    }
}
