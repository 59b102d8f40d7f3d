//! Moves messages from the client's queue to the log, in batches; each batch is synced once.
//!
//! In: received messages, and events of the connections. Out: records in a log, rows in the [`Journal`], and a [`Summary`].
//! Messages come first: a journal that cannot be written never delays them. Its rows wait for the next batch. If they cannot
//! be written at the end either, that is reported after everything received is in the log.

mod latency;
mod measure;
mod summary;

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::Error;
use super::client::{Event, EventKind, Item, Items, Most, Received};
use super::exchange::Holds;
use super::journal::Journal;
use crate::durable::blocking;
use crate::log::{self, Log, Record};
use crate::metrics::Metrics;
use crate::tick::Clock;
pub use latency::Latencies;
pub use summary::Summary;

/// The most that is appended and synced together.
const BATCH: Most = Most { items: 8192, bytes: 16 << 20 };
/// How many events may wait while the journal cannot be written; beyond that, receiving ends.
const MOST_EVENTS_WAITING: usize = 65_536;
/// How often a log that takes long is asked what it waits for.
const ASK_INTERVAL: Duration = Duration::from_millis(200);

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

/// How messages are appended.
#[derive(Debug, Clone)]
pub struct Options {
    /// Ends after this many messages; `None` means that there is no such end.
    pub max_messages: Option<u64>,
    /// How long the first message of a batch may wait for more before the batch is synced.
    pub sync_interval: Duration,
}

/// Moves messages from the client's queue to a log.
pub struct Ingest<'a> {
    items: Items,
    log: &'a dyn Log,
    clock: Arc<dyn Clock>,
    sync_interval: Duration,
    /// `None` only while it is being written.
    journal: Option<Journal>,
    /// Events that the journal does not have yet.
    waiting: VecDeque<Event>,
    /// Why the last attempt to write the journal failed.
    journal_failure: Option<Error>,
    /// How many more messages are wanted.
    left: u64,
    show: &'a mut (dyn FnMut(Progress) + Send),
    summary: Summary,
    metrics: Metrics,
}

/// The signal to stop; once it was there, it is not asked again.
struct Stop<'s> {
    signal: Pin<&'s mut (dyn Future<Output = ()> + Send)>,
    came: bool,
}

impl Stop<'_> {
    async fn comes(&mut self) {
        if !self.came {
            self.signal.as_mut().await;
            self.came = true;
        }
    }
}

