//! Rows in a topic: each once, although the sender is killed at any instant.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rdkafka::mocking::MockCluster;
use squall::land::Lander;
use squall::live::sink::{FolderSink, Sink, TopicSink};
use squall::live::{self, Emitted, Live, Planned, Until};
use squall::log::{KafkaLog, Log, Record, Tell};

use super::super::land::memory::{MemoryLog, record};
use super::market::{Market, PRODUCTS};
use super::{OWN, Place};

/// A sink of a process that is killed while it sends: part of a poll's rows are in the topic, and nothing is remembered of them.
struct Killed {
    topic: TopicSink,
    random: StdRng,
    stop: Arc<AtomicBool>,
}

#[async_trait]
impl Sink for Killed {
    async fn begin(&mut self, partition: i32, at: i64) -> Result<i64, live::Error> {
        self.topic.begin(partition, at).await
    }

    async fn put(&mut self, partition: i32, offsets: Range<i64>, rows: Emitted) -> Result<(), live::Error> {
        if self.stop.load(Ordering::Relaxed) {
            return Ok(());
        }
        if self.random.random_range(0..6) > 0 {
            return self.topic.put(partition, offsets, rows).await;
        }
        let sent = self.random.random_range(0..=rows.offsets.len());
        let rows = Emitted { rows: rows.rows.slice(0, sent), offsets: rows.offsets[..sent].to_vec() };
        self.topic.put(partition, offsets, rows).await?;
        self.stop.store(true, Ordering::Relaxed);
        Ok(())
    }

    async fn flush(&mut self, _all: bool) -> Result<(), live::Error> {
        let saves = !self.stop.load(Ordering::Relaxed) && self.random.random_range(0..4) == 0;
        if saves { self.topic.flush(true).await } else { Ok(()) }
    }
}

async fn open(
    place: &Place,
    from: &Arc<MemoryLog>,
    to: &Arc<MemoryLog>,
    killed: Option<(u64, Arc<AtomicBool>)>,
) -> Live {
    let mut planned: Vec<Planned> = Vec::new();
    let from: Arc<dyn Log> = Arc::clone(from) as _;
    for name in ["spike_features", "both"] {
        let plan = place.plan(name).await.unwrap();
        let to: Arc<dyn Log> = Arc::clone(to) as _;
        let topic = TopicSink::open(to, "the topic", &place.out(), &plan, &from.id().await.unwrap()).await.unwrap();
        let sink: Box<dyn Sink> = match &killed {
            Some((seed, stop)) => {
                Box::new(Killed { topic, random: StdRng::seed_from_u64(*seed), stop: Arc::clone(stop) })
            }
            None => Box::new(topic),
        };
        planned.push((plan, sink));
    }
    let options = live::Options {
        ticks_dir: place.data.ticks_dir(),
        rules: place.data.rules,
        source: "memory".into(),
        tell: Tell::default(),
    };
    Live::open(&place.project, place.session.context(), planned, from, &options).await.unwrap()
}

