//! The file log: a folder of `YYYYMMDD.ndjson` files, one partition, one [`line`](super::line) a message.
//!
//! A day is the UTC day of ingest; offsets run on across files, so that the log stays addressable when old days are removed.
//! One process appends (a lock file holds the others off) while any number read; a group of records is written and synced
//! before its append returns. What a crash leaves of a line is set aside, visibly, when the log is next opened to append.

mod days;
mod reader;
mod writer;

use std::fs::{File, TryLockError};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;

use super::blocking::blocking;
use super::{Error, Log, Message, Record};
use reader::Reader;
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
            if days::offsets(&dir)?.is_empty() {
                return Err(Error::EmptyLog { dir });
            }
            FileLog::new(&dir, None, Vec::new())
        })
        .await
    }

    /// Opens a log to append to it and to read it, making the folder where there is none.
    ///
    /// # Errors
    /// A folder that another process appends to, or whose last file is damaged before its last line.
    pub async fn create(dir: &Path) -> Result<FileLog, Error> {
        let dir = dir.to_path_buf();
        blocking(move || {
            if dir.is_file() {
                return Err(Error::NotAFolder { path: dir });
            }
            std::fs::create_dir_all(&dir).map_err(days::io("make the folder", &dir))?;
            let lock = lock(&dir)?;
            let (writer, torn) = Writer::open(&dir)?;
            let appender = Appender { writer: Mutex::new(Some(writer)), _lock: lock };
            FileLog::new(&dir, Some(appender), torn.map(|torn| torn.to_string()).into_iter().collect())
        })
        .await
    }

    fn new(dir: &Path, appender: Option<Appender>, notices: Vec<String>) -> Result<FileLog, Error> {
        // `data/raw/.` and a link have the name of what they lead to.
        let path = dir.canonicalize().map_err(days::io("find", dir))?;
        let name = path.file_name().unwrap_or(path.as_os_str());
        let topic = name.to_string_lossy().into_owned();
        let reader = Mutex::new(Reader::new(dir));
        Ok(FileLog { inner: Arc::new(Inner { dir: dir.to_path_buf(), topic, reader, appender }), notices })
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

    async fn partitions(&self) -> Result<Vec<i32>, Error> {
        Ok(vec![0])
    }

    async fn offsets(&self, partition: i32) -> Result<Range<i64>, Error> {
        self.check(partition)?;
        let inner = Arc::clone(&self.inner);
        blocking(move || days::offsets(&inner.dir)).await
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
                None => Writer::open(&inner.dir)?.0,
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

/// Locks the folder for one writer; a writer that is just ending gets the time to.
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

/// Locks; what a panicked holder left is whole, since readers and writers replace their state last.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
