//! Exchanges that the simulator does not imitate: a local server speaks their protocol, with recorded messages.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use squall::error::Hint;
use squall::feed;
use squall::feed::client::{self, EventKind};
use squall::feed::exchange::{self, EXCHANGES, Holds};
use squall::feed::ingest::{Ingest, Options};
use squall::feed::journal::Journal;
use squall::log::{FileLog, Log};
use squall::tick::{self, Content, SystemClock};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::{receive, to};

/// One message per product, as Coinbase Exchange sent them on 24 November 2025.
const RECORDED: [&str; 3] = [
    r#"{"type":"ticker","sequence":116681060283,"product_id":"BTC-USD","price":"86468.04","open_24h":"87046.02","volume_24h":"11500.40434547","low_24h":"85213.17","high_24h":"88100","volume_30d":"292316.97626696","best_bid":"86468.03","best_bid_size":"0.15818534","best_ask":"86468.04","best_ask_size":"0.05782483","side":"buy","time":"2025-11-24T15:08:18.223332Z","trade_id":910348374,"last_size":"0.02454085"}"#,
    r#"{"type":"ticker","sequence":26063848074,"product_id":"SOL-USD","price":"142.72","open_24h":"138.99","volume_24h":"1434150.96979057","low_24h":"135.45","high_24h":"144.74","volume_30d":"44829832.60871382","best_bid":"142.710","best_bid_size":"0.00800000","best_ask":"142.730","best_ask_size":"28.04609744","side":"sell","time":"2025-11-27T00:19:32.197803Z","trade_id":300765359,"last_size":"4.06586418"}"#,
    r#"{"type":"ticker","sequence":116714327775,"product_id":"BTC-USD","price":"88241.78","open_24h":"86808.28","volume_24h":"14865.26421712","low_24h":"85213.17","high_24h":"89225.6","volume_30d":"299748.81628809","best_bid":"88241.77","best_bid_size":"0.14347223","best_ask":"88241.78","best_ask_size":"0.08737142","side":"buy","time":"2025-11-25T00:00:04.172063Z","trade_id":910837755,"last_size":"0.00017939"}"#,
];

/// Returns recorded messages of Coinbase Exchange: many if the recordings are available, else those in this file.
fn recorded() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/coinbase-exchange-2025-11-24.ndjson.zst");
    match std::fs::File::open(&path) {
        Ok(file) => {
            let lines = BufReader::new(zstd::Decoder::new(file).expect("zstd")).lines();
            lines.take(2000).map(|line| line.expect("a line")).collect()
        }
        Err(_) => RECORDED.map(String::from).into(),
    }
}

/// Serves Coinbase Exchange's protocol to one client: an acknowledgement, a heartbeat, the messages, a normal close.
async fn serve_coinbase_exchange(messages: Vec<String>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("ws://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a client");
        let mut socket = tokio_tungstenite::accept_async(stream).await.expect("a websocket");
        let request = socket.next().await.expect("a request").expect("a message").into_text().expect("text");
        let request: serde_json::Value = serde_json::from_str(&request).expect("JSON");
        assert_eq!((&request["type"], &request["channels"][0]), (&"subscribe".into(), &"ticker".into()));
        assert_eq!(request["channels"][1], "heartbeat");
        let products = request["product_ids"].as_array().expect("products");
        if let Some(unknown) = products.iter().find(|product| *product == "DOGE-USD") {
            let reason = format!("{} is not a valid product", unknown.as_str().expect("a name"));
            let error = serde_json::json!({ "type": "error", "message": "Failed to subscribe", "reason": reason });
            socket.send(Message::text(error.to_string())).await.expect("sent");
        } else {
            let channels = ["ticker", "heartbeat"];
            let channels = channels.map(|name| serde_json::json!({ "name": name, "product_ids": products }));
            let acknowledgement = serde_json::json!({ "type": "subscriptions", "channels": channels });
            let heartbeat = r#"{"type":"heartbeat","sequence":90,"last_trade_id":20,"product_id":"BTC-USD","time":"2025-11-24T15:08:18.223332Z"}"#;
            for text in [acknowledgement.to_string(), heartbeat.into()].into_iter().chain(messages) {
                socket.feed(Message::text(text)).await.expect("sent");
            }
        }
        let frame = CloseFrame { code: CloseCode::Normal, reason: "the recording ends".into() };
        socket.close(Some(frame)).await.expect("closed");
        while let Some(Ok(_)) = socket.next().await {}
    });
    url
}

