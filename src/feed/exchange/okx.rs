//! OKX (v5): the best bid and ask of each product, tick by tick.
//!
//! Source: <https://www.okx.com/docs-v5/en/#overview-websocket-connect> and
//! <https://www.okx.com/docs-v5/en/#order-book-trading-market-data-ws-order-book-channel>, read in November 2026. `seqId` counts the
//! changes of a product's whole book, most of which do not change the best bid or ask, and may start again lower after
//! maintenance. So neither is a gap. The exchange closes a connection on which nothing was sent for 30 s.

use std::borrow::Cow;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::{About, Exchange, Holds, KeepAlive, Limits, Seen};
use crate::tick;
use crate::tick::shapes::okx_bbo::{self, QUOTES};

/// OKX's public market data.
#[derive(Debug)]
pub struct Okx;

static ABOUT: About = About {
    name: "okx",
    address: "wss://ws.okx.com:8443/ws/v5/public",
    shape: &okx_bbo::SHAPE,
    // The channels of a connection have at most 64 KB together. 3 requests a second and 480 an hour are allowed.
    limits: Limits { products: 900, messages_per_second: 3 },
    examples: ["BTC-USDT", "ETH-USDT"],
};

impl Exchange for Okx {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, product: &str) -> Result<(), String> {
        super::check_hyphens(self, product)
    }

    fn subscriptions(&self, products: &[String]) -> Vec<String> {
        vec![request("subscribe", products)]
    }

    fn resubscriptions(&self, products: &[String]) -> Vec<String> {
        ["unsubscribe", "subscribe"].map(|op| request(op, products)).into()
    }

    fn keep_alive(&self) -> Option<KeepAlive> {
        Some(KeepAlive { every: Duration::from_secs(4), message: "ping".into() })
    }

    fn look(&self, payload: &[u8]) -> Seen {
        if payload == b"pong" {
            return Seen { sequence_num: None, holds: Holds::Control };
        }
        let Ok(message) = serde_json::from_slice::<Message>(payload) else { return Seen::unreadable() };
        let (sequence_num, holds) = match message {
            Message { event: Some("error"), msg, code, .. } => {
                let message = if code.is_empty() { msg.into_owned() } else { format!("{msg} ({code})") };
                (None, Holds::Error { message })
            }
            // A notice says that the exchange will close the connection soon; the client then connects again.
            Message { event: Some(_), .. } => (None, Holds::Control),
            Message { arg: Some(Arg { channel: QUOTES, inst_id }), data, .. } => match data.as_deref() {
                Some([first, rest @ ..]) => {
                    let event_time = first.ts.and_then(|time| tick::time_of_text(time).ok());
                    let others = rest.iter().map(|_| inst_id.to_string()).collect();
                    (first.seq_id, Holds::Ticks { product: inst_id.to_string(), others, event_time })
                }
                _ => (None, Holds::Control),
            },
            Message { arg: Some(_), .. } => (None, Holds::Control),
            _ => return Seen::unreadable(),
        };
        Seen { sequence_num, holds }
    }
}

fn request(op: &str, products: &[String]) -> String {
    let channels: Vec<_> = products.iter().map(|product| json!({ "channel": QUOTES, "instId": product })).collect();
    json!({ "op": op, "args": channels }).to_string()
}

