//! The message log: an ordered, replayable, offset-addressed message store.
//!
//! In: [`Record`]s, each a raw message byte for byte. Out: [`Message`]s, the same bytes with their partition and offset.
//! Two stores keep one trait: a Kafka topic, and a folder of NDJSON files.

use std::ops::Range;

use async_trait::async_trait;

/// A message to append: the raw bytes, and what squall adds to them.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The product, so that one product's messages keep their order.
    pub key: Option<String>,
    /// The message byte for byte as it was received.
    pub payload: Vec<u8>,
    /// When squall received it, nanoseconds since 1970, UTC.
    pub ingest_time: i64,
    /// The connection on which it came: sequence numbers count within one.
    pub connection: Option<String>,
}

/// A stored message: a record at its place in the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    pub partition: i32,
    pub offset: i64,
    pub record: Record,
}

/// An ordered, replayable message store; offsets count from 0 in each partition, without holes in what was acknowledged.
#[async_trait]
pub trait Log: Send + Sync {
    /// Returns the topic's name, as landed files carry it.
    fn topic(&self) -> &str;

    /// Returns the partitions, ascending; a folder has the one partition 0.
    async fn partitions(&self) -> Result<Vec<i32>, Error>;

    /// Returns the offsets a partition holds now: the first kept, and one past the last.
    async fn offsets(&self, partition: i32) -> Result<Range<i64>, Error>;

    /// Returns up to `limit` messages from `from` on, in order; empty when the log holds no more for now.
    async fn read(&self, partition: i32, from: i64, limit: usize) -> Result<Vec<Message>, Error>;

    /// Appends the records in order; when it returns they are durable (synced, or acknowledged by all replicas).
    async fn append(&self, records: Vec<Record>) -> Result<(), Error>;
}

/// What can go wrong with a log.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    Placeholder(String),
}

impl crate::error::Hint for Error {}
