//! A Kafka topic as a log, through librdkafka.
//!
//! Appends are acknowledged by all in-sync replicas and idempotent within a session. Reads name their offsets and join no
//! consumer group. Every wait is bounded: if a broker does not answer, an error says so.

mod consumer;
mod listed;
mod producer;
mod reasons;
mod split;
mod times;
mod topic;

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::{Batch, Error, Headers, Limit, Log, LogId, Options, Record};
use crate::durable::blocking;
use consumer::PartitionReader;
pub use listed::{ListedTopic, topics};
pub(super) use producer::Delivery;
use reasons::Reasons;
use times::Times;
use topic::{Topic, is_wrong_time};

/// The header with a record's time of receipt: decimal nanoseconds since 1970, UTC.
const INGEST_TIME: &str = "ingest_time";
/// The header with a record's connection.
const CONNECTION: &str = "connection";
/// The header with the only product whose ticks the message stands for.
const ONLY: &str = "only";

/// How long the answer to "does the topic have several partitions?" is remembered.
const PARTITIONS_LAST: Duration = Duration::from_secs(10);

/// The brokers' default replication, which `new_topic` asks for.
const DEFAULT_REPLICATION: i32 = -1;

/// The kinds of clients, each with the reasons that it reports.
type BaseConsumer = rdkafka::consumer::BaseConsumer<Reasons>;
type FutureProducer = rdkafka::producer::FutureProducer<Reasons>;

/// A Kafka topic.
pub struct KafkaLog {
    topic: Topic,
    /// Answers questions about the topic; each reader has its own consumer.
    client: OnceLock<Arc<BaseConsumer>>,
    /// `None` before the first append, and after a failure that the client does not get over.
    producer: Mutex<Option<FutureProducer>>,
    /// Whether the topic has several partitions, and when this was looked up.
    several_partitions: Mutex<Option<(bool, Instant)>>,
    readers: Arc<Mutex<BTreeMap<i32, PartitionReader>>>,
}

/// A record's place in a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub partition: i32,
    pub offset: i64,
}

impl KafkaLog {
    /// Opens a topic to read it.
    ///
    /// # Errors
    /// The broker cannot be reached, or the topic does not exist.
    pub async fn open(brokers: &str, topic: &str, options: &Options) -> Result<KafkaLog, Error> {
        let log = KafkaLog::new(brokers, topic, options);
        log.partitions().await?;
        Ok(log)
    }

    /// Opens a topic to append to it; creates it if it does not exist.
    ///
    /// # Errors
    /// The broker cannot be reached, or refuses to create the topic.
    pub async fn create(brokers: &str, topic: &str, options: &Options) -> Result<KafkaLog, Error> {
        let log = KafkaLog::new(brokers, topic, options);
        log.ensure_topic().await?;
        Ok(log)
    }

    /// Makes a log that connects when it is first used.
    pub(super) fn new(brokers: &str, topic: &str, options: &Options) -> KafkaLog {
        let topic = Topic {
            brokers: brokers.to_string(),
            name: topic.to_string(),
            properties: options.kafka_properties.clone(),
            isolation_level: options.kafka_isolation_level.clone(),
            timeout: options.kafka_timeout,
            new_partitions: options.new_topic_partitions,
            reasons: Reasons::default(),
            times: Times::default(),
        };
        KafkaLog {
            topic,
            client: OnceLock::new(),
            producer: Mutex::default(),
            several_partitions: Mutex::default(),
            readers: Arc::default(),
        }
    }

