//! Moves messages from the client's channel to the log, in batches; each batch is synced once.
//!
//! In: received messages, and events of the connections. Out: records in a log, rows in the [`Journal`], and a [`Summary`].
//! Messages come first: a journal that cannot be written never delays them. Its rows wait for the next batch. If they cannot
//! be written at the end either, that is reported after everything received is in the log.

mod summary;

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::mpsc::Receiver;
use tokio::time::Instant;

use super::Error;
use super::client::{Event, EventKind, Item, Received};
use super::exchange::Holds;
use super::journal::Journal;
use crate::log::{Log, Record};
pub use summary::Summary;

/// The most messages that are appended and synced together.
const BATCH_MESSAGES: usize = 8192;
/// How long the first message of a batch may wait for more.
const BATCH_WAIT: Duration = Duration::from_millis(50);
/// How many events may wait while the journal cannot be written; beyond that, receiving ends.
const MOST_EVENTS_WAITING: usize = 65_536;

/// What a caller may show while messages are received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// This many more messages are in the log.
    Appended(u64),
    /// The state of the connection; empty if all is well.
    Note(String),
    /// Something the user should know at once.
    Warning(String),
}

/// Moves messages from the client's channel to a log.
pub struct Ingest<'a> {
    items: Receiver<Result<Item, Error>>,
    log: &'a dyn Log,
    journal: Journal,
    /// Events that the journal does not have yet.
    waiting: VecDeque<Event>,
    /// Why the last attempt to write the journal failed.
    journal_failure: Option<Error>,
    /// How many more messages are wanted.
    left: u64,
    show: &'a mut (dyn FnMut(Progress) + Send),
    summary: Summary,
}

impl<'a> Ingest<'a> {
    /// Prepares to append what comes through `items`, at most `max_messages` of them.
    pub fn new(
        items: Receiver<Result<Item, Error>>,
        log: &'a dyn Log,
        journal: Journal,
        max_messages: Option<u64>,
        show: &'a mut (dyn FnMut(Progress) + Send),
    ) -> Ingest<'a> {
        let left = max_messages.unwrap_or(u64::MAX);
        let summary = Summary::default();
        Ingest { items, log, journal, waiting: VecDeque::new(), journal_failure: None, left, show, summary }
    }

    /// Appends batches until the feed ends, enough messages have come, or `stop` is ready; then appends what was received
    /// until then.
    ///
    /// # Errors
    /// The feed ended with an error, the log refused a batch, or the journal could not be written.
    pub async fn run(&mut self, stop: impl Future<Output = ()>) -> Result<(), Error> {
        let mut stop = std::pin::pin!(stop);
        let mut items = Vec::with_capacity(BATCH_MESSAGES);
        let mut stopped = false;
        while !stopped {
            stopped = tokio::select! {
                biased;
                () = &mut stop => true,
                more = collect(&mut self.items, &mut items) => !more,
            };
            self.append(&mut items).await?;
            stopped |= self.left == 0 || self.waiting.len() > MOST_EVENTS_WAITING;
        }
        self.items.close();
        while self.items.recv_many(&mut items, BATCH_MESSAGES).await > 0 {
            self.append(&mut items).await?;
        }
        self.write_down();
        self.journal_failure.take().map_or(Ok(()), Err)
    }

    /// Returns what has been appended so far.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Appends what was received, then records in the journal what happened in the meantime.
    async fn append(&mut self, items: &mut Vec<Result<Item, Error>>) -> Result<(), Error> {
        let mut records = Vec::with_capacity(items.len());
        let mut batch = Summary::default();
        let mut failure = None;
        for item in items.drain(..) {
            match item {
                Ok(Item::Message(received)) if self.left > 0 => {
                    self.left -= 1;
                    batch.count(&received.holds);
                    records.push(record(received));
                }
                Ok(Item::Message(_)) => {}
                Ok(Item::Event(event)) => self.note(event),
                Err(error) => failure = Some(error),
            }
        }
        let appended = if records.is_empty() { Ok(()) } else { self.log.append(records).await };
        if appended.is_ok() && batch.messages > 0 {
            (self.show)(Progress::Appended(batch.messages));
            self.summary.add(batch);
        }
        self.write_down();
        appended?;
        failure.map_or(Ok(()), Err)
    }

    fn note(&mut self, event: Event) {
        self.summary.note(&event);
        let text = match &event.kind {
            EventKind::Connected => Some(String::new()),
            EventKind::Reconnecting { reason, wait_ms, .. } => Some(format!("{reason}; reconnecting in {wait_ms} ms")),
            EventKind::ServerError { message } => Some(format!("the server says: {message}")),
            EventKind::Closed { reason } => Some(reason.clone()),
            EventKind::Gap(_) | EventKind::Silence { .. } => None,
        };
        if let Some(text) = text {
            (self.show)(Progress::Note(text));
        }
        self.waiting.push_back(event);
    }

    /// Writes to the journal the events that it does not have yet; what fails is tried again with the next batch.
    fn write_down(&mut self) {
        while let Some(event) = self.waiting.front() {
            if let Err(error) = self.journal.record(event) {
                if self.journal_failure.is_none() {
                    let cause = std::error::Error::source(&error).map_or(String::new(), |cause| format!(": {cause}"));
                    (self.show)(Progress::Warning(format!("{error}{cause}; messages are still received")));
                }
                self.journal_failure = Some(error);
                return;
            }
            self.waiting.pop_front();
        }
        self.journal_failure = None;
    }
}

