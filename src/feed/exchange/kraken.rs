//! Kraken's spot market (WebSocket v2): the best bid and ask of each product whenever they change, with the last price.
//!
//! Source: <https://docs.kraken.com/exchange/api-reference/spot-websocket-v2/ticker>, read in November 2026. Messages have no
//! numbers, so that a missing one cannot be seen. Each ticker is whole: a connection starts with a snapshot, and an update has
//! the same fields. A heartbeat comes about once a second while nothing else is to be sent.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::json;

use super::{About, Exchange, Holds, Limits, Seen};
use crate::tick::{self, shapes};

/// Kraken's public market data.
#[derive(Debug)]
pub struct Kraken;

static ABOUT: About = About {
    name: "kraken",
    address: "wss://ws.kraken.com/v2",
    shape: &shapes::kraken_ticker::SHAPE,
    // The exchange documents neither limit. It answers too many requests with an error.
    limits: Limits { products: usize::MAX, messages_per_second: 5 },
    examples: ["BTC/USD", "ETH/USD"],
};

impl Exchange for Kraken {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, product: &str) -> Result<(), String> {
        let known = match product.split_once('/') {
            Some((base, quote)) => !base.is_empty() && !quote.is_empty() && !quote.contains('/') && base != "XBT",
            None => false,
        };
        if known && !product.contains(char::is_whitespace) {
            return Ok(());
        }
        let written = product.trim().replace(['-', '_'], "/").to_uppercase();
        let written = written.strip_prefix("XBT/").map_or(written.clone(), |quote| format!("BTC/{quote}"));
        let is_better = written.contains('/') && !written.contains(char::is_whitespace);
        Err(self.writes(if is_better { &written } else { "" }))
    }

    fn subscriptions(&self, products: &[String]) -> Vec<String> {
        vec![request("subscribe", products)]
    }

    fn resubscriptions(&self, products: &[String]) -> Vec<String> {
        ["unsubscribe", "subscribe"].map(|method| request(method, products)).into()
    }

    fn look(&self, payload: &[u8]) -> Seen {
        let Ok(message) = serde_json::from_slice::<Message>(payload) else { return Seen::unreadable() };
        let holds = match message {
            Message { channel: Some("ticker"), data: Some(tickers), .. } => {
                let mut products = tickers.iter().map(|ticker| ticker.symbol.to_string());
                match products.next() {
                    None => Holds::Control,
                    Some(product) => Holds::Ticks {
                        product,
                        others: products.collect(),
                        event_time: tickers[0].timestamp.and_then(|time| tick::time_of_text(time).ok()),
                    },
                }
            }
            Message { error: Some(error), .. } => Holds::Error { message: error.into_owned() },
            Message { channel: None, method: None, .. } => Holds::Unreadable,
            _ => Holds::Control,
        };
        Seen { sequence_num: None, holds }
    }
}

/// Returns a request for the tickers of the products, on each change of the best bid or ask.
fn request(method: &str, products: &[String]) -> String {
    let params = json!({ "channel": "ticker", "symbol": products, "event_trigger": "bbo" });
    json!({ "method": method, "params": params }).to_string()
}

/// The parts of a message that the client looks at.
#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    channel: Option<&'a str>,
    /// Of an answer to a request.
    #[serde(borrow, default)]
    method: Option<&'a str>,
    #[serde(borrow, default)]
    error: Option<Cow<'a, str>>,
    /// Empty for channels whose data are something else than a list of objects.
    #[serde(borrow, default, deserialize_with = "tickers")]
    data: Option<Vec<Ticker<'a>>>,
}

#[derive(Deserialize)]
struct Ticker<'a> {
    #[serde(borrow, default)]
    symbol: Cow<'a, str>,
    #[serde(borrow, default)]
    timestamp: Option<&'a str>,
}

/// Reads the data of a ticker; `None` for any other data.
fn tickers<'de: 'a, 'a, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Ticker<'a>>>, D::Error> {
    let data: &serde_json::value::RawValue = Deserialize::deserialize(deserializer)?;
    Ok(serde_json::from_str(data.get()).ok())
}

