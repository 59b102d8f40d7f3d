//! Reads messages from an offset up to the end of what is synced. The reader remembers its position, so the next read needs
//! no search.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::super::keeper::Keeper;
use super::super::{Batch, Error, Limit, Message, line};
use super::days::{self, Day, io};
use super::packed;
use super::synced::Synced;

/// The binary search stops when at most this many bytes are left; these are then read line by line.
const SCAN_BYTES: u64 = 64 * 1024;

const BUFFER_BYTES: usize = 256 * 1024;

/// A folder's reader.
pub struct Reader {
    dir: PathBuf,
    cursor: Option<Cursor>,
    keeper: Keeper,
}

/// A position between two lines.
struct Cursor {
    day: u32,
    path: PathBuf,
    lines: Lines,
    /// In the unpacked day.
    position: u64,
    /// The lowest offset that the next line may have.
    next_offset: i64,
}

/// The lines of a day.
enum Lines {
    Plain(BufReader<File>),
    /// A finished day, which is read only forwards; a line that was read too early waits to be read again.
    Packed {
        lines: Box<packed::Lines>,
        again: Option<Vec<u8>>,
    },
}

impl Reader {
    /// Makes a reader without a position.
    pub fn new(dir: &Path) -> Reader {
        Reader { dir: dir.to_path_buf(), cursor: None, keeper: Keeper::default() }
    }

    /// Returns synced messages, starting at offset `from`.
    pub fn read(&mut self, from: i64, limit: Limit) -> Result<Batch, Error> {
        // Read the end before the lines: whatever lies beyond it may be incomplete or may still disappear.
        let end = Synced::of(&self.dir)?.map_or(i64::MAX, |synced| synced.end);
        let mut cursor = match self.cursor.take().filter(|cursor| cursor.next_offset == from) {
            Some(cursor) => cursor,
            None => match days::steady(|| self.seek(from))? {
                Some(cursor) => cursor,
                None => return Ok(Batch::starting_at(from)),
            },
        };
        let mut messages = Vec::new();
        let mut held = 0;
        let mut bytes = Vec::new();
        while messages.len() < limit.messages && held < limit.bytes && cursor.next_offset < end {
            let start = cursor.position;
            if cursor.line(&mut bytes)? {
                match line::decode(&bytes, &mut self.keeper) {
                    // A gap in the offsets may extend past the end.
                    Ok((offset, _)) if offset >= end => {
                        cursor.unread(&bytes)?;
                        break;
                    }
                    Ok((offset, record)) if offset >= cursor.next_offset => {
                        cursor.next_offset = offset + 1;
                        let message = Message { partition: 0, offset, record, only: None };
                        held += message.bytes();
                        messages.push(message);
                    }
                    Ok(_) => {}
                    Err(reason) if messages.is_empty() => {
                        return Err(Error::Damaged { path: cursor.path, position: start, reason });
                    }
                    // Deliver what comes before the damage; the next read reports the error.
                    Err(_) => {
                        cursor.unread(&bytes)?;
                        break;
                    }
                }
            } else if self.day_after(cursor.day)?.is_some() {
                // This file may have grown before the next file appeared, but it cannot grow after that.
                if cursor.at_end()? {
                    let (day, next_offset) = (cursor.day, cursor.next_offset);
                    let next = days::steady(|| match self.day_after(day)? {
                        Some(next) => Cursor::begin(&next, next_offset).map(Some),
                        None => Ok(None),
                    });
                    // The next file was there a moment ago; if it was removed, there is nothing more to read.
                    let Some(next) = next? else { break };
                    cursor = next;
                }
            } else {
                break;
            }
        }
        if self.day_after(cursor.day)?.is_none() {
            // The buffer may hold bytes from beyond the synced end, which are not final yet.
            cursor.drop_buffer()?;
        }
        let next = cursor.next_offset;
        self.cursor = Some(cursor);
        Ok(Batch { messages, next })
    }

