//! Each exchange from its websocket to SQL: a local server answers in the exchange's dialect and sends messages as they are
//! documented; `squall ingest` receives them, `squall land` lands them, `squall sql` reads them.

use std::path::Path;
use std::process::Command;

use futures::{SinkExt, StreamExt};
use squall::feed::exchange;
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

/// How an exchange speaks, and what must come of it.
struct Dialect {
    exchange: &'static str,
    product: &'static str,
    /// A part of the address that the client must ask for.
    path: &'static str,
    /// The request that must come before anything is sent; `None` if the address subscribes.
    subscription: Option<&'static str>,
    /// What is sent after the subscription.
    messages: &'static [&'static str],
    /// The client's message to keep the connection, and the answer to it.
    ping: Option<[&'static str; 2]>,
    /// A product that the exchange refuses, its answer, and what squall then says.
    refusal: Option<[&'static str; 3]>,
    /// Product, event time, quote with quantities, price and number of each tick that is `ok`.
    ticks: &'static str,
    /// Reasons of the dead letters.
    dead: &'static [&'static str],
}

const DIALECTS: [Dialect; 4] = [
    Dialect {
        exchange: "binance",
        product: "BTCUSDT",
        path: "/stream?streams=btcusdt@bookTicker",
        subscription: None,
        messages: &[
            r#"{"stream":"btcusdt@bookTicker","data":{"u":50093239212,"s":"BTCUSDT","b":"61837.63000000","B":"3.78826000","a":"61837.64000000","A":"1.54698000"}}"#,
            // Numbers leave out most changes of the book.
            r#"{"stream":"btcusdt@bookTicker","data":{"u":50093239219,"s":"BTCUSDT","b":"61837.63000000","B":"3.78826000","a":"61837.64000000","A":"1.5"}}"#,
            r#"{"stream":"btcusdt@bookTicker","data":{"u":50093239220,"s":"BTCUSDT","b":"61837.63000000","B":"3.78826000"}}"#,
        ],
        ping: Some([r#"{"method":"LIST_SUBSCRIPTIONS","id":3}"#, r#"{"result":["btcusdt@bookTicker"],"id":3}"#]),
        refusal: None,
        ticks: "BTCUSDT,,61837.63,3.78826,61837.64,1.54698,,50093239212\nBTCUSDT,,61837.63,3.78826,61837.64,1.5,,50093239219\n",
        dead: &["best_ask is missing"],
    },
    Dialect {
        exchange: "kraken",
        product: "BTC/USD",
        path: "/",
        subscription: Some(
            r#"{"method":"subscribe","params":{"channel":"ticker","symbol":["BTC/USD"],"event_trigger":"bbo"}}"#,
        ),
        messages: &[
            r#"{"channel":"status","type":"update","data":[{"api_version":"v2","connection_id":15268345203137103392,"system":"online","version":"2.0.0"}]}"#,
            r#"{"method":"subscribe","result":{"channel":"ticker","event_trigger":"bbo","snapshot":true,"symbol":"BTC/USD"},"success":true,"time_in":"2025-06-13T09:04:31.742599Z","time_out":"2025-06-13T09:04:31.742648Z"}"#,
            r#"{"channel":"ticker","type":"snapshot","data":[{"symbol":"BTC/USD","bid":108359.8,"bid_qty":0.01362603,"ask":108359.9,"ask_qty":17.17988863,"last":108359.8,"volume":2158.32346723,"vwap":108894.5,"low":106824,"high":111300,"change":-2679.9,"change_pct":-2.41,"timestamp":"2025-06-13T09:04:31.742648Z"}]}"#,
            r#"{"channel":"heartbeat"}"#,
            r#"{"channel":"ticker","type":"update","data":[{"symbol":"BTC/USD","bid":108359.9,"bid_qty":"0.5","ask":108360.0,"ask_qty":1.0,"volume":2158.32346723,"vwap":108894.5,"low":106824,"high":111300,"change":-2679.9,"change_pct":-2.41,"timestamp":"2025-06-13T09:04:32.1Z"}]}"#,
            r#"{"channel":"ticker","type":"update","data":[{"symbol":"BTC/USD","bid":108359.9,"timestamp":"2025-06-13T09:04:32.2Z"}]}"#,
            r#"{"channel":"book","type":"update","data":[{"symbol":"BTC/USD","bids":[{"price":1.5,"qty":1}],"asks":[],"timestamp":"2025-06-13T09:04:32.3Z"}]}"#,
            r#"{"error":"Exceeded msg rate","method":"subscribe","success":false,"time_in":"2025-06-13T09:04:33Z","time_out":"2025-06-13T09:04:33Z"}"#,
        ],
        ping: None,
        refusal: Some([
            "DOGE/XYZ",
            r#"{"error":"Currency pair not supported DOGE/XYZ","method":"subscribe","success":false,"symbol":"DOGE/XYZ","time_in":"2023-09-25T09:04:31.742599Z","time_out":"2023-09-25T09:04:31.742648Z"}"#,
            "refuses product `DOGE/XYZ`: Currency pair not supported DOGE/XYZ",
        ]),
        ticks: "BTC/USD,2025-06-13T09:04:31.742648,108359.8,0.01362603,108359.9,17.17988863,108359.8,\nBTC/USD,2025-06-13T09:04:32.100,108359.9,0.5,108360.0,1.0,,\n",
        dead: &["ask is missing", "the exchange answers with an error: Exceeded msg rate"],
    },
    Dialect {
        exchange: "bybit",
        product: "BTCUSDT",
        path: "/",
        subscription: Some(r#"{"op":"subscribe","args":["orderbook.1.BTCUSDT"]}"#),
        messages: &[
            r#"{"success":true,"ret_msg":"subscribe","conn_id":"2324d924-aa4d-45b0-a858-7b8be29ab52b","req_id":"","op":"subscribe"}"#,
            r#"{"topic":"orderbook.1.BTCUSDT","ts":1672304484978,"type":"snapshot","data":{"s":"BTCUSDT","b":[["16493.50","0.006"]],"a":[["16611.00","0.029"]],"u":18521288,"seq":7961638724},"cts":1672304484976}"#,
            // The same quote again after 3 s: a duplicate.
            r#"{"topic":"orderbook.1.BTCUSDT","ts":1672304487978,"type":"snapshot","data":{"s":"BTCUSDT","b":[["16493.50","0.006"]],"a":[["16611.00","0.029"]],"u":18521288,"seq":7961638724},"cts":1672304484976}"#,
            r#"{"topic":"orderbook.1.BTCUSDT","ts":1672304488000,"type":"delta","data":{"s":"BTCUSDT","b":[["16494.00","1"]],"a":[],"u":18521289,"seq":7961638725},"cts":1672304487990}"#,
            // The service has restarted, and its numbers begin again; the same number comes with another quote.
            r#"{"topic":"orderbook.1.BTCUSDT","ts":1672304489000,"type":"snapshot","data":{"s":"BTCUSDT","b":[["16494.00","1"]],"a":[["16611.00","0.029"]],"u":1,"seq":7961638730},"cts":1672304488999}"#,
            r#"{"topic":"orderbook.1.BTCUSDT","ts":1672304499000,"type":"snapshot","data":{"s":"BTCUSDT","b":[["16495.00","1"]],"a":[["16611.00","0.029"]],"u":1,"seq":7961638750},"cts":1672304498999}"#,
        ],
        ping: Some([
            r#"{"op":"ping"}"#,
            r#"{"success":true,"ret_msg":"pong","conn_id":"0970e817-426e-429a-a679-ff7f55e0b16a","op":"ping"}"#,
        ]),
        refusal: Some([
            "DOGEXYZ",
            r#"{"success":false,"ret_msg":"error:handler not found,topic:orderbook.1.DOGEXYZ","conn_id":"2324d924","req_id":"","op":"subscribe"}"#,
            "refuses product `DOGEXYZ`: error:handler not found,topic:orderbook.1.DOGEXYZ",
        ]),
        ticks: "BTCUSDT,2022-12-29T09:01:24.976,16493.5,0.006,16611.0,0.029,,18521288\nBTCUSDT,2022-12-29T09:01:28.999,16494.0,1.0,16611.0,0.029,,1\nBTCUSDT,2022-12-29T09:01:38.999,16495.0,1.0,16611.0,0.029,,1\n",
        dead: &["message is a change of an order book, not a whole quote"],
    },
    Dialect {
        exchange: "okx",
        product: "BTC-USDT",
        path: "/",
        subscription: Some(r#"{"op":"subscribe","args":[{"channel":"bbo-tbt","instId":"BTC-USDT"}]}"#),
        messages: &[
            r#"{"event":"subscribe","arg":{"channel":"bbo-tbt","instId":"BTC-USDT"},"connId":"a4d3ae55"}"#,
            r#"{"arg":{"channel":"bbo-tbt","instId":"BTC-USDT"},"data":[{"asks":[["111.06","55154","0","2"]],"bids":[["111.05","57745","0","2"]],"ts":"1670324386802","seqId":363996337}]}"#,
            // After maintenance the numbers are lower.
            r#"{"arg":{"channel":"bbo-tbt","instId":"BTC-USDT"},"data":[{"asks":[["111.07","1","0","2"]],"bids":[["111.05","57745","0","2"]],"ts":"1670324386902","seqId":12}]}"#,
            r#"{"arg":{"channel":"bbo-tbt","instId":"BTC-USDT"},"data":[{"asks":[],"bids":[["111.05","57745","0","2"]],"ts":"1670324387002","seqId":13}]}"#,
            r#"{"event":"notice","code":"64008","msg":"The connection will soon be closed for a service upgrade. Please reconnect.","connId":"a4d3ae55"}"#,
        ],
        ping: Some(["ping", "pong"]),
        refusal: Some([
            "DOGE-XYZ",
            r#"{"event":"error","code":"60018","msg":"Wrong URL or channel:bbo-tbt,instId:DOGE-XYZ doesn't exist.","connId":"a4d3ae55"}"#,
            "refuses product `DOGE-XYZ`: Wrong URL or channel:bbo-tbt,instId:DOGE-XYZ doesn't exist. (60018)",
        ]),
        ticks: "BTC-USDT,2022-12-06T10:59:46.802,111.05,57745.0,111.06,55154.0,,363996337\nBTC-USDT,2022-12-06T10:59:46.902,111.05,57745.0,111.07,1.0,,12\n",
        dead: &["best_ask is missing"],
    },
];

/// Serves one client: takes its subscription, sends the messages, waits for a ping if the exchange has one, closes normally.
async fn serve(dialect: &'static Dialect) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("ws://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a client");
        #[expect(clippy::result_large_err, reason = "the library's own signature")]
        let asked = |request: &Request, response: Response| {
            assert_eq!(request.uri().to_string(), dialect.path);
            Ok(response)
        };
        let mut socket = tokio_tungstenite::accept_hdr_async(stream, asked).await.expect("a websocket");
        let mut refused = false;
        if let Some(subscription) = dialect.subscription {
            let request = socket.next().await.expect("a request").expect("a message").into_text().expect("text");
            refused = dialect.refusal.is_some_and(|[product, ..]| request.contains(product));
            assert!(refused || request == subscription, "{request}");
        }
        match dialect.refusal {
            Some([_, answer, _]) if refused => socket.send(Message::text(answer)).await.expect("sent"),
            _ => {
                for text in dialect.messages {
                    socket.send(Message::text(*text)).await.expect("sent");
                }
                if let Some([ping, pong]) = dialect.ping {
                    let sent = socket.next().await.expect("a ping").expect("a message").into_text().expect("text");
                    assert_eq!(sent, ping);
                    socket.send(Message::text(pong)).await.expect("sent");
                }
            }
        }
        let frame = CloseFrame { code: CloseCode::Normal, reason: "the messages end".into() };
        socket.close(Some(frame)).await.expect("closed");
        while let Some(Ok(_)) = socket.next().await {}
    });
    url
}

/// Runs squall in a folder; returns whether it succeeded and what it said on both outputs.
async fn squall(dir: &Path, arguments: &[&str]) -> (bool, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
    command.current_dir(dir).env_clear().args(arguments);
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic").expect("squall runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.success(), text(output.stdout), text(output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_exchange_goes_from_its_websocket_to_sql() {
    for dialect in &DIALECTS {
        let temp = tempfile::tempdir().expect("a temporary folder");
        let name = dialect.exchange;
        let url = serve(dialect).await;
        let ingest = ["ingest", "--exchange", name, "--from", &url, "--products", dialect.product, "--until-close"];
        let (done, out, err) = squall(temp.path(), &ingest).await;
        assert!(done, "{name}: {out}{err}");
        let (done, out, err) = squall(temp.path(), &["land"]).await;
        assert!(done, "{name}: {out}{err}");
        let time = if name == "binance" { "NULL" } else { "arrow_cast(event_time, 'Timestamp(ns)')" };
        let query = format!(
            "SELECT product_id, {time}, best_bid, best_bid_quantity, best_ask, best_ask_quantity, price, sequence_num
             FROM landed_ticks WHERE status = 'ok' ORDER BY ts"
        );
        let (done, out, err) = squall(temp.path(), &["sql", "--format", "csv", &query]).await;
        assert!(done, "{name}: {err}");
        let rows = out.split_once('\n').map_or("", |(_, rows)| rows);
        assert_eq!(rows, dialect.ticks, "{name}");
        let query = "SELECT reason FROM dead_letters";
        let (done, out, err) = squall(temp.path(), &["sql", "--format", "csv", query]).await;
        assert!(done, "{name}: {err}");
        let reasons: Vec<&str> = out.lines().skip(1).map(|reason| reason.trim_matches('"')).collect();
        assert_eq!(reasons, dialect.dead, "{name}");

        // The log is a recording too, and gives the same ticks.
        let other = temp.path().join("other");
        std::fs::create_dir(&other).expect("made");
        let logs = std::fs::read_dir(temp.path().join("data/raw")).expect("a log");
        let log = logs
            .map(|entry| entry.expect("an entry").path())
            .find(|path| path.extension().is_some_and(|e| e == "ndjson"));
        let log = log.expect("a day").display().to_string();
        let (done, out, err) = squall(&other, &["replay", &log]).await;
        assert!(done, "{name}: {out}{err}");
        let (done, out, err) = squall(&other, &["land"]).await;
        assert!(done, "{name}: {out}{err}");
        let query = "SELECT count(*) FROM landed_ticks WHERE status = 'ok'";
        let (_, out, _) = squall(&other, &["sql", "--format", "csv", query]).await;
        assert_eq!(out.lines().nth(1), Some(dialect.ticks.lines().count().to_string().as_str()), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_exchange_names_the_product_that_it_refuses() {
    for dialect in &DIALECTS {
        let Some([product, _, said]) = dialect.refusal else { continue };
        let temp = tempfile::tempdir().expect("a temporary folder");
        let url = serve(dialect).await;
        let ingest = ["ingest", "--exchange", dialect.exchange, "--from", &url, "--products", product, "--until-close"];
        let (done, _, err) = squall(temp.path(), &ingest).await;
        assert!(!done && err.contains(said), "{}: {err}", dialect.exchange);
        let examples = exchange::find(dialect.exchange).expect("it is in the table").about().examples.join(",");
        assert!(err.contains(&format!("as in --products {examples}\n")), "{}: {err}", dialect.exchange);
        assert!(examples.starts_with(dialect.product), "{examples}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_product_of_another_exchange_is_refused_before_connecting() {
    for (exchange, product, said) in [
        ("kraken", "BTC-USD", "kraken writes products like `BTC/USD`"),
        ("bybit", "BTC/USDT", "bybit writes products like `BTCUSDT`"),
        ("okx", "BTC/USDT", "okx writes products like `BTC-USDT`"),
        ("coinbase-advanced", "BTC_USD", "coinbase-advanced writes products like `BTC-USD`"),
        ("coinbase-exchange", "BTCUSDT", "coinbase-exchange writes products like `BTC-USD`"),
    ] {
        let temp = tempfile::tempdir().expect("a temporary folder");
        let nowhere = ["ingest", "--exchange", exchange, "--from", "ws://127.0.0.1:9", "--products", product];
        let (done, _, err) = squall(temp.path(), &nowhere).await;
        assert!(!done && err.contains(said), "{err}");
    }
}
