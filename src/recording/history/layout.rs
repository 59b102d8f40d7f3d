//! Where the columns of a table are, and the message that a row becomes.
//!
//! In: a row's cells. Out: one JSON message of the shape `history`, which holds the cells as they stand, or the row itself if it
//! cannot be read: landing puts that into the dead letters.

use std::borrow::Cow;
use std::io;

use crate::tick::PLAUSIBLE;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    Product,
    Time,
    Bid,
    BidSize,
    Ask,
    AskSize,
    /// Of the last trade.
    Price,
    /// Of the last trade.
    Size,
    /// The taker's side: `buy` or `sell`.
    Side,
    /// Whether the buyer was the maker, so that the taker sold: `true` or `false`.
    BuyerIsMaker,
    /// A number of the row; a text that is not a number is kept and means nothing.
    Sequence,
    Exchange,
}

impl Key {
    /// Returns the name under which a message has the cell.
    fn name(self) -> &'static str {
        match self {
            Key::Product => "product_id",
            Key::Time => "time",
            Key::Bid => "bid",
            Key::BidSize => "bid_size",
            Key::Ask => "ask",
            Key::AskSize => "ask_size",
            Key::Price => "price",
            Key::Size => "size",
            Key::Side | Key::BuyerIsMaker => "side",
            Key::Sequence => "sequence",
            Key::Exchange => "exchange",
        }
    }
}

/// The unit of a table's times: how many decimals of a second it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
pub enum Unit {
    #[serde(rename = "s")]
    Seconds,
    #[serde(rename = "ms")]
    Milliseconds,
    #[serde(rename = "us", alias = "µs")]
    Microseconds,
    #[serde(rename = "ns")]
    Nanoseconds,
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Unit::Seconds => "seconds",
            Unit::Milliseconds => "milliseconds",
            Unit::Microseconds => "microseconds",
            Unit::Nanoseconds => "nanoseconds",
        }
    }

    /// Returns how many decimals a number of the unit has more in nanoseconds.
    fn places(self) -> usize {
        match self {
            Unit::Seconds => 9,
            Unit::Milliseconds => 6,
            Unit::Microseconds => 3,
            Unit::Nanoseconds => 0,
        }
    }
}

/// Where the columns of one table are.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    /// The name of the format, which each message has.
    pub name: String,
    /// What is read of a row: the cells' numbers, from 0.
    pub cells: Vec<(Key, usize)>,
    /// How many cells a row has; `None` if rows may differ.
    pub width: Option<usize>,
    /// The product, if no column holds it.
    pub product: Option<String>,
    /// The unit of times; `None` if it is told by their size, as everywhere else.
    pub time_unit: Option<Unit>,
    /// The name of the column that holds times, if a map names it.
    pub time_column: Option<String>,
    /// How many decimals prices have that are written as whole numbers.
    pub price_decimals: Option<usize>,
}

/// What databento writes for a price that is not defined.
const UNDEFINED_PRICE: &str = "9223372036854775807";

impl Layout {
    /// Returns whether a cell is read.
    pub fn reads(&self, at: usize) -> bool {
        self.cells.iter().any(|(_, read)| *read == at)
    }

    /// Returns whether rows hold trades and no quotes.
    pub fn is_trades(&self) -> bool {
        !self.cells.iter().any(|(key, _)| matches!(key, Key::Bid | Key::Ask))
    }

