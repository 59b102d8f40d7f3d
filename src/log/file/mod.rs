//! The file log: a folder of `YYYYMMDD.ndjson` files, one partition, one [`line`](super::line) a message.
//!
//! A day is the UTC day of ingest. Offsets run on across files, so that the log stays addressable when old days are removed.
//! One process appends (a lock file keeps others away) while any number read. A group of records is written and synced before
//! its append returns, and only then do readers see it. What a crash leaves of a line is set aside when the log is next opened
//! to append, with a notice.

mod days;
mod identity;
mod reader;
mod synced;
mod writer;

use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;

use super::{Error, Log, LogId, Message, Record};
use crate::durable::{self, blocking};
use reader::Reader;
use synced::Synced;
use writer::Writer;

/// The file that a process which appends holds locked.
const LOCK: &str = ".lock";
/// How long another writer's lock is waited for, and how often it is tried.
const LOCK_WAIT: Duration = Duration::from_secs(1);
const LOCK_POLL: Duration = Duration::from_millis(20);

/// A folder of NDJSON files as a log.
pub struct FileLog {
    inner: Arc<Inner>,
    notices: Vec<String>,
}

struct Inner {
    dir: PathBuf,
    topic: String,
    id: LogId,
    reader: Mutex<Reader>,
    appender: Option<Appender>,
}

struct Appender {
    /// `None` after a failed write: the next append starts by looking at what that left.
    writer: Mutex<Option<Writer>>,
    /// Held locked while the log is open.
    _lock: File,
}

impl FileLog {
    /// Opens a log to read it.
    ///
    /// # Errors
    /// A folder that is not there, or holds no message.
    pub async fn open(dir: &Path) -> Result<FileLog, Error> {
        let dir = dir.to_path_buf();
        blocking(move || {
            if dir.is_file() {
                return Err(Error::NotAFolder { path: dir });
            }
            if !dir.is_dir() || days::list(&dir)?.is_empty() {
                return Err(Error::NoLog { dir });
            }
            // Where nobody appends, what a writer left unsynced is synced now, so that it can be read.
            if let Some(_lock) = free(&dir)? {
                match Writer::open(&dir, writer::Torn::Leave) {
                    Err(Error::Io { source, .. }) if is_read_only(&source) => {}
                    result => drop(result?),
                }
            }
            if offsets(&dir)?.is_empty() {
                return Err(Error::EmptyLog { dir });
            }
            FileLog::new(&dir, None, Vec::new())
        })
        .await
    }

    /// Opens a log to append to it and to read it, making the folder where there is none.
    ///
    /// # Errors
    /// A folder that another process appends to, or whose newest file is damaged in its synced part.
    pub async fn create(dir: &Path) -> Result<FileLog, Error> {
        let dir = dir.to_path_buf();
        blocking(move || {
            if dir.is_file() {
                return Err(Error::NotAFolder { path: dir });
            }
            durable::create_folder(&dir).map_err(days::io("make the folder", &dir))?;
            let lock = lock(&dir)?;
            durable::remove_leftovers(&dir).map_err(days::io("list", &dir))?;
            let (writer, notices) = Writer::open(&dir, writer::Torn::SetAside)?;
            let appender = Appender { writer: Mutex::new(Some(writer)), _lock: lock };
            FileLog::new(&dir, Some(appender), notices)
        })
        .await
    }

    fn new(dir: &Path, appender: Option<Appender>, notices: Vec<String>) -> Result<FileLog, Error> {
        // `data/raw/.` and a link have the name of what they lead to.
        let path = dir.canonicalize().map_err(days::io("find", dir))?;
        let name = path.file_name().unwrap_or(path.as_os_str());
        let topic = name.to_string_lossy().into_owned();
        let id = identity::of(dir, appender.is_some())?;
        let reader = Mutex::new(Reader::new(dir));
        Ok(FileLog { inner: Arc::new(Inner { dir: dir.to_path_buf(), topic, id, reader, appender }), notices })
    }

    /// Returns one past the last offset of a folder's log; 0 where there is no log.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn end_of(dir: &Path) -> Result<i64, Error> {
        if dir.is_dir() { Ok(days::offsets(dir)?.end) } else { Ok(0) }
    }

    /// Returns the folder.
    pub fn dir(&self) -> &Path {
        &self.inner.dir
    }

    fn check(&self, partition: i32) -> Result<(), Error> {
        match partition {
            0 => Ok(()),
            partition => Err(Error::NoPartition { log: self.inner.dir.display().to_string(), partition }),
        }
    }
}

#[async_trait]
impl Log for FileLog {
    fn topic(&self) -> &str {
        &self.inner.topic
    }

    async fn id(&self) -> Result<LogId, Error> {
        Ok(self.inner.id.clone())
    }

    async fn partitions(&self) -> Result<Vec<i32>, Error> {
        Ok(vec![0])
    }

    async fn offsets(&self, partition: i32) -> Result<Range<i64>, Error> {
        self.check(partition)?;
        let inner = Arc::clone(&self.inner);
        blocking(move || offsets(&inner.dir)).await
    }

    async fn read(&self, partition: i32, from: i64, limit: usize) -> Result<Vec<Message>, Error> {
        self.check(partition)?;
        let inner = Arc::clone(&self.inner);
        blocking(move || held(&inner.reader).read(from, limit)).await
    }

    async fn append(&self, records: Vec<Record>) -> Result<(), Error> {
        let inner = Arc::clone(&self.inner);
        blocking(move || {
            let Some(appender) = &inner.appender else {
                return Err(Error::ReadOnly { log: inner.dir.display().to_string() });
            };
            let mut slot = held(&appender.writer);
            let mut writer = match slot.take() {
                Some(writer) => writer,
                None => Writer::open(&inner.dir, writer::Torn::SetAside)?.0,
            };
            writer.append(&records)?;
            *slot = Some(writer);
            Ok(())
        })
        .await
    }

    fn notices(&self) -> Vec<String> {
        self.notices.clone()
    }
}

/// Returns the offsets that can be read: those of whole lines that are synced.
fn offsets(dir: &Path) -> Result<Range<i64>, Error> {
    let held = days::offsets(dir)?;
    Ok(match Synced::read(dir)? {
        None => held,
        // Lines that were removed at the end leave a hole: their offsets are not given again.
        Some(Synced { end, .. }) if held.is_empty() => end..end,
        Some(Synced { end, .. }) => held.start.min(end)..end,
    })
}

/// Locks the folder if nobody appends to it and it may be written to.
fn free(dir: &Path) -> Result<Option<File>, Error> {
    let path = dir.join(LOCK);
    match File::options().create(true).append(true).open(&path) {
        Ok(file) => Ok(file.try_lock().is_ok().then_some(file)),
        Err(error) if is_read_only(&error) => Ok(None),
        Err(error) => Err(days::io("open", &path)(error)),
    }
}

fn is_read_only(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem)
}

/// Locks the folder for one writer; one that is about to end is waited for.
fn lock(dir: &Path) -> Result<File, Error> {
    let path = dir.join(LOCK);
    let file = File::options().create(true).append(true).open(&path).map_err(days::io("open", &path))?;
    let deadline = Instant::now() + LOCK_WAIT;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => std::thread::sleep(LOCK_POLL),
            Err(TryLockError::WouldBlock) => return Err(Error::Locked { dir: dir.to_path_buf() }),
            Err(TryLockError::Error(source)) => return Err(Error::Io { action: "lock", path, source }),
        }
    }
}

/// Locks. A holder that panicked left whole state, since readers and writers replace their state last.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