    /// Creates the topic if it does not exist.
    pub(super) async fn ensure_topic(&self) -> Result<(), Error> {
        match self.partitions().await {
            Err(Error::NoTopic { .. }) => {}
            result => return result.map(drop),
        }
        let admin: AdminClient<Reasons> = self.topic.client(&[])?;
        let new =
            NewTopic::new(&self.topic.name, self.topic.new_partitions, TopicReplication::Fixed(DEFAULT_REPLICATION));
        let timeout = Some(self.topic.timeout);
        let options = AdminOptions::new().request_timeout(timeout).operation_timeout(timeout);
        let failed = |source| self.topic.failed("make the topic", source);
        for result in admin.create_topics([&new], &options).await.map_err(failed)? {
            match result {
                // Another client may have created it first.
                Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((_, code)) => return Err(failed(KafkaError::AdminOp(code))),
            }
        }
        // The brokers may take a moment to learn of a new topic.
        let deadline = Instant::now() + self.topic.timeout;
        loop {
            match self.partitions().await {
                Err(Error::NoTopic { .. }) if Instant::now() < deadline => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                result => return result.map(drop),
            }
        }
    }

    async fn client(&self) -> Result<Arc<BaseConsumer>, Error> {
        if let Some(client) = self.client.get() {
            return Ok(Arc::clone(client));
        }
        let topic = self.topic.clone();
        let client = blocking(move || {
            topic.check_reachable()?;
            topic.consumer()
        })
        .await?;
        Ok(Arc::clone(self.client.get_or_init(|| Arc::new(client))))
    }

    /// Sends the records in order, waits for all of them, and returns what became of each.
    ///
    /// # Errors
    /// The broker cannot be reached; then no record was sent.
    pub(super) async fn publish(&self, records: &[&Record]) -> Result<Vec<Delivery>, Error> {
        self.publish_with(records, &[]).await
    }

    /// Sends records as [`KafkaLog::publish`] does; a record that has an entry in `headers` gets these headers too.
    async fn publish_with(&self, records: &[&Record], headers: &[&Headers]) -> Result<Vec<Delivery>, Error> {
        let several = self.has_several_partitions().await?;
        let producer = self.producer()?;
        let parts = split::split(records, several);
        let deliveries = producer::send(&producer, &self.topic, &parts, headers, records.len()).await;
        let broken = |delivery: &Delivery| match delivery {
            Delivery::Failed(error) => error.rdkafka_error_code() == Some(RDKafkaErrorCode::Fatal),
            Delivery::At(_) | Delivery::Refused(_) => false,
        };
        if deliveries.iter().any(broken) {
            // The client sends nothing more; the next records need a new one.
            *locked(&self.producer) = None;
        }
        Ok(deliveries)
    }

    /// Returns the error for records that were not acknowledged.
    pub(super) fn not_acknowledged(&self, error: KafkaError) -> Error {
        self.topic.failed("acknowledge messages", error)
    }

    async fn has_several_partitions(&self) -> Result<bool, Error> {
        let known = *locked(&self.several_partitions);
        if let Some((several, asked)) = known
            && asked.elapsed() < PARTITIONS_LAST
        {
            return Ok(several);
        }
        let several = self.partitions().await?.len() > 1;
        *locked(&self.several_partitions) = Some((several, Instant::now()));
        Ok(several)
    }

    fn producer(&self) -> Result<FutureProducer, Error> {
        let mut held = locked(&self.producer);
        if let Some(producer) = &*held {
            return Ok(producer.clone());
        }
        let producer = producer::create(&self.topic)?;
        *held = Some(producer.clone());
        Ok(producer)
    }
}

#[async_trait]
impl Log for KafkaLog {
    fn topic(&self) -> &str {
        &self.topic.name
    }

    async fn id(&self) -> Result<LogId, Error> {
        let client = self.client().await?;
        let topic = self.topic.clone();
        blocking(move || {
            // librdkafka knows the cluster's id from the metadata that it received last.
            topic.metadata(&client)?;
            match client.client().fetch_cluster_id(topic.timeout) {
                Some(cluster) => Ok(LogId::new(format!("kafka:{cluster}/{}", topic.name))),
                None => Err(Error::NoCluster { brokers: topic.brokers }),
            }
        })
        .await
    }

