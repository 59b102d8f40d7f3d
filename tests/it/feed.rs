//! The client against the simulated exchange, both in this process.

mod dialects;
mod disk;
mod exchanges;
mod faults;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::{SinkExt, StreamExt};
use squall::error::Hint;
use squall::feed::Error;
use squall::feed::client::{self, EventKind, Gap, Item, OnProductSilence, Received};
use squall::feed::exchange::{self, Holds};
use squall::feed::journal::Journal;
use squall::feed::server::{self, Faults, Served, Server, Speed};
use squall::tick::{self, Content, SystemClock};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;

const START: i64 = 1_767_571_200_000_000_000;

fn exchange(seconds: u64, faults: Faults) -> server::Options {
    let names = ["BTC-USD", "ETH-USD", "SOL-USD"].map(String::from);
    server::Options {
        host: "127.0.0.1".into(),
        port: 0,
        products: server::products(&names).expect("products of the simulator"),
        seed: 7,
        start: START,
        duration: Some(Duration::from_secs(seconds)),
        speed: Speed::Max,
        faults,
    }
}

fn to(url: &str) -> client::Options {
    client::Options {
        exchange: exchange::SIMULATED,
        url: url.into(),
        products: vec!["BTC-USD".into(), "ETH-USD".into()],
        signer: None,
        silence: Duration::from_secs(5),
        product_silence: None,
        on_product_silence: OnProductSilence::Note,
        max_message_bytes: 1_000_000,
        reconnect_initial: Duration::from_millis(5),
        reconnect_max: Duration::from_millis(50),
        reconnect_steady: Duration::ZERO,
        until_close: true,
        seed: 1,
    }
}

async fn serve(options: server::Options) -> (String, JoinHandle<Served>) {
    let server = Server::bind(options).await.expect("a free port");
    (server.url(), tokio::spawn(server.run()))
}

/// Receives until the client ends.
async fn receive(options: client::Options) -> (Vec<Received>, Vec<EventKind>, Option<Error>) {
    let mut items = client::start(options, Arc::new(SystemClock));
    let (mut messages, mut events, mut failure) = (Vec::new(), Vec::new(), None);
    while let Some(item) = items.recv().await {
        match item {
            Ok(Item::Message(message)) => messages.push(message),
            Ok(Item::Event(event)) => events.push(event.kind),
            Err(error) => failure = Some(error),
        }
    }
    (messages, events, failure)
}

