//! One connection, from the handshake to its end.

use std::sync::Arc;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::error::CapacityError;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use super::numbers::Numbers;
use super::watch::{Silent, Watch};
use super::{Event, EventKind, Item, MOST_TEXT_CHARS, OnProductSilence, Options, Received, Sender, shown};
use crate::feed::Error;
use crate::feed::exchange::{Holds, KeepAlive, MOST_PRODUCT_BYTES};
use crate::text::printable;
use crate::tick::{self, Clock, Sequence};

pub type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// How long a slow network may take to connect. After that, exchanges give a client 5 s to subscribe.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// How long the server may take to accept a message of the client.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the server may take to answer a close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// If the queue was full for longer than this, nobody listened to the products in the meantime.
const DEAF: Duration = Duration::from_secs(1);

/// How a connection ended.
pub enum End {
    /// The connection is lost, for this reason; the client tries again.
    Lost(String),
    /// The client is done: the receiver is gone, or the server closed the connection normally and the options say to end
    /// then.
    Done,
}

/// Connects and subscribes.
pub async fn open(options: &Options, clock: &dyn Clock) -> Result<Socket, Error> {
    let url = &options.url;
    if !matches!(url::Url::parse(url), Ok(parsed) if matches!(parsed.scheme(), "ws" | "wss") && parsed.has_host()) {
        return Err(Error::Address { url: shown(url) });
    }
    let failed = |source| Error::Connect { url: shown(url), source: Box::new(source) };
    let most = Some(options.max_message_bytes);
    let config = WebSocketConfig::default().max_message_size(most).max_frame_size(most);
    let address = options.exchange.url(url, &options.products);
    let (mut socket, _) = timeout(CONNECT_TIMEOUT, connect_async_with_config(address, Some(config), true))
        .await
        .map_err(|_| Error::ConnectTimeout { url: shown(url), seconds: CONNECT_TIMEOUT.as_secs() })?
        .map_err(failed)?;
    let subscriptions = authorised(options, clock, options.exchange.subscriptions(&options.products))?;
    send(&mut socket, options, subscriptions).await.map_err(failed)?;
    Ok(socket)
}

/// Adds a token of its own to each message, if there is a key.
fn authorised(options: &Options, clock: &dyn Clock, messages: Vec<String>) -> Result<Vec<String>, Error> {
    let Some(signer) = &options.signer else { return Ok(messages) };
    let sign = |message| Ok(options.exchange.authorise(message, &signer.token(clock.now())?));
    messages.into_iter().map(sign).collect()
}

/// Sends messages, not faster than the exchange allows.
async fn send(socket: &mut Socket, options: &Options, messages: Vec<String>) -> Result<(), tungstenite::Error> {
    let at_once = options.exchange.limits().messages_per_second.max(1) as usize;
    for (number, message) in messages.into_iter().enumerate() {
        if number > 0 && number % at_once == 0 {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        let sent = timeout(SEND_TIMEOUT, socket.send(Message::text(message))).await;
        sent.unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()))?;
    }
    Ok(())
}

/// One connection's bookkeeping.
pub struct Link<'a> {
    pub options: &'a Options,
    pub clock: &'a dyn Clock,
    pub sender: &'a Sender,
    pub watch: &'a mut Watch,
    pub connection: Arc<str>,
    /// `None` if the exchange's sequence numbers do not count a connection's messages.
    numbers: Option<Numbers>,
    /// Whether an error before the first tick refuses the subscription for good: only on the very first connection.
    first: bool,
    /// Whether ticks have arrived, which shows that the server accepted the subscription.
    accepted: bool,
    opened: Instant,
    /// When anything was last received.
    heard: Instant,
}

impl<'a> Link<'a> {
    pub fn new(
        options: &'a Options,
        clock: &'a dyn Clock,
        sender: &'a Sender,
        watch: &'a mut Watch,
        connection: Arc<str>,
        first: bool,
    ) -> Self {
        let counts_messages = options.exchange.shape().sequence() == Sequence::Connection;
        let numbers = counts_messages.then(Numbers::default);
        let now = Instant::now();
        watch.connected(now);
        Link { options, clock, sender, watch, connection, numbers, first, accepted: false, opened: now, heard: now }
    }

    /// Returns for how long the connection was alive: from its opening to what was received last.
    pub fn lasted(&self) -> Duration {
        self.heard - self.opened
    }

