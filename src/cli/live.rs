//! `squall live`: queries of the project over the log, a row for each tick as it comes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::land::stop_signal;
use super::watch::Watch;
use super::workspace::Workspace;
use super::{Context, Failure, alerts, duration, logs, outcomes, service, workspace};
use crate::durable::blocking;
use crate::land::Folder;
use crate::live::alert::Alerts;
use crate::live::sink::{Destination, Reached, Sink};
use crate::live::webhook::{Stop, Webhook};
use crate::live::{self, Batch, Board, Counts, Ended, Live, LivePlan, Models, Planned, Proof, Until, Watched};
use crate::log::{self, Location, Log, Tell};
use crate::metrics::{self, Metrics};
use crate::model::Registry;
use crate::pipeline::Query;
use crate::text::{counted, grouped};
use crate::tick::Status;

/// The query that runs if none is named.
const DEFAULT: &str = "spike_features";

/// The messages that a poll takes at most. Catching up is fastest with large polls; a live poll takes what there is.
const POLL_MESSAGES: usize = 8192;

/// Runs queries over the log: a row for each tick as it comes, with the bits of batch
///
/// The queries run unchanged. Their windows start from landed ticks, so the first row is right already. Each row has the columns of
/// its query, and log_partition and log_offset of its tick. A folder takes each row exactly once, however often the command is
/// ended or killed: it goes on where the folder ends; so does a topic, which takes JSON, keyed by product. Standard output takes
/// JSON, one object a line, from the first offset on that has not landed. A query that looks ahead, or needs all rows at once, is
/// refused before anything starts; docs/live.md says what runs.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The queries to run [default: spike_features]
    #[arg(value_name = "QUERY")]
    pub queries: Vec<String>,

    /// The log to read: kafka://host:port/topic, or a folder [default: data/raw]
    #[arg(long, value_name = "LOG")]
    pub from: Option<String>,

    /// Where rows go: - for standard output, a folder for Parquet files, a topic, kafka://host:port/topic, or a webhook, https://…;
    /// given several times, rows go to each of them, and each keeps its own promise
    #[arg(long, value_name = "SINK", default_value = "-")]
    pub to: Vec<String>,

    /// How long a row may wait for its file, such as 5s; files that are written seldom are larger
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "30s")]
    pub flush: Duration,

    /// Ends after this time, such as 90s or 5m
    #[arg(long = "for", value_name = "DURATION", value_parser = duration::parse)]
    pub duration: Option<Duration>,

    /// Ends when the log holds no more
    #[arg(long, conflicts_with = "duration")]
    pub once: bool,

    /// Computes the rows of every N-th offset again in batch once they have landed, and compares them; 0 does not. A prime
    /// number does not fall in step with the market
    #[arg(long, value_name = "N", default_value_t = 997)]
    pub parity_every: u64,

    #[command(flatten)]
    pub service: service::ServiceArgs,

    /// Draws a board of the last row of each product in the terminal, instead of rows on standard output
    #[arg(long)]
    pub watch: bool,

    #[command(flatten)]
    pub alerts: alerts::Args,

    #[command(flatten)]
    pub beside: outcomes::Beside,
}

