//! Reads messages from an offset up to the end of what is synced. The reader remembers its position, so the next read needs
//! no search.

use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::super::{Batch, Error, Limit, Message, line};
use super::days::{self, io};
use super::synced::Synced;

/// The binary search stops when at most this many bytes are left; these are then read line by line.
const SCAN_BYTES: u64 = 64 * 1024;

const BUFFER_BYTES: usize = 256 * 1024;

/// A folder's reader.
pub struct Reader {
    dir: PathBuf,
    cursor: Option<Cursor>,
}

/// A position between two lines.
struct Cursor {
    path: PathBuf,
    file: BufReader<File>,
    position: u64,
    /// The lowest offset that the next line may have.
    next_offset: i64,
}

impl Reader {
    /// Makes a reader without a position.
    pub fn new(dir: &Path) -> Reader {
        Reader { dir: dir.to_path_buf(), cursor: None }
    }

    /// Returns synced messages, starting at offset `from`.
    pub fn read(&mut self, from: i64, limit: Limit) -> Result<Batch, Error> {
        // Read the end before the lines: whatever lies beyond it may be incomplete or may still disappear.
        let end = Synced::of(&self.dir)?.map_or(i64::MAX, |synced| synced.end);
        let mut cursor = match self.cursor.take().filter(|cursor| cursor.next_offset == from) {
            Some(cursor) => cursor,
            None => match self.seek(from)? {
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
                match line::decode(&bytes) {
                    // A gap in the offsets may extend past the end.
                    Ok((offset, _)) if offset >= end => {
                        cursor.turn_back(start)?;
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
                        cursor.turn_back(start)?;
                        break;
                    }
                }
            } else if let Some(next) = self.day_after(&cursor.path)? {
                // This file may have grown before the next file appeared, but it cannot grow after that.
                if cursor.at_end()? {
                    cursor = Cursor::open(next, 0, cursor.next_offset)?;
                }
            } else {
                break;
            }
        }
        if self.day_after(&cursor.path)?.is_none() {
            // The buffer may hold bytes from beyond the synced end, which are not final yet.
            cursor.turn_back(cursor.position)?;
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
        for path in days::list(&self.dir)?.into_iter().rev() {
            match days::first_offset(&path) {
                Ok(Some(first)) if first <= from => {
                    found = Some(path);
                    break;
                }
                // A first line that cannot be read is behind the synced end, or the read from an earlier file reports it.
                Ok(_) | Err(Error::Damaged { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let Some(path) = found else {
            return Ok(None);
        };
        let position = search(&path, from)?;
        let mut cursor = Cursor::open(path, position, from)?;
        cursor.skip_to(from)?;
        Ok(Some(cursor))
    }

    fn day_after(&self, path: &Path) -> Result<Option<PathBuf>, Error> {
        Ok(days::list(&self.dir)?.into_iter().find(|day| day.as_path() > path))
    }
}

impl Cursor {
    fn open(path: PathBuf, position: u64, next_offset: i64) -> Result<Cursor, Error> {
        let mut file = BufReader::with_capacity(BUFFER_BYTES, File::open(&path).map_err(io("open", &path))?);
        file.seek(SeekFrom::Start(position)).map_err(io("read", &path))?;
        Ok(Cursor { path, file, position, next_offset })
    }

    /// Reads the next line into `bytes`, without its line end; false if the line is not complete yet.
    fn line(&mut self, bytes: &mut Vec<u8>) -> Result<bool, Error> {
        bytes.clear();
        self.file.read_until(b'\n', bytes).map_err(io("read", &self.path))?;
        if bytes.pop_if(|byte| *byte == b'\n').is_none() {
            // An append is in progress: go back to the start of the line.
            self.turn_back(self.position)?;
            return Ok(false);
        }
        self.position += bytes.len() as u64 + 1;
        Ok(true)
    }

    fn turn_back(&mut self, position: u64) -> Result<(), Error> {
        self.file.seek(SeekFrom::Start(position)).map_err(io("read", &self.path))?;
        self.position = position;
        Ok(())
    }

    fn at_end(&mut self) -> Result<bool, Error> {
        let mut bytes = Vec::new();
        let start = self.position;
        if self.line(&mut bytes)? {
            self.turn_back(start)?;
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
                return self.turn_back(start);
            }
        }
    }
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
        let start = middle + file.read_until(b'\n', &mut bytes).map_err(io("read", path))? as u64;
        bytes.clear();
        file.read_until(b'\n', &mut bytes).map_err(io("read", path))?;
        match bytes.strip_suffix(b"\n") {
            // A line that cannot be read is behind the synced end, or the read from `low` on reports it.
            Some(line) if start < high && days::offset(path, start, line).is_ok_and(|found| found <= offset) => {
                low = start
            }
            _ => high = middle,
        }
    }
    Ok(low)
}
