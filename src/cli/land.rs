//! `squall land`: a log into Parquet, exactly once.

mod check;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::{Context, Failure, logs, prune, service};
use crate::land::summary::Rows;
use crate::land::{self, Folder, Lander, Landing, Summary};
use crate::log::{self, Location};
use crate::metrics;
use crate::text::{grouped, printable};
use crate::tick::Status;

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

    /// Lands only these partitions, so that several processes share a topic, each with partitions of its own
    #[arg(long, value_name = "N,N", value_delimiter = ',', conflicts_with_all = ["compact", "check", "repair"])]
    pub partitions: Vec<i32>,

    /// Places ticks by their own times among those that have landed, as the ticks of an earlier period have to be; without it
    /// they are late
    #[arg(long, conflicts_with_all = ["follow", "compact", "check", "repair"])]
    pub backfill: bool,

    /// Goes on landing new messages until it is stopped, and merges small files meanwhile
    #[arg(long)]
    pub follow: bool,

    /// With --follow: leaves small files as they are
    #[arg(long, requires = "follow", conflicts_with = "compact")]
    pub no_compact: bool,

    /// With --follow: ends when the log cannot be read, instead of trying again until it can
    #[arg(long, requires = "follow")]
    pub no_retry: bool,

    /// Merges small landed files into few large ones, without reading a log; --follow does so anyway
    #[arg(long)]
    pub compact: bool,

    /// Says which offsets have landed and which are missing, without reading a log
    #[arg(long, conflicts_with_all = ["name", "follow", "compact"])]
    pub check: bool,

    /// With --check: reads every file, and says which differ from their footers or, where it still holds them, from the log
    #[arg(long, requires = "check")]
    pub deep: bool,

    /// Lands lost and damaged ranges again, exactly as they were; damaged files are set aside
    #[arg(long, conflicts_with_all = ["follow", "compact", "check"])]
    pub repair: bool,

    #[command(flatten)]
    pub service: service::ServiceArgs,
}

/// Runs the command.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    if args.check {
        if args.from.is_some() && !args.deep {
            return Err(Failure::new("--check alone reads no log, so it does not take --from")
                .with_hint("add --deep to compare what has landed with the log"));
        }
        return check::run(args.deep, args.from.as_deref(), context).await;
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
    let mut service = args.service.start(metrics::Command::Land, context).await?;
    let log = log::open(&location, &logs::options(context)).await?;
    for notice in log.notices() {
        eprintln!("Note: {notice}");
    }
    let options = land::Options {
        ticks_dir: settings.ticks_dir(),
        dead_dir: settings.dead_dir(),
        rules: logs::rules(context),
        flush_messages: settings.land.flush_messages,
        flush_interval: Duration::from_millis(settings.land.flush_interval_ms),
        compact: args.follow && !args.no_compact,
        keep: prune::keep(context),
        retry: !args.no_retry,
        tell: logs::tell(),
        source: location.to_string(),
        name: args.name,
        by_time: args.backfill,
        partitions: (!args.partitions.is_empty()).then(|| args.partitions.iter().copied().collect()),
    };
    if args.repair {
        return repair(log, options).await;
    }
    let mut lander = Lander::open(Arc::clone(&log), options).await?;
    lander.measure(service.metrics.clone());
    service.watch(&log);
    let stop = stop_signal()?;
    let total = if args.follow { None } else { Some(lander.backlog().await?) };
    let progress = context.progress("land", total);
    let mut read = |messages| progress.add(messages);
    let landing = match args.follow {
        true => lander.follow(&stop, &mut read).await?,
        false => lander.drain(&stop, &mut read).await?,
    };
    progress.finish();
    report(&landing, &location, &settings.ticks_dir(), args.backfill);
    log.close().await?;
    Ok(())
}

/// Returns a flag that is set by an interrupt or a request to end. A second one ends the program at once; committed files
/// are kept.
pub(super) fn stop_signal() -> Result<Arc<AtomicBool>, Failure> {
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

/// Longer names of products, channels and problems are cut.
const MOST_OF_A_NAME: usize = 100;
/// With more products than this, only the first are listed.
const MOST_PRODUCTS: usize = 200;

/// Prints what was landed.
fn report(landing: &Landing, location: &Location, ticks_dir: &Path, backfill: bool) {
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
                println!("  {:>12}  {}", grouped(*n), printable(name, MOST_OF_A_NAME));
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
        let remedy = match backfill {
            true => {
                "a backfill begins an earlier period where the times go back by an hour or more; `squall replay --merge` puts \
                 recordings into order before they land"
            }
            false => {
                "`squall replay --merge` puts recordings into order before they land, and `squall land --backfill` lands an \
                 earlier period"
            }
        };
        eprintln!("Note: many messages are late; {remedy}");
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
    // Names come from messages, so they may hold anything.
    let names: Vec<(String, &Rows)> = summary
        .products
        .iter()
        .take(MOST_PRODUCTS)
        .map(|(name, rows)| (printable(name, MOST_OF_A_NAME), rows))
        .collect();
    let width = names.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default().max("product".len());
    let line = |name: &str, columns: [String; 4]| {
        let columns: String = columns.iter().map(|column| format!("  {column:>12}")).collect();
        println!("{name:<width$}{columns}");
    };
    println!();
    line("product", Status::ALL.map(|status| status.to_string()));
    for (name, rows) in &names {
        line(name, Status::ALL.map(|status| grouped(rows.of(status))));
    }
    if let Some(more) = summary.products.len().checked_sub(names.len()).filter(|more| *more > 0) {
        println!("… and {} more products", grouped(more as u64));
    }
    if summary.products.len() > 1 {
        line("all", Status::ALL.map(|status| grouped(summary.rows(status))));
    }
}

/// Lands lost and damaged ranges again, and prints what was done.
async fn repair(log: Arc<dyn log::Log>, options: land::Options) -> Result<(), Failure> {
    let source = options.source.clone();
    let repair = land::repair(log, options).await?;
    for (file, reason, aside) in &repair.set_aside {
        println!("{file} is damaged: {reason}\n  set aside as {}", aside.display());
    }
    match repair.files.as_slice() {
        [] => println!("nothing to land again from {source}"),
        _ => println!("{} messages from {source} landed again:", grouped(repair.summary.messages)),
    }
    for file in &repair.files {
        println!("  {file}");
    }
    if repair.gone.is_empty() {
        return Ok(());
    }
    let gone: Vec<String> = repair.gone.iter().map(ToString::to_string).collect();
    Err(Failure::new(format!("{source} cannot give these again: {}", gone.join(", ")))
        .with_hint("it no longer holds these offsets, or the files came from another log, which --from names"))
}

/// Merges small files, and prints the files that result.
async fn compact(context: &Context) -> Result<(), Failure> {
    let folder = Folder::new(&context.settings().ticks_dir())?;
    if folder.list().await?.landed.visible().next().is_none() {
        return Err(nothing_landed(&folder));
    }
    let lock = folder.reserve(None).await?;
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

pub(super) fn nothing_landed(folder: &Folder) -> Failure {
    Failure::new(format!("nothing has landed in {}", folder.dir().display()))
        .with_hint("`squall land` lands what `squall ingest` or `squall replay` recorded")
}
