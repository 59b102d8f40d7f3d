//! What happened to the connection, written down for SQL: one row for each event, `data/events/YYYYMMDD.ndjson`.
//!
//! Every row has the same columns: `time` (UTC), `connection`, `kind`, and those that its kind fills: `expected` and `got`
//! (sequence numbers), `silence_ms`, `wait_ms`, `attempt`, `reason`.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use chrono::{DateTime, SecondsFormat};
use serde::Serialize;

use super::Error;
use super::client::{Event, EventKind};

/// One row of the journal.
#[derive(Debug, Serialize)]
struct Row<'a> {
    time: String,
    connection: &'a str,
    kind: &'static str,
    expected: Option<i64>,
    got: Option<i64>,
    silence_ms: Option<u64>,
    wait_ms: Option<u64>,
    attempt: Option<u32>,
    reason: Option<&'a str>,
}

/// An append-only folder of feed events, one file a UTC day.
#[derive(Debug)]
pub struct Journal {
    dir: PathBuf,
    open: Option<(PathBuf, File)>,
}

impl Journal {
    /// Uses the folder, which the first event makes.
    pub fn new(dir: &Path) -> Self {
        Journal { dir: dir.into(), open: None }
    }

    /// Appends one event in one write.
    ///
    /// # Errors
    /// The folder or file cannot be made or written.
    pub fn record(&mut self, event: &Event) -> Result<(), Error> {
        let time = DateTime::from_timestamp_nanos(event.time);
        let path = self.dir.join(format!("{}.ndjson", time.format("%Y%m%d")));
        let failed = |source| Error::Journal { path: path.clone(), source };
        let mut file = match self.open.take() {
            Some((open, file)) if open == path => file,
            _ => {
                std::fs::create_dir_all(&self.dir).map_err(failed)?;
                OpenOptions::new().create(true).append(true).open(&path).map_err(failed)?
            }
        };
        // A row holds text and integers, which always serialise.
        let mut line = serde_json::to_vec(&row(event)).map_err(|error| failed(error.into()))?;
        line.push(b'\n');
        file.write_all(&line).map_err(failed)?;
        self.open = Some((path, file));
        Ok(())
    }
}

fn row(event: &Event) -> Row<'_> {
    let mut row = Row {
        time: DateTime::from_timestamp_nanos(event.time).to_rfc3339_opts(SecondsFormat::Nanos, true),
        connection: &event.connection,
        kind: event.kind.name(),
        expected: None,
        got: None,
        silence_ms: None,
        wait_ms: None,
        attempt: None,
        reason: None,
    };
    match &event.kind {
        EventKind::Connected => {}
        EventKind::Gap { expected, got } => (row.expected, row.got) = (Some(*expected), Some(*got)),
        EventKind::Silence { silence_ms } => row.silence_ms = Some(*silence_ms),
        EventKind::Reconnecting { reason, wait_ms, attempt } => {
            (row.reason, row.wait_ms, row.attempt) = (Some(reason.as_str()), Some(*wait_ms), Some(*attempt));
        }
        EventKind::ServerError { message } => row.reason = Some(message),
        EventKind::Closed { reason } => row.reason = Some(reason),
    }
    row
}
