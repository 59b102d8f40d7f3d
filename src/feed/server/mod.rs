//! A simulated exchange: a websocket server that speaks Coinbase Advanced Trade's `ticker` and `heartbeats` channels.
//!
//! In: [`Options`]. Out: simulated updates to every client that subscribes. Simulated time runs at a multiple of the clock's
//! speed, or as fast as the client reads. At a multiple, all connections see the same market at the same time, as at a real
//! exchange. At full speed, a connection sees the market from its opening, or continues where a connection that was cut off
//! ended.

mod replay;
mod session;
mod subscriptions;
mod wire;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::Error;
use super::exchange;
use super::market::{Market, PRODUCTS, Specification, find};
use replay::Replay;

/// How fast simulated time runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Speed {
    /// This many simulated seconds per second.
    Times(f64),
    /// As fast as the client reads.
    Max,
}

/// The faults to produce, so that clients can be tested. Messages are counted per connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Faults {
    /// Cuts the connection, without a close frame, each time it has sent this many messages.
    pub drop_every: Option<u64>,
    /// Numbers every nth message but does not send it.
    pub skip_every: Option<u64>,
    /// Cuts off every nth message in its middle.
    pub garble_every: Option<u64>,
    /// After this many messages, sends nothing more and keeps the connection open.
    pub silence_after: Option<u64>,
    /// Closes the connection normally (1000) after this many messages.
    pub close_after: Option<u64>,
    /// Sends nothing for [`Faults::stall`] after every nth message.
    pub stall_every: Option<u64>,
    pub stall: Duration,
    /// Answers the subscriptions of this many connections after the first with an error.
    pub refuse_again: u64,
    /// Stops the ticker of the first simulated product after this many messages, until it is subscribed to again.
    pub mute_after: Option<u64>,
    /// Sends a message of 32 MB, which is not numbered, after every nth message.
    pub bloat_every: Option<u64>,
}

/// What to simulate, and where to serve it.
#[derive(Debug, Clone)]
pub struct Options {
    pub host: String,
    /// 0 means any free port.
    pub port: u16,
    pub products: Vec<&'static Specification>,
    pub seed: u64,
    /// When simulated time starts, nanoseconds since 1970, UTC.
    pub start: i64,
    /// How much simulated time passes before the server ends; `None` means that it never ends.
    pub duration: Option<Duration>,
    pub speed: Speed,
    pub faults: Faults,
}

/// Returns the specifications of products by name.
///
/// # Errors
/// The simulator does not know a name.
pub fn products(names: &[String]) -> Result<Vec<&'static Specification>, Error> {
    let known = || PRODUCTS.iter().map(|product| product.product_id).collect();
    names
        .iter()
        .map(|name| find(name).ok_or_else(|| Error::UnknownProduct { product: name.clone(), known: known() }))
        .collect()
}

/// A server that has opened its port; [`Server::run`] serves.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    options: Options,
}

/// What a server did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Served {
    pub connections: u64,
    pub messages: u64,
}

impl Server {
    /// Opens the port.
    ///
    /// # Errors
    /// The port is in use, or the system does not allow listening on it.
    pub async fn bind(options: Options) -> Result<Server, Error> {
        let (host, port) = (options.host.clone(), options.port);
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => Error::PortInUse { host: host.clone(), port },
            _ => Error::Listen { host: host.clone(), port, source },
        };
        let listener = TcpListener::bind((options.host.as_str(), port)).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Server { listener, address, options })
    }

    /// Returns the name of the exchange whose protocol the server speaks.
    pub fn exchange(&self) -> &'static str {
        exchange::SIMULATED.name()
    }

    /// Returns the address to connect to.
    pub fn url(&self) -> String {
        format!("ws://{}", self.address)
    }

    /// Serves until the simulated duration has passed and the last connection is closed. To end earlier, drop the future.
    pub async fn run(self) -> Served {
        let deadline = match (self.options.speed, self.options.duration) {
            // If the duration is too long for the clock, the server never ends.
            (Speed::Times(speed), Some(duration)) => Duration::try_from_secs_f64(duration.as_secs_f64() / speed)
                .ok()
                .and_then(|d| Instant::now().checked_add(d)),
            _ => None,
        };
        let exchange = Arc::new(Exchange::new(self.options));
        let mut sessions = JoinSet::new();
        let mut served = Served::default();
        loop {
            tokio::select! {
                accepted = self.listener.accept() => {
                    // A client may disconnect during the handshake; keep serving the others.
                    let Ok((stream, _)) = accepted else { continue };
                    let refused = (1..=exchange.options.faults.refuse_again).contains(&served.connections);
                    served.connections += 1;
                    sessions.spawn(session::serve(stream, Arc::clone(&exchange), refused));
                }
                Some(ended) = sessions.join_next() => served.messages += ended.unwrap_or(0),
                () = exchange.ended.notified() => break,
                () = sleep_until(deadline) => break,
            }
        }
        drop(self.listener);
        while let Some(ended) = sessions.join_next().await {
            served.messages += ended.unwrap_or(0);
        }
        served
    }
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

/// What the connections share.
#[derive(Debug)]
struct Exchange {
    options: Options,
    opened: Instant,
    /// The market where a connection was cut off; the next connection continues there. Only at [`Speed::Max`].
    left: Mutex<Option<Replay>>,
    /// The simulated duration has passed on a connection.
    ended: Notify,
}

impl Exchange {
    fn new(options: Options) -> Self {
        Exchange { options, opened: Instant::now(), left: Mutex::new(None), ended: Notify::new() }
    }

    /// Returns the simulated time at an instant; `None` if it depends on how fast the client reads.
    fn time_at(&self, instant: Instant) -> Option<i64> {
        let Speed::Times(speed) = self.options.speed else { return None };
        let elapsed = instant.saturating_duration_since(self.opened).as_secs_f64() * speed;
        Some(self.options.start.saturating_add((elapsed * 1e9) as i64))
    }

    /// Returns the instant at which a simulated time is due; `None` means at once.
    fn instant_of(&self, time: i64) -> Option<Instant> {
        let Speed::Times(speed) = self.options.speed else { return None };
        let elapsed_s = time.saturating_sub(self.options.start) as f64 * 1e-9 / speed;
        Duration::try_from_secs_f64(elapsed_s).ok().and_then(|elapsed| self.opened.checked_add(elapsed))
    }

    /// Returns the market for the next connection.
    fn replay(&self) -> Replay {
        if let Some(left) = self.left.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return left;
        }
        let options = &self.options;
        let end = options
            .duration
            .map(|duration| options.start.saturating_add(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)));
        let mut replay = Replay::new(Market::new(&options.products, options.start, options.seed), options.start, end);
        if let Some(now) = self.time_at(Instant::now()) {
            replay.skip_to(now);
        }
        replay
    }

    /// Stores the market of a connection that was cut off.
    fn leave(&self, replay: Replay) {
        if self.options.speed == Speed::Max {
            *self.left.lock().unwrap_or_else(PoisonError::into_inner) = Some(replay);
        }
    }
}
