//! One connection, from the handshake to its end.

use std::sync::Arc;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::numbers::Numbers;
use super::{Event, EventKind, Item, Options, Received, Sender};
use crate::feed::Error;
use crate::feed::exchange::Holds;
use crate::tick::{Clock, Sequence};

pub type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// How long a slow network may take to connect. After that, exchanges give a client 5 s to subscribe.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// How long the server may take to answer a close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// How a connection ended.
pub enum End {
    /// The connection is lost, for this reason; the client tries again.
    Lost(String),
    /// The client is done: the receiver is gone, or the server closed the connection normally and the options say to end
    /// then.
    Done,
}

/// Connects and subscribes.
pub async fn open(options: &Options) -> Result<Socket, Error> {
    let url = &options.url;
    if !matches!(url::Url::parse(url), Ok(parsed) if matches!(parsed.scheme(), "ws" | "wss") && parsed.has_host()) {
        return Err(Error::Address { url: url.clone() });
    }
    let failed = |source| Error::Connect { url: url.clone(), source: Box::new(source) };
    let (mut socket, _) = timeout(CONNECT_TIMEOUT, connect_async(url.as_str()))
        .await
        .map_err(|_| Error::ConnectTimeout { url: url.clone(), seconds: CONNECT_TIMEOUT.as_secs() })?
        .map_err(failed)?;
    for request in options.exchange.subscriptions(&options.products) {
        socket.send(Message::text(request)).await.map_err(failed)?;
    }
    Ok(socket)
}

/// One connection's bookkeeping.
pub struct Link<'a> {
    options: &'a Options,
    clock: &'a dyn Clock,
    sender: &'a Sender,
    connection: Arc<str>,
    /// `None` if the exchange's sequence numbers do not count a connection's messages.
    numbers: Option<Numbers>,
    /// Whether ticks have arrived, which shows that the server accepted the subscription.
    accepted: bool,
}

impl<'a> Link<'a> {
    pub fn new(options: &'a Options, clock: &'a dyn Clock, sender: &'a Sender, connection: Arc<str>) -> Self {
        let counts_messages = options.exchange.shape().sequence() == Sequence::Connection;
        let numbers = counts_messages.then(Numbers::default);
        Link { options, clock, sender, connection, numbers, accepted: false }
    }

    /// Returns whether ticks have arrived.
    pub fn heard(&self) -> bool {
        self.accepted
    }

    /// Passes on what is received until the connection ends.
    ///
    /// # Errors
    /// The server refuses the subscription.
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
        loop {
            let next = tokio::select! {
                // Take a waiting message first, even if the receiver has just gone.
                biased;
                next = timeout(self.options.silence, socket.next()) => next,
                () = self.sender.closed() => return Ok(End::Done),
            };
            let message = match next {
                Ok(Some(Ok(message))) => message,
                Ok(Some(Err(error))) => return Ok(End::Lost(error.to_string())),
                Ok(None) => return Ok(End::Lost("the server ended the connection".into())),
                Err(_) => {
                    let silence_ms = u64::try_from(self.options.silence.as_millis()).unwrap_or(u64::MAX);
                    if !self.report(EventKind::Silence { silence_ms }).await {
                        return Ok(End::Done);
                    }
                    return Ok(End::Lost(format!("nothing was received for {silence_ms} ms")));
                }
            };
            match message {
                Message::Text(_) | Message::Binary(_) => {
                    if !self.pass_on(message.into_data().into()).await? {
                        return Ok(End::Done);
                    }
                }
                Message::Close(frame) => return Ok(self.closed(socket, frame).await),
                // tungstenite answers pings by itself.
                Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
            }
        }
    }

    /// Passes one message on; returns whether the receiver is still there.
    async fn pass_on(&mut self, payload: Vec<u8>) -> Result<bool, Error> {
        let received_at = self.clock.now();
        let seen = self.options.exchange.look(&payload);
        let mut event = None;
        match &seen.holds {
            Holds::Error { message } if !self.accepted => return Err(self.refused(message)),
            Holds::Error { message } => event = Some(EventKind::ServerError { message: message.clone() }),
            Holds::Ticks { .. } => self.accepted = true,
            Holds::Control | Holds::Unreadable => {}
        }
        if let (Some(numbers), Some(number)) = (&mut self.numbers, seen.sequence_num)
            && let Some(gap) = numbers.observe(number)
        {
            event = Some(EventKind::Gap(gap));
        }
        // The gap comes before the message that reveals it.
        if let Some(kind) = event
            && !self.report(kind).await
        {
            return Ok(false);
        }
        let received = Received { payload, received_at, connection: Arc::clone(&self.connection), holds: seen.holds };
        Ok(self.sender.send(Ok(Item::Message(received))).await.is_ok())
    }

    async fn closed(&self, socket: &mut Socket, frame: Option<tungstenite::protocol::CloseFrame>) -> End {
        // tungstenite sends its answer to a close while we keep reading.
        let _ = timeout(CLOSE_TIMEOUT, async { while let Some(Ok(_)) = socket.next().await {} }).await;
        let (code, reason) = match frame {
            Some(frame) => (frame.code, frame.reason.as_str().to_string()),
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
        self.sender.send(Ok(Item::Event(event))).await.is_ok()
    }

    fn refused(&self, message: &str) -> Error {
        let (url, message) = (self.options.url.clone(), message.to_string());
        match self.options.products.iter().find(|product| message.contains(product.as_str())) {
            Some(product) => Error::ProductRefused { url, product: product.clone(), message },
            None => Error::Refused { url, products: self.options.products.join(", "), message },
        }
    }
}
