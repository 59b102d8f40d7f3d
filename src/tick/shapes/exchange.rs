//! Coinbase Exchange's `ticker`: one message per match. Its messages of other types are control messages.

use super::super::field::Value;
use super::super::json::Object;
use super::super::{Control, Problem};
use super::ticker::{Field, Names, Ticker};
use super::{Body, Fit, Recorded, Sequence, Shape, Sink};

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

static NAMES: Names = Names::new(&[
    ("type", Field::Kind),
    ("sequence", Field::SequenceNum),
    ("product_id", Field::ProductId),
    ("price", Field::Price),
    ("volume_24h", Field::Volume24H),
    ("low_24h", Field::Low24H),
    ("high_24h", Field::High24H),
    ("best_bid", Field::BestBid),
    ("best_bid_size", Field::BestBidQuantity),
    ("best_ask", Field::BestAsk),
    ("best_ask_size", Field::BestAskQuantity),
    ("side", Field::Side),
    ("time", Field::EventTime),
    ("last_size", Field::LastSize),
]);

/// Every message of another type than `ticker` and `error` has one of these keys.
const OWN_KEYS: [&str; 5] = ["product_id", "product_ids", "channels", "products", "sequence"];

/// The exchange calls its time `time`. So a `type` beside another clock is a recorder's copy.
fn fit(object: Object<'_>) -> Option<Fit> {
    if !object.has("type") || object.has("timestamp") {
        return None;
    }
    if object.has("best_bid") && (object.has("sequence") || object.has("time")) {
        return Some(Fit::Whole);
    }
    // This rules out an envelope, which has a `type` of its own, and messages of other exchanges with a `type`.
    let is_own = OWN_KEYS.into_iter().any(|key| object.has(key)) || object.peek("type") == Value::Text("error");
    (is_own && !object.has("channel") && !object.has("events")).then_some(Fit::Doubtful)
}

/// Reads a message: a ticker, or a control message of any other type.
fn read(object: Object<'_>, recorded: &Recorded, ticks: &mut dyn Sink) -> Result<Body, Problem> {
    let ticker = Ticker::collect(object, &NAMES)?;
    let kind = ticker.value(Field::Kind).text("type")?.ok_or(Problem::Missing { field: "type" })?;
    if kind == "error" {
        return Err(Problem::exchange(&error(object)));
    }
    let event_time = ticker.event_time()?;
    let sequence_num = ticker.sequence_num()?;
    if kind == "ticker" {
        ticker.tick(recorded.unless(event_time, "time")?, sequence_num, |tick| ticks.push(&tick))?;
        return Ok(Body { sequence_num, control: None });
    }
    Ok(Body { sequence_num, control: Some(Control::new(&kind, recorded.if_any(event_time))) })
}

/// Returns an error's text, with the reason if there is one.
fn error(object: Object<'_>) -> String {
    let text = |name| object.value(name).text(name).ok().flatten();
    let parts: Vec<_> = [text("message"), text("reason")].into_iter().flatten().collect();
    parts.join(": ")
}
