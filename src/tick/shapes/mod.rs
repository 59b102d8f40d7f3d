//! The shapes in which messages come; one reader a shape, told apart by looking.

mod advanced;
mod binance;
mod exchange;
mod exchange_in_string;
mod flat;
mod inner_under_raw;

use std::fmt;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::field::Value;
use super::{Parsed, Problem};

/// The shape of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shape {
    /// Coinbase Advanced Trade's envelope, as on the wire.
    AdvancedEnvelope,
    /// A message of Coinbase Exchange, flat, as on the wire.
    Exchange,
    /// Advanced Trade's inner ticker under `raw`, beside a recorder's own clock and copies.
    InnerUnderRaw,
    /// A recorder's own flat selection, numbers or strings.
    Flat,
    /// A message of Coinbase Exchange as a JSON string under `raw`, beside a recorder's clock.
    ExchangeInString,
    /// A recorder's nanoseconds, a space, and a message of Binance's `bookTicker` stream.
    BinanceBookTicker,
}

/// What the sequence numbers of a shape count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sequence {
    /// Every message of a connection, control messages included, from 0: a missing number is a missing message.
    Connection,
    /// Events of a product, most of them not sent to us: numbers rise, and holes mean nothing.
    Product,
    /// There are none.
    None,
}

impl Shape {
    /// Returns what the shape's sequence numbers count.
    pub fn sequence(self) -> Sequence {
        match self {
            Shape::AdvancedEnvelope => Sequence::Connection,
            Shape::Exchange | Shape::ExchangeInString | Shape::BinanceBookTicker => Sequence::Product,
            Shape::InnerUnderRaw | Shape::Flat => Sequence::None,
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Shape::AdvancedEnvelope => "advanced-envelope",
            Shape::Exchange => "exchange",
            Shape::InnerUnderRaw => "inner-under-raw",
            Shape::Flat => "flat",
            Shape::ExchangeInString => "exchange-in-string",
            Shape::BinanceBookTicker => "binance-bookticker",
        })
    }
}

/// Reads one message, without its line end; never panics.
///
/// # Errors
/// The [`Problem`] that makes the message a dead letter.
pub fn parse(payload: &[u8]) -> Result<Parsed, Problem> {
    let text = std::str::from_utf8(payload).map_err(|error| Problem::NotText { valid_bytes: error.valid_up_to() })?;
    let text = text.trim_start_matches('\u{feff}').trim();
    match text.as_bytes().first() {
        None => return Err(Problem::Empty),
        Some(b'0'..=b'9') => return binance::read(text),
        Some(b'{') => {}
        Some(_) => return Err(Problem::UnknownShape),
    }
    let outline: Outline = from_json(text)?;
    match outline {
        Outline { events: Some(_), .. } | Outline { channel: Some(_), .. } => advanced::read(text),
        Outline { raw: Some(raw), .. } if raw.get().starts_with('"') => exchange_in_string::read(text),
        Outline { raw: Some(_), .. } => inner_under_raw::read(text),
        // Exchange names its time `time`: a `type` beside another clock is a recorder's copy.
        Outline { kind: Some(_), timestamp: None, .. } => exchange::read(text),
        Outline { product_id: Some(_), .. } => flat::read(text),
        Outline { stream: Some(_), .. } => binance::read(text),
        _ => Err(Problem::UnknownShape),
    }
}

/// The keys that tell shapes apart.
#[derive(Deserialize)]
struct Outline<'a> {
    #[serde(rename = "type")]
    kind: Option<IgnoredAny>,
    channel: Option<IgnoredAny>,
    events: Option<IgnoredAny>,
    #[serde(borrow)]
    raw: Option<&'a RawValue>,
    timestamp: Option<IgnoredAny>,
    product_id: Option<IgnoredAny>,
    stream: Option<IgnoredAny>,
}

/// Deserialises borrowed JSON; what fails is a [`Problem`].
fn from_json<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Problem> {
    serde_json::from_str(text).map_err(|error| {
        if error.is_eof() {
            Problem::Truncated { bytes: text.len() }
        } else {
            Problem::NotJson { reason: error.to_string() }
        }
    })
}

/// Returns the problem of a message `{"type":"error","message":…}`, with the reason that some of them add.
fn exchange_error(message: &Value<'_>, reason: &Value<'_>) -> Problem {
    let text = |value: &Value<'_>| match value {
        Value::Text(text) => Some(text.to_string()),
        _ => None,
    };
    let parts: Vec<String> = [text(message), text(reason)].into_iter().flatten().collect();
    let message = if parts.is_empty() { "it gives no reason".into() } else { parts.join(": ") };
    Problem::Exchange { message }
}
