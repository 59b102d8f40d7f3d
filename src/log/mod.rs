//! The message log: an ordered, replayable, offset-addressed message store.
//!
//! In: [`Record`]s, each a raw message byte for byte. Out: [`Message`]s: the same bytes with their partition and offset. Two
//! stores implement one trait: a Kafka topic, and a folder of NDJSON files. [`Archived`] writes to a folder first and then
//! to a topic.

mod archived;
mod dead_letter;
mod error;
mod file;
mod id;
mod kafka;
mod keeper;
mod line;
mod location;
mod tell;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

pub use archived::{Archived, Forwarded, Forwarding};
pub use dead_letter::DeadLetter;
pub use error::Error;
pub use file::{FileLog, OldDay};
pub use id::{LogId, Testimony, Witness};
pub use kafka::KafkaLog;
pub use location::Location;
pub use tell::{Fields, Tell};

/// A message to append: the raw bytes, and what squall adds to them.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The product, so that one product's messages keep their order.
    pub key: Option<Arc<str>>,
    /// The message byte for byte as it was received.
    pub payload: Bytes,
    /// When squall received it, nanoseconds since 1970, UTC.
    pub ingest_time: i64,
    /// The connection on which it came; sequence numbers count within one connection.
    pub connection: Option<Arc<str>>,
}

impl Record {
    /// Returns whether the message was received from a live feed, so that its `ingest_time` is near its event.
    ///
    /// A connection of a live feed is named by its start in milliseconds, which has 13 digits until the year 2286. Those of
    /// recordings are named by a fingerprint of 16 digits.
    pub fn is_live(&self) -> bool {
        let name = self.connection.as_deref().and_then(|connection| connection.split_once('-'));
        name.is_some_and(|(start, _)| start.len() == 13 && start.bytes().all(|byte| byte.is_ascii_digit()))
    }
}

/// A stored message: a record at its place in the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    pub partition: i32,
    pub offset: i64,
    pub record: Record,
    /// The only product whose ticks the message stands for; `None` means all of its products. In a topic of several
    /// partitions, a message with several products is stored once for each product.
    pub only: Option<Arc<str>>,
}

impl Message {
    /// Returns roughly how much memory the message takes.
    pub fn bytes(&self) -> usize {
        let Record { key, payload, connection, .. } = &self.record;
        let texts = [key, connection, &self.only].into_iter().flatten().map(|text| text.len()).sum::<usize>();
        size_of::<Message>() + payload.len() + texts
    }
}

/// How much a read returns at most. It returns at least one message if the log has one, however large that message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    pub messages: usize,
    pub bytes: usize,
}

impl Limit {
    /// Returns the limit for callers that read few messages.
    pub fn messages(messages: usize) -> Limit {
        Limit { messages, bytes: usize::MAX }
    }
}

/// What a read returned.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    pub messages: Vec<Message>,
    /// The offset from which to read on. Offsets below it that are not among the messages hold no message: transaction
    /// markers, messages of aborted transactions, and messages that the log's own compaction removed.
    pub next: i64,
}

impl Batch {
    /// Starts a batch at an offset.
    fn starting_at(from: i64) -> Batch {
        Batch { messages: Vec::new(), next: from }
    }
}

/// An ordered, replayable message store; offsets rise from 0 in each partition and are never given twice.
#[async_trait]
pub trait Log: Send + Sync {
    /// Returns the topic's name, as landed files carry it; for a folder, the folder's name.
    fn topic(&self) -> &str;

    /// Returns the log's id.
    ///
    /// # Errors
    /// The broker cannot be reached, or does not say which cluster it belongs to.
    async fn id(&self) -> Result<LogId, Error>;

    /// Returns the partitions, ascending; a folder has only partition 0.
    async fn partitions(&self) -> Result<Vec<i32>, Error>;

    /// Returns the offsets a partition holds now: the first kept, and one past the last.
    async fn offsets(&self, partition: i32) -> Result<Range<i64>, Error>;

    /// Returns messages from `from` on, in order. If the batch's `next` is `from`, the log holds no more for now. A message
    /// that can be read is durable.
    ///
    /// # Errors
    /// The disk or the broker reports an error. The offset lies before the first one kept; reading on would skip messages.
    /// The offset lies past the end; then it must come from another log.
    async fn read_batch(&self, partition: i32, from: i64, limit: Limit) -> Result<Batch, Error>;

