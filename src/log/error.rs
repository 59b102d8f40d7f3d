//! What can go wrong with a log.

use std::path::PathBuf;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::durable::is_full;
use crate::error::Hint;
use crate::text::is_shown;

/// What can go wrong with a log.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("stopped while {messages} messages waited to be stored: {reason}")]
    StoppedWaiting { messages: u64, reason: String },
    #[error("a message takes {bytes} bytes in the log, and {most} is the most that is read back")]
    TooLong { bytes: u64, most: u64 },
    #[error("log.when_full cannot be `{value}`")]
    WhenFull { value: String },
    #[error("`{text}` is not a log: it {reason}")]
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
    #[error("{path}, which says where the synced messages end, is damaged")]
    TornNote { path: PathBuf },
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
    #[error("Kafka at {brokers} does not let squall in: {reason}")]
    NotAdmitted { brokers: String, reason: String, settings: &'static str },
    #[error("{log} refuses a message of {bytes} bytes: {reason}")]
    Refused { log: String, bytes: usize, reason: String },
    #[error("{log} refuses the times of messages: the clock of this machine or that of the broker is wrong")]
    WrongTime { log: String },
    #[error("librdkafka refuses its settings: {reason}")]
    Settings { reason: String },
    #[error("Kafka at {brokers} fails to {action}, topic {topic}")]
    Kafka { brokers: String, topic: String, action: &'static str, source: Box<KafkaError> },
    #[error("Kafka at {brokers} does not say which cluster it belongs to")]
    NoCluster { brokers: String },
    #[error("the archive {archive} stood before another topic than {topic}: {reason}")]
    OtherTopic { archive: PathBuf, topic: String, reason: String },
    #[error(
        "{note} says that {next_offset} messages of the archive are published, but the archive ends at offset {end}"
    )]
    NoteBeyondEnd { note: PathBuf, next_offset: i64, end: i64 },
    #[error(
        "{archive} holds messages up to offset {end}, but {note}, which says how many of them are in {topic}, is missing"
    )]
    NoNote { note: PathBuf, archive: PathBuf, topic: String, end: i64 },
    #[error("{note} belongs to another archive than {archive}")]
    OtherArchive { note: PathBuf, archive: PathBuf },
    #[error("{note}, from an earlier version, says that {behind} messages in {folder} are not yet in {topic}")]
    EarlierArchive { note: PathBuf, folder: PathBuf, topic: String, behind: i64 },
    #[error("{behind} messages in {archive} are not yet in Kafka at {brokers}: {reason}")]
    Behind { archive: PathBuf, brokers: String, behind: i64, reason: String },
}

impl Error {
    /// Returns whether the same request may succeed later, although nobody changes a setting: a broker restarts, a partition
    /// gets another leader, a writer mends what a crash left.
    pub fn may_pass(&self) -> bool {
        match self {
            Error::Unreachable { .. }
            | Error::NotAdmitted { .. }
            | Error::NoCluster { .. }
            | Error::NoTopic { .. }
            | Error::WrongTime { .. }
            | Error::NoPartition { .. }
            | Error::OffsetGone { .. }
            | Error::TornNote { .. }
            | Error::Io { .. } => true,
            Error::Kafka { source, .. } => !matches!(
                source.rdkafka_error_code(),
                None | Some(
                    RDKafkaErrorCode::ClusterAuthorizationFailed
                        | RDKafkaErrorCode::GroupAuthorizationFailed
                        | RDKafkaErrorCode::InvalidArgument
                        | RDKafkaErrorCode::InvalidTopic
                        | RDKafkaErrorCode::TopicAuthorizationFailed
                        | RDKafkaErrorCode::UnsupportedFeature
                        | RDKafkaErrorCode::UnsupportedVersion
                )
            ),
            Error::Location { .. }
            | Error::NoLog { .. }
            | Error::EmptyLog { .. }
            | Error::NotAFolder { .. }
            | Error::Locked { .. }
            | Error::Damaged { .. }
            | Error::ReadOnly { .. }
            | Error::OffsetPastEnd { .. }
            | Error::Refused { .. }
            | Error::Settings { .. }
            | Error::OtherTopic { .. }
            | Error::NoteBeyondEnd { .. }
            | Error::NoNote { .. }
            | Error::OtherArchive { .. }
            | Error::EarlierArchive { .. }
            | Error::StoppedWaiting { .. }
            | Error::TooLong { .. }
            | Error::WhenFull { .. }
            | Error::Behind { .. } => false,
        }
    }

    /// Returns whether the disk has no room, so that the same may succeed later.
    pub fn is_full(&self) -> bool {
        matches!(self, Error::Io { source, .. } if is_full(source))
    }

