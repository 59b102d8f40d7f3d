//! What unusual feeds do to the client: refusals, silent products, servers that close again and again, messages that are too
//! large, texts that control a terminal.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::{SinkExt, StreamExt};
use squall::feed::client::{self, EventKind, Item, OnProductSilence};
use squall::feed::ingest::{Ingest, Options};
use squall::feed::journal::Journal;
use squall::feed::server::{Faults, Speed};
use squall::feed::{Error, server};
use squall::log::FileLog;
use squall::tick::SystemClock;
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::{exchange, receive, serve, to};

fn names(events: &[EventKind]) -> Vec<&'static str> {
    events.iter().map(EventKind::name).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_on_a_reconnection_is_an_event_and_a_wait() {
    let faults = Faults { drop_every: Some(100), refuse_again: 2, ..Faults::default() };
    let (url, _server) = serve(exchange(60, faults)).await;
    let (messages, events, failure) = receive(to(&url)).await;
    assert!(failure.is_none(), "{failure:?}");
    let refused = ["connected", "server_error", "reconnecting"];
    let expected = [&["connected", "reconnecting"][..], &refused, &refused, &["connected"]].concat();
    assert_eq!(names(&events)[..expected.len()], expected);
    assert!(matches!(&events[4], EventKind::Reconnecting { reason, .. } if reason.contains("too many requests")));
    assert_eq!(events.last().map(EventKind::name), Some("closed"));
    // The error itself is in the log as well.
    assert_eq!(messages.iter().filter(|message| super::text(message).contains("too many")).count(), 2);
}

/// A market at ten times its speed, whose first product falls silent after a few messages of a connection.
fn muted() -> server::Options {
    server::Options { speed: Speed::Times(10.0), ..exchange(3600, Faults { mute_after: Some(6), ..Faults::default() }) }
}

async fn first_events(options: client::Options, count: usize) -> Vec<EventKind> {
    let mut items = client::start(options, Arc::new(SystemClock));
    let mut events = Vec::new();
    while events.len() < count {
        match items.recv().await.expect("the feed goes on").expect("no failure") {
            Item::Message(_) => {}
            Item::Event(event) => events.push(event.kind),
        }
    }
    events
}

