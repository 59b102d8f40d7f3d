//! Appends records to a topic, each acknowledged by all in-sync replicas.

use std::time::Duration;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::FutureRecord;

use super::split::Part;
use super::times::time_ms;
use super::{CONNECTION, FutureProducer, INGEST_TIME, ONLY, Place, Topic};
use crate::log::{Error, Headers};

/// A producer's settings; the delivery timeout is added later.
const PROPERTIES: [(&str, &str); 7] = [
    ("acks", "all"),
    // With idempotence, retries neither duplicate nor reorder messages.
    ("enable.idempotence", "true"),
    // Messages have waited for their group already. This is long enough for a group of a live feed to become one batch.
    ("linger.ms", "0.5"),
    // A group of messages of the archive fits into one batch. While a second batch waits for the first one's acknowledgement,
    // librdkafka's idempotent producer keeps a core busy. The broker's limit is for the compressed batch.
    ("batch.size", "4194304"),
    ("compression.type", "zstd"),
    // The broker decides what is too large, after compression: its limit is a setting of the topic.
    ("message.max.bytes", "100000000"),
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
    topic.client(&properties)
}

/// What became of a record that was sent to a topic.
pub(in crate::log) enum Delivery {
    /// It is in the topic, and this is the place of its last part.
    At(Place),
    /// The topic refuses it, and will refuse it again: it is too large, or not of the kind that the topic takes. A batch is refused
    /// as a whole, so among several records it need not be this one.
    Refused(String),
    /// It may be taken later.
    Failed(KafkaError),
}

/// Sends the parts of `records` records in order, and waits until each is acknowledged or has failed. A record that has an entry in
/// `headers` gets these headers too.
pub(super) async fn send(
    producer: &FutureProducer,
    topic: &Topic,
    parts: &[Part<'_>],
    headers: &[&Headers],
    records: usize,
) -> Vec<Delivery> {
    let mut results: Vec<Option<Result<Place, KafkaError>>> = Vec::new();
    results.resize_with(records, || None);
    let mut deliveries = Vec::with_capacity(parts.len());
    let back = topic.times.back();
    let mut stopped: Option<KafkaError> = None;
    for part in parts {
        if let Some(error) = &stopped {
            note(&mut results[part.number], Err(error.clone()));
            continue;
        }
        let more = headers.get(part.number).map_or(&[][..], |headers| headers);
        let mut message = message(topic, part, more, back);
        loop {
            match producer.send_result(message) {
                Ok(delivery) => {
                    deliveries.push((part.number, delivery));
                    break;
                }
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    message = back;
                    tokio::time::sleep(QUEUE_FULL_WAIT).await;
                }
                Err((error, _)) => {
                    // A record that is refused does not stop those after it.
                    if refusal(topic, back, &error).is_none() {
                        stopped = Some(error.clone());
                    }
                    note(&mut results[part.number], Err(error));
                    break;
                }
            }
        }
    }
    // Wait for every record, even after a failure: a record still in flight must not overtake those sent next.
    for (number, delivery) in deliveries {
        let result = match delivery.await {
            Ok(Ok(delivered)) => Ok(Place { partition: delivered.partition, offset: delivered.offset }),
            Ok(Err((error, _))) => Err(error),
            Err(_) => Err(KafkaError::Canceled),
        };
        note(&mut results[number], result);
    }
    let delivered = results.into_iter().map(|result| match result {
        Some(Ok(place)) => Delivery::At(place),
        Some(Err(error)) => match refusal(topic, back, &error) {
            Some(reason) => Delivery::Refused(reason),
            None => Delivery::Failed(error),
        },
        // Each record has a part.
        None => Delivery::Failed(KafkaError::Canceled),
    });
    delivered.collect()
}

/// Notes what became of a part of a record: one part that failed decides over the whole record.
fn note(result: &mut Option<Result<Place, KafkaError>>, part: Result<Place, KafkaError>) {
    if !matches!(result, Some(Err(_))) {
        *result = Some(part);
    }
}

/// Returns the reason if the error stands for a record that no later attempt gets into the topic. A record whose time is refused
/// gets an earlier one with the next attempt.
fn refusal(topic: &Topic, back: Duration, error: &KafkaError) -> Option<String> {
    let code = error.rdkafka_error_code()?;
    let refused = match code {
        RDKafkaErrorCode::MessageSizeTooLarge
        | RDKafkaErrorCode::MessageBatchTooLarge
        | RDKafkaErrorCode::InvalidRecord
        | RDKafkaErrorCode::InvalidDifferentRecord => true,
        RDKafkaErrorCode::InvalidTimestamp => !topic.times.refused(back),
        _ => false,
    };
    refused.then(|| code.to_string())
}

fn message<'a>(
    topic: &'a Topic,
    part: &'a Part<'a>,
    more: &[(&'static str, String)],
    back: Duration,
) -> FutureRecord<'a, str, [u8]> {
    let record = part.record;
    let ingest_time = record.ingest_time.to_string();
    let mut headers = OwnedHeaders::new().insert(Header { key: INGEST_TIME, value: Some(&ingest_time) });
    if let Some(connection) = &record.connection {
        headers = headers.insert(Header { key: CONNECTION, value: Some(&**connection) });
    }
    if let Some(product) = &part.only {
        headers = headers.insert(Header { key: ONLY, value: Some(product) });
    }
    for (key, value) in more {
        headers = headers.insert(Header { key, value: Some(value) });
    }
    let mut message = FutureRecord::to(&topic.name)
        .payload(&*record.payload)
        .timestamp(time_ms(record.ingest_time, back))
        .headers(headers);
    message.key = part.only.as_deref().or(record.key.as_deref());
    message
}
