//! Recorded runs: `<dir>/<run id>.json`, each written whole or not at all, in a folder or in an object store.
//!
//! `<dir>/unsent/<run id>.json` is there while a run should be on the MLflow server and is not there whole. It holds the artifact, so
//! that the run can be sent even if the model is dropped; it is empty if the run has none. The process that sends the run holds a
//! [`right`].

mod right;

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;

use super::{Error, Run};
use crate::durable;
use crate::store::Files;
use right::Right;

/// The folder of what is not sent.
const UNSENT: &str = "unsent";

/// Writes a new run, and removes what dead processes left behind.
///
/// # Errors
/// A run with this id exists (it stays as it is), or the disk or the store reports an error.
pub fn write(dir: &Path, run: &Run) -> Result<(), Error> {
    let (files, name) = (Files::at(dir), name(run));
    if let Files::Folder(dir) = &files {
        // What cannot be removed now will be removed next time.
        let _ = durable::remove_leftovers(dir);
    }
    match text(run).and_then(|text| files.create_new(&name, &text)) {
        Err(source) if source.kind() == ErrorKind::AlreadyExists => Err(Error::Exists { path: files.path(&name) }),
        written => written.map_err(|source| Error::Write { path: files.path(&name), source }),
    }
}

/// Replaces a run that [`write`] wrote.
pub fn update(dir: &Path, run: &Run) -> Result<(), Error> {
    let (files, name) = (Files::at(dir), name(run));
    let written = text(run).and_then(|text| files.replace(&name, &text));
    written.map_err(|source| Error::Write { path: files.path(&name), source })
}

fn name(run: &Run) -> String {
    format!("{}.json", run.run_id)
}

fn text(run: &Run) -> std::io::Result<Vec<u8>> {
    let mut text = serde_json::to_vec_pretty(run)?;
    text.push(b'\n');
    Ok(text)
}

/// What lies in the folder of runs.
#[derive(Debug, Default)]
pub struct Recorded {
    /// Oldest first.
    pub runs: Vec<Run>,
    /// The ids of the runs that cannot be read, each with the reason. One of them must not hide the others.
    pub unreadable: Vec<(String, Error)>,
}

/// Reads every run; there are none if the folder does not exist.
///
/// # Errors
/// The folder cannot be read.
pub fn read(dir: &Path) -> Result<Recorded, Error> {
    let files = Files::at(dir);
    let names = runs_in(&files, "")?;
    let mut recorded = Recorded::default();
    for (name, content) in names.iter().zip(files.read_all(&names)) {
        match content.map_err(|source| Error::Read { path: files.path(name), source }).and_then(|content| {
            serde_json::from_slice(&content).map_err(|source| Error::Run { path: files.path(name), source })
        }) {
            Ok(run) => recorded.runs.push(run),
            Err(error) => recorded.unreadable.push((id_of(name).into(), error)),
        }
    }
    recorded.runs.sort_by(|a: &Run, b| (a.started_at_ms, &a.run_id).cmp(&(b.started_at_ms, &b.run_id)));
    recorded.unreadable.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(recorded)
}

/// Returns the names of the files of runs in a folder.
fn runs_in(files: &Files, folder: &str) -> Result<Vec<String>, Error> {
    let entries = files.entries(folder).map_err(|source| Error::Read { path: files.path(folder), source })?;
    Ok(entries.into_iter().filter(|name| Path::new(name).extension().is_some_and(|end| end == "json")).collect())
}

/// Returns the id of the run that a file is of.
fn id_of(name: &str) -> &str {
    name.strip_suffix(".json").unwrap_or(name)
}

/// What is needed to send a run.
#[derive(Debug)]
pub struct Unsent {
    files: Files,
    name: String,
    /// Held as long as this value lives.
    _right: Right,
    /// The bytes of `model.json`.
    pub artifact: Option<Vec<u8>>,
}

impl Unsent {
    /// Keeps what is needed to send a run, unless it is kept already, and takes the right to send it. Returns `None` if another
    /// process is sending it now.
    pub fn keep(dir: &Path, run: &Run, artifact: Option<&[u8]>) -> Result<Option<Unsent>, Error> {
        let (files, name) = (Files::at(dir), format!("{UNSENT}/{}", name(run)));
        match files.create_new(&name, artifact.unwrap_or_default()) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            other => other.map_err(|source| Error::Write { path: files.path(&name), source })?,
        }
        let failed = |source| Error::Read { path: files.path(&name), source };
        let Some(right) = Right::take(&files, &name).map_err(failed)? else { return Ok(None) };
        let content = files.read(&name).map_err(failed)?;
        let artifact = if content.is_empty() { None } else { Some(content) };
        Ok(Some(Unsent { files, name, _right: right, artifact }))
    }

    /// Forgets the artifact: the run is sent, and its file says so.
    pub fn forget(self) -> Result<(), Error> {
        let removed = self.files.remove(&self.name);
        removed.map_err(|source| Error::Write { path: self.files.path(&self.name), source })
    }
}

/// Returns the ids of the runs that an attempt to send did not send.
pub fn kept(dir: &Path) -> Result<BTreeSet<String>, Error> {
    Ok(runs_in(&Files::at(dir), UNSENT)?.iter().map(|name| id_of(name).to_string()).collect())
}

/// Reads one run again.
pub fn read_one(dir: &Path, run: &Run) -> Result<Run, Error> {
    let (files, name) = (Files::at(dir), name(run));
    let content = files.read(&name).map_err(|source| Error::Read { path: files.path(&name), source })?;
    serde_json::from_slice(&content).map_err(|source| Error::Run { path: files.path(&name), source })
}
