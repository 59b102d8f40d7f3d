//! The messages of a partition that have been read and placed, but are not in a file yet.

use std::time::Instant;

use bytes::Bytes;

use super::Error;
use super::columns::Columns;
use super::connections::Connections;
use super::encode::{Encoder, Footer};
use super::files::LandedFile;
use super::origin::Origin;
use super::read::{Outcome, Read};
use super::summary::Summary;
use crate::log::{DeadLetter, LogId, Record, Witness};
use crate::tick::{Columns as Ticks, Identity, Order, Sequence};

/// The memory that ranges may take until they are committed; a second one may be on its way to the disk.
pub const MOST_BYTES: usize = 96 << 20;
/// Roughly what an entry of a summary takes: a name, counts and times.
const ENTRY_BYTES: usize = 160;

/// A range of messages that will become a file.
#[derive(Debug)]
pub struct Pending {
    pub summary: Summary,
    pub letters: Vec<DeadLetter>,
    rows: Columns,
    first: i64,
    /// The first offset after the range.
    next: i64,
    /// The last message, and its offset.
    last: Option<(i64, Record)>,
    dead_bytes: usize,
    since: Instant,
}

impl Pending {
    /// Starts a range at `first`.
    pub fn new(first: i64) -> Pending {
        Pending {
            summary: Summary::default(),
            letters: Vec::new(),
            rows: Columns::default(),
            first,
            next: first,
            last: None,
            dead_bytes: 0,
            since: Instant::now(),
        }
    }

    /// Returns whether the range is empty.
    pub fn is_empty(&self) -> bool {
        self.next == self.first
    }

    /// Returns the first offset after the range.
    pub fn next_offset(&self) -> i64 {
        self.next
    }

    /// Returns roughly how much memory the range takes.
    pub fn bytes(&self) -> usize {
        let Summary { products, gaps, sequences, connections, .. } = &self.summary;
        let summary = (products.len() + gaps.len() + connections.len()) * ENTRY_BYTES + sequences.len() * 16;
        self.rows.bytes() + self.dead_bytes + summary
    }

    /// Returns whether the range should be committed: it has this many messages, or takes as much memory as it may.
    pub fn is_full(&self, messages: usize) -> bool {
        self.summary.messages >= messages.max(1) as u64 || self.bytes() >= MOST_BYTES
    }

    /// Returns the last message of the range; `None` if it has none.
    pub fn last(&self) -> Option<Witness> {
        let (offset, record) = self.last.as_ref()?;
        Some(Witness { offset: *offset, fingerprint: record.fingerprint() })
    }

    /// Returns when the range's first message was added.
    pub fn since(&self) -> Instant {
        self.since
    }

    /// Passes over the offsets below `next`: they hold no message.
    pub fn pass_to(&mut self, next: i64) {
        let Some(absent) = next.checked_sub(self.next).filter(|absent| *absent > 0) else { return };
        if self.is_empty() {
            self.since = Instant::now();
        }
        self.summary.absent += absent.unsigned_abs();
        self.next = next;
    }

    /// Adds the partition's next message; `ticks` are those of its chunk.
    pub fn add(&mut self, read: Read, ticks: &Ticks, order: &mut Order, connections: Option<&mut Connections>) {
        let Read { offset, record, sequence, sequence_num, outcome } = read;
        self.pass_to(offset);
        if self.is_empty() {
            self.since = Instant::now();
        }
        self.next = offset.saturating_add(1);
        self.summary.messages += 1;
        let connection = record.connection.as_deref();
        if let (Sequence::Connection, Some(number), Some(connections)) = (sequence, sequence_num, connections) {
            connections.note(&mut self.summary, connection, number, offset, record.ingest_time);
        }
        match outcome {
            Outcome::Control { name } => self.summary.count_control(&name),
            Outcome::Dead(dead) => {
                self.summary.count_dead(&dead.kind);
                self.dead_bytes += record.payload.len() + dead.reason.len() + ENTRY_BYTES;
                // A copy, so that the letter does not hold on to its neighbours' memory.
                let payload = Bytes::copy_from_slice(&record.payload);
                let record = Record { payload, ..record.clone() };
                self.letters.push(DeadLetter { offset, record, reason: dead.reason });
            }
            Outcome::Ticks(rows) => {
                self.summary.note_sequence(offset, sequence);
                for row in rows.clone() {
                    let tick = ticks.tick(row);
                    let before = &ticks.product[rows.start..row];
                    let position = before.iter().filter(|product| **product == ticks.product[row]).count();
                    let (ts, status) = order.place(&tick, Identity::of(&tick, sequence, position), record.ingest_time);
                    self.summary.count_row(tick.product_id, ts, status);
                    self.rows.push(&tick, (ts, status), &record, offset);
                }
            }
        }
        self.last = Some((offset, record));
    }

    /// Returns the name of the range's file.
    pub fn file(&self, topic: &str, partition: i32) -> LandedFile {
        LandedFile { topic: topic.to_string(), partition, first: self.first, last: self.next - 1 }
    }

    /// Encodes the range's rows and footer, and returns them with its dead letters.
    pub fn encode(self, file: &LandedFile, log: LogId) -> Result<(Vec<u8>, Summary, Vec<DeadLetter>), Error> {
        let last = self.last();
        let footer = Footer { summary: self.summary, origin: Some(Origin { log, last }) };
        let mut encoder = Encoder::start(file, &footer)?;
        let arranged = self.rows.arrange(file.partition);
        for batch in arranged.batches() {
            encoder.write(&batch.map_err(|source| Error::encode(file, source))?)?;
        }
        Ok((encoder.finish()?, footer.summary, self.letters))
    }
}
