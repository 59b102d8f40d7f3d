//! `squall land`: a log into Parquet, exactly once.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::{Context, Failure, logs};
use crate::land::{self, Folder, Lander, Landing, Summary};
use crate::log::{self, Location};
use crate::text::grouped;
use crate::tick::{Rules, Status};

/// Lands messages from a log into Parquet, exactly once
///
/// Every message becomes rows of the table `landed_ticks`, or is counted as a control message, or is kept among the dead
/// letters in data/dead with the reason. A run goes on where the last one stopped, however it stopped. Landed files remember
/// which log they came from, and another log is refused unless --as gives its files a name of their own.
#[derive(Debug, Default, clap::Args)]
pub struct Args {
    /// The log to read: kafka://host:port/topic, or a folder [default: data/raw]
    #[arg(long, value_name = "LOG")]
    pub from: Option<String>,

    /// Names the files of a log that lands beside another; ticks that came through both are marked as duplicates
    #[arg(long = "as", value_name = "NAME")]
    pub name: Option<String>,

    /// Goes on landing new messages until it is stopped; with --compact, merges files meanwhile
    #[arg(long)]
    pub follow: bool,

    /// Merges small landed files into few large ones, without reading a log
    #[arg(long)]
    pub compact: bool,

    /// Says which offsets have landed and which are missing, without reading a log
    #[arg(long, conflicts_with_all = ["from", "name", "follow", "compact"])]
    pub check: bool,
}

/// Runs the command.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    if args.check {
        return check(context).await;
    }
    if args.compact && !args.follow {
        if args.from.is_some() || args.name.is_some() {
            return Err(Failure::new("--compact alone reads no log, so it takes neither --from nor --as")
                .with_hint("run `squall land --from …` first, or add --follow to land and compact as messages come"));
        }
        return compact(context).await;
    }
    let settings = context.settings();
    let location = logs::locate(args.from.as_deref(), context)?;
    let log = log::open(&location, &logs::options(context)).await?;
    for notice in log.notices() {
        eprintln!("Note: {notice}");
    }
    let options = land::Options {
        ticks_dir: settings.ticks_dir(),
        dead_dir: settings.dead_dir(),
        rules: Rules {
            late_ns: settings.land.late_ms.saturating_mul(1_000_000),
            ahead_ns: settings.land.ahead_ms.saturating_mul(1_000_000),
            dedup_ns: i64::from(settings.land.dedup_hours).saturating_mul(3_600_000_000_000),
        },
        flush_messages: settings.land.flush_messages,
        flush_interval: Duration::from_millis(settings.land.flush_interval_ms),
        compact: args.compact,
        source: location.to_string(),
        name: args.name,
    };
    let lander = Lander::open(Arc::clone(&log), options).await?;
    let stop = stop_signal()?;
    let total = if args.follow { None } else { Some(lander.backlog().await?) };
    let progress = context.progress("land", total);
    let mut read = |messages| progress.add(messages);
    let landing = match args.follow {
        true => lander.follow(&stop, &mut read).await?,
        false => lander.drain(&stop, &mut read).await?,
    };
    progress.finish();
    report(&landing, &location, &settings.ticks_dir());
    log.close().await?;
    Ok(())
}

/// Returns a flag that is set by an interrupt or a request to end. A second one ends the program at once; committed files
/// are kept.
fn stop_signal() -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let failed = |error| Failure::new(format!("cannot watch for interrupts: {error}"));
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt()).map_err(failed)?;
    let flag = Arc::clone(&stop);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if flag.swap(true, Ordering::Relaxed) {
                // The exit code that a shell reports for an interrupted program.
                std::process::exit(130);
            }
        }
    });
    Ok(stop)
}

/// If more than one in this many messages is late, the log is out of order, and it is not just a few messages.
const MANY_LATE: u64 = 20;