/// The parts of a message that the client looks at.
#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    event: Option<&'a str>,
    #[serde(borrow, default)]
    arg: Option<Arg<'a>>,
    #[serde(borrow, default)]
    data: Option<Vec<Book<'a>>>,
    #[serde(borrow, default)]
    msg: Cow<'a, str>,
    #[serde(borrow, default)]
    code: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Arg<'a> {
    #[serde(borrow, default)]
    channel: &'a str,
    #[serde(borrow, rename = "instId", default)]
    inst_id: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Book<'a> {
    #[serde(borrow, default)]
    ts: Option<&'a str>,
    #[serde(rename = "seqId", default)]
    seq_id: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::{Exchange, Holds, Okx, Seen};
    use crate::tick::{self, Content};

    /// As documented.
    const QUOTE: &str = r#"{"arg":{"channel":"bbo-tbt","instId":"BCH-USDT-SWAP"},"data":[{"asks":[["111.06","55154","0","2"]],"bids":[["111.05","57745","0","2"]],"ts":"1670324386802","seqId":363996337}]}"#;

    #[test]
    fn each_kind_of_message_is_told() {
        let look = |text: &str| Okx.look(text.as_bytes());
        let product = "BCH-USDT-SWAP".to_string();
        let ticks = Holds::Ticks { product, others: Vec::new(), event_time: Some(1_670_324_386_802_000_000) };
        assert_eq!(look(QUOTE), Seen { sequence_num: Some(363_996_337), holds: ticks });
        for control in [
            "pong",
            r#"{"event":"subscribe","arg":{"channel":"bbo-tbt","instId":"BTC-USDT"},"connId":"a4d3ae55"}"#,
            r#"{"event":"notice","code":"64008","msg":"The connection will soon be closed for a service upgrade. Please reconnect.","connId":"a4d3ae55"}"#,
            r#"{"arg":{"channel":"tickers","instId":"BTC-USDT"},"data":[{"instId":"BTC-USDT","bidPx":"1","askPx":"2"}]}"#,
        ] {
            assert_eq!(look(control).holds, Holds::Control, "{control}");
        }
        let error = r#"{"event":"error","code":"60018","msg":"Wrong URL or channel:bbo-tbt,instId:DOGE-XYZ doesn't exist.","connId":"a4d3ae55"}"#;
        let message = "Wrong URL or channel:bbo-tbt,instId:DOGE-XYZ doesn't exist. (60018)".into();
        assert_eq!(look(error).holds, Holds::Error { message });
        for damaged in [&QUOTE[..60], "", "hello", "{}"] {
            assert_eq!(look(damaged), Seen::unreadable(), "{damaged}");
        }
    }

    #[test]
    fn landing_sees_the_same_in_it() {
        let parsed = tick::parse(QUOTE.as_bytes()).expect("a message of the exchange");
        assert_eq!((parsed.shape, parsed.sequence_num), (Okx.shape(), Some(363_996_337)));
        assert!(matches!(parsed.content, Content::Ticks(ticks) if ticks[0].product_id == "BCH-USDT-SWAP"));
        let pong = tick::parse(b"pong").expect("a message of the exchange");
        assert!(matches!(pong.content, Content::Control(control) if control.name == "pong"));
    }

    #[test]
    fn one_message_subscribes_to_all_products() {
        let expected = r#"{"op":"subscribe","args":[{"channel":"bbo-tbt","instId":"BTC-USDT"},{"channel":"bbo-tbt","instId":"ETH-USDT"}]}"#;
        assert_eq!(Okx.subscriptions(&["BTC-USDT".into(), "ETH-USDT".into()]), [expected]);
        assert_eq!(Okx.keep_alive().expect("a message").message, "ping");
    }

    #[test]
    fn names_of_another_exchange_are_refused() {
        for product in ["BTC-USDT", "BCH-USDT-SWAP", "BTC-USD_UM-250926"] {
            assert_eq!(Okx.check(product), Ok(()), "{product}");
        }
        for (product, example) in [
            ("BTC/USDT", "BTC-USDT"),
            ("eth-usdt", "ETH-USDT"),
            ("ETH_USDT", "ETH-USDT"),
            (" ETH-USDT", "ETH-USDT"),
            ("ETHUSDT", "BTC-USDT"),
            ("-", "BTC-USDT"),
            ("", "BTC-USDT"),
        ] {
            assert_eq!(Okx.check(product), Err(format!("okx writes products like `{example}`")), "{product}");
        }
    }
}
