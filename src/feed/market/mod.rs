//! A simulated market: a pure function of its seed, without a clock or IO.
//!
//! In: products, a start time, a seed. Out: [`Update`]s in the order of simulated time, without end. The same seed gives the
//! same updates on every machine, and a product's updates do not depend on which others are simulated.
//!
//! It shows these facts of real markets, so that a model can learn from it (Cont 2001, <https://doi.org/10.1080/713665670>):
//!
//! - Volatility clusters on scales of seconds to an hour and jumps upon news.
//! - Trades come in bunches, and more so while volatility is high. Spreads then widen and depth thins.
//! - The imbalance of the book hints at the next move.
//! - Single large orders make blips. A blip looks like volatility for as long as a window remembers it, but it predicts nothing.

mod draws;
mod elementary;
mod product;
mod specification;
mod volatility;

use product::Product;
pub use specification::{PRODUCTS, Specification, find};

/// Quotes are published once in this time, as at the real exchange.
const STEP_NS: i64 = 250_000_000;
const STEP_S: f64 = 0.25;

/// The state of a product's ticker; prices in ticks of the product, quantities in units of 1e-8.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ticker {
    /// Which of the market's products it is.
    pub product: usize,
    pub price: i64,
    pub best_bid: i64,
    pub best_ask: i64,
    pub best_bid_quantity: i64,
    pub best_ask_quantity: i64,
    pub volume_24_h: i64,
    pub low_24_h: i64,
    pub high_24_h: i64,
    pub low_52_w: i64,
    pub high_52_w: i64,
    /// Percent.
    pub percent_change_24_h: f64,
}

/// A quote that changed, or a trade.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Update {
    /// The exchange's time, nanoseconds since 1970, UTC.
    pub time: i64,
    pub ticker: Ticker,
}

/// Several products' markets, merged by time.
#[derive(Debug, Clone)]
pub struct Market {
    specifications: Vec<&'static Specification>,
    products: Vec<Product>,
}

impl Market {
    /// Opens the market at `start`, nanoseconds since 1970, UTC.
    pub fn new(specifications: &[&'static Specification], start: i64, seed: u64) -> Self {
        let products = specifications.iter().enumerate();
        Market {
            specifications: specifications.to_vec(),
            products: products.map(|(index, product)| Product::new(product, index, start, seed)).collect(),
        }
    }

    /// Returns the products, in the order that [`Ticker::product`] counts.
    pub fn products(&self) -> &[&'static Specification] {
        &self.specifications
    }

    /// Returns each product's state as of the market's opening; updates tell what changes.
    pub fn tickers(&self) -> Vec<Ticker> {
        self.products.iter().map(Product::ticker).collect()
    }
}

impl Iterator for Market {
    type Item = Update;

    /// Returns the next update; `None` only for a market without products.
    fn next(&mut self) -> Option<Update> {
        let mut earliest: Option<(i64, usize)> = None;
        for (index, product) in self.products.iter_mut().enumerate() {
            let time = product.next_time();
            if earliest.is_none_or(|(other, _)| time < other) {
                earliest = Some((time, index));
            }
        }
        earliest.and_then(|(_, index)| self.products[index].take())
    }
}

#[cfg(test)]
mod tests;
