//! Messages that a topic refuses for good: they are set aside, visibly, and everything else goes on.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use squall::error::Hint;
use squall::log::{Archived, Error, FileLog, KafkaLog, Log, Options, Record, Tell};

use super::{fresh_topic, options, read_all, real_broker, record, until_behind};

/// Returns bytes that do not compress.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state: u64 = 7;
    let next = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    };
    (0..bytes).map(next).collect()
}

/// Makes options that keep archives and dead letters in a folder, and the list of what the user is told.
pub(super) fn telling(dir: &std::path::Path) -> (Options, Arc<Mutex<Vec<String>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let list = Arc::clone(&told);
    let tell = Tell::new(move |sentence| list.lock().expect("no panic").push(sentence.to_string()));
    (Options { new_topic_partitions: 1, dead: Some(dir.join("dead")), tell, ..options() }, told)
}

async fn topic_of(brokers: &str, name: &str, settings: &[(&str, &str)]) -> String {
    let topic = fresh_topic(name);
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", brokers).create().expect("a client");
    let mut new = NewTopic::new(&topic, 1, TopicReplication::Fixed(1));
    for (name, value) in settings {
        new = new.set(name, value);
    }
    for made in admin.create_topics([&new], &AdminOptions::new()).await.expect("asked") {
        made.expect("the topic is made");
    }
    topic
}

#[tokio::test]
async fn broker_that_refuses_a_message_gets_the_others_once() {
    let Some(brokers) = real_broker("kafka::refused::broker_that_refuses_a_message_gets_the_others_once") else {
        return;
    };
    let topic = topic_of(&brokers, "refused", &[]).await;
    let temp = tempfile::tempdir().expect("a temporary folder");
    let (options, told) = telling(temp.path());
    let archives = temp.path().join("raw");
    let mut records: Vec<Record> = (0..500).map(record).collect();
    records[200].payload = noise(1_500_000).into();
    // Large, but it compresses well: the broker takes it.
    records[300].payload = vec![b'x'; 3_000_000].into();
    let log = Archived::create(&archives, &brokers, &topic, &options).await.expect("the log opens");
    log.append(records.clone()).await.expect("archived");
    until_behind(&log, 0).await;
    log.append(vec![record(500)]).await.expect("archived");
    log.close().await.expect("nothing is behind");
    drop(log);

    let topic_log = KafkaLog::open(&brokers, &topic, &options).await.expect("the topic opens");
    let read: Vec<Record> = read_all(&topic_log, 1000).await.into_iter().map(|message| message.record).collect();
    let mut expected = records.clone();
    expected.remove(200);
    expected.push(record(500));
    assert_eq!(read.len(), expected.len(), "no message is published twice");
    let missing = expected.iter().filter(|record| !read.contains(record)).count();
    assert_eq!(missing, 0);
    let letter = temp.path().join(format!("dead/{topic}-refused-200.ndjson"));
    let letter: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(letter).expect("a dead letter")).expect("JSON");
    assert!(letter["reason"].as_str().expect("a reason").contains("1500000 bytes"), "{}", letter["reason"]);
    assert_eq!(letter["payload_hex"].as_str().expect("the bytes").len(), 3_000_000);
    let told = told.lock().expect("no panic").clone();
    assert!(told.iter().any(|told| told.starts_with("Warning: ") && told.contains("is set aside in ")), "{told:?}");
    // The archive holds it nevertheless.
    let archive = FileLog::open(&archives.join(&topic)).await.expect("the archive is a log");
    assert_eq!(archive.read(0, 200, 1).await.expect("read")[0].record, records[200]);

    // Without an archive, an append says what is wrong.
    let error = topic_log.append(vec![records[200].clone()]).await.expect_err("it is too large");
    assert!(matches!(error, Error::Refused { bytes: 1_500_000, .. }), "{error}");
    assert!(error.hint().expect("a hint").contains("max.message.bytes"));
}

/// A broker refuses times that are an hour ahead of its clock; then the clock of squall's machine is usually wrong.
#[tokio::test]
async fn broker_gets_messages_of_a_clock_that_is_ahead() {
    let Some(brokers) = real_broker("kafka::refused::broker_gets_messages_of_a_clock_that_is_ahead") else { return };
    const HOUR: i64 = 3_600_000_000_000;
    let topic = topic_of(&brokers, "ahead", &[]).await;
    let temp = tempfile::tempdir().expect("a temporary folder");
    let (options, told) = telling(temp.path());
    let now = i64::try_from(std::time::UNIX_EPOCH.elapsed().expect("after 1970").as_nanos()).expect("before 2262");
    let mut records: Vec<Record> = (0..400).map(record).collect();
    for (number, record) in records.iter_mut().enumerate() {
        record.ingest_time = now + [0, 3 * HOUR, -48 * HOUR, 30 * 24 * HOUR][number / 100];
    }
    let log = Archived::create(&temp.path().join("raw"), &brokers, &topic, &options).await.expect("the log opens");
    log.append(records[..200].to_vec()).await.expect("archived");
    until_behind(&log, 0).await;
    log.close().await.expect("nothing is behind");
    let told = told.lock().expect("no panic").clone();
    assert!(
        told.iter().any(|told| told.contains("the clock of this machine or that of the broker is wrong")),
        "{told:?}"
    );
    // The same without an archive.
    let topic_log = KafkaLog::open(&brokers, &topic, &options).await.expect("the topic opens");
    topic_log.append(records[200..].to_vec()).await.expect("published");
    let read: Vec<Record> = read_all(&topic_log, 1000).await.into_iter().map(|message| message.record).collect();
    assert_eq!(read.len(), records.len(), "no message is published twice");
    assert_eq!(records.iter().filter(|record| !read.contains(record)).count(), 0, "ingest_time is what the clock said");
    assert!(!temp.path().join("dead").exists(), "nothing is set aside");
}

/// The limit counts for a batch of messages too.
#[tokio::test]
async fn broker_with_a_small_limit_gets_what_fits() {
    let Some(brokers) = real_broker("kafka::refused::broker_with_a_small_limit_gets_what_fits") else { return };
    let topic = topic_of(&brokers, "small", &[("max.message.bytes", "2000")]).await;
    let temp = tempfile::tempdir().expect("a temporary folder");
    let (options, _) = telling(temp.path());
    let log = Archived::create(&temp.path().join("raw"), &brokers, &topic, &options).await.expect("the log opens");
    let bytes = noise(100_000);
    let mut records: Vec<Record> = (0..60).map(record).collect();
    for (number, record) in records.iter_mut().enumerate() {
        let length = if number % 20 == 7 { 5000 } else { 1000 };
        record.payload = bytes[number * 500..number * 500 + length].to_vec().into();
    }
    log.append(records.clone()).await.expect("archived");
    tokio::time::timeout(Duration::from_secs(30), async { until_behind(&log, 0).await }).await.expect("in time");
    log.close().await.expect("nothing is behind");
    let topic_log = KafkaLog::open(&brokers, &topic, &options).await.expect("the topic opens");
    let mut read: Vec<i64> =
        read_all(&topic_log, 1000).await.iter().map(|message| message.record.ingest_time).collect();
    read.sort_unstable();
    let fits = records.iter().filter(|record| record.payload.len() == 1000);
    assert_eq!(read, fits.map(|record| record.ingest_time).collect::<Vec<_>>());
    assert_eq!(std::fs::read_dir(temp.path().join("dead")).expect("dead letters").count(), 3);
}
