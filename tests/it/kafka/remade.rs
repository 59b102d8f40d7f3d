//! A topic that is deleted and made again while a process writes to it or follows it.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use squall::log::{KafkaLog, Location, Log, Options, create};

use super::refused::telling;
use super::shared::{following, quote, rows, signal, until_landed};
use super::{fresh_topic, options, read_all, real_broker};

fn one_partition() -> Options {
    Options { new_topic_partitions: 1, ..options() }
}

/// Deletes the topic, makes it again, and appends messages from a number on.
async fn remake(brokers: &str, topic: &str, numbers: std::ops::Range<usize>) {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", brokers).create().expect("a client");
    admin.delete_topics(&[topic], &AdminOptions::new()).await.expect("the topic is deleted");
    tokio::time::sleep(Duration::from_secs(2)).await;
    let log = KafkaLog::create(brokers, topic, &one_partition()).await.expect("the topic is made again");
    log.append(numbers.map(quote).collect()).await.expect("appended");
}

async fn made(brokers: &str, topic: &str, messages: usize) {
    let log = KafkaLog::create(brokers, topic, &one_partition()).await.expect("the topic is made");
    log.append((0..messages).map(quote).collect()).await.expect("appended");
}

/// Lets `squall land --follow` land 500 messages, replaces the topic while the follower is halted, and returns what it says at its end.
async fn halted_follower(brokers: &str, topic: &str, data: &Path, again: usize) -> String {
    made(brokers, topic, 500).await;
    let address = format!("kafka://{brokers}/{topic}");
    let mut follower = following(data, &address, "0").stderr(Stdio::piped()).spawn().unwrap();
    until_landed(data, "500,500");
    signal(&follower, "-STOP");
    remake(brokers, topic, 10_000..10_000 + again).await;
    signal(&follower, "-CONT");
    let deadline = Instant::now() + Duration::from_secs(60);
    while follower.try_wait().unwrap().is_none() {
        if Instant::now() > deadline {
            follower.kill().unwrap();
            let said = follower.wait_with_output().unwrap();
            panic!("the follower goes on: {}; {} rows", String::from_utf8_lossy(&said.stderr), rows(data));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let output = follower.wait_with_output().unwrap();
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn broker_whose_topic_was_made_again_stops_a_follower_that_was_halted() {
    let Some(brokers) =
        real_broker("kafka::remade::broker_whose_topic_was_made_again_stops_a_follower_that_was_halted")
    else {
        return;
    };
    // The new topic holds fewer messages than the old one, and more.
    for (again, told) in [(300, "ends at offset 300"), (900, "another message at offset 499")] {
        let (temp, topic) = (tempfile::tempdir().unwrap(), fresh_topic("halted"));
        let said = halted_follower(&brokers, &topic, temp.path(), again).await;
        assert!(said.contains(told) && said.contains("--as "), "{said}");
        assert_eq!(rows(temp.path()), "500,500");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn broker_whose_topic_was_made_again_gets_nothing_more_from_a_writer() {
    let Some(brokers) = real_broker("kafka::remade::broker_whose_topic_was_made_again_gets_nothing_more_from_a_writer")
    else {
        return;
    };
    let (temp, topic) = (tempfile::tempdir().unwrap(), fresh_topic("rewritten"));
    let (options, told) = telling(temp.path());
    let location = Location::Kafka { brokers: brokers.clone(), topic: topic.clone() };
    let options = Options { archive: Some(temp.path().join("raw")), ..options };
    let log = create(&location, &options).await.expect("the topic is made");
    log.append((0..500).map(quote).collect()).await.expect("archived");
    let held = async || {
        let log = KafkaLog::open(&brokers, &topic, &one_partition()).await.expect("the topic opens");
        read_all(&log, 1_000).await.len()
    };
    let deadline = Instant::now() + Duration::from_secs(30);
    while held().await < 500 {
        assert!(Instant::now() < deadline, "{} of 500 messages are in the topic", held().await);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    remake(&brokers, &topic, 10_000..10_100).await;
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut number = 500;
    let noticed = || told.lock().unwrap().iter().any(|text| text.contains("was deleted and made anew"));
    while !noticed() {
        assert!(Instant::now() < deadline, "nobody noticed: {:?}", told.lock().unwrap());
        log.append((number..number + 10).map(quote).collect()).await.expect("archived");
        number += 10;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let before = held().await;
    log.append((number..number + 200).map(quote).collect()).await.expect("archived");
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(held().await, before, "the new topic gets nothing more");
}
