//! Topics with offsets that hold no message for readers: transactions leave markers and aborted messages behind.

use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use squall::log::{KafkaLog, Limit, Log, Options};
use squall::tick::Status;

use super::identity::{envelope, land};
use super::{fresh_topic, options, real_broker};

const TIMEOUT: Duration = Duration::from_secs(20);

/// Writes messages to partition 0 in one transaction, and commits or aborts it.
fn transaction(producer: &BaseProducer, topic: &str, numbers: std::ops::Range<usize>, commit: bool) {
    producer.begin_transaction().expect("a transaction begins");
    for number in numbers {
        let record = envelope(number, &["BTC-USD"]);
        let message = BaseRecord::<(), [u8]>::to(topic).payload(&record.payload).partition(0);
        producer.send(message).map_err(|(error, _)| error).expect("the message is taken");
    }
    producer.flush(TIMEOUT).expect("the messages are acknowledged");
    match commit {
        true => producer.commit_transaction(TIMEOUT).expect("committed"),
        false => producer.abort_transaction(TIMEOUT).expect("aborted"),
    }
}

/// Waits until partition 0 ends at an offset: the coordinator answers before it has written the partition's marker.
async fn until_end(log: &KafkaLog, end: i64) {
    let deadline = Instant::now() + TIMEOUT;
    while log.offsets(0).await.expect("offsets").end != end {
        assert!(Instant::now() < deadline, "the partition ends at {end}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn transactional(brokers: &str, topic: &str) -> BaseProducer {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("transactional.id", topic)
        .create()
        .expect("a producer");
    producer.init_transactions(TIMEOUT).expect("transactions");
    producer
}

#[tokio::test]
async fn broker_whose_tail_is_markers_is_read_to_its_end() {
    let Some(brokers) = real_broker("kafka::transactions::broker_whose_tail_is_markers_is_read_to_its_end") else {
        return;
    };
    let topic = fresh_topic("markers");
    let options = Options { new_topic_partitions: 1, kafka_timeout: Duration::from_secs(5), ..options() };
    let log = KafkaLog::create(&brokers, &topic, &options).await.expect("the topic opens");
    let producer = transactional(&brokers, &topic);
    // Offsets 0 to 9 and a marker at 10; 11 to 15 are aborted, with a marker at 16.
    transaction(&producer, &topic, 0..10, true);
    transaction(&producer, &topic, 10..15, false);
    until_end(&log, 17).await;
    let small = Limit { messages: 4, bytes: 1 << 20 };
    let (mut from, mut read) = (0, Vec::new());
    while from < 17 {
        let batch = log.read_batch(0, from, small).await.expect("the topic can be read");
        assert!(batch.next > from, "reading stands still at offset {from}");
        from = batch.next;
        read.extend(batch.messages.into_iter().map(|message| message.offset));
    }
    assert_eq!(read, (0..10).collect::<Vec<i64>>());
    // From within the tail too, by a reader that heard of the end before, and again.
    for from in [10, 10, 12, 16] {
        let batch = log.read_batch(0, from, small).await.expect("the tail can be read");
        assert_eq!((batch.messages.len(), batch.next), (0, 17));
    }

    let temp = tempfile::tempdir().expect("a temporary folder");
    let landing = land(&brokers, &topic, temp.path(), None).await.expect("landed");
    assert_eq!((landing.summary.rows(Status::Ok), landing.summary.absent), (10, 7));
    assert_eq!(landing.files[0].offsets(), 0..=16);
    // What only passes over offsets is accounted for too.
    transaction(&producer, &topic, 15..18, false);
    until_end(&log, 21).await;
    let landing = land(&brokers, &topic, temp.path(), None).await.expect("landed");
    assert_eq!((landing.summary.messages, landing.summary.absent), (0, 4));
    assert_eq!(landing.files[0].offsets(), 17..=20);
    transaction(&producer, &topic, 18..20, true);
    until_end(&log, 24).await;
    let landing = land(&brokers, &topic, temp.path(), None).await.expect("landed");
    assert_eq!((landing.summary.rows(Status::Ok), landing.files[0].offsets()), (2, 21..=23));
    let again = land(&brokers, &topic, temp.path(), None).await.expect("landed");
    assert_eq!((again.files.len(), again.summary.absent), (0, 0));
}

#[tokio::test]
async fn broker_shows_aborted_messages_on_request() {
    let Some(brokers) = real_broker("kafka::transactions::broker_shows_aborted_messages_on_request") else { return };
    let topic = fresh_topic("aborted");
    let options = Options { new_topic_partitions: 1, ..options() };
    let log = KafkaLog::create(&brokers, &topic, &options).await.expect("the topic opens");
    let producer = transactional(&brokers, &topic);
    transaction(&producer, &topic, 0..3, false);
    assert_eq!(log.read(0, 0, 10).await.expect("read"), []);
    let options = Options { kafka_isolation_level: "read_uncommitted".into(), ..options };
    let log = KafkaLog::open(&brokers, &topic, &options).await.expect("the topic opens");
    assert_eq!(log.read(0, 0, 10).await.expect("read").len(), 3);
}

#[tokio::test]
async fn broker_with_an_open_transaction_is_read_up_to_it() {
    let Some(brokers) = real_broker("kafka::transactions::broker_with_an_open_transaction_is_read_up_to_it") else {
        return;
    };
    let topic = fresh_topic("open");
    let options = Options { new_topic_partitions: 1, ..options() };
    let log = KafkaLog::create(&brokers, &topic, &options).await.expect("the topic opens");
    let producer = transactional(&brokers, &topic);
    transaction(&producer, &topic, 0..3, true);
    producer.begin_transaction().expect("a transaction begins");
    let message = BaseRecord::<(), str>::to(&topic).payload("open").partition(0);
    producer.send(message).map_err(|(error, _)| error).expect("the message is taken");
    producer.flush(TIMEOUT).expect("acknowledged");
    assert_eq!(log.offsets(0).await.expect("offsets"), 0..4);
    let batch = log.read_batch(0, 0, Limit::messages(10)).await.expect("read");
    assert_eq!((batch.messages.len(), batch.next), (3, 4));
    producer.commit_transaction(TIMEOUT).expect("committed");
    // The coordinator answers before it has written the partition's marker.
    let deadline = Instant::now() + TIMEOUT;
    while log.read(0, 4, 10).await.expect("read").is_empty() {
        assert!(Instant::now() < deadline, "the message can be read");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