    /// Returns up to `limit` messages from `from` on, in order; empty when the log holds no more for now.
    ///
    /// # Errors
    /// As [`Log::read_batch`].
    async fn read(&self, partition: i32, from: i64, limit: usize) -> Result<Vec<Message>, Error> {
        Ok(self.read_batch(partition, from, Limit::messages(limit)).await?.messages)
    }

    /// Appends the records in order; when it returns they are durable (synced, or acknowledged by all replicas).
    ///
    /// # Errors
    /// Some of the records may be in the log even after an error. Appending them again may store some twice, but loses none.
    async fn append(&self, records: Vec<Record>) -> Result<(), Error>;

    /// Returns what opening the log had to repair, one sentence each, for the user to see.
    fn notices(&self) -> Vec<String> {
        Vec::new()
    }

    /// Returns how far the topic behind an archive is behind; `None` if the log is not an archive.
    ///
    /// # Errors
    /// The archive cannot be read.
    async fn forwarding(&self) -> Result<Option<Forwarding>, Error> {
        Ok(None)
    }

    /// Returns what an append waits for, such as room on the disk; `None` if it waits for nothing or does not run.
    fn waits_for(&self) -> Option<String> {
        None
    }

    /// Waits until everything appended has arrived everywhere it should. Drop the log afterwards.
    async fn close(&self) -> Result<(), Error> {
        Ok(())
    }
}

/// How logs are opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// Further librdkafka properties, such as `security.protocol`.
    pub kafka_properties: BTreeMap<String, String>,
    /// Which messages of transactions readers see: `read_committed` or `read_uncommitted`.
    pub kafka_isolation_level: String,
    /// How long a broker may take to answer.
    pub kafka_timeout: Duration,
    /// The number of partitions of a topic that squall creates.
    pub new_topic_partitions: i32,
    /// Whether a folder's finished days are packed with zstd.
    pub pack_days: bool,
    /// What an append to a folder does when the disk is full.
    pub when_full: WhenFull,
    /// The folder of archives: messages for a topic are first written to the folder log `<archive>/<topic>`. `None` means
    /// that they go to the topic directly.
    pub archive: Option<PathBuf>,
    /// The folder for messages that a topic refuses for good; `None` means the archive's own folder.
    pub dead: Option<PathBuf>,
    /// Takes warnings about work in the background: forwarding that is behind, and that it goes on again.
    pub tell: Tell,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            kafka_properties: BTreeMap::new(),
            kafka_isolation_level: "read_committed".to_string(),
            kafka_timeout: Duration::from_secs(10),
            new_topic_partitions: 1,
            pack_days: false,
            when_full: WhenFull::End,
            archive: None,
            dead: None,
            tell: Tell::default(),
        }
    }
}

/// What an append to a folder does when the disk is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenFull {
    /// It fails.
    End,
    /// It waits until there is room.
    Wait,
}

impl std::str::FromStr for WhenFull {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "end" => Ok(WhenFull::End),
            "wait" => Ok(WhenFull::Wait),
            value => Err(Error::WhenFull { value: value.into() }),
        }
    }
}

/// Opens a log to read it.
///
/// # Errors
/// The log does not exist, or the folder log holds no message; the hint names the commands that make one.
pub async fn open(location: &Location, options: &Options) -> Result<Arc<dyn Log>, Error> {
    Ok(match location {
        Location::Folder(dir) => Arc::new(FileLog::open(dir).await?),
        Location::Kafka { brokers, topic } => Arc::new(KafkaLog::open(brokers, topic, options).await?),
    })
}

/// Opens a log to append to it; creates the folder or the topic if it does not exist.
///
/// # Errors
/// Another process appends to the folder, the broker cannot be reached, or the archive belongs to another topic.
pub async fn create(location: &Location, options: &Options) -> Result<Arc<dyn Log>, Error> {
    Ok(match (location, &options.archive) {
        (Location::Folder(dir), _) => Arc::new(FileLog::create_with(dir, options).await?),
        (Location::Kafka { brokers, topic }, None) => Arc::new(KafkaLog::create(brokers, topic, options).await?),
        (Location::Kafka { brokers, topic }, Some(archives)) => {
            Arc::new(Archived::create(archives, brokers, topic, options).await?)
        }
    })
}
