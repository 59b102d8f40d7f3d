//! Of a message as received, the little that a client must know before it passes the bytes on.

use std::borrow::Cow;

use serde::Deserialize;

/// A message's outline; whatever else it holds is left to later stages.
#[derive(Debug, Deserialize)]
pub struct Envelope<'a> {
    /// `ticker`, `heartbeats`, `subscriptions`, …; errors have none.
    #[serde(borrow, default)]
    pub channel: Option<&'a str>,
    /// The exchange's time as text.
    #[serde(borrow, default)]
    pub timestamp: Option<&'a str>,
    /// Counts every message of a connection, from 0.
    #[serde(default)]
    pub sequence_num: Option<i64>,
    /// `error` in an error message.
    #[serde(borrow, default, rename = "type")]
    kind: Option<&'a str>,
    /// What an error says.
    #[serde(borrow, default)]
    message: Cow<'a, str>,
    #[serde(borrow, default)]
    events: Vec<Event<'a>>,
}

#[derive(Debug, Deserialize)]
struct Event<'a> {
    #[serde(borrow, default)]
    tickers: Vec<Ticker<'a>>,
}

#[derive(Debug, Deserialize)]
struct Ticker<'a> {
    #[serde(borrow)]
    product_id: &'a str,
}

impl<'a> Envelope<'a> {
    /// Reads a message's outline; `None` when it is no JSON object, or holds something else in these places.
    pub fn read(payload: &'a [u8]) -> Option<Envelope<'a>> {
        serde_json::from_slice(payload).ok()
    }

    /// Returns what went wrong, when this is an error message.
    pub fn error(&self) -> Option<&str> {
        (self.kind == Some("error")).then_some(&*self.message)
    }

    /// Returns the products of the tickers, in the message's order.
    pub fn products(&self) -> impl Iterator<Item = &'a str> {
        self.events.iter().flat_map(|event| &event.tickers).map(|ticker| ticker.product_id)
    }
}

#[cfg(test)]
mod tests {
    use super::Envelope;

    #[test]
    fn reads_what_matters_of_each_kind_of_message() {
        let ticker = br#"{"channel":"ticker","client_id":"","timestamp":"2026-04-04T21:13:43.29Z","sequence_num":7,
            "events":[{"type":"update","tickers":[{"product_id":"BTC-USD"},{"product_id":"ETH-USD"}]},{"tickers":[]}]}"#;
        let envelope = Envelope::read(ticker).expect("an envelope");
        assert_eq!((envelope.channel, envelope.sequence_num), (Some("ticker"), Some(7)));
        assert_eq!(envelope.products().collect::<Vec<_>>(), ["BTC-USD", "ETH-USD"]);
        assert_eq!(envelope.error(), None);

        let error = br#"{"type":"error","message":"no \"X\" here"}"#;
        assert_eq!(Envelope::read(error).and_then(|e| e.error().map(str::to_string)), Some("no \"X\" here".into()));

        let acknowledgement =
            br#"{"channel":"subscriptions","sequence_num":1,"events":[{"subscriptions":{"ticker":["BTC-USD"]}}]}"#;
        assert_eq!(Envelope::read(acknowledgement).map(|e| e.products().count()), Some(0));
        assert!(Envelope::read(br#"{"channel":"ticker","events":[{"tick"#).is_none());
        assert!(Envelope::read(b"").is_none());
    }
}
