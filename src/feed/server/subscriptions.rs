//! What one connection is subscribed to.

use super::wire::{Request, RequestKind};
use crate::feed::market::{Specification, Ticker};

/// The channels of one connection.
#[derive(Debug)]
pub struct Subscriptions {
    products: Vec<&'static Specification>,
    /// For each of `products`, whether its ticker is subscribed to.
    tickers: Vec<bool>,
    pub heartbeats: bool,
    /// A product whose ticker a requested fault has stopped.
    muted: Option<usize>,
}

/// What a request changed.
#[derive(Debug, PartialEq, Eq)]
pub enum Change {
    /// These products' tickers are newly subscribed to; the numbers are positions in the market.
    Tickers(Vec<usize>),
    Other,
}

impl Subscriptions {
    /// Starts with no subscription.
    pub fn new(products: &[&'static Specification]) -> Self {
        Subscriptions {
            products: products.to_vec(),
            tickers: vec![false; products.len()],
            heartbeats: false,
            muted: None,
        }
    }

    /// Applies a client's message.
    ///
    /// # Errors
    /// The message is not a request, or names a channel or product that the exchange does not have; the text is the
    /// exchange's answer.
    pub fn apply(&mut self, text: &str) -> Result<Change, String> {
        let request: Request =
            serde_json::from_str(text).map_err(|error| format!("failed to read request: {error}"))?;
        let on = request.kind == RequestKind::Subscribe;
        match request.channel.as_str() {
            "heartbeats" => {
                self.heartbeats = on;
                Ok(Change::Other)
            }
            "ticker" => {
                let chosen = self.chosen(&request)?;
                for &index in &chosen {
                    self.tickers[index] = on;
                    self.muted = self.muted.filter(|muted| *muted != index);
                }
                Ok(if on { Change::Tickers(chosen) } else { Change::Other })
            }
            channel => Err(format!("channel `{channel}` is not simulated; there are ticker and heartbeats")),
        }
    }

    fn chosen(&self, request: &Request) -> Result<Vec<usize>, String> {
        if request.product_ids.is_empty() {
            return Err("ticker needs product_ids".into());
        }
        let position = |name: &String| {
            let found = self.products.iter().position(|product| product.product_id == name);
            found.ok_or_else(|| format!("{name} is not a valid product"))
        };
        request.product_ids.iter().map(position).collect()
    }

    /// Returns whether any ticker is subscribed to.
    pub fn any_ticker(&self) -> bool {
        self.tickers.contains(&true)
    }

    /// Returns the names of the products whose ticker is subscribed to.
    pub fn ticker_names(&self) -> Vec<&'static str> {
        let subscribed = self.products.iter().zip(&self.tickers).filter(|(_, on)| **on);
        subscribed.map(|(product, _)| product.product_id).collect()
    }

    /// Stops a product's ticker, although it stays subscribed to, until it is subscribed to again.
    pub fn mute(&mut self, product: usize) {
        self.muted = Some(product);
    }

    /// Keeps the tickers that are subscribed to.
    pub fn retain(&self, batch: &mut Vec<Ticker>) {
        batch.retain(|ticker| self.tickers[ticker.product] && self.muted != Some(ticker.product));
    }
}

#[cfg(test)]
mod tests {
    use super::{Change, Subscriptions};
    use crate::feed::market::PRODUCTS;

    #[test]
    fn requests_change_what_is_subscribed_to() {
        let mut subscriptions = Subscriptions::new(&PRODUCTS.iter().collect::<Vec<_>>());
        let ticker = r#"{"type":"subscribe","product_ids":["SOL-USD","BTC-USD"],"channel":"ticker"}"#;
        assert_eq!(subscriptions.apply(ticker), Ok(Change::Tickers(vec![2, 0])));
        assert_eq!(subscriptions.apply(r#"{"type":"subscribe","channel":"heartbeats"}"#), Ok(Change::Other));
        assert!(subscriptions.heartbeats);
        assert_eq!(subscriptions.ticker_names(), ["BTC-USD", "SOL-USD"]);
        let less = r#"{"type":"unsubscribe","product_ids":["BTC-USD"],"channel":"ticker"}"#;
        assert_eq!(subscriptions.apply(less), Ok(Change::Other));
        assert_eq!(subscriptions.ticker_names(), ["SOL-USD"]);
    }

    #[test]
    fn wrong_requests_are_answered_and_change_nothing() {
        let mut subscriptions = Subscriptions::new(&[&PRODUCTS[0]]);
        for (text, expected) in [
            ("hello", "failed to read request"),
            (r#"{"type":"subscribe","product_ids":["BTC-USD","DOGE-USD"],"channel":"ticker"}"#, "DOGE-USD"),
            (r#"{"type":"subscribe","product_ids":["BTC-USD"],"channel":"level2"}"#, "level2"),
            (r#"{"type":"subscribe","channel":"ticker"}"#, "product_ids"),
            (r#"{"type":"shout","channel":"ticker"}"#, "shout"),
        ] {
            let error = subscriptions.apply(text).expect_err(text);
            assert!(error.contains(expected), "{text}: {error}");
            assert!(!subscriptions.any_ticker());
        }
    }
}