/// Prints what was landed.
fn report(landing: &Landing, location: &Location, ticks_dir: &Path) {
    let summary = &landing.summary;
    match landing.files.len() {
        0 => println!("nothing new in {location}"),
        files => println!(
            "{} messages from {location} landed in {}, {files} {}",
            grouped(summary.messages),
            ticks_dir.display(),
            if files == 1 { "file" } else { "files" },
        ),
    }
    if !summary.products.is_empty() {
        products(summary);
    }
    for (title, counts) in [("control messages", &summary.control), ("dead letters", &summary.dead)] {
        if !counts.is_empty() {
            println!("\n{title}: {}", grouped(counts.values().sum()));
            for (name, n) in counts {
                println!("  {:>12}  {name}", grouped(*n));
            }
        }
    }
    if summary.absent > 0 {
        println!(
            "\noffsets without a message: {} (transaction markers, aborted messages, or removed by the log's compaction)",
            grouped(summary.absent)
        );
    }
    for path in &landing.dead_files {
        println!("  kept in {}", path.display());
    }
    if summary.rows(Status::Late) * MANY_LATE > summary.messages {
        eprintln!("Note: many messages are late; `squall replay --merge` puts recordings into order before they land");
    }
    if summary.rows(Status::Ahead) > 0 {
        eprintln!(
            "Note: some messages are dated ahead of their receipt: SELECT * FROM landed_ticks WHERE status = 'ahead'"
        );
    }
    match summary.gaps.len() {
        0 => {}
        1 => println!("\n1 gap in sequence numbers: SELECT * FROM landed_gaps"),
        n => println!("\n{} gaps in sequence numbers: SELECT * FROM landed_gaps", grouped(n as u64)),
    }
    for (partition, first, last) in &landing.lost {
        println!("\npartition {partition}: offsets {first} to {last} were gone from the log before they could land");
    }
}

/// Prints the rows of each product by status.
fn products(summary: &Summary) {
    let width = summary.products.keys().map(String::len).max().unwrap_or_default().max("product".len());
    let line = |name: &str, columns: [String; 4]| {
        let columns: String = columns.iter().map(|column| format!("  {column:>12}")).collect();
        println!("{name:<width$}{columns}");
    };
    println!();
    line("product", Status::ALL.map(|status| status.to_string()));
    for (product_id, rows) in &summary.products {
        line(product_id, Status::ALL.map(|status| grouped(rows.of(status))));
    }
    if summary.products.len() > 1 {
        line("all", Status::ALL.map(|status| grouped(summary.rows(status))));
    }
}

/// Prints which offsets have landed, using only the names of the files.
async fn check(context: &Context) -> Result<(), Failure> {
    let folder = Folder::new(&context.settings().ticks_dir())?;
    let landed = folder.list().await?.landed;
    if landed.visible().next().is_none() {
        return Err(nothing_landed(&folder));
    }
    let width = landed.partitions().map(|coverage| coverage.topic.len()).max().unwrap_or_default().max("topic".len());
    println!("{:<width$}  {:>9}  {:>12}  {:>12}  {:>6}  missing", "topic", "partition", "first", "last", "files");
    let mut missing = 0;
    for coverage in landed.partitions() {
        let ranges = coverage.missing();
        missing += ranges.len();
        let listed: Vec<String> = ranges.iter().map(|range| format!("{}-{}", range.start(), range.end())).collect();
        let offsets = coverage.offsets();
        println!(
            "{:<width$}  {:>9}  {:>12}  {:>12}  {:>6}  {}",
            coverage.topic,
            coverage.partition,
            offsets.start(),
            offsets.end(),
            coverage.files.len(),
            if listed.is_empty() { "none".into() } else { listed.join(", ") }
        );
    }
    match missing {
        0 => Ok(()),
        1 => Err(Failure::new("a range of offsets is missing")),
        n => Err(Failure::new(format!("{n} ranges of offsets are missing"))),
    }
}

/// Merges small files, and prints the files that result.
async fn compact(context: &Context) -> Result<(), Failure> {
    let folder = Folder::new(&context.settings().ticks_dir())?;
    if folder.list().await?.landed.visible().next().is_none() {
        return Err(nothing_landed(&folder));
    }
    let lock = folder.lock()?;
    // Users run this while no query is running. A query that was planned before fails, and its error names the missing file.
    let compaction = land::compact(&folder, &lock, Duration::ZERO).await?;
    if compaction.merged.is_empty() {
        println!("nothing to merge in {}", folder.dir().display());
    }
    for (file, parts) in &compaction.merged {
        println!("{parts} files merged into {file}");
    }
    Ok(())
}

fn nothing_landed(folder: &Folder) -> Failure {
    Failure::new(format!("nothing has landed in {}", folder.dir().display()))
        .with_hint("`squall land` lands what `squall ingest` or `squall replay` recorded")
}
