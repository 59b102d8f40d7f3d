//! `squall land`: a log into Parquet, exactly once.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::{Context, Failure};
use crate::land::{self, Folder, Lander, Landing, Rules, Status, Summary};
use crate::log::{self, Location};
use crate::text::grouped;

/// Lands messages from a log into Parquet, exactly once
///
/// Every message ends up in the table `landed_ticks`, among the control messages that are counted, or among the dead
/// letters in data/dead with the reason. A run goes on where the last one stopped, however it stopped.
#[derive(Debug, Default, clap::Args)]
pub struct Args {
    /// The log to read: kafka://host:port/topic, or a folder [default: data/raw]
    #[arg(long, value_name = "LOG")]
    pub from: Option<String>,

    /// Goes on landing what comes until it is stopped, instead of ending with the log; with --compact, merges as it goes
    #[arg(long)]
    pub follow: bool,

    /// Merges small landed files into few large ones, and reads no log
    #[arg(long)]
    pub compact: bool,

    /// Says which offsets have landed and which are missing, and reads no log
    #[arg(long, conflicts_with_all = ["from", "follow", "compact"])]
    pub check: bool,
}

/// Runs the command.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    if args.check {
        return check(context).await;
    }
    if args.compact && !args.follow {
        if args.from.is_some() {
            return Err(Failure::new("--compact reads no log, so --from means nothing with it")
                .with_hint("run `squall land --from …` first, or add --follow to land and compact as messages come"));
        }
        return compact(context).await;
    }
    let settings = context.settings();
    let location = match &args.from {
        Some(text) => Location::parse(text, &settings.kafka.bootstrap_servers)?,
        None => Location::Folder(settings.raw_dir()),
    };
    let options = log::Options { kafka_properties: settings.kafka.properties.clone(), ..log::Options::default() };
    let log = log::open(&location, &options).await?;
    for notice in log.notices() {
        eprintln!("Note: {notice}");
    }
    let options = land::Options {
        ticks_dir: settings.ticks_dir(),
        dead_dir: settings.dead_dir(),
        rules: Rules {
            late_ns: settings.land.late_ms.saturating_mul(1_000_000),
            dedup_ns: i64::from(settings.land.dedup_hours).saturating_mul(3_600_000_000_000),
        },
        flush_messages: settings.land.flush_messages,
        flush_interval: Duration::from_millis(settings.land.flush_interval_ms),
        compact: args.compact,
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

/// Returns a flag that an interrupt or a request to end sets; a second one ends the program at once, which loses nothing
/// that was committed.
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
                // What a shell reports of a program that an interrupt ended.
                std::process::exit(130);
            }
        }
    });
    Ok(stop)
}

/// One message in so many is late when the log is out of order, and not a few stragglers.
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
    for path in &landing.dead_files {
        println!("  kept in {}", path.display());
    }
    if summary.rows(Status::Late) * MANY_LATE > summary.messages {
        eprintln!("Note: many messages are late; `squall replay --merge` puts recordings into order before they land");
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
    println!("\n{:<width$}  {:>12}  {:>12}  {:>12}", "product", "ok", "duplicate", "late");
    for (product_id, rows) in &summary.products {
        let [ok, duplicate, late] = [rows.ok, rows.duplicate, rows.late].map(grouped);
        println!("{product_id:<width$}  {ok:>12}  {duplicate:>12}  {late:>12}");
    }
    if summary.products.len() > 1 {
        let statuses = [Status::Ok, Status::Duplicate, Status::Late];
        let [ok, duplicate, late] = statuses.map(|status| grouped(summary.rows(status)));
        println!("{:<width$}  {ok:>12}  {duplicate:>12}  {late:>12}", "all");
    }
}

/// Prints which offsets have landed, by the names of the files alone.
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

/// Merges small files, and prints what became of them.
async fn compact(context: &Context) -> Result<(), Failure> {
    let folder = Folder::new(&context.settings().ticks_dir())?;
    if folder.list().await?.landed.visible().next().is_none() {
        return Err(nothing_landed(&folder));
    }
    let lock = folder.lock()?;
    // Nobody asks for this while queries run; those that were planned before fail, and say which file is gone.
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
