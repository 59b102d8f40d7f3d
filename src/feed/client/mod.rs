//! The client: connects, subscribes, watches, reconnects.
//!
//! In: [`Options`]. Out: [`Item`]s in order, through a bounded channel: messages as received, and events of the connection.

mod backoff;
mod connection;
mod numbers;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::Error;
use super::exchange::{Exchange, Holds};
use crate::tick::Clock;
use backoff::Backoff;
use connection::End;
pub use numbers::Gap;

/// The number of items that may wait in the channel. A busy market fills it in some tenths of a second, with a few
/// megabytes.
const CAPACITY: usize = 8192;

/// What to connect to, and how long to be patient.
#[derive(Debug, Clone)]
pub struct Options {
    /// The exchange whose protocol the client speaks.
    pub exchange: &'static dyn Exchange,
    /// `ws://…` or `wss://…`.
    pub url: String,
    pub products: Vec<String>,
    /// The client reconnects if it receives nothing at all for this long.
    pub silence: Duration,
    pub reconnect_initial: Duration,
    pub reconnect_max: Duration,
    /// If the server closes the connection normally, the client ends instead of reconnecting.
    pub until_close: bool,
    /// The seed of the jitter of reconnection waits.
    pub seed: u64,
}

/// A message as received.
#[derive(Debug, Clone, PartialEq)]
pub struct Received {
    /// The bytes, unaltered.
    pub payload: Vec<u8>,
    /// Nanoseconds since 1970, UTC.
    pub received_at: i64,
    /// The connection on which it came.
    pub connection: Arc<str>,
    /// What the exchange's protocol says that the message holds.
    pub holds: Holds,
}

/// What happened to the connection.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Nanoseconds since 1970, UTC.
    pub time: i64,
    /// The connection that the event belongs to.
    pub connection: Arc<str>,
    pub kind: EventKind,
}

#[derive(Debug, Clone, PartialEq)]
pub enum EventKind {
    Connected,
    /// A sequence number other than the next one: messages were lost, or, if `got` is below `expected`, one was repeated or
    /// late.
    Gap(Gap),
    /// Nothing was received for this long.
    Silence {
        silence_ms: u64,
    },
    /// The connection is lost; the client waits and then tries again.
    Reconnecting {
        reason: String,
        wait_ms: u64,
        attempt: u32,
    },
    /// The server sent an error after it had accepted the subscription.
    ServerError {
        message: String,
    },
    /// The server closed the connection normally, and the options say that the client ends then.
    Closed {
        reason: String,
    },
}

impl EventKind {
    /// Returns the kind's name as the column `kind` holds it.
    pub fn name(&self) -> &'static str {
        match self {
            EventKind::Connected => "connected",
            EventKind::Gap(_) => "gap",
            EventKind::Silence { .. } => "silence",
            EventKind::Reconnecting { .. } => "reconnecting",
            EventKind::ServerError { .. } => "server_error",
            EventKind::Closed { .. } => "closed",
        }
    }
}

/// What the channel carries.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    Message(Received),
    Event(Event),
}

/// Receives a feed in its own task until the receiver is dropped.
///
/// The first connection must succeed. After that, the client keeps trying to reconnect, with no limit. The channel ends
/// after an error, or after a normal close with [`Options::until_close`].
pub fn start(options: Options, clock: Arc<dyn Clock>) -> mpsc::Receiver<Result<Item, Error>> {
    let (sender, receiver) = mpsc::channel(CAPACITY);
    tokio::spawn(async move {
        if let Err(error) = run(&options, clock.as_ref(), &sender).await {
            // If the receiver is gone, there is nobody to report to.
            let _ = sender.send(Err(error)).await;
        }
    });
    receiver
}

type Sender = mpsc::Sender<Result<Item, Error>>;

async fn run(options: &Options, clock: &dyn Clock, sender: &Sender) -> Result<(), Error> {
    let mut backoff = Backoff::new(options.reconnect_initial, options.reconnect_max, options.seed);
    let mut was_connected = false;
    let started_ms = clock.now() / 1_000_000;
    for number in 1_u64.. {
        // Unique across restarts, so that sequence numbers of different connections are never counted together.
        let connection: Arc<str> = format!("{started_ms}-{number}").into();
        let reason = match connection::open(options).await {
            Ok(socket) => {
                was_connected = true;
                let mut link = connection::Link::new(options, clock, sender, Arc::clone(&connection));
                let end = link.receive(socket).await?;
                if link.heard() {
                    backoff.reset();
                }
                match end {
                    End::Lost(reason) => reason,
                    End::Done => return Ok(()),
                }
            }
            Err(error) if !was_connected => return Err(error),
            Err(error) => describe(&error),
        };
        let (wait, attempt) = backoff.next_wait();
        let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        let kind = EventKind::Reconnecting { reason, wait_ms, attempt };
        if sender.send(Ok(Item::Event(Event { time: clock.now(), connection, kind }))).await.is_err() {
            return Ok(());
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = sender.closed() => return Ok(()),
        }
    }
    Ok(())
}

/// Returns an error and its cause in one line.
fn describe(error: &Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
