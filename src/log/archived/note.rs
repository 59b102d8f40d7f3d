//! The note beside an archive: which topic the archive belongs to, and how much of it has been published.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::super::kafka::Place;
use super::super::{Error, FileLog, KafkaLog, Log, LogId, Record, Testimony, Witness};
use crate::durable::{self, blocking};

/// A file that is written aside has a longer name than the file, and a folder takes names of 255 bytes.
const MOST_TOPIC_BYTES: usize = 190;

/// Returns the path of the note in a topic's archive.
pub(super) fn path(archive: &Path, topic: &str) -> PathBuf {
    match topic.len() {
        ..=MOST_TOPIC_BYTES => archive.join(format!("{topic}.forwarded.json")),
        _ => archive.join("forwarded.json"),
    }
}

/// What the note holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Note {
    pub archive: LogId,
    pub topic: LogId,
    /// The archive's first offset that is not published yet.
    pub next_offset: i64,
    /// The last message published; absent if none was.
    pub last: Option<Last>,
}

/// A published message. A topic that holds another message at this place was deleted and created again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Last {
    partition: i32,
    #[serde(flatten)]
    witness: Witness,
}

impl Last {
    /// Notes a record and its place in the topic.
    pub(super) fn new(place: Place, record: &Record) -> Last {
        let witness = Witness { offset: place.offset, fingerprint: record.fingerprint() };
        Last { partition: place.partition, witness }
    }

    /// Returns the partition and the offset.
    pub(super) fn place(&self) -> (i32, i64) {
        (self.partition, self.witness.offset)
    }
}

impl Note {
    /// Reads a note; `None` if there is no note.
    pub(super) fn read(path: &Path) -> Result<Option<Note>, Error> {
        match read(path)? {
            None => Ok(None),
            Some(bytes) => parse(path, &bytes).map(Some),
        }
    }

    /// Replaces the note.
    pub(super) async fn write(&self, path: &Path) -> Result<(), Error> {
        let path = path.to_path_buf();
        let text = serde_json::to_string(self).map_err(|error| damaged(&path, &error))?;
        blocking(move || {
            let replaced = durable::replace(&path, format!("{text}\n").as_bytes());
            replaced.map_err(|source| Error::Io { action: "replace", path, source })
        })
        .await
    }

    /// Refuses a topic other than the one that the archive was published to. Before the first message is published, a
    /// missing topic is created.
    pub(super) async fn check_topic(&self, kafka: &KafkaLog, archive: &Path, address: &str) -> Result<(), Error> {
        let other =
            |reason: String| Error::OtherTopic { archive: archive.to_path_buf(), topic: address.to_string(), reason };
        let Some(last) = &self.last else {
            kafka.ensure_topic().await?;
            return self.check_id(kafka, &other).await;
        };
        let Last { partition, witness } = last;
        let offset = witness.offset;
        match kafka.partitions().await {
            Err(Error::NoTopic { .. }) => return Err(other("the topic was deleted".into())),
            result => drop(result?),
        }
        self.check_id(kafka, &other).await?;
        match witness.ask(kafka, *partition).await {
            Ok(Testimony::Same | Testimony::Gone) => Ok(()),
            Ok(Testimony::Other) => Err(other(format!(
                "the topic was deleted and made anew, since it holds another message at offset {offset} of partition {partition}"
            ))),
            Ok(Testimony::Ended { end }) => Err(other(format!(
                "the topic was deleted and made anew, since partition {partition} ends at offset {end}, and offset {offset} was \
                 published"
            ))),
            Err(Error::NoPartition { .. }) => {
                Err(other(format!("the topic was deleted and made anew, since it has no partition {partition}")))
            }
            Err(error) => Err(error),
        }
    }

    async fn check_id(&self, kafka: &KafkaLog, other: &impl Fn(String) -> Error) -> Result<(), Error> {
        let id = kafka.id().await?;
        if id == self.topic { Ok(()) } else { Err(other(format!("it stood before {}, and this is {id}", self.topic))) }
    }
}

/// Looks for the single archive of an earlier version, which served all topics: `<archives>/<topic>.forwarded.json`.
///
/// # Errors
/// That archive holds messages that the topic does not have yet.
pub(super) fn check_earlier_archive(archives: &Path, topic: &str, address: &str) -> Result<Vec<String>, Error> {
    #[derive(Deserialize)]
    struct Earlier {
        next_offset: i64,
    }
    let path = path(archives, topic);
    let Some(bytes) = read(&path)? else { return Ok(Vec::new()) };
    let Earlier { next_offset } = parse(&path, &bytes)?;
    let behind = FileLog::end_of(archives)?.saturating_sub(next_offset);
    if behind > 0 {
        let (note, folder) = (path, archives.to_path_buf());
        return Err(Error::EarlierArchive { note, folder, topic: address.to_string(), behind });
    }
    std::fs::remove_file(&path).map_err(|source| Error::Io { action: "remove", path: path.clone(), source })?;
    let archives = archives.display();
    Ok(vec![format!(
        "messages for {topic} are archived in {archives}/{topic} from now on; those archived before stay in {archives}"
    )])
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::Io { action: "read", path: path.to_path_buf(), source }),
    }
}

fn parse<T: for<'a> Deserialize<'a>>(path: &Path, bytes: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(bytes).map_err(|error| damaged(path, &error))
}

fn damaged(path: &Path, error: &serde_json::Error) -> Error {
    Error::Damaged { path: path.to_path_buf(), position: 0, reason: error.to_string() }
}
