//! The client: connects, subscribes, watches, reconnects.
//!
//! In: [`Options`]. Out: [`Item`]s in order, through a bounded [`queue`]: messages as received, and events of the connection.

mod backoff;
mod connection;
mod numbers;
mod queue;
mod watch;

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Error;
use super::exchange::{Exchange, Holds};
use super::sign::Signer;
use crate::text::printable;
use crate::tick::Clock;
use backoff::Backoff;
use connection::{End, Link};
pub use numbers::Gap;
pub use queue::{Items, Most, Sender, queue};
use watch::Watch;

/// The most characters of a server's text that are kept in an event or shown.
const MOST_TEXT_CHARS: usize = 500;

/// What to connect to, and how long to be patient.
#[derive(Debug, Clone)]
pub struct Options {
    /// The exchange whose protocol the client speaks.
    pub exchange: &'static dyn Exchange,
    /// `ws://…` or `wss://…`.
    pub url: String,
    pub products: Vec<String>,
    /// Signs the messages that subscribe; `None` asks for public market data without a key.
    pub signer: Option<Arc<Signer>>,
    /// The client reconnects if it receives nothing at all for this long.
    pub silence: Duration,
    /// How long one product may have no ticks while the connection is alive; `None` means that this is not watched.
    pub product_silence: Option<Duration>,
    /// What to do about a silent product, beside the event.
    pub on_product_silence: OnProductSilence,
    /// The largest message that is received; a larger one ends the connection.
    pub max_message_bytes: usize,
    pub reconnect_initial: Duration,
    pub reconnect_max: Duration,
    /// After a connection was alive for this long, the waits start again with the initial one.
    pub reconnect_steady: Duration,
    /// If the server closes the connection normally, the client ends instead of reconnecting.
    pub until_close: bool,
    /// The seed of the jitter of reconnection waits.
    pub seed: u64,
}

/// What to do about a product that is silent while the connection is alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnProductSilence {
    /// Only the event.
    Note,
    /// Subscribe to the product again, on the same connection.
    Resubscribe,
    /// Close the connection and open another one.
    Reconnect,
}

impl OnProductSilence {
    const NAMES: [(&str, OnProductSilence); 3] = [
        ("note", OnProductSilence::Note),
        ("resubscribe", OnProductSilence::Resubscribe),
        ("reconnect", OnProductSilence::Reconnect),
    ];
}

impl FromStr for OnProductSilence {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let found = OnProductSilence::NAMES.iter().find(|(name, _)| *name == text);
        found.map(|(_, value)| *value).ok_or_else(|| Error::Setting {
            setting: "feed.on_product_silence",
            value: text.into(),
            known: OnProductSilence::NAMES.map(|(name, _)| name).into(),
        })
    }
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
    /// One product had no ticks for this long, while the connection was alive.
    ProductSilence {
        product: String,
        silence_ms: u64,
    },
    /// A silent product has ticks again.
    ProductResumed {
        product: String,
        silence_ms: u64,
    },
    /// The connection is lost; the client waits and then tries again.
    Reconnecting {
        reason: String,
        wait_ms: u64,
        attempt: u32,
    },
    /// The server sent an error. If it refused the subscription, the client reconnects.
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
            EventKind::ProductSilence { .. } => "product_silence",
            EventKind::ProductResumed { .. } => "product_resumed",
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
/// The first connection must succeed, and the exchange must accept its subscription. After that, the client keeps trying to
/// reconnect, with no limit. The queue ends after an error, or after a normal close with [`Options::until_close`].
pub fn start(options: Options, clock: Arc<dyn Clock>) -> Items {
    let (sender, items) = queue();
    tokio::spawn(async move {
        if let Err(error) = run(&options, clock.as_ref(), &sender).await {
            // If the receiver is gone, there is nobody to report to.
            let _ = sender.send(Err(error)).await;
        }
    });
    items
}

async fn run(options: &Options, clock: &dyn Clock, sender: &Sender) -> Result<(), Error> {
    check(options)?;
    let mut backoff = Backoff::new(options.reconnect_initial, options.reconnect_max, options.seed);
    let mut watch = Watch::new(&options.products, options.product_silence, Instant::now());
    let mut was_connected = false;
    let started_ms = clock.now() / 1_000_000;
    for number in 1_u64.. {
        // Unique across restarts, so that sequence numbers of different connections are never counted together.
        let connection: Arc<str> = format!("{started_ms}-{number}").into();
        let opened = tokio::select! {
            opened = connection::open(options, clock) => opened,
            () = sender.closed() => return Ok(()),
        };
        let reason = match opened {
            Ok(socket) => {
                let first = !was_connected;
                was_connected = true;
                let mut link = Link::new(options, clock, sender, &mut watch, Arc::clone(&connection), first);
                let end = link.receive(socket).await?;
                // Ticks alone do not show that all is well: a server may send some and close, again and again.
                if link.lasted() >= options.reconnect_steady {
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
        if !sender.send(Ok(Item::Event(Event { time: clock.now(), connection, kind }))).await {
            return Ok(());
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = sender.closed() => return Ok(()),
        }
    }
    Ok(())
}

/// Refuses what the exchange would refuse, or would not answer.
fn check(options: &Options) -> Result<(), Error> {
    let (exchange, products) = (options.exchange, &options.products);
    let limit = exchange.limits().products;
    if products.len() > limit {
        return Err(Error::TooManyProducts { exchange: exchange.name(), products: products.len(), limit });
    }
    for product in products {
        exchange.check(product).map_err(|reason| Error::ProductName { product: product.clone(), reason })?;
    }
    Ok(())
}

/// Returns an error and its cause in one line.
fn describe(error: &Error) -> String {
    let text = match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    };
    printable(&text, MOST_TEXT_CHARS)
}

/// Returns an address as messages show it: only scheme, host, port and path. The rest may hold a password or a key.
pub fn shown(url: &str) -> String {
    let shown = match url::Url::parse(url) {
        Ok(parsed) if parsed.has_host() => {
            let port = parsed.port().map_or(String::new(), |port| format!(":{port}"));
            let path = parsed.path().trim_end_matches('/');
            format!("{}://{}{port}{path}", parsed.scheme(), parsed.host_str().unwrap_or_default())
        }
        _ => {
            let (_, behind) = url.rsplit_once('@').unwrap_or(("", url));
            behind.split(['?', '#']).next().unwrap_or_default().into()
        }
    };
    printable(&shown, MOST_TEXT_CHARS)
}

#[cfg(test)]
mod tests {
    use super::{OnProductSilence, shown};
    use crate::error::Hint;

    #[test]
    fn an_address_is_shown_without_its_secrets() {
        for (url, expected) in [
            ("wss://advanced-trade-ws.coinbase.com", "wss://advanced-trade-ws.coinbase.com"),
            ("ws://127.0.0.1:8765/", "ws://127.0.0.1:8765"),
            ("wss://me:secret@feed.example/v1?apikey=secret#secret", "wss://feed.example/v1"),
            ("me:secret@feed.example", "feed.example"),
            ("feed?token=secret", "feed"),
            ("a\u{1b}[2Jb", "a\\u{1b}[2Jb"),
        ] {
            assert_eq!(shown(url), expected);
        }
    }

    #[test]
    fn what_to_do_about_silence_is_one_of_three() {
        for (name, value) in OnProductSilence::NAMES {
            assert_eq!(name.parse::<OnProductSilence>().expect("a name"), value);
        }
        let error = "restart".parse::<OnProductSilence>().expect_err("not a name");
        assert!(error.hint().expect("a hint").contains("resubscribe"), "{error}");
    }
}
