//! The messages of a partition that are read and placed, and not yet in a file.

use std::collections::BTreeMap;
use std::time::Instant;

use super::Error;
use super::columns::{Columns, Row};
use super::connections::Connections;
use super::dead::{self, DeadLetter};
use super::encode::Encoder;
use super::files::LandedFile;
use super::order::{Identity, Order};
use super::read::{Outcome, Read};
use super::summary::Summary;
use crate::tick::Sequence;

/// A range of messages on its way into a file.
#[derive(Debug)]
pub struct Pending {
    pub summary: Summary,
    pub letters: Vec<DeadLetter>,
    products: BTreeMap<String, Columns>,
    first: i64,
    last: i64,
    /// The bytes of dead letters, which nothing else bounds.
    dead_bytes: usize,
    since: Instant,
}

impl Pending {
    /// Starts a range at `first`.
    pub fn new(first: i64) -> Pending {
        Pending {
            summary: Summary::default(),
            letters: Vec::new(),
            products: BTreeMap::new(),
            first,
            last: first - 1,
            dead_bytes: 0,
            since: Instant::now(),
        }
    }

    /// Returns whether the range is empty.
    pub fn is_empty(&self) -> bool {
        self.last < self.first
    }

    /// Returns the first offset after the range.
    pub fn next_offset(&self) -> i64 {
        self.last + 1
    }

    /// Returns the bytes of messages that wait to be put among the dead letters.
    pub fn dead_bytes(&self) -> usize {
        self.dead_bytes
    }

    /// Returns when the range's first message was added.
    pub fn since(&self) -> Instant {
        self.since
    }

    /// Adds the partition's next message.
    pub fn add(&mut self, mut read: Read, order: &mut Order, connections: Option<&mut Connections>) {
        if self.is_empty() {
            self.since = Instant::now();
        }
        self.last = read.offset;
        self.summary.messages += 1;
        if let (Sequence::Connection, Some(number), Some(connections)) = (read.sequence, read.sequence_num, connections)
        {
            let connection = read.connection.as_deref();
            connections.note(&mut self.summary, connection, number, read.offset, read.ingest_time);
        }
        match std::mem::replace(&mut read.outcome, Outcome::Ticks(Vec::new())) {
            Outcome::Control { name } => self.summary.count_control(&name),
            Outcome::Dead(dead) => {
                self.summary.count_dead(&dead.kind);
                self.dead_bytes += dead.payload.len();
                self.letters.push(dead::letter(&read, dead));
            }
            Outcome::Ticks(ticks) => {
                self.summary.note_sequence(read.offset, read.sequence);
                for i in 0..ticks.len() {
                    let tick = &ticks[i];
                    let position = ticks[..i].iter().filter(|before| before.product_id == tick.product_id).count();
                    let (ts, status) = order.place(tick, Identity::of(tick, read.sequence, position));
                    self.summary.count_row(&tick.product_id, ts, status);
                    let row = Row {
                        tick: tick.clone(),
                        ts,
                        status,
                        ingest_time: read.ingest_time,
                        connection: read.connection.clone(),
                        log_offset: read.offset,
                    };
                    if let Some(columns) = self.products.get_mut(&tick.product_id) {
                        columns.push(&row);
                    } else {
                        self.products.entry(tick.product_id.clone()).or_default().push(&row);
                    }
                }
            }
        }
    }

    /// Returns the name of the range's file.
    pub fn file(&self, topic: &str, partition: i32) -> LandedFile {
        LandedFile { topic: topic.to_string(), partition, first: self.first, last: self.last }
    }

    /// Encodes the range's rows and summary, and returns them with its dead letters.
    pub fn encode(self, file: &LandedFile) -> Result<(Vec<u8>, Summary, Vec<DeadLetter>), Error> {
        let mut encoder = Encoder::start(file, &self.summary)?;
        for (product_id, columns) in self.products {
            let batch = columns.finish(&product_id, file.partition);
            encoder.write(&batch.map_err(|source| Error::encode(file, source))?)?;
        }
        Ok((encoder.finish()?, self.summary, self.letters))
    }
}