    /// Appends a row's message and a line end; the row has `count` cells, and `cell` returns one of them.
    ///
    /// # Errors
    /// What is wrong with the row; then nothing is appended.
    pub fn write<'c>(
        &self,
        count: usize,
        cell: impl Fn(usize) -> Option<&'c str>,
        out: &mut Vec<u8>,
    ) -> Result<(), String> {
        if let Some(width) = self.width
            && count != width
        {
            return Err(format!("it has {count} cells instead of {width}"));
        }
        if self.cells.iter().any(|(_, at)| *at >= count) {
            return Err(format!("it has only {count} cells"));
        }
        let start = out.len();
        let written = self.members(cell, out);
        if written.is_err() {
            out.truncate(start);
        }
        written
    }

    fn members<'c>(&self, cell: impl Fn(usize) -> Option<&'c str>, out: &mut Vec<u8>) -> Result<(), String> {
        out.extend_from_slice(b"{\"history\":");
        push(out, &self.name);
        if let Some(product) = &self.product {
            member(out, "product_id", Some(product));
        }
        for &(key, at) in &self.cells {
            let Some(cell) = cell(at).map(str::trim).filter(|cell| !cell.is_empty()) else {
                member(out, key.name(), None);
                continue;
            };
            match key {
                Key::Time => match self.time_unit {
                    Some(unit) => member(out, "time_ns", Some(&self.nanoseconds(cell, unit)?)),
                    None => member(out, key.name(), Some(cell)),
                },
                Key::Bid | Key::Ask | Key::Price => match self.price_decimals {
                    Some(_) if cell == UNDEFINED_PRICE => member(out, key.name(), None),
                    Some(decimals) => member(out, key.name(), Some(&whole(key.name(), cell, decimals)?)),
                    None => member(out, key.name(), Some(cell)),
                },
                Key::BuyerIsMaker => {
                    let side = match cell {
                        "true" | "True" | "TRUE" => "sell",
                        "false" | "False" | "FALSE" => "buy",
                        other => other,
                    };
                    member(out, key.name(), Some(side));
                }
                Key::Sequence if cell.parse::<i64>().is_err() => member(out, "id", Some(cell)),
                key => member(out, key.name(), Some(cell)),
            }
        }
        out.extend_from_slice(b"}\n");
        Ok(())
    }

    /// Returns a time of a unit in nanoseconds.
    fn nanoseconds(&self, cell: &str, unit: Unit) -> Result<String, String> {
        let wrong =
            |why: &str| format!("{} is `{cell}`, which is {why}", self.time_column.as_deref().unwrap_or("time"));
        let time = shifted_left(&without_exponent(cell), unit.places());
        let time = time.ok_or_else(|| wrong("not a number of the map's unit"))?;
        match time.parse() {
            Ok(nanoseconds) if PLAUSIBLE.contains(&nanoseconds) => Ok(time),
            _ => Err(wrong(&format!("not a time between the years 2009 and 2100 in {}", unit.name()))),
        }
    }

    /// Appends the message that stands for a row that cannot be read.
    pub fn refuse(&self, file: &str, line: u64, reason: &str, row: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"history\":");
        push(out, &self.name);
        member(out, "file", Some(file));
        out.extend_from_slice(format!(",\"line\":{line}").as_bytes());
        member(out, "problem", Some(reason));
        member(out, "row", Some(&String::from_utf8_lossy(row)));
        out.extend_from_slice(b"}\n");
    }
}

fn member(out: &mut Vec<u8>, name: &str, text: Option<&str>) {
    out.push(b',');
    push(out, name);
    out.push(b':');
    match text {
        Some(text) => push(out, text),
        None => out.extend_from_slice(b"null"),
    }
}

/// Appends a text as JSON.
fn push(out: &mut Vec<u8>, text: &str) {
    // Writing to memory cannot fail.
    let _: Result<(), io::Error> = serde_json::to_writer(out, text).map_err(io::Error::from);
}

/// Returns a whole number that counts the `decimals`th decimal as a decimal number.
fn whole(name: &str, cell: &str, decimals: usize) -> Result<String, String> {
    let (sign, digits) = cell.strip_prefix('-').map_or(("", cell), |digits| ("-", digits));
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("{name} is `{cell}`, which is not a whole number, as price_decimals says"));
    }
    let padded = format!("{digits:0>width$}", width = decimals + 1);
    let (whole, fraction) = padded.split_at(padded.len() - decimals);
    Ok(format!("{sign}{whole}.{fraction}0"))
}

/// Returns a number with an exponent, as doubles are often written, without one: the shortest digits that give the same double.
fn without_exponent(number: &str) -> Cow<'_, str> {
    match number.parse::<f64>() {
        Ok(double) if number.contains(['e', 'E']) => Cow::Owned(double.to_string()),
        _ => Cow::Borrowed(number),
    }
}

