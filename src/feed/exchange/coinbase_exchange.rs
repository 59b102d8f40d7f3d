//! Coinbase Exchange: flat messages, one per match.
//!
//! Source: the websocket feed in <https://docs.cdp.coinbase.com/exchange>. `sequence` counts a product's events, and the
//! ticker leaves most of them out. So a gap in the numbers does not mean a missing message.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::json;

use super::{About, Exchange, Holds, Limits, Seen};
use crate::tick::{self, shapes};

/// Coinbase Exchange's public market data.
#[derive(Debug)]
pub struct CoinbaseExchange;

static ABOUT: About = About {
    name: "coinbase-exchange",
    address: "wss://ws-feed.exchange.coinbase.com",
    shape: &shapes::exchange::SHAPE,
    // The exchange has no limit of products. It takes 100 messages a second from a client.
    limits: Limits { products: usize::MAX, messages_per_second: 100 },
    examples: ["BTC-USD", "ETH-USD"],
};

impl Exchange for CoinbaseExchange {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, product: &str) -> Result<(), String> {
        super::check_hyphens(self, product)
    }

    fn subscriptions(&self, products: &[String]) -> Vec<String> {
        vec![request("subscribe", products, &["ticker", "heartbeat"])]
    }

    fn resubscriptions(&self, products: &[String]) -> Vec<String> {
        ["unsubscribe", "subscribe"].map(|kind| request(kind, products, &["ticker"])).into()
    }

    fn look(&self, payload: &[u8]) -> Seen {
        let Ok(message) = serde_json::from_slice::<Message>(payload) else { return Seen::unreadable() };
        let holds = match (message.kind, &message.product_id) {
            ("ticker", Some(product)) => {
                let event_time = message.time.and_then(|time| tick::time_of_text(time).ok());
                Holds::Ticks { product: product.to_string(), others: Vec::new(), event_time }
            }
            ("error", _) => Holds::Error { message: message.error() },
            _ => Holds::Control,
        };
        Seen { sequence_num: message.sequence, holds }
    }
}

fn request(kind: &str, products: &[String], channels: &[&str]) -> String {
    json!({ "type": kind, "product_ids": products, "channels": channels }).to_string()
}

/// The parts of a message that the client looks at.
#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, rename = "type")]
    kind: &'a str,
    #[serde(default)]
    sequence: Option<i64>,
    #[serde(borrow, default)]
    product_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    time: Option<&'a str>,
    #[serde(borrow, default)]
    message: Cow<'a, str>,
    /// What some errors add, such as the product that does not exist.
    #[serde(borrow, default)]
    reason: Cow<'a, str>,
}

impl Message<'_> {
    fn error(&self) -> String {
        let parts = [&*self.message, &*self.reason];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ")
    }
}

#[cfg(test)]
mod tests {
    use super::{CoinbaseExchange, Exchange, Holds, Seen};
    use crate::tick::{self, Content};

    const TICKER: &str = r#"{"type":"ticker","sequence":116681060283,"product_id":"BTC-USD","price":"86468.04","open_24h":"87046.02","volume_24h":"11500.40434547","low_24h":"85213.17","high_24h":"88100","volume_30d":"292316.97626696","best_bid":"86468.03","best_bid_size":"0.15818534","best_ask":"86468.04","best_ask_size":"0.05782483","side":"buy","time":"2025-11-24T15:08:18.223332Z","trade_id":910348374,"last_size":"0.02454085"}"#;

    #[test]
    fn each_kind_of_message_is_told() {
        let look = |text: &str| CoinbaseExchange.look(text.as_bytes());
        let ticks =
            Holds::Ticks { product: "BTC-USD".into(), others: Vec::new(), event_time: Some(1_763_996_898_223_332_000) };
        assert_eq!(look(TICKER), Seen { sequence_num: Some(116_681_060_283), holds: ticks });
        let heartbeat = r#"{"type":"heartbeat","sequence":90,"last_trade_id":20,"product_id":"BTC-USD","time":"2014-11-07T08:19:28.464459Z"}"#;
        assert_eq!(look(heartbeat), Seen { sequence_num: Some(90), holds: Holds::Control });
        assert_eq!(look(r#"{"type":"subscriptions","channels":[]}"#).holds, Holds::Control);
        let error = r#"{"type":"error","message":"Failed to subscribe","reason":"DOGE-XYZ is not a valid product"}"#;
        let message = "Failed to subscribe: DOGE-XYZ is not a valid product".to_string();
        assert_eq!(look(error).holds, Holds::Error { message });
        for damaged in [&TICKER[..60], "", "hello", r#"{"channel":"ticker"}"#] {
            assert_eq!(look(damaged), Seen::unreadable(), "{damaged}");
        }
    }

    #[test]
    fn landing_sees_the_same_in_it() {
        let parsed = tick::parse(TICKER.as_bytes()).expect("a message of the exchange");
        assert_eq!((parsed.shape, parsed.sequence_num), (CoinbaseExchange.shape(), Some(116_681_060_283)));
        assert!(matches!(parsed.content, Content::Ticks(ticks) if ticks.len() == 1));
    }

    #[test]
    fn one_message_subscribes_to_both_channels() {
        let expected = [r#"{"type":"subscribe","product_ids":["BTC-USD"],"channels":["ticker","heartbeat"]}"#];
        assert_eq!(CoinbaseExchange.subscriptions(&["BTC-USD".into()]), expected);
    }
}
