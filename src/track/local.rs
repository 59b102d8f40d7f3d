//! Runs on disk: `<dir>/<run id>.json`, each written whole or not at all.
//!
//! `<dir>/unsent/<run id>.json` is there while a run should be on the MLflow server and is not there whole. It holds the artifact, so
//! that the run can be sent even if the model is dropped; it is empty if the run has none. Who sends the run keeps it locked.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::{Error, Run};
use crate::durable;

/// Writes a new run, and removes what dead processes left behind.
///
/// # Errors
/// A run with this id exists (it stays as it is), or the disk reports an error.
pub fn write(dir: &Path, run: &Run) -> Result<(), Error> {
    let path = path(dir, run);
    // What cannot be removed now will be removed next time.
    let _ = durable::remove_leftovers(dir);
    match text(run).and_then(|text| durable::create_new(&path, &text)) {
        Err(source) if source.kind() == ErrorKind::AlreadyExists => Err(Error::Exists { path }),
        written => written.map_err(|source| Error::Write { path, source }),
    }
}

/// Replaces a run that [`write`] wrote.
pub fn update(dir: &Path, run: &Run) -> Result<(), Error> {
    let path = path(dir, run);
    let written = text(run).and_then(|text| durable::replace(&path, &text));
    written.map_err(|source| Error::Write { path, source })
}

fn path(dir: &Path, run: &Run) -> PathBuf {
    dir.join(format!("{}.json", run.run_id))
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
    let failed = |source| Error::Read { path: dir.into(), source };
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Recorded::default()),
        Err(error) => return Err(failed(error)),
    };
    let mut recorded = Recorded::default();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        match of_file(&path) {
            Ok(run) => recorded.runs.push(run),
            Err(error) => {
                let id = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                recorded.unreadable.push((id, error));
            }
        }
    }
    recorded.runs.sort_by(|a, b| (a.started_at_ms, &a.run_id).cmp(&(b.started_at_ms, &b.run_id)));
    recorded.unreadable.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(recorded)
}

fn of_file(path: &Path) -> Result<Run, Error> {
    let text = fs::read(path).map_err(|source| Error::Read { path: path.into(), source })?;
    serde_json::from_slice(&text).map_err(|source| Error::Run { path: path.into(), source })
}

/// What is needed to send a run.
#[derive(Debug)]
pub struct Unsent {
    path: PathBuf,
    /// Locked as long as this value lives.
    _file: File,
    /// The bytes of `model.json`.
    pub artifact: Option<Vec<u8>>,
}

impl Unsent {
    /// Keeps what is needed to send a run, unless it is kept already, and takes the right to send it. Returns `None` if another
    /// process is sending it now.
    pub fn keep(dir: &Path, run: &Run, artifact: Option<&[u8]>) -> Result<Option<Unsent>, Error> {
        let path = unsent(dir).join(format!("{}.json", run.run_id));
        match durable::create_new(&path, artifact.unwrap_or_default()) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            other => other.map_err(|source| Error::Write { path: path.clone(), source })?,
        }
        let failed = |source| Error::Read { path: path.clone(), source };
        let file = File::options().read(true).write(true).open(&path).map_err(failed)?;
        if file.try_lock().is_err() {
            return Ok(None);
        }
        let content = fs::read(&path).map_err(failed)?;
        let artifact = if content.is_empty() { None } else { Some(content) };
        Ok(Some(Unsent { path, _file: file, artifact }))
    }

    /// Forgets the artifact: the run is sent, and its file says so.
    pub fn forget(self) -> Result<(), Error> {
        fs::remove_file(&self.path).map_err(|source| Error::Write { path: self.path, source })
    }
}

/// Returns whether an attempt to send a run did not succeed.
pub fn is_kept(dir: &Path, run: &Run) -> bool {
    unsent(dir).join(format!("{}.json", run.run_id)).exists()
}

fn unsent(dir: &Path) -> PathBuf {
    dir.join("unsent")
}

/// Reads one run again.
pub fn read_one(dir: &Path, run: &Run) -> Result<Run, Error> {
    of_file(&path(dir, run))
}
