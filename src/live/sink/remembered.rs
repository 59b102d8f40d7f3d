//! What a sink remembers of the rows of a query between runs: a file that one process holds.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::durable::{self, blocking};
use crate::live::error::Error;
use crate::live::plan::LivePlan;
use crate::log::LogId;

/// How often the file is written while rows are passed on.
const SAVE: Duration = Duration::from_secs(1);

/// What is in such a file.
pub trait State: Serialize + DeserializeOwned {
    /// Returns what is remembered before the first row.
    fn new(query: &str, log: &str) -> Self;

    /// Returns the id of the log that the rows came from.
    fn log(&self) -> &str;

    /// Returns the first offset of each partition of the log whose rows the place may lack.
    fn next(&mut self) -> &mut BTreeMap<i32, i64>;
}

/// The file, and what it says.
pub struct Remembered<S> {
    path: PathBuf,
    pub state: S,
    /// True if there is no file yet.
    pub is_new: bool,
    saved: Instant,
    is_changed: bool,
    /// Held locked, so that no other process of this machine passes rows of the query on to the place.
    _lock: File,
}

impl<S: State> Remembered<S> {
    /// Reads the file of a query; `place` is how messages name where its rows go.
    ///
    /// # Errors
    /// The file cannot be read or is about another log, or another process holds it.
    pub fn open(path: PathBuf, place: &str, plan: &LivePlan, log: &LogId) -> Result<Remembered<S>, Error> {
        let lock_path = path.with_extension("lock");
        let dir = path.parent().unwrap_or(&path);
        let held = durable::create_folder(dir).and_then(|()| File::create(&lock_path));
        let lock = held.map_err(|source| Error::file(&lock_path, source))?;
        if lock.try_lock().is_err() {
            return Err(Error::Busy { dir: place.into(), name: plan.name().into() });
        }
        let known: Option<S> = match std::fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            content => {
                let content = content.map_err(|source| Error::file(&path, source))?;
                let read = serde_json::from_slice(&content);
                Some(read.map_err(|error| Error::Damaged { path: path.clone(), problem: error.to_string() })?)
            }
        };
        let is_new = known.is_none();
        let state = known.unwrap_or_else(|| S::new(plan.name(), &log.to_string()));
        if state.log() != log.to_string() {
            return Err(Error::OtherTopic { path, held: state.log().into(), log: log.clone() });
        }
        Ok(Remembered { path, state, is_new, saved: Instant::now(), is_changed: false, _lock: lock })
    }

    /// Returns the first offset of a partition whose rows the place may lack; at first this is `at`, which is remembered.
    ///
    /// # Errors
    /// The file cannot be written.
    pub async fn begin(&mut self, partition: i32, at: i64) -> Result<i64, Error> {
        if let Some(next) = self.state.next().get(&partition) {
            return Ok(*next);
        }
        self.state.next().insert(partition, at);
        self.write().await?;
        Ok(at)
    }

    /// Remembers that the place has the rows of a partition up to an offset; the file is written later.
    pub fn reached(&mut self, partition: i32, next: i64) {
        self.state.next().insert(partition, next);
        self.is_changed = true;
    }

    /// Returns whether the file is worth writing: at the end if anything has changed, else once in a while.
    pub fn is_due(&self, all: bool) -> bool {
        self.is_changed && (all || self.saved.elapsed() >= SAVE)
    }

    /// Writes the file.
    ///
    /// # Errors
    /// The file cannot be written.
    pub async fn write(&mut self) -> Result<(), Error> {
        // Names, numbers and texts can be written as JSON.
        let content = serde_json::to_vec_pretty(&self.state).unwrap_or_default();
        let path = self.path.clone();
        let written = blocking(move || durable::replace(&path, &content)).await;
        written.map_err(|source| Error::file(&self.path, source))?;
        (self.saved, self.is_changed) = (Instant::now(), false);
        Ok(())
    }
}
