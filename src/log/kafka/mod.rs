//! A Kafka topic as a log, through librdkafka.
//!
//! Appends are acknowledged by all in-sync replicas and idempotent within a session. Reads name their offsets and join no
//! consumer group. Every wait is bounded: if a broker does not answer, an error says so.

mod consumer;
mod producer;
mod split;

use std::collections::BTreeMap;
use std::net::{TcpStream, ToSocketAddrs};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::FutureProducer;

use super::{Error, Log, LogId, Message, Options, Record};
use crate::durable::blocking;
use consumer::PartitionReader;

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

/// How long the first connection may take; it counts towards the time that a broker may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// A Kafka topic.
pub struct KafkaLog {
    topic: Topic,
    /// Answers questions about the topic; each reader has its own consumer.
    client: OnceLock<Arc<BaseConsumer>>,
    producer: OnceLock<FutureProducer>,
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

/// A topic, its address, and the settings of its clients.
#[derive(Debug, Clone)]
struct Topic {
    brokers: String,
    name: String,
    properties: BTreeMap<String, String>,
    timeout: Duration,
    new_partitions: i32,
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
            timeout: options.kafka_timeout,
            new_partitions: options.new_topic_partitions,
        };
        KafkaLog {
            topic,
            client: OnceLock::new(),
            producer: OnceLock::new(),
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
        let admin: AdminClient<DefaultClientContext> =
            self.topic.config(&[]).create().map_err(|error| Error::Settings(error.into()))?;
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
            topic.config(&consumer::PROPERTIES).create::<BaseConsumer>().map_err(|error| Error::Settings(error.into()))
        })
        .await?;
        Ok(Arc::clone(self.client.get_or_init(|| Arc::new(client))))
    }

    /// Appends the records and returns the place of the last one.
    pub(super) async fn append_and_place(&self, records: &[Record]) -> Result<Option<Place>, Error> {
        let several = self.has_several_partitions().await?;
        producer::append(self.producer()?, &self.topic, &split::split(records, several)).await
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

    fn producer(&self) -> Result<&FutureProducer, Error> {
        if let Some(producer) = self.producer.get() {
            return Ok(producer);
        }
        let producer = producer::create(&self.topic)?;
        Ok(self.producer.get_or_init(|| producer))
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
            let fetched = client.fetch_metadata(Some(&topic.name), topic.timeout);
            fetched.map_err(|source| topic.failed("describe itself", source))?;
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
            let metadata = client
                .fetch_metadata(Some(&topic.name), topic.timeout)
                .map_err(|source| topic.failed("describe itself", source))?;
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

    async fn read(&self, partition: i32, from: i64, limit: usize) -> Result<Vec<Message>, Error> {
        let client = self.client().await?;
        let (topic, readers) = (self.topic.clone(), Arc::clone(&self.readers));
        blocking(move || {
            let held = topic.offsets(&client, partition)?;
            let (log, offset) = (topic.to_string(), from);
            if from < held.start {
                return Err(Error::OffsetGone { log, partition, offset, first: held.start });
            }
            if from > held.end {
                return Err(Error::OffsetPastEnd { log, partition, offset, end: held.end });
            }
            if from == held.end || limit == 0 {
                return Ok(Vec::new());
            }
            // The reader is taken out of the map while it works, so that other partitions can be read at the same time.
            let reader = locked(&readers).remove(&partition);
            let mut reader = match reader {
                Some(reader) => reader,
                None => PartitionReader::new(&topic, partition)?,
            };
            // A reader that failed is not put back; the next read starts with a new one.
            let messages = reader.read(from, held.end, limit)?;
            locked(&readers).insert(partition, reader);
            Ok(messages)
        })
        .await
    }

    async fn append(&self, records: Vec<Record>) -> Result<(), Error> {
        self.append_and_place(&records).await.map(drop)
    }
}

impl Topic {
    /// Returns a client's settings: squall's for this kind of client, overridden by the user's.
    fn config(&self, properties: &[(&str, &str)]) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers).set("client.id", "squall");
        for (name, value) in properties {
            config.set(*name, *value);
        }
        for (name, value) in &self.properties {
            config.set(name, value);
        }
        config
    }

    fn offsets(&self, client: &BaseConsumer, partition: i32) -> Result<Range<i64>, Error> {
        match client.fetch_watermarks(&self.name, partition, self.timeout) {
            Ok((first, end)) => Ok(first..end),
            Err(error) if error.rdkafka_error_code() == Some(RDKafkaErrorCode::UnknownPartition) => {
                Err(Error::NoPartition { log: self.to_string(), partition })
            }
            Err(source) => Err(self.failed("say which offsets it holds", source)),
        }
    }

    /// Connects to one of the brokers. librdkafka alone would report only a timeout, after the whole wait.
    fn check_reachable(&self) -> Result<(), Error> {
        let timeout = CONNECT_TIMEOUT.min(self.timeout);
        let mut reason = String::from("no broker is named");
        for broker in self.brokers.split(',') {
            let addresses = match broker.trim().to_socket_addrs() {
                Ok(addresses) => addresses,
                Err(error) => {
                    reason = format!("{broker}: {error}");
                    continue;
                }
            };
            for address in addresses {
                match TcpStream::connect_timeout(&address, timeout) {
                    Ok(_) => return Ok(()),
                    Err(error) => reason = format!("{address}: {error}"),
                }
            }
        }
        Err(Error::Unreachable { brokers: self.brokers.clone(), reason })
    }

    /// Turns librdkafka's error into ours: a timeout, a network failure, or a refusal by the broker.
    fn failed(&self, action: &'static str, source: KafkaError) -> Error {
        let brokers = self.brokers.clone();
        match source.rdkafka_error_code() {
            Some(
                RDKafkaErrorCode::AllBrokersDown
                | RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::MessageTimedOut
                | RDKafkaErrorCode::OperationTimedOut
                | RDKafkaErrorCode::RequestTimedOut
                | RDKafkaErrorCode::Resolve,
            ) => {
                let seconds = self.timeout.as_secs_f32();
                Error::Unreachable { brokers, reason: format!("it did not {action} within {seconds} s") }
            }
            Some(RDKafkaErrorCode::UnknownTopic | RDKafkaErrorCode::UnknownTopicOrPartition) => {
                Error::NoTopic { brokers, topic: self.name.clone() }
            }
            _ => Error::Kafka { brokers, topic: self.name.clone(), action, source: source.into() },
        }
    }
}

impl std::fmt::Display for Topic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "kafka://{}/{}", self.brokers, self.name)
    }
}

/// Locks the mutex. No code panics while it holds this lock: readers are taken out of the map before they work.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
