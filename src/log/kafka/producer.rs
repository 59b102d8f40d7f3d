//! Appends records to a topic, each acknowledged by all in-sync replicas.

use std::time::Duration;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};

use super::split::Part;
use super::{CONNECTION, INGEST_TIME, ONLY, Place, Topic};
use crate::log::Error;

/// A producer's settings; the delivery timeout is added later.
const PROPERTIES: [(&str, &str); 5] = [
    ("acks", "all"),
    // With idempotence, retries neither duplicate nor reorder messages.
    ("enable.idempotence", "true"),
    ("linger.ms", "5"),
    ("compression.type", "zstd"),
    // Kafka's own clients choose a key's partition this way, so all producers agree.
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

/// Sends the records in order and waits until each is acknowledged or has failed. Returns the place of the last one.
pub(super) async fn append(
    producer: &FutureProducer,
    topic: &Topic,
    parts: &[Part<'_>],
) -> Result<Option<Place>, Error> {
    let mut deliveries = Vec::with_capacity(parts.len());
    let mut failure = None;
    'parts: for part in parts {
        let mut message = message(topic, part);
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
                    break 'parts;
                }
            }
        }
    }
    // Wait for every record, even after a failure: a record still in flight must not overtake those sent next.
    let (mut place, mut first_failure) = (None, None);
    for delivery in deliveries {
        let error = match delivery.await {
            Ok(Ok(delivered)) => {
                place = Some(Place { partition: delivered.partition, offset: delivered.offset });
                continue;
            }
            Ok(Err((error, _))) => error,
            Err(_) => KafkaError::Canceled,
        };
        first_failure.get_or_insert(error);
    }
    match first_failure.or(failure) {
        None => Ok(place),
        Some(error) => Err(topic.failed("acknowledge messages", error)),
    }
}

fn message<'a>(topic: &'a Topic, part: &'a Part<'a>) -> FutureRecord<'a, str, [u8]> {
    let record = part.record;
    let ingest_time = record.ingest_time.to_string();
    let mut headers = OwnedHeaders::new().insert(Header { key: INGEST_TIME, value: Some(&ingest_time) });
    if let Some(connection) = &record.connection {
        headers = headers.insert(Header { key: CONNECTION, value: Some(connection) });
    }
    if let Some(product) = &part.only {
        headers = headers.insert(Header { key: ONLY, value: Some(product) });
    }
    let mut message = FutureRecord::to(&topic.name)
        .payload(record.payload.as_slice())
        .timestamp(record.ingest_time.div_euclid(1_000_000))
        .headers(headers);
    message.key = part.only.as_deref().or(record.key.as_deref());
    message
}
