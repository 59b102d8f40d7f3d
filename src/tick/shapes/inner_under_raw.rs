//! Advanced Trade's inner ticker under `raw`, beside a recorder's clock and copies of some fields.
//!
//! The exchange's time was lost with the envelope: the recorder's stands in for it, and without an offset it is taken as UTC.

use serde::Deserialize;

use super::super::field::Value;
use super::super::{Content, Parsed, Problem};
use super::advanced::Ticker;
use super::{Shape, from_json};

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow, default)]
    timestamp: Value<'a>,
    #[serde(borrow)]
    raw: Ticker<'a>,
}

/// Reads a line.
pub(super) fn read(text: &str) -> Result<Parsed, Problem> {
    let line: Line = from_json(text)?;
    let event_time = line.timestamp.time("timestamp")?.ok_or(Problem::Missing { field: "timestamp" })?;
    let content = Content::Ticks(vec![line.raw.tick(event_time, None)?]);
    Ok(Parsed { shape: Shape::InnerUnderRaw, sequence_num: None, content })
}