/// Runs the command.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let workspace = workspace::open(context).await?;
    if args.watch {
        Watch::check()?;
    }
    let plans = plans(&args.queries, &workspace).await?;
    let mut service = args.service.start(metrics::Command::Live, context).await?;
    let board = args.watch.then(Board::default);
    let tell = board.as_ref().map_or_else(logs::tell, Board::tell);
    let alerts = args.alerts.plan(context, &plans, workspace.session.context(), &tell, &service.metrics)?;
    if let (Some(board), Some(alerts)) = (&board, &alerts) {
        board.mark(Arc::clone(alerts.counts()));
    }
    let location = logs::locate(args.from.as_deref(), context)?;
    let log = log::open(&location, &logs::options(context)).await?;
    for notice in log.notices() {
        eprintln!("Note: {notice}");
    }
    let until = match args.once {
        true => Until::End,
        false => Until::Stopped(args.duration.map(|duration| Instant::now() + duration)),
    };
    let options = live::Options {
        ticks_dir: context.settings().ticks_dir(),
        rules: logs::rules(context),
        source: location.to_string(),
        tell: tell.clone(),
    };
    let stop = stop_signal()?;
    service.watch(&log);
    let (metrics, every) = (service.metrics.clone(), args.parity_every);
    let ends = Stop { flag: Arc::clone(&stop), at: if let Until::Stopped(at) = until { at } else { None } };
    let to = destinations(&args, context, &ends, &tell)?;
    let dir = to.iter().find_map(|to| if let Destination::Folder(dir, _) = to { Some(dir.as_path()) } else { None });
    let outcomes = args.beside.start(&workspace, &plans, dir, &metrics, board.as_ref(), &tell).await?;
    let started = Instant::now();
    let mut counts = Counts::default();
    let watch = board.clone().map(Watch::start);
    let following =
        Follow { log: &log, to, alerts: alerts.as_ref(), board, options, until, stop: ends, metrics, every };
    let ran = follow(context, &workspace, plans, following, &mut counts).await;
    drop(watch);
    if !context.quiet {
        report(&counts, started.elapsed(), &service.metrics);
        alerts::report(alerts.as_ref());
    }
    if let Some(outcomes) = outcomes {
        // Whoever stops a run does not wait for a last look.
        let looks = !stop.load(Ordering::Relaxed);
        outcomes::report(&blocking(move || outcomes.end(looks)).await)?;
    }
    match ran {
        // Whoever reads the rows has seen enough, or the next start goes on with the rows that were not taken.
        Ok(()) | Err(live::Error::Closed | live::Error::Stopped) => {}
        Err(error) => return Err(error.into()),
    }
    log.close().await?;
    Ok(())
}

/// What a run reads and writes, and when it ends.
struct Follow<'a> {
    log: &'a Arc<dyn Log>,
    to: Vec<Destination>,
    alerts: Option<&'a Alerts>,
    board: Option<Board>,
    options: live::Options,
    until: Until,
    stop: Stop,
    metrics: Metrics,
    /// How often an offset is compared with batch; 0 means never.
    every: u64,
}

/// Runs the queries. When another version takes the place of a model, they are planned again, and go on where they were.
async fn follow(
    context: &Context,
    workspace: &Workspace,
    mut plans: Vec<LivePlan>,
    follow: Follow<'_>,
    counts: &mut Counts,
) -> Result<(), live::Error> {
    let Follow { log, to, alerts, board, options, until, stop, metrics, every } = follow;
    let (project, session) = (&workspace.project, workspace.session.context());
    let id = log.id().await.map_err(|source| live::Error::log(&options.source, source))?;
    let names: Vec<String> = plans.iter().map(|plan| plan.name().to_string()).collect();
    let shared = Arc::new(project.clone());
    loop {
        let queries: Vec<&Query> = plans.iter().filter_map(|plan| project.query(plan.name())).collect();
        let registry = Registry::new(context.settings().models_dir());
        let mut models = Models::of(project, &queries, registry, options.tell.clone());
        for (name, model) in models.using().filter(|_| !context.quiet) {
            eprintln!("Note: `{name}` is {model}");
        }
        models.measure(&metrics);
        let mut proof = (every > 0).then(|| Proof::new(every, metrics.clone(), options.tell.clone()));
        let mut planned: Vec<Planned> = Vec::new();
        for plan in std::mem::take(&mut plans) {
            let sampler = proof.as_mut().map(|proof| proof.sampler(&plan));
            let sink = Destination::open_all(&to, &plan, &id).await?;
            let mut sink: Box<dyn Sink> = Box::new(Watched::new(sink, plan.name(), metrics.clone(), sampler));
            if let Some(alerts) = alerts {
                sink = alerts.before(sink, &plan, &id, session, &stop).await?;
            }
            if let Some(board) = &board {
                sink = board.before(sink, &plan);
            }
            planned.push((plan, sink));
        }
        let began = Instant::now();
        let mut live = Live::open(project, session, planned, Arc::clone(log), &options).await?;
        live.measure(metrics.clone());
        if let Some(proof) = proof {
            let (project, landed) = (Arc::clone(&shared), live.landed_name().to_string());
            let (folder, models) = (Folder::new(&options.ticks_dir)?, models.clone());
            let batch = Batch { project, context: session.clone(), folder, landed, models };
            proof.start(batch).map_err(|source| live::Error::Thread { source })?;
        }
        if !context.quiet && live.counts().warmed > 0 {
            let (ticks, seconds) = (grouped(live.counts().warmed), began.elapsed().as_secs_f64());
            eprintln!("Note: the windows start from {ticks} landed ticks, read in {seconds:.1} s");
        }
        let ended = live.run(until, &stop.flag, &mut models, &mut || POLL_MESSAGES).await;
        counts.add(live.counts());
        let held = live.held();
        drop(live);
        if ended? == Ended::Over {
            if !context.quiet {
                let (bytes, partitions) = (grouped(held.0 as u64), counted(held.1 as u64, "partition"));
                eprintln!("the queries hold {bytes} bytes, in {partitions} of windows");
            }
            return Ok(());
        }
        for name in &names {
            if let Some(query) = project.query(name) {
                plans.push(LivePlan::new(project, query, session).await?);
            }
        }
    }
}

