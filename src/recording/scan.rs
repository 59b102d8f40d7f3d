//! Reads a recording line by line; says for each line what it holds and which connection it came from.

use std::sync::Arc;

use super::Error;
use super::file::{Ended, Lines, Recording};
use super::tally::Tally;
use crate::tick::{self, Content, Parsed, Problem, Sequence};

/// One line of a recording, parsed.
#[derive(Debug)]
pub struct Line<'a> {
    pub payload: &'a [u8],
    pub parsed: Result<Parsed, Problem>,
    pub connection: Arc<str>,
}

impl Line<'_> {
    /// Returns the product of the first tick, used as the key that keeps a product's messages in order.
    pub fn product(&self) -> Option<&str> {
        match &self.parsed {
            Ok(Parsed { content: Content::Ticks(ticks), .. }) => ticks.first().map(|tick| tick.product_id.as_str()),
            _ => None,
        }
    }
}

/// A recording's lines, counted while they are read.
pub struct Scan<'p> {
    lines: Lines,
    line: Vec<u8>,
    connections: Connections,
    products: &'p [String],
    pub tally: Tally,
}

impl<'p> Scan<'p> {
    /// Starts at the beginning. Ticks of products other than `products` are left out, unless `products` is empty.
    pub fn start(recording: &Recording, products: &'p [String]) -> Result<Scan<'p>, Error> {
        Ok(Scan {
            lines: recording.lines()?,
            line: Vec::new(),
            connections: Connections::new(recording),
            products,
            tally: Tally::new(&recording.path),
        })
    }

    /// Returns the next line that belongs in the log.
    pub fn next(&mut self) -> Result<Option<Line<'_>>, Error> {
        loop {
            let ended = self.lines.next(&mut self.line)?;
            if ended == Ended::File {
                self.tally.broken_off = self.lines.broken_off();
                return Ok(None);
            }
            if self.line.iter().all(u8::is_ascii_whitespace) {
                self.tally.blank += 1;
                continue;
            }
            let parsed = tick::parse(&self.line);
            self.tally.cut_off |= ended == Ended::CutOff && parsed.is_err();
            let connection = self.connections.of(&parsed);
            if self.tally.count(&parsed, self.products) {
                return Ok(Some(Line { payload: &self.line, parsed, connection }));
            }
        }
    }
}

/// Names the connections of a recording; the names are the same each time the recording is read.
///
/// A new connection begins where sequence numbers start again, or where a subscription is acknowledged after ticks. So
/// numbers are compared only within one connection, and a recording that is replayed twice is recognised.
struct Connections {
    identity: String,
    count: u32,
    current: Arc<str>,
    last_sequence: Option<i64>,
    ticks_seen: bool,
}

impl Connections {
    fn new(recording: &Recording) -> Connections {
        let identity = recording.identity.clone();
        let current = format!("{identity}-0").into();
        Connections { identity, count: 0, current, last_sequence: None, ticks_seen: false }
    }

    fn of(&mut self, parsed: &Result<Parsed, Problem>) -> Arc<str> {
        if let Ok(parsed) = parsed {
            let starts_anew = match (parsed.shape.sequence(), &parsed.content) {
                (Sequence::Connection, _) => parsed.sequence_num < self.last_sequence && parsed.sequence_num.is_some(),
                (_, Content::Control(control)) => control.name == "subscriptions" && self.ticks_seen,
                (_, Content::Ticks(_)) => false,
            };
            if starts_anew {
                self.count += 1;
                self.current = format!("{}-{}", self.identity, self.count).into();
                self.ticks_seen = false;
            }
            self.ticks_seen |= matches!(parsed.content, Content::Ticks(_));
            self.last_sequence = parsed.sequence_num.or(self.last_sequence);
        }
        Arc::clone(&self.current)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{Connections, Recording};
    use crate::tick;

    fn connections(messages: &[&str]) -> Vec<String> {
        let recording = Recording { path: PathBuf::new(), identity: "id".into() };
        let mut connections = Connections::new(&recording);
        messages.iter().map(|message| connections.of(&tick::parse(message.as_bytes())).to_string()).collect()
    }

    #[test]
    fn a_lower_number_begins_a_connection() {
        let message = |number: &str| {
            format!(
                r#"{{"channel":"heartbeats","timestamp":"2026-04-04T21:13:43Z","sequence_num":{number},"events":[]}}"#
            )
        };
        let messages = ["0", "1", "1", "3", "0", "2"].map(message);
        let messages: Vec<&str> = messages.iter().map(String::as_str).collect();
        assert_eq!(connections(&messages), ["id-0", "id-0", "id-0", "id-0", "id-1", "id-1"]);
    }

    #[test]
    fn a_subscription_after_ticks_begins_a_connection() {
        let subscriptions = r#"{"type":"subscriptions","channels":[]}"#;
        let tick = r#"{"type":"ticker","sequence":9,"product_id":"BTC-USD","price":"1","best_bid":"1","best_ask":"1","time":"2025-11-24T15:08:18Z"}"#;
        let messages = [subscriptions, subscriptions, tick, "torn", subscriptions, tick];
        assert_eq!(connections(&messages), ["id-0", "id-0", "id-0", "id-0", "id-1", "id-1"]);
    }
}
