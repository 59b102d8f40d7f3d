//! Messages as Coinbase Advanced Trade writes them, and the requests that it understands.
//!
//! In: simulated tickers. Out: JSON text with decimal strings without trailing zeros and times with nine digits.

use std::fmt::Write;

use chrono::DateTime;
use serde::Deserialize;

use crate::feed::market::{Specification, Ticker};

/// What a client asks for.
#[derive(Debug, Deserialize)]
pub struct Request {
    #[serde(rename = "type")]
    pub kind: RequestKind,
    pub channel: String,
    #[serde(default)]
    pub product_ids: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RequestKind {
    Subscribe,
    Unsubscribe,
}

/// Whether tickers are the first ones of a connection or changes after that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    Snapshot,
    Update,
}

/// Writes the messages of one connection and numbers them from 0.
#[derive(Debug, Default)]
pub struct Encoder {
    sequence_num: u64,
    /// The second that `second_text` spells; most messages have the same second as the one before.
    second: Option<i64>,
    second_text: String,
}

impl Encoder {
    /// Writes a `ticker` message: one event that holds the tickers.
    pub fn tickers(&mut self, time: i64, kind: EventKind, tickers: &[Ticker], products: &[&Specification]) -> String {
        let mut text = self.begin("ticker", time, 160 + 480 * tickers.len());
        let kind = if kind == EventKind::Snapshot { "snapshot" } else { "update" };
        text.push_str("{\"type\":\"");
        text.push_str(kind);
        text.push_str("\",\"tickers\":[");
        for (index, ticker) in tickers.iter().enumerate() {
            if index > 0 {
                text.push(',');
            }
            write_ticker(&mut text, ticker, products[ticker.product]);
        }
        text.push_str("]}]}");
        text
    }

    /// Writes a `subscriptions` message, which lists what the connection is now subscribed to.
    pub fn subscriptions(&mut self, time: i64, tickers: &[&str], heartbeats: bool) -> String {
        let mut text = self.begin("subscriptions", time, 256);
        text.push_str("{\"subscriptions\":{");
        if !tickers.is_empty() {
            text.push_str("\"ticker\":[\"");
            text.push_str(&tickers.join("\",\""));
            text.push_str("\"]");
        }
        if heartbeats {
            text.push_str(if tickers.is_empty() { "" } else { "," });
            text.push_str("\"heartbeats\":[\"heartbeats\"]");
        }
        text.push_str("}}]}");
        text
    }

    /// Writes a `heartbeats` message.
    pub fn heartbeat(&mut self, time: i64, counter: u64) -> String {
        let mut text = self.begin("heartbeats", time, 224);
        text.push_str("{\"current_time\":\"");
        text.push_str(&self.second_text.replace('T', " "));
        push_display(&mut text, format_args!(".{:09}+00:00\",\"heartbeat_counter\":{counter}}}]}}", nanos(time)));
        text
    }

    /// Starts an envelope, up to the opening bracket of its events.
    fn begin(&mut self, channel: &str, time: i64, capacity: usize) -> String {
        let second = time.div_euclid(1_000_000_000);
        if self.second != Some(second) {
            self.second = Some(second);
            self.second_text = DateTime::from_timestamp_nanos(time).format("%Y-%m-%dT%H:%M:%S").to_string();
        }
        let mut text = String::with_capacity(capacity);
        text.push_str("{\"channel\":\"");
        text.push_str(channel);
        text.push_str("\",\"timestamp\":\"");
        text.push_str(&self.second_text);
        text.push('.');
        push_digits(&mut text, nanos(time), 9);
        text.push_str("Z\",\"sequence_num\":");
        push_digits(&mut text, self.sequence_num, 1);
        text.push_str(",\"events\":[");
        self.sequence_num += 1;
        text
    }
}

/// Returns an error message, which has no envelope and no number.
pub fn error(message: &str) -> String {
    serde_json::json!({ "type": "error", "message": message }).to_string()
}

