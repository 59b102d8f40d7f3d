//! What is remembered of the alerts of a query: up to which row was decided, when each product had its last alert, and the alerts that
//! are not given yet. The file is replaced before an alert is given, and after.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::Alert;
use super::decision::Product;
use super::to::Mark;
use crate::durable::{self, blocking};
use crate::live::error::Error;

/// What is remembered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    pub query: String,
    pub log: String,
    /// The condition, for people.
    pub alert: String,
    /// The first offset of each partition whose rows were not decided.
    pub next: BTreeMap<i32, i64>,
    /// The first offset of each partition whose rows belong to the last minute of a product.
    pub minute: BTreeMap<i32, i64>,
    pub products: BTreeMap<String, Product>,
    /// Alerts that may not have been given, the oldest first.
    pub pending: Vec<Pending>,
}

/// An alert that may not have been given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    pub alert: Alert,
    /// Where its recipient ended before it was given; `None` if that was not begun.
    pub mark: Option<Mark>,
}

/// The file, and what it says.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    state: Mutex<State>,
}

impl Ledger {
    /// Reads the file; without one, nothing was decided yet.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn open(path: &Path, new: State) -> Result<Arc<Ledger>, Error> {
        let state = match std::fs::read(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => new,
            content => {
                let content = content.map_err(|source| Error::file(path, source))?;
                serde_json::from_slice(&content)
                    .map_err(|error| Error::Damaged { path: path.into(), problem: error.to_string() })?
            }
        };
        Ok(Arc::new(Ledger { path: path.into(), state: Mutex::new(state) }))
    }

    /// Returns what is remembered.
    pub fn state(&self) -> MutexGuard<'_, State> {
        // Each change is complete before anything can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the file.
    ///
    /// # Errors
    /// The file cannot be written.
    pub async fn save(self: &Arc<Self>) -> Result<(), Error> {
        let ledger = Arc::clone(self);
        let written = blocking(move || {
            // Held until the file is in place, so that a later state is not replaced by an earlier one.
            let state = ledger.state();
            // Names, numbers and texts can be written as JSON.
            durable::replace(&ledger.path, &serde_json::to_vec_pretty(&*state).unwrap_or_default())
        });
        written.await.map_err(|source| Error::file(&self.path, source))
    }

    /// Notes where the recipient ends before an alert is given.
    pub async fn mark(self: &Arc<Self>, key: &str, mark: Mark) -> Result<(), Error> {
        for pending in self.state().pending.iter_mut().filter(|pending| pending.alert.key == key) {
            pending.mark = Some(mark.clone());
        }
        self.save().await
    }

    /// Notes that an alert was given, or refused for good.
    pub async fn done(self: &Arc<Self>, key: &str) -> Result<(), Error> {
        self.state().pending.retain(|pending| pending.alert.key != key);
        self.save().await
    }

    /// Keeps an alert that its recipient refuses, beside the file.
    pub async fn refuse(&self, alert: &Alert, reason: &str) -> Result<PathBuf, Error> {
        let path = self.path.with_extension("refused.ndjson");
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
}
