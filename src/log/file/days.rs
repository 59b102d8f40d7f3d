//! The day files of a folder: which there are, and which offsets they hold.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::super::{Error, line};

/// How many bytes are read at a time when searching backwards for the start of a line.
const BLOCK_BYTES: u64 = 64 * 1024;

/// Returns a function that turns an I/O error into a log error.
pub fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_path_buf();
    move |source| Error::Io { action, path, source }
}

/// Returns the day files, oldest first; other files and folders in it do not belong to the log.
pub fn list(dir: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut days = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(io("list", dir))? {
        let entry = entry.map_err(io("list", dir))?;
        let path = entry.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let day = name.strip_suffix(".ndjson").unwrap_or_default();
        // The archives of topics are subfolders, and a topic may have a name like a day file's.
        if day.len() == 8 && day.bytes().all(|byte| byte.is_ascii_digit()) && !path.is_dir() {
            days.push(path);
        }
    }
    days.sort();
    Ok(days)
}

/// Returns the offsets that the folder holds, synced or not: from the first line to one past the last whole line; `0..0` if
/// no file has a whole line.
pub fn offsets(dir: &Path) -> Result<Range<i64>, Error> {
    let days = list(dir)?;
    let Some(first) = first_of(&days)? else {
        return Ok(0..0);
    };
    for day in days.iter().rev() {
        if let Some(last) = last_offset(day)? {
            // A line whose offset is the highest possible one is not read.
            return Ok(first..last.saturating_add(1));
        }
    }
    Ok(0..0)
}

/// Returns the first offset that the folder holds, synced or not; `None` if no file has a whole line.
pub fn first(dir: &Path) -> Result<Option<i64>, Error> {
    first_of(&list(dir)?)
}

fn first_of(days: &[PathBuf]) -> Result<Option<i64>, Error> {
    for day in days {
        let first = first_offset(day)?;
        if first.is_some() {
            return Ok(first);
        }
    }
    Ok(None)
}

/// Returns the first line's offset; `None` if the file has no whole line.
pub fn first_offset(path: &Path) -> Result<Option<i64>, Error> {
    let mut file = BufReader::new(File::open(path).map_err(io("open", path))?);
    let mut bytes = Vec::new();
    file.read_until(b'\n', &mut bytes).map_err(io("read", path))?;
    bytes.strip_suffix(b"\n").map(|line| offset(path, 0, line)).transpose()
}

/// Returns what would be one past the log's last offset if its newest file ended at `end`; 0 if no file has a whole line.
pub fn end_of_lines(dir: &Path, newest: &Path, end: u64) -> Result<i64, Error> {
    let mut file = File::open(newest).map_err(io("open", newest))?;
    if let Some(last) = offset_before(&mut file, newest, end)? {
        return Ok(last.saturating_add(1));
    }
    for day in list(dir)?.iter().rev().filter(|day| day.as_path() < newest) {
        if let Some(last) = last_offset(day)? {
            return Ok(last.saturating_add(1));
        }
    }
    Ok(0)
}

/// Returns the last whole line's offset.
fn last_offset(path: &Path) -> Result<Option<i64>, Error> {
    let mut file = File::open(path).map_err(io("open", path))?;
    let end = whole_lines(&mut file, path)?;
    offset_before(&mut file, path, end)
}

/// Returns the offset of the line that ends at `end`; `None` at the beginning of the file.
fn offset_before(file: &mut File, path: &Path, end: u64) -> Result<Option<i64>, Error> {
    if end == 0 {
        return Ok(None);
    }
    let start = after_last_newline(file, path, end - 1)?;
    let mut bytes = vec![0; usize::try_from(end - 1 - start).unwrap_or(usize::MAX)];
    file.seek(SeekFrom::Start(start)).map_err(io("read", path))?;
    file.read_exact(&mut bytes).map_err(io("read", path))?;
    offset(path, start, &bytes).map(Some)
}

/// Returns the length of the file up to and including its last line end.
pub fn whole_lines(file: &mut File, path: &Path) -> Result<u64, Error> {
    let length = file.metadata().map_err(io("read", path))?.len();
    after_last_newline(file, path, length)
}

/// Returns the position after the last line end before `end`; 0 if there is none.
fn after_last_newline(file: &mut File, path: &Path, mut end: u64) -> Result<u64, Error> {
    let mut block = Vec::new();
    while end > 0 {
        let start = end.saturating_sub(BLOCK_BYTES);
        block.clear();
        file.seek(SeekFrom::Start(start)).map_err(io("read", path))?;
        file.take(end - start).read_to_end(&mut block).map_err(io("read", path))?;
        if let Some(at) = block.iter().rposition(|byte| *byte == b'\n') {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

/// Reads a line's offset; `position` is the line's position in the file.
pub fn offset(path: &Path, position: u64, bytes: &[u8]) -> Result<i64, Error> {
    line::decode_offset(bytes).map_err(|reason| Error::Damaged { path: path.to_path_buf(), position, reason })
}