#[tokio::test(flavor = "multi_thread")]
async fn one_silent_product_is_an_event_and_is_subscribed_to_again() {
    let (url, server) = serve(muted()).await;
    let mut options = to(&url);
    options.products = vec!["BTC-USD".into(), "ETH-USD".into(), "SOL-USD".into()];
    // Nobody else is silent for this long: 30 s of the market.
    options.product_silence = Some(Duration::from_secs(3));
    options.on_product_silence = OnProductSilence::Resubscribe;
    let events = first_events(options, 3).await;
    server.abort();
    assert_eq!(names(&events), ["connected", "product_silence", "product_resumed"]);
    assert!(
        matches!(&events[1], EventKind::ProductSilence { product, silence_ms: 3000.. } if product == "BTC-USD"),
        "{events:?}"
    );
    assert!(matches!(&events[2], EventKind::ProductResumed { product, .. } if product == "BTC-USD"), "{events:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_product_makes_the_client_reconnect_if_the_settings_say_so() {
    let (url, server) = serve(muted()).await;
    let mut options = to(&url);
    options.product_silence = Some(Duration::from_secs(3));
    options.on_product_silence = OnProductSilence::Reconnect;
    let events = first_events(options, 5).await;
    server.abort();
    assert_eq!(names(&events), ["connected", "product_silence", "reconnecting", "connected", "product_resumed"]);
    assert!(matches!(&events[2], EventKind::Reconnecting { reason, .. } if reason.contains("no ticks of BTC-USD")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_sends_ticks_and_closes_is_not_hammered() {
    let faults = Faults { close_after: Some(20), ..Faults::default() };
    let (url, server) = serve(exchange(3600, faults)).await;
    let mut options = to(&url);
    options.until_close = false;
    options.reconnect_initial = Duration::from_millis(20);
    options.reconnect_max = Duration::from_secs(10);
    options.reconnect_steady = Duration::from_secs(10);
    let events = first_events(options, 14).await;
    server.abort();
    let waits: Vec<(u32, u64)> = events
        .iter()
        .filter_map(|event| match event {
            EventKind::Reconnecting { attempt, wait_ms, .. } => Some((*attempt, *wait_ms)),
            _ => None,
        })
        .collect();
    assert_eq!(waits.iter().map(|(attempt, _)| *attempt).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6, 7]);
    assert!(waits[6].1 >= 640, "{waits:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_too_large_ends_its_connection_and_no_more() {
    let faults = Faults { bloat_every: Some(50), ..Faults::default() };
    let (url, server) = serve(exchange(3600, faults)).await;
    let (mut options, mut largest) = (to(&url), 0);
    options.max_message_bytes = 100_000;
    let mut items = client::start(options, Arc::new(SystemClock));
    let mut reasons = Vec::new();
    while reasons.len() < 2 {
        match items.recv().await.expect("the feed goes on").expect("no failure") {
            Item::Message(message) => largest = largest.max(message.payload.len()),
            Item::Event(client::Event { kind: EventKind::Reconnecting { reason, .. }, .. }) => reasons.push(reason),
            Item::Event(_) => {}
        }
    }
    server.abort();
    assert!(largest < 100_000, "{largest}");
    assert!(reasons.iter().all(|reason| reason.contains("feed.max_message_bytes, 100000")), "{reasons:?}");
}

/// Answers each connection's first message, and closes the connection with a reason.
async fn answer_with(answer: &'static str, reason: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("ws://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut socket = tokio_tungstenite::accept_async(stream).await.expect("a websocket");
            let _ = socket.next().await;
            let _ = socket.send(Message::text(answer)).await;
            let _ = socket.close(Some(CloseFrame { code: CloseCode::Away, reason: reason.into() })).await;
            while let Some(Ok(_)) = socket.next().await {}
        }
    });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_says_cannot_control_the_terminal() {
    let url = answer_with(r#"{"type":"error","message":"\u001b[2J\u001b]0;mine\u0007 gone"}"#, "").await;
    let failure = receive(to(&url)).await.2.expect("refused");
    assert!(matches!(&failure, Error::Refused { .. }), "{failure:?}");
    assert!(!failure.to_string().contains(char::is_control), "{failure:?}");
    assert!(failure.to_string().contains(r"\u{1b}[2J"), "{failure}");

    let url = answer_with(r#"{"type":"hello"}"#, "\u{1b}[2J bye\r\n").await;
    let events = first_events(to(&url), 2).await;
    let EventKind::Reconnecting { reason, .. } = &events[1] else { panic!("{events:?}") };
    assert!(reason.contains(r"\u{1b}[2J bye") && !reason.contains(char::is_control), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_product_name_without_end_is_not_a_key() {
    let long = "X".repeat(70_000);
    let ticker = format!(
        r#"{{"channel":"ticker","timestamp":"2026-04-04T21:13:43Z","sequence_num":0,"events":[{{"tickers":[{{"product_id":"{long}"}}]}}]}}"#
    );
    let url = answer_with(Box::leak(ticker.into_boxed_str()), "").await;
    let mut items = client::start(to(&url), Arc::new(SystemClock));
    loop {
        if let Item::Message(message) = items.recv().await.expect("more").expect("no failure") {
            assert_eq!(message.holds, exchange::Holds::Unreadable);
            assert!(message.payload.len() > 70_000, "its bytes are passed on");
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_signal_to_stop_ends_an_attempt_to_connect() {
    // It accepts connections and never answers.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("ws://{}", listener.local_addr().expect("an address"));
    let temp = tempfile::tempdir().expect("a temporary folder");
    let log = FileLog::create(&temp.path().join("raw")).await.expect("a log");
    let journal = Journal::new(&temp.path().join("events"));
    let options = Options { max_messages: None, sync_interval: Duration::from_millis(50) };
    let mut show = |_| {};
    let items = client::start(to(&url), Arc::new(SystemClock));
    let mut ingest = Ingest::new(items, &log, journal, options, Arc::new(SystemClock), &mut show);
    let began = Instant::now();
    ingest.run(tokio::time::sleep(Duration::from_millis(200))).await.expect("ended in order");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[tokio::test]
async fn products_are_checked_before_connecting() {
    let binance = exchange::find("binance").expect("it is in the table");
    let options = |products: Vec<String>| client::Options { exchange: binance, products, ..to("ws://127.0.0.1:1") };
    let failure = receive(options(vec!["BTC-USD".into()])).await.2.expect("another exchange's name");
    assert!(failure.to_string().contains("binance writes products like `BTCUSD`"), "{failure}");
    let many = (0..1025).map(|number| format!("P{number}")).collect();
    let failure = receive(options(many)).await.2.expect("too many");
    assert!(matches!(failure, Error::TooManyProducts { limit: 1024, .. }), "{failure}");
}

/// Serves Binance's protocol: the streams are in the address, and the client asks for its list of them now and then.
#[tokio::test(flavor = "multi_thread")]
async fn binance_is_received() {
    const TICKER: &str = r#"{"stream":"btcusdt@bookTicker","data":{"u":50093239212,"s":"BTCUSDT","b":"61837.63000000","B":"3.78826000","a":"61837.64000000","A":"1.54698000"}}"#;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("ws://{}", listener.local_addr().expect("an address"));
    let serving = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a client");
        let mut address = String::new();
        #[expect(clippy::result_large_err, reason = "the library says what a refusal holds")]
        let look = |request: &tokio_tungstenite::tungstenite::handshake::server::Request, response| {
            address = request.uri().to_string();
            Ok(response)
        };
        let mut socket = tokio_tungstenite::accept_hdr_async(stream, look).await.expect("a websocket");
        socket.send(Message::text(TICKER)).await.expect("sent");
        let asked = socket.next().await.expect("a question").expect("a message").into_text().expect("text");
        socket.send(Message::text(r#"{"result":["btcusdt@bookTicker"],"id":3}"#)).await.expect("sent");
        socket.close(Some(CloseFrame { code: CloseCode::Normal, reason: "".into() })).await.expect("closed");
        while let Some(Ok(_)) = socket.next().await {}
        (address, asked.to_string())
    });
    let binance = exchange::find("binance").expect("it is in the table");
    let options = client::Options { exchange: binance, products: vec!["BTCUSDT".into()], ..to(&url) };
    let (messages, events, failure) = receive(options).await;
    assert!(failure.is_none(), "{failure:?}");
    let (address, asked) = serving.await.expect("served");
    assert_eq!(address, "/stream?streams=btcusdt@bookTicker");
    assert!(asked.contains("LIST_SUBSCRIPTIONS"), "{asked}");
    assert_eq!(names(&events), ["connected", "closed"]);
    assert_eq!(messages.len(), 2);
    assert!(matches!(&messages[0].holds, exchange::Holds::Ticks { product, .. } if product == "BTCUSDT"));
}
