//! A summary of a landed file's range. It is stored in the file's footer, so it is committed together with the rows.
//!
//! In: a range's messages as they are read. Out: a [`Summary`]. Summaries can be added: over ranges, over compaction, over a
//! run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::tick::{Sequence, Status};

/// The footer's key for the summary, a JSON object.
pub const KEY: &str = "squall.landed";

/// Beyond this many names, counts go to [`OTHERS`]. The names come from messages, so their number has no other limit.
const MOST_NAMES: usize = 64;
const OTHERS: &str = "others";

/// What a range of offsets holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// All messages; each is either control, or dead, or one or more ticks.
    pub messages: u64,
    /// Offsets of the range that hold no message: transaction markers, messages of aborted transactions, and messages that
    /// the log's own compaction removed. Absent in files of earlier versions, which did not count them.
    #[serde(default)]
    pub absent: u64,
    /// Control messages by channel or type.
    pub control: BTreeMap<String, u64>,
    /// Messages that could not be read, by the kind of problem.
    pub dead: BTreeMap<String, u64>,
    pub products: BTreeMap<String, Rows>,
    /// The last sequence number of each connection whose numbers count its messages; `""` stands for a connection without a
    /// name.
    pub connections: BTreeMap<String, i64>,
    /// Sequence numbers that a connection skipped.
    pub gaps: Vec<Gap>,
    /// What sequence numbers count, from each offset on; offsets ascend, and neighbours differ.
    pub sequences: Vec<(i64, Counts)>,
}

/// The rows of one product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rows {
    pub ok: u64,
    pub duplicate: u64,
    pub late: u64,
    /// Absent in files of earlier versions, which did not count it.
    #[serde(default)]
    pub ahead: u64,
    /// The lowest and the highest `ts`, nanoseconds since 1970, UTC.
    pub first_ts: i64,
    pub last_ts: i64,
}

/// Messages of a connection that were never received: the numbers between two received ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    pub connection: Option<String>,
    /// The number before the gap; absent where the connection's first message is missing.
    pub after_sequence_num: Option<i64>,
    /// The number after it, and where that message lies.
    pub next_sequence_num: i64,
    pub log_offset: i64,
    pub ingest_time: i64,
}

impl Gap {
    /// Returns how many messages are missing; numbers begin at 0.
    pub fn missing(&self) -> i64 {
        self.next_sequence_num.saturating_sub(self.after_sequence_num.unwrap_or(-1)).saturating_sub(1)
    }
}

/// What sequence numbers count, as written in a footer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Counts {
    Connection,
    Product,
    None,
}

impl From<Sequence> for Counts {
    fn from(sequence: Sequence) -> Counts {
        match sequence {
            Sequence::Connection => Counts::Connection,
            Sequence::Product => Counts::Product,
            // Neither identifies a message by itself.
            Sequence::Restarts | Sequence::None => Counts::None,
        }
    }
}

impl From<Counts> for Sequence {
    fn from(counts: Counts) -> Sequence {
        match counts {
            Counts::Connection => Sequence::Connection,
            Counts::Product => Sequence::Product,
            Counts::None => Sequence::None,
        }
    }
}

impl Rows {
    /// Returns the count of no row, before a row with this `ts`.
    pub fn starting_at(ts: i64) -> Rows {
        Rows { ok: 0, duplicate: 0, late: 0, ahead: 0, first_ts: ts, last_ts: ts }
    }

    /// Counts the next row; its `ts` is above that of the row before.
    pub fn count(&mut self, ts: i64, status: Status) {
        self.last_ts = ts;
        match status {
            Status::Ok => self.ok += 1,
            Status::Duplicate => self.duplicate += 1,
            Status::Late => self.late += 1,
            Status::Ahead => self.ahead += 1,
        }
    }

    /// Returns the number of rows of every status.
    pub fn total(&self) -> u64 {
        Status::ALL.into_iter().map(|status| self.of(status)).sum()
    }

    /// Returns the number of rows of one status.
    pub fn of(&self, status: Status) -> u64 {
        match status {
            Status::Ok => self.ok,
            Status::Duplicate => self.duplicate,
            Status::Late => self.late,
            Status::Ahead => self.ahead,
        }
    }
}

impl Summary {
    /// Counts a control message.
    pub fn count_control(&mut self, name: &str) {
        count(&mut self.control, name, 1);
    }

    /// Counts a message that could not be read.
    pub fn count_dead(&mut self, kind: &str) {
        count(&mut self.dead, kind, 1);
    }

    /// Notes what the sequence numbers of the message at `offset` count.
    pub fn note_sequence(&mut self, offset: i64, sequence: Sequence) {
        let counts = Counts::from(sequence);
        if self.sequences.last().is_none_or(|(_, before)| *before != counts) {
            self.sequences.push((offset, counts));
        }
    }

    /// Returns what the sequence numbers of the message at `offset` count.
    pub fn sequence_at(&self, offset: i64) -> Sequence {
        let after = self.sequences.partition_point(|(from, _)| *from <= offset);
        match after.checked_sub(1) {
            Some(i) => self.sequences[i].1.into(),
            None => Sequence::None,
        }
    }

    /// Returns how many rows have this status.
    pub fn rows(&self, status: Status) -> u64 {
        self.products.values().map(|rows| rows.of(status)).sum()
    }

    /// Returns how many rows there are.
    pub fn all_rows(&self) -> u64 {
        self.products.values().map(Rows::total).sum()
    }

    /// Adds the summary of a later range.
    pub fn add(&mut self, later: &Summary) {
        self.messages = self.messages.saturating_add(later.messages);
        self.absent = self.absent.saturating_add(later.absent);
        for (name, n) in &later.control {
            count(&mut self.control, name, *n);
        }
        for (kind, n) in &later.dead {
            count(&mut self.dead, kind, *n);
        }
        for (product_id, rows) in &later.products {
            match self.products.get_mut(product_id) {
                Some(sum) => {
                    sum.ok = sum.ok.saturating_add(rows.ok);
                    sum.duplicate = sum.duplicate.saturating_add(rows.duplicate);
                    sum.late = sum.late.saturating_add(rows.late);
                    sum.ahead = sum.ahead.saturating_add(rows.ahead);
                    sum.first_ts = sum.first_ts.min(rows.first_ts);
                    sum.last_ts = sum.last_ts.max(rows.last_ts);
                }
                None => {
                    self.products.insert(product_id.clone(), rows.clone());
                }
            }
        }
        self.connections.extend(later.connections.iter().map(|(name, last)| (name.clone(), *last)));
        self.gaps.extend(later.gaps.iter().cloned());
        for (offset, counts) in &later.sequences {
            self.note_sequence(*offset, Sequence::from(*counts));
        }
    }
}

fn count(counts: &mut BTreeMap<String, u64>, name: &str, n: u64) {
    if let Some(count) = counts.get_mut(name) {
        *count = count.saturating_add(n);
        return;
    }
    let name = if counts.len() < MOST_NAMES { name } else { OTHERS };
    let count = counts.entry(name.to_string()).or_default();
    *count = count.saturating_add(n);
}
