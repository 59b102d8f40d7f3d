//! `squall ingest`

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::Receiver;
use tokio::time::Instant;

use super::{Context, Failure, Progress, duration, logs};
use crate::feed::client::{self, Event, EventKind, Item, Received, SystemClock};
use crate::feed::journal::Journal;
use crate::feed::{self, Envelope};
use crate::log::{self, Log, Record};

/// Messages that are appended, and synced, together at most, and how long the first of them may wait for the others.
const BATCH_MESSAGES: usize = 8192;
const BATCH_WAIT: Duration = Duration::from_millis(50);

/// Receives ticks from a websocket into a log
///
/// Subscribes to the ticker and heartbeats of each product, reconnects when the connection is lost or falls silent, and
/// appends every message byte for byte. Gaps, silences and reconnections are rows in events/ in the data folder.
/// It runs until Ctrl-C, which loses nothing.
///
/// Example, against the simulated exchange of `squall simulate`:
///   squall ingest --from ws://127.0.0.1:8765 --for 60s
#[derive(Debug, Default, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// The websocket to connect to [default: feed.url, Coinbase Advanced Trade]
    #[arg(long, value_name = "URL")]
    pub from: Option<String>,

    /// The log to append to: kafka://host:port/topic, or a folder [default: raw/ in the data folder]
    #[arg(long, value_name = "LOG")]
    pub to: Option<String>,

    /// The products to subscribe to [default: feed.products]
    #[arg(long, value_delimiter = ',', value_name = "A,B")]
    pub products: Vec<String>,

    /// Ends after so many messages
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_messages: Option<u64>,

    /// Ends after so long, such as 90s or 1h
    #[arg(long = "for", value_name = "DURATION", value_parser = duration::parse)]
    pub duration: Option<Duration>,

    /// Ends when the server closes the connection normally, instead of reconnecting
    #[arg(long)]
    pub until_close: bool,
}

/// Runs the command.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let settings = context.settings();
    let location = logs::locate(args.to.as_deref(), context)?;
    // What is bound for a topic is archived first, so that nothing is lost while the broker is away.
    let log_options = log::Options { archive: Some(settings.raw_dir()), ..logs::options(context) };
    let log = log::create(&location, &log_options).await?;
    for notice in log.notices() {
        eprintln!("Note: {notice}");
    }
    let products = if args.products.is_empty() { settings.feed.products.clone() } else { args.products };
    let clock = Arc::new(SystemClock);
    let options = client::Options {
        url: args.from.unwrap_or_else(|| settings.feed.url.clone()),
        products,
        silence: Duration::from_millis(settings.feed.silence_ms),
        reconnect_initial: Duration::from_millis(settings.feed.reconnect_initial_ms),
        reconnect_max: Duration::from_millis(settings.feed.reconnect_max_ms),
        until_close: args.until_close,
        seed: client::Clock::now(clock.as_ref()).unsigned_abs(),
    };
    let deadline = args.duration.and_then(|duration| Instant::now().checked_add(duration));
    let mut ingest = Ingest {
        items: client::start(options, clock),
        log: log.as_ref(),
        journal: Journal::new(&settings.events_dir()),
        left: args.max_messages.unwrap_or(u64::MAX),
        progress: context.progress("ingesting", args.max_messages),
        summary: Summary::default(),
    };
    let ended = ingest.run(deadline).await;
    let Ingest { progress, summary, .. } = ingest;
    let closed = log.close().await;
    progress.finish();
    if ended.is_ok() || summary.messages > 0 {
        print!("{summary}");
        println!("{} messages appended to {location}", summary.messages);
    }
    ended?;
    Ok(closed?)
}

/// Waits for Ctrl-C, or for the signal with which service managers end a process.
async fn interrupted() {
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

/// The way from the client's channel to the log.
struct Ingest<'a> {
    items: Receiver<Result<Item, feed::Error>>,
    log: &'a dyn Log,
    journal: Journal,
    /// Messages still wanted.
    left: u64,
    progress: Progress,
    summary: Summary,
}

