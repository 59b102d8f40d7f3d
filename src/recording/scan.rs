//! Reads a recording line by line; says for each line what it holds and which connection it came from.

use std::collections::VecDeque;

use super::Error;
use super::file::Recording;
use super::lines::{Ended, Lines};
use super::tally::Tally;
use crate::tick::{self, Content, Parsed, Problem, Sequence};

/// One line of a recording, parsed.
#[derive(Debug)]
pub struct Line<'a> {
    pub payload: &'a [u8],
    pub parsed: Result<Parsed, Problem>,
    /// The number of the connection on which the message came, from 0.
    pub connection: u32,
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
        let lines = recording.lines()?;
        let tally = Tally { is_trades: lines.is_trades(), ..Tally::new(&recording.path) };
        Ok(Scan { lines, line: Vec::new(), connections: Connections::default(), products, tally })
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
            if ended == Ended::TooLong {
                self.tally.too_long += 1;
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

/// Returns the name of a recording's connection.
pub fn connection_name(identity: &str, number: u32) -> String {
    format!("{identity}-{number}")
}

/// Tells the connections of a recording apart; the numbers are the same each time the recording is read.
///
/// A new connection begins where sequence numbers start again, or where a subscription is acknowledged after ticks. So
/// numbers are compared only within one connection, and a recording that is replayed twice is recognised.
///
/// A recorder may write the messages of several connections into one file. So a message that has the number after the last one
/// of an earlier connection belongs to that connection.
#[derive(Default)]
struct Connections {
    count: u32,
    current: u32,
    /// The last numbers of the connections that were used last, and their order; only shapes whose numbers count a
    /// connection's messages have such numbers.
    open: VecDeque<(u32, i64)>,
    ticks_seen: bool,
}

/// More connections than this are not recorded into one file at once.
const MOST_OPEN: usize = 8;

impl Connections {
    fn of(&mut self, parsed: &Result<Parsed, Problem>) -> u32 {
        let Ok(parsed) = parsed else { return self.current };
        match (parsed.shape.sequence(), parsed.sequence_num, &parsed.content) {
            (Sequence::Connection, Some(number), _) => self.continue_with(number),
            (Sequence::Connection, None, _) => {}
            (_, _, Content::Control(control)) if control.name == "subscriptions" && self.ticks_seen => self.begin(),
            _ => {}
        }
        self.ticks_seen |= matches!(parsed.content, Content::Ticks(_));
        self.current
    }

    /// Finds the connection of a message with this number.
    fn continue_with(&mut self, number: i64) {
        let place_of =
            |open: &VecDeque<(u32, i64)>, fits: &dyn Fn(i64) -> bool| open.iter().position(|(_, last)| fits(*last));
        let next = |last: i64| last.checked_add(1) == Some(number);
        // The next number or a repeated one is told best. A jump is a gap in the connection that was used last.
        let place = place_of(&self.open, &next)
            .or_else(|| place_of(&self.open, &|last| last == number))
            .or_else(|| self.open.front().is_some_and(|(_, last)| *last < number).then_some(0));
        let connection = match place.and_then(|place| self.open.remove(place)) {
            Some((connection, _)) => connection,
            None => {
                // Before the first number, there is the connection with which the file begins.
                if !self.open.is_empty() {
                    self.begin();
                }
                self.open.truncate(MOST_OPEN - 1);
                self.count
            }
        };
        self.current = connection;
        self.open.push_front((connection, number));
    }

    fn begin(&mut self) {
        self.count += 1;
        self.current = self.count;
        self.ticks_seen = false;
    }
}

#[cfg(test)]
mod tests {
    use super::Connections;
    use crate::tick;

    fn connections(messages: &[&str]) -> Vec<u32> {
        let mut connections = Connections::default();
        messages.iter().map(|message| connections.of(&tick::parse(message.as_bytes()))).collect()
    }

    fn numbered(numbers: &[u64]) -> Vec<u32> {
        let message = |number: &u64| {
            format!(
                r#"{{"channel":"heartbeats","timestamp":"2026-04-04T21:13:43Z","sequence_num":{number},"events":[]}}"#
            )
        };
        let messages: Vec<String> = numbers.iter().map(message).collect();
        connections(&messages.iter().map(String::as_str).collect::<Vec<_>>())
    }

    const SUBSCRIPTIONS: &str = r#"{"type":"subscriptions","channels":[]}"#;
    const TICK: &str = r#"{"type":"ticker","sequence":116681060283,"product_id":"BTC-USD","price":"1","best_bid":"1","best_ask":"1","time":"2025-11-24T15:08:18Z"}"#;

    #[test]
    fn a_lower_number_begins_a_connection() {
        assert_eq!(numbered(&[0, 1, 1, 3, 0, 2]), [0, 0, 0, 0, 1, 1]);
        assert_eq!(numbered(&[5, 6, 0, 1, 7]), [0, 0, 1, 1, 0], "the number after 6");
    }

    #[test]
    fn connections_that_are_recorded_at_once_are_told_apart() {
        assert_eq!(numbered(&[10, 11, 900, 12, 901, 13, 14, 902, 902]), [0, 0, 0, 1, 0, 1, 1, 0, 0]);
        let interleaved: Vec<u64> = (0..1000).flat_map(|n| [n, 5000 + n, 100_000 + n]).collect();
        let mut numbers = numbered(&interleaved);
        numbers.sort_unstable();
        numbers.dedup();
        assert!(numbers.len() <= 4, "{numbers:?}");
    }

    #[test]
    fn numbers_that_count_something_else_are_not_compared() {
        let envelope = |number: u64| {
            format!(
                r#"{{"channel":"heartbeats","timestamp":"2026-04-04T21:13:43Z","sequence_num":{number},"events":[]}}"#
            )
        };
        let envelopes: Vec<String> = (0..50).map(envelope).collect();
        let mixed: Vec<&str> = envelopes.iter().flat_map(|envelope| [envelope.as_str(), TICK]).collect();
        assert_eq!(connections(&mixed), vec![0; 100]);
    }

    #[test]
    fn a_subscription_after_ticks_begins_a_connection() {
        let messages = [SUBSCRIPTIONS, SUBSCRIPTIONS, TICK, "torn", SUBSCRIPTIONS, TICK];
        assert_eq!(connections(&messages), [0, 0, 0, 0, 1, 1]);
    }
}