/// Returns the places that `--to` names.
fn destinations(args: &Args, context: &Context, stop: &Stop, tell: &Tell) -> Result<Vec<Destination>, Failure> {
    let places = args.to.iter().map(|to| destination(to, args, context, stop, tell));
    let places = places.collect::<Result<Vec<_>, _>>()?;
    let distinct: BTreeSet<String> = places.iter().map(Destination::identity).collect();
    match distinct.len() == places.len() {
        true => Ok(places),
        false => Err(Failure::new("two of --to name the same place").with_hint("name each place once")),
    }
}

fn destination(to: &str, args: &Args, context: &Context, stop: &Stop, tell: &Tell) -> Result<Destination, Failure> {
    let settings = context.settings();
    Ok(match to {
        "-" if args.watch => Destination::Nowhere(Reached::default()),
        "-" => Destination::Lines(Reached::default()),
        text if Webhook::is_address(text) => Destination::Webhook {
            webhook: Webhook::new(text, alerts::secret()?, tell.clone())?,
            state_dir: settings.live_dir(),
            stop: stop.clone(),
        },
        text => match Location::parse(text, &settings.kafka.bootstrap_servers)? {
            Location::Folder(dir) => Destination::Folder(dir, args.flush),
            location @ Location::Kafka { .. } => Destination::Topic {
                location,
                options: Box::new(logs::options(context)),
                state_dir: settings.live_dir(),
            },
        },
    })
}

/// Plans the queries; without names, the default one.
pub(super) async fn plans(names: &[String], workspace: &Workspace) -> Result<Vec<LivePlan>, Failure> {
    let default = [DEFAULT.to_string()];
    let names = if names.is_empty() { &default } else { names };
    let mut plans: Vec<LivePlan> = Vec::new();
    for name in names {
        if plans.iter().any(|plan| plan.name() == name) {
            continue;
        }
        if let Some(failure) = workspace.why_disabled(name) {
            return Err(failure);
        }
        let query = workspace.project.query(name).ok_or_else(|| workspace.project.unknown(name))?;
        plans.push(LivePlan::new(&workspace.project, query, workspace.session.context()).await?);
    }
    Ok(plans)
}

/// Prints what came and went.
fn report(counts: &Counts, took: Duration, metrics: &Metrics) {
    let ticks = counts.ticks.iter().zip(Status::ALL).filter(|(count, _)| **count > 0);
    let ticks: Vec<String> = ticks.map(|(count, status)| format!("{} {status}", grouped(*count))).collect();
    let of = if ticks.is_empty() { String::new() } else { format!(": {}", ticks.join(", ")) };
    eprintln!("{} messages in {:.1} s{of}", grouped(counts.messages), took.as_secs_f64());
    if counts.dead > 0 {
        eprintln!("{} messages could not be read; `squall land` keeps them with the reason", grouped(counts.dead));
    }
    for (name, rows) in &counts.emitted {
        let compared = match metrics.parity_checked.get(&[name]) {
            0 => String::new(),
            checked => {
                let differ = metrics.parity_mismatches.get(&[name]);
                format!("; {} were compared with batch, and {} differ", grouped(checked), grouped(differ))
            }
        };
        eprintln!("{name}: {} rows{compared}", grouped(*rows));
    }
    let quantile = |share| counts.latency.quantile(share).map(|time| time.as_secs_f64() * 1e3);
    if let (Some(half), Some(most)) = (quantile(0.5), quantile(0.99)) {
        eprintln!("from read to handed on: p50 {half:.3} ms, p99 {most:.3} ms");
    }
}