    async fn partitions(&self) -> Result<Vec<i32>, Error> {
        let client = self.client().await?;
        let topic = self.topic.clone();
        blocking(move || {
            let metadata = topic.metadata(&client)?;
            let found = metadata.topics().iter().find(|found| found.name() == topic.name);
            let mut partitions: Vec<i32> = found
                .filter(|found| found.error().is_none())
                .map(|found| found.partitions().iter().map(|partition| partition.id()).collect())
                .unwrap_or_default();
            partitions.sort_unstable();
            if partitions.is_empty() {
                return Err(Error::NoTopic { brokers: topic.brokers, topic: topic.name });
            }
            Ok(partitions)
        })
        .await
    }

    async fn offsets(&self, partition: i32) -> Result<Range<i64>, Error> {
        let client = self.client().await?;
        let topic = self.topic.clone();
        blocking(move || topic.offsets(&client, partition)).await
    }

    async fn read_batch(&self, partition: i32, from: i64, limit: Limit) -> Result<Batch, Error> {
        let client = self.client().await?;
        let (topic, readers) = (self.topic.clone(), Arc::clone(&self.readers));
        blocking(move || {
            let held = || {
                let held = topic.offsets(&client, partition)?;
                let (log, offset) = (topic.to_string(), from);
                if from < held.start {
                    return Err(Error::OffsetGone { log, partition, offset, first: held.start });
                }
                if from > held.end {
                    return Err(Error::OffsetPastEnd { log, partition, offset, end: held.end });
                }
                Ok(held)
            };
            // The reader is taken out of the map while it works, so that other partitions can be read at the same time.
            let reader = locked(&readers).remove(&partition);
            let mut reader = match reader {
                Some(reader) => reader,
                None => PartitionReader::new(&topic, partition)?,
            };
            // A reader that failed is not put back; the next read starts with a new one.
            let batch = reader.read(from, limit, &held)?;
            locked(&readers).insert(partition, reader);
            Ok(batch)
        })
        .await
    }

    async fn append(&self, records: Vec<Record>) -> Result<(), Error> {
        let headers = vec![Headers::new(); records.len()];
        self.append_with(records, headers).await
    }

    async fn append_with(&self, records: Vec<Record>, headers: Vec<Headers>) -> Result<(), Error> {
        let mut waiting: VecDeque<(&Record, &Headers)> = records.iter().zip(&headers).collect();
        let mut group = waiting.len();
        while !waiting.is_empty() {
            let sent: Vec<(&Record, &Headers)> = waiting.drain(..group.min(waiting.len())).collect();
            let count = sent.len();
            let (of_records, of_headers): (Vec<&Record>, Vec<&Headers>) = sent.iter().copied().unzip();
            let deliveries = self.publish_with(&of_records, &of_headers).await?;
            let mut again = VecDeque::new();
            for (sent, delivery) in sent.into_iter().zip(deliveries) {
                match delivery {
                    Delivery::At(_) => {}
                    Delivery::Refused(reason) if count == 1 => {
                        let (log, bytes) = (self.topic.to_string(), sent.0.payload.len());
                        return Err(Error::Refused { log, bytes, reason });
                    }
                    Delivery::Refused(_) => again.push_back(sent),
                    // The next attempt has an earlier time, and the last one is a refusal.
                    Delivery::Failed(error) if is_wrong_time(&error) => again.push_back(sent),
                    Delivery::Failed(error) => return Err(self.not_acknowledged(error)),
                }
            }
            group = next_group(group, count, !again.is_empty());
            again.append(&mut waiting);
            waiting = again;
        }
        Ok(())
    }
}

/// Returns how many messages to send at once after a group of `sent`. A refusal halves it, so that the message that the topic
/// refuses is found soon; each success doubles it.
pub(super) fn next_group(group: usize, sent: usize, refused: bool) -> usize {
    if refused { (sent / 2).max(1) } else { group.saturating_mul(2) }
}

/// Locks the mutex. No code panics while it holds this lock: readers are taken out of the map before they work.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
