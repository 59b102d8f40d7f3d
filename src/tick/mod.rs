//! The contract of a market-data message.
//!
//! In: one message as an exchange or a recorder wrote it, in any of the shapes that [`shape`] knows. Out: [`Tick`]s, or the
//! [`Problem`] that sends the message to the dead letters. Every later stage sees ticks, never shapes.

/// One quote or trade update of one product, as received: nothing altered, nothing made up.
#[derive(Debug, Clone, PartialEq)]
pub struct Tick {
    /// The exchange's product name, such as `BTC-USD`.
    pub product_id: String,
    /// The exchange's timestamp (the recorder's, where the exchange sent none), nanoseconds since 1970, UTC.
    pub event_time: i64,
    /// The last trade's price, USD; absent in feeds of quotes only.
    pub price: Option<f64>,
    pub best_bid: f64,
    pub best_bid_quantity: Option<f64>,
    pub best_ask: f64,
    pub best_ask_quantity: Option<f64>,
    pub volume_24_h: Option<f64>,
    pub low_24_h: Option<f64>,
    pub high_24_h: Option<f64>,
    pub low_52_w: Option<f64>,
    pub high_52_w: Option<f64>,
    pub price_percent_chg_24_h: Option<f64>,
    /// The last trade's taker side, `buy` or `sell`.
    pub side: Option<Side>,
    pub last_size: Option<f64>,
    pub sequence_num: Option<i64>,
}

/// The taker's side of a trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    Buy,
    Sell,
}
