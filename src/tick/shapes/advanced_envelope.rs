//! Coinbase Advanced Trade's envelope, as the exchange sends it, with or without `client_id`.

use super::super::json::Object;
use super::super::problem::Fault;
use super::super::{Control, Problem};
use super::ticker::{Field, Names, Ticker};
use super::{Body, Fit, Recorded, Sequence, Shape, Sink};

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

/// The channel whose events hold tickers with quotes.
const TICKER: &str = "ticker";
/// The channel whose tickers, as the exchange documents them, have a price and no quote. It is then a channel like any other
/// without quotes; tickers that do have quotes are read.
const TICKER_BATCH: &str = "ticker_batch";

static NAMES: Names =
    Names::new(&[("channel", Field::Kind), ("timestamp", Field::EventTime), ("sequence_num", Field::SequenceNum)]);

/// The names in one ticker of an event. It has neither a time nor a number of its own.
static TICKER_NAMES: Names = Names::new(&[
    ("product_id", Field::ProductId),
    ("price", Field::Price),
    ("volume_24_h", Field::Volume24H),
    ("low_24_h", Field::Low24H),
    ("high_24_h", Field::High24H),
    ("low_52_w", Field::Low52W),
    ("high_52_w", Field::High52W),
    ("price_percent_chg_24_h", Field::PricePercentChg24H),
    ("best_bid", Field::BestBid),
    ("best_bid_quantity", Field::BestBidQuantity),
    ("best_ask", Field::BestAsk),
    ("best_ask_quantity", Field::BestAskQuantity),
]);

fn fit(object: Object<'_>) -> Option<Fit> {
    match (object.has("channel"), object.has("events")) {
        (true, true) => Some(Fit::Whole),
        (false, false) => None,
        // A damaged envelope, and not another exchange's message with a `channel`.
        _ => object.has("sequence_num").then_some(Fit::Doubtful),
    }
}

/// Reads an envelope: every ticker of every event, or a control message if the channel carries no tickers.
fn read(object: Object<'_>, recorded: &Recorded, ticks: &mut dyn Sink) -> Result<Body, Problem> {
    let envelope = Ticker::collect(object, &NAMES)?;
    let channel = envelope.value(Field::Kind).text("channel")?.ok_or(Problem::Missing { field: "channel" })?;
    let event_time = envelope.event_time()?;
    let sequence_num = envelope.sequence_num()?;
    let has_quotes = match &*channel {
        TICKER => true,
        TICKER_BATCH => any_quote(object)?,
        _ => false,
    };
    if !has_quotes {
        let control = Control {
            heartbeat_counter: heartbeat_counter(object)?,
            ..Control::new(&channel, recorded.if_any(event_time))
        };
        return Ok(Body { sequence_num, control: Some(control) });
    }
    let event_time = recorded.unless(event_time, "timestamp")?;
    let mut any = false;
    for event in objects(object, "events")? {
        for ticker in objects(event, "tickers")? {
            any = true;
            Ticker::collect(ticker, &TICKER_NAMES)?.tick(event_time, sequence_num, |tick| ticks.push(&tick))?;
        }
    }
    if !any {
        return Err(Problem::Missing { field: "tickers" });
    }
    Ok(Body { sequence_num, control: None })
}

fn objects<'a>(object: Object<'a>, key: &'static str) -> Result<impl Iterator<Item = Object<'a>>, Problem> {
    object.list(key).ok_or_else(|| object.value(key).wrong(key, Fault::NotAList))
}

/// Returns the objects under a key of a message that may lack them; no object if there is anything else.
fn if_any<'a>(object: Object<'a>, key: &'static str) -> Result<impl Iterator<Item = Object<'a>>, Problem> {
    object.value(key).once(key)?;
    Ok(object.list(key).into_iter().flatten())
}

/// Whether any ticker has a bid or an ask.
fn any_quote(object: Object<'_>) -> Result<bool, Problem> {
    for event in if_any(object, "events")? {
        let mut tickers = if_any(event, "tickers")?;
        if tickers.any(|ticker| ["best_bid", "best_ask"].into_iter().any(|key| !ticker.value(key).is_absent())) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Returns the last counter in a control message's events.
fn heartbeat_counter(object: Object<'_>) -> Result<Option<i64>, Problem> {
    let mut counter = None;
    for event in if_any(object, "events")? {
        counter = event.value("heartbeat_counter").integer("heartbeat_counter")?.or(counter);
    }
    Ok(counter)
}