fn to_coinbase_exchange(url: &str) -> client::Options {
    client::Options { exchange: exchange::find("coinbase-exchange").expect("it is in the table"), ..to(url) }
}

#[tokio::test(flavor = "multi_thread")]
async fn coinbase_exchange_is_received() {
    let sent = recorded();
    let url = serve_coinbase_exchange(sent.clone()).await;
    let (messages, events, failure) = receive(to_coinbase_exchange(&url)).await;
    assert!(failure.is_none(), "{failure:?}");
    // Its numbers count a product's events, so missing numbers are not gaps.
    let kinds: Vec<&str> = events.iter().map(EventKind::name).collect();
    assert_eq!(kinds[0], "connected");
    assert!(!kinds.contains(&"gap"), "{kinds:?}");
    assert_eq!(messages[..2].iter().filter(|message| message.holds == Holds::Control).count(), 2);
    let received: Vec<&[u8]> = messages[2..].iter().map(|message| message.payload.as_slice()).collect();
    assert!(received.iter().copied().eq(sent.iter().map(String::as_bytes)), "byte for byte and in order");
    for message in &messages[2..] {
        let parsed = tick::parse(&message.payload).expect("a message of the exchange");
        assert_eq!(parsed.shape.name, "exchange");
        let Content::Ticks(ticks) = parsed.content else { panic!("a tick") };
        assert!(
            matches!(&message.holds, Holds::Ticks { product, others, .. } if *product == ticks[0].product_id && others.is_empty())
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn coinbase_exchange_goes_to_a_log() {
    let mut sent = recorded();
    // Landing reads a message behind a byte order mark too.
    sent[0].insert(0, '\u{feff}');
    let url = serve_coinbase_exchange(sent.clone()).await;
    let temp = tempfile::tempdir().expect("a temporary folder");
    let log = FileLog::create(&temp.path().join("raw")).await.expect("a log");
    let journal = Journal::new(&temp.path().join("events"));
    let mut show = |_| {};
    let options = Options { max_messages: None, sync_interval: Duration::from_millis(50) };
    let items = client::start(to_coinbase_exchange(&url), Arc::new(SystemClock));
    let mut ingest = Ingest::new(items, &log, journal, options, Arc::new(SystemClock), &mut show);
    ingest.run(tokio::time::sleep(Duration::from_secs(30))).await.expect("received");
    let summary = ingest.summary();
    assert_eq!((summary.ticks, summary.control, summary.unreadable), (sent.len() as u64, 2, 0));
    assert_eq!(summary.first_event_time, Some(1_763_996_898_223_332_000));
    let held = log.read(0, 0, 10_000).await.expect("the log can be read");
    assert_eq!(held.len(), sent.len() + 2);
    assert_eq!(held[0].record.key, None);
    assert_eq!(held[2].record.key.as_deref(), Some("BTC-USD"));
}

#[tokio::test(flavor = "multi_thread")]
async fn coinbase_exchange_names_the_product_that_it_refuses() {
    let url = serve_coinbase_exchange(Vec::new()).await;
    let mut options = to_coinbase_exchange(&url);
    options.products = vec!["BTC-USD".into(), "DOGE-USD".into()];
    let failure = receive(options).await.2.expect("the product is refused");
    assert!(matches!(&failure, feed::Error::ProductRefused { product, .. } if product == "DOGE-USD"), "{failure}");
    assert!(failure.to_string().contains("Failed to subscribe: DOGE-USD is not a valid product"), "{failure}");
    assert!(failure.hint().expect("a hint").contains("--products BTC-USD,ETH-USD"));
}

#[test]
fn the_default_is_the_first_exchange_and_all_are_documented() {
    let settings = squall::config::resolve(None, [], &[], None).expect("defaults").settings;
    assert_eq!((settings.feed.exchange.as_str(), settings.feed.url.as_str()), (EXCHANGES[0].name(), ""));
    let documentation = include_str!("../../../docs/exchanges.md");
    for exchange in EXCHANGES {
        let row = format!("| `{}` | `{}` | `{}` |", exchange.name(), exchange.address(), exchange.shape().name);
        assert!(documentation.contains(&row), "docs/exchanges.md lacks {row}");
        assert!(squall::config::DEFAULTS.contains(exchange.name()), "squall.toml does not name {}", exchange.name());
    }
}
