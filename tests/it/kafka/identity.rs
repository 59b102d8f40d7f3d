//! Topics, archives and landed files that were replaced by others: squall notices each case, and nothing is lost or doubled.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use squall::error::Hint;
use squall::land::{Lander, Landing, Stranger};
use squall::log::{Error, FileLog, KafkaLog, Location, Log, LogId, Options, Record, create};
use squall::tick::{Rules, Status};

use super::{PRODUCTS, cluster, fresh_topic, options, read_all, real_broker, record};

fn archived(dir: &Path) -> Options {
    Options { archive: Some(dir.to_path_buf()), new_topic_partitions: 1, ..options() }
}

fn location(brokers: &str, topic: &str) -> Location {
    Location::Kafka { brokers: brokers.into(), topic: topic.into() }
}

async fn payloads(brokers: &str, topic: &str) -> Vec<Vec<u8>> {
    let log = KafkaLog::open(brokers, topic, &options()).await.expect("the topic opens");
    read_all(&log, 1000).await.into_iter().map(|message| message.record.payload.to_vec()).collect()
}

fn expected(numbers: impl IntoIterator<Item = usize>) -> Vec<Vec<u8>> {
    numbers.into_iter().map(|number| record(number).payload.to_vec()).collect()
}

/// Appends through a topic's archive, as `squall ingest` does.
async fn ingest(brokers: &str, topic: &str, options: &Options, numbers: std::ops::Range<usize>) -> Result<(), Error> {
    let log = create(&location(brokers, topic), options).await?;
    log.append(numbers.map(record).collect()).await?;
    log.close().await
}

/// Topics share no archive, whatever is written to the folder between runs.
async fn each_topic_gets_its_own_messages(brokers: &str, a: &str, b: &str) {
    let temp = tempfile::tempdir().expect("a temporary folder");
    let raw = temp.path().join("raw");
    let options = archived(&raw);
    ingest(brokers, a, &options, 0..5).await.expect("published");
    ingest(brokers, b, &options, 5..9).await.expect("published");
    FileLog::create(&raw).await.expect("the folder log").append(vec![record(50)]).await.expect("appended");
    let direct = create(&location(brokers, b), &Options { archive: None, ..options.clone() }).await.expect("the topic");
    direct.append(vec![record(60)]).await.expect("appended");
    ingest(brokers, a, &options, 9..12).await.expect("published");
    assert_eq!(payloads(brokers, a).await, expected([0, 1, 2, 3, 4, 9, 10, 11]));
    assert_eq!(payloads(brokers, b).await, expected([5, 6, 7, 8, 60]));
    assert_eq!(FileLog::open(&raw).await.expect("the folder log").offsets(0).await.expect("offsets"), 0..1);
    assert_eq!(FileLog::open(&raw.join(a)).await.expect("the archive").offsets(0).await.expect("offsets"), 0..8);
}

#[tokio::test]
async fn mock_gives_each_topic_its_own_messages() {
    let cluster = cluster("a", 1);
    cluster.create_topic("b", 1, 1).expect("a topic");
    each_topic_gets_its_own_messages(&cluster.bootstrap_servers(), "a", "b").await;
}

#[tokio::test]
async fn broker_gives_each_topic_its_own_messages() {
    let Some(brokers) = real_broker("kafka::identity::broker_gives_each_topic_its_own_messages") else { return };
    each_topic_gets_its_own_messages(&brokers, &fresh_topic("archive.a"), &fresh_topic("archive.b")).await;
}

#[tokio::test]
async fn a_note_beyond_its_archives_end_is_an_error() {
    let cluster = cluster("ticks.raw", 1);
    let brokers = cluster.bootstrap_servers();
    let temp = tempfile::tempdir().expect("a temporary folder");
    let options = archived(temp.path());
    ingest(&brokers, "ticks.raw", &options, 0..10).await.expect("published");
    let dir = temp.path().join("ticks.raw");
    let day = dir.join("20251124.ndjson");

    // With the note of what is synced, offsets continue, and the topic gets the new messages.
    std::fs::remove_file(&day).expect("removed");
    ingest(&brokers, "ticks.raw", &options, 10..12).await.expect("published");
    assert_eq!(payloads(&brokers, "ticks.raw").await, expected(0..12));

    // Without that note, the archive's offsets start again, and the note about the topic does not fit.
    std::fs::remove_file(&day).expect("removed");
    std::fs::remove_file(dir.join(".synced")).expect("removed");
    let error = ingest(&brokers, "ticks.raw", &options, 12..14).await.expect_err("the note is beyond the end");
    assert!(matches!(error, Error::NoteBeyondEnd { next_offset: 12, end: 0, .. }), "{error}");
    let note = dir.join("ticks.raw.forwarded.json");
    assert!(error.hint().expect("a hint").contains(&format!("`mv {0} {0}.before`", dir.display())));
    std::fs::remove_file(note).expect("removed");
    ingest(&brokers, "ticks.raw", &options, 12..14).await.expect("published");
    assert_eq!(payloads(&brokers, "ticks.raw").await, expected(0..14));
}