#[cfg(test)]
mod tests {
    use super::{Exchange, Holds, Kraken, Seen};
    use crate::tick::{self, Content};

    /// As documented.
    const TICKER: &str = r#"{"channel":"ticker","type":"update","data":[{"symbol":"BTC/USD","bid":108359.8,"bid_qty":0.01362603,"ask":108359.9,"ask_qty":17.17988863,"last":108359.8,"volume":2158.32346723,"vwap":108894.5,"low":106824,"high":111300,"change":-2679.9,"change_pct":-2.41,"timestamp":"2025-06-13T09:04:31.742648Z"}]}"#;

    #[test]
    fn each_kind_of_message_is_told() {
        let look = |text: &str| Kraken.look(text.as_bytes());
        let ticks =
            Holds::Ticks { product: "BTC/USD".into(), others: Vec::new(), event_time: Some(1_749_805_471_742_648_000) };
        assert_eq!(look(TICKER), Seen { sequence_num: None, holds: ticks });
        let status = r#"{"channel":"status","type":"update","data":[{"api_version":"v2","connection_id":15268345203137103392,"system":"online","version":"2.0.0"}]}"#;
        let accepted = r#"{"method":"subscribe","result":{"channel":"ticker","event_trigger":"bbo","snapshot":true,"symbol":"BTC/USD"},"success":true,"time_in":"2023-09-25T09:04:31.742599Z","time_out":"2023-09-25T09:04:31.742648Z"}"#;
        for control in [status, accepted, r#"{"channel":"heartbeat"}"#, r#"{"channel":"new","data":7}"#] {
            assert_eq!(look(control).holds, Holds::Control, "{control}");
        }
        let error = r#"{"error":"Currency pair not supported DOGE/XYZ","method":"subscribe","success":false,"symbol":"DOGE/XYZ","time_in":"2023-09-25T09:04:31.742599Z","time_out":"2023-09-25T09:04:31.742648Z"}"#;
        assert_eq!(look(error).holds, Holds::Error { message: "Currency pair not supported DOGE/XYZ".into() });
        for damaged in [&TICKER[..60], "", "hello", "{}"] {
            assert_eq!(look(damaged), Seen::unreadable(), "{damaged}");
        }
    }

    #[test]
    fn landing_sees_the_same_in_it() {
        let parsed = tick::parse(TICKER.as_bytes()).expect("a message of the exchange");
        assert_eq!((parsed.shape, parsed.sequence_num), (Kraken.shape(), None));
        assert!(matches!(parsed.content, Content::Ticks(ticks) if ticks.len() == 1));
    }

    #[test]
    fn one_message_subscribes_to_changes_of_the_quote() {
        let expected = r#"{"method":"subscribe","params":{"channel":"ticker","symbol":["BTC/USD","ETH/USD"],"event_trigger":"bbo"}}"#;
        assert_eq!(Kraken.subscriptions(&["BTC/USD".into(), "ETH/USD".into()]), [expected]);
        let again = Kraken.resubscriptions(&["BTC/USD".into(), "ETH/USD".into()]);
        assert!(again[0].contains("unsubscribe") && again[1] == expected, "{again:?}");
    }

    #[test]
    fn names_of_another_exchange_are_refused() {
        for product in ["BTC/USD", "AAPLx/USD"] {
            assert_eq!(Kraken.check(product), Ok(()), "{product}");
        }
        for (product, example) in [
            ("BTC-USD", "BTC/USD"),
            ("eth_usd", "ETH/USD"),
            ("XBT/USD", "BTC/USD"),
            ("ETHUSD", "BTC/USD"),
            (" ETH/USD", "ETH/USD"),
            ("", "BTC/USD"),
        ] {
            assert_eq!(Kraken.check(product), Err(format!("kraken writes products like `{example}`")), "{product}");
        }
    }
}
