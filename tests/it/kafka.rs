//! Kafka as a log. The tests always run against librdkafka's in-process mock cluster. They also run against a real broker if
//! `SQUALL_TEST_KAFKA` names one (`SQUALL_TEST_KAFKA=$(docker/kafka-local.sh start) cargo test --test it kafka::`).

mod identity;
mod partitions;
mod refused;
mod remade;
mod shared;
mod tls;
mod transactions;

use std::io::Write;
use std::process::Command;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{DefaultProducerContext, FutureProducer, FutureRecord};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use squall::error::Hint;
use squall::log::{Archived, Error, FileLog, KafkaLog, Location, Log, Message, Options, Record, create, open};

const PRODUCTS: [&str; 3] = ["BTC-USD", "ETH-USD", "SOL-USD"];

fn options() -> Options {
    Options { new_topic_partitions: 3, ..Options::default() }
}

fn cluster(topic: &str, partitions: i32) -> MockCluster<'static, DefaultProducerContext> {
    let cluster = MockCluster::new(1).expect("a mock cluster");
    cluster.create_topic(topic, partitions, 1).expect("a topic");
    cluster
}

fn record(number: usize) -> Record {
    Record {
        key: (number % 4 < 3).then(|| PRODUCTS[number % 4].into()),
        // Not only text, because a log stores any bytes.
        payload: [format!("{{\"number\":{number}}}").as_bytes(), &[0, 255, b'\n']].concat().into(),
        ingest_time: 1_763_942_400_123_456_789 + number as i64,
        connection: number.is_multiple_of(2).then(|| "c1".into()),
    }
}

async fn read_partition(log: &dyn Log, partition: i32, from: i64, limit: usize) -> Vec<Message> {
    let mut messages: Vec<Message> = Vec::new();
    loop {
        let next = messages.last().map_or(from, |message| message.offset + 1);
        let more = log.read(partition, next, limit).await.expect("the topic can be read");
        if more.is_empty() {
            return messages;
        }
        assert!(more.len() <= limit);
        messages.extend(more);
    }
}

async fn read_all(log: &dyn Log, limit: usize) -> Vec<Message> {
    let mut messages = Vec::new();
    for partition in log.partitions().await.expect("partitions") {
        messages.extend(read_partition(log, partition, 0, limit).await);
    }
    messages
}

/// What every broker must fulfil, with a topic of three partitions.
async fn what_goes_in_comes_out(brokers: &str, topic: &str) {
    let location = Location::Kafka { brokers: brokers.into(), topic: topic.into() };
    let writer = create(&location, &options()).await.expect("the topic opens");
    assert_eq!((writer.topic(), writer.partitions().await.expect("partitions")), (topic, vec![0, 1, 2]));
    let records: Vec<Record> = (0..1000).map(record).collect();
    writer.append(records[..400].to_vec()).await.expect("the topic takes records");
    writer.append(records[400..].to_vec()).await.expect("the topic takes records");

    let log = open(&location, &options()).await.expect("the topic opens");
    for limit in [7, 10_000] {
        let messages = read_all(log.as_ref(), limit).await;
        assert_eq!(messages.len(), records.len());
        for product in PRODUCTS {
            let of_product = |record: &&Record| record.key.as_deref() == Some(product);
            let expected: Vec<&Record> = records.iter().filter(of_product).collect();
            let read = messages.iter().map(|message| &message.record).filter(of_product);
            assert_eq!(read.collect::<Vec<_>>(), expected, "a product's messages keep their order");
        }
        let without_key = messages.iter().filter(|message| message.record.key.is_none()).count();
        assert_eq!(without_key, 250);
    }
    for partition in [0, 1, 2] {
        let held = log.offsets(partition).await.expect("offsets");
        let messages = read_partition(log.as_ref(), partition, held.start, 100).await;
        assert!(messages.iter().map(|message| message.offset).eq(held.clone()), "offsets have no hole");
        if let Some(later) = messages.get(5) {
            let again = log.read(partition, later.offset, 1).await.expect("a place named is found");
            assert_eq!(again, std::slice::from_ref(later));
        }
        let error = log.read(partition, held.end + 1, 1).await.expect_err("there is no such offset");
        assert!(matches!(error, Error::OffsetPastEnd { .. }), "{error}");
    }
    let error = log.read(3, 0, 1).await.expect_err("there is no such partition");
    assert!(matches!(error, Error::NoPartition { partition: 3, .. }), "{error}");
}

