//! Appends records to a topic, each acknowledged by all in-sync replicas.

use std::time::Duration;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};

use super::super::{Error, Record};
use super::{CONNECTION, INGEST_TIME, Topic};

/// What a producer of ours is set to; the time to deliver is added.
const PROPERTIES: [(&str, &str); 5] = [
    ("acks", "all"),
    // Retries neither duplicate nor reorder.
    ("enable.idempotence", "true"),
    ("linger.ms", "5"),
    ("compression.type", "zstd"),
    // As Kafka's own clients choose a key's partition, so that all producers agree.
    ("partitioner", "murmur2_random"),
];

/// How long to wait when librdkafka's queue is full.
const QUEUE_FULL_WAIT: Duration = Duration::from_millis(10);

/// Makes the topic's producer.
pub(super) fn create(topic: &Topic) -> Result<FutureProducer, Error> {
    let timeout_ms = topic.timeout.as_millis().to_string();
    let mut properties = PROPERTIES.to_vec();
    properties.push(("message.timeout.ms", &timeout_ms));
    topic.config(&properties).create().map_err(|error| Error::Settings(error.into()))
}

/// Sends the records in order and waits until each is acknowledged, or known not to be.
pub(super) async fn append(producer: &FutureProducer, topic: &Topic, records: &[Record]) -> Result<(), Error> {
    let mut deliveries = Vec::with_capacity(records.len());
    let mut failure = None;
    'records: for record in records {
        let mut message = message(topic, record);
        loop {
            match producer.send_result(message) {
                Ok(delivery) => {
                    deliveries.push(delivery);
                    break;
                }
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    message = back;
                    tokio::time::sleep(QUEUE_FULL_WAIT).await;
                }
                Err((error, _)) => {
                    failure = Some(error);
                    break 'records;
                }
            }
        }
    }
    // All of them, even after a failure: what is still under way must not overtake what is sent next.
    let mut first_failure = None;
    for delivery in deliveries {
        let error = match delivery.await {
            Ok(Ok(_)) => continue,
            Ok(Err((error, _))) => error,
            Err(_) => KafkaError::Canceled,
        };
        first_failure.get_or_insert(error);
    }
    match first_failure.or(failure) {
        None => Ok(()),
        Some(error) => Err(topic.failed("acknowledge messages", error)),
    }
}

fn message<'a>(topic: &'a Topic, record: &'a Record) -> FutureRecord<'a, str, [u8]> {
    let ingest_time = record.ingest_time.to_string();
    let mut headers = OwnedHeaders::new().insert(Header { key: INGEST_TIME, value: Some(&ingest_time) });
    if let Some(connection) = &record.connection {
        headers = headers.insert(Header { key: CONNECTION, value: Some(connection) });
    }
    let mut message = FutureRecord::to(&topic.name)
        .payload(record.payload.as_slice())
        .timestamp(record.ingest_time.div_euclid(1_000_000))
        .headers(headers);
    message.key = record.key.as_deref();
    message
}