#[tokio::test]
async fn a_sender_that_is_killed_sends_each_row_once() {
    let place = Place::with(&OWN).await;
    let (from, to) = (MemoryLog::of(Vec::<String>::new()), MemoryLog::with_id("topic", Vec::<String>::new()));
    // Others may write to the topic too.
    to.push(0, record("{\"query\":\"spike_features\"}"));
    let mut market = Market::new(9);
    let mut random = StdRng::seed_from_u64(9);
    let mut kills = 0;
    for round in 0..30 {
        for message in market.messages(120) {
            from.push(0, record(message));
        }
        if round % 7 == 3 {
            place.data.land(&from, 1000).await.unwrap();
        }
        let stop = Arc::new(AtomicBool::new(false));
        let own = random.random_range(0..1 << 40);
        let mut live = open(&place, &from, &to, Some((own, Arc::clone(&stop)))).await;
        live.run(Until::End, &stop, &mut place.no_models(), &mut || random.random_range(1..60)).await.unwrap();
        kills += u32::from(stop.load(Ordering::Relaxed));
    }
    assert!(kills > 8, "{kills} kills");
    let mut live = open(&place, &from, &to, None).await;
    live.run(Until::End, &AtomicBool::new(false), &mut place.no_models(), &mut || 100).await.unwrap();
    drop(live);
    place.data.land(&from, 1000).await.unwrap();
    let mut found: BTreeMap<(String, i64, String, String), usize> = BTreeMap::new();
    for message in to.read(0, 0, 1_000_000).await.unwrap() {
        let row: serde_json::Value = serde_json::from_slice(&message.record.payload).unwrap();
        let Some(key) = message.record.key else { continue };
        let offset = row["log_offset"].as_i64().unwrap();
        let what = format!("{} {}", row["ts"], row.get("side").unwrap_or(&serde_json::Value::Null));
        *found.entry((row["query"].as_str().unwrap().into(), offset, key.to_string(), what)).or_default() += 1;
    }
    assert!(found.values().all(|count| *count == 1), "{:?}", found.iter().find(|(_, count)| **count > 1));
    for name in ["spike_features", "both"] {
        let rows = found.keys().filter(|(query, ..)| query == name).count();
        assert_eq!(rows as i64, place.count(name).await, "every row of {name} is there");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_of_a_broker_are_read_and_rows_are_sent_to_it() {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("ticks.raw", 3, 1).unwrap();
    cluster.create_topic("ticks.features", 2, 1).unwrap();
    let brokers = cluster.bootstrap_servers();
    let options = squall::log::Options::default();
    let raw: Arc<dyn Log> = Arc::new(KafkaLog::create(&brokers, "ticks.raw", &options).await.unwrap());
    let features: Arc<dyn Log> = Arc::new(KafkaLog::create(&brokers, "ticks.features", &options).await.unwrap());
    let place = Place::with(&OWN).await;
    let mut market = Market::new(21);
    for round in 0..3 {
        // Messages of several products are stored once for each.
        let records = market.messages(400).into_iter().map(|message| {
            let product = PRODUCTS.iter().find(|product| message.contains(**product));
            Record { key: product.map(|product| (*product).into()), ..record(message) }
        });
        raw.append(records.collect()).await.unwrap();
        if round == 1 {
            let lander = Lander::open(Arc::clone(&raw), place.data.options(1000)).await.unwrap();
            lander.drain(&AtomicBool::new(false), &mut |_| {}).await.unwrap();
        }
        let id = raw.id().await.unwrap();
        let (to_folder, to_topic) = (place.plan("spike_features").await.unwrap(), place.plan("changes").await.unwrap());
        let folder = FolderSink::open(&place.out(), &to_folder, &id, Duration::from_secs(3600)).unwrap();
        let topic =
            TopicSink::open(Arc::clone(&features), "ticks.features", &place.out(), &to_topic, &id).await.unwrap();
        let planned: Vec<Planned> = vec![(to_folder, Box::new(folder)), (to_topic, Box::new(topic))];
        let options = live::Options {
            ticks_dir: place.data.ticks_dir(),
            rules: place.data.rules,
            source: "ticks.raw".into(),
            tell: Tell::default(),
        };
        let (project, context) = (&place.project, place.session.context());
        let mut live = Live::open(project, context, planned, Arc::clone(&raw), &options).await.unwrap();
        live.run(Until::End, &AtomicBool::new(false), &mut place.no_models(), &mut || 97).await.unwrap();
    }
    let lander = Lander::open(Arc::clone(&raw), place.data.options(1000)).await.unwrap();
    lander.drain(&AtomicBool::new(false), &mut |_| {}).await.unwrap();
    let found = place.parity("spike_features", &place.out()).await.unwrap();
    assert_eq!(found.difference.as_ref().map(ToString::to_string), None);
    assert_eq!((found.same as i64, found.waiting), (place.count("spike_features").await, 0));
    let mut rows = std::collections::BTreeSet::new();
    let mut messages = 0;
    for partition in features.partitions().await.unwrap() {
        for message in features.read(partition, 0, 100_000).await.unwrap() {
            let row: serde_json::Value = serde_json::from_slice(&message.record.payload).unwrap();
            assert_eq!(row["product_id"].as_str(), message.record.key.as_deref(), "rows are keyed by product");
            rows.insert((row["product_id"].to_string(), row["ts"].to_string()));
            messages += 1;
        }
    }
    assert_eq!((messages, rows.len() as i64), (rows.len(), place.count("changes").await), "each row is sent once");
}

/// Returns the headers of each message of a topic's partition 0, beside its payload.
fn headers(brokers: &str, topic: &str, count: usize) -> Vec<(BTreeMap<String, String>, serde_json::Value)> {
    use rdkafka::consumer::{BaseConsumer, Consumer};
    use rdkafka::message::{Headers, Message};
    let mut config = rdkafka::ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("group.id", "test");
    let consumer: BaseConsumer = config.create().unwrap();
    let mut place = rdkafka::TopicPartitionList::new();
    place.add_partition_offset(topic, 0, rdkafka::Offset::Beginning).unwrap();
    consumer.assign(&place).unwrap();
    let mut found = Vec::new();
    while found.len() < count {
        let message = consumer.poll(Duration::from_secs(10)).expect("a message").unwrap();
        let headers = message.headers().unwrap().iter();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let headers = headers.map(|header| (header.key.to_string(), text(header.value.unwrap()))).collect();
        found.push((headers, serde_json::from_slice(message.payload().unwrap()).unwrap()));
    }
    found
}

fn rows_have_headers(brokers: &str, topic: &str) {
    use super::commands::{begin, squall, succeed};
    let folder = begin(&mut Market::new(51), 300);
    let folder = folder.path();
    for statement in [
        "CREATE MODEL slope OPTIONS (model_type = 'logistic_reg', input_label_cols = ['label']) AS \
         SELECT price, price > 50 AS label FROM (SELECT CAST(value AS DOUBLE) AS price FROM generate_series(1, 100))",
        "ALTER MODEL slope SET ALIAS champion",
    ] {
        assert!(squall(folder).args(["sql", "-c", statement]).output().unwrap().status.success());
    }
    std::fs::create_dir_all(folder.join("sql/scores")).unwrap();
    std::fs::write(folder.join("sql/scores/slope_now.sql"), super::commands::SCORES).unwrap();
    succeed(folder, &format!("live slope_now --to kafka://{brokers}/{topic} --once"));
    let (told, _) = succeed(folder, &format!("topic tail kafka://{brokers}/{topic} --from-beginning --min 250"));
    assert_eq!(told.lines().count(), 250);
    for ((headers, row), line) in headers(brokers, topic, 250).iter().zip(told.lines()) {
        for name in ["log_partition", "log_offset"] {
            assert_eq!(headers[name], row[name].to_string());
        }
        assert_eq!((headers["query"].as_str(), row["query"].as_str()), ("slope_now", Some("slope_now")));
        assert_eq!((headers["model"].as_str(), headers["model_version"].as_str()), ("slope", "1"));
        assert_eq!((row["model"].as_str(), row["model_version"].as_str()), (Some("slope"), Some("1")));
        let ts = chrono::DateTime::parse_from_rfc3339(row["ts"].as_str().unwrap()).unwrap();
        assert_eq!(headers["event_time"], ts.timestamp_nanos_opt().unwrap().to_string());
        assert_eq!(headers["emission_time"], headers["ingest_time"]);
        let columns: Vec<&str> = line.split('\t').collect();
        assert_eq!((columns[0], columns[3]), ("0", row["product_id"].as_str().unwrap()));
        assert_eq!(serde_json::from_str::<serde_json::Value>(columns[4]).unwrap(), *row);
    }
    let (told, _) = succeed(folder, &format!("topic list --brokers {brokers}"));
    let line = told.lines().find(|line| line.starts_with(&format!("{topic} "))).expect("the topic is listed");
    assert_eq!(line.split_whitespace().nth(1), Some("1"), "{line}");
    // Nothing comes any more.
    let mut tail = squall(folder);
    tail.args(["topic", "tail", &format!("kafka://{brokers}/{topic}"), "--min", "1", "--timeout", "300ms"]);
    let output = tail.output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("Error: 0 messages came to") && told.contains("Hint: --from-beginning"), "{told}");
}

#[test]
fn rows_say_in_headers_where_they_come_from() {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("scores", 1, 1).unwrap();
    rows_have_headers(&cluster.bootstrap_servers(), "scores");
}

#[test]
fn rows_say_in_headers_where_they_come_from_through_a_broker() {
    let Some(brokers) = super::super::kafka::real_broker("live::topic::rows_say_…_through_a_broker") else { return };
    rows_have_headers(&brokers, &super::super::kafka::fresh_topic("headers"));
}
