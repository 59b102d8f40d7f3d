//! A simulated market: a pure function of its seed, without a clock and without IO.
//!
//! In: products, a start time, a seed. Out: [`Update`]s in the order of simulated time, without end. The same seed gives the
//! same updates on every machine. A product's updates do not depend on which other products are simulated.
//!
//! It shows these facts of real markets, so that a model can learn from it (Cont 2001, <https://doi.org/10.1080/713665670>):
//!
//! - Volatility clusters on scales from seconds to an hour, and jumps after news.
//! - Trades come in bunches, and more so while volatility is high. Spreads then widen and depth thins.
//! - The imbalance of the book hints at the next move.
//! - Single large orders cause blips. A window that contains a blip shows high volatility, but the blip predicts nothing.

mod draws;
mod elementary;
mod product;
mod specification;
mod volatility;

use product::Product;
pub use specification::{PRODUCTS, Specification, find};

/// The interval between publications of the quotes, the same as at the real exchange.
const STEP_NS: i64 = 250_000_000;
const STEP_S: f64 = 0.25;

/// The state of a product's ticker; prices in ticks of the product, quantities in units of 1e-8.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ticker {
    /// The product's position among the market's products.
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
    /// In percent.
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

    /// Returns the products, in the order that [`Ticker::product`] refers to.
    pub fn products(&self) -> &[&'static Specification] {
        &self.specifications
    }

    /// Returns each product's state at the market's opening; the updates then say what changes.
    pub fn tickers(&self) -> Vec<Ticker> {
        self.products.iter().map(Product::ticker).collect()
    }
}

impl Iterator for Market {
    type Item = Update;

    /// Returns the next update; `None` only if the market has no products.
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