    /// Passes on what is received until the connection ends.
    ///
    /// # Errors
    /// The server refuses the very first subscription.
    pub async fn receive(&mut self, mut socket: Socket) -> Result<End, Error> {
        let end = self.receive_from(&mut socket).await;
        // Close politely if the server still listens; on a lost or closed connection this does nothing.
        let _ = timeout(CLOSE_TIMEOUT, socket.close(None)).await;
        end
    }

    async fn receive_from(&mut self, socket: &mut Socket) -> Result<End, Error> {
        if !self.report(EventKind::Connected).await {
            return Ok(End::Done);
        }
        let mut keep_alive = self.options.exchange.keep_alive().map(|message| (self.opened + message.every, message));
        let mut wake = std::pin::pin!(tokio::time::sleep_until(self.next_wake(keep_alive.as_ref())));
        loop {
            let next = tokio::select! {
                // The timer comes first, so that a flood of messages cannot hold it up.
                biased;
                () = &mut wake => {
                    if let Some(end) = self.wake(socket, &mut keep_alive).await {
                        return Ok(end);
                    }
                    wake.as_mut().reset(self.next_wake(keep_alive.as_ref()));
                    continue;
                }
                // Take a waiting message first, even if the receiver has just gone.
                next = socket.next() => next,
                () = self.sender.closed() => return Ok(End::Done),
            };
            let message = match next {
                Some(Ok(message)) => message,
                Some(Err(error)) => return Ok(End::Lost(self.lost(&error))),
                None => return Ok(End::Lost("the server ended the connection".into())),
            };
            self.heard = Instant::now();
            match message {
                Message::Text(_) | Message::Binary(_) => {
                    if let Some(end) = self.pass_on(message.into_data().into()).await? {
                        return Ok(end);
                    }
                    let now = Instant::now();
                    if now - self.heard > DEAF {
                        self.watch.connected(now);
                    }
                    self.heard = now;
                }
                Message::Close(frame) => return Ok(self.closed(socket, frame).await),
                // tungstenite answers pings by itself.
                Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
            }
        }
    }

    /// Returns the next instant at which something may have to be done without a message.
    fn next_wake(&self, keep_alive: Option<&(Instant, KeepAlive)>) -> Instant {
        let silent = later(self.heard, self.options.silence);
        let others = [self.watch.due(), keep_alive.map(|(at, _)| *at)];
        others.into_iter().flatten().fold(silent, Instant::min)
    }

    /// Does what is due; returns how the connection ends, if it does.
    async fn wake(&mut self, socket: &mut Socket, keep_alive: &mut Option<(Instant, KeepAlive)>) -> Option<End> {
        let now = Instant::now();
        if later(self.heard, self.options.silence) <= now {
            let silence_ms = milliseconds(self.options.silence);
            if !self.report(EventKind::Silence { silence_ms }).await {
                return Some(End::Done);
            }
            return Some(End::Lost(format!("nothing was received for {silence_ms} ms")));
        }
        if let Some((at, message)) = keep_alive
            && *at <= now
        {
            *at = now + message.every;
            if let Err(error) = send(socket, self.options, vec![message.message.clone()]).await {
                return Some(End::Lost(self.lost(&error)));
            }
        }
        if self.watch.due().is_some_and(|due| due <= now) {
            let silent = self.watch.silent(now);
            return self.act_on(socket, silent).await;
        }
        None
    }

    /// Reports silent products, and does what the options say.
    async fn act_on(&mut self, socket: &mut Socket, silent: Vec<Silent>) -> Option<End> {
        for Silent { product, silence } in &silent {
            let kind = EventKind::ProductSilence { product: product.clone(), silence_ms: milliseconds(*silence) };
            if !self.report(kind).await {
                return Some(End::Done);
            }
        }
        let first = silent.first()?;
        let reason = format!("no ticks of {} for {} ms", first.product, milliseconds(first.silence));
        match self.options.on_product_silence {
            OnProductSilence::Note => None,
            OnProductSilence::Reconnect => Some(End::Lost(reason)),
            OnProductSilence::Resubscribe => {
                let products: Vec<String> = silent.into_iter().map(|one| one.product).collect();
                let messages = self.options.exchange.resubscriptions(&products);
                if messages.is_empty() {
                    return Some(End::Lost(reason));
                }
                let messages = match authorised(self.options, self.clock, messages) {
                    Ok(messages) => messages,
                    Err(error) => return Some(End::Lost(error.to_string())),
                };
                let sent = send(socket, self.options, messages).await;
                sent.err().map(|error| End::Lost(self.lost(&error)))
            }
        }
    }

