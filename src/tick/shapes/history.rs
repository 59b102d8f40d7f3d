//! A row of a table of history, as `squall replay` writes it into a log: the row's cells under names that mean the same for every table.
//!
//! In: `{"history":"tardis-quotes","product_id":"BTCUSDT","time":"…","bid":"…","ask":"…",…}`. The cells are texts as they stand in
//! the table. Out: a tick. A row of trades has no quote: best bid and best ask are then the trade's price. An `id` that is not a number
//! becomes a negative number, so that rows that differ only in it are different ticks.

use super::super::field::Value;
use super::super::json::Object;
use super::super::problem::Fault;
use super::super::time::PLAUSIBLE;
use super::super::{Problem, Side, Tick, field};
use super::{Body, Fit, Recorded, Sequence, Shape, Sink};
use crate::text::{fnv1a, printable};

/// A row of a table of history.
pub static SHAPE: Shape = Shape {
    name: "history",
    what: "a row of a table that `replay` read (docs/history.md)",
    told_by: "`history`, and `product_id` or `row`",
    event_time: "`time`, or `time_ns`",
    sequence: Sequence::None,
    fit,
    read,
};

/// What is wrong with a row has no more characters than this.
const LONGEST_REASON: usize = 400;

fn fit(object: Object<'_>) -> Option<Fit> {
    let is_row = object.has("product_id") || object.has("row");
    (matches!(object.peek("history"), Value::Text(_)) && is_row).then_some(Fit::Whole)
}

fn read(row: Object<'_>, recorded: &Recorded, ticks: &mut dyn Sink) -> Result<Body, Problem> {
    if row.has("row") {
        let text = |key| row.value(key).text(key).ok().flatten().map(|text| printable(&text, LONGEST_REASON));
        let line = row.value("line").integer("line")?.unwrap_or_default();
        let (file, reason) = (text("file").unwrap_or_default(), text("problem").unwrap_or_default());
        return Err(Problem::Row { file, line, reason });
    }
    let product_id = row.value("product_id").product("product_id")?;
    let price = match row.value("price") {
        Value::Absent | Value::Text("") => None,
        value => Some(value.price("price")?),
    };
    let (best_bid, best_ask) = if row.has("bid") || row.has("ask") {
        (row.value("bid").price("bid")?, row.value("ask").price("ask")?)
    } else {
        let price = price.ok_or(Problem::Missing { field: "price" })?;
        (price, price)
    };
    field::quote(best_bid, best_ask)?;
    let sequence_num = row.value("sequence").integer("sequence")?;
    ticks.push(&Tick {
        price,
        best_bid_quantity: row.value("bid_size").amount("bid_size")?,
        best_ask_quantity: row.value("ask_size").amount("ask_size")?,
        side: side(row.value("side"))?,
        last_size: row.value("size").amount("size")?,
        sequence_num: match sequence_num {
            None => number_of(row.value("id"))?,
            number => number,
        },
        ..Tick::quote(&*product_id, time(row, recorded)?, best_bid, best_ask)
    });
    Ok(Body { sequence_num, control: None })
}

/// Returns the number that stands for a text that identifies a row; absent is `None`.
///
/// It is negative, so that it is not mistaken for an exchange's number, and has 52 bits, so that a double holds it. Rows have the same
/// identity only if their time and values are the same too.
fn number_of(id: Value<'_>) -> Result<Option<i64>, Problem> {
    let id = id.text("id")?;
    Ok(id.map(|id| -1 - (fnv1a(id.as_bytes()) >> 12).cast_signed()))
}

/// Returns the row's time. If the table's map names its unit, the time counts nanoseconds and is not told by its size.
fn time(row: Object<'_>, recorded: &Recorded) -> Result<i64, Problem> {
    let value = row.value("time_ns");
    match value.integer("time_ns")? {
        Some(time) if PLAUSIBLE.contains(&time) => Ok(time),
        Some(_) => Err(value.wrong("time", Fault::NotPlausible)),
        None => recorded.unless(row.value("time").time("time")?, "time"),
    }
}

/// Returns the taker's side; tardis.dev writes `unknown` if the exchange does not say it.
fn side(value: Value<'_>) -> Result<Option<Side>, Problem> {
    match value {
        Value::Text("unknown") => Ok(None),
        value => value.side("side"),
    }
}
