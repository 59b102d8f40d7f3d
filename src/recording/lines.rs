//! The lines of a recording, plain or unpacked.
//!
//! In: where a recording is. Out: its lines byte for byte, without their ends; of a table, a message for each row. Memory is bounded
//! whatever the file holds: lines beyond a length are passed over and counted.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::format::{Compression, Gzip, LARGEST_WINDOW_LOG, compression};
use super::history::{self, Map, Named, Opened};
use super::{Error, archive};
use crate::durable::Aside;
use crate::tick::{self, Problem};

/// A line longer than this is not a message; exchanges' messages have a few hundred bytes.
pub const LONGEST_LINE_BYTES: u64 = 16 * 1024 * 1024;
/// A line longer than this ends the reading: it may be a small compressed file that unpacks to terabytes.
pub const LONGEST_PASSED_OVER_BYTES: u64 = 1 << 30;
/// At least one of this many first lines must be a message; the others may be cut off or damaged.
const LINES_LOOKED_AT: usize = 100;
const BUFFER_BYTES: usize = 256 * 1024;

/// Where a recording is, and how its columns are read if it is a table.
#[derive(Debug, Clone)]
pub struct Place {
    /// The path or address, as messages show it.
    pub path: PathBuf,
    pub file: LocalFile,
    pub map: Option<Arc<Map>>,
}

/// The file that is opened.
#[derive(Debug, Clone)]
pub enum LocalFile {
    /// A file of the user's.
    Given(PathBuf),
    /// A download, which is removed together with the last recording that holds it.
    Downloaded(Arc<Aside>),
}

impl LocalFile {
    pub fn path(&self) -> PathBuf {
        match self {
            LocalFile::Given(path) => path.clone(),
            LocalFile::Downloaded(aside) => aside.path(),
        }
    }
}

/// The lines of a recording.
pub struct Lines {
    path: PathBuf,
    source: Box<dyn BufRead + Send>,
    /// The number of the line that was read last, from 1.
    number: usize,
    /// Whether the compressed data ended in the middle.
    broken_off: bool,
    /// The columns, if it looks like a table whose columns are not known.
    columns: Option<String>,
    /// Whether they are rows of a table.
    is_table: bool,
    /// Whether it is a table of trades.
    is_trades: bool,
}

/// A line that does not end within [`LONGEST_PASSED_OVER_BYTES`].
#[derive(Debug, thiserror::Error)]
#[error("line {number} does not end")]
pub struct EndlessLine {
    /// The line's number, from 1.
    pub number: u64,
}

/// How a line ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// A whole line, including its line end.
    Line,
    /// The last line, without a line end.
    CutOff,
    /// A line that is too long to be a message. It was passed over.
    TooLong,
    /// The end of the file; no line was read.
    File,
}