/// If another producer left out our headers, Kafka's own fields are used.
async fn messages_of_other_producers(brokers: &str, topic: &str) {
    let producer: FutureProducer = ClientConfig::new().set("bootstrap.servers", brokers).create().expect("a producer");
    let message = FutureRecord::<(), str>::to(topic).payload("{}").timestamp(1_763_942_400_123).partition(0);
    producer.send(message, Duration::from_secs(10)).await.expect("the message is taken");
    let log = KafkaLog::open(brokers, topic, &options()).await.expect("the topic opens");
    let end = log.offsets(0).await.expect("offsets").end;
    let messages = log.read(0, end - 1, 1).await.expect("the topic can be read");
    let expected = Record { key: None, payload: "{}".into(), ingest_time: 1_763_942_400_123_000_000, connection: None };
    assert_eq!(messages[0].record, expected);
    // Their `ingest_time` counts if it is plausible, in any unit.
    for (header, ingest_time) in [
        ("1763942400123456789", 1_763_942_400_123_456_789),
        ("1763942399", 1_763_942_399_000_000_000),
        ("1763942399500", 1_763_942_399_500_000_000),
        ("-5", 1_763_942_400_123_000_000),
        ("17639424", 1_763_942_400_123_000_000),
        ("noon", 1_763_942_400_123_000_000),
    ] {
        let header = OwnedHeaders::new().insert(Header { key: "ingest_time", value: Some(header) });
        let message = FutureRecord::<(), str>::to(topic).payload("{}").timestamp(1_763_942_400_123).partition(0);
        producer.send(message.headers(header), Duration::from_secs(10)).await.expect("the message is taken");
        let end = log.offsets(0).await.expect("offsets").end;
        let messages = log.read(0, end - 1, 1).await.expect("the topic can be read");
        assert_eq!(messages[0].record.ingest_time, ingest_time);
    }
}

#[tokio::test]
async fn mock_keeps_bytes_order_and_offsets() {
    let cluster = cluster("ticks.raw", 3);
    what_goes_in_comes_out(&cluster.bootstrap_servers(), "ticks.raw").await;
    messages_of_other_producers(&cluster.bootstrap_servers(), "ticks.raw").await;
}

