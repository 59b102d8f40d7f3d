//! `squall ingest`

use std::sync::Arc;
use std::time::Duration;

use super::{Context, Failure, duration, logs, service};
use crate::feed::client;
use crate::feed::exchange::{self, Exchange};
use crate::feed::ingest::{self, Ingest, Progress};
use crate::feed::journal::Journal;
use crate::feed::sign::Signer;
use crate::log;
use crate::metrics;
use crate::tick::{Clock, SystemClock};

/// Receives ticks from a websocket into a log
///
/// Subscribes to the ticker and heartbeats of each product, reconnects when the connection is lost or falls silent, and
/// appends every message byte for byte. Gaps, silences and reconnections are rows in events/ in the data folder.
/// It runs until you press Ctrl-C; nothing is lost.
///
/// Example, against the simulated exchange of `squall simulate`:
///   squall ingest --from ws://127.0.0.1:8765 --for 60s
#[derive(Debug, Default, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// The websocket to connect to [default: feed.url, or the exchange's own address]
    #[arg(long, value_name = "URL")]
    pub from: Option<String>,

    /// The exchange whose protocol the websocket speaks [default: feed.exchange]
    #[arg(long, value_name = "NAME")]
    pub exchange: Option<String>,

    /// The log to append to: kafka://host:port/topic, or a folder [default: raw/ in the data folder]
    #[arg(long, value_name = "LOG")]
    pub to: Option<String>,

    /// The products to subscribe to [default: feed.products]
    #[arg(long, value_delimiter = ',', value_name = "A,B")]
    pub products: Vec<String>,

    /// Ends after this many messages
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_messages: Option<u64>,

    /// Ends after this time, such as 90s or 1h
    #[arg(long = "for", value_name = "DURATION", value_parser = duration::parse)]
    pub duration: Option<Duration>,

    /// Ends when the server closes the connection normally, instead of reconnecting
    #[arg(long)]
    pub until_close: bool,

    #[command(flatten)]
    pub service: service::ServiceArgs,
}

/// Runs the command.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let settings = context.settings();
    let exchange = exchange::find(args.exchange.as_ref().unwrap_or(&settings.feed.exchange))?;
    let location = logs::locate(args.to.as_deref(), context)?;
    // Messages for a topic are archived first, so that nothing is lost while the broker is away.
    let when_full = settings.log.when_full.parse()?;
    let log_options = log::Options { archive: Some(settings.raw_dir()), when_full, ..logs::options(context) };
    let mut service = args.service.start(metrics::Command::Ingest, context).await?;
    let log = log::create(&location, &log_options).await?;
    service.watch_forwarding(&log);
    for notice in log.notices() {
        eprintln!("Note: {notice}");
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let mut options = client_options(context, exchange)?;
    options.until_close = args.until_close;
    if let Some(url) = args.from {
        options.url = url;
    }
    if !args.products.is_empty() {
        options.products = args.products;
    }
    let progress = context.progress("ingesting", args.max_messages);
    let mut show = |shown| match shown {
        Progress::Appended(messages) => progress.add(messages),
        Progress::Note(text) => progress.note(text),
        Progress::Warning(text) => eprintln!("Warning: {text}"),
    };
    let journal = Journal::new(&settings.events_dir());
    let items = client::start(options, Arc::clone(&clock));
    let options = ingest::Options {
        max_messages: args.max_messages,
        sync_interval: Duration::from_millis(settings.log.sync_interval_ms),
    };
    let mut ingest = Ingest::new(items, log.as_ref(), journal, options, clock, &mut show);
    ingest.measure(service.metrics.clone());
    let ended = ingest.run(stop(args.duration)).await;
    let summary = ingest.summary().clone();
    // Messages that were appended are safe. Waiting for a topic to get them may take as long as its broker is away.
    let closed = tokio::select! {
        closed = log.close() => closed,
        () = interrupted() => {
            eprintln!("Note: stopped before the topic had every message; the next `squall ingest` to it sends the rest");
            Ok(())
        }
    };
    progress.finish();
    if ended.is_ok() || summary.messages > 0 {
        print!("{summary}");
        println!("{} messages appended to {location}", summary.messages);
    }
    ended?;
    Ok(closed?)
}

/// Returns the client's options as the settings say.
///
/// # Errors
/// `feed.on_product_silence` is not one of its values, or the key in the environment cannot sign.
pub fn client_options(context: &Context, exchange: &'static dyn Exchange) -> Result<client::Options, Failure> {
    let feed = &context.settings().feed;
    let signer = match exchange.credentials() {
        Some(names) => Signer::from_environment(names, &variable)?.map(Arc::new),
        None => None,
    };
    Ok(client::Options {
        exchange,
        url: if feed.url.is_empty() { exchange.address().into() } else { feed.url.clone() },
        products: feed.products.clone(),
        signer,
        silence: Duration::from_millis(feed.silence_ms),
        product_silence: (feed.product_silence_ms > 0).then(|| Duration::from_millis(feed.product_silence_ms)),
        on_product_silence: feed.on_product_silence.parse()?,
        max_message_bytes: feed.max_message_bytes,
        reconnect_initial: Duration::from_millis(feed.reconnect_initial_ms),
        reconnect_max: Duration::from_millis(feed.reconnect_max_ms),
        reconnect_steady: Duration::from_millis(feed.reconnect_steady_ms),
        until_close: false,
        seed: SystemClock.now().unsigned_abs(),
    })
}

/// Returns a variable of the environment; an empty one counts as absent.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Waits until the user ends the command, or its time is over.
async fn stop(after: Option<Duration>) {
    let time_is_up = async {
        match after {
            Some(after) => tokio::time::sleep(after).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = interrupted() => {}
        () = time_is_up => {}
    }
}

/// Waits for Ctrl-C, or for the signal that service managers send to end a process.
pub async fn interrupted() {
    #[cfg(unix)]
    if let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
        return;
    }
    let _ = tokio::signal::ctrl_c().await;
}
