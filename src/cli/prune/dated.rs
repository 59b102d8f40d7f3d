//! Files that no other file refers to: they go by their age alone.

use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{NaiveDate, Utc};

use super::Found;
use crate::cli::{Context, Failure};

/// Returns the files of unfinished lines below the folder of raw messages.
pub fn torn(context: &Context, age: Duration) -> Result<Found, Failure> {
    let mut found = Found::default();
    let raw = context.settings().raw_dir();
    let folders = files(&raw)?.into_iter().filter(|path| path.is_dir());
    for folder in folders.chain([raw.clone()]) {
        for path in files(&folder)? {
            if path.extension().is_some_and(|extension| extension == "torn") && changed_before(&path, age)? {
                found.add(path)?;
            }
        }
    }
    Ok(found)
}

/// Returns the files of events, by the day that they are named after.
pub fn events(context: &Context, age: Duration) -> Result<Found, Failure> {
    let mut found = Found::default();
    for path in files(&context.settings().events_dir())? {
        let day = path.file_stem().and_then(|stem| NaiveDate::parse_from_str(stem.to_str()?, "%Y%m%d").ok());
        if day.is_some_and(|day| day < (Utc::now() - age).date_naive()) {
            found.add(path)?;
        }
    }
    Ok(found)
}

/// Returns what a folder holds, by name; nothing if there is no such folder.
pub fn files(dir: &Path) -> Result<Vec<PathBuf>, Failure> {
    let failed = |error| Failure::new(format!("cannot list {}: {error}", dir.display()));
    let entries = match std::fs::read_dir(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let mut files = entries.map(|entry| Ok(entry.map_err(failed)?.path())).collect::<Result<Vec<_>, Failure>>()?;
    files.sort();
    Ok(files)
}

fn changed_before(path: &Path, age: Duration) -> Result<bool, Failure> {
    let changed = std::fs::metadata(path).and_then(|file| file.modified());
    let changed = changed.map_err(|error| Failure::new(format!("cannot look at {}: {error}", path.display())))?;
    // A time ahead of the clock counts as new.
    Ok(changed.elapsed().is_ok_and(|since| since >= age))
}