/// Returns a decimal number times 10^places, without decimals; `None` if it is not a plain number.
fn shifted_left(number: &str, places: usize) -> Option<String> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !are_digits(whole) || !are_digits(fraction) {
        return None;
    }
    let kept = &fraction[..fraction.len().min(places)];
    Some(format!("{whole}{kept:0<places$}"))
}

#[cfg(test)]
mod tests {
    use super::{Key, Layout, Unit, shifted_left, whole, without_exponent};
    use crate::tick::{self, Content, Side};

    fn layout(cells: &[(Key, usize)]) -> Layout {
        Layout {
            name: "test".into(),
            cells: cells.to_vec(),
            width: Some(cells.len()),
            product: None,
            time_unit: None,
            time_column: None,
            price_decimals: None,
        }
    }

    fn message(layout: &Layout, cells: &[&str]) -> Result<String, String> {
        let mut out = Vec::new();
        layout.write(cells.len(), |at| Some(cells[at]), &mut out)?;
        Ok(String::from_utf8(out).expect("text"))
    }

    fn tick_of(layout: &Layout, cells: &[&str]) -> Result<tick::Tick, String> {
        let message = message(layout, cells)?;
        match tick::parse(message.as_bytes()).map_err(|problem| problem.to_string())?.content {
            Content::Ticks(mut ticks) => Ok(ticks.remove(0)),
            Content::Control(control) => panic!("{}", control.name),
        }
    }

    #[test]
    fn a_row_becomes_a_tick_with_the_bits_of_its_cells() {
        let quotes = layout(&[
            (Key::Product, 0),
            (Key::Time, 1),
            (Key::AskSize, 2),
            (Key::Ask, 3),
            (Key::Bid, 4),
            (Key::BidSize, 5),
        ]);
        let row = ["BTC\"USD", "1585699201147000", "86", "6423.10", "6422.9", ""];
        let tick = tick_of(&quotes, &row).expect("a tick");
        assert_eq!((tick.product_id.as_str(), tick.event_time), ("BTC\"USD", 1_585_699_201_147_000_000));
        assert_eq!((tick.best_bid, tick.best_ask, tick.best_ask_quantity), (6422.9, 6423.1, Some(86.0)));
        assert_eq!((tick.best_bid_quantity, tick.price, tick.side), (None, None, None));
        // One side of the book is empty: not a quote, and not a trade either.
        let refused = |row: [&str; 6]| tick_of(&quotes, &row).expect_err("refused");
        assert_eq!(refused(["A", "1585699201147000", "", "", "6422.9", "1"]), "ask is missing");
        assert_eq!(refused(["A", "1585699201147000", "1", "x", "1", "1"]), "ask is `x`, which is not a number");
        assert_eq!(
            refused(["A", "12", "1", "2", "1", "1"]),
            "time is `12`, which is not a time between the years 2009 and 2100"
        );
        assert_eq!(tick_of(&quotes, &row[..5]).expect_err("refused"), "it has 5 cells instead of 6");
    }

    #[test]
    fn a_trade_stands_for_its_quote() {
        let trades =
            layout(&[(Key::Time, 0), (Key::Price, 1), (Key::Size, 2), (Key::BuyerIsMaker, 3), (Key::Sequence, 4)]);
        let trades = Layout { product: Some("BTCUSDT".into()), ..trades };
        assert!(trades.is_trades());
        for (maker, side) in [("True", Some(Side::Sell)), ("false", Some(Side::Buy)), ("unknown", None)] {
            let tick = tick_of(&trades, &["1735689600000123", "93576.1", "0.5", maker, "42"]).expect("a tick");
            assert_eq!((tick.best_bid, tick.best_ask, tick.price), (93_576.1, 93_576.1, Some(93_576.1)));
            assert_eq!((tick.side, tick.last_size, tick.sequence_num), (side, Some(0.5), Some(42)));
            assert_eq!(tick.event_time, 1_735_689_600_000_123_000);
        }
        // A text stands for a number of its own, so that trades that differ only in it are not taken for one.
        let named = |id| tick_of(&trades, &["1735689600000123", "1", "1", "true", id]).expect("a tick").sequence_num;
        let numbers = ["a1b2", "a1b3", "9f0c4e3a-6a3c", ""].map(named);
        assert_eq!(
            numbers,
            [Some(-1_501_286_628_323_552), Some(-1_501_286_359_888_096), Some(-868_278_238_167_252), None]
        );
        assert!(tick_of(&trades, &["1735689600000123", "", "1", "true", "1"]).is_err());
        let spaced = tick_of(&trades, &[" 1735689600000123", "93576.1 ", "\t0.5", " True ", " 42 "]).expect("a tick");
        assert_eq!((spaced.price, spaced.side, spaced.sequence_num), (Some(93_576.1), Some(Side::Sell), Some(42)));
    }

