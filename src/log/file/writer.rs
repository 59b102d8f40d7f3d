//! Appends groups of records to the day files.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Datelike};

use super::super::{Error, Record, line};
use super::days::{self, io};
use super::synced::{Note, Noted, Synced};
use crate::durable;

/// The end of a folder's newest file.
pub struct Writer {
    dir: PathBuf,
    /// The day file appended to; `None` before the first record.
    current: Option<Current>,
    next_offset: i64,
    synced: Note,
}

struct Current {
    /// The day as `YYYYMMDD`.
    day: u32,
    path: PathBuf,
    file: File,
    bytes: u64,
}

/// What to do with bytes behind the synced end: they were never acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tail {
    /// Leave what follows the last whole line: the caller appends nothing.
    Leave,
    /// Keep whole lines, and move what follows them to a file beside the log, and say so.
    KeepLines,
    /// Move all of it to a file beside the log: a write or a sync of it failed, and whoever appended it was told.
    Drop,
}

impl Writer {
    /// Finds the end of the log, syncs what is there, and lets readers see it. Returns notices for the user.
    ///
    /// # Errors
    /// The newest file is damaged in its synced part, or the disk reports an error.
    pub fn open(dir: &Path, tail: Tail) -> Result<(Writer, Vec<String>), Error> {
        let mut notices = Vec::new();
        let noted = Synced::read(dir)?;
        let before = noted.end();
        let mut current = None;
        if let Some(path) = days::list(dir)?.pop() {
            let mut file =
                File::options().read(true).append(true).open(&path).map_err(io("open for appending", &path))?;
            let day = day_of_name(&path);
            let from = before.filter(|synced| synced.day == day).map_or(0, |synced| synced.bytes);
            let bytes = match tail {
                Tail::Drop => from.min(file.metadata().map_err(io("read", &path))?.len()),
                Tail::Leave | Tail::KeepLines => whole_lines(&mut file, &path, from, noted != Noted::Never)?,
            };
            if tail != Tail::Leave
                && let Some(notice) = set_aside(&mut file, &path, bytes)?
            {
                notices.push(notice);
            }
            file.sync_all().map_err(io("sync", &path))?;
            current = Some(Current { day, path, file, bytes });
        }
        let lines_end = match &current {
            Some(current) => days::end_of_lines(dir, &current.path, current.bytes)?,
            None => 0,
        };
        let next_offset = lines_end.max(before.map_or(0, |synced| synced.end));
        if next_offset > lines_end {
            notices.push(format!(
                "messages at the end of {} were removed; new ones go on at offset {next_offset}",
                dir.display()
            ));
        }
        let mut writer = Writer { dir: dir.to_path_buf(), current, next_offset, synced: Note::open(dir)? };
        writer.publish()?;
        Ok((writer, notices))
    }

    /// Writes and syncs the records. After an error, drop the writer and open a new one.
    pub fn append(&mut self, records: &[Record]) -> Result<(), Error> {
        let mut buffer = Vec::new();
        for record in records {
            let day = day(record.ingest_time);
            // If the clock was set back, stay in the newest file: offsets must rise in the order of the files' names.
            if self.current.as_ref().is_none_or(|current| current.day < day) {
                self.flush(&mut buffer)?;
                self.turn_to(day)?;
            }
            line::encode(&mut buffer, self.next_offset, record);
            self.next_offset += 1;
        }
        self.flush(&mut buffer)
    }

    /// Writes and syncs the buffer, and only then lets readers see it.
    fn flush(&mut self, buffer: &mut Vec<u8>) -> Result<(), Error> {
        if let (Some(Current { path, file, bytes, .. }), false) = (&mut self.current, buffer.is_empty()) {
            file.write_all(buffer).map_err(io("append to", path))?;
            file.sync_data().map_err(io("sync", path))?;
            *bytes += buffer.len() as u64;
            buffer.clear();
            self.publish()?;
        }
        Ok(())
    }

    fn publish(&mut self) -> Result<(), Error> {
        let (day, bytes) = self.current.as_ref().map_or((0, 0), |current| (current.day, current.bytes));
        self.synced.publish(Synced { end: self.next_offset, day, bytes })
    }

    fn turn_to(&mut self, day: u32) -> Result<(), Error> {
        let path = self.dir.join(format!("{day:08}.ndjson"));
        let file = File::options().create(true).append(true).open(&path).map_err(io("make", &path))?;
        let bytes = file.metadata().map_err(io("read", &path))?.len();
        // The file's name survives a power loss only after its folder is synced.
        durable::sync_folder(&self.dir).map_err(io("sync", &self.dir))?;
        self.current = Some(Current { day, path, file, bytes });
        Ok(())
    }
}

/// Returns the UTC day as the number `YYYYMMDD`.
fn day(nanoseconds: i64) -> u32 {
    let date = DateTime::from_timestamp_nanos(nanoseconds).date_naive();
    // Nanoseconds in an i64 cover the years 1677 to 2262.
    date.year().unsigned_abs() * 10_000 + date.month() * 100 + date.day()
}

fn day_of_name(path: &Path) -> u32 {
    let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
    // The names of all listed day files have eight digits.
    name.parse().unwrap_or_default()
}

/// Returns the position where the whole lines end. Lines from `synced` on were never acknowledged, so a power loss may have
/// damaged them. If `check` is true, the log ends before the first line that cannot be read.
fn whole_lines(file: &mut File, path: &Path, synced: u64, check: bool) -> Result<u64, Error> {
    let end = days::whole_lines(file, path)?;
    if !check {
        return Ok(end);
    }
    // If a file is shorter than noted, a user edited it; the rest of it is read as whole lines.
    let mut good = synced.min(end);
    if good > 0 {
        let mut before = [0];
        file.seek(SeekFrom::Start(good - 1)).map_err(io("read", path))?;
        file.read_exact(&mut before).map_err(io("read", path))?;
        if before != *b"\n" {
            return Ok(end);
        }
    }
    file.seek(SeekFrom::Start(good)).map_err(io("read", path))?;
    let mut reader = BufReader::new(file);
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        let read = reader.read_until(b'\n', &mut bytes).map_err(io("read", path))?;
        match bytes.strip_suffix(b"\n") {
            Some(line) if line::decode(line).is_ok() => good += read as u64,
            _ => return Ok(good),
        }
    }
}

/// Moves everything from `end` on to a file beside this one, and returns a notice.
fn set_aside(file: &mut File, path: &Path, end: u64) -> Result<Option<String>, Error> {
    let mut rest = Vec::new();
    file.seek(SeekFrom::Start(end)).map_err(io("read", path))?;
    file.read_to_end(&mut rest).map_err(io("read", path))?;
    if rest.is_empty() {
        return Ok(None);
    }
    let aside = path.with_extension("torn");
    let mut kept = File::options().create(true).append(true).open(&aside).map_err(io("make", &aside))?;
    let bytes = rest.len();
    rest.push(b'\n');
    kept.write_all(&rest).and_then(|()| kept.sync_all()).map_err(io("append to", &aside))?;
    file.set_len(end).and_then(|()| file.sync_all()).map_err(io("cut", path))?;
    Ok(Some(format!(
        "the last {bytes} bytes of {} were never acknowledged; they are now in {}",
        path.display(),
        aside.display()
    )))
}
