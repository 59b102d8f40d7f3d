//! A folder's log id: created with the log and kept in `log.id`.
//!
//! A log of an earlier version, which kept no id, gets one from its first line. That is safe because two logs do not begin
//! with the same bytes received in the same nanosecond. A reader that may not write to the folder computes the same id.

use std::hash::{BuildHasher, RandomState};
use std::io::ErrorKind;
use std::path::Path;

use super::super::{Error, LogId};
use super::days::{self, io};
use crate::durable;
use crate::text::fingerprint;

const NAME: &str = "log.id";

/// Returns the folder's log id, and stores it if it is not stored yet. If `appends` is true, failing to store it is an
/// error.
pub fn of(dir: &Path, appends: bool) -> Result<LogId, Error> {
    let path = dir.join(NAME);
    if let Some(id) = read(&path)? {
        return Ok(id);
    }
    let id = match first_line(dir)? {
        Some(line) => LogId::new(format!("file:{}{}", fingerprint(&line), fingerprint(&format!("{line} again")))),
        None => LogId::new(format!("file:{:016x}{:016x}", random(), random())),
    };
    match durable::create_new(&path, format!("{id}\n").as_bytes()) {
        Ok(()) => Ok(id),
        // Another process stored its id first; that id counts.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => read(&path)?.ok_or_else(|| empty(&path)),
        Err(error) if appends => Err(io("make", &path)(error)),
        Err(_) => Ok(id),
    }
}

fn read(path: &Path) -> Result<Option<LogId>, Error> {
    match std::fs::read_to_string(path) {
        Ok(text) if text.trim().is_empty() => Err(empty(path)),
        Ok(text) => Ok(Some(LogId::new(text.trim()))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io("read", path)(error)),
    }
}

fn empty(path: &Path) -> Error {
    Error::Damaged { path: path.to_path_buf(), position: 0, reason: "it holds no log id".into() }
}

fn first_line(dir: &Path) -> Result<Option<String>, Error> {
    days::steady(|| {
        for day in days::list(dir)? {
            if let Some(mut bytes) = day.first_line()? {
                // The id was first computed from the line with its end.
                bytes.push(b'\n');
                return Ok(Some(String::from_utf8_lossy(&bytes).into_owned()));
            }
        }
        Ok(None)
    })
}

/// Returns 64 random bits from the operating system.
fn random() -> u64 {
    RandomState::new().hash_one((std::process::id(), std::time::SystemTime::now()))
}
