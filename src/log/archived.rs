//! The file log in front of a topic: a message is written and synced in the archive, then published.
//!
//! Each topic has its own archive, `<archives>/<topic>/`. While Kafka is away, messages are still archived; the topic
//! catches up, in order, when Kafka is back. A note in the archive, `<topic>.forwarded.json`, says how much of the archive
//! has been published, and names both logs by their ids. After a crash, the messages since that note are published again
//! (about one second of messages at most). Landing marks them as duplicates. No message is left out.
//!
//! A message that the topic refuses for good, because it is too large for example, is set aside in a file of dead letters
//! with the reason, and the messages after it go on. The archive still holds it.

mod forwarder;
mod note;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Mutex, Notify, watch};
use tokio::task::JoinHandle;

use super::{Batch, Error, FileLog, KafkaLog, Limit, Log, LogId, Options, Record};
use crate::durable::blocking;
use forwarder::Forwarder;
use note::Note;

/// A topic whose messages are archived first.
pub struct Archived {
    archive: Arc<FileLog>,
    kafka: Arc<KafkaLog>,
    brokers: String,
    timeout: Duration,
    notices: Vec<String>,
    note: PathBuf,
    appended: Arc<Notify>,
    stop: Arc<Notify>,
    progress: watch::Receiver<Progress>,
    forwarder: Mutex<Option<JoinHandle<()>>>,
}

/// What an archive's note says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forwarded {
    pub topic: LogId,
    /// The archive's first offset that is not published yet.
    pub next_offset: i64,
}

/// How far the topic is behind its archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forwarding {
    /// Messages in the archive that the topic does not have yet.
    pub behind: i64,
    /// Why, when the last attempt to publish failed.
    pub failure: Option<String>,
}

#[derive(Debug, Clone)]
struct Progress {
    note: Note,
    failure: Option<String>,
}

impl Archived {
    /// Opens the topic and its archive `<archives>/<topic>`, and begins to publish what the topic lacks.
    ///
    /// # Errors
    /// Another process appends to the archive, or the archive belongs to another topic. The broker cannot be reached and
    /// the archive has no note yet. With a note, messages are archived until the broker is back.
    pub async fn create(archives: &Path, brokers: &str, topic: &str, options: &Options) -> Result<Archived, Error> {
        let dir = archives.join(topic);
        let kafka = Arc::new(KafkaLog::new(brokers, topic, options));
        let address = format!("kafka://{brokers}/{topic}");
        let (folder, name, to) = (archives.to_path_buf(), topic.to_string(), address.clone());
        let mut notices = blocking(move || note::check_earlier_archive(&folder, &name, &to)).await?;
        let archive = Arc::new(FileLog::create_with(&dir, options).await?);
        notices.extend(archive.notices());
        let path = note::path(&dir, topic);
        let archive_id = archive.id().await?;
        let end = archive.offsets(0).await?.end;
        let mut checked = false;
        let note_path = path.clone();
        let note = match blocking(move || Note::read(&note_path)).await? {
            Some(note) if note.archive != archive_id => return Err(Error::OtherArchive { note: path, archive: dir }),
            Some(note) if note.next_offset > end => {
                return Err(Error::NoteBeyondEnd { note: path, next_offset: note.next_offset, end });
            }
            Some(note) => {
                match note.check_topic(&kafka, &dir, &address).await {
                    Ok(()) => checked = true,
                    Err(error @ Error::OtherTopic { .. }) => return Err(error),
                    Err(error) => notices.push(format!("{error}; messages are archived until it is back")),
                }
                note
            }
            None if end > 0 => return Err(Error::NoNote { note: path, archive: dir, topic: address, end }),
            None => {
                kafka.ensure_topic().await?;
                checked = true;
                let note = Note { archive: archive_id, topic: kafka.id().await?, next_offset: end, last: None };
                note.write(&path).await?;
                note
            }
        };
        if end > note.next_offset {
            let (behind, dir) = (end - note.next_offset, dir.display());
            notices.push(format!("{behind} messages in {dir} are not in {address} yet; they go first"));
        }
        let (sender, progress) = watch::channel(Progress { note: note.clone(), failure: None });
        let (appended, stop) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let forwarder = Forwarder::new(forwarder::Parts {
            archive: Arc::clone(&archive),
            kafka: Arc::clone(&kafka),
            address,
            path: path.clone(),
            dead: options.dead.clone().unwrap_or_else(|| dir.clone()),
            checked,
            appended: Arc::clone(&appended),
            stop: Arc::clone(&stop),
            progress: sender,
            tell: options.tell.clone(),
        });
        Ok(Archived {
            archive,
            kafka,
            brokers: brokers.to_string(),
            timeout: options.kafka_timeout,
            notices,
            note: path,
            appended,
            stop,
            progress,
            forwarder: Mutex::new(Some(tokio::spawn(forwarder.run()))),
        })
    }

