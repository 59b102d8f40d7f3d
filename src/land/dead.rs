//! Dead letters: the messages that cannot become rows, stored whole with the reason.
//!
//! In: a range's dead messages. Out: `<dead_dir>/<range>.ndjson`, one object a line: `topic`, `partition`, `offset`,
//! `ingest_time`, `connection`, `reason`, and the bytes as `payload`, or as `payload_hex` if they are not text
//! ([`DeadLetter`]).
//!
//! A range's dead letters are written before its Parquet file. If a range was never committed, its dead letters are removed
//! at the next start, because the next ranges may differ. So each dead message is stored once.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Error;
use super::files::LandedFile;
use super::place::Place;
use crate::durable::{self, blocking};
use crate::log::DeadLetter;
use crate::store::objects::retried;

/// Returns the path of a range's dead letters.
pub fn path(dead_dir: &Path, range: &LandedFile) -> PathBuf {
    dead_dir.join(format!("{}.ndjson", range.stem()))
}

/// Writes a range's dead letters, complete and synced to disk.
pub async fn write(place: &Place, range: &LandedFile, letters: Arc<Vec<DeadLetter>>) -> Result<(), Error> {
    let (range, is_local, path) = (range.clone(), place.is_local(), path(&place.dir, range));
    let failed = |source| Error::Folder { dir: place.dir.clone(), source };
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let lines = blocking(move || {
        let mut lines = Vec::new();
        for letter in letters.iter() {
            letter.encode(&range.topic, range.partition, &mut lines)?;
        }
        if is_local {
            durable::replace(&path, &lines)?;
        }
        Ok(lines)
    });
    let lines = lines.await.map_err(failed)?;
    match is_local {
        true => Ok(()),
        false => place.replace(&place.object(&name)?, lines.into()).await.map_err(|source| place.failed(&name, source)),
    }
}

/// Returns the names of the dead letters in an object store, each with its range.
async fn stored(place: &Place) -> Result<Vec<(String, LandedFile)>, Error> {
    let listed = retried(|| place.store.list_with_delimiter(Some(&place.prefix))).await;
    let objects = listed.map_err(|source| place.failed("", source))?.objects;
    let names = objects.iter().filter_map(|object| object.location.filename());
    Ok(names.filter_map(|name| Some((name.to_string(), range(name)?))).collect())
}

/// Removes dead letters from an object store.
async fn remove_stored(place: &Place, goes: impl Fn(&LandedFile) -> bool) -> Result<(), Error> {
    for (name, _) in stored(place).await?.iter().filter(|(_, range)| goes(range)) {
        place.delete(&place.object(name)?).await.map_err(|source| place.failed(name, source))?;
    }
    Ok(())
}

/// Returns the range of a file of dead letters; `None` if its name is another.
fn range(name: &str) -> Option<LandedFile> {
    LandedFile::parse(&format!("{}.parquet", name.strip_suffix(".ndjson")?))
}

/// Removes the dead letters of ranges that lie inside a range, because that range lands again.
pub async fn remove_inside(place: &Place, range: &LandedFile) -> Result<(), Error> {
    let (dir, range) = (place.dir.clone(), range.clone());
    let is_inside = move |letters: &LandedFile| {
        let is_own = letters.topic == range.topic && letters.partition == range.partition;
        is_own && range.first <= letters.first && letters.last <= range.last
    };
    if !place.is_local() {
        return remove_stored(place, is_inside).await;
    }
    blocking(move || {
        for (path, letters) in files(&dir)? {
            if is_inside(&letters) {
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
        files.extend(range(name).map(|range| (path.clone(), range)));
    }
    Ok(files)
}

/// Removes the dead letters of a partition's ranges from `next` on, because their Parquet files were never committed. Also
/// removes files that a crash left half written.
pub async fn remove_uncommitted(place: &Place, topic: &str, partition: i32, next: i64) -> Result<(), Error> {
    if !place.is_local() {
        let goes = |range: &LandedFile| range.topic == topic && range.partition == partition && range.first >= next;
        return remove_stored(place, goes).await;
    }
    let (dir, topic) = (place.dir.clone(), topic.to_string());
    blocking(move || remove_local(&dir, &topic, partition, next)).await
}

fn remove_local(dead_dir: &Path, topic: &str, partition: i32, next: i64) -> Result<(), Error> {
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
        let range = range(name).filter(|range| range.topic == topic && range.partition == partition);
        if range.is_some_and(|range| aside || range.first >= next) {
            std::fs::remove_file(entry.path()).map_err(failed)?;
        }
    }
    Ok(())
}
