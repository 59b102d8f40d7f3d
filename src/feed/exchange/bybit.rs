//! Bybit's spot market (v5): the best bid and ask of each product, at most once in 10 ms.
//!
//! Source: <https://bybit-exchange.github.io/docs/v5/ws/connect> and <https://bybit-exchange.github.io/docs/v5/websocket/public/orderbook>,
//! read in November 2026. The topic `orderbook.1` is used because each of its messages has both sides; the spot market's `tickers`
//! have no quote. `u` counts the updates of a product. It starts again at 1 when the exchange restarts its service, and a quote
//! that does not change is sent again after 3 s with the same `u`. So neither is a gap.

use std::borrow::Cow;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::{About, Exchange, Holds, KeepAlive, Limits, Seen};
use crate::tick::shapes::bybit_orderbook::{self, QUOTES};

/// Bybit's public market data.
#[derive(Debug)]
pub struct Bybit;

/// The most topics of one request.
const TOPICS: usize = 10;

static ABOUT: About = About {
    name: "bybit",
    address: "wss://stream.bybit.com/v5/public/spot",
    shape: &bybit_orderbook::SHAPE,
    // The topics of a connection have at most 21,000 characters together, and a product's name may have 20.
    limits: Limits { products: 600, messages_per_second: 10 },
    examples: ["BTCUSDT", "ETHUSDT"],
};

impl Exchange for Bybit {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, product: &str) -> Result<(), String> {
        super::check_capitals(self, product)
    }

    fn subscriptions(&self, products: &[String]) -> Vec<String> {
        products.chunks(TOPICS).map(|products| request("subscribe", products)).collect()
    }

    fn resubscriptions(&self, products: &[String]) -> Vec<String> {
        let requests = products.chunks(TOPICS);
        requests.flat_map(|products| ["unsubscribe", "subscribe"].map(|op| request(op, products))).collect()
    }

    /// The exchange asks for one ping in 20 s; more of them show sooner that a connection is lost.
    fn keep_alive(&self) -> Option<KeepAlive> {
        Some(KeepAlive { every: Duration::from_secs(4), message: json!({ "op": "ping" }).to_string() })
    }

    fn look(&self, payload: &[u8]) -> Seen {
        let Ok(message) = serde_json::from_slice::<Message>(payload) else { return Seen::unreadable() };
        let (sequence_num, holds) = match message {
            Message { topic: Some(topic), data: Some(data), cts, ts, .. } if topic.starts_with(QUOTES) => {
                let event_time = cts.or(ts).and_then(|ms| ms.checked_mul(1_000_000));
                (data.update_id, Holds::Ticks { product: data.symbol.into(), others: Vec::new(), event_time })
            }
            Message { success: Some(false), ret_msg, .. } => (None, Holds::Error { message: ret_msg.into_owned() }),
            Message { topic: None, op: None, .. } => return Seen::unreadable(),
            _ => (None, Holds::Control),
        };
        Seen { sequence_num, holds }
    }
}

fn request(op: &str, products: &[String]) -> String {
    let topics: Vec<String> = products.iter().map(|product| format!("{QUOTES}{product}")).collect();
    json!({ "op": op, "args": topics }).to_string()
}

/// The parts of a message that the client looks at.
#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    topic: Option<&'a str>,
    #[serde(default)]
    ts: Option<i64>,
    #[serde(default)]
    cts: Option<i64>,
    #[serde(borrow, default, deserialize_with = "book")]
    data: Option<Data<'a>>,
    /// Of an answer to a request.
    #[serde(borrow, default)]
    op: Option<&'a str>,
    #[serde(default)]
    success: Option<bool>,
    #[serde(borrow, default)]
    ret_msg: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(rename = "u", default)]
    update_id: Option<i64>,
    #[serde(borrow, rename = "s", default)]
    symbol: Cow<'a, str>,
}

/// Reads the data of an order book; `None` for any other data, such as a list of trades.
fn book<'de: 'a, 'a, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Data<'a>>, D::Error> {
    let data: &serde_json::value::RawValue = Deserialize::deserialize(deserializer)?;
    Ok(serde_json::from_str(data.get()).ok())
}

#[cfg(test)]
mod tests {
    use super::{Bybit, Exchange, Holds, Seen};
    use crate::tick::{self, Content};

    /// As documented.
    const QUOTE: &str = r#"{"topic":"orderbook.1.BTCUSDT","ts":1672304484978,"type":"snapshot","data":{"s":"BTCUSDT","b":[["16493.50","0.006"]],"a":[["16611.00","0.029"]],"u":18521288,"seq":7961638724},"cts":1672304484976}"#;

    #[test]
    fn each_kind_of_message_is_told() {
        let look = |text: &str| Bybit.look(text.as_bytes());
        let ticks =
            Holds::Ticks { product: "BTCUSDT".into(), others: Vec::new(), event_time: Some(1_672_304_484_976_000_000) };
        assert_eq!(look(QUOTE), Seen { sequence_num: Some(18_521_288), holds: ticks });
        let trades = r#"{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1672304486868,"data":[{"T":1672304486865,"s":"BTCUSDT","S":"Buy","v":"0.001","p":"16578.50"}]}"#;
        for control in [
            r#"{"success":true,"ret_msg":"subscribe","conn_id":"2324d924-aa4d-45b0-a858-7b8be29ab52b","req_id":"10001","op":"subscribe"}"#,
            r#"{"success":true,"ret_msg":"pong","conn_id":"0970e817-426e-429a-a679-ff7f55e0b16a","op":"ping"}"#,
            trades,
        ] {
            assert_eq!(look(control).holds, Holds::Control, "{control}");
        }
        let error = r#"{"success":false,"ret_msg":"error:handler not found,topic:orderbook.1.DOGEXYZ","conn_id":"2324d924","req_id":"","op":"subscribe"}"#;
        let message = "error:handler not found,topic:orderbook.1.DOGEXYZ".into();
        assert_eq!(look(error).holds, Holds::Error { message });
        for damaged in [&QUOTE[..60], "", "hello", "{}"] {
            assert_eq!(look(damaged), Seen::unreadable(), "{damaged}");
        }
    }

    #[test]
    fn landing_sees_the_same_in_it() {
        let parsed = tick::parse(QUOTE.as_bytes()).expect("a message of the exchange");
        assert_eq!((parsed.shape, parsed.sequence_num), (Bybit.shape(), Some(18_521_288)));
        assert!(matches!(parsed.content, Content::Ticks(ticks) if ticks[0].event_time == 1_672_304_484_976_000_000));
    }

    #[test]
    fn a_request_has_ten_topics_at_most() {
        let products: Vec<String> = (0..23).map(|number| format!("A{number}USDT")).collect();
        let requests = Bybit.subscriptions(&products);
        assert_eq!(requests.len(), 3);
        assert_eq!(
            requests[2],
            r#"{"op":"subscribe","args":["orderbook.1.A20USDT","orderbook.1.A21USDT","orderbook.1.A22USDT"]}"#
        );
        assert_eq!(Bybit.resubscriptions(&products).len(), 6);
        assert_eq!(Bybit.keep_alive().expect("a message").message, r#"{"op":"ping"}"#);
    }

    #[test]
    fn names_of_another_exchange_are_refused() {
        assert_eq!(Bybit.check("BTCUSDT"), Ok(()));
        for (product, example) in [("BTC-USDT", "BTCUSDT"), ("btc/usdt", "BTCUSDT"), ("", "BTCUSDT")] {
            assert_eq!(Bybit.check(product), Err(format!("bybit writes products like `{example}`")), "{product}");
        }
    }
}
