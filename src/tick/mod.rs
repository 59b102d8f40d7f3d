//! The contract of a market-data message.
//!
//! In: one message as an exchange or a recorder wrote it, in any of the [`shapes`]. Out: [`Tick`]s, a control message, or
//! the [`Problem`] that sends the message to the dead letters. Every later stage works with ticks and never with shapes.
//! [`Order`] gives each tick its `ts` and its [`Status`], by the same rule for landing and for live queries.
//!
//! A message is read whole or not at all: if one ticker of an envelope is bad, the whole envelope is a dead letter. So no
//! message lands in part.

mod clock;
mod field;
mod identity;
mod json;
mod order;
mod problem;
mod schema;
pub mod shapes;
mod sink;
mod time;

use crate::text::printable;

pub use clock::{Clock, SystemClock};
pub use identity::Identity;
pub use order::{EARLIER_NS, Order, Rules, Status};
pub use problem::{Fault, Problem};
pub use schema::schema;
pub use shapes::{Message, Reader, Sequence, Shape, parse, trimmed};
pub use sink::{Columns, Sink};
pub use time::{PLAUSIBLE, from_text as time_of_text};

/// One quote or trade update of one product, exactly as received.
///
/// Its product's name is a `String` of its own, or a `&str` that is borrowed from the message.
#[derive(Debug, Clone, PartialEq)]
pub struct Tick<P = String> {
    /// The exchange's product name, such as `BTC-USD`.
    pub product_id: P,
    /// The exchange's timestamp, or the recorder's if the exchange sent none; nanoseconds since 1970, UTC.
    pub event_time: i64,
    /// The last trade's price, USD; absent in feeds that carry only quotes.
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
    /// The last trade's taker side.
    pub side: Option<Side>,
    pub last_size: Option<f64>,
    pub sequence_num: Option<i64>,
}

impl<P> Tick<P> {
    /// Returns a tick of what every feed carries: a quote of a product at a time. All else is absent.
    pub fn quote(product_id: P, event_time: i64, best_bid: f64, best_ask: f64) -> Tick<P> {
        Tick {
            product_id,
            event_time,
            price: None,
            best_bid,
            best_bid_quantity: None,
            best_ask,
            best_ask_quantity: None,
            volume_24_h: None,
            low_24_h: None,
            high_24_h: None,
            low_52_w: None,
            high_52_w: None,
            price_percent_chg_24_h: None,
            side: None,
            last_size: None,
            sequence_num: None,
        }
    }

    /// Returns the tick under another form of its product's name.
    fn named<Q>(&self, product_id: Q) -> Tick<Q> {
        Tick {
            product_id,
            event_time: self.event_time,
            price: self.price,
            best_bid: self.best_bid,
            best_bid_quantity: self.best_bid_quantity,
            best_ask: self.best_ask,
            best_ask_quantity: self.best_ask_quantity,
            volume_24_h: self.volume_24_h,
            low_24_h: self.low_24_h,
            high_24_h: self.high_24_h,
            low_52_w: self.low_52_w,
            high_52_w: self.high_52_w,
            price_percent_chg_24_h: self.price_percent_chg_24_h,
            side: self.side,
            last_size: self.last_size,
            sequence_num: self.sequence_num,
        }
    }

    /// Returns the tick's numbers.
    pub fn numbers(&self) -> [Option<f64>; 12] {
        [
            self.price,
            Some(self.best_bid),
            self.best_bid_quantity,
            Some(self.best_ask),
            self.best_ask_quantity,
            self.volume_24_h,
            self.low_24_h,
            self.high_24_h,
            self.low_52_w,
            self.high_52_w,
            self.price_percent_chg_24_h,
            self.last_size,
        ]
    }
}

impl Tick {
    /// The columns that hold [`Tick::numbers`], in their order.
    pub const NUMBERS: [&str; 12] = [
        "price",
        "best_bid",
        "best_bid_quantity",
        "best_ask",
        "best_ask_quantity",
        "volume_24_h",
        "low_24_h",
        "high_24_h",
        "low_52_w",
        "high_52_w",
        "price_percent_chg_24_h",
        "last_size",
    ];
}

/// The taker's side of a trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    Buy,
    Sell,
}

impl Side {
    /// Returns the side as the column `side` holds it: `buy` or `sell`.
    pub fn as_str(self) -> &'static str {
        match self {
            Side::Buy => "buy",
            Side::Sell => "sell",
        }
    }
}

/// What a message turned out to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// The shape of the message itself, even if a recorder's line wraps it.
    pub shape: &'static Shape,
    /// The message's own number; [`Shape::sequence`] says what it counts.
    pub sequence_num: Option<i64>,
    pub content: Content,
}

/// What a message holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// At least one tick, in the message's order. One envelope may hold several events, and each event several tickers.
    Ticks(Vec<Tick>),
    /// A message of the protocol itself, or of a channel that holds no ticks.
    Control(Control),
}

/// A message without ticks.
#[derive(Debug, Clone, PartialEq)]
pub struct Control {
    /// The channel or type: `subscriptions`, `heartbeats`, …; shortened if it is long, and without control characters.
    pub name: String,
    /// When the exchange sent it, nanoseconds since 1970, UTC.
    pub event_time: Option<i64>,
    /// The count that a heartbeat carries; each connection counts one per second.
    pub heartbeat_counter: Option<i64>,
}

impl Control {
    /// Makes a control message of a channel or type, without a heartbeat's count.
    fn new(name: &str, event_time: Option<i64>) -> Control {
        Control { name: printable(name, LONGEST_NAME), event_time, heartbeat_counter: None }
    }
}

/// Names of channels and types have no more characters than this; the names come from messages.
const LONGEST_NAME: usize = 60;

#[cfg(test)]
mod tests;