/// Waits for items, and then a little longer for more; returns false once the feed has ended.
async fn collect(source: &mut Receiver<Result<Item, Error>>, items: &mut Vec<Result<Item, Error>>) -> bool {
    if source.recv_many(items, BATCH_MESSAGES).await == 0 {
        return false;
    }
    let due = Instant::now() + BATCH_WAIT;
    while items.len() < BATCH_MESSAGES {
        let room = BATCH_MESSAGES - items.len();
        match tokio::time::timeout_at(due, source.recv_many(items, room)).await {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
    }
    true
}

/// Returns the record of a message. A message of several products gets the first one's key.
fn record(received: Received) -> Record {
    let key = match received.holds {
        Holds::Ticks { product, .. } => Some(product),
        Holds::Control | Holds::Error { .. } | Holds::Unreadable => None,
    };
    Record {
        key,
        payload: received.payload,
        ingest_time: received.received_at,
        connection: Some(received.connection.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use tokio::sync::mpsc;

    use super::super::client::Gap;
    use super::*;
    use crate::log::FileLog;

    const START: i64 = 1_767_571_200_000_000_000;

    fn message(number: u32) -> Result<Item, Error> {
        let holds = Holds::Ticks { product: "BTC-USD".into(), count: 1, event_time: None };
        let payload = number.to_string().into_bytes();
        Ok(Item::Message(Received { payload, received_at: START, connection: "c1".into(), holds }))
    }

    fn gap(expected: i64, got: i64) -> Result<Item, Error> {
        let kind = EventKind::Gap(Gap { expected, got });
        Ok(Item::Event(Event { time: START, connection: "c1".into(), kind }))
    }

    async fn payloads(log: &FileLog) -> Vec<String> {
        let read = log.read(0, 0, 1000).await.expect("the log can be read");
        read.into_iter().map(|message| String::from_utf8(message.record.payload).expect("text")).collect()
    }

    fn rows(dir: &Path) -> usize {
        std::fs::read_to_string(dir.join("20260105.ndjson")).expect("the day's file").lines().count()
    }

    #[tokio::test]
    async fn a_journal_that_cannot_be_written_loses_no_message() {
        let temp = tempfile::tempdir().expect("a temporary folder");
        let log = FileLog::create(&temp.path().join("raw")).await.expect("a log");
        let events = temp.path().join("events");
        std::fs::write(&events, "a file stands where the folder belongs").expect("written");
        let (sender, items) = mpsc::channel(100);
        for item in [gap(0, 1), message(1), gap(2, 3), message(2), message(3)] {
            sender.send(item).await.expect("sent");
        }
        drop(sender);
        let mut shown = Vec::new();
        let mut show = |progress| shown.push(progress);
        let mut ingest = Ingest::new(items, &log, Journal::new(&events), None, &mut show);
        let error = ingest.run(std::future::pending()).await.expect_err("the journal failed");
        assert!(matches!(error, Error::Journal { .. }), "{error}");
        assert_eq!((ingest.summary().messages, ingest.summary().gaps), (3, 2));
        assert_eq!(payloads(&log).await, ["1", "2", "3"]);
        let warnings = shown.iter().filter(|progress| matches!(progress, Progress::Warning(_))).count();
        assert_eq!(warnings, 1, "{shown:?}");
    }

    #[tokio::test]
    async fn events_wait_until_the_journal_can_be_written() {
        let temp = tempfile::tempdir().expect("a temporary folder");
        let log = FileLog::create(&temp.path().join("raw")).await.expect("a log");
        let events = temp.path().join("events");
        std::fs::write(&events, "in the way").expect("written");
        let (_sender, items) = mpsc::channel(1);
        let mut show = |_| {};
        let mut ingest = Ingest::new(items, &log, Journal::new(&events), None, &mut show);
        ingest.append(&mut vec![gap(0, 1), message(1)]).await.expect("appended all the same");
        assert!(ingest.journal_failure.is_some());
        std::fs::remove_file(&events).expect("removed");
        ingest.append(&mut vec![message(2), gap(4, 5)]).await.expect("appended");
        assert!(ingest.journal_failure.is_none());
        assert_eq!(rows(&events), 2);
        assert_eq!(payloads(&log).await, ["1", "2"]);
    }

    #[tokio::test]
    async fn numbers_at_the_ends_of_their_range_are_summed_up() {
        let temp = tempfile::tempdir().expect("a temporary folder");
        let log = FileLog::create(&temp.path().join("raw")).await.expect("a log");
        let (_sender, items) = mpsc::channel(1);
        let mut show = |_| {};
        let mut ingest = Ingest::new(items, &log, Journal::new(&temp.path().join("events")), None, &mut show);
        let gaps = [(i64::MIN, i64::MAX), (i64::MAX, i64::MIN), (0, i64::MAX)];
        ingest.append(&mut gaps.map(|(expected, got)| gap(expected, got)).into()).await.expect("counted");
        assert_eq!((ingest.summary().gaps, ingest.summary().missing), (3, u64::MAX));
    }
}
