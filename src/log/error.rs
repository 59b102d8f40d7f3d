//! What can go wrong with a log.

use std::path::PathBuf;

use rdkafka::error::KafkaError;

use crate::error::Hint;

/// What can go wrong with a log.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("`{text}` is no log: it {reason}")]
    Location { text: String, reason: String },
    #[error("there is no log in {dir}")]
    NoLog { dir: PathBuf },
    #[error("the log in {dir} holds no message")]
    EmptyLog { dir: PathBuf },
    #[error("{path} is a file, not the folder of a log")]
    NotAFolder { path: PathBuf },
    #[error("another squall writes to {dir}")]
    Locked { dir: PathBuf },
    #[error("cannot {action} {path}")]
    Io { action: &'static str, path: PathBuf, source: std::io::Error },
    #[error("{path} is damaged at byte {position}: {reason}")]
    Damaged { path: PathBuf, position: u64, reason: String },
    #[error("{log} has no partition {partition}")]
    NoPartition { log: String, partition: i32 },
    #[error("{log} was opened for reading only")]
    ReadOnly { log: String },
    #[error("offset {offset} of {log}, partition {partition}, is gone: the first kept is {first}")]
    OffsetGone { log: String, partition: i32, offset: i64, first: i64 },
    #[error("offset {offset} of {log}, partition {partition}, is past its end {end}")]
    OffsetPastEnd { log: String, partition: i32, offset: i64, end: i64 },
    #[error("cannot reach Kafka at {brokers}: {reason}")]
    Unreachable { brokers: String, reason: String },
    #[error("Kafka at {brokers} has no topic {topic}")]
    NoTopic { brokers: String, topic: String },
    #[error("librdkafka refuses its settings")]
    Settings(#[source] Box<KafkaError>),
    #[error("Kafka at {brokers} fails to {action}, topic {topic}")]
    Kafka { brokers: String, topic: String, action: &'static str, source: Box<KafkaError> },
    #[error("{behind} messages in {archive} are not yet in Kafka at {brokers}: {reason}")]
    Behind { archive: PathBuf, brokers: String, behind: i64, reason: String },
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Error::Location { .. } => "write kafka://host:port/topic, kafka:///topic, or the path of a folder".into(),
            Error::NoLog { dir } | Error::EmptyLog { dir } => {
                let dir = dir.display();
                format!(
                    "`squall ingest --to {dir}` records a live feed, `squall replay FILE… --to {dir}` recorded messages"
                )
            }
            Error::NotAFolder { path } => {
                format!("`squall replay {} --to data/raw` reads recorded messages into a log", path.display())
            }
            Error::Locked { .. } => "stop it first, or write to another folder with --to".into(),
            Error::Damaged { path, .. } => {
                format!("remove the damaged line from {} and keep it elsewhere: offsets may have holes", path.display())
            }
            Error::OffsetGone { .. } => {
                "messages were removed before they were read; start anew from the first kept offset".into()
            }
            Error::OffsetPastEnd { .. } => {
                "this is another log than the one read before; give it a name of its own, or land into another folder"
                    .into()
            }
            Error::Unreachable { .. } => "start one with `docker compose -f docker/compose.yaml up -d kafka` or \
                 `docker/kafka-local.sh start`, or set kafka.bootstrap_servers (KAFKA_BOOTSTRAP_SERVERS)"
                .into(),
            Error::NoTopic { brokers, topic } => {
                let log = format!("kafka://{brokers}/{topic}");
                format!("`squall ingest --to {log}` or `squall replay FILE… --to {log}` makes it")
            }
            Error::Settings(_) => {
                "see [kafka] properties in squall.toml; `squall config` prints what is in force".into()
            }
            Error::Behind { archive, .. } => format!(
                "they are safe in {}; the next command that writes to the topic through this archive sends them first",
                archive.display()
            ),
            Error::Io { .. } | Error::NoPartition { .. } | Error::ReadOnly { .. } | Error::Kafka { .. } => return None,
        })
    }
}
