//! Kraken's messages (WebSocket v2). Its `ticker` is a whole quote with the last price; other channels hold no ticks.
//!
//! Source: <https://docs.kraken.com/exchange/api-reference/spot-websocket-v2/ticker>, read in November 2026. A snapshot and an
//! update have the same fields, all of them each time. `timestamp` was added in 2025; older messages have no time.

use super::super::field::Value;
use super::super::json::Object;
use super::super::problem::{Fault, RECORDERS_TIME};
use super::super::{Control, Problem, Tick, field};
use super::{Body, Fit, Recorded, Sequence, Shape, Sink};

/// Kraken's `ticker`.
pub static SHAPE: Shape = Shape {
    name: "kraken-ticker",
    what: "Kraken's `ticker` (WebSocket v2) as on the wire",
    told_by: "`channel` and a list `data`, or `method` and `success`",
    event_time: "`timestamp` of each ticker, else the recorder's",
    sequence: Sequence::None,
    fit,
    read,
};

const TICKER: &str = "ticker";
/// The other public channels. Another exchange's channel has another name, or its data are not a list.
const OTHERS: [&str; 7] = ["book", "level3", "trade", "ohlc", "instrument", "status", "heartbeat"];

fn fit(object: Object<'_>) -> Option<Fit> {
    if let Value::Text(channel) = object.peek("channel") {
        if object.has("sequence_num") || object.has("events") || object.has("market") {
            return None;
        }
        let is_heartbeat = channel == "heartbeat" && !object.has("data");
        let is_known = channel == TICKER || OTHERS.contains(&channel);
        return (is_heartbeat || is_known && object.has_list("data") && object.has("type")).then_some(Fit::Whole);
    }
    let method = matches!(object.peek("method"), Value::Text(_)) && !object.has("jsonrpc");
    // Answers to requests say when the request came and when the answer went.
    (method && object.has("time_in") && (object.has("success") || object.has("req_id") || object.has("time_out")))
        .then_some(Fit::Whole)
}

fn read(object: Object<'_>, recorded: &Recorded, ticks: &mut dyn Sink) -> Result<Body, Problem> {
    let control =
        |name: &str| Ok(Body { sequence_num: None, control: Some(Control::new(name, recorded.if_any(None))) });
    let Some(channel) = object.value("channel").text("channel")? else {
        if let Some(error) = object.value("error").text("error")? {
            return Err(Problem::exchange(&error));
        }
        return control(&object.value("method").text("method")?.unwrap_or_default());
    };
    if channel != TICKER {
        return control(&channel);
    }
    let tickers = object.list("data").ok_or_else(|| object.value("data").wrong("data", Fault::NotAList))?;
    let before = ticks.count();
    for ticker in tickers {
        tick(ticker, recorded, ticks)?;
    }
    if ticks.count() == before {
        return Err(Problem::Missing { field: "data" });
    }
    Ok(Body { sequence_num: None, control: None })
}

fn tick(ticker: Object<'_>, recorded: &Recorded, ticks: &mut dyn Sink) -> Result<(), Problem> {
    let (best_bid, best_ask) = (ticker.value("bid").price("bid")?, ticker.value("ask").price("ask")?);
    field::quote(best_bid, best_ask)?;
    let product_id = ticker.value("symbol").product("symbol")?;
    let event_time = recorded.unless(ticker.value("timestamp").time("timestamp")?, RECORDERS_TIME)?;
    // Only there if the product was traded within a day; Kraken then writes 0 or leaves it out.
    let price = ticker.value("last").amount("last")?.filter(|last| *last > 0.0);
    ticks.push(&Tick {
        price,
        best_bid_quantity: ticker.value("bid_qty").amount("bid_qty")?,
        best_ask_quantity: ticker.value("ask_qty").amount("ask_qty")?,
        volume_24_h: ticker.value("volume").amount("volume")?,
        low_24_h: ticker.value("low").amount("low")?,
        high_24_h: ticker.value("high").amount("high")?,
        price_percent_chg_24_h: ticker.value("change_pct").number("change_pct")?,
        ..Tick::quote(&*product_id, event_time, best_bid, best_ask)
    });
    Ok(())
}