#[tokio::test]
async fn an_archive_with_messages_and_without_its_note_is_an_error() {
    let cluster = cluster("ticks.raw", 1);
    let brokers = cluster.bootstrap_servers();
    let temp = tempfile::tempdir().expect("a temporary folder");
    let options = archived(temp.path());
    ingest(&brokers, "ticks.raw", &options, 0..10).await.expect("published");
    std::fs::remove_file(temp.path().join("ticks.raw/ticks.raw.forwarded.json")).expect("removed");
    let error = ingest(&brokers, "ticks.raw", &options, 10..12).await.expect_err("nobody knows what was published");
    assert!(matches!(error, Error::NoNote { end: 10, .. }), "{error}");
    assert!(error.hint().expect("a hint").contains("squall replay"));
    assert_eq!(payloads(&brokers, "ticks.raw").await, expected(0..10));
}

#[tokio::test]
async fn an_archive_stands_before_one_topic() {
    let (first, second) = (cluster("ticks.raw", 1), cluster("ticks.raw", 1));
    let temp = tempfile::tempdir().expect("a temporary folder");
    let options = archived(temp.path());
    ingest(&first.bootstrap_servers(), "ticks.raw", &options, 0..3).await.expect("published");
    // The same name on another cluster is another topic.
    let brokers = second.bootstrap_servers();
    let error = ingest(&brokers, "ticks.raw", &options, 3..5).await.expect_err("another topic");
    assert!(matches!(error, Error::OtherTopic { .. }), "{error}");
    let dir = temp.path().join("ticks.raw");
    let hint = error.hint().expect("a hint");
    assert!(hint.contains(&format!("`mv {0} {0}.before`", dir.display())), "{hint}");
    assert_eq!(payloads(&brokers, "ticks.raw").await, expected([]));
    // The command in the hint works.
    std::fs::rename(&dir, temp.path().join("ticks.raw.before")).expect("moved");
    ingest(&brokers, "ticks.raw", &options, 3..5).await.expect("published");
    assert_eq!(payloads(&brokers, "ticks.raw").await, expected([3, 4]));
    // A note is only valid for its own archive.
    std::fs::write(dir.join("log.id"), "file:another\n").expect("written");
    let error = ingest(&brokers, "ticks.raw", &options, 5..6).await.expect_err("another archive");
    assert!(matches!(error, Error::OtherArchive { .. }), "{error}");
}

#[tokio::test]
async fn the_one_archive_of_an_earlier_version_is_not_left_behind() {
    let cluster = cluster("ticks.raw", 1);
    let brokers = cluster.bootstrap_servers();
    let temp = tempfile::tempdir().expect("a temporary folder");
    FileLog::create(temp.path()).await.expect("a log").append((0..5).map(record).collect()).await.expect("appended");
    let note = temp.path().join("ticks.raw.forwarded.json");
    std::fs::write(&note, "{\"next_offset\":3}\n").expect("written");
    let options = archived(temp.path());
    let error = ingest(&brokers, "ticks.raw", &options, 5..6).await.expect_err("two messages are not published");
    assert!(matches!(error, Error::EarlierArchive { behind: 2, .. }), "{error}");
    assert!(error.hint().expect("a hint").contains("squall replay "), "{error}");
    std::fs::write(&note, "{\"next_offset\":5}\n").expect("written");
    let log = create(&location(&brokers, "ticks.raw"), &options).await.expect("the log opens");
    assert!(log.notices()[0].contains("are archived in"), "{:?}", log.notices());
    assert!(!note.exists());
}