    /// Returns how much of the archive in `dir` has been published; `None` if the folder is not a topic's archive.
    ///
    /// # Errors
    /// The note cannot be read, or is damaged.
    pub fn forwarded(dir: &Path) -> Result<Option<Forwarded>, Error> {
        // An archive is named after its topic.
        let Some(topic) = dir.file_name().and_then(|name| name.to_str()) else { return Ok(None) };
        let note = Note::read(&note::path(dir, topic))?;
        Ok(note.map(|note| Forwarded { topic: note.topic, next_offset: note.next_offset }))
    }

    /// Returns how far the topic is behind.
    pub async fn forwarding(&self) -> Result<Forwarding, Error> {
        let end = self.archive.offsets(0).await?.end;
        let Progress { note, failure } = self.progress.borrow().clone();
        Ok(Forwarding { behind: end.saturating_sub(note.next_offset), failure })
    }
}

#[async_trait]
impl Log for Archived {
    fn topic(&self) -> &str {
        self.kafka.topic()
    }

    async fn id(&self) -> Result<LogId, Error> {
        self.kafka.id().await
    }

    async fn partitions(&self) -> Result<Vec<i32>, Error> {
        self.kafka.partitions().await
    }

    async fn offsets(&self, partition: i32) -> Result<Range<i64>, Error> {
        self.kafka.offsets(partition).await
    }

    async fn read_batch(&self, partition: i32, from: i64, limit: Limit) -> Result<Batch, Error> {
        self.kafka.read_batch(partition, from, limit).await
    }

    /// Returns once the records are synced in the archive; they are published in the background.
    async fn append(&self, records: Vec<Record>) -> Result<(), Error> {
        self.archive.append(records).await?;
        self.appended.notify_one();
        Ok(())
    }

    fn notices(&self) -> Vec<String> {
        self.notices.clone()
    }

    async fn forwarding(&self) -> Result<Option<Forwarding>, Error> {
        // The method of the same name that is the archive's own.
        Archived::forwarding(self).await.map(Some)
    }

    fn waits_for(&self) -> Option<String> {
        self.archive.waits_for()
    }

    /// Waits until the topic has every message, for as long as publishing makes progress.
    async fn close(&self) -> Result<(), Error> {
        let mut progress = self.progress.clone();
        let end = self.archive.offsets(0).await?.end;
        loop {
            let moved = progress.borrow_and_update().note.next_offset;
            if moved >= end {
                break;
            }
            let Ok(Ok(())) = tokio::time::timeout(self.timeout, progress.changed()).await else {
                break;
            };
            // A failure also counts as a change, but not as progress.
            let Progress { note, failure } = progress.borrow().clone();
            if note.next_offset == moved && failure.is_some() {
                break;
            }
        }
        if let Some(forwarder) = self.forwarder.lock().await.take() {
            self.stop.notify_one();
            // Until the task has ended, it holds the archive, which the next writer needs.
            let _ = forwarder.await;
        }
        let Progress { note, failure } = progress.borrow().clone();
        note.write(&self.note).await?;
        if note.next_offset < end {
            let reason = failure.unwrap_or_else(|| "it took too long".to_string());
            let archive = self.archive.dir().to_path_buf();
            let behind = end - note.next_offset;
            return Err(Error::Behind { archive, brokers: self.brokers.clone(), behind, reason });
        }
        Ok(())
    }
}

impl Drop for Archived {
    fn drop(&mut self) {
        if let Some(forwarder) = self.forwarder.get_mut().take() {
            forwarder.abort();
        }
    }
}