impl Ingest<'_> {
    /// Appends batches until the feed ends, enough messages came, or time is up.
    async fn run(&mut self, deadline: Option<Instant>) -> Result<(), Failure> {
        let mut stop = std::pin::pin!(async {
            tokio::select! {
                () = interrupted() => {}
                () = sleep_until(deadline) => {}
            }
        });
        let mut items = Vec::with_capacity(BATCH_MESSAGES);
        let mut stopped = false;
        while !stopped {
            stopped = tokio::select! {
                biased;
                () = &mut stop => true,
                more = collect(&mut self.items, &mut items) => !more,
            };
            self.append(&mut items).await?;
            stopped |= self.left == 0;
        }
        // What has been received already is appended too.
        self.items.close();
        while self.items.recv_many(&mut items, BATCH_MESSAGES).await > 0 {
            self.append(&mut items).await?;
        }
        Ok(())
    }

    /// Appends what was received, and writes down what happened meanwhile.
    async fn append(&mut self, items: &mut Vec<Result<Item, feed::Error>>) -> Result<(), Failure> {
        let mut records = Vec::with_capacity(items.len());
        let mut batch = Summary::default();
        let mut failure = None;
        for item in items.drain(..) {
            match item {
                Ok(Item::Message(received)) if self.left > 0 => {
                    self.left -= 1;
                    records.push(record(received, &mut batch));
                }
                Ok(Item::Message(_)) => {}
                Ok(Item::Event(event)) => {
                    self.journal.record(&event)?;
                    self.note(&event);
                }
                Err(error) => failure = Some(error),
            }
        }
        if !records.is_empty() {
            self.log.append(records).await?;
            self.progress.add(batch.messages);
            self.summary.add(batch);
        }
        match failure {
            Some(error) => Err(error.into()),
            None => Ok(()),
        }
    }

    fn note(&mut self, event: &Event) {
        match &event.kind {
            EventKind::Connected => self.progress.note(""),
            EventKind::Gap { expected, got } => {
                self.summary.gaps += 1;
                self.summary.missing += u64::try_from(got - expected).unwrap_or(0);
            }
            EventKind::Silence { .. } => self.summary.silences += 1,
            EventKind::Reconnecting { reason, wait_ms, .. } => {
                self.summary.reconnections += 1;
                self.progress.note(format!("{reason}; reconnecting in {wait_ms} ms"));
            }
            EventKind::ServerError { message } => self.progress.note(format!("the server says: {message}")),
            EventKind::Closed { reason } => self.progress.note(reason.clone()),
        }
    }
}

/// Waits for items, and then a little more for others; returns false once the feed has ended.
async fn collect(source: &mut Receiver<Result<Item, feed::Error>>, items: &mut Vec<Result<Item, feed::Error>>) -> bool {
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

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// Makes the record of a message, and counts what it holds.
fn record(received: Received, summary: &mut Summary) -> Record {
    summary.messages += 1;
    let mut key = None;
    match Envelope::read(&received.payload) {
        Some(envelope) => {
            let mut products = envelope.products();
            // One message may hold several products: it goes where the first one's are.
            key = products.next().map(str::to_string);
            match &key {
                Some(_) => {
                    summary.ticks += 1 + products.count() as u64;
                    if let Some(time) = envelope.timestamp {
                        summary.first_event_time.get_or_insert_with(|| time.into());
                        summary.last_event_time = Some(time.into());
                    }
                }
                None => summary.control += 1,
            }
        }
        None => summary.unreadable += 1,
    }
    Record {
        key,
        payload: received.payload,
        ingest_time: received.received_at,
        connection: Some(received.connection.to_string()),
    }
}

/// What was received.
#[derive(Debug, Default)]
struct Summary {
    messages: u64,
    ticks: u64,
    control: u64,
    unreadable: u64,
    gaps: u64,
    missing: u64,
    silences: u64,
    reconnections: u64,
    first_event_time: Option<String>,
    last_event_time: Option<String>,
}

impl Summary {
    /// Adds a later batch's messages.
    fn add(&mut self, batch: Summary) {
        self.messages += batch.messages;
        self.ticks += batch.ticks;
        self.control += batch.control;
        self.unreadable += batch.unreadable;
        self.first_event_time = self.first_event_time.take().or(batch.first_event_time);
        self.last_event_time = batch.last_event_time.or(self.last_event_time.take());
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "messages       {}", self.messages)?;
        writeln!(f, "ticks          {}", self.ticks)?;
        writeln!(f, "control        {}", self.control)?;
        writeln!(f, "unreadable     {}", self.unreadable)?;
        writeln!(f, "gaps           {} ({} messages missing)", self.gaps, self.missing)?;
        writeln!(f, "silences       {}", self.silences)?;
        writeln!(f, "reconnections  {}", self.reconnections)?;
        writeln!(f, "first event    {}", self.first_event_time.as_deref().unwrap_or("none"))?;
        writeln!(f, "last event     {}", self.last_event_time.as_deref().unwrap_or("none"))
    }
}
