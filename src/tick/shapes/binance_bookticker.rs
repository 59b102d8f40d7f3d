//! Binance's messages. A `bookTicker` is a quote without a price; every other event is a control message.
//!
//! Sources: <https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams> and the market streams in
//! <https://developers.binance.com/docs/derivatives>. The one-letter keys have another meaning in each event: `b` and `a` are
//! prices in `bookTicker`, order ids in `trade`, lists in `depthUpdate`. So they are read only if the event is the one meant.
//! The event type `e` and the name of the stream around the message say so. The spot market's `bookTicker` has no type; alone, it
//! is told by its keys. Gate.io's `book_ticker` has the same keys and a time `t`, which none of Binance's quotes has.

use std::borrow::Cow;

use super::super::field::Value;
use super::super::json::Object;
use super::super::problem::RECORDERS_TIME;
use super::super::{Control, Problem, Tick, field};
use super::{Body, Fit, Message, Recorded, Sequence, Shape, Sink};

/// Binance's `bookTicker`.
pub static SHAPE: Shape = Shape {
    name: "binance-bookticker",
    what: "Binance's `bookTicker` as on the wire",
    told_by: "`s`, `b` and `a`, of no other type or stream than `bookTicker`",
    event_time: "`E`, else the recorder's",
    sequence: Sequence::Product,
    fit,
    read,
};

const QUOTES: &str = "bookTicker";

fn fit(object: Object<'_>) -> Option<Fit> {
    // A combined stream names the stream beside its data.
    if stream(object).is_some() {
        return Some(Fit::Whole);
    }
    let has_type = object.has("e") && (object.has("E") || object.has("s"));
    let is_quote = ["s", "b", "a"].into_iter().all(|key| object.has(key))
        // A trade or an order book without its type, or another exchange's quote.
        && !["p", "q", "t"].into_iter().any(|key| object.has(key))
        && !["b", "a"].into_iter().any(|key| object.has_list(key));
    let is_book = object.has("lastUpdateId") && object.has_list("bids");
    if has_type || is_quote || is_book {
        return Some(Fit::Whole);
    }
    // The list of streams, for which the client asks to keep the connection, is an answer too.
    let is_acknowledgement = object.has("id")
        && !object.has("jsonrpc")
        && object.has("result")
        && (object.peek("result").is_absent() || object.has_list("result"));
    (is_acknowledgement || refusal(object).is_some() || object.has("s") && object.has("u") && !object.has("b"))
        .then_some(Fit::Doubtful)
}

/// Returns what a combined stream's name says about its messages: `trade` of `btcusdt@trade`, `ticker@arr` of `!ticker@arr`.
///
/// A recorder's line may have a `stream` too. It is Binance's if its name has this form and the message stands beside it as it
/// is, and not as a text.
fn stream(object: Object<'_>) -> Option<Cow<'_, str>> {
    let name = object.peek("stream").text("stream").ok().flatten()?;
    if !object.has_values("data") {
        return None;
    }
    let start = name.find('@').filter(|_| !name.starts_with('!')).or(name.strip_prefix('!').map(|_| 0))? + 1;
    Some(match name {
        Cow::Borrowed(name) => Cow::Borrowed(&name[start..]),
        Cow::Owned(name) => Cow::Owned(name[start..].to_string()),
    })
}

/// Returns the object that says what was wrong with a request: `{"error":{"code":2,"msg":"…"},"id":1}`, or in its older form
/// `{"code":2,"msg":"…"}`.
fn refusal(object: Object<'_>) -> Option<Object<'_>> {
    let older = || object.members().all(|member| ["code", "msg", "id"].into_iter().any(|key| member.is(key)));
    let refusal = object.nested("error").or_else(|| older().then_some(object))?;
    let says_why = matches!(refusal.peek("code"), Value::Number(_))
        && matches!(refusal.peek("msg"), Value::Text(_) | Value::Escaped(_));
    says_why.then_some(refusal)
}

/// Returns the message that a list is, as a stream of all symbols sends it outside a combined stream; `None` if it is another list.
pub fn list(list: Object<'_>, recorded: &Recorded) -> Option<Message> {
    let first = list.objects()?.next()?;
    let name = first.peek("e").text("e").ok().flatten().filter(|name| name != QUOTES)?;
    let event_time = first.value("E").time("E").ok()?;
    if !list.objects()?.all(|event| event.has("E") && event.peek("e") == first.peek("e")) {
        return None;
    }
    let control = Control::new(&name, recorded.if_any(event_time));
    Some(Message { shape: &SHAPE, sequence_num: None, control: Some(control) })
}

/// Reads a message, alone or in a combined stream. On the spot market it carries no time, so there the recorder's is needed.
fn read(object: Object<'_>, recorded: &Recorded, ticks: &mut dyn Sink) -> Result<Body, Problem> {
    let stream = stream(object);
    let data = if stream.is_some() {
        for key in ["stream", "data"] {
            object.value(key).once(key)?;
        }
        // A stream of many symbols has a list.
        object.nested("data")
    } else {
        Some(object)
    };
    let kind = match data {
        Some(data) => data.value("e").text("e")?,
        None => None,
    };
    let may_be_quote = |name: &Option<Cow<'_, str>>| name.as_ref().is_none_or(|name| name.eq_ignore_ascii_case(QUOTES));
    let is_known = kind.is_some() || stream.is_some() || object.has("s");
    match data {
        Some(data) if is_known && may_be_quote(&stream) && may_be_quote(&kind) => quote(data, recorded, ticks),
        _ => {
            if let Some(refusal) = refusal(object) {
                return Err(Problem::exchange(&refusal.value("msg").text("msg")?.unwrap_or_default()));
            }
            let event_time = data.map_or(Ok(None), |data| data.value("E").time("E"))?;
            let name = kind.or(stream).unwrap_or(Cow::Borrowed(if object.has("result") { "result" } else { "depth" }));
            let control = Control::new(&name, recorded.if_any(event_time));
            Ok(Body { sequence_num: None, control: Some(control) })
        }
    }
}

/// Reads a quote. The names are Binance's: update id, symbol, bid price and quantity, ask price and quantity, event time.
fn quote(data: Object<'_>, recorded: &Recorded, ticks: &mut dyn Sink) -> Result<Body, Problem> {
    let (best_bid, best_ask) = (data.value("b").price("best_bid")?, data.value("a").price("best_ask")?);
    field::quote(best_bid, best_ask)?;
    let sequence_num = data.value("u").integer("u")?;
    let product_id = data.value("s").product("s")?;
    let event_time = recorded.unless(data.value("E").time("E")?, RECORDERS_TIME)?;
    ticks.push(&Tick {
        best_bid_quantity: data.value("B").amount("B")?,
        best_ask_quantity: data.value("A").amount("A")?,
        sequence_num,
        ..Tick::quote(&*product_id, event_time, best_bid, best_ask)
    });
    Ok(Body { sequence_num, control: None })
}