    /// Finds the position of `from`; `None` if the log does not reach that offset yet.
    fn seek(&self, from: i64) -> Result<Option<Cursor>, Error> {
        let held = super::offsets(&self.dir)?;
        let log = || self.dir.display().to_string();
        if from < held.start {
            return Err(Error::OffsetGone { log: log(), partition: 0, offset: from, first: held.start });
        }
        if from > held.end {
            return Err(Error::OffsetPastEnd { log: log(), partition: 0, offset: from, end: held.end });
        }
        if from == held.end {
            // What stands behind the synced end is not read: a power loss may have left anything there.
            return Ok(None);
        }
        // Find the last file that begins at or before the offset; a file without a line has no first offset.
        let mut found = None;
        for day in days::list(&self.dir)?.into_iter().rev() {
            match day.first_offset() {
                Ok(Some(first)) if first <= from => {
                    found = Some(day);
                    break;
                }
                // A first line that cannot be read is behind the synced end, or the read from an earlier file reports it.
                Ok(_) | Err(Error::Damaged { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let Some(day) = found else {
            return Ok(None);
        };
        let mut cursor = Cursor::open_near(&day, from)?;
        cursor.skip_to(from)?;
        Ok(Some(cursor))
    }

    fn day_after(&self, day: u32) -> Result<Option<Day>, Error> {
        Ok(days::list(&self.dir)?.into_iter().find(|other| other.day > day))
    }
}

impl Cursor {
    /// Opens a day at its beginning.
    fn begin(day: &Day, next_offset: i64) -> Result<Cursor, Error> {
        let lines = match day.packed {
            true => Lines::Packed { lines: Box::new(packed::open(&day.path)?), again: None },
            false => Lines::Plain(plain(&day.path, 0)?),
        };
        Ok(Cursor { day: day.day, path: day.path.clone(), lines, position: 0, next_offset })
    }

    /// Opens a day at a line whose offset is at most `offset` and near it. The day must begin with such a line.
    fn open_near(day: &Day, offset: i64) -> Result<Cursor, Error> {
        let (lines, position) = if day.packed {
            let (lines, position) = packed::open_near(&day.path, offset)?;
            (Lines::Packed { lines: Box::new(lines), again: None }, position)
        } else {
            let position = search(&day.path, offset)?;
            (Lines::Plain(plain(&day.path, position)?), position)
        };
        Ok(Cursor { day: day.day, path: day.path.clone(), lines, position, next_offset: offset })
    }

    /// Reads the next line into `bytes`, without its line end; false if the line is not complete yet.
    fn line(&mut self, bytes: &mut Vec<u8>) -> Result<bool, Error> {
        let found = match &mut self.lines {
            Lines::Plain(file) => days::read_line(file, bytes, &self.path, self.position)?,
            Lines::Packed { lines, again } => match again.take() {
                Some(line) => {
                    *bytes = line;
                    true
                }
                None => days::read_line(lines, bytes, &self.path, self.position)?,
            },
        };
        if found {
            self.position += bytes.len() as u64 + 1;
        } else {
            // An append may be in progress: go back to the start of the line.
            self.drop_buffer()?;
        }
        Ok(found)
    }

    /// Goes back to before the line that was just read.
    fn unread(&mut self, line: &[u8]) -> Result<(), Error> {
        self.position -= line.len() as u64 + 1;
        match &mut self.lines {
            Lines::Plain(_) => self.drop_buffer(),
            Lines::Packed { again, .. } => {
                *again = Some(line.to_vec());
                Ok(())
            }
        }
    }

    /// Lets the next line be read from the file again. A packed file does not change.
    fn drop_buffer(&mut self) -> Result<(), Error> {
        match &mut self.lines {
            Lines::Plain(file) => {
                file.seek(SeekFrom::Start(self.position)).map_err(io("read", &self.path))?;
            }
            Lines::Packed { .. } => {}
        }
        Ok(())
    }

    fn at_end(&mut self) -> Result<bool, Error> {
        let mut bytes = Vec::new();
        if self.line(&mut bytes)? {
            self.unread(&bytes)?;
            return Ok(false);
        }
        Ok(true)
    }

    /// Moves to just before the first line whose offset is at least `offset`.
    fn skip_to(&mut self, offset: i64) -> Result<(), Error> {
        let mut bytes = Vec::new();
        loop {
            let start = self.position;
            if !self.line(&mut bytes)? {
                return Ok(());
            }
            if days::offset(&self.path, start, &bytes)? >= offset {
                return self.unread(&bytes);
            }
        }
    }
}

fn plain(path: &Path, position: u64) -> Result<BufReader<File>, Error> {
    let mut file = BufReader::with_capacity(BUFFER_BYTES, File::open(path).map_err(io("open", path))?);
    file.seek(SeekFrom::Start(position)).map_err(io("read", path))?;
    Ok(file)
}

/// Returns the start of a line whose offset is at most `offset` and near it. The file must begin with such a line.
fn search(path: &Path, offset: i64) -> Result<u64, Error> {
    let mut file = BufReader::new(File::open(path).map_err(io("open", path))?);
    let (mut low, mut high) = (0, file.get_ref().metadata().map_err(io("read", path))?.len());
    let mut bytes = Vec::new();
    while high - low > SCAN_BYTES {
        let middle = low + (high - low) / 2;
        file.seek(SeekFrom::Start(middle)).map_err(io("read", path))?;
        bytes.clear();
        file.by_ref().take(days::MOST_LINE_BYTES).read_until(b'\n', &mut bytes).map_err(io("read", path))?;
        let start = middle + bytes.len() as u64;
        // A line that cannot be read is behind the synced end, or the read from `low` on reports it.
        let whole = days::read_line(&mut file, &mut bytes, path, start).unwrap_or(false);
        match whole && start < high && days::offset(path, start, &bytes).is_ok_and(|found| found <= offset) {
            true => low = start,
            false => high = middle,
        }
    }
    Ok(low)
}
