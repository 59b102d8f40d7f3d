//! The messages of a partition that have been read and placed, but are not in a file yet.

use std::time::Instant;

use super::Error;
use super::columns::Columns;
use super::connections::Connections;
use super::encode::{Encoder, Footer};
use super::files::LandedFile;
use super::origin::Origin;
use super::read::{Chunk, Numbered};
use super::summary::Summary;
use crate::log::{DeadLetter, LogId, Witness};
use crate::tick::Order;

/// The memory that ranges may take until they are committed; a second one may be on its way to the disk.
pub const MOST_BYTES: usize = 96 << 20;
/// Roughly what an entry of a summary takes: a name and numbers.
const ENTRY_BYTES: usize = 160;

/// A range of messages that will become a file.
#[derive(Debug)]
pub struct Pending {
    /// What the range holds, apart from the products' rows, which are counted where they are placed.
    summary: Summary,
    letters: Vec<DeadLetter>,
    rows: Columns,
    first: i64,
    /// The first offset after the range.
    next: i64,
    last: Option<Witness>,
    /// When the last message was received.
    received: Option<i64>,
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
            received: None,
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
        let Summary { gaps, sequences, connections, .. } = &self.summary;
        let summary = (gaps.len() + connections.len()) * ENTRY_BYTES + sequences.len() * 16;
        self.rows.bytes() + self.dead_bytes + summary
    }

    /// Returns whether the range should be committed: it has this many messages, or takes as much memory as it may.
    pub fn is_full(&self, messages: usize) -> bool {
        self.messages() >= messages.max(1) || self.bytes() >= MOST_BYTES
    }

    /// Returns how many messages the range has.
    pub fn messages(&self) -> usize {
        // They were counted while they were in memory, so their number fits.
        self.summary.messages as usize
    }

    /// Returns the last message of the range; `None` if it has none.
    pub fn last(&self) -> Option<Witness> {
        self.last.clone()
    }

    /// Returns when the range's last message was received by ingest; `None` if it has none.
    pub fn received(&self) -> Option<i64> {
        self.received
    }

    /// Returns when the range's first message was added.
    pub fn since(&self) -> Instant {
        self.since
    }

    /// Places and adds the partition's next messages.
    pub fn add(&mut self, chunk: Chunk, order: &mut Order, watched: Option<&mut Connections>) {
        let Chunk { summary, rows, letters, numbers, connections, received, last, next, bytes: _ } = chunk;
        if self.is_empty() {
            self.since = Instant::now();
        }
        self.next = next;
        self.last = last.or(self.last.take());
        self.received = received.or(self.received);
        self.summary.add(&summary);
        if let Some(watched) = watched {
            for Numbered { connection, sequence_num, offset, ingest_time } in numbers {
                let name = connection.map(|connection| &**connections.name(connection));
                watched.note(&mut self.summary, name, sequence_num, offset, ingest_time);
            }
        }
        let bytes = |letter: &DeadLetter| letter.record.payload.len() + letter.reason.len() + ENTRY_BYTES;
        self.dead_bytes += letters.iter().map(bytes).sum::<usize>();
        self.letters.extend(letters);
        self.rows.add(&rows, &connections, order);
    }

    /// Returns the name of the range's file.
    pub fn file(&self, topic: &str, partition: i32) -> LandedFile {
        LandedFile { topic: topic.to_string(), partition, first: self.first, last: self.next - 1 }
    }

    /// Encodes the range's rows and footer, and returns them with its dead letters; `by_time` is as in [`Origin`].
    pub fn encode(
        self,
        file: &LandedFile,
        log: LogId,
        by_time: bool,
    ) -> Result<(Vec<u8>, Summary, Vec<DeadLetter>), Error> {
        let summary = Summary { products: self.rows.counts(), ..self.summary };
        let footer = Footer { summary, origin: Some(Origin { log, last: self.last, by_time }) };
        let mut encoder = Encoder::start(file, &footer)?;
        let arranged = self.rows.arrange(file.partition);
        for batch in arranged.batches() {
            encoder.write(&batch.map_err(|source| Error::encode(file, source))?)?;
        }
        Ok((encoder.finish()?, footer.summary, self.letters))
    }
}
