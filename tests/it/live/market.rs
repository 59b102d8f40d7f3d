//! Messages of a market as it can be: several ticks in a message, equal times, late and repeated messages, products that are silent in
//! turn, control messages, and messages that nobody can read.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// The products, one after another.
pub const PRODUCTS: [&str; 3] = ["A-USD", "B-USD", "C-USD"];

/// Makes messages.
pub struct Market {
    random: StdRng,
    millis: i64,
    prices: [f64; 3],
    /// A product that is silent, and the messages until it is not.
    silent: (usize, u32),
    sent: Vec<String>,
    number: i64,
}

impl Market {
    pub fn new(seed: u64) -> Market {
        let random = StdRng::seed_from_u64(seed);
        Market { random, millis: 0, prices: [100.0, 20.0, 3.0], silent: (0, 0), sent: Vec::new(), number: 0 }
    }

    /// Returns the next messages.
    pub fn messages(&mut self, count: usize) -> Vec<String> {
        (0..count).map(|_| self.message()).collect()
    }

    /// Returns last messages of some products, of the same time.
    pub fn last<const N: usize>(&mut self, products: [usize; N]) -> [(usize, String); N] {
        self.millis += 60_000;
        products.map(|product| (product, super::super::land::memory::flat(PRODUCTS[product], self.millis, 100)))
    }

    fn message(&mut self) -> String {
        match self.random.random_range(0..60) {
            0 => {
                r#"{"channel":"subscriptions","timestamp":"2026-04-01T00:00:00Z","sequence_num":0,"events":[]}"#.into()
            }
            1 => "{\"neither\": \"tick\" nor".into(),
            2 | 3 if !self.sent.is_empty() => {
                let back = self.random.random_range(0..self.sent.len().min(200));
                self.sent[self.sent.len() - 1 - back].clone()
            }
            4 => {
                let late = self.random.random_range(500..5_000);
                self.quotes(-late, 1)
            }
            5 => self.quotes(0, 3),
            _ => {
                // Several messages share a millisecond; now and then there is a pause.
                self.millis += match self.random.random_range(0..40) {
                    0 => 9_000,
                    1..20 => 0,
                    _ => self.random.random_range(1..400),
                };
                self.quotes(0, 1)
            }
        }
    }

    fn quotes(&mut self, after: i64, count: usize) -> String {
        if self.silent.1 == 0 {
            self.silent = (self.random.random_range(0..3), self.random.random_range(1..120));
        }
        self.silent.1 -= 1;
        let time = chrono::DateTime::from_timestamp_millis(1_775_000_000_000 + self.millis + after).unwrap();
        let time = time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
        let tickers: Vec<String> = (0..count)
            .map(|_| {
                let mut product = self.random.random_range(0..3);
                if product == self.silent.0 {
                    product = (product + 1) % 3;
                }
                let step = f64::from(self.random.random_range(-3..=3)) / 100.0;
                self.prices[product] = (self.prices[product] + step).max(0.5);
                let price = self.prices[product];
                let size = self.random.random_range(0..5);
                let side = ["buy", "sell"][self.random.random_range(0..2)];
                format!(
                    r#"{{"type":"ticker","product_id":"{}","price":"{price:.2}","best_bid":"{:.2}","best_ask":"{:.2}","best_bid_quantity":"{size}","best_ask_quantity":"2","side":"{side}"}}"#,
                    PRODUCTS[product],
                    price - 0.01,
                    price + 0.02
                )
            })
            .collect();
        self.number += 1;
        let message = format!(
            r#"{{"channel":"ticker","timestamp":"{time}","sequence_num":{},"events":[{{"type":"update","tickers":[{}]}}]}}"#,
            self.number,
            tickers.join(",")
        );
        self.sent.push(message.clone());
        message
    }
}
