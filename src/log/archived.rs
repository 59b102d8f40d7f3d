//! The file log in front of a topic: a message is written and synced in the archive, then published.
//!
//! While Kafka is away the archive goes on, and the topic catches up in order when it is back. How far it is stands beside the
//! archive, in `<topic>.forwarded.json`: after a crash the messages since that note are published again (at most about a
//! second's; landing marks them as duplicates), and none is left out.

use std::fs::File;
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, Notify, watch};
use tokio::task::JoinHandle;

use super::{Error, FileLog, KafkaLog, Log, Message, Options, Record};

/// The most messages published at once.
const GROUP_MESSAGES: usize = 4096;
/// The longest time that the note of progress may lag behind.
const NOTE_INTERVAL: Duration = Duration::from_millis(500);
const RETRY_FIRST: Duration = Duration::from_millis(250);
const RETRY_MOST: Duration = Duration::from_secs(15);

/// A topic with an archive before it.
pub struct Archived {
    archive: Arc<FileLog>,
    kafka: Arc<KafkaLog>,
    brokers: String,
    timeout: Duration,
    notices: Vec<String>,
    appended: Arc<Notify>,
    progress: watch::Receiver<Progress>,
    forwarder: Mutex<Option<JoinHandle<()>>>,
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
    next_offset: i64,
    failure: Option<String>,
}

/// The note beside the archive.
#[derive(Serialize, Deserialize)]
struct Note {
    next_offset: i64,
}

impl Archived {
    /// Opens the archive and the topic, and begins to publish what the topic lacks.
    ///
    /// An archive that never stood before this topic is published from its present end on.
    ///
    /// # Errors
    /// An archive that another process appends to. A broker that cannot be reached, unless this archive was before this topic
    /// earlier: then messages are archived until it can.
    pub async fn create(archive: &Path, brokers: &str, topic: &str, options: &Options) -> Result<Archived, Error> {
        let archive = Arc::new(FileLog::create(archive).await?);
        let kafka = Arc::new(KafkaLog::new(brokers, topic, options));
        let path = archive.dir().join(format!("{topic}.forwarded.json"));
        let mut notices = archive.notices();
        let next_offset = match read_note(&path)? {
            Some(Note { next_offset }) => {
                if let Err(error) = kafka.ensure_topic().await {
                    notices.push(format!("{error}; messages are archived until it is back"));
                }
                next_offset
            }
            None => {
                kafka.ensure_topic().await?;
                let next_offset = archive.offsets(0).await?.end;
                write_note(&path, next_offset)?;
                next_offset
            }
        };
        let (sender, progress) = watch::channel(Progress { next_offset, failure: None });
        let appended = Arc::new(Notify::new());
        let forwarder = Forwarder {
            archive: Arc::clone(&archive),
            kafka: Arc::clone(&kafka),
            note: path,
            noted: (next_offset, Instant::now()),
            appended: Arc::clone(&appended),
            progress: sender,
        };
        Ok(Archived {
            archive,
            kafka,
            brokers: brokers.to_string(),
            timeout: options.kafka_timeout,
            notices,
            appended,
            progress,
            forwarder: Mutex::new(Some(tokio::spawn(forwarder.run()))),
        })
    }

    /// Returns how far the topic is behind.
    pub async fn forwarding(&self) -> Result<Forwarding, Error> {
        let end = self.archive.offsets(0).await?.end;
        let Progress { next_offset, failure } = self.progress.borrow().clone();
        Ok(Forwarding { behind: end.saturating_sub(next_offset), failure })
    }
}

#[async_trait]
impl Log for Archived {
    fn topic(&self) -> &str {
        self.kafka.topic()
    }

    async fn partitions(&self) -> Result<Vec<i32>, Error> {
        self.kafka.partitions().await
    }

    async fn offsets(&self, partition: i32) -> Result<Range<i64>, Error> {
        self.kafka.offsets(partition).await
    }

    async fn read(&self, partition: i32, from: i64, limit: usize) -> Result<Vec<Message>, Error> {
        self.kafka.read(partition, from, limit).await
    }

    /// Returns once the records are synced in the archive; publishing them goes on behind.
    async fn append(&self, records: Vec<Record>) -> Result<(), Error> {
        self.archive.append(records).await?;
        self.appended.notify_one();
        Ok(())
    }

