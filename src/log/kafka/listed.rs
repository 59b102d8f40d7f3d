//! The topics of a cluster.

use std::collections::BTreeMap;
use std::ops::Range;

use super::{KafkaLog, Options, Topic};
use crate::durable::blocking;
use crate::log::Error;

/// What Kafka's own topics begin with.
const INTERNAL: &str = "__";

/// A topic, and the offsets that each of its partitions holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedTopic {
    pub name: String,
    pub partitions: BTreeMap<i32, Range<i64>>,
}

/// Returns the topics of a cluster, ascending by name, without Kafka's own.
///
/// # Errors
/// The brokers cannot be reached.
pub async fn topics(brokers: &str, options: &Options) -> Result<Vec<ListedTopic>, Error> {
    let log = KafkaLog::new(brokers, "", options);
    let client = log.client().await?;
    let cluster = log.topic.clone();
    blocking(move || {
        let metadata = cluster.described(&client, None)?;
        let mut listed = Vec::new();
        for found in metadata.topics().iter().filter(|found| !found.name().starts_with(INTERNAL)) {
            let topic = Topic { name: found.name().into(), ..cluster.clone() };
            let mut partitions = BTreeMap::new();
            for partition in found.partitions() {
                partitions.insert(partition.id(), topic.offsets(&client, partition.id())?);
            }
            listed.push(ListedTopic { name: topic.name, partitions });
        }
        listed.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(listed)
    })
    .await
}
