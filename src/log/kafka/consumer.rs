//! Reads one partition from given offsets. The reader remembers its position, so that librdkafka's read-ahead helps.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Headers, Message as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::super::{Error, Message, Record};
use super::{CONNECTION, INGEST_TIME, ONLY, Topic};

/// A consumer's settings. Offsets come from the landed files, so the consumer neither commits offsets nor picks its own.
pub(super) const PROPERTIES: [(&str, &str); 5] = [
    // librdkafka requires a group id to consume, but no group is joined.
    ("group.id", "squall"),
    ("enable.auto.commit", "false"),
    ("auto.offset.reset", "error"),
    ("allow.auto.create.topics", "false"),
    ("enable.partition.eof", "true"),
];

const POLL: Duration = Duration::from_millis(100);

/// A partition's consumer.
pub(super) struct PartitionReader {
    topic: Topic,
    partition: i32,
    consumer: BaseConsumer,
    /// The offset that the consumer delivers next; `None` before the first read.
    next_offset: Option<i64>,
}

impl PartitionReader {
    /// Makes a reader without a position.
    pub(super) fn new(topic: &Topic, partition: i32) -> Result<PartitionReader, Error> {
        let consumer = topic.config(&PROPERTIES).create().map_err(|error| Error::Settings(error.into()))?;
        Ok(PartitionReader { topic: topic.clone(), partition, consumer, next_offset: None })
    }

    /// Returns up to `limit` messages of `from..end`.
    pub(super) fn read(&mut self, from: i64, end: i64, limit: usize) -> Result<Vec<Message>, Error> {
        if self.next_offset != Some(from) {
            self.assign(from)?;
        }
        let mut next_offset = from;
        let mut messages = Vec::new();
        let mut deadline = Instant::now() + self.topic.timeout;
        while next_offset < end && messages.len() < limit {
            match self.consumer.poll(POLL) {
                Some(Ok(message)) => {
                    next_offset = message.offset().saturating_add(1);
                    messages.push(convert(&message));
                    deadline = Instant::now() + self.topic.timeout;
                }
                // The remaining offsets are transaction markers, or messages that Kafka's own compaction removed.
                Some(Err(KafkaError::PartitionEOF(_))) => break,
                Some(Err(error)) if !is_passing(&error) => return Err(self.topic.failed("deliver messages", error)),
                Some(Err(_)) | None if Instant::now() < deadline => {}
                Some(Err(_)) | None => {
                    let error = KafkaError::MessageConsumption(RDKafkaErrorCode::OperationTimedOut);
                    return Err(self.topic.failed("deliver messages", error));
                }
            }
        }
        self.next_offset = Some(next_offset);
        Ok(messages)
    }

    fn assign(&mut self, from: i64) -> Result<(), Error> {
        let mut place = TopicPartitionList::new();
        place
            .add_partition_offset(&self.topic.name, self.partition, Offset::Offset(from))
            .and_then(|()| self.consumer.assign(&place))
            .map_err(|source| self.topic.failed("take a reader", source))
    }
}

/// Returns whether librdkafka keeps retrying after this error.
fn is_passing(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::AllBrokersDown
                | RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::OperationTimedOut
                | RDKafkaErrorCode::Resolve
        )
    )
}

/// Turns any producer's message into a [`Message`]. Where a producer left out our headers, Kafka's own fields are used.
fn convert(message: &BorrowedMessage<'_>) -> Message {
    let header = |name: &str| {
        let mut headers = message.headers()?.iter();
        let value = headers.find(|header| header.key == name)?.value?;
        std::str::from_utf8(value).ok()
    };
    let broker_time = || message.timestamp().to_millis().unwrap_or_default().saturating_mul(1_000_000);
    Message {
        partition: message.partition(),
        offset: message.offset(),
        record: Record {
            key: message.key().map(|key| String::from_utf8_lossy(key).into_owned()),
            payload: message.payload().unwrap_or_default().to_vec(),
            ingest_time: header(INGEST_TIME).and_then(|time| time.parse().ok()).unwrap_or_else(broker_time),
            connection: header(CONNECTION).map(String::from),
        },
        only: header(ONLY).map(String::from),
    }
}
