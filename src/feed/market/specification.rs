//! The products that can be simulated, and how they differ.
//!
//! The figures follow Coinbase's own market of late November 2025: ticks, usual prices, realized volatility over a minute
//! (medians of 2.9, 4.3 and 5.1 basis points), spreads, sizes and message rates.

/// How one product's market differs from the others.
#[derive(Debug)]
pub struct Specification {
    pub product_id: &'static str,
    /// Decimals of a price; a tick is one unit of the last decimal.
    pub price_decimals: usize,
    /// The usual price, in ticks.
    pub price_ticks: f64,
    /// The usual volatility: the standard deviation of the return over one second.
    pub volatility: f64,
    /// The narrowest usual spread, in ticks.
    pub narrowest_ticks: f64,
    /// How much a wide spread adds on average (relative to the price), and how often the spread is wide, both at the usual
    /// volatility.
    pub wide_spread: f64,
    pub wide_share: f64,
    /// Trades per second, and changes of the quoted prices per second, at the usual volatility.
    pub trades_per_s: f64,
    pub requotes_per_s: f64,
    /// The median size of a trade, and of the best level of the book.
    pub trade_size: f64,
    pub depth: f64,
    /// The usual volume of a day.
    pub volume_24_h: f64,
}

/// Every product that can be simulated.
pub const PRODUCTS: [Specification; 3] = [
    Specification {
        product_id: "BTC-USD",
        price_decimals: 2,
        price_ticks: 9_000_000.0,
        volatility: 2.4e-5,
        narrowest_ticks: 1.0,
        wide_spread: 5e-5,
        wide_share: 0.3,
        trades_per_s: 1.5,
        requotes_per_s: 2.5,
        trade_size: 0.0012,
        depth: 0.2,
        volume_24_h: 9_400.0,
    },
    Specification {
        product_id: "ETH-USD",
        price_decimals: 2,
        price_ticks: 300_000.0,
        volatility: 3.7e-5,
        narrowest_ticks: 1.0,
        wide_spread: 8e-5,
        wide_share: 0.45,
        trades_per_s: 1.2,
        requotes_per_s: 1.8,
        trade_size: 0.037,
        depth: 0.8,
        volume_24_h: 164_000.0,
    },
    Specification {
        product_id: "SOL-USD",
        price_decimals: 2,
        price_ticks: 14_000.0,
        volatility: 4.4e-5,
        narrowest_ticks: 1.0,
        wide_spread: 8e-5,
        wide_share: 0.5,
        trades_per_s: 0.8,
        requotes_per_s: 1.3,
        trade_size: 0.41,
        depth: 12.0,
        volume_24_h: 1_730_000.0,
    },
];

/// Returns the product with this name.
pub fn find(product_id: &str) -> Option<&'static Specification> {
    PRODUCTS.iter().find(|product| product.product_id == product_id)
}
