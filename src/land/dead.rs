//! Dead letters: the messages that cannot become rows, stored whole with the reason.
//!
//! In: a range's dead messages. Out: `<dead_dir>/<range>.ndjson`, one object a line: `topic`, `partition`, `offset`,
//! `ingest_time`, `connection`, `reason`, and the bytes as `payload`, or as `payload_hex` if they are not text
//! ([`DeadLetter`]).
//!
//! A range's dead letters are written before its Parquet file. If a range was never committed, its dead letters are removed
//! at the next start, because the next ranges may differ. So each dead message is stored once.

use std::path::{Path, PathBuf};

use super::Error;
use super::files::LandedFile;
use crate::durable::{self, blocking};
use crate::log::DeadLetter;

/// Returns the path of a range's dead letters.
pub fn path(dead_dir: &Path, range: &LandedFile) -> PathBuf {
    dead_dir.join(format!("{}.ndjson", range.stem()))
}

/// Writes a range's dead letters, complete and synced to disk.
pub fn write(dead_dir: &Path, range: &LandedFile, letters: &[DeadLetter]) -> Result<(), Error> {
    let write = || {
        let mut lines = Vec::new();
        for letter in letters {
            letter.encode(&range.topic, range.partition, &mut lines)?;
        }
        durable::replace(&path(dead_dir, range), &lines)
    };
    write().map_err(|source| Error::Folder { dir: dead_dir.into(), source })
}

/// Removes the dead letters of ranges that lie inside a range, because that range lands again.
pub async fn remove_inside(dead_dir: &Path, range: &LandedFile) -> Result<(), Error> {
    let (dir, range) = (dead_dir.to_path_buf(), range.clone());
    blocking(move || {
        for (path, letters) in files(&dir)? {
            let inside = letters.topic == range.topic && letters.partition == range.partition;
            if inside && range.first <= letters.first && letters.last <= range.last {
                std::fs::remove_file(path).map_err(|source| Error::Folder { dir: dir.clone(), source })?;
            }
        }
        Ok(())
    })
    .await
}

/// Returns the files of dead letters of committed ranges, each with its range.
///
/// # Errors
/// The folder cannot be listed.
pub fn files(dead_dir: &Path) -> Result<Vec<(PathBuf, LandedFile)>, Error> {
    let failed = |source| Error::Folder { dir: dead_dir.into(), source };
    let entries = match std::fs::read_dir(dead_dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let range = name.strip_suffix(".ndjson").and_then(|stem| LandedFile::parse(&format!("{stem}.parquet")));
        files.extend(range.map(|range| (path.clone(), range)));
    }
    Ok(files)
}

/// Removes the dead letters of a partition's ranges from `next` on, because their Parquet files were never committed. Also
/// removes files that a crash left half written.
pub fn remove_uncommitted(dead_dir: &Path, topic: &str, partition: i32, next: i64) -> Result<(), Error> {
    let failed = |source| Error::Folder { dir: dead_dir.into(), source };
    durable::remove_leftovers(dead_dir).map_err(failed)?;
    let entries = match std::fs::read_dir(dead_dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(failed)?,
    };
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        // Earlier versions wrote the temporary files under this name.
        let (name, aside) = match name.to_str().map(|name| (name, name.strip_suffix(".tmp"))) {
            None => continue,
            Some((_, Some(name))) => (name, true),
            Some((name, None)) => (name, false),
        };
        let Some(stem) = name.strip_suffix(".ndjson") else { continue };
        let range = LandedFile::parse(&format!("{stem}.parquet"));
        let range = range.filter(|range| range.topic == topic && range.partition == partition);
        if range.is_some_and(|range| aside || range.first >= next) {
            std::fs::remove_file(entry.path()).map_err(failed)?;
        }
    }
    Ok(())
}
