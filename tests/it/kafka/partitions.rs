//! A topic that gets more partitions: what comes again in another partition is still recognised.

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions};
use rdkafka::client::DefaultClientContext;
use squall::log::{KafkaLog, Log, Options, Record};
use squall::tick::Status;

use super::identity::{envelope, land};
use super::{fresh_topic, options, real_broker};

const FOUR: [&str; 4] = ["BTC-USD", "ETH-USD", "SOL-USD", "ADA-USD"];

#[tokio::test]
async fn broker_with_more_partitions_does_not_make_a_batch_new() {
    let Some(brokers) = real_broker("kafka::partitions::broker_with_more_partitions_does_not_make_a_batch_new") else {
        return;
    };
    for landed_between in [true, false] {
        let topic = fresh_topic(&format!("grown.{landed_between}"));
        let temp = tempfile::tempdir().expect("a temporary folder");
        let one = Options { new_topic_partitions: 1, ..options() };
        let batch: Vec<Record> = (0..100).map(|number| envelope(number, &FOUR)).collect();
        let log = KafkaLog::create(&brokers, &topic, &one).await.expect("the topic opens");
        log.append(batch.clone()).await.expect("appended");
        if landed_between {
            let landing = land(&brokers, &topic, temp.path(), None).await.expect("landed");
            assert_eq!(landing.summary.rows(Status::Ok), 400);
        }
        let admin: AdminClient<DefaultClientContext> =
            ClientConfig::new().set("bootstrap.servers", &brokers).create().expect("a client");
        let grown = admin.create_partitions(&[NewPartitions::new(&topic, 4)], &AdminOptions::new()).await;
        grown.expect("asked").into_iter().for_each(|grown| drop(grown.expect("grown")));
        let log = KafkaLog::open(&brokers, &topic, &one).await.expect("the topic opens");
        while log.partitions().await.expect("partitions").len() < 4 {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        log.append(batch.clone()).await.expect("appended");
        let landing = land(&brokers, &topic, temp.path(), None).await.expect("landed");
        let new = if landed_between { 0 } else { 400 };
        assert_eq!((landing.summary.rows(Status::Ok), landing.summary.rows(Status::Duplicate)), (new, 400));
    }
}