    /// Passes one message on; returns how the connection ends, if it does.
    async fn pass_on(&mut self, payload: Vec<u8>) -> Result<Option<End>, Error> {
        let received_at = self.clock.now();
        let message = std::str::from_utf8(&payload).map_or(&payload[..], |text| tick::trimmed(text).as_bytes());
        let mut seen = self.options.exchange.look(message);
        if has_overlong_product(&seen.holds) {
            seen.holds = Holds::Unreadable;
        }
        let mut events = Vec::new();
        let mut end = None;
        match &seen.holds {
            Holds::Error { message } if !self.accepted && self.first => return Err(self.refused(message)),
            Holds::Error { message } => {
                let message = printable(message, MOST_TEXT_CHARS);
                if !self.accepted {
                    end = Some(End::Lost(format!("the server refuses the subscription: {message}")));
                }
                events.push(EventKind::ServerError { message });
            }
            Holds::Ticks { product, others, .. } => {
                self.accepted = true;
                for product in std::iter::once(product).chain(others) {
                    if let Some(silence) = self.watch.heard(product, self.heard) {
                        let (product, silence_ms) = (product.clone(), milliseconds(silence));
                        events.push(EventKind::ProductResumed { product, silence_ms });
                    }
                }
            }
            Holds::Control | Holds::Unreadable => {}
        }
        if let (Some(numbers), Some(number)) = (&mut self.numbers, seen.sequence_num)
            && let Some(gap) = numbers.observe(number)
        {
            events.push(EventKind::Gap(gap));
        }
        // The gap comes before the message that reveals it.
        for kind in events {
            if !self.report(kind).await {
                return Ok(Some(End::Done));
            }
        }
        let received = Received { payload, received_at, connection: Arc::clone(&self.connection), holds: seen.holds };
        let taken = self.sender.send(Ok(Item::Message(received))).await;
        Ok(if taken { end } else { Some(End::Done) })
    }

    async fn closed(&self, socket: &mut Socket, frame: Option<CloseFrame>) -> End {
        // tungstenite sends its answer to a close while we keep reading.
        let _ = timeout(CLOSE_TIMEOUT, async { while let Some(Ok(_)) = socket.next().await {} }).await;
        let (code, reason) = match frame {
            Some(frame) => (frame.code, printable(frame.reason.as_str(), MOST_TEXT_CHARS)),
            None => (CloseCode::Status, "no reason given".into()),
        };
        if self.options.until_close && code == CloseCode::Normal {
            self.report(EventKind::Closed { reason }).await;
            return End::Done;
        }
        End::Lost(format!("the server closed the connection: {} {reason}", u16::from(code)))
    }

    /// Sends an event; returns whether the receiver is still there.
    async fn report(&self, kind: EventKind) -> bool {
        let event = Event { time: self.clock.now(), connection: Arc::clone(&self.connection), kind };
        self.sender.send(Ok(Item::Event(event))).await
    }

    /// Returns why the connection is lost.
    fn lost(&self, error: &tungstenite::Error) -> String {
        match error {
            tungstenite::Error::Capacity(CapacityError::MessageTooLong { size, max_size }) => {
                format!("a message of {size} bytes is larger than feed.max_message_bytes, {max_size}")
            }
            error => printable(&error.to_string(), MOST_TEXT_CHARS),
        }
    }

    fn refused(&self, message: &str) -> Error {
        let (url, message) = (shown(&self.options.url), printable(message, MOST_TEXT_CHARS));
        let exchange = self.options.exchange;
        match self.options.products.iter().find(|product| message.contains(product.as_str())) {
            Some(product) => Error::ProductRefused { url, product: product.clone(), message, exchange },
            None => Error::Refused { url, products: self.options.products.join(", "), message, exchange },
        }
    }
}

/// Returns whether a product's name is too long to be one.
fn has_overlong_product(holds: &Holds) -> bool {
    let overlong = |product: &String| product.len() > MOST_PRODUCT_BYTES;
    matches!(holds, Holds::Ticks { product, others, .. } if overlong(product) || others.iter().any(overlong))
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Adds a duration; one that is too long for the clock ends in a far future.
fn later(instant: Instant, duration: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(30 * 365 * 86_400);
    instant.checked_add(duration).unwrap_or(instant + FAR)
}
