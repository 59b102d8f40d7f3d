//! Moves messages from recordings to a log, in batches.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::Error;
use super::file::Recording;
use super::history::Map;
use super::merge::{self, Merged};
use super::scan::{Scan, connection_name};
use super::tally::Tally;
use crate::durable::blocking;
use crate::log::{Log, Record};
use crate::text::grouped;
use crate::tick::Clock;

/// How many messages are appended and synced together, unless they take more than this many bytes.
const BATCH_MESSAGES: usize = 16 * 1024;
const BATCH_BYTES: usize = 8 << 20;
/// How many batches are read ahead of the one being appended.
const BATCHES_AHEAD: usize = 2;

/// How many products the error about a missing one names.
const MOST_PRODUCTS_NAMED: usize = 20;

/// Called with the number of messages read since the last call.
type Counter = Arc<dyn Fn(u64) + Send + Sync>;

/// What to replay, and how.
#[derive(Clone)]
pub struct Options {
    /// The recordings, in the order in which to read them: paths, or addresses that begin with `https://` or `http://`.
    pub files: Vec<PathBuf>,
    /// A file that says what the columns of tables hold.
    pub map: Option<PathBuf>,
    /// The products whose ticks are read; if empty, all products.
    pub products: Vec<String>,
    /// Whether to sort the messages of all recordings together, and to leave out repeated ones.
    pub merge: bool,
    /// Whether to refuse recordings of which hardly anything can be read.
    pub strict: bool,
    /// The folder for temporary files: downloads, and what does not fit into memory while merging.
    pub spill_dir: PathBuf,
    pub read: Counter,
}

/// Recordings that were checked and can be read.
pub struct Replay {
    source: Source,
    read: Counter,
}

enum Source {
    Merged(Box<Merged>),
    InOrder { recordings: Vec<Recording>, products: Vec<String> },
}

impl Replay {
    /// Checks all recordings, and sorts them if they are to be merged. Only a merge and a
    /// download write anything: temporary files.
    ///
    /// # Errors
    /// A file is not a readable recording, no recording holds one of the products, or, if `strict` is set, hardly anything
    /// of a recording can be read.
    pub async fn prepare(options: Options) -> Result<Replay, Error> {
        blocking(move || prepare(options)).await
    }

    /// Appends the messages; while one batch is written, the next ones are read. A message counts as received when it is
    /// replayed, so its ingest time is the clock's.
    ///
    /// # Errors
    /// A recording can no longer be read, or the log refuses a batch.
    pub async fn append(self, log: Arc<dyn Log>, clock: Arc<dyn Clock>) -> Result<Vec<Tally>, Error> {
        let (sender, mut batches) = mpsc::channel(BATCHES_AHEAD);
        let Replay { source, read } = self;
        let reading = blocking(move || {
            let batches = Batches { sender, clock, records: Vec::new(), bytes: 0 };
            match source {
                Source::Merged(merged) => read_merged(*merged, batches),
                Source::InOrder { recordings, products } => read_in_order(&recordings, &products, batches, &read),
            }
        });
        // If appending fails, the receiver is dropped, and then the reading stops too.
        let appending = async move {
            while let Some(batch) = batches.recv().await {
                log.append(batch).await?;
            }
            Ok::<(), Error>(())
        };
        let (tallies, appended) = tokio::join!(reading, appending);
        appended?;
        tallies
    }
}

fn prepare(options: Options) -> Result<Replay, Error> {
    let Options { files, map, products, merge, strict, spill_dir, read } = options;
    let map = map.map(|path| Map::read(&path)).transpose()?.map(Arc::new);
    let look = |path: &PathBuf| Recording::look_at_with(path, map.clone(), &spill_dir);
    let recordings = files.iter().map(look).collect::<Result<Vec<_>, _>>()?;
    if merge {
        let merged = merge::sort(&recordings, &products, &spill_dir, merge::RUN_BYTES, read.as_ref())?;
        check(&products, strict, &merged.tallies)?;
        return Ok(Replay { source: Source::Merged(Box::new(merged)), read });
    }
    if strict || !products.is_empty() {
        let tally = |recording| {
            let mut scan = Scan::start(recording, &products)?;
            while scan.next()?.is_some() {}
            Ok(scan.tally)
        };
        let tallies = recordings.iter().map(tally).collect::<Result<Vec<_>, Error>>()?;
        check(&products, strict, &tallies)?;
    }
    Ok(Replay { source: Source::InOrder { recordings, products }, read })
}

