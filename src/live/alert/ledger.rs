//! What is remembered of the alerts of a query: up to which row was decided, and when each product had its last alert. The alerts that
//! are not given yet are in the [outbox](super::outbox).
//!
//! Only the sink that decides writes the file, and only after the alerts of the decided rows are in the outbox. So after an end at any
//! instant, the alert of a row is waiting or its row is decided again.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Alert;
use super::decision::Product;
use super::outbox::{Outbox, Pending};
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
}

impl State {
    /// Returns whether the rows of an offset were decided.
    pub fn has(&self, partition: i32, offset: i64) -> bool {
        self.next.get(&partition).is_some_and(|next| offset < *next)
    }
}

/// What was decided of the rows of consecutive offsets.
#[derive(Debug, Default)]
pub struct Decided {
    pub partition: i32,
    /// One past the last offset.
    pub end: i64,
    /// The products of which something else is remembered now.
    pub products: BTreeMap<String, Product>,
    /// The alerts, each with its offset.
    pub alerts: Vec<(Alert, i64)>,
}

/// The file, and what it says.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    state: State,
}

impl Ledger {
    /// Reads the file; without one, nothing was decided yet.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn open(path: &Path, new: State) -> Result<Ledger, Error> {
        let state = match std::fs::read(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => new,
            content => {
                let content = content.map_err(|source| Error::file(path, source))?;
                serde_json::from_slice(&content)
                    .map_err(|error| Error::Damaged { path: path.into(), problem: error.to_string() })?
            }
        };
        Ok(Ledger { path: path.into(), state })
    }

    /// Returns what is remembered.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Remembers that the rows of a partition are decided from an offset on.
    ///
    /// # Errors
    /// The file cannot be written.
    pub async fn begin(&mut self, partition: i32, at: i64) -> Result<(), Error> {
        self.state.next.insert(partition, at);
        self.save().await
    }

    /// Remembers which rows are in the last minute of a product, and writes the file.
    ///
    /// # Errors
    /// The file cannot be written.
    pub async fn save_with(&mut self, minute: BTreeMap<i32, i64>) -> Result<(), Error> {
        self.state.minute = minute;
        self.save().await
    }

    /// Puts the alerts of decided rows into the outbox, and then remembers the rows as decided; returns the alerts. The caller saves.
    ///
    /// # Errors
    /// An alert cannot be written. Its rows are not decided then.
    pub async fn note(&mut self, decided: Decided, outbox: &Outbox) -> Result<Vec<Pending>, Error> {
        let Decided { partition, end, products, alerts } = decided;
        let alerts = alerts.into_iter().map(|(alert, offset)| (alert, (partition, offset)));
        let pending = outbox.add(alerts.collect()).await?;
        self.state.products.extend(products);
        self.state.next.insert(partition, end);
        Ok(pending)
    }

    async fn save(&self) -> Result<(), Error> {
        // Names, numbers and texts can be written as JSON.
        let (path, content) = (self.path.clone(), serde_json::to_vec_pretty(&self.state).unwrap_or_default());
        let written = blocking(move || durable::replace(&path, &content)).await;
        written.map_err(|source| Error::file(&self.path, source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(offset: i64) -> (Alert, i64) {
        let (product, message) = ("BTC-USD".to_string(), format!("{{\"log_offset\":{offset}}}"));
        (Alert { key: format!("alert-{offset}"), product, ts: offset, sentence: String::new(), message }, offset)
    }

    fn decided(end: i64, alerts: &[i64]) -> Decided {
        Decided { end, alerts: alerts.iter().copied().map(alert).collect(), ..Decided::default() }
    }

    /// Returns what a start finds: up to where rows are decided, and the alerts that wait.
    fn found(path: &Path) -> (Option<i64>, Vec<String>) {
        let ledger = Ledger::open(path, State::default()).unwrap();
        let (outbox, waiting) = Outbox::open(path, |partition, offset| ledger.state().has(partition, offset)).unwrap();
        assert_eq!(outbox.count(), waiting.len());
        let keys = waiting.into_iter().map(|pending| pending.alert.key).collect();
        (ledger.state().next.get(&0).copied(), keys)
    }

    /// Each alert is waiting, or its row is decided again, whatever the step after which squall is killed.
    #[tokio::test]
    async fn an_end_after_any_step_loses_no_alert_and_repeats_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = &dir.path().join("q.json");
        let mut ledger = Ledger::open(path, State::default()).unwrap();
        let (outbox, _) = Outbox::open(path, |_, _| false).unwrap();
        ledger.begin(0, 10).await.unwrap();
        let first = ledger.note(decided(20, &[11, 15]), &outbox).await.unwrap();
        ledger.save_with(BTreeMap::new()).await.unwrap();
        assert_eq!(found(path), (Some(20), vec!["alert-11".into(), "alert-15".into()]));

        // The next alert is on the disk, and its row does not count as decided: it is decided again.
        let second = ledger.note(decided(30, &[25]), &outbox).await.unwrap();
        assert_eq!(std::fs::read_dir(dir.path().join("q.pending")).unwrap().count(), 3);
        // What happens to other alerts in this moment does not say that it is.
        let mut marked = first[1].clone();
        outbox.mark(&mut marked, [(0, 7)].into()).await.unwrap();
        outbox.done(&first[0]).await.unwrap();
        let copy = tempfile::tempdir().unwrap();
        copy_all(dir.path(), copy.path());
        assert_eq!(found(&copy.path().join("q.json")), (Some(20), vec!["alert-15".into()]));
        assert_eq!(found(&copy.path().join("q.json")), (Some(20), vec!["alert-15".into()]), "it is forgotten");

        ledger.save_with(BTreeMap::new()).await.unwrap();
        assert_eq!(found(path), (Some(30), vec!["alert-15".into(), "alert-25".into()]));
        outbox.done(&marked).await.unwrap();
        outbox.done(&second[0]).await.unwrap();
        assert_eq!((found(path), outbox.count()), ((Some(30), vec![]), 0));
    }

    #[tokio::test]
    async fn rows_whose_alert_cannot_be_written_are_not_decided() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("q.json");
        let mut ledger = Ledger::open(&path, State::default()).unwrap();
        let (outbox, _) = Outbox::open(&path, |_, _| false).unwrap();
        ledger.begin(0, 10).await.unwrap();
        std::fs::write(dir.path().join("q.pending"), "not a folder").unwrap();
        ledger.note(decided(20, &[11]), &outbox).await.unwrap_err();
        ledger.save_with(BTreeMap::new()).await.unwrap();
        assert_eq!(ledger.state().next[&0], 10);
    }

    fn copy_all(from: &Path, to: &Path) {
        for entry in std::fs::read_dir(from).unwrap() {
            let path = entry.unwrap().path();
            let to = to.join(path.file_name().unwrap());
            if path.is_dir() {
                std::fs::create_dir_all(&to).unwrap();
                copy_all(&path, &to);
            } else {
                std::fs::copy(&path, &to).unwrap();
            }
        }
    }
}
