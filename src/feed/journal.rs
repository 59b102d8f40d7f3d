//! A record of what happened to the connections, readable by SQL: one row per event, in `data/events/YYYYMMDD.ndjson`.
//!
//! Every row has the columns `time` (UTC), `connection` and `kind`. The others depend on the kind: `product_id`, `expected` and
//! `got` (sequence numbers), `silence_ms`, `wait_ms`, `attempt`, `reason`.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use chrono::{DateTime, SecondsFormat};
use serde::Serialize;

use super::Error;
use super::client::{Event, EventKind};
use crate::durable;

/// One row of the journal.
#[derive(Debug, Serialize)]
struct Row<'a> {
    time: String,
    connection: &'a str,
    kind: &'static str,
    product_id: Option<&'a str>,
    expected: Option<i64>,
    got: Option<i64>,
    silence_ms: Option<u64>,
    wait_ms: Option<u64>,
    attempt: Option<u32>,
    reason: Option<&'a str>,
}

/// An append-only folder of feed events, one file per UTC day.
#[derive(Debug)]
pub struct Journal {
    dir: PathBuf,
    open: Option<(PathBuf, File)>,
}

impl Journal {
    /// Uses this folder; the first event creates it.
    pub fn new(dir: &Path) -> Self {
        Journal { dir: dir.into(), open: None }
    }

    /// Appends events in order, and removes each from the queue.
    ///
    /// # Errors
    /// As [`Journal::record`]; what the journal does not have stays in the queue.
    pub fn record_all(&mut self, events: &mut VecDeque<Event>) -> Result<(), Error> {
        while let Some(event) = events.front() {
            self.record(event)?;
            events.pop_front();
        }
        Ok(())
    }

    /// Appends one event in one write.
    ///
    /// # Errors
    /// The folder or the file cannot be created or written; the journal then stays as it was.
    pub fn record(&mut self, event: &Event) -> Result<(), Error> {
        let time = DateTime::from_timestamp_nanos(event.time);
        let path = self.dir.join(format!("{}.ndjson", time.format("%Y%m%d")));
        let failed = |source| Error::Journal { path: path.clone(), source };
        let mut file = match self.open.take() {
            Some((open, file)) if open == path => file,
            _ => {
                durable::create_folder(&self.dir).map_err(failed)?;
                open(&path).map_err(failed)?
            }
        };
        // A row holds only text and integers, which can always be serialised.
        let mut line = serde_json::to_vec(&row(event)).map_err(|error| failed(error.into()))?;
        line.push(b'\n');
        file.write_all(&line).map_err(failed)?;
        self.open = Some((path, file));
        Ok(())
    }
}

/// Opens a day's file to append whole rows; first cuts off a partial row that a full disk or a crash left.
fn open(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    let text = std::fs::read(path)?;
    let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    if whole < text.len() {
        file.set_len(whole as u64)?;
    }
    Ok(file)
}

fn row(event: &Event) -> Row<'_> {
    let mut row = Row {
        time: DateTime::from_timestamp_nanos(event.time).to_rfc3339_opts(SecondsFormat::Nanos, true),
        connection: &event.connection,
        kind: event.kind.name(),
        product_id: None,
        expected: None,
        got: None,
        silence_ms: None,
        wait_ms: None,
        attempt: None,
        reason: None,
    };
    match &event.kind {
        EventKind::Connected => {}
        EventKind::Gap(gap) => (row.expected, row.got) = (Some(gap.expected), Some(gap.got)),
        EventKind::Silence { silence_ms } => row.silence_ms = Some(*silence_ms),
        EventKind::ProductSilence { product, silence_ms } | EventKind::ProductResumed { product, silence_ms } => {
            (row.product_id, row.silence_ms) = (Some(product.as_str()), Some(*silence_ms));
        }
        EventKind::Reconnecting { reason, wait_ms, attempt } => {
            (row.reason, row.wait_ms, row.attempt) = (Some(reason.as_str()), Some(*wait_ms), Some(*attempt));
        }
        EventKind::ServerError { message } => row.reason = Some(message),
        EventKind::Closed { reason } => row.reason = Some(reason),
    }
    row
}

#[cfg(test)]
mod tests {
    use super::{Event, EventKind, Journal};

    #[test]
    fn a_part_of_a_row_is_cut_off_before_the_next_one() {
        let temp = tempfile::tempdir().expect("a temporary folder");
        let event = Event { time: 0, connection: "c1".into(), kind: EventKind::Connected };
        Journal::new(temp.path()).record(&event).expect("a row");
        let path = temp.path().join("19700101.ndjson");
        let row = std::fs::read_to_string(&path).expect("the day's file");
        std::fs::write(&path, format!("{row}{}", &row[..20])).expect("a part of a row");
        let mut journal = Journal::new(temp.path());
        journal.record(&event).expect("a row");
        journal.record(&event).expect("a row");
        assert_eq!(std::fs::read_to_string(&path).expect("the day's file"), row.repeat(3));
    }
}
