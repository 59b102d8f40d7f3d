//! One client's connection.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::{FutureExt, SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{self, Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, accept_async};

use super::replay::Replay;
use super::subscriptions::{Change, Subscriptions};
use super::wire::{self, Encoder, EventKind};
use super::{Exchange, Speed, sleep_until};
use crate::feed::market::Ticker;

/// How long a client may take to subscribe; after that, the exchange closes the connection.
const SUBSCRIBE_WITHIN: Duration = Duration::from_secs(5);
/// How long a client may take to answer a close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);
const HEARTBEAT_NS: i64 = 1_000_000_000;
/// The size of a message that is too large.
const BLOAT_BYTES: usize = 32 << 20;
/// At full speed, the number of messages sent before checking for messages from the client.
const LISTEN_EVERY: u32 = 256;

/// Why a connection ends.
enum End {
    /// The simulated duration has passed.
    Finished,
    /// The client never subscribed.
    NeverSubscribed,
    /// The client disconnected.
    Left,
    /// A requested fault cut the connection.
    Cut,
    /// A requested fault closed the connection normally.
    Closed,
    /// A requested fault refused the subscription.
    Refused,
}

impl From<tungstenite::Error> for End {
    fn from(_: tungstenite::Error) -> Self {
        End::Left
    }
}

/// Serves one connection to its end; returns how many messages it was sent.
///
/// If it is `refused`, a requested fault answers its subscription with an error.
pub async fn serve(stream: TcpStream, exchange: Arc<Exchange>, refused: bool) -> u64 {
    // Updates are small, so send each at once.
    let _ = stream.set_nodelay(true);
    let Ok(socket) = accept_async(stream).await else { return 0 };
    let mut session = Session {
        socket,
        subscriptions: Subscriptions::new(&exchange.options.products),
        exchange,
        encoder: Encoder::default(),
        numbered: 0,
        sent: 0,
        heartbeats: 0,
        refused,
    };
    let (end, replay) = session.run().await;
    session.close(end, replay).await;
    session.sent
}

struct Session {
    socket: WebSocketStream<TcpStream>,
    exchange: Arc<Exchange>,
    subscriptions: Subscriptions,
    encoder: Encoder,
    /// Messages numbered, including those that a fault left out.
    numbered: u64,
    sent: u64,
    heartbeats: u64,
    refused: bool,
}

impl Session {
    async fn run(&mut self) -> (End, Option<Replay>) {
        if let Err(end) = self.greet().await {
            return (end, None);
        }
        let mut replay = self.exchange.replay();
        let Err(end) = self.stream(&mut replay).await;
        (end, Some(replay))
    }

    /// Waits for a subscription that starts simulated time. If the client sets the pace, only a ticker subscription does.
    async fn greet(&mut self) -> Result<(), End> {
        let deadline = tokio::time::Instant::now() + SUBSCRIBE_WITHIN;
        let paced = self.exchange.options.speed != Speed::Max;
        loop {
            if self.subscriptions.any_ticker() || (paced && self.subscriptions.heartbeats) {
                return Ok(());
            }
            let next = tokio::time::timeout_at(deadline, self.socket.next()).await;
            let message = next.map_err(|_| End::NeverSubscribed)?;
            let now = self.exchange.time_at(Instant::now()).unwrap_or(self.exchange.options.start);
            if self.refused && matches!(message, Some(Ok(Message::Text(_)))) {
                self.socket.send(Message::text(wire::error("too many requests"))).await?;
                return Err(End::Refused);
            }
            // `stream` sends the snapshot, once the market exists.
            self.answer(message, now, None).await?;
        }
    }

    /// Sends updates and heartbeats, each at its time, and listens to the client in between.
    async fn stream(&mut self, replay: &mut Replay) -> Result<std::convert::Infallible, End> {
        if self.subscriptions.any_ticker() {
            let every = (0..replay.tickers().len()).collect::<Vec<_>>();
            self.snapshot(replay.time(), &every, replay.tickers()).await?;
            self.acknowledge(replay.time()).await?;
        }
        let mut next_heartbeat = replay.time() + HEARTBEAT_NS;
        let mut batch = Vec::new();
        let mut unheard = 0;
        loop {
            let due = replay.next_time().or(replay.end()).unwrap_or(i64::MAX);
            let now = due.min(next_heartbeat);
            self.listen_until(now, replay, &mut unheard).await?;
            if next_heartbeat <= due {
                if self.subscriptions.heartbeats {
                    self.heartbeats += 1;
                    let text = self.encoder.heartbeat(next_heartbeat, self.heartbeats);
                    self.send(text).await?;
                }
                next_heartbeat += HEARTBEAT_NS;
                continue;
            }
            if replay.next_time().is_none() {
                return Err(End::Finished);
            }
            replay.take(&mut batch);
            self.subscriptions.retain(&mut batch);
            if !batch.is_empty() {
                let text = self.encoder.tickers(now, EventKind::Update, &batch, &self.exchange.options.products);
                self.send(text).await?;
            }
        }
    }