pub fn envelope(number: usize, products: &[&str]) -> Record {
    let tickers: Vec<String> = products
        .iter()
        .map(|product| {
            format!(r#"{{"type":"ticker","product_id":"{product}","price":"5","best_bid":"4","best_ask":"6"}}"#)
        })
        .collect();
    let payload = format!(
        r#"{{"channel":"ticker","timestamp":"2025-11-24T00:00:{:02}.{:03}Z","sequence_num":{number},"events":[{{"type":"update","tickers":[{}]}}]}}"#,
        number / 1000,
        number % 1000,
        tickers.join(",")
    );
    let ingest_time = 1_763_942_400_123_456_789 + number as i64 * 1_000_000;
    Record { key: Some(products[0].into()), payload: payload.into(), ingest_time, connection: Some("c1".into()) }
}

pub async fn land(brokers: &str, topic: &str, dir: &Path, name: Option<&str>) -> Result<Landing, squall::land::Error> {
    let log: Arc<dyn Log> = Arc::new(KafkaLog::open(brokers, topic, &options()).await.expect("the topic opens"));
    let options = squall::land::Options {
        ticks_dir: dir.join("ticks"),
        dead_dir: dir.join("dead"),
        rules: Rules { late_ns: 1_000_000_000, ahead_ns: 300_000_000_000, dedup_ns: 172_800_000_000_000 },
        flush_messages: 1_000_000,
        flush_interval: Duration::from_secs(10),
        compact: false,
        keep: squall::land::retention::Keep::default(),
        retry: true,
        tell: squall::log::Tell::default(),
        source: format!("kafka://{brokers}/{topic}"),
        name: name.map(String::from),
        by_time: false,
        partitions: None,
    };
    Lander::open(log, options).await?.drain(&AtomicBool::new(false), &mut |_| {}).await
}

#[tokio::test]
async fn a_message_of_several_products_is_landed_once_for_each() {
    let cluster = cluster("ticks.raw", 3);
    let brokers = cluster.bootstrap_servers();
    let log = KafkaLog::open(&brokers, "ticks.raw", &options()).await.expect("the topic opens");
    let mut records: Vec<Record> = (0..50).map(|number| envelope(number, &PRODUCTS)).collect();
    records.extend((50..60).map(|number| envelope(number, &[PRODUCTS[number % 3]])));
    log.append(records).await.expect("the topic takes records");
    // Each product's ticks are in one partition.
    let mut partitions = std::collections::BTreeMap::new();
    for message in read_all(&log, 100).await {
        let product = message.only.or(message.record.key).expect("a product");
        assert_eq!(*partitions.entry(product).or_insert(message.partition), message.partition);
    }
    assert_eq!(partitions.len(), 3);
    let temp = tempfile::tempdir().expect("a temporary folder");
    let landing = land(&brokers, "ticks.raw", temp.path(), None).await.expect("landed");
    assert_eq!(landing.summary.rows(Status::Ok), 160);
    assert_eq!(landing.summary.all_rows(), 160);
    assert!(landing.summary.dead.is_empty());
    for rows in landing.summary.products.values() {
        assert!(rows.ok > 50);
    }
}

#[tokio::test]
async fn a_topics_id_names_its_cluster() {
    let (first, second) = (cluster("ticks.raw", 1), cluster("ticks.raw", 1));
    let id = async |cluster: &MockCluster<'static, DefaultProducerContext>| -> LogId {
        let log = KafkaLog::open(&cluster.bootstrap_servers(), "ticks.raw", &options()).await.expect("the topic opens");
        log.id().await.expect("an id")
    };
    let named = id(&first).await;
    assert!(named.as_str().starts_with("kafka:") && named.as_str().ends_with("/ticks.raw"), "{named}");
    assert_eq!(id(&first).await, named);
    assert_ne!(id(&second).await, named);
}

#[tokio::test]
async fn broker_whose_topic_was_made_anew_is_told() {
    let Some(brokers) = real_broker("kafka::identity::broker_whose_topic_was_made_anew_is_told") else { return };
    let topic = fresh_topic("anew");
    let temp = tempfile::tempdir().expect("a temporary folder");
    let archive = archived(&temp.path().join("raw"));
    let produce = async |numbers: std::ops::Range<usize>| {
        let log = create(&location(&brokers, &topic), &archive).await?;
        log.append(numbers.map(|number| envelope(number, &["BTC-USD"])).collect()).await?;
        log.close().await
    };
    produce(0..10).await.expect("published");
    let landing = land(&brokers, &topic, temp.path(), None).await.expect("landed");
    assert_eq!(landing.summary.rows(Status::Ok), 10);

    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", &brokers).create().expect("a client");
    admin.delete_topics(&[&topic], &AdminOptions::new()).await.expect("the topic is deleted");
    tokio::time::sleep(Duration::from_secs(2)).await;
    let error = produce(10..12).await.expect_err("the topic is gone");
    assert!(matches!(error, Error::OtherTopic { .. }), "{error}");
    // The topic is created again, with more messages than had landed.
    let direct = Options { archive: None, ..archive.clone() };
    let log = create(&location(&brokers, &topic), &direct).await.expect("the topic is made");
    log.append((100..130).map(|number| envelope(number, &["BTC-USD"])).collect()).await.expect("appended");
    let error = produce(12..14).await.expect_err("the topic was made anew");
    assert!(matches!(error, Error::OtherTopic { .. }), "{error}");
    let error = land(&brokers, &topic, temp.path(), None).await.expect_err("the topic was made anew");
    assert!(
        matches!(&error, squall::land::Error::Stranger { stranger: Stranger::Message { offset: 9, .. }, .. }),
        "{error}"
    );
    let hint = error.hint().expect("a hint");
    assert!(hint.contains(&format!("--as {topic}-2`")), "{hint}");
    let landing = land(&brokers, &topic, temp.path(), Some(&format!("{topic}-2"))).await.expect("landed");
    assert_eq!(landing.summary.rows(Status::Ok), 30);
    let again = land(&brokers, &topic, temp.path(), None).await.expect("known by what has landed");
    assert_eq!(again.summary.messages, 0);
}
