//! The day files of a folder: which there are, and which offsets they hold.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;

use super::super::{Error, line};
use super::packed;

/// How many bytes are read at a time when searching backwards for the start of a line.
const BLOCK_BYTES: u64 = 64 * 1024;
/// The longest line that is written or read. The largest message that is received needs less, however it is spelled.
pub const MOST_LINE_BYTES: u64 = 128 << 20;
/// How often a folder is listed again if a day was packed between listing and opening it.
const ATTEMPTS: usize = 5;

/// Returns a function that turns an I/O error into a log error.
pub fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_path_buf();
    move |source| Error::Io { action, path, source }
}

/// One day's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Day {
    /// The day as `YYYYMMDD`.
    pub day: u32,
    pub path: PathBuf,
    /// Whether it is finished and packed.
    pub packed: bool,
}

impl Day {
    /// Returns the day that the file is named after; `None` if the calendar has no such day.
    pub fn date(&self) -> Option<NaiveDate> {
        let year = i32::try_from(self.day / 10_000).ok()?;
        NaiveDate::from_ymd_opt(year, self.day / 100 % 100, self.day % 100)
    }

    /// Returns the first whole line without its end, if there is one.
    pub fn first_line(&self) -> Result<Option<Vec<u8>>, Error> {
        let mut bytes = Vec::new();
        let found = match self.packed {
            true => read_line(&mut packed::open(&self.path)?, &mut bytes, &self.path, 0)?,
            false => {
                let mut file = BufReader::new(File::open(&self.path).map_err(io("open", &self.path))?);
                read_line(&mut file, &mut bytes, &self.path, 0)?
            }
        };
        Ok(found.then_some(bytes))
    }

    /// Returns the first line's offset; `None` if the file has no whole line.
    pub fn first_offset(&self) -> Result<Option<i64>, Error> {
        self.first_line()?.map(|line| offset(&self.path, 0, &line)).transpose()
    }

    /// Returns the last whole line's offset.
    fn last_offset(&self) -> Result<Option<i64>, Error> {
        if self.packed {
            return packed::last_line(&self.path)?.map(|line| offset(&self.path, 0, &line)).transpose();
        }
        let mut file = File::open(&self.path).map_err(io("open", &self.path))?;
        let end = whole_lines(&mut file, &self.path)?;
        offset_before(&mut file, &self.path, end)
    }
}

/// Returns the day files, oldest first; other files and folders in it do not belong to the log.
pub fn list(dir: &Path) -> Result<Vec<Day>, Error> {
    let mut days = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(io("list", dir))? {
        let path = entry.map_err(io("list", dir))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let Some((digits, end)) = name.split_once('.') else { continue };
        let packed = match end {
            "ndjson" => false,
            "ndjson.zst" => true,
            _ => continue,
        };
        // The archives of topics are subfolders, and a topic may have a name like a day file's.
        if digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_digit()) && !path.is_dir() {
            // Eight digits fit.
            days.push(Day { day: digits.parse().unwrap_or_default(), path, packed });
        }
    }
    // If a day is there twice, it was about to be packed: the plain file comes first and counts.
    days.sort_by_key(|day| (day.day, day.packed));
    days.dedup_by_key(|day| day.day);
    Ok(days)
}

/// Does the work again if a file was packed between listing the folder and opening the file.
pub fn steady<T>(mut work: impl FnMut() -> Result<T, Error>) -> Result<T, Error> {
    for _ in 1..ATTEMPTS {
        match work() {
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            result => return result,
        }
    }
    work()
}

/// Returns the offsets that the folder holds, synced or not: from the first line to one past the last whole line; `0..0` if
/// no file has a whole line.
pub fn offsets(dir: &Path) -> Result<Range<i64>, Error> {
    steady(|| {
        let days = list(dir)?;
        let Some(first) = first_of(&days)? else {
            return Ok(0..0);
        };
        for day in days.iter().rev() {
            if let Some(last) = day.last_offset()? {
                // A line whose offset is the highest possible one is not read.
                return Ok(first..last.saturating_add(1));
            }
        }
        Ok(0..0)
    })
}

/// Returns the first offset that the folder holds, synced or not; `None` if no file has a whole line.
pub fn first(dir: &Path) -> Result<Option<i64>, Error> {
    steady(|| first_of(&list(dir)?))
}

fn first_of(days: &[Day]) -> Result<Option<i64>, Error> {
    for day in days {
        let first = day.first_offset()?;
        if first.is_some() {
            return Ok(first);
        }
    }
    Ok(None)
}

/// Returns what would be one past the log's last offset if its newest file ended at `end`; 0 if no file has a whole line.
pub fn end_of_lines(dir: &Path, newest: &Path, end: u64) -> Result<i64, Error> {
    let mut file = File::open(newest).map_err(io("open", newest))?;
    if let Some(last) = offset_before(&mut file, newest, end)? {
        return Ok(last.saturating_add(1));
    }
    end_before(dir, newest)
}

/// Returns one past the last offset in the files other than this one.
pub fn end_before(dir: &Path, newest: &Path) -> Result<i64, Error> {
    for day in list(dir)?.iter().rev().filter(|day| day.path != newest) {
        if let Some(last) = day.last_offset()? {
            return Ok(last.saturating_add(1));
        }
    }
    Ok(0)
}

/// Reads the next line without its end; false if there is no whole line any more.
///
/// # Errors
/// The disk reports an error, or the line is longer than any that squall writes.
pub fn read_line(reader: &mut impl BufRead, bytes: &mut Vec<u8>, path: &Path, position: u64) -> Result<bool, Error> {
    bytes.clear();
    let read = reader.take(MOST_LINE_BYTES).read_until(b'\n', bytes).map_err(io("read", path))?;
    if bytes.pop_if(|byte| *byte == b'\n').is_some() {
        return Ok(true);
    }
    if read as u64 == MOST_LINE_BYTES {
        return Err(too_long(path, position));
    }
    Ok(false)
}

fn too_long(path: &Path, position: u64) -> Error {
    let reason = format!("a line of over {} MB", MOST_LINE_BYTES >> 20);
    Error::Damaged { path: path.to_path_buf(), position, reason }
}

/// Returns the offset of the line that ends at `end`; `None` at the beginning of the file.
fn offset_before(file: &mut File, path: &Path, end: u64) -> Result<Option<i64>, Error> {
    if end == 0 {
        return Ok(None);
    }
    let start = after_last_newline(file, path, end - 1)?;
    if end - start > MOST_LINE_BYTES {
        return Err(too_long(path, start));
    }
    let mut bytes = vec![0; (end - 1 - start) as usize];
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