impl<'a> Ingest<'a> {
    /// Prepares to append what comes through `items`.
    pub fn new(
        items: Items,
        log: &'a dyn Log,
        journal: Journal,
        options: Options,
        clock: Arc<dyn Clock>,
        show: &'a mut (dyn FnMut(Progress) + Send),
    ) -> Ingest<'a> {
        Ingest {
            items,
            log,
            clock,
            sync_interval: options.sync_interval,
            journal: Some(journal),
            waiting: VecDeque::new(),
            journal_failure: None,
            left: options.max_messages.unwrap_or(u64::MAX),
            show,
            summary: Summary::default(),
            metrics: Metrics::default(),
        }
    }

    /// Counts what comes in these metrics too.
    pub fn measure(&mut self, metrics: Metrics) {
        self.metrics = metrics;
    }

    /// Appends batches until the feed ends, enough messages have come, or `stop` is ready; then appends what was received
    /// until then.
    ///
    /// # Errors
    /// The feed ended with an error, the log refused a batch, or the journal could not be written.
    pub async fn run(&mut self, stop: impl Future<Output = ()> + Send) -> Result<(), Error> {
        let signal = std::pin::pin!(stop);
        let mut stop = Stop { signal, came: false };
        let mut items = Vec::with_capacity(BATCH.items);
        let received = self.receive(&mut items, &mut stop).await;
        self.items.close();
        if received.is_err() {
            let lost = self.unwanted(&mut items).await;
            if lost > 0 {
                (self.show)(Progress::Warning(format!("{lost} more messages were received and are not in the log")));
            }
        }
        self.write_down().await;
        received?;
        self.journal_failure.take().map_or(Ok(()), Err)
    }

    async fn receive(&mut self, items: &mut Vec<Result<Item, Error>>, stop: &mut Stop<'_>) -> Result<(), Error> {
        let mut stopped = false;
        while !stopped {
            stopped = tokio::select! {
                biased;
                () = stop.comes() => true,
                more = self.items.recv_batch(items, BATCH, self.sync_interval) => !more,
            };
            self.metrics.turned();
            self.append(items, stop).await?;
            stopped |= self.left == 0 || self.waiting.len() > MOST_EVENTS_WAITING;
        }
        self.items.close();
        while self.items.recv_batch(items, BATCH, Duration::ZERO).await {
            self.append(items, stop).await?;
        }
        Ok(())
    }

    /// Counts the messages that are left in the queue, and keeps the events.
    async fn unwanted(&mut self, items: &mut Vec<Result<Item, Error>>) -> u64 {
        let mut messages = 0;
        while self.items.recv_batch(items, BATCH, Duration::ZERO).await {
            for item in items.drain(..) {
                match item {
                    Ok(Item::Message(_)) => messages += 1,
                    Ok(Item::Event(event)) => self.note(event),
                    Err(_) => {}
                }
            }
        }
        messages
    }

    /// Returns what has been appended so far.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Appends what was received, then records in the journal what happened in the meantime.
    async fn append(&mut self, items: &mut Vec<Result<Item, Error>>, stop: &mut Stop<'_>) -> Result<(), Error> {
        let mut records = Vec::with_capacity(items.len());
        let mut times = Vec::with_capacity(items.len());
        let (mut batch, mut bytes) = (Summary::default(), 0);
        let mut failure = None;
        for item in items.drain(..) {
            match item {
                Ok(Item::Message(received)) if self.left > 0 => {
                    self.left -= 1;
                    batch.count(&received.holds);
                    times.push((received.received_at, event_time(&received.holds)));
                    bytes += received.payload.len() as u64;
                    records.push(record(received));
                }
                Ok(Item::Message(_)) => {}
                Ok(Item::Event(event)) => self.note(event),
                Err(error) => failure = Some(error),
            }
        }
        let stored = if records.is_empty() { Ok(()) } else { self.store(records, stop).await };
        if stored.is_ok() && batch.messages > 0 {
            (self.show)(Progress::Appended(batch.messages));
            let now = self.clock.now();
            measure::durable(&self.metrics, &batch, bytes, &times, now);
            self.summary.add(batch);
            self.summary.durable(&times, now);
        }
        self.write_down().await;
        stored?;
        failure.map_or(Ok(()), Err)
    }

    /// Appends the records. If the log waits for something, the user is told once; the signal to stop then ends the wait.
    async fn store(&mut self, records: Vec<Record>, stop: &mut Stop<'_>) -> Result<(), Error> {
        let messages = records.len() as u64;
        let log = self.log;
        let mut append = log.append(records);
        let mut told = false;
        loop {
            match tokio::time::timeout(ASK_INTERVAL, &mut append).await {
                Ok(result) => {
                    self.metrics.well("log");
                    if told && result.is_ok() {
                        (self.show)(Progress::Warning("messages are stored again".into()));
                    }
                    return Ok(result?);
                }
                Err(_) => {
                    let Some(reason) = log.waits_for() else { continue };
                    if !told {
                        told = true;
                        self.metrics.unwell("log", reason.clone());
                        (self.show)(Progress::Warning(reason.clone()));
                    }
                    if tokio::time::timeout(Duration::ZERO, stop.comes()).await.is_ok() {
                        return Err(log::Error::StoppedWaiting { messages, reason }.into());
                    }
                }
            }
        }
    }

    fn note(&mut self, event: Event) {
        self.summary.note(&event);
        measure::event(&self.metrics, &event.kind);
        let shown = match &event.kind {
            EventKind::Connected => Some(Progress::Note(String::new())),
            EventKind::Reconnecting { reason, wait_ms, .. } => {
                Some(Progress::Note(format!("{reason}; reconnecting in {wait_ms} ms")))
            }
            EventKind::ServerError { message } => Some(Progress::Note(format!("the server says: {message}"))),
            EventKind::Closed { reason } => Some(Progress::Note(reason.clone())),
            EventKind::ProductSilence { product, silence_ms } => {
                Some(Progress::Warning(format!("no ticks of {product} for {silence_ms} ms")))
            }
            EventKind::ProductResumed { product, silence_ms } => {
                Some(Progress::Warning(format!("ticks of {product} again, after {silence_ms} ms")))
            }
            EventKind::Gap(_) | EventKind::Silence { .. } => None,
        };
        if let Some(shown) = shown {
            (self.show)(shown);
        }
        self.waiting.push_back(event);
    }

    /// Writes to the journal the events that it does not have yet; what fails is tried again with the next batch.
    async fn write_down(&mut self) {
        let Some(mut journal) = self.journal.take() else { return };
        let mut waiting = std::mem::take(&mut self.waiting);
        let failure;
        (journal, waiting, failure) = match waiting.is_empty() {
            true => (journal, waiting, None),
            // A disk may take long, and this thread has other tasks.
            false => {
                blocking(move || {
                    let failure = journal.record_all(&mut waiting).err();
                    (journal, waiting, failure)
                })
                .await
            }
        };
        (self.journal, self.waiting) = (Some(journal), waiting);
        if let (Some(error), None) = (&failure, &self.journal_failure) {
            let cause = std::error::Error::source(error).map_or(String::new(), |cause| format!(": {cause}"));
            (self.show)(Progress::Warning(format!("{error}{cause}; messages are still received")));
        }
        self.journal_failure = failure;
    }
}