    /// Answers the client until a simulated time is due.
    async fn listen_until(&mut self, time: i64, replay: &Replay, unheard: &mut u32) -> Result<(), End> {
        let Some(instant) = self.exchange.instant_of(time) else {
            *unheard += 1;
            if *unheard >= LISTEN_EVERY {
                *unheard = 0;
                while let Some(message) = self.socket.next().now_or_never() {
                    self.answer(message, replay.time(), Some(replay)).await?;
                }
            }
            return Ok(());
        };
        if instant > Instant::now() {
            self.socket.flush().await?;
        }
        loop {
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(instant.into()) => return Ok(()),
                message = self.socket.next() => {
                    let now = self.exchange.time_at(Instant::now()).unwrap_or(time).min(time);
                    self.answer(message, now, Some(replay)).await?;
                }
            }
        }
    }

    /// Answers one message of the client.
    async fn answer(
        &mut self,
        message: Option<Result<Message, tungstenite::Error>>,
        now: i64,
        replay: Option<&Replay>,
    ) -> Result<(), End> {
        let text = match message {
            None | Some(Ok(Message::Close(_))) => return Err(End::Left),
            Some(message) => match message? {
                Message::Text(text) => text,
                Message::Binary(_) => Utf8Bytes::from_static(""),
                // tungstenite answers pings by itself.
                _ => return Ok(()),
            },
        };
        match (self.subscriptions.apply(text.as_str()), replay) {
            (Err(message), _) => self.socket.send(Message::text(wire::error(&message))).await?,
            (Ok(Change::Tickers(_)), None) => {}
            (Ok(Change::Tickers(chosen)), Some(replay)) => {
                self.snapshot(now, &chosen, replay.tickers()).await?;
                self.acknowledge(now).await?;
            }
            (Ok(Change::Other), _) => self.acknowledge(now).await?,
        }
        Ok(())
    }

    /// Sends the state of those `chosen` products whose ticker is subscribed to.
    async fn snapshot(&mut self, now: i64, chosen: &[usize], tickers: &[Ticker]) -> Result<(), End> {
        let mut snapshot: Vec<Ticker> = chosen.iter().map(|&index| tickers[index]).collect();
        self.subscriptions.retain(&mut snapshot);
        let text = self.encoder.tickers(now, EventKind::Snapshot, &snapshot, &self.exchange.options.products);
        self.send(text).await
    }

    async fn acknowledge(&mut self, now: i64) -> Result<(), End> {
        let names = self.subscriptions.ticker_names();
        let text = self.encoder.subscriptions(now, &names, self.subscriptions.heartbeats);
        self.send(text).await
    }

    /// Sends one numbered message, unless a requested fault prevents or damages it.
    async fn send(&mut self, mut text: String) -> Result<(), End> {
        let hits = |every: Option<u64>, count: u64| every.is_some_and(|every| count.is_multiple_of(every));
        self.numbered += 1;
        let faults = self.exchange.options.faults;
        if !hits(faults.skip_every, self.numbered) {
            if hits(faults.garble_every, self.numbered) {
                // Messages are ASCII, so every byte is a character boundary.
                text.truncate(text.len() / 2);
            }
            self.socket.feed(Message::text(text)).await?;
            self.sent += 1;
        }
        if hits(faults.bloat_every, self.numbered) {
            self.socket.send(Message::text(wire::bloated(BLOAT_BYTES))).await?;
        }
        if hits(faults.stall_every, self.numbered) {
            self.socket.flush().await?;
            tokio::time::sleep(faults.stall).await;
        }
        if faults.mute_after == Some(self.numbered) {
            self.subscriptions.mute(0);
        }
        if hits(faults.drop_every, self.numbered) {
            return Err(End::Cut);
        }
        if faults.close_after == Some(self.numbered) {
            return Err(End::Closed);
        }
        if faults.silence_after == Some(self.numbered) {
            self.socket.flush().await?;
            return Err(self.keep_silent().await);
        }
        Ok(())
    }

    /// Sends nothing, but keeps the connection open until the client leaves or simulated time ends.
    async fn keep_silent(&mut self) -> End {
        let options = &self.exchange.options;
        let end = options.duration.and_then(|duration| {
            let elapsed = i64::try_from(duration.as_nanos()).ok()?;
            self.exchange.instant_of(options.start.saturating_add(elapsed))
        });
        let departure = async { while let Some(Ok(_)) = self.socket.next().await {} };
        tokio::select! {
            () = departure => {}
            () = sleep_until(end) => {}
        }
        End::Left
    }

    /// Closes the connection in the way that fits how it ended.
    async fn close(&mut self, end: End, replay: Option<Replay>) {
        let finished = matches!(end, End::Finished);
        let (code, reason) = match end {
            End::Finished => (CloseCode::Normal, "the simulated time has passed"),
            End::NeverSubscribed => (CloseCode::Policy, "no subscription within 5 s"),
            End::Refused => (CloseCode::Policy, "too many requests"),
            End::Closed => {
                if let Some(replay) = replay {
                    self.exchange.leave(replay);
                }
                (CloseCode::Normal, "as requested")
            }
            End::Left | End::Cut => {
                if let Some(replay) = replay {
                    self.exchange.leave(replay);
                }
                // Everything sent still arrives; then the connection is dropped.
                let _ = self.socket.flush().await;
                return;
            }
        };
        let frame = CloseFrame { code, reason: Utf8Bytes::from_static(reason) };
        let farewell = async {
            self.socket.close(Some(frame)).await?;
            while let Some(message) = self.socket.next().await {
                message?;
            }
            Ok::<(), tungstenite::Error>(())
        };
        // A slow client first reads everything that was sent, and only then answers.
        let limit = if self.exchange.options.speed == Speed::Max { CLOSE_TIMEOUT * 6 } else { CLOSE_TIMEOUT };
        let _ = timeout(limit, farewell).await;
        if finished {
            self.exchange.ended.notify_one();
        }
    }
}
