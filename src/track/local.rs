//! Runs on disk: `<dir>/<run id>.json`, each written whole or not at all.

use std::fs;
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

/// Reads every run, oldest first; empty if the folder does not exist.
pub fn read(dir: &Path) -> Result<Vec<Run>, Error> {
    let failed = |source| Error::Read { path: dir.into(), source };
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut runs = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let text = fs::read(&path).map_err(|source| Error::Read { path: path.clone(), source })?;
        runs.push(serde_json::from_slice::<Run>(&text).map_err(|source| Error::Run { path, source })?);
    }
    runs.sort_by(|a, b| (a.started_at_ms, &a.run_id).cmp(&(b.started_at_ms, &b.run_id)));
    Ok(runs)
}
