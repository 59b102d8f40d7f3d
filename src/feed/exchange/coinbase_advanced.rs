//! Coinbase Advanced Trade: envelopes with events, each with tickers.
//!
//! Source: <https://docs.cdp.coinbase.com/coinbase-app/advanced-trade-apis/websocket/websocket-channels>. Every message of a
//! connection has the next `sequence_num`, from 0; errors have none.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::json;

use super::{About, Exchange, Holds, Limits, Seen};
use crate::tick::{self, shapes};

/// Coinbase Advanced Trade's public market data.
#[derive(Debug)]
pub struct CoinbaseAdvanced;

static ABOUT: About = About {
    name: "coinbase-advanced",
    address: "wss://advanced-trade-ws.coinbase.com",
    shape: &shapes::advanced_envelope::SHAPE,
    // The exchange has no limit of products. It takes 8 messages a second from a client that is not signed in.
    limits: Limits { products: usize::MAX, messages_per_second: 8 },
    examples: ["BTC-USD", "ETH-USD"],
};

impl Exchange for CoinbaseAdvanced {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, product: &str) -> Result<(), String> {
        super::check_hyphens(self, product)
    }

    /// One channel per message. Heartbeats come first, so that they already run when the ticker starts.
    fn subscriptions(&self, products: &[String]) -> Vec<String> {
        vec![request("subscribe", "heartbeats", products), request("subscribe", "ticker", products)]
    }

    /// The exchange's own libraries read these variables too.
    fn credentials(&self) -> Option<[&'static str; 2]> {
        Some(["COINBASE_API_KEY", "COINBASE_API_SECRET"])
    }

    fn authorise(&self, mut message: String, token: &str) -> String {
        // A request is an object that is not empty, and a token has no character that JSON escapes.
        message.truncate(message.len() - 1);
        message + &format!(",\"jwt\":\"{token}\"}}")
    }

    fn resubscriptions(&self, products: &[String]) -> Vec<String> {
        vec![request("unsubscribe", "ticker", products), request("subscribe", "ticker", products)]
    }

    fn look(&self, payload: &[u8]) -> Seen {
        let Ok(envelope) = serde_json::from_slice::<Envelope>(payload) else { return Seen::unreadable() };
        let mut products = envelope.events.iter().flat_map(|event| &event.tickers).map(|ticker| &ticker.product_id);
        let holds = match products.next() {
            _ if envelope.kind == Some("error") => Holds::Error { message: envelope.message.into_owned() },
            Some(first) => Holds::Ticks {
                product: first.to_string(),
                others: products.map(ToString::to_string).collect(),
                event_time: envelope.timestamp.and_then(|time| tick::time_of_text(time).ok()),
            },
            None => Holds::Control,
        };
        Seen { sequence_num: envelope.sequence_num, holds }
    }
}

fn request(kind: &str, channel: &str, products: &[String]) -> String {
    json!({ "type": kind, "product_ids": products, "channel": channel }).to_string()
}

/// The parts of a message that the client looks at.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    timestamp: Option<&'a str>,
    #[serde(default)]
    sequence_num: Option<i64>,
    /// `error` in an error message, which is not an envelope.
    #[serde(borrow, default, rename = "type")]
    kind: Option<&'a str>,
    #[serde(borrow, default)]
    message: Cow<'a, str>,
    #[serde(borrow, default)]
    events: Vec<Event<'a>>,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, default)]
    tickers: Vec<Ticker<'a>>,
}

#[derive(Deserialize)]
struct Ticker<'a> {
    #[serde(borrow)]
    product_id: Cow<'a, str>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{CoinbaseAdvanced, Exchange, Holds, Seen};
    use crate::tick::{self, Content};

    const TICKER: &str = r#"{"channel":"ticker","client_id":"","timestamp":"2026-04-04T21:13:43.29Z","sequence_num":7,"events":[{"type":"update","tickers":[{"product_id":"BTC-USD","price":"2","best_bid":"1","best_ask":"2"},{"product_id":"ETH-USD","price":"2","best_bid":"1","best_ask":"2"}]},{"tickers":[]}]}"#;

    #[test]
    fn each_kind_of_message_is_told() {
        let look = |text: &str| CoinbaseAdvanced.look(text.as_bytes());
        let event_time = Some(1_775_337_223_290_000_000);
        let ticks = Holds::Ticks { product: "BTC-USD".into(), others: vec!["ETH-USD".into()], event_time };
        assert_eq!(look(TICKER), Seen { sequence_num: Some(7), holds: ticks });
        let acknowledgement =
            r#"{"channel":"subscriptions","sequence_num":1,"events":[{"subscriptions":{"ticker":["BTC-USD"]}}]}"#;
        assert_eq!(look(acknowledgement), Seen { sequence_num: Some(1), holds: Holds::Control });
        let error = r#"{"type":"error","message":"no \"X\" here"}"#;
        assert_eq!(look(error).holds, Holds::Error { message: "no \"X\" here".into() });
        for damaged in [&TICKER[..60], "", "hello"] {
            assert_eq!(look(damaged), Seen::unreadable(), "{damaged}");
        }
        // A tick that landing will refuse still keeps its number.
        let crossed = TICKER.replace(r#""best_bid":"1""#, r#""best_bid":"3""#);
        assert!(tick::parse(crossed.as_bytes()).is_err());
        assert_eq!(look(&crossed), look(TICKER));
    }

    #[test]
    fn landing_sees_the_same_in_it() {
        let parsed = tick::parse(TICKER.as_bytes()).expect("a message of the exchange");
        assert_eq!((parsed.shape, parsed.sequence_num), (CoinbaseAdvanced.shape(), Some(7)));
        assert!(matches!(parsed.content, Content::Ticks(ticks) if ticks.len() == 2));
    }

    #[test]
    fn heartbeats_are_subscribed_to_first() {
        let expected = [
            r#"{"type":"subscribe","product_ids":["BTC-USD"],"channel":"heartbeats"}"#,
            r#"{"type":"subscribe","product_ids":["BTC-USD"],"channel":"ticker"}"#,
        ];
        assert_eq!(CoinbaseAdvanced.subscriptions(&["BTC-USD".into()]), expected);
        let signed = CoinbaseAdvanced.authorise(expected[1].into(), "a.b-_.c");
        let signed: serde_json::Value = serde_json::from_str(&signed).expect("JSON");
        assert_eq!((&signed["channel"], &signed["jwt"]), (&json!("ticker"), &json!("a.b-_.c")));
        let again = CoinbaseAdvanced.resubscriptions(&["BTC-USD".into()]);
        assert!(again[0].contains("unsubscribe") && again[1] == expected[1], "{again:?}");
    }
}
