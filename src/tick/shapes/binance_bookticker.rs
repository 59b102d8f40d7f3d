//! Binance's `bookTicker`: only quotes, without a price. A stream's message nests it under `data`.

use super::super::json::Object;
use super::super::problem::RECORDERS_TIME;
use super::super::{Problem, Tick, field};
use super::{Body, Fit, Recorded, Sequence, Shape, Sink};

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

fn fit(object: Object<'_>) -> Option<Fit> {
    match (object.has("s"), object.has("b") && object.has("a"), object.has("u")) {
        (true, true, _) => Some(Fit::Whole),
        (true, false, true) => Some(Fit::Doubtful),
        _ => None,
    }
}

/// Reads a message of the spot market. It carries no time, so the recorder's time is required.
///
/// The names are Binance's: update id, symbol, bid price and quantity, ask price and quantity.
fn read(object: Object<'_>, recorded: &Recorded, ticks: &mut dyn Sink) -> Result<Body, Problem> {
    let (best_bid, best_ask) = (object.value("b").price("best_bid")?, object.value("a").price("best_ask")?);
    field::quote(best_bid, best_ask)?;
    let sequence_num = object.value("u").integer("u")?;
    let product_id = object.value("s").product("s")?;
    let event_time = recorded.unless(None, RECORDERS_TIME)?;
    ticks.push(&Tick {
        best_bid_quantity: object.value("B").amount("B")?,
        best_ask_quantity: object.value("A").amount("A")?,
        sequence_num,
        ..Tick::quote(&*product_id, event_time, best_bid, best_ask)
    });
    Ok(Body { sequence_num, control: None })
}
