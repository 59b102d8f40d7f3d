//! Appends groups of records to the day files.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Datelike};

use super::super::keeper::Keeper;
use super::super::{Error, Record, line};
use super::days::{self, io};
use super::synced::{Note, Noted, Synced};
use crate::durable;

/// How many bytes of lines are collected before they are written.
const BUFFER_BYTES: usize = 1 << 20;

/// The end of a folder's newest file.
pub struct Writer {
    dir: PathBuf,
    /// The day file appended to; `None` before the first record.
    current: Option<Current>,
    next_offset: i64,
    synced: Note,
    /// Days older than this one are finished.
    newest: u32,
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
    /// Remove all of it: a write failed because the disk was full, and the same records are about to be appended again.
    Cut,
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
        let newest = days::list(dir)?.pop();
        let newest_day = newest.as_ref().map_or(0, |newest| newest.day);
        // A packed day is finished: the next record begins another file.
        if let Some(days::Day { day, path, .. }) = newest.filter(|newest| !newest.packed) {
            let mut file =
                File::options().read(true).append(true).open(&path).map_err(io("open for appending", &path))?;
            let from = before.filter(|synced| synced.day == day).map_or(0, |synced| synced.bytes);
            let bytes = match tail {
                Tail::Drop | Tail::Cut => from.min(file.metadata().map_err(io("read", &path))?.len()),
                Tail::Leave | Tail::KeepLines => whole_lines(&mut file, &path, from, noted != Noted::Never)?,
            };
            if tail == Tail::Cut {
                file.set_len(bytes).map_err(io("cut", &path))?;
            } else if tail != Tail::Leave
                && let Some(notice) = set_aside(&mut file, &path, bytes)?
            {
                notices.push(notice);
            }
            file.sync_all().map_err(io("sync", &path))?;
            current = Some(Current { day, path, file, bytes });
        }
        let lines_end = match &current {
            Some(current) => days::end_of_lines(dir, &current.path, current.bytes)?,
            None => days::end_before(dir, Path::new(""))?,
        };
        let next_offset = lines_end.max(before.map_or(0, |synced| synced.end));
        if next_offset > lines_end {
            notices.push(format!(
                "messages at the end of {} were removed; new ones go on at offset {next_offset}",
                dir.display()
            ));
        }
        let synced = Note::open(dir)?;
        let mut writer = Writer { dir: dir.to_path_buf(), current, next_offset, synced, newest: newest_day };
        writer.publish()?;
        Ok((writer, notices))
    }

    /// Writes and syncs the records; returns whether a new day began. After an error, drop the writer and open a new one.
    pub fn append(&mut self, records: &[Record]) -> Result<bool, Error> {
        let mut buffer = Vec::with_capacity(BUFFER_BYTES);
        let mut turned = false;
        for record in records {
            let mut day = day(record.ingest_time);
            // If the clock was set back, stay in the newest file: offsets must rise in the order of the files' names.
            if self.current.as_ref().is_none_or(|current| current.day < day) {
                self.sync(&mut buffer)?;
                // If the newest day is packed, the next name goes to the next file.
                if self.current.is_none() && day <= self.newest {
                    day = self.newest.saturating_add(1);
                }
                self.turn_to(day)?;
                turned = true;
            }
            let before = buffer.len();
            line::encode(&mut buffer, self.next_offset, record);
            let length = (buffer.len() - before) as u64;
            if length > days::MOST_LINE_BYTES {
                return Err(Error::TooLong { bytes: length, most: days::MOST_LINE_BYTES });
            }
            self.next_offset += 1;
            if buffer.len() >= BUFFER_BYTES {
                self.write(&mut buffer)?;
            }
        }
        self.sync(&mut buffer)?;
        Ok(turned)
    }

    fn write(&mut self, buffer: &mut Vec<u8>) -> Result<(), Error> {
        if let Some(Current { path, file, bytes, .. }) = &mut self.current {
            file.write_all(buffer).map_err(io("append to", path))?;
            *bytes += buffer.len() as u64;
            buffer.clear();
        }
        Ok(())
    }

    /// Writes the buffer and syncs what was written, and only then lets readers see it.
    fn sync(&mut self, buffer: &mut Vec<u8>) -> Result<(), Error> {
        self.write(buffer)?;
        if let Some(Current { path, file, .. }) = &self.current {
            file.sync_data().map_err(io("sync", path))?;
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
        self.newest = day;
        Ok(())
    }
}

/// Returns the UTC day as the number `YYYYMMDD`.
fn day(nanoseconds: i64) -> u32 {
    let date = DateTime::from_timestamp_nanos(nanoseconds).date_naive();
    // Nanoseconds in an i64 cover the years 1677 to 2262.
    date.year().unsigned_abs() * 10_000 + date.month() * 100 + date.day()
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
    let (mut bytes, mut keeper) = (Vec::new(), Keeper::default());
    loop {
        match days::read_line(&mut reader, &mut bytes, path, good) {
            Ok(true) if line::decode(&bytes, &mut keeper).is_ok() => good += bytes.len() as u64 + 1,
            // A line without an end is not one that squall wrote.
            Ok(_) | Err(Error::Damaged { .. }) => return Ok(good),
            Err(error) => return Err(error),
        }
    }
}

/// Moves everything from `end` on to a file beside this one, and returns a notice.
fn set_aside(file: &mut File, path: &Path, end: u64) -> Result<Option<String>, Error> {
    let length = file.metadata().map_err(io("read", path))?.len();
    let bytes = length.saturating_sub(end);
    if bytes == 0 {
        return Ok(None);
    }
    let aside = path.with_extension("torn");
    let mut kept = File::options().create(true).append(true).open(&aside).map_err(io("make", &aside))?;
    file.seek(SeekFrom::Start(end)).map_err(io("read", path))?;
    std::io::copy(&mut file.take(bytes), &mut kept)
        .and_then(|_| kept.write_all(b"\n"))
        .and_then(|()| kept.sync_all())
        .map_err(io("append to", &aside))?;
    file.set_len(end).and_then(|()| file.sync_all()).map_err(io("cut", path))?;
    Ok(Some(format!(
        "the last {bytes} bytes of {} were never acknowledged; they are now in {}",
        path.display(),
        aside.display()
    )))
}
