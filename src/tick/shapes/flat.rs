//! A ticker's fields in one object, with the names of either Coinbase exchange: a recorder's selection of fields, or the
//! inner ticker of an Advanced Trade envelope. Numbers may be strings.

use super::super::Problem;
use super::super::json::Object;
use super::ticker::{Field, Names, Ticker};
use super::{Body, Fit, Recorded, Sequence, Shape, Sink};

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

/// The exchange's own time is `time`; a recorder may have stored it beside its own.
static NAMES: Names = Names::new(&[
    ("product_id", Field::ProductId),
    ("time", Field::EventTime),
    ("timestamp", Field::EventTime),
    ("ts", Field::EventTime),
    ("sequence_num", Field::SequenceNum),
    ("sequence", Field::SequenceNum),
    ("price", Field::Price),
    ("best_bid", Field::BestBid),
    ("best_bid_quantity", Field::BestBidQuantity),
    ("best_bid_size", Field::BestBidQuantity),
    ("best_ask", Field::BestAsk),
    ("best_ask_quantity", Field::BestAskQuantity),
    ("best_ask_size", Field::BestAskQuantity),
    ("volume_24_h", Field::Volume24H),
    ("volume_24h", Field::Volume24H),
    ("volume", Field::Volume24H),
    ("low_24_h", Field::Low24H),
    ("low_24h", Field::Low24H),
    ("high_24_h", Field::High24H),
    ("high_24h", Field::High24H),
    ("low_52_w", Field::Low52W),
    ("high_52_w", Field::High52W),
    ("price_percent_chg_24_h", Field::PricePercentChg24H),
    ("side", Field::Side),
    ("last_size", Field::LastSize),
]);

fn fit(object: Object<'_>) -> Option<Fit> {
    if !object.has("product_id") {
        return None;
    }
    let has_quote = object.has("best_bid") && object.has("best_ask");
    Some(if has_quote { Fit::Selection } else { Fit::Doubtful })
}

/// Reads a ticker.
fn read(object: Object<'_>, recorded: &Recorded, ticks: &mut dyn Sink) -> Result<Body, Problem> {
    let line = Ticker::collect(object, &NAMES)?;
    let sequence_num = line.sequence_num()?;
    let event_time = recorded.unless(line.event_time()?, "timestamp")?;
    line.tick(event_time, sequence_num, |tick| ticks.push(&tick))?;
    Ok(Body { sequence_num, control: None })
}
