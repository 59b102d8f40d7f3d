//! The file log: a folder of `YYYYMMDD.ndjson` files, one partition, one [`line`](super::line) a message.
//!
//! A day is the UTC day of ingest. Offsets continue from one file to the next, so the log stays addressable when old days
//! are removed. One process appends (a lock file keeps others out); any number of processes read. A group of records is
//! written and synced before its append returns, and readers see the records only then. If a crash left part of a line, that
//! part is set aside, with a notice, when the log is next opened to append. Finished days may be packed with zstd; readers see
//! no difference.

mod days;
mod identity;
mod old;
mod packed;
mod packer;
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

use super::{Batch, Error, Limit, Log, LogId, Options, Record, WhenFull};
use crate::durable::{self, blocking};
pub use old::OldDay;
use packer::Packer;
use reader::Reader;
use synced::Synced;
use writer::Writer;

/// The file that an appending process keeps locked.
const LOCK: &str = ".lock";
/// The file that a reader keeps locked while it syncs, under the other lock, what a writer left unsynced.
const READER_LOCK: &str = ".lock.reader";
/// How long to wait for another writer's lock, and how often to try. A reader's lock is waited for as long as it syncs.
const LOCK_WAIT: Duration = Duration::from_secs(1);
const LOCK_POLL: Duration = Duration::from_millis(20);
/// How often a full disk is tried again.
const FULL_POLL: Duration = Duration::from_secs(1);

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
    /// `None` after a failed write: the next append first checks what that write left.
    writer: Mutex<Option<Writer>>,
    when_full: WhenFull,
    /// What an append waits for.
    waits_for: Mutex<Option<String>>,
    /// `None` if finished days stay as they are.
    packer: Option<Packer>,
    /// Held locked while the log is open.
    _lock: Arc<File>,
}

