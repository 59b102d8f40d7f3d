//! Reads one partition from given offsets. The reader remembers its position, so that librdkafka's read-ahead helps.

use std::ops::Range;
use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Headers, Message as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::super::keeper::Keeper;
use super::super::{Batch, Error, Limit, Message, Record};
use super::{BaseConsumer, CONNECTION, INGEST_TIME, ONLY, Topic};
use crate::tick;

/// A consumer's settings. Offsets come from the landed files, so the consumer neither commits offsets nor picks its own.
pub(super) const PROPERTIES: [(&str, &str); 8] = [
    // librdkafka requires a group id to consume, but no group is joined.
    ("group.id", "squall"),
    ("enable.auto.commit", "false"),
    ("auto.offset.reset", "error"),
    ("allow.auto.create.topics", "false"),
    ("enable.partition.eof", "true"),
    // Each partition has a consumer, and each reads ahead so far.
    ("queued.max.messages.kbytes", "8192"),
    // When so much waits, librdkafka looks this often whether there is room again. By default, it stops reading for a second.
    ("fetch.queue.backoff.ms", "5"),
    // An answer of the broker is unpacked whole, whatever the line above says. Messages of repeated text unpack to thousands of
    // times their size, so answers have to be small. This costs no measurable time on a network without long delays.
    ("fetch.message.max.bytes", "65536"),
];

/// How long to wait before librdkafka is asked again. Its own waits last until a time of day: if the clock is set back meanwhile,
/// one of them may last for hours.
const PAUSE: Duration = Duration::from_micros(500);

/// How long to wait for messages before the end is asked for again. librdkafka tells the end once, and an earlier read may
/// have heard it.
const END_TOLD: Duration = Duration::from_millis(300);

/// A partition's consumer.
pub(super) struct PartitionReader {
    topic: Topic,
    partition: i32,
    consumer: BaseConsumer,
    /// The offset that the consumer delivers next; `None` before the first read.
    next_offset: Option<i64>,
    /// Where the partition ended when the broker was asked last.
    end: i64,
    keeper: Keeper,
}

impl PartitionReader {
    /// Makes a reader without a position.
    pub(super) fn new(topic: &Topic, partition: i32) -> Result<PartitionReader, Error> {
        let consumer = topic.consumer()?;
        let (next_offset, end, keeper) = (None, 0, Keeper::default());
        Ok(PartitionReader { topic: topic.clone(), partition, consumer, next_offset, end, keeper })
    }

    /// Returns messages from `from` on. `held` asks the broker which offsets the partition holds now, and refuses those
    /// between which `from` does not lie; it is called only if the reader does not know that messages follow.
    pub(super) fn read(
        &mut self,
        from: i64,
        limit: Limit,
        held: &dyn Fn() -> Result<Range<i64>, Error>,
    ) -> Result<Batch, Error> {
        let Batch { mut messages, mut next } = Batch::starting_at(from);
        let mut assigned = false;
        if self.next_offset != Some(from) {
            self.next_offset = None;
            self.end = held()?.end;
            if from == self.end {
                return Ok(Batch::starting_at(from));
            }
            self.assign(from)?;
            assigned = true;
        } else if from >= self.end {
            self.end = held()?.end;
        }
        let mut bytes = 0;
        let mut silent: Option<Instant> = None;
        while next < self.end && messages.len() < limit.messages && bytes < limit.bytes {
            match self.consumer.poll(Duration::ZERO) {
                Some(Ok(message)) => {
                    next = message.offset().saturating_add(1);
                    let message = convert(&message, &mut self.keeper);
                    bytes += message.bytes();
                    messages.push(message);
                    silent = None;
                    continue;
                }
                // Only an end that librdkafka tells after this assignment is as late as `end`. One that it told before is
                // older.
                Some(Err(KafkaError::PartitionEOF(_))) if assigned => {
                    // Nothing else is below `end`. The rest is transaction markers, messages of aborted transactions, and
                    // messages that Kafka's own compaction removed.
                    next = self.end;
                    break;
                }
                Some(Err(KafkaError::PartitionEOF(_))) if messages.is_empty() => {
                    self.end = held()?.end;
                    self.assign(from)?;
                    assigned = true;
                }
                // The next read asks what the remaining offsets hold.
                Some(Err(KafkaError::PartitionEOF(_))) => break,
                Some(Err(error)) if !is_passing(&error) => {
                    // The log may have dropped the offset since the broker was asked.
                    held()?;
                    return Err(self.topic.failed("deliver messages", error));
                }
                Some(Err(_)) | None => std::thread::sleep(PAUSE),
            }
            let silence = silent.get_or_insert_with(Instant::now).elapsed();
            if !assigned && messages.is_empty() && silence >= END_TOLD {
                self.end = held()?.end;
                self.assign(from)?;
                assigned = true;
            }
            if silence >= self.topic.timeout {
                let error = KafkaError::MessageConsumption(RDKafkaErrorCode::OperationTimedOut);
                return Err(self.topic.failed("deliver messages", error));
            }
        }
        self.next_offset = Some(next);
        Ok(Batch { messages, next })
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
                | RDKafkaErrorCode::Authentication
                | RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::OperationTimedOut
                | RDKafkaErrorCode::Resolve
                | RDKafkaErrorCode::SSL
        )
    )
}

/// Turns any producer's message into a [`Message`]. Where a producer left out our headers, Kafka's own fields are used.
fn convert(message: &BorrowedMessage<'_>, keeper: &mut Keeper) -> Message {
    let (mut ingest_time, mut connection, mut only) = (None, None, None);
    for header in message.headers().into_iter().flat_map(|headers| headers.iter()) {
        let Some(Ok(value)) = header.value.map(std::str::from_utf8) else { continue };
        match header.key {
            // An implausible time is not taken: another producer may mean something else by it.
            INGEST_TIME => ingest_time = tick::time_of_text(value).ok(),
            CONNECTION => connection = Some(keeper.name(value)),
            ONLY => only = Some(keeper.name(value)),
            _ => {}
        }
    }
    let broker_time = || message.timestamp().to_millis().unwrap_or_default().saturating_mul(1_000_000);
    Message {
        partition: message.partition(),
        offset: message.offset(),
        record: Record {
            key: message.key().map(|key| keeper.name(&String::from_utf8_lossy(key))),
            payload: keeper.bytes(message.payload().unwrap_or_default()),
            ingest_time: ingest_time.unwrap_or_else(broker_time),
            connection,
        },
        only,
    }
}
