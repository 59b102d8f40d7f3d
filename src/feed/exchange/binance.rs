//! Binance's spot market: the best bid and ask of each product, in real time.
//!
//! Source: <https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams>. The address names the streams, one
//! for each product, so there is nothing to subscribe to after that. `u` counts a product's changes of the order book, and the
//! stream leaves out those that do not change the best bid or ask. There are no heartbeats: the client asks for its list of
//! streams instead, so that a quiet market does not look like a lost connection.

use std::borrow::Cow;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::{About, Exchange, Holds, KeepAlive, Limits, Seen};
use crate::tick::shapes;

/// Binance's public market data.
#[derive(Debug)]
pub struct Binance;

static ABOUT: About = About {
    name: "binance",
    address: "wss://stream.binance.com:9443",
    shape: &shapes::binance_bookticker::SHAPE,
    limits: Limits { products: 1024, messages_per_second: 5 },
    examples: ["BTCUSDT", "ETHUSDT"],
};

impl Exchange for Binance {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    /// The exchange sends nothing for a product that it does not know, so a name of another exchange is refused here.
    fn check(&self, product: &str) -> Result<(), String> {
        super::check_capitals(self, product)
    }

    fn url(&self, address: &str, products: &[String]) -> String {
        format!("{}/stream?streams={}", address.trim_end_matches('/'), streams(products).join("/"))
    }

    fn subscriptions(&self, _products: &[String]) -> Vec<String> {
        Vec::new()
    }

    fn resubscriptions(&self, products: &[String]) -> Vec<String> {
        [("UNSUBSCRIBE", 1), ("SUBSCRIBE", 2)]
            .map(|(method, id)| json!({ "method": method, "params": streams(products), "id": id }).to_string())
            .into()
    }

    fn keep_alive(&self) -> Option<KeepAlive> {
        let message = json!({ "method": "LIST_SUBSCRIPTIONS", "id": 3 }).to_string();
        Some(KeepAlive { every: Duration::from_secs(3), message })
    }

    fn look(&self, payload: &[u8]) -> Seen {
        let Ok(message) = serde_json::from_slice::<Message>(payload) else { return Seen::unreadable() };
        let (sequence_num, holds) = match message {
            Message { stream: Some(stream), data: Some(data), .. } if stream.ends_with("@bookTicker") => {
                (data.update_id, Holds::Ticks { product: data.symbol.into(), others: Vec::new(), event_time: None })
            }
            Message { error: Some(error), .. } => (None, Holds::Error { message: error.msg.into_owned() }),
            Message { code: Some(_), msg: Some(text), .. } => (None, Holds::Error { message: text.into_owned() }),
            _ => (None, Holds::Control),
        };
        Seen { sequence_num, holds }
    }
}

/// Returns the names of the products' streams, which have lower-case letters.
fn streams(products: &[String]) -> Vec<String> {
    products.iter().map(|product| format!("{}@bookTicker", product.to_lowercase())).collect()
}

/// The parts of a message that the client looks at.
#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    stream: Option<&'a str>,
    #[serde(borrow, default)]
    data: Option<Data<'a>>,
    /// An answer to a request that failed.
    #[serde(borrow, default)]
    error: Option<Refusal<'a>>,
    /// The older form of such an answer.
    #[serde(default)]
    code: Option<i64>,
    #[serde(borrow, default)]
    msg: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(rename = "u", default)]
    update_id: Option<i64>,
    #[serde(borrow, rename = "s", default)]
    symbol: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Refusal<'a> {
    #[serde(borrow, default)]
    msg: Cow<'a, str>,
}

#[cfg(test)]
mod tests {
    use super::{Binance, Exchange, Holds, Seen};

    /// As the exchange sent it on 9 August 2024.
    const TICKER: &str = r#"{"stream":"btcusdt@bookTicker","data":{"u":50093239212,"s":"BTCUSDT","b":"61837.63000000","B":"3.78826000","a":"61837.64000000","A":"1.54698000"}}"#;

    #[test]
    fn each_kind_of_message_is_told() {
        let look = |text: &str| Binance.look(text.as_bytes());
        let ticks = Holds::Ticks { product: "BTCUSDT".into(), others: Vec::new(), event_time: None };
        assert_eq!(look(TICKER), Seen { sequence_num: Some(50_093_239_212), holds: ticks });
        let trade =
            r#"{"stream":"btcusdt@trade","data":{"e":"trade","E":1723161254087,"s":"BTCUSDT","t":1,"p":"61837.63"}}"#;
        for control in [r#"{"result":null,"id":1}"#, r#"{"result":["btcusdt@bookTicker"],"id":3}"#, trade] {
            assert_eq!(look(control).holds, Holds::Control, "{control}");
        }
        for error in [r#"{"error":{"code":2,"msg":"Invalid request"},"id":1}"#, r#"{"code":2,"msg":"Invalid request"}"#]
        {
            assert_eq!(look(error).holds, Holds::Error { message: "Invalid request".into() }, "{error}");
        }
        for damaged in [&TICKER[..60], "", "hello"] {
            assert_eq!(look(damaged), Seen::unreadable(), "{damaged}");
        }
    }

    #[test]
    fn the_address_names_the_streams() {
        let products = ["BTCUSDT".to_string(), "ETHUSDT".to_string()];
        let expected = "wss://stream.binance.com:9443/stream?streams=btcusdt@bookTicker/ethusdt@bookTicker";
        assert_eq!(Binance.url(Binance.address(), &products), expected);
        assert_eq!(
            Binance.url("ws://127.0.0.1:1/", &products[..1]),
            "ws://127.0.0.1:1/stream?streams=btcusdt@bookTicker"
        );
        assert!(Binance.subscriptions(&products).is_empty());
        assert_eq!(
            Binance.resubscriptions(&products[..1])[0],
            r#"{"method":"UNSUBSCRIBE","params":["btcusdt@bookTicker"],"id":1}"#
        );
    }

    #[test]
    fn names_of_another_exchange_are_refused() {
        assert_eq!(Binance.check("BTCUSDT"), Ok(()));
        assert_eq!(Binance.check("BTC-USD"), Err("binance writes products like `BTCUSD`".into()));
        assert_eq!(Binance.check(""), Err("binance writes products like `BTCUSDT`".into()));
    }
}