impl FileLog {
    /// Opens a log to read it.
    ///
    /// # Errors
    /// The folder is missing or holds no message.
    pub async fn open(dir: &Path) -> Result<FileLog, Error> {
        let dir = dir.to_path_buf();
        blocking(move || {
            if dir.is_file() {
                return Err(Error::NotAFolder { path: dir });
            }
            if !dir.is_dir() || days::list(&dir)?.is_empty() {
                return Err(Error::NoLog { dir });
            }
            // If no process appends, sync now what a writer left unsynced, so that it can be read.
            if let Some(_locks) = free(&dir)? {
                match Writer::open(&dir, writer::Tail::Leave) {
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

    /// Opens a log to append to it and to read it; creates the folder if it is missing.
    ///
    /// # Errors
    /// Another process appends to the folder, or the newest file is damaged in its synced part.
    pub async fn create(dir: &Path) -> Result<FileLog, Error> {
        FileLog::create_with(dir, &Options::default()).await
    }

    /// As [`FileLog::create`]; the options say whether finished days are packed and what a full disk does.
    ///
    /// # Errors
    /// As [`FileLog::create`].
    pub async fn create_with(dir: &Path, options: &Options) -> Result<FileLog, Error> {
        let mut told = false;
        loop {
            let (folder, with) = (dir.to_path_buf(), options.clone());
            match blocking(move || FileLog::create_now(&folder, &with)).await {
                // The next attempt may set aside what a crash left.
                Err(error) if options.when_full == WhenFull::Wait && error.is_full() => {
                    if !std::mem::replace(&mut told, true) {
                        let dir = dir.display();
                        options.tell.say(&format!("Warning: the disk is full: squall opens {dir} when there is room"));
                    }
                    tokio::time::sleep(FULL_POLL).await;
                }
                created => return created,
            }
        }
    }

    fn create_now(dir: &Path, options: &Options) -> Result<FileLog, Error> {
        if dir.is_file() {
            return Err(Error::NotAFolder { path: dir.to_path_buf() });
        }
        durable::create_folder(dir).map_err(days::io("make the folder", dir))?;
        let lock = Arc::new(lock(dir)?);
        durable::remove_leftovers(dir).map_err(days::io("list", dir))?;
        let (writer, notices) = Writer::open(dir, writer::Tail::KeepLines)?;
        let packer = options.pack_days.then(|| Packer::new(dir, Arc::clone(&lock), options.tell.clone()));
        if let Some(packer) = &packer {
            packer.start();
        }
        let (writer, waits_for) = (Mutex::new(Some(writer)), Mutex::new(None));
        let appender = Appender { writer, when_full: options.when_full, waits_for, packer, _lock: lock };
        FileLog::new(dir, Some(appender), notices)
    }

    fn new(dir: &Path, appender: Option<Appender>, notices: Vec<String>) -> Result<FileLog, Error> {
        // For `data/raw/.` or a link, use the name of the folder that it points to.
        let path = dir.canonicalize().map_err(days::io("find", dir))?;
        let name = path.file_name().unwrap_or(path.as_os_str());
        let topic = name.to_string_lossy().into_owned();
        let id = identity::of(dir, appender.is_some())?;
        let reader = Mutex::new(Reader::new(dir));
        let inner = Arc::new(Inner { dir: dir.to_path_buf(), topic, id, reader, appender });
        Ok(FileLog { inner, notices })
    }

    /// Returns one past the last offset of a folder's log; 0 if there is no log.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn end_of(dir: &Path) -> Result<i64, Error> {
        if dir.is_dir() { Ok(days::offsets(dir)?.end) } else { Ok(0) }
    }

    /// Returns the files of a folder's log for days before `day`, oldest first, without the newest file; none if there is no
    /// log.
    ///
    /// # Errors
    /// The folder or a file cannot be read.
    pub fn days_before(dir: &Path, day: chrono::NaiveDate) -> Result<Vec<OldDay>, Error> {
        old::before(dir, day)
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

    async fn read_batch(&self, partition: i32, from: i64, limit: Limit) -> Result<Batch, Error> {
        self.check(partition)?;
        let inner = Arc::clone(&self.inner);
        blocking(move || held(&inner.reader).read(from, limit)).await
    }

    async fn append(&self, mut records: Vec<Record>) -> Result<(), Error> {
        // What a full disk left of these records is removed before they are appended again.
        let mut tail = writer::Tail::Drop;
        loop {
            let inner = Arc::clone(&self.inner);
            let (tried, appended) = blocking(move || {
                let appended = inner.append(&records, tail);
                (records, appended)
            })
            .await;
            match (appended, &self.inner.appender) {
                (Err(error), Some(appender)) if appender.when_full == WhenFull::Wait && error.is_full() => {
                    let (dir, messages) = (self.inner.dir.display(), tried.len());
                    let waits_for =
                        format!("the disk is full: {messages} messages for {dir} wait in memory until there is room");
                    *held(&appender.waits_for) = Some(waits_for);
                    (records, tail) = (tried, writer::Tail::Cut);
                    tokio::time::sleep(FULL_POLL).await;
                }
                (appended, appender) => {
                    if let Some(appender) = appender {
                        *held(&appender.waits_for) = None;
                    }
                    return appended;
                }
            }
        }
    }

    fn notices(&self) -> Vec<String> {
        self.notices.clone()
    }

    fn waits_for(&self) -> Option<String> {
        self.inner.appender.as_ref().and_then(|appender| held(&appender.waits_for).clone())
    }
}

impl Inner {
    /// Appends the records. If the last append failed, `tail` says what to do about what it left.
    fn append(&self, records: &[Record], tail: writer::Tail) -> Result<(), Error> {
        let Some(appender) = &self.appender else {
            return Err(Error::ReadOnly { log: self.dir.display().to_string() });
        };
        let mut slot = held(&appender.writer);
        let mut writer = match slot.take() {
            Some(writer) => writer,
            // After a failed sync, the operating system may take unwritten pages for written ones.
            None => Writer::open(&self.dir, tail)?.0,
        };
        let turned = writer.append(records)?;
        *slot = Some(writer);
        if let (true, Some(packer)) = (turned, &appender.packer) {
            packer.start();
        }
        Ok(())
    }
}

/// Returns the offsets that can be read: those of whole, synced lines.
fn offsets(dir: &Path) -> Result<Range<i64>, Error> {
    match Synced::of(dir)? {
        None => days::offsets(dir),
        Some(Synced { end: 0, .. }) => Ok(0..0),
        // What follows the end is not looked at. If lines at the end were removed, their offsets are not used again.
        Some(Synced { end, .. }) => Ok(days::first(dir)?.map_or(end, |first| first.min(end))..end),
    }
}

/// Locks the folder for a reader that syncs it; `None` if a process appends to it or it is not writable. The files stay locked
/// until they are dropped, the writers' lock first.
fn free(dir: &Path) -> Result<Option<(File, File)>, Error> {
    let (path, reader_path) = (dir.join(LOCK), dir.join(READER_LOCK));
    let open = |path: &Path| match File::options().create(true).append(true).open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if is_read_only(&error) => Ok(None),
        Err(error) => Err(days::io("open", path)(error)),
    };
    let (Some(reader), Some(file)) = (open(&reader_path)?, open(&path)?) else { return Ok(None) };
    // Several readers follow each other.
    reader.lock().map_err(days::io("lock", &reader_path))?;
    Ok(file.try_lock().is_ok().then_some((file, reader)))
}

/// Returns whether a reader syncs the folder now.
fn reader_syncs(dir: &Path) -> bool {
    let file = File::options().append(true).open(dir.join(READER_LOCK));
    file.is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
}

fn is_read_only(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem)
}

/// Locks the folder for one writer; waits a short time for a writer that is about to end.
fn lock(dir: &Path) -> Result<File, Error> {
    let path = dir.join(LOCK);
    let file = File::options().create(true).append(true).open(&path).map_err(days::io("open", &path))?;
    let deadline = Instant::now() + LOCK_WAIT;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline || reader_syncs(dir) => {
                std::thread::sleep(LOCK_POLL);
            }
            Err(TryLockError::WouldBlock) => return Err(Error::Locked { dir: dir.to_path_buf() }),
            Err(TryLockError::Error(source)) => return Err(Error::Io { action: "lock", path, source }),
        }
    }
}

/// Locks the mutex. A holder that panicked left a valid state, because readers and writers replace their state last.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