    fn notices(&self) -> Vec<String> {
        self.notices.clone()
    }

    /// Waits until the topic has everything, as long as it moves.
    async fn close(&self) -> Result<(), Error> {
        let mut progress = self.progress.clone();
        let end = self.archive.offsets(0).await?.end;
        loop {
            let moved = progress.borrow_and_update().next_offset;
            if moved >= end {
                break;
            }
            let Ok(Ok(())) = tokio::time::timeout(self.timeout, progress.changed()).await else {
                break;
            };
            // A failure is news too, but no movement.
            let Progress { next_offset, failure } = progress.borrow().clone();
            if next_offset == moved && failure.is_some() {
                break;
            }
        }
        if let Some(forwarder) = self.forwarder.lock().await.take() {
            forwarder.abort();
            // It ends by being cancelled; until then it holds the archive, which the next writer needs.
            let _ = forwarder.await;
        }
        let Progress { next_offset, failure } = progress.borrow().clone();
        write_note(&self.archive.dir().join(format!("{}.forwarded.json", self.topic())), next_offset)?;
        if next_offset < end {
            let reason = failure.unwrap_or_else(|| "it took too long".to_string());
            let archive = self.archive.dir().to_path_buf();
            return Err(Error::Behind { archive, brokers: self.brokers.clone(), behind: end - next_offset, reason });
        }
        Ok(())
    }
}

/// Publishes the archive's messages in order, for as long as the log is open.
struct Forwarder {
    archive: Arc<FileLog>,
    kafka: Arc<KafkaLog>,
    note: PathBuf,
    /// What was last noted, and when.
    noted: (i64, Instant),
    appended: Arc<Notify>,
    progress: watch::Sender<Progress>,
}

impl Forwarder {
    async fn run(mut self) {
        let mut wait = RETRY_FIRST;
        loop {
            match self.forward().await {
                Ok(0) => {
                    // An append between the read and here has left a permit, so that it is not slept through.
                    let _ = tokio::time::timeout(NOTE_INTERVAL, self.appended.notified()).await;
                }
                Ok(_) => wait = RETRY_FIRST,
                Err(error) => {
                    self.progress.send_modify(|progress| progress.failure = Some(error.to_string()));
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(RETRY_MOST);
                }
            }
        }
    }

    /// Publishes one group and returns its size.
    async fn forward(&mut self) -> Result<usize, Error> {
        let next_offset = self.progress.borrow().next_offset;
        let messages = self.archive.read(0, next_offset, GROUP_MESSAGES).await?;
        let published = messages.len();
        if let Some(last) = messages.last() {
            let next_offset = last.offset + 1;
            if self.progress.borrow().failure.is_some() {
                self.kafka.ensure_topic().await?;
            }
            self.kafka.append(messages.into_iter().map(|message| message.record).collect()).await?;
            self.progress.send_modify(|progress| *progress = Progress { next_offset, failure: None });
        }
        let next_offset = self.progress.borrow().next_offset;
        let (noted, at) = self.noted;
        if next_offset != noted && (published == 0 || at.elapsed() >= NOTE_INTERVAL) {
            write_note(&self.note, next_offset)?;
            self.noted = (next_offset, Instant::now());
        }
        Ok(published)
    }
}

impl Drop for Archived {
    fn drop(&mut self) {
        if let Some(forwarder) = self.forwarder.get_mut().take() {
            forwarder.abort();
        }
    }
}

fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.to_path_buf();
    move |source| Error::Io { action, path, source }
}

fn read_note(path: &Path) -> Result<Option<Note>, Error> {
    let bytes = match std::fs::read(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        result => result.map_err(io("read", path))?,
    };
    let damaged =
        |error: serde_json::Error| Error::Damaged { path: path.to_path_buf(), position: 0, reason: error.to_string() };
    serde_json::from_slice(&bytes).map(Some).map_err(damaged)
}

/// Replaces the note whole: a crash leaves the old one or the new one.
fn write_note(path: &Path, next_offset: i64) -> Result<(), Error> {
    let next = path.with_extension("next");
    let mut file = File::create(&next).map_err(io("make", &next))?;
    let text = format!("{{\"next_offset\":{next_offset}}}\n");
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(io("write", &next))?;
    std::fs::rename(&next, path).map_err(io("replace", path))
}
