//! `squall replay`

use std::path::PathBuf;
use std::sync::Arc;

use super::{Context, Failure, logs};
use crate::log;
use crate::recording::{Options, Replay, Summary, Tally};
use crate::text::grouped;
use crate::tick::SystemClock;

/// Reads recorded messages into a log; with --merge, overlapping recordings into one clean, ordered log
///
/// A recording holds one message a line and may be plain, gzip, zstd or zip; squall looks at the file to tell its compression and
/// shape. Every line goes to the log byte for byte, also a line that cannot be read as a tick: landing puts that line into the
/// dead letters, with the reason.
///
/// A recording may also be a table of history, as CSV or Parquet: of tardis.dev, of Binance's public data, or any other with --map.
/// Each row becomes a message (docs/history.md).
///
/// Messages are appended to what the log already holds. Landing marks messages that it has seen before as duplicates.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The recordings, in the order in which they are read: files, or addresses (https://…)
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// A file that says what the columns of a table hold, as in time = "ts_event"
    #[arg(long, value_name = "FILE")]
    pub map: Option<PathBuf>,

    /// The log to append to: kafka://host:port/topic, or a folder [default: raw/ in the data folder]
    #[arg(long, value_name = "LOG")]
    pub to: Option<String>,

    /// Orders the messages of all recordings by event time and sequence number, and leaves out those that occur again
    #[arg(long)]
    pub merge: bool,

    /// Refuses recordings of which hardly anything can be read: fewer than a tenth of the messages hold ticks
    #[arg(long)]
    pub strict: bool,

    /// Reads ticks of this product only; may be repeated
    #[arg(long = "product", value_name = "PRODUCT")]
    pub products: Vec<String>,
}

/// Runs the command.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let location = logs::locate(args.to.as_deref(), context)?;
    let progress = context.progress("reading", None);
    let counter = progress.clone();
    let options = Options {
        files: args.files,
        map: args.map,
        products: args.products,
        merge: args.merge,
        strict: args.strict,
        spill_dir: context.settings().local_dir(),
        read: Arc::new(move |count| counter.add(count)),
    };
    let replay = Replay::prepare(options).await?;
    // All input has been checked, so only now is the log created.
    let log = log::create(&location, &logs::options(context)).await?;
    for notice in log.notices() {
        eprintln!("Note: {notice}");
    }
    let tallies = replay.append(Arc::clone(&log), Arc::new(SystemClock)).await?;
    log.close().await?;
    progress.finish();
    print!("{}", Summary(&tallies));
    let appended: u64 = tallies.iter().map(Tally::kept).sum();
    println!("{} messages appended to {location}", grouped(appended));
    Ok(())
}
