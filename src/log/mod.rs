//! The message log: an ordered, replayable, offset-addressed message store.
//!
//! In: [`Record`]s, each a raw message byte for byte. Out: [`Message`]s, the same bytes with their partition and offset.
//! Two stores keep one trait: a Kafka topic, and a folder of NDJSON files. [`Archived`] puts the second before the first.

mod archived;
mod error;
mod file;
mod id;
mod kafka;
mod line;
mod location;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

pub use archived::{Archived, Forwarding};
pub use error::Error;
pub use file::FileLog;
pub use id::{LogId, Testimony, Witness};
pub use kafka::KafkaLog;
pub use location::Location;

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
    /// The one product whose ticks the message stands for; `None`: it stands for all its ticks. A message with several
    /// products is in a topic of several partitions once for each of them.
    pub only: Option<String>,
}

/// An ordered, replayable message store; offsets rise from 0 in each partition and are never given twice.
#[async_trait]
pub trait Log: Send + Sync {
    /// Returns the topic's name, as landed files carry it; a folder's is its own name.
    fn topic(&self) -> &str;

    /// Returns which log it is.
    ///
    /// # Errors
    /// A broker that cannot be reached, or does not say which cluster it belongs to.
    async fn id(&self) -> Result<LogId, Error>;

    /// Returns the partitions, ascending; a folder has the one partition 0.
    async fn partitions(&self) -> Result<Vec<i32>, Error>;

    /// Returns the offsets a partition holds now: the first kept, and one past the last.
    async fn offsets(&self, partition: i32) -> Result<Range<i64>, Error>;

    /// Returns up to `limit` messages from `from` on, in order; empty when the log holds no more for now. A message that can be
    /// read is durable.
    ///
    /// # Errors
    /// Besides what a disk or a broker may report: an offset before the first one kept, since reading on would skip messages,
    /// and one past the end, which only another log can have given.
    async fn read(&self, partition: i32, from: i64, limit: usize) -> Result<Vec<Message>, Error>;

    /// Appends the records in order; when it returns they are durable (synced, or acknowledged by all replicas).
    ///
    /// # Errors
    /// After one, some of the records may be in the log: appending them again may store those twice, never lose one.
    async fn append(&self, records: Vec<Record>) -> Result<(), Error>;

    /// Returns what opening the log had to repair, one sentence each, for the user to see.
    fn notices(&self) -> Vec<String> {
        Vec::new()
    }

    /// Waits until everything appended has arrived everywhere it should. Drop the log then.
    async fn close(&self) -> Result<(), Error> {
        Ok(())
    }
}

/// How logs are opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// Further librdkafka properties, such as `security.protocol`.
    pub kafka_properties: BTreeMap<String, String>,
    /// How long a broker may take to answer.
    pub kafka_timeout: Duration,
    /// The partitions of a topic that has to be created.
    pub new_topic_partitions: i32,
    /// The folder of archives: messages for a topic are first written to the folder log `<archive>/<topic>`. `None`: they are
    /// appended to the topic directly.
    pub archive: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            kafka_properties: BTreeMap::new(),
            kafka_timeout: Duration::from_secs(10),
            new_topic_partitions: 1,
            archive: None,
        }
    }
}

/// Opens a log to read it.
///
/// # Errors
/// A log that is not there, or a folder log that holds nothing: the hint names the commands that make one.
pub async fn open(location: &Location, options: &Options) -> Result<Arc<dyn Log>, Error> {
    Ok(match location {
        Location::Folder(dir) => Arc::new(FileLog::open(dir).await?),
        Location::Kafka { brokers, topic } => Arc::new(KafkaLog::open(brokers, topic, options).await?),
    })
}

/// Opens a log to append to it, making the folder or the topic where there is none.
///
/// # Errors
/// A folder that another process appends to, a broker that cannot be reached, or an archive that stood before another topic.
pub async fn create(location: &Location, options: &Options) -> Result<Arc<dyn Log>, Error> {
    Ok(match (location, &options.archive) {
        (Location::Folder(dir), _) => Arc::new(FileLog::create(dir).await?),
        (Location::Kafka { brokers, topic }, None) => Arc::new(KafkaLog::create(brokers, topic, options).await?),
        (Location::Kafka { brokers, topic }, Some(archives)) => {
            Arc::new(Archived::create(archives, brokers, topic, options).await?)
        }
    })
}