fn event_time(holds: &Holds) -> Option<i64> {
    match holds {
        Holds::Ticks { event_time, .. } => *event_time,
        Holds::Control | Holds::Error { .. } | Holds::Unreadable => None,
    }
}

/// Returns the record of a message. A message of several products gets the first one's key.
fn record(received: Received) -> Record {
    let key = match received.holds {
        Holds::Ticks { product, .. } => Some(product.into()),
        Holds::Control | Holds::Error { .. } | Holds::Unreadable => None,
    };
    Record {
        key,
        payload: received.payload.into(),
        ingest_time: received.received_at,
        connection: Some(received.connection),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::client::{Gap, Sender, queue};
    use super::*;
    use crate::log::FileLog;

    const START: i64 = 1_767_571_200_000_000_000;

    fn message(number: u32) -> Result<Item, Error> {
        let holds = Holds::Ticks { product: "BTC-USD".into(), others: Vec::new(), event_time: None };
        let payload = number.to_string().into_bytes();
        Ok(Item::Message(Received { payload, received_at: START, connection: "c1".into(), holds }))
    }

    fn gap(expected: i64, got: i64) -> Result<Item, Error> {
        let kind = EventKind::Gap(Gap { expected, got });
        Ok(Item::Event(Event { time: START, connection: "c1".into(), kind }))
    }

    fn options() -> Options {
        Options { max_messages: None, sync_interval: Duration::from_millis(1) }
    }

    /// Appends items without a signal to stop.
    async fn append(ingest: &mut Ingest<'_>, mut items: Vec<Result<Item, Error>>) -> Result<(), Error> {
        let signal = std::pin::pin!(std::future::pending());
        ingest.append(&mut items, &mut Stop { signal, came: false }).await
    }

    async fn fill(sender: &Sender, items: impl IntoIterator<Item = Result<Item, Error>>) {
        for item in items {
            assert!(sender.send(item).await);
        }
    }

    async fn payloads(log: &FileLog) -> Vec<String> {
        let read = log.read(0, 0, 1000).await.expect("the log can be read");
        read.into_iter().map(|message| String::from_utf8(message.record.payload.into()).expect("text")).collect()
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
        let (sender, items) = queue();
        fill(&sender, [gap(0, 1), message(1), gap(2, 3), message(2), message(3)]).await;
        drop(sender);
        let mut shown = Vec::new();
        let mut show = |progress| shown.push(progress);
        let mut ingest = Ingest::new(items, &log, Journal::new(&events), options(), Arc::new(|| START), &mut show);
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
        let (_sender, items) = queue();
        let mut show = |_| {};
        let mut ingest = Ingest::new(items, &log, Journal::new(&events), options(), Arc::new(|| START), &mut show);
        append(&mut ingest, vec![gap(0, 1), message(1)]).await.expect("appended all the same");
        assert!(ingest.journal_failure.is_some());
        std::fs::remove_file(&events).expect("removed");
        append(&mut ingest, vec![message(2), gap(4, 5)]).await.expect("appended");
        assert!(ingest.journal_failure.is_none());
        assert_eq!(rows(&events), 2);
        assert_eq!(payloads(&log).await, ["1", "2"]);
    }

    #[tokio::test]
    async fn numbers_at_the_ends_of_their_range_are_summed_up() {
        let temp = tempfile::tempdir().expect("a temporary folder");
        let log = FileLog::create(&temp.path().join("raw")).await.expect("a log");
        let (_sender, items) = queue();
        let mut show = |_| {};
        let journal = Journal::new(&temp.path().join("events"));
        let mut ingest = Ingest::new(items, &log, journal, options(), Arc::new(|| START), &mut show);
        let gaps = [(i64::MIN, i64::MAX), (i64::MAX, i64::MIN), (0, i64::MAX)];
        append(&mut ingest, gaps.map(|(expected, got)| gap(expected, got)).into()).await.expect("counted");
        assert_eq!((ingest.summary().gaps, ingest.summary().missing), (3, u64::MAX));
    }
}
