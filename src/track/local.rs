//! Runs on disk: `<dir>/<run id>.json`, written whole or not at all.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::Path;

use super::{Error, Run};

/// Writes a run, or writes it again.
pub fn write(dir: &Path, run: &Run) -> Result<(), Error> {
    let path = dir.join(format!("{}.json", run.run_id));
    let aside = dir.join(format!("{}.json.part", run.run_id));
    let write = || -> std::io::Result<()> {
        fs::create_dir_all(dir)?;
        let mut file = File::create(&aside)?;
        serde_json::to_writer_pretty(&mut file, run)?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        fs::rename(&aside, &path)
    };
    write().map_err(|source| Error::Write { path: path.clone(), source })
}

/// Reads every run, the oldest first; none where the folder does not exist.
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
