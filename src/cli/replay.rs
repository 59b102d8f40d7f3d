//! `squall replay`

mod merge;
mod recording;
mod scan;
mod tally;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::Utc;
use tokio::sync::mpsc;

use super::{Context, Failure, Progress, logs};
use crate::log::{self, Log, Record};
use crate::text::grouped;
use merge::Merged;
use recording::Recording;
use scan::Scan;
use tally::{Summary, Tally};

/// Messages appended, and so synced, at once.
const BATCH_MESSAGES: usize = 16 * 1024;
/// Batches read ahead of the one being appended.
const BATCHES_AHEAD: usize = 2;

/// Reads recorded messages into a log; with --merge, overlapping recordings into one clean, ordered log
///
/// Recordings hold one message a line, plain, gzip or zstd; compression and shape are told by looking. Every line goes to the
/// log byte for byte, also one that cannot be read as a tick: landing puts that into the dead letters, with the reason.
///
/// Messages are appended: what the log holds already stays, and landing marks what it has seen before as duplicates.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The recordings, in the order in which they are read
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// The log to append to: kafka://host:port/topic, or a folder [default: raw/ in the data folder]
    #[arg(long, value_name = "LOG")]
    pub to: Option<String>,

    /// Orders the messages of all recordings by event time and sequence number, and leaves out those that occur again
    #[arg(long)]
    pub merge: bool,

    /// Reads ticks of this product only; may be repeated
    #[arg(long = "product", value_name = "PRODUCT")]
    pub products: Vec<String>,
}

/// Runs the command.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let location = logs::locate(args.to.as_deref(), context)?;
    let progress = context.progress("reading", None);
    let work = Work {
        files: args.files,
        products: args.products,
        merge: args.merge,
        spill_dir: context.settings().paths.data.clone(),
        progress: progress.clone(),
    };
    let prepared = blocking(move || work.prepare()).await?;
    // Only now, when all input is known to be good, is anything made or written.
    let log = log::create(&location, &logs::options(context)).await?;
    for notice in log.notices() {
        eprintln!("Note: {notice}");
    }
    let tallies = append(prepared, Arc::clone(&log)).await?;
    log.close().await?;
    progress.finish();
    print!("{}", Summary(&tallies));
    let appended: u64 = tallies.iter().map(Tally::kept).sum();
    println!("{} messages appended to {location}", grouped(appended));
    Ok(())
}

/// What is to be read, and how.
struct Work {
    files: Vec<PathBuf>,
    products: Vec<String>,
    merge: bool,
    spill_dir: PathBuf,
    progress: Progress,
}

/// Input that was looked at and found good.
enum Prepared {
    Merged { merged: Box<Merged> },
    InOrder { recordings: Vec<Recording>, products: Vec<String>, progress: Progress },
}

impl Work {
    fn prepare(self) -> Result<Prepared, Failure> {
        let Work { files, products, merge, spill_dir, progress } = self;
        let recordings = files.iter().map(|path| Recording::look_at(path)).collect::<Result<Vec<_>, _>>()?;
        if merge {
            let merged =
                merge::sort(&recordings, &products, &spill_dir, merge::RUN_BYTES, &mut |count| progress.add(count))?;
            check_products(&products, &merged.tallies)?;
            return Ok(Prepared::Merged { merged: Box::new(merged) });
        }
        if !products.is_empty() {
            let tallies = recordings
                .iter()
                .map(|recording| {
                    let mut scan = Scan::start(recording, &products)?;
                    while scan.next()?.is_some() {}
                    Ok(scan.tally)
                })
                .collect::<Result<Vec<_>, recording::Error>>()?;
            check_products(&products, &tallies)?;
        }
        Ok(Prepared::InOrder { recordings, products, progress })
    }
}

/// Refuses a product that no recording holds.
fn check_products(products: &[String], tallies: &[Tally]) -> Result<(), Failure> {
    let held: BTreeSet<&str> = tallies.iter().flat_map(|tally| tally.products.iter().map(String::as_str)).collect();
    match products.iter().find(|product| !held.contains(product.as_str())) {
        None => Ok(()),
        Some(product) => {
            let held: Vec<&str> = held.into_iter().collect();
            let held = if held.is_empty() { "no ticks".to_string() } else { held.join(", ") };
            Err(Failure::new(format!("no recording holds {product}")).with_hint(format!("they hold {held}")))
        }
    }
}

/// Appends the messages in batches that are read while the one before is written.
async fn append(prepared: Prepared, log: Arc<dyn Log>) -> Result<Vec<Tally>, Failure> {
    let (sender, mut batches) = mpsc::channel(BATCHES_AHEAD);
    let reading = tokio::spawn(blocking(move || {
        let batches = Batches { sender, records: Vec::new() };
        match prepared {
            Prepared::Merged { merged } => read_merged(*merged, batches),
            Prepared::InOrder { recordings, products, progress } => {
                read_in_order(&recordings, &products, batches, &progress)
            }
        }
    }));
    while let Some(batch) = batches.recv().await {
        log.append(batch).await?;
    }
    match reading.await {
        Ok(result) => result,
        // The task is never cancelled, so it panicked: so do we.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

fn read_merged(mut merged: Merged, mut batches: Batches) -> Result<Vec<Tally>, Failure> {
    while batches.wanted()
        && let Some(taken) = merged.next()?
    {
        batches.add(Record {
            key: taken.key.map(|key| key.to_string()),
            payload: taken.payload,
            ingest_time: now(),
            connection: taken.connection.map(|connection| connection.to_string()),
        });
    }
    batches.send();
    Ok(merged.tallies)
}

fn read_in_order(
    recordings: &[Recording],
    products: &[String],
    mut batches: Batches,
    progress: &Progress,
) -> Result<Vec<Tally>, Failure> {
    let mut tallies = Vec::new();
    for recording in recordings {
        let mut scan = Scan::start(recording, products)?;
        while batches.wanted()
            && let Some(line) = scan.next()?
        {
            batches.add(Record {
                key: line.product().map(String::from),
                payload: line.payload.to_vec(),
                ingest_time: now(),
                connection: Some(line.connection.to_string()),
            });
            progress.add(1);
        }
        tallies.push(scan.tally);
    }
    batches.send();
    Ok(tallies)
}

struct Batches {
    sender: mpsc::Sender<Vec<Record>>,
    records: Vec<Record>,
}

impl Batches {
    fn wanted(&self) -> bool {
        !self.sender.is_closed()
    }

    fn add(&mut self, record: Record) {
        self.records.push(record);
        if self.records.len() == BATCH_MESSAGES {
            self.send();
        }
    }

    fn send(&mut self) {
        // A receiver that is gone has failed, and says so itself; `wanted` ends the reading.
        let _ = self.sender.blocking_send(std::mem::take(&mut self.records));
    }
}

/// Returns the time at which squall receives a message: a recorded one is received when it is replayed.
fn now() -> i64 {
    // Until the year 2262.
    Utc::now().timestamp_nanos_opt().unwrap_or(i64::MAX)
}

/// Runs file work on a thread that may block.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Failure> + Send + 'static) -> Result<T, Failure> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        // Work is never cancelled, so it panicked: so do we.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
