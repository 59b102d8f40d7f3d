//! Coinbase Exchange's message as a JSON string under `raw`, beside a recorder's clock `ts`.

use std::borrow::Cow;

use serde::Deserialize;

use super::super::field::Value;
use super::super::{Parsed, Problem};
use super::{Shape, exchange, from_json};

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow, default)]
    ts: Value<'a>,
    // Quotes inside the string are escaped, so that it can seldom be borrowed.
    #[serde(borrow)]
    raw: Cow<'a, str>,
}

/// Reads a line; the exchange's time counts, the recorder's only where there is none.
pub(super) fn read(text: &str) -> Result<Parsed, Problem> {
    let line: Line = from_json(text)?;
    exchange::read_at(&line.raw, Shape::ExchangeInString, line.ts.time("ts")?)
}