    #[test]
    fn units_that_a_map_names_are_not_told_by_size() {
        for (unit, cell, expected) in [
            (Unit::Seconds, "1672515782.1", "1672515782100000000"),
            (Unit::Milliseconds, "1672515782000", "1672515782000000000"),
            (Unit::Microseconds, "1672515782000123.4567", "1672515782000123456"),
            (Unit::Nanoseconds, "1672515782000123456", "1672515782000123456"),
            (Unit::Nanoseconds, "1.672515782000123e18", "1672515782000123000"),
            (Unit::Seconds, "1.6725157825E+9", "1672515782500000000"),
        ] {
            assert_eq!(shifted_left(&without_exponent(cell), unit.places()).as_deref(), Some(expected));
            let quotes =
                Layout { time_unit: Some(unit), ..layout(&[(Key::Product, 0), (Key::Time, 1), (Key::Price, 2)]) };
            assert_eq!(tick_of(&quotes, &["A", cell, "1"]).expect("a tick").event_time.to_string(), expected);
        }
        let ns = Layout {
            time_unit: Some(Unit::Nanoseconds),
            ..layout(&[(Key::Product, 0), (Key::Time, 1), (Key::Price, 2)])
        };
        assert_eq!(
            tick_of(&ns, &["A", "1672515782", "1"]).expect_err("seconds"),
            "time is `1672515782`, which is not a time between the years 2009 and 2100 in nanoseconds"
        );
        let seconds = Layout { time_unit: Some(Unit::Seconds), time_column: Some("ts".into()), ..ns.clone() };
        assert_eq!(
            tick_of(&seconds, &["A", "1763000000123", "1"]).expect_err("milliseconds"),
            "ts is `1763000000123`, which is not a time between the years 2009 and 2100 in seconds"
        );
        assert!(tick_of(&ns, &["A", "2022-12-31T00:00:00Z", "1"]).is_err());
    }

    #[test]
    fn prices_that_are_whole_numbers_get_their_point() {
        let databento = Layout {
            price_decimals: Some(9),
            ..layout(&[(Key::Product, 0), (Key::Time, 1), (Key::Bid, 2), (Key::Ask, 3)])
        };
        let row = |bid, ask| tick_of(&databento, &["ESH4", "1672515782000123456", bid, ask]);
        let tick = row("4500250000000", "4500500000001").expect("a tick");
        assert_eq!((tick.best_bid, tick.best_ask), (4500.25, 4_500.500_000_001));
        assert_eq!(row("4500250000000", "9223372036854775807").expect_err("undefined"), "ask is missing");
        assert!(row("4500.25", "4501").expect_err("has a point").contains("`4500.25`"));
        for (cell, decimals, expected) in [("5", 9, "0.0000000050"), ("-15", 1, "-1.50"), ("7", 0, "7.0")] {
            assert_eq!(whole("bid", cell, decimals).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn a_row_that_cannot_be_read_is_kept_with_its_place() {
        let mut out = Vec::new();
        layout(&[]).refuse("a.csv.gz", 17, "it has 5 cells instead of 6", b"1,2,\xff\"", &mut out);
        let problem = tick::parse(&out[..out.len() - 1]).expect_err("a dead letter");
        assert_eq!(problem.to_string(), "line 17 of a.csv.gz: it has 5 cells instead of 6");
        assert_eq!(problem.kind(), "row of a table cannot be read");
    }
}
