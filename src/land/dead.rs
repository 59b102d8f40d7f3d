//! Dead letters: the messages that no row can be made of, kept whole with the reason.
//!
//! In: a range's dead messages. Out: `<dead_dir>/<range>.ndjson`, one object a line: `topic`, `partition`, `offset`,
//! `ingest_time`, `connection`, `reason`, and the bytes as `payload`, or as `payload_hex` where they are no text.
//!
//! A range's dead letters are put before its Parquet file. Those of a range that was never committed are removed on the next
//! start, whose ranges may differ: so each dead message is kept once.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::Error;
use super::files::LandedFile;
use super::read::{Dead, Read};
use crate::text::hex;

/// A dead message in its place in the log.
#[derive(Debug)]
pub struct DeadLetter {
    pub offset: i64,
    pub ingest_time: i64,
    pub connection: Option<String>,
    pub dead: Dead,
}

/// A line of a dead-letter file.
#[derive(Serialize)]
struct Line<'a> {
    topic: &'a str,
    partition: i32,
    offset: i64,
    ingest_time: i64,
    connection: Option<&'a str>,
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_hex: Option<String>,
}

/// Returns where a range's dead letters are put.
pub fn path(dead_dir: &Path, range: &LandedFile) -> PathBuf {
    dead_dir.join(format!("{}.ndjson", range.stem()))
}

/// Puts a range's dead letters, complete and on disk.
pub fn write(dead_dir: &Path, range: &LandedFile, letters: &[DeadLetter]) -> Result<(), Error> {
    let path = path(dead_dir, range);
    let staged = path.with_extension("ndjson.tmp");
    let write = || {
        std::fs::create_dir_all(dead_dir)?;
        let mut lines = Vec::new();
        for letter in letters {
            let text = std::str::from_utf8(&letter.dead.payload).ok();
            let line = Line {
                topic: &range.topic,
                partition: range.partition,
                offset: letter.offset,
                ingest_time: letter.ingest_time,
                connection: letter.connection.as_deref(),
                reason: &letter.dead.reason,
                payload: text,
                payload_hex: text.is_none().then(|| hex(&letter.dead.payload)),
            };
            serde_json::to_writer(&mut lines, &line)?;
            lines.push(b'\n');
        }
        let mut file = File::create(&staged)?;
        file.write_all(&lines)?;
        file.sync_all()?;
        std::fs::rename(&staged, &path)?;
        File::open(dead_dir)?.sync_all()
    };
    write().map_err(|source| Error::Folder { dir: dead_dir.into(), source })
}

/// Removes the dead letters of a partition's ranges from `next` on: their Parquet files were never committed.
pub fn remove_uncommitted(dead_dir: &Path, topic: &str, partition: i32, next: i64) -> Result<(), Error> {
    let failed = |source| Error::Folder { dir: dead_dir.into(), source };
    let entries = match std::fs::read_dir(dead_dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(failed)?,
    };
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        let Some(stem) = name.to_str().and_then(|name| name.strip_suffix(".ndjson")) else { continue };
        let range = LandedFile::parse(&format!("{stem}.parquet"));
        if range.is_some_and(|range| range.topic == topic && range.partition == partition && range.first >= next) {
            std::fs::remove_file(entry.path()).map_err(failed)?;
        }
    }
    Ok(())
}

/// Makes a dead letter of a message that could not be read.
pub fn letter(read: &Read, dead: Dead) -> DeadLetter {
    DeadLetter { offset: read.offset, ingest_time: read.ingest_time, connection: read.connection.clone(), dead }
}