/// Receives with only the websocket library.
async fn receive_plainly(url: &str) -> Vec<Vec<u8>> {
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.expect("a connection");
    for channel in ["heartbeats", "ticker"] {
        let request = format!(r#"{{"type":"subscribe","product_ids":["BTC-USD","ETH-USD"],"channel":"{channel}"}}"#);
        socket.send(Message::text(request)).await.expect("sent");
    }
    let mut payloads = Vec::new();
    while let Some(Ok(message)) = socket.next().await {
        if message.is_text() {
            payloads.push(message.into_data().to_vec());
        }
    }
    payloads
}

fn text(message: &Received) -> &str {
    std::str::from_utf8(&message.payload).expect("text")
}

fn payloads(messages: &[Received]) -> Vec<&[u8]> {
    messages.iter().map(|message| message.payload.as_slice()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_arrives_byte_for_byte_and_in_order() {
    let (url, server) = serve(exchange(600, Faults::default())).await;
    let plain = receive_plainly(&url).await;
    server.await.expect("the server ends");

    let (url, server) = serve(exchange(600, Faults::default())).await;
    let (messages, events, failure) = receive(to(&url)).await;
    let served = server.await.expect("the server ends");
    assert!(failure.is_none(), "{failure:?}");
    assert_eq!(events, [EventKind::Connected, EventKind::Closed { reason: "the simulated time has passed".into() }]);
    assert_eq!(served, Served { connections: 1, messages: messages.len() as u64 });
    assert_eq!(payloads(&messages), plain);
    assert!(messages.len() > 2000, "{}", messages.len());
    assert!(messages.iter().all(|message| message.connection == messages[0].connection && message.received_at > START));

    // Every message is a tick or a control message, and times never go back.
    let (mut ticks, mut heartbeats, mut last, mut shared, mut ties) = (0, 0, 0, 0, 0);
    for (number, message) in messages.iter().enumerate() {
        let parsed = tick::parse(&message.payload).expect("a message of the exchange");
        assert_eq!(parsed.sequence_num, Some(number as i64));
        match parsed.content {
            Content::Ticks(batch) => {
                ticks += batch.len();
                shared += usize::from(batch.len() > 1);
                ties += usize::from(batch[0].event_time == last);
                for tick in batch {
                    assert!(tick.best_bid < tick.best_ask && tick.event_time >= last, "{tick:?}");
                    assert!(tick.low_24_h <= tick.price && tick.price <= tick.high_24_h, "{tick:?}");
                    last = tick.event_time;
                }
            }
            Content::Control(control) => heartbeats += usize::from(control.name == "heartbeats"),
        }
    }
    // The heartbeat at the very end is not sent.
    assert_eq!(heartbeats, 600);
    assert!(shared > 10 && ties > 50, "{shared} messages of several products, {ties} ties of {ticks} ticks");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_reconnects_and_resumes() {
    let whole = {
        let (url, _server) = serve(exchange(120, Faults::default())).await;
        updates(&receive(to(&url)).await.0)
    };
    let faults = Faults { drop_every: Some(100), ..Faults::default() };
    let (url, server) = serve(exchange(120, faults)).await;
    let (messages, events, failure) = receive(to(&url)).await;
    assert!(failure.is_none(), "{failure:?}");
    let reconnections =
        events.iter().filter(|event| matches!(event, EventKind::Reconnecting { attempt: 1, .. })).count();
    let served = server.await.expect("the server ends");
    assert!(reconnections > 3, "{events:?}");
    assert_eq!(served.connections, reconnections as u64 + 1);
    assert!(events.iter().all(|event| !matches!(event, EventKind::Gap(_))), "{events:?}");
    // Each connection starts with its own snapshot; the updates in between are those of an undisturbed connection.
    assert_eq!(updates(&messages), whole);
    let connections: std::collections::BTreeSet<_> = messages.iter().map(|message| &*message.connection).collect();
    assert_eq!(connections.len(), reconnections + 1);
}

/// Returns the updates without their sequence numbers, which differ between connections.
fn updates(messages: &[Received]) -> Vec<String> {
    let texts = messages.iter().filter_map(|message| std::str::from_utf8(&message.payload).ok());
    let updates = texts.filter(|text| text.contains(r#""type":"update""#));
    updates.filter_map(|text| text.split_once(r#""events""#)).map(|(_, events)| events.to_string()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn times_and_connections_are_those_of_the_clock() {
    let (url, _server) = serve(exchange(2, Faults::default())).await;
    let mut items = client::start(to(&url), Arc::new(|| START + 7));
    let mut messages = 0;
    while let Some(item) = items.recv().await {
        match item.expect("no failure") {
            Item::Message(message) => {
                messages += 1;
                assert_eq!(message.received_at, START + 7);
                assert_eq!(&*message.connection, format!("{}-1", START / 1_000_000));
            }
            Item::Event(event) => assert_eq!(event.time, START + 7),
        }
    }
    assert!(messages > 5, "{messages}");
}

#[tokio::test(flavor = "multi_thread")]
async fn gaps_are_seen_and_malformed_messages_passed_on() {
    let faults = Faults { skip_every: Some(50), garble_every: Some(33), ..Faults::default() };
    let (url, _server) = serve(exchange(60, faults)).await;
    let (messages, events, _) = receive(to(&url)).await;
    // A malformed message's number is unreadable, so it counts as missing too.
    assert_eq!(events[1], EventKind::Gap(Gap { expected: 32, got: 33 }));
    assert_eq!(events[2], EventKind::Gap(Gap { expected: 49, got: 50 }));
    let malformed = messages.iter().filter(|message| message.holds == Holds::Unreadable).count();
    let gaps = events.iter().filter(|event| matches!(event, EventKind::Gap(_))).count();
    assert_eq!(messages[32].payload.first(), Some(&b'{'));
    assert!(malformed > 5 && gaps > malformed, "{malformed} malformed, {gaps} gaps");

    let dir = tempfile::tempdir().expect("a folder");
    let mut journal = Journal::new(&dir.path().join("events"));
    for kind in events {
        let event = client::Event { time: START, connection: "c1".into(), kind };
        journal.record(&event).expect("a row");
    }
    let rows = std::fs::read_to_string(dir.path().join("events/20260105.ndjson")).expect("a file of the day");
    assert_eq!(
        rows.lines().nth(1),
        Some(
            r#"{"time":"2026-01-05T00:00:00.000000000Z","connection":"c1","kind":"gap","product_id":null,"expected":32,"got":33,"silence_ms":null,"wait_ms":null,"attempt":null,"reason":null}"#
        )
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_makes_the_client_reconnect() {
    let faults = Faults { silence_after: Some(40), ..Faults::default() };
    let (url, server) = serve(exchange(3600, faults)).await;
    let mut options = to(&url);
    options.silence = Duration::from_millis(300);
    let mut items = client::start(options, Arc::new(SystemClock));
    let mut kinds = Vec::new();
    let mut messages = 0;
    while kinds.len() < 6 {
        match items.recv().await.expect("more").expect("no failure") {
            Item::Message(_) => messages += 1,
            Item::Event(event) => kinds.push(event.kind.name()),
        }
    }
    drop(items);
    server.abort();
    assert_eq!(kinds, ["connected", "silence", "reconnecting", "connected", "silence", "reconnecting"]);
    assert_eq!(messages, 80);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_product_is_named() {
    let (url, server) = serve(exchange(60, Faults::default())).await;
    let mut options = to(&url);
    options.products = vec!["BTC-USD".into(), "DOGE-USD".into()];
    let (_, _, failure) = receive(options).await;
    server.abort();
    let failure = failure.expect("the product is refused");
    assert!(matches!(&failure, Error::ProductRefused { product, .. } if product == "DOGE-USD"), "{failure}");
    assert!(failure.hint().expect("a hint").contains("--products"));

    let error = server::products(&["DOGE-USD".into()]).expect_err("not simulated");
    assert_eq!(error.to_string(), "unknown product `DOGE-USD`");
    assert!(error.hint().expect("a hint").contains("SOL-USD"));
}

#[tokio::test]
async fn a_port_in_use_is_reported() {
    let (url, server) = serve(exchange(60, Faults::default())).await;
    let port: u16 = url.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    let error = Server::bind(server::Options { port, ..exchange(60, Faults::default()) }).await.expect_err("in use");
    server.abort();
    assert_eq!(error.to_string(), format!("port {port} of 127.0.0.1 is in use"));
    assert!(error.hint().expect("a hint").contains("--port 0"));
}

#[tokio::test]
async fn an_absent_server_is_reported_at_once() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let (_, events, failure) = receive(to(&format!("ws://{address}"))).await;
    assert!(events.is_empty());
    let failure = failure.expect("no connection");
    assert!(matches!(failure, Error::Connect { .. }), "{failure}");
    assert!(failure.hint().expect("a hint").contains("squall simulate"));
    let (_, _, failure) = receive(to("http://example.com")).await;
    assert!(matches!(failure, Some(Error::Address { .. })), "{failure:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn paced_time_follows_the_clock() {
    let mut options = exchange(30, Faults::default());
    options.speed = Speed::Times(30.0);
    let began = Instant::now();
    let (url, server) = serve(options).await;
    let (messages, _, failure) = receive(to(&url)).await;
    let served = server.await.expect("the server ends");
    let took = began.elapsed();
    assert!(failure.is_none(), "{failure:?}");
    assert_eq!(served.messages, messages.len() as u64);
    // 30 simulated seconds at 30 a second; the upper bound leaves room for a busy machine.
    assert!(took >= Duration::from_millis(990) && took < Duration::from_secs(10), "{took:?}");
    let heartbeats = messages.iter().filter(|message| text(message).contains(r#""channel":"heartbeats""#));
    assert!((20..=30).contains(&heartbeats.count()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_subscribe_is_disconnected() {
    let (url, server) = serve(exchange(60, Faults::default())).await;
    let (mut socket, _) = tokio_tungstenite::connect_async(&url).await.expect("a connection");
    socket.send(Message::text("hello")).await.expect("sent");
    let answer = socket.next().await.expect("an answer").expect("a message");
    let holds = exchange::SIMULATED.look(answer.into_data().as_ref()).holds;
    assert!(matches!(&holds, Holds::Error { message } if message.contains("failed to read")), "{holds:?}");
    let began = Instant::now();
    let farewell = socket.next().await.expect("a farewell").expect("a message");
    server.abort();
    assert!(
        matches!(&farewell, Message::Close(Some(frame)) if frame.reason.contains("no subscription")),
        "{farewell:?}"
    );
    assert!(began.elapsed() > Duration::from_secs(4));
}