/// Refuses a product if no recording holds it, and, if `strict` is set, a recording of which hardly anything can be read.
fn check(products: &[String], strict: bool, tallies: &[Tally]) -> Result<(), Error> {
    if strict && let Some(tally) = tallies.iter().find(|tally| tally.hardly_read()) {
        let (ticks, messages) = (grouped(tally.with_ticks), grouped(tally.lines));
        return Err(Error::HardlyRead { path: tally.path.clone(), ticks, messages });
    }
    let held: BTreeSet<&String> = tallies.iter().flat_map(|tally| &tally.products).collect();
    match products.iter().find(|product| !held.contains(product)) {
        None => Ok(()),
        Some(product) => {
            let held = held.into_iter().take(MOST_PRODUCTS_NAMED).cloned().collect();
            Err(Error::NoProduct { product: product.clone(), held })
        }
    }
}

fn read_merged(mut merged: Merged, mut batches: Batches) -> Result<Vec<Tally>, Error> {
    while batches.wanted()
        && let Some(taken) = merged.next()?
    {
        batches.add(taken.key, taken.payload, taken.connection);
    }
    batches.send();
    Ok(merged.tallies)
}

fn read_in_order(
    recordings: &[Recording],
    products: &[String],
    mut batches: Batches,
    read: &Counter,
) -> Result<Vec<Tally>, Error> {
    let mut tallies = Vec::new();
    for recording in recordings {
        let mut scan = Scan::start(recording, products)?;
        while batches.wanted()
            && let Some(line) = scan.next()?
        {
            let connection = connection_name(&recording.identity, line.connection);
            batches.add(line.product().map(String::from), line.payload.to_vec(), connection);
            read(1);
        }
        tallies.push(scan.tally);
    }
    batches.send();
    Ok(tallies)
}

/// Collects records into batches.
struct Batches {
    sender: mpsc::Sender<Vec<Record>>,
    clock: Arc<dyn Clock>,
    records: Vec<Record>,
    /// The bytes of the records' messages.
    bytes: usize,
}

impl Batches {
    /// Returns whether the receiver still exists.
    fn wanted(&self) -> bool {
        !self.sender.is_closed()
    }

    fn add(&mut self, key: Option<String>, payload: Vec<u8>, connection: String) {
        self.bytes += payload.len();
        let ingest_time = self.clock.now();
        let (key, connection) = (key.map(Into::into), Some(connection.into()));
        self.records.push(Record { key, payload: payload.into(), ingest_time, connection });
        if self.records.len() == BATCH_MESSAGES || self.bytes >= BATCH_BYTES {
            self.send();
        }
    }

    fn send(&mut self) {
        self.bytes = 0;
        // If the receiver is gone, it has failed and reports that itself; `wanted` then ends the reading.
        let _ = self.sender.blocking_send(std::mem::take(&mut self.records));
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::log::FileLog;

    const TICK: &str =
        r#"{"product_id":"BTC-USD","price":"2","best_bid":"1","best_ask":"2","timestamp":"2026-04-06T15:02:34Z"}"#;

    fn options(dir: &Path, merge: bool) -> (Options, Arc<AtomicU64>) {
        let path = dir.join("a.ndjson");
        std::fs::write(&path, [TICK, "torn", TICK].join("\n")).expect("write a recording");
        let count = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&count);
        let read: Counter = Arc::new(move |more| {
            counter.fetch_add(more, Ordering::Relaxed);
        });
        (
            Options {
                files: vec![path],
                map: None,
                products: Vec::new(),
                merge,
                strict: false,
                spill_dir: dir.to_path_buf(),
                read,
            },
            count,
        )
    }

    #[tokio::test]
    async fn messages_are_received_when_they_are_replayed() {
        for (merge, expected) in [(false, 3), (true, 2)] {
            let temp = tempfile::tempdir().expect("a temporary folder");
            let log = Arc::new(FileLog::create(&temp.path().join("raw")).await.expect("a log"));
            let (options, count) = options(temp.path(), merge);
            let replay = Replay::prepare(options).await.expect("a recording");
            let tallies = replay.append(Arc::clone(&log) as _, Arc::new(|| 7)).await.expect("appended");
            let messages = log.read(0, 0, 100).await.expect("the log can be read");
            assert_eq!((messages.len() as u64, tallies[0].kept()), (expected, expected));
            assert!(messages.iter().all(|message| message.record.ingest_time == 7));
            assert_eq!(messages[0].record.key.as_deref(), Some("BTC-USD"));
            assert_eq!(count.load(Ordering::Relaxed), 3);
        }
    }

    #[tokio::test]
    async fn a_log_that_refuses_ends_the_reading() {
        let temp = tempfile::tempdir().expect("a temporary folder");
        let raw = temp.path().join("raw");
        let writer = FileLog::create(&raw).await.expect("a log");
        let record = Record { key: None, payload: "1".into(), ingest_time: 1, connection: None };
        writer.append(vec![record]).await.expect("appended");
        let reader = Arc::new(FileLog::open(&raw).await.expect("a log to read only"));
        let replay = Replay::prepare(options(temp.path(), false).0).await.expect("a recording");
        let error = replay.append(reader, Arc::new(|| 7)).await.expect_err("the log cannot be appended to");
        assert!(matches!(error, Error::Log(_)), "{error}");
    }
}
