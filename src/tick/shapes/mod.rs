//! The shapes that messages have.
//!
//! A shape is one file with a static [`Shape`], which says how to recognise and read a message and what docs/formats.md says
//! about it. To add one, write its file and add one line to [`SHAPES`]. A recorder that nests messages needs no shape of its
//! own: `nested` reads a message under any key.

pub mod advanced_envelope;
pub mod binance_bookticker;
pub mod exchange;
pub mod flat;
mod nested;
mod outline;
mod recorded;

use std::cmp::Ordering;
use std::fmt;

use serde::Deserialize;

use super::{Content, Parsed, Problem};
use outline::Outline;
use recorded::Recorded;

/// Every shape; if two fit equally well, the first one wins.
pub static SHAPES: &[&Shape] = &[&exchange::SHAPE, &advanced_envelope::SHAPE, &flat::SHAPE, &binance_bookticker::SHAPE];

/// The shape of a message.
pub struct Shape {
    /// The name that summaries print.
    pub name: &'static str,
    /// A description of the shape in a few words.
    pub what: &'static str,
    /// How it is recognised, for people.
    pub told_by: &'static str,
    /// Where the event time comes from, for people.
    pub event_time: &'static str,
    sequence: Sequence,
    /// Returns how well a message's keys fit; `None` if it has another shape.
    fit: fn(&Outline<'_>) -> Option<Fit>,
    read: fn(&str, &Recorded) -> Result<Body, Problem>,
}

/// A message's own number, and its content.
type Body = (Option<i64>, Content);

/// How well the keys of a JSON object fit a shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    /// Some of the shape's keys are there. It may be a control message, a damaged one, or something else.
    Doubtful,
    /// A recorder's selection of a message's fields; the message itself may be nested beside them.
    Selection,
    /// A message as its exchange sends it.
    Whole,
}

/// What the sequence numbers of a shape count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sequence {
    /// Every message of a connection, control messages included, from 0: a missing number is a missing message.
    Connection,
    /// Events of a product, most of which the feed leaves out: numbers rise, and gaps in them mean nothing.
    Product,
    /// Nothing: the messages have no number that could be compared.
    None,
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Sequence::Connection => "every message of a connection, from 0",
            Sequence::Product => "a product's events: it rises, with holes",
            Sequence::None => "nothing",
        })
    }
}

impl Shape {
    /// Returns what the shape's sequence numbers count.
    pub fn sequence(&self) -> Sequence {
        self.sequence
    }

    fn parsed(&'static self, text: &str, recorded: &Recorded) -> Result<Parsed, Problem> {
        let (sequence_num, content) = (self.read)(text, recorded)?;
        Ok(Parsed { shape: self, sequence_num, content })
    }

    /// Returns the shape that the keys fit best, and how well they fit.
    fn recognised(outline: &Outline<'_>) -> Option<(Fit, &'static Shape)> {
        let mut best: Option<(Fit, &'static Shape)> = None;
        for &shape in SHAPES {
            if let Some(fit) = (shape.fit)(outline)
                && best.is_none_or(|(other, _)| fit > other)
            {
                best = Some((fit, shape));
                if fit == Fit::Whole {
                    break;
                }
            }
        }
        best
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name)
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Shape {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Shape {}

impl PartialOrd for Shape {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Shape {
    fn cmp(&self, other: &Self) -> Ordering {
        self.name.cmp(other.name)
    }
}

/// Reads one message, without its line end; never panics.
///
/// # Errors
/// The [`Problem`] that makes the message a dead letter.
pub fn parse(payload: &[u8]) -> Result<Parsed, Problem> {
    let text = std::str::from_utf8(payload).map_err(|error| Problem::NotText { valid_bytes: error.valid_up_to() })?;
    nested::read(text)
}

/// Deserialises borrowed JSON; a failure is a [`Problem`].
fn from_json<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Problem> {
    serde_json::from_str(text).map_err(|error| {
        if error.is_eof() {
            Problem::Truncated { bytes: text.len() }
        } else {
            Problem::NotJson { reason: error.to_string() }
        }
    })
}
