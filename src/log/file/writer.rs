//! Appends groups of records to the day files.

use std::fmt;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Datelike};

use super::super::{Error, Record, line};
use super::days::{self, io};

/// The end of a folder's last file.
pub struct Writer {
    dir: PathBuf,
    /// The day file appended to, with its day as `YYYYMMDD`; `None` before the first record.
    current: Option<(u32, PathBuf, File)>,
    next_offset: i64,
}

/// What a crash left of a line.
pub struct Torn {
    path: PathBuf,
    aside: PathBuf,
    bytes: u64,
}

impl fmt::Display for Torn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Torn { path, aside, bytes } = self;
        write!(
            f,
            "{} ended in the middle of a line; its {bytes} bytes were never acknowledged and are now in {}",
            path.display(),
            aside.display()
        )
    }
}

impl Writer {
    /// Finds the end of the log; what stands behind the last line end is moved to a file beside it.
    pub fn open(dir: &Path) -> Result<(Writer, Option<Torn>), Error> {
        let mut torn = None;
        let mut current = None;
        if let Some(path) = days::list(dir)?.pop() {
            let mut file =
                File::options().read(true).append(true).open(&path).map_err(io("open for appending", &path))?;
            torn = set_aside(&mut file, &path)?;
            current = Some((day_of_name(&path), path, file));
        }
        let next_offset = days::offsets(dir)?.end;
        Ok((Writer { dir: dir.to_path_buf(), current, next_offset }, torn))
    }

    /// Writes and syncs the records; after an error the writer is to be thrown away and opened anew.
    pub fn append(&mut self, records: &[Record]) -> Result<(), Error> {
        let mut buffer = Vec::new();
        for record in records {
            let day = day(record.ingest_time);
            // A clock set back does not reopen an old file: offsets rise with the files' names.
            if self.current.as_ref().is_none_or(|(current, ..)| *current < day) {
                self.flush(&mut buffer)?;
                self.turn_to(day)?;
            }
            line::encode(&mut buffer, self.next_offset, record);
            self.next_offset += 1;
        }
        self.flush(&mut buffer)
    }

    fn flush(&mut self, buffer: &mut Vec<u8>) -> Result<(), Error> {
        if let (Some((_, path, file)), false) = (&mut self.current, buffer.is_empty()) {
            file.write_all(buffer).map_err(io("append to", path))?;
            file.sync_data().map_err(io("sync", path))?;
            buffer.clear();
        }
        Ok(())
    }

    fn turn_to(&mut self, day: u32) -> Result<(), Error> {
        let path = self.dir.join(format!("{day:08}.ndjson"));
        let file = File::options().create(true).append(true).open(&path).map_err(io("make", &path))?;
        // The file's name is durable once its folder is synced.
        File::open(&self.dir).and_then(|dir| dir.sync_all()).map_err(io("sync", &self.dir))?;
        self.current = Some((day, path, file));
        Ok(())
    }
}

/// Returns the UTC day as the number `YYYYMMDD`.
fn day(nanoseconds: i64) -> u32 {
    let date = DateTime::from_timestamp_nanos(nanoseconds).date_naive();
    // Nanoseconds in an i64 lie in the years 1677 to 2262.
    date.year().unsigned_abs() * 10_000 + date.month() * 100 + date.day()
}

fn day_of_name(path: &Path) -> u32 {
    let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
    // Names of day files are eight digits, or they would not be listed.
    name.parse().unwrap_or_default()
}

fn set_aside(file: &mut File, path: &Path) -> Result<Option<Torn>, Error> {
    let end = days::whole_lines(file, path)?;
    let mut rest = Vec::new();
    file.seek(SeekFrom::Start(end)).map_err(io("read", path))?;
    file.read_to_end(&mut rest).map_err(io("read", path))?;
    if rest.is_empty() {
        return Ok(None);
    }
    let aside = path.with_extension("torn");
    let mut kept = File::options().create(true).append(true).open(&aside).map_err(io("make", &aside))?;
    rest.push(b'\n');
    kept.write_all(&rest).and_then(|()| kept.sync_all()).map_err(io("append to", &aside))?;
    file.set_len(end).and_then(|()| file.sync_all()).map_err(io("cut", path))?;
    Ok(Some(Torn { path: path.to_path_buf(), aside, bytes: rest.len() as u64 - 1 }))
}
