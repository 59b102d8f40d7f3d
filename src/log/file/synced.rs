//! Where the synced part of the log ends. Readers stop there, so they see only what survives a power loss.
//!
//! The file `.synced` holds one line of JSON of a fixed length, rewritten in place after each sync of a day file. The file
//! itself needs no sync: after a power loss it still names an end that was synced earlier, or its line is torn. A torn line
//! fails its check: readers then read nothing until somebody who may write has checked the lines and noted the end anew. A log
//! of an earlier version has no such file and is readable to its last whole line.

use std::fs::File;
use std::io::{ErrorKind, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::super::Error;
use super::days::io;
use crate::text::fingerprint;

const NAME: &str = ".synced";
/// The length of the line. It is fixed, so that each write replaces the whole line.
const LINE_BYTES: usize = 160;
/// How often to read the line again, because another process may be writing it.
const ATTEMPTS: usize = 5;
const ATTEMPT_PAUSE: Duration = Duration::from_millis(1);

/// The end of the synced part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Synced {
    /// One past the last synced offset.
    pub end: i64,
    /// The newest day file, `YYYYMMDD`; 0 before the first.
    pub day: u32,
    /// How many of its bytes are synced.
    pub bytes: u64,
}

#[derive(Serialize, Deserialize)]
struct Line {
    end: i64,
    day: u32,
    bytes: u64,
    check: String,
}

/// What the note says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noted {
    /// No version that writes the note has opened the log to append.
    Never,
    /// A power loss left a part of the note.
    Torn,
    At(Synced),
}

impl Noted {
    /// Returns the end; `None` if the note does not say it.
    pub fn end(self) -> Option<Synced> {
        match self {
            Noted::At(synced) => Some(synced),
            Noted::Never | Noted::Torn => None,
        }
    }
}

impl Synced {
    /// Returns the end for a reader; `None` if no version that notes it has opened the log to append.
    ///
    /// # Errors
    /// The note is torn. Whoever next opens the log and may write to it checks the lines and writes the note anew.
    pub fn of(dir: &Path) -> Result<Option<Synced>, Error> {
        match Synced::read(dir)? {
            Noted::Torn => Err(Error::TornNote { path: dir.join(NAME) }),
            noted => Ok(noted.end()),
        }
    }

    /// Reads the note.
    pub fn read(dir: &Path) -> Result<Noted, Error> {
        let path = dir.join(NAME);
        for _ in 0..ATTEMPTS {
            let bytes = match std::fs::read(&path) {
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Noted::Never),
                result => result.map_err(io("read", &path))?,
            };
            // A crash between making the file and its first line leaves it empty, and nothing noted.
            if bytes.is_empty() {
                return Ok(Noted::Never);
            }
            if let Ok(Line { end, day, bytes, check }) = serde_json::from_slice(&bytes) {
                let synced = Synced { end, day, bytes };
                if check == synced.check() {
                    return Ok(Noted::At(synced));
                }
            }
            std::thread::sleep(ATTEMPT_PAUSE);
        }
        Ok(Noted::Torn)
    }

    fn check(&self) -> String {
        let Synced { end, day, bytes } = self;
        fingerprint(&format!("{end} {day} {bytes}"))
    }

    fn line(&self) -> Vec<u8> {
        let Synced { end, day, bytes } = self;
        let mut line = format!(r#"{{"end":{end},"day":{day},"bytes":{bytes},"check":"{}"}}"#, self.check());
        while line.len() < LINE_BYTES - 1 {
            line.push(' ');
        }
        line.push('\n');
        line.into_bytes()
    }
}

/// The file, kept open by the one process that appends.
pub struct Note {
    path: PathBuf,
    file: File,
}

impl Note {
    /// Opens the file; creates it if it is missing.
    pub fn open(dir: &Path) -> Result<Note, Error> {
        let path = dir.join(NAME);
        let file = File::options().create(true).write(true).truncate(false).open(&path).map_err(io("open", &path))?;
        Ok(Note { path, file })
    }

    /// Lets readers see everything up to this end, which must be synced.
    pub fn publish(&mut self, synced: Synced) -> Result<(), Error> {
        let written = self.file.seek(SeekFrom::Start(0)).and_then(|_| self.file.write_all(&synced.line()));
        written.map_err(io("write", &self.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_reads_back_and_a_torn_one_is_told() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        assert_eq!(Synced::read(dir.path()).expect("read"), Noted::Never);
        let mut note = Note::open(dir.path()).expect("opened");
        for end in [0, 7, i64::MAX] {
            let synced = Synced { end, day: 20_251_124, bytes: u64::MAX };
            note.publish(synced).expect("published");
            assert_eq!(Synced::read(dir.path()).expect("read"), Noted::At(synced));
        }
        let path = dir.path().join(NAME);
        let line = std::fs::read_to_string(&path).expect("read");
        assert_eq!(line.len(), LINE_BYTES);
        std::fs::write(&path, line.replace("20251124", "20251125")).expect("written");
        assert_eq!(Synced::read(dir.path()).expect("read"), Noted::Torn);
        assert!(matches!(Synced::of(dir.path()), Err(Error::TornNote { .. })));
    }
}