/// Returns a message of this many bytes, which has no number.
pub fn bloated(bytes: usize) -> String {
    format!(r#"{{"channel":"bloat","events":[],"filler":"{}"}}"#, "x".repeat(bytes.saturating_sub(45)))
}

fn write_ticker(text: &mut String, ticker: &Ticker, product: &Specification) {
    let decimals = product.price_decimals;
    text.push_str("{\"type\":\"ticker\",\"product_id\":\"");
    text.push_str(product.product_id);
    for (name, value, decimals) in [
        ("\",\"price\":\"", ticker.price, decimals),
        ("\",\"volume_24_h\":\"", ticker.volume_24_h, 8),
        ("\",\"low_24_h\":\"", ticker.low_24_h, decimals),
        ("\",\"high_24_h\":\"", ticker.high_24_h, decimals),
        ("\",\"low_52_w\":\"", ticker.low_52_w, decimals),
        ("\",\"high_52_w\":\"", ticker.high_52_w, decimals),
    ] {
        text.push_str(name);
        push_decimal(text, value, decimals);
    }
    text.push_str("\",\"price_percent_chg_24_h\":\"");
    push_display(text, format_args!("{:.14}", ticker.percent_change_24_h));
    let trimmed = text.trim_end_matches('0').trim_end_matches('.').len();
    text.truncate(trimmed);
    for (name, value, decimals) in [
        ("\",\"best_bid\":\"", ticker.best_bid, decimals),
        ("\",\"best_ask\":\"", ticker.best_ask, decimals),
        ("\",\"best_bid_quantity\":\"", ticker.best_bid_quantity, 8),
        ("\",\"best_ask_quantity\":\"", ticker.best_ask_quantity, 8),
    ] {
        text.push_str(name);
        push_decimal(text, value, decimals);
    }
    text.push_str("\"}");
}

fn nanos(time: i64) -> u64 {
    time.rem_euclid(1_000_000_000) as u64
}

/// Appends a fixed-point number, without trailing zeros; prices and quantities are never negative.
fn push_decimal(text: &mut String, value: i64, decimals: usize) {
    let scale = 10_u64.pow(decimals as u32);
    let value = value.unsigned_abs();
    push_digits(text, value / scale, 1);
    let (mut fraction, mut digits) = (value % scale, decimals);
    if fraction == 0 {
        return;
    }
    while fraction % 10 == 0 {
        fraction /= 10;
        digits -= 1;
    }
    text.push('.');
    push_digits(text, fraction, digits);
}

/// Appends an integer, padded to at least `least` digits.
fn push_digits(text: &mut String, mut value: u64, least: usize) {
    // 20 digits are enough for every u64.
    let mut digits = [b'0'; 20];
    let mut start = digits.len();
    while value > 0 || digits.len() - start < least {
        start -= 1;
        digits[start] = b'0' + (value % 10) as u8;
        value /= 10;
    }
    text.extend(digits[start..].iter().map(|&digit| char::from(digit)));
}

fn push_display(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = text.write_fmt(arguments);
}

#[cfg(test)]
mod tests {
    use super::{Encoder, EventKind, error, push_decimal};
    use crate::feed::market::{self, Ticker};

    const TICKER: Ticker = Ticker {
        product: 0,
        price: 6_722_350,
        best_bid: 6_722_349,
        best_ask: 6_722_350,
        best_bid_quantity: 56_309_243,
        best_ask_quantity: 25_094_364,
        volume_24_h: 240_116_054_813,
        low_24_h: 6_677_064,
        high_24_h: 6_753_520,
        low_52_w: 6_000_100,
        high_52_w: 12_629_600,
        percent_change_24_h: 0.54672614199923,
    };

    #[test]
    fn writes_what_the_exchange_wrote() {
        // As captured from wss://advanced-trade-ws.coinbase.com on 2026-04-04.
        let captured = r#"{"channel":"ticker","timestamp":"2026-04-04T21:13:43.291084825Z","sequence_num":0,"events":[{"type":"snapshot","tickers":[{"type":"ticker","product_id":"BTC-USD","price":"67223.5","volume_24_h":"2401.16054813","low_24_h":"66770.64","high_24_h":"67535.2","low_52_w":"60001","high_52_w":"126296","price_percent_chg_24_h":"0.54672614199923","best_bid":"67223.49","best_ask":"67223.5","best_bid_quantity":"0.56309243","best_ask_quantity":"0.25094364"}]}]}"#;
        let products = [&market::PRODUCTS[0]];
        let mut encoder = Encoder::default();
        let time = 1_775_337_223_291_084_825;
        assert_eq!(encoder.tickers(time, EventKind::Snapshot, &[TICKER], &products), captured);
        assert_eq!(
            encoder.subscriptions(time, &["BTC-USD"], false),
            r#"{"channel":"subscriptions","timestamp":"2026-04-04T21:13:43.291084825Z","sequence_num":1,"events":[{"subscriptions":{"ticker":["BTC-USD"]}}]}"#
        );
        assert_eq!(
            encoder.heartbeat(time, 42),
            r#"{"channel":"heartbeats","timestamp":"2026-04-04T21:13:43.291084825Z","sequence_num":2,"events":[{"current_time":"2026-04-04 21:13:43.291084825+00:00","heartbeat_counter":42}]}"#
        );
        assert_eq!(error("no such thing"), r#"{"type":"error","message":"no such thing"}"#);
    }

    #[test]
    fn decimals_have_no_trailing_zeros() {
        for (value, decimals, expected) in
            [(0, 2, "0"), (1, 8, "0.00000001"), (100, 2, "1"), (110, 2, "1.1"), (101, 2, "1.01"), (7, 0, "7")]
        {
            let mut text = String::new();
            push_decimal(&mut text, value, decimals);
            assert_eq!(text, expected);
        }
    }
}