impl Lines {
    /// Opens a recording.
    ///
    /// # Errors
    /// The file is missing, its compression needs too much memory, or it is a table that cannot be read.
    pub fn open(place: &Place) -> Result<Lines, Error> {
        let path = &place.path;
        let read_error = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => Error::Missing { path: path.clone() },
            _ => Error::Read { path: path.clone(), source },
        };
        let mut file = File::open(place.file.path()).map_err(read_error)?;
        let compression = compression(&mut file).map_err(read_error)?;
        let buffered = |file| BufReader::with_capacity(BUFFER_BYTES, file);
        let (mut inside, map) = (None, place.map.as_deref());
        let source: Box<dyn BufRead + Send> = match compression {
            Compression::Plain => Box::new(buffered(file)),
            Compression::Gzip => Box::new(BufReader::with_capacity(BUFFER_BYTES, Gzip::new(buffered(file)))),
            Compression::Zstd { window } if window > 1 << LARGEST_WINDOW_LOG => {
                return Err(Error::Window { path: path.clone(), window });
            }
            Compression::Zstd { .. } => {
                let mut decoder = zstd::Decoder::with_buffer(buffered(file)).map_err(read_error)?;
                decoder.window_log_max(LARGEST_WINDOW_LOG).map_err(read_error)?;
                Box::new(BufReader::with_capacity(BUFFER_BYTES, decoder))
            }
            Compression::Zip => {
                let (name, content) = archive::open(file).map_err(|fault| Error::archive(path, fault))?;
                inside = Some(name);
                Box::new(BufReader::with_capacity(BUFFER_BYTES, content))
            }
            Compression::Parquet => {
                let opened = history::open_parquet(file, &Named { path, inside: None, may_be_cut_off: false }, map)?;
                return Ok(Lines::of(path, opened));
            }
        };
        let may_be_cut_off = compression == Compression::Plain;
        let opened = history::open(source, &Named { path, inside: inside.as_deref(), may_be_cut_off }, map)?;
        Ok(Lines::of(path, opened))
    }

    fn of(path: &Path, opened: Opened) -> Lines {
        let Opened { lines, columns, is_table, is_trades } = opened;
        Lines { path: path.to_path_buf(), source: lines, number: 0, broken_off: false, columns, is_table, is_trades }
    }

    /// Returns the first bytes, lines or not, and whether the compressed data break off within them.
    ///
    /// # Errors
    /// The data are damaged.
    pub fn beginning(self, bytes: u64) -> Result<(Vec<u8>, bool), Error> {
        let mut beginning = Vec::new();
        match self.source.take(bytes).read_to_end(&mut beginning) {
            Ok(_) => Ok((beginning, false)),
            Err(source) if source.kind() == io::ErrorKind::UnexpectedEof => Ok((beginning, true)),
            Err(source) => Err(unreadable(&self.path, source)),
        }
    }

    /// Whether they are rows of a table.
    pub fn is_table(&self) -> bool {
        self.is_table
    }

    /// Whether the lines are trades, which have no quotes.
    pub fn is_trades(&self) -> bool {
        self.is_trades
    }

    /// Reads the next line into `line`, without its end (`\n` or `\r\n`). A line that is too long leaves `line` empty.
    ///
    /// # Errors
    /// The data are damaged, or a line does not end within [`LONGEST_PASSED_OVER_BYTES`].
    pub fn next(&mut self, line: &mut Vec<u8>) -> Result<Ended, Error> {
        line.clear();
        if self.broken_off {
            return Ok(Ended::File);
        }
        self.number += 1;
        // One more byte for the line end.
        match (&mut self.source).take(LONGEST_LINE_BYTES + 1).read_until(b'\n', line) {
            Ok(_) => {}
            // The part of the line that could be decompressed is in the buffer.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => self.broken_off = true,
            Err(source) => return Err(unreadable(&self.path, source)),
        }
        if line.pop_if(|byte| *byte == b'\n').is_some() {
            line.pop_if(|byte| *byte == b'\r');
            return Ok(Ended::Line);
        }
        if line.len() as u64 > LONGEST_LINE_BYTES {
            line.clear();
            self.pass_over()?;
            return Ok(Ended::TooLong);
        }
        Ok(if line.is_empty() { Ended::File } else { Ended::CutOff })
    }

    /// Passes over the rest of a line.
    fn pass_over(&mut self) -> Result<(), Error> {
        match (&mut self.source).take(LONGEST_PASSED_OVER_BYTES).skip_until(b'\n') {
            Ok(bytes) if bytes as u64 == LONGEST_PASSED_OVER_BYTES => {
                Err(Error::LongLine { path: self.path.clone(), line: self.number as u64 })
            }
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                self.broken_off = true;
                Ok(())
            }
            Err(source) => Err(unreadable(&self.path, source)),
        }
    }

    /// Whether the compressed data ended in the middle; known only after the last line was read.
    pub fn broken_off(&self) -> bool {
        self.broken_off
    }

    /// Looks for a message among the first lines.
    ///
    /// # Errors
    /// There is none, or the data are damaged.
    pub fn look_for_message(&mut self) -> Result<(), Error> {
        let mut line = Vec::new();
        let mut first_problem = None;
        for number in 1..=LINES_LOOKED_AT {
            match self.next(&mut line)? {
                Ended::File => break,
                Ended::TooLong => {
                    first_problem.get_or_insert((number, Problem::TooLong { most: LONGEST_LINE_BYTES }));
                    continue;
                }
                Ended::Line | Ended::CutOff => {}
            }
            match tick::parse(&line) {
                Ok(_) => return Ok(()),
                Err(problem) => {
                    first_problem.get_or_insert((number, problem));
                }
            }
        }
        if self.broken_off && self.number == 1 {
            return Err(Error::CutOff { path: self.path.clone() });
        }
        if let Some(columns) = self.columns.take() {
            return Err(Error::UnknownColumns { path: self.path.clone(), columns });
        }
        let (line, problem) = first_problem.unwrap_or((1, Problem::Empty));
        if self.is_table {
            // A row's message stands on another line than the row.
            let (place, problem) = match problem {
                Problem::Row { line, reason, .. } => (format!("line {line}"), reason),
                problem => (format!("row {line}"), problem.to_string()),
            };
            return Err(Error::NoRow { path: self.path.clone(), place, problem });
        }
        Err(Error::NoMessage { path: self.path.clone(), line, problem })
    }
}

/// Returns the error for data that cannot be read.
fn unreadable(path: &Path, source: io::Error) -> Error {
    let path = path.to_path_buf();
    match source.get_ref().and_then(|error| error.downcast_ref::<EndlessLine>()) {
        Some(EndlessLine { number }) => Error::LongLine { path, line: *number },
        None => Error::Damaged { path, source },
    }
}
