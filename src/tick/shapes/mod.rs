//! The shapes that messages have.
//!
//! A shape is one file with a static [`Shape`], which says how to recognise and read a message and what docs/formats.md says
//! about it. To add one, write its file and add one line to [`SHAPES`]. A recorder that nests messages needs no shape of its
//! own: `nested` reads a message under any key.

pub mod advanced_envelope;
pub mod binance_bookticker;
mod book;
pub mod bybit_orderbook;
pub mod exchange;
pub mod flat;
pub mod history;
pub mod kraken_ticker;
mod nested;
pub mod okx_bbo;
mod recorded;
mod ticker;

use std::cell::RefCell;
use std::cmp::Ordering;
use std::fmt;

use super::json::Object;
use super::{Content, Control, Parsed, Problem, Sink, Tick};
use nested::Scratch;
pub use nested::trimmed;
use recorded::Recorded;

/// Every shape; if two fit equally well, the first one wins.
pub static SHAPES: &[&Shape] = &[
    &exchange::SHAPE,
    &advanced_envelope::SHAPE,
    &flat::SHAPE,
    &binance_bookticker::SHAPE,
    &kraken_ticker::SHAPE,
    &bybit_orderbook::SHAPE,
    &okx_bbo::SHAPE,
    &history::SHAPE,
];

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
    fit: fn(Object<'_>) -> Option<Fit>,
    read: fn(Object<'_>, &Recorded, &mut dyn Sink) -> Result<Body, Problem>,
}

/// What a shape finds in a message beside its ticks.
struct Body {
    sequence_num: Option<i64>,
    /// What the message is if it holds no ticks.
    control: Option<Control>,
}

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
    /// A product's updates, until the exchange starts again with lower numbers: a number alone does not identify a message.
    Restarts,
    /// Nothing: the messages have no number that could be compared.
    None,
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Sequence::Connection => "every message of a connection, from 0",
            Sequence::Product => "a product's events: it rises, with holes",
            Sequence::Restarts => "a product's updates: it rises, until the exchange starts again",
            Sequence::None => "nothing",
        })
    }
}

impl Shape {
    /// Returns what the shape's sequence numbers count.
    pub fn sequence(&self) -> Sequence {
        self.sequence
    }

    /// Reads a message of this shape. If it has a problem, none of its ticks stays in `ticks`.
    fn message(
        &'static self,
        object: Object<'_>,
        recorded: &Recorded,
        ticks: &mut dyn Sink,
    ) -> Result<Message, Problem> {
        let before = ticks.count();
        match (self.read)(object, recorded, ticks) {
            Ok(Body { sequence_num, control }) => Ok(Message { shape: self, sequence_num, control }),
            Err(problem) => {
                ticks.discard(before..ticks.count());
                Err(problem)
            }
        }
    }

    /// Returns the shape that the keys fit best, and how well they fit.
    fn recognised(object: Object<'_>) -> Option<(Fit, &'static Shape)> {
        let mut best: Option<(Fit, &'static Shape)> = None;
        for &shape in SHAPES {
            if let Some(fit) = (shape.fit)(object)
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

/// A message that was read; its ticks are in the sink.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// The shape of the message itself, even if a recorder's line wraps it.
    pub shape: &'static Shape,
    /// The message's own number; [`Shape::sequence`] says what it counts.
    pub sequence_num: Option<i64>,
    /// What the message is if it holds no ticks.
    pub control: Option<Control>,
}

/// Reads messages one after another, with memory that it uses again: reading a message allocates nothing.
#[derive(Debug, Default)]
pub struct Reader {
    scratch: Scratch,
}

impl Reader {
    /// Reads one message, without its line end, and adds its ticks to `ticks`; never panics.
    ///
    /// # Errors
    /// The [`Problem`] that makes the message a dead letter. Then no tick is added.
    pub fn read(&mut self, payload: &[u8], ticks: &mut dyn Sink) -> Result<Message, Problem> {
        let text =
            std::str::from_utf8(payload).map_err(|error| Problem::NotText { valid_bytes: error.valid_up_to() })?;
        nested::read(text, &mut self.scratch, ticks)
    }
}

/// Reads one message, without its line end; never panics.
///
/// # Errors
/// The [`Problem`] that makes the message a dead letter.
pub fn parse(payload: &[u8]) -> Result<Parsed, Problem> {
    thread_local! {
        static READER: RefCell<Reader> = RefCell::default();
    }
    let mut ticks: Vec<Tick> = Vec::new();
    let Message { shape, sequence_num, control } = READER.with_borrow_mut(|reader| reader.read(payload, &mut ticks))?;
    let content = control.map_or_else(|| Content::Ticks(ticks), Content::Control);
    Ok(Parsed { shape, sequence_num, content })
}
