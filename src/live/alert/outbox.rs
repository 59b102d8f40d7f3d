//! Alerts that were decided and may not have been given: a folder with one small file for each, so that what is noted of one alert does
//! not rewrite the others.
//!
//! A file is written before the ledger says that its row is decided. So a row counts as decided only if its alert is on the disk; an
//! alert whose row the ledger does not have yet is forgotten at the next start, and decided again.

use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use serde::{Deserialize, Serialize};

use super::Alert;
use super::to::Mark;
use crate::durable::{self, blocking};
use crate::live::error::Error;

/// An alert that may not have been given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    pub alert: Alert,
    /// The partition and the offset of its row.
    pub place: (i32, i64),
    /// Where its recipient ended before it was given; `None` if that was not begun.
    pub mark: Option<Mark>,
    /// The number of its file; alerts are given in this order.
    #[serde(skip)]
    number: u64,
}

/// The folder.
#[derive(Debug)]
pub struct Outbox {
    dir: PathBuf,
    /// Alerts that are refused for good, beside the folder.
    refused: PathBuf,
    /// How many alerts wait.
    count: AtomicUsize,
    /// The number of the next file.
    next: AtomicU64,
}

impl Outbox {
    /// Opens the folder of a ledger; returns the alerts that wait, the oldest first. `is_decided` says whether the ledger has a row.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn open(ledger: &Path, is_decided: impl Fn(i32, i64) -> bool) -> Result<(Arc<Outbox>, Vec<Pending>), Error> {
        let dir = ledger.with_extension("pending");
        let files = files(&dir).map_err(|source| Error::file(&dir, source))?;
        let next = files.last().map_or(0, |(number, _)| number + 1);
        let mut waiting = Vec::new();
        for (number, path) in files {
            let content = std::fs::read(&path).map_err(|source| Error::file(&path, source))?;
            let read = serde_json::from_slice(&content);
            let pending: Pending =
                read.map_err(|error| Error::Damaged { path: path.clone(), problem: error.to_string() })?;
            if is_decided(pending.place.0, pending.place.1) {
                waiting.push(Pending { number, ..pending });
            } else {
                durable::remove(&path).map_err(|source| Error::file(&path, source))?;
            }
        }
        let outbox = Outbox {
            dir,
            refused: ledger.with_extension("refused.ndjson"),
            count: AtomicUsize::new(waiting.len()),
            next: AtomicU64::new(next),
        };
        Ok((Arc::new(outbox), waiting))
    }

    /// Returns how many alerts wait.
    pub fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Writes alerts, each with the place of its row.
    ///
    /// # Errors
    /// A file cannot be written.
    pub async fn add(&self, alerts: Vec<(Alert, (i32, i64))>) -> Result<Vec<Pending>, Error> {
        let mut added = Vec::new();
        for (alert, place) in alerts {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let pending = Pending { alert, place, mark: None, number };
            self.write(&pending).await?;
            self.count.fetch_add(1, Ordering::Relaxed);
            added.push(pending);
        }
        Ok(added)
    }

    /// Notes where the recipient ends before an alert is given.
    ///
    /// # Errors
    /// The file cannot be written.
    pub async fn mark(&self, pending: &mut Pending, mark: Mark) -> Result<(), Error> {
        pending.mark = Some(mark);
        self.write(pending).await
    }

    /// Notes that an alert was given, or refused for good.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub async fn done(&self, pending: &Pending) -> Result<(), Error> {
        let path = self.path(pending);
        let removed = path.clone();
        let removed = blocking(move || durable::remove(&removed)).await;
        removed.map_err(|source| Error::file(&path, source))?;
        self.count.fetch_sub(1, Ordering::Relaxed);
        Ok(())
    }

    /// Keeps an alert that its recipient refuses, beside the folder.
    ///
    /// # Errors
    /// The file cannot be written.
    pub async fn refuse(&self, alert: &Alert, reason: &str) -> Result<PathBuf, Error> {
        let path = self.refused.clone();
        let line = serde_json::json!({ "reason": reason, "key": alert.key, "message": alert.message });
        let file = path.clone();
        let written = blocking(move || {
            use std::io::Write as _;
            let mut file = std::fs::OpenOptions::new().create(true).append(true).open(file)?;
            file.write_all(format!("{line}\n").as_bytes())?;
            file.sync_data()
        });
        written.await.map_err(|source| Error::file(&path, source))?;
        Ok(path)
    }

    fn path(&self, pending: &Pending) -> PathBuf {
        self.dir.join(format!("{:020}.json", pending.number))
    }

    async fn write(&self, pending: &Pending) -> Result<(), Error> {
        let path = self.path(pending);
        // Names, numbers and texts can be written as JSON.
        let (file, content) = (path.clone(), serde_json::to_vec(pending).unwrap_or_default());
        let written = blocking(move || durable::replace(&file, &content)).await;
        written.map_err(|source| Error::file(&path, source))
    }
}

/// Returns the files of a folder with their numbers, in their order; a folder that is missing has none.
fn files(dir: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    durable::remove_leftovers(dir)?;
    let entries = match std::fs::read_dir(dir) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let number = path.file_stem().and_then(OsStr::to_str).and_then(|stem| stem.parse().ok());
        if let Some(number) = number.filter(|_| path.extension() == Some(OsStr::new("json"))) {
            files.push((number, path));
        }
    }
    files.sort_unstable();
    Ok(files)
}