    /// Returns the error for settings that librdkafka does not take. It does not repeat a value: it may be a secret.
    pub(super) fn settings(error: &KafkaError) -> Error {
        let reason = match error {
            KafkaError::ClientConfig(_, _, name, _) if name.is_empty() => "they do not fit together".to_string(),
            KafkaError::ClientConfig(_, reason, name, _) if reason.starts_with("No such configuration property") => {
                format!("there is no property `{name}`")
            }
            KafkaError::ClientConfig(_, reason, name, _) if is_shown(name) => format!("`{name}`: {reason}"),
            KafkaError::ClientConfig(_, _, name, _) => format!("it does not take the value of `{name}`"),
            error => error.to_string(),
        };
        Error::Settings { reason }
    }
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Error::Location { .. } => "write kafka://host:port/topic, kafka:///topic, or the path of a folder".into(),
            Error::TooLong { .. } => "leave it out: no exchange sends such a message".into(),
            Error::WhenFull { .. } => "it can be wait or end".into(),
            Error::Io { source, .. } if is_full(source) => {
                "make room on the disk; with log.when_full = \"wait\", `squall ingest` waits for it".into()
            }
            Error::StoppedWaiting { .. } => "make room and start again; what was stored before is safe".into(),
            Error::NoLog { dir } | Error::EmptyLog { dir } => {
                let dir = dir.display();
                format!(
                    "`squall ingest --to {dir}` records a live feed, `squall replay FILE… --to {dir}` reads recorded messages"
                )
            }
            Error::NotAFolder { path } => {
                format!("`squall replay {} --to data/raw` reads recorded messages into a log", path.display())
            }
            Error::Locked { .. } => "stop it first, or write to another folder with --to".into(),
            Error::Damaged { path, .. } => {
                format!("remove the damaged line from {} and keep it elsewhere: offsets may have holes", path.display())
            }
            Error::TornNote { .. } => "run the same command as a user who may write to the folder: it checks the messages and writes the note anew".into(),
            Error::OffsetGone { .. } => {
                "messages were removed before they were read; read on from the first offset that is kept".into()
            }
            Error::OffsetPastEnd { .. } => {
                "it is another log than the one that was read before; `squall land --from LOG --as NAME` lands it beside that"
                    .into()
            }
            Error::OtherTopic { archive, topic, .. } => {
                let (archive, old) = (archive.display(), format!("{}.before", archive.display()));
                format!(
                    "`mv {archive} {old}` sets the archive aside, and the same command begins a new one; \
                     `squall replay {old}/*.ndjson* --to {topic}` publishes what it holds"
                )
            }
            Error::NoNote { archive, topic, .. } => {
                let (archive, old) = (archive.display(), format!("{}.before", archive.display()));
                format!(
                    "`mv {archive} {old}` sets them aside, and the same command begins a new archive; \
                     `squall replay {old}/*.ndjson* --to {topic}` publishes them (landing recognises those it has seen)"
                )
            }
            Error::NoteBeyondEnd { note, .. } | Error::OtherArchive { note, .. } => {
                let archive = note.parent().unwrap_or(note).display();
                format!(
                    "messages of the archive were removed or replaced; put them back, or `mv {archive} {archive}.before` sets \
                     the archive aside, and the same command begins a new one"
                )
            }
            Error::EarlierArchive { note, folder, topic, .. } => format!(
                "each topic has an archive of its own now; `squall replay {}/*.ndjson* --to {topic}` publishes all of them \
                 (landing recognises those it has seen), then `rm {}`",
                folder.display(),
                note.display()
            ),
            Error::Unreachable { .. } => "start one with `docker compose -f docker/compose.yaml up -d kafka` or \
                 `docker/kafka-local.sh start`, or set kafka.bootstrap_servers (KAFKA_BOOTSTRAP_SERVERS); if a broker is there that \
                 speaks TLS or asks for a password, look at security.protocol among the [kafka] properties"
                .into(),
            Error::NotAdmitted { settings, .. } => format!(
                "look at {settings} among the [kafka] properties in squall.toml; `squall config` prints the settings in force"
            ),
            Error::Refused { .. } => {
                "raise the topic's max.message.bytes, or look at what the topic demands of a message".into()
            }
            Error::WrongTime { .. } => "set the clocks right; the topic's message.timestamp.after.max.ms says how far a message may \
                 be ahead of the broker's clock"
                .into(),
            Error::NoTopic { brokers, topic } => {
                let log = format!("kafka://{brokers}/{topic}");
                format!("`squall ingest --to {log}` or `squall replay FILE… --to {log}` makes it")
            }
            Error::Settings { .. } => {
                "see [kafka] properties in squall.toml; `squall config` prints the settings in force".into()
            }
            Error::Behind { archive, .. } => format!(
                "they are safe in {}; the next command that writes to the topic through this archive sends them first",
                archive.display()
            ),
            Error::Io { path, .. } => {
                format!("look at the disk and at the rights of {}, then run the same command again", path.display())
            }
            Error::NoPartition { .. } => "the log was replaced by one with fewer partitions; `squall land --from LOG --as NAME` lands \
                 it beside the other"
                .into(),
            Error::ReadOnly { .. } => "open it to append".into(),
            Error::NoCluster { .. } => "the broker must be Kafka 0.10 or newer; ask again when it has started".into(),
            Error::Kafka { source, .. } => match source.rdkafka_error_code() {
                Some(
                    RDKafkaErrorCode::ClusterAuthorizationFailed
                    | RDKafkaErrorCode::GroupAuthorizationFailed
                    | RDKafkaErrorCode::TopicAuthorizationFailed,
                ) => "give the user of sasl.username the right to read, write or create the topic".into(),
                _ => "look at the broker's own log; then run the same command again: it goes on where it stopped".into(),
            },
        })
    }
}