#[tokio::test]
async fn a_broker_that_cannot_be_reached_is_named() {
    // A port that was free a moment ago, so nothing listens there.
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its number").port();
    let brokers = format!("127.0.0.1:{port}");
    let started = Instant::now();
    let error = KafkaLog::open(&brokers, "ticks.raw", &options()).await.err().expect("nobody listens");
    assert!(started.elapsed() < Duration::from_secs(5), "a refused connection is known at once");
    assert!(error.to_string().starts_with(&format!("cannot reach Kafka at {brokers}: ")), "{error}");
    assert!(error.hint().expect("a hint").contains("docker/kafka-local.sh start"));
    // A server that accepts connections but never answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let brokers = silent.local_addr().expect("its address").to_string();
    let options = Options { kafka_timeout: Duration::from_millis(700), ..options() };
    let error = KafkaLog::open(&brokers, "ticks.raw", &options).await.err().expect("nobody answers");
    assert_eq!(error.to_string(), format!("cannot reach Kafka at {brokers}: it did not describe itself within 0.7 s"));
    let error = create(&Location::Kafka { brokers, topic: "t".into() }, &options).await.err().expect("nobody answers");
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn a_setting_that_librdkafka_does_not_know_is_refused() {
    let cluster = cluster("ticks.raw", 1);
    let properties = [("security.protocl".to_string(), "SSL".to_string())].into();
    let options = Options { kafka_properties: properties, ..options() };
    let error = KafkaLog::open(&cluster.bootstrap_servers(), "ticks.raw", &options).await.err().expect("a misspelling");
    assert_eq!(error.to_string(), "librdkafka refuses its settings: there is no property `security.protocl`");
}

/// Waits until the topic is this many messages behind.
async fn until_behind(log: &Archived, behind: i64) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while log.forwarding().await.expect("progress").behind != behind {
        assert!(Instant::now() < deadline, "{:?}", log.forwarding().await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn the_archive_takes_over_while_kafka_is_away() {
    let cluster = cluster("ticks.raw", 1);
    let brokers = cluster.bootstrap_servers();
    let temp = tempfile::tempdir().expect("a temporary folder");
    let archives = temp.path().join("raw");
    let dir = archives.join("ticks.raw");
    let options = Options { kafka_timeout: Duration::from_millis(1500), ..options() };
    let records: Vec<Record> = (0..40).map(record).collect();

    let log = Archived::create(&archives, &brokers, "ticks.raw", &options).await.expect("the log opens");
    log.append(records[..10].to_vec()).await.expect("archived");
    until_behind(&log, 0).await;

    cluster.broker_down(1).expect("the broker goes");
    let started = Instant::now();
    log.append(records[10..20].to_vec()).await.expect("archived");
    assert!(started.elapsed() < Duration::from_secs(1), "an append does not wait for Kafka");
    log.append(records[20..30].to_vec()).await.expect("archived");
    until_behind(&log, 20).await;
    let deadline = Instant::now() + Duration::from_secs(20);
    while log.forwarding().await.expect("progress").failure.is_none() {
        assert!(Instant::now() < deadline, "the failure to publish is reported");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let error = log.close().await.expect_err("the topic lacks messages");
    assert!(matches!(error, Error::Behind { behind: 20, .. }), "{error}");
    drop(log);

    // The next process starts while Kafka is still away, and catches up when Kafka is back.
    let log = Archived::create(&archives, &brokers, "ticks.raw", &options).await.expect("the log opens");
    assert!(log.notices()[0].contains("messages are archived until it is back"), "{:?}", log.notices());
    assert!(log.notices()[1].contains("20 messages in "), "{:?}", log.notices());
    log.append(records[30..].to_vec()).await.expect("archived");
    cluster.broker_up(1).expect("the broker is back");
    until_behind(&log, 0).await;
    log.close().await.expect("nothing is behind");
    let read: Vec<Record> = read_all(&log, 1000).await.into_iter().map(|message| message.record).collect();
    // An attempt that timed out may have arrived. Then messages are repeated, in order, and none is missing.
    let mut first_seen: Vec<Record> = Vec::new();
    for record in read {
        if !first_seen.contains(&record) {
            first_seen.push(record);
        }
    }
    assert_eq!(first_seen, records);
    drop(log);
    let archive = FileLog::open(&dir).await.expect("the archive is a log");
    assert_eq!(archive.offsets(0).await.expect("offsets"), 0..40);
}

#[tokio::test]
async fn a_new_archive_does_not_hide_that_kafka_cannot_be_reached() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its number").port();
    let temp = tempfile::tempdir().expect("a temporary folder");
    let options = Options { archive: Some(temp.path().join("raw")), ..options() };
    let location = Location::Kafka { brokers: format!("127.0.0.1:{port}"), topic: "t".into() };
    let error = create(&location, &options).await.err().expect("nobody listens");
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
}

/// Returns the real broker's address; if there is none, says so on standard error, past the test harness.
pub fn real_broker(test: &str) -> Option<String> {
    let address = std::env::var("SQUALL_TEST_KAFKA").ok().filter(|address| !address.is_empty());
    if address.is_none() {
        let _ = writeln!(
            std::io::stderr(),
            "skipped {test}: SQUALL_TEST_KAFKA names no broker (docker/kafka-local.sh start)"
        );
    }
    address
}

/// Returns a topic name that no earlier run has used.
pub fn fresh_topic(name: &str) -> String {
    let since_1970 = std::time::UNIX_EPOCH.elapsed().expect("a clock past 1970");
    format!("squall.test.{name}.{}", since_1970.as_nanos())
}

#[tokio::test]
async fn broker_keeps_bytes_order_and_offsets() {
    let Some(brokers) = real_broker("kafka::broker_keeps_bytes_order_and_offsets") else { return };
    let topic = fresh_topic("order");
    let error = KafkaLog::open(&brokers, &topic, &options()).await.err().expect("the topic is new");
    assert_eq!(error.to_string(), format!("Kafka at {brokers} has no topic {topic}"));
    assert!(error.hint().expect("a hint").contains(&format!("squall ingest --to kafka://{brokers}/{topic}")));
    what_goes_in_comes_out(&brokers, &topic).await;
    messages_of_other_producers(&brokers, &topic).await;
}

#[tokio::test]
async fn broker_that_removed_messages_says_so() {
    let Some(brokers) = real_broker("kafka::broker_that_removed_messages_says_so") else { return };
    let topic = fresh_topic("gone");
    let options = Options { new_topic_partitions: 1, ..options() };
    let log = KafkaLog::create(&brokers, &topic, &options).await.expect("the topic opens");
    log.append((0..10).map(record).collect()).await.expect("the topic takes records");
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", &brokers).create().expect("a client");
    let mut place = TopicPartitionList::new();
    place.add_partition_offset(&topic, 0, Offset::Offset(4)).expect("a place");
    admin.delete_records(&place, &AdminOptions::new()).await.expect("the broker removes records");
    assert_eq!(log.offsets(0).await.expect("offsets"), 4..10);
    let error = log.read(0, 3, 1).await.expect_err("offset 3 is gone");
    assert!(matches!(error, Error::OffsetGone { offset: 3, first: 4, .. }), "{error}");
    assert_eq!(log.read(0, 4, 100).await.expect("the rest is there").len(), 6);
}

#[tokio::test]
async fn an_independent_client_reads_the_same_bytes() {
    let Some(brokers) = real_broker("kafka::an_independent_client_reads_the_same_bytes") else { return };
    if Command::new("kcat").arg("-V").output().is_err() {
        let _ = writeln!(
            std::io::stderr(),
            "skipped kafka::an_independent_client_reads_the_same_bytes: kcat is not installed"
        );
        return;
    }
    let topic = fresh_topic("kcat");
    let options = Options { new_topic_partitions: 1, ..options() };
    let log = KafkaLog::create(&brokers, &topic, &options).await.expect("the topic opens");
    let records: Vec<Record> = (0..50).map(record).collect();
    log.append(records.clone()).await.expect("the topic takes records");
    let format = "%o %k %h %S %s\n";
    let arguments = ["-C", "-b", &brokers, "-t", &topic, "-o", "beginning", "-e", "-q", "-f", format];
    let output = Command::new("kcat").args(arguments).output().expect("kcat runs");
    let mut expected = Vec::new();
    for (offset, record) in records.iter().enumerate() {
        let key = record.key.as_deref().unwrap_or_default();
        let connection = record.connection.iter().map(|name| format!(",connection={name}")).collect::<String>();
        let headers = format!("ingest_time={}{connection}", record.ingest_time);
        expected.extend(format!("{offset} {key} {headers} {} ", record.payload.len()).into_bytes());
        expected.extend(&record.payload);
        expected.push(b'\n');
    }
    assert_eq!(String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&expected));
}
