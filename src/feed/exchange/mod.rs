//! The exchanges that squall can receive from.
//!
//! An exchange is one file that implements [`Exchange`]; the client knows nothing else about it. To add one, write its file,
//! add one line to [`EXCHANGES`] and describe it in docs/exchanges.md and in the comment on `exchange` in squall.toml. If its
//! messages have a shape of their own, add that too, as one file in `tick::shapes`.

mod binance;
mod bybit;
mod coinbase_advanced;
mod coinbase_exchange;
mod kraken;
mod okx;

use std::fmt;
use std::time::Duration;

use super::Error;
use crate::text::did_you_mean;
use crate::tick::Shape;

/// Every exchange; the first one is the default of `feed.exchange`.
pub static EXCHANGES: &[&dyn Exchange] = &[
    &coinbase_advanced::CoinbaseAdvanced,
    &coinbase_exchange::CoinbaseExchange,
    &binance::Binance,
    &kraken::Kraken,
    &bybit::Bybit,
    &okx::Okx,
];

/// The exchange that the simulator imitates.
pub static SIMULATED: &dyn Exchange = &coinbase_advanced::CoinbaseAdvanced;

/// The longest name that a product may have; a message with a longer one is passed on as unreadable.
pub const MOST_PRODUCT_BYTES: usize = 128;

/// What the client must know about an exchange.
pub trait Exchange: fmt::Debug + Send + Sync {
    /// Returns what is the same for every connection.
    fn about(&self) -> &'static About;

    /// Returns the exchange's name in `feed.exchange`.
    fn name(&self) -> &'static str {
        self.about().name
    }

    /// Returns the address of its public market data.
    fn address(&self) -> &'static str {
        self.about().address
    }

    /// Returns the shape of its messages.
    fn shape(&self) -> &'static Shape {
        self.about().shape
    }

    /// Returns what a client may ask for.
    fn limits(&self) -> Limits {
        self.about().limits
    }

    /// Checks that a product's name is written as the exchange writes it. Some exchanges send nothing for a name that they do not know.
    ///
    /// # Errors
    /// How the exchange would write it.
    fn check(&self, product: &str) -> Result<(), String>;

    /// Returns how the exchange writes a product; an example if nothing of its name is left.
    fn writes(&self, product: &str) -> String {
        let product = if product.is_empty() { self.about().examples[0] } else { product };
        format!("{} writes products like `{product}`", self.name())
    }

    /// Returns the address to connect to. `address` is the exchange's own, or the user's; an exchange that is told the
    /// products in the address adds them.
    fn url(&self, address: &str, _products: &[String]) -> String {
        address.into()
    }

    /// Returns the messages that subscribe to the products' ticker and heartbeats, in the order in which to send them.
    fn subscriptions(&self, products: &[String]) -> Vec<String>;

    /// Returns the names of the two variables of the environment that may hold a key: its name, and its private half.
    fn credentials(&self) -> Option<[&'static str; 2]> {
        None
    }

    /// Adds a token, which is made with the key, to a message that subscribes.
    fn authorise(&self, message: String, _token: &str) -> String {
        message
    }

    /// Returns the messages that subscribe again to the ticker of some of the products on the same connection. If there are
    /// none, the client reconnects instead.
    fn resubscriptions(&self, products: &[String]) -> Vec<String>;

    /// Returns the message that has to be sent from time to time so that the exchange keeps the connection, or so that it
    /// answers when nothing else is to be sent. The client answers websocket pings by itself.
    fn keep_alive(&self) -> Option<KeepAlive> {
        None
    }

    /// Looks at a message as received. Its bytes are passed on, whatever the result.
    fn look(&self, payload: &[u8]) -> Seen;
}

/// What is the same for every connection to an exchange.
#[derive(Debug)]
pub struct About {
    /// The exchange's name in `feed.exchange`.
    pub name: &'static str,
    /// The address of its public market data.
    pub address: &'static str,
    /// The shape of its messages; the shape says what their sequence numbers count.
    pub shape: &'static Shape,
    pub limits: Limits,
    /// Two products, as the exchange writes them.
    pub examples: [&'static str; 2],
}

/// What a client may ask for on one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most products.
    pub products: usize,
    /// The most messages that the client may send in a second.
    pub messages_per_second: u32,
}

/// A message that the client sends from time to time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeepAlive {
    pub every: Duration,
    pub message: String,
}

/// What looking at a message found.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// The message's own number.
    pub sequence_num: Option<i64>,
    pub holds: Holds,
}

/// What a message holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Holds {
    Ticks {
        /// The product of the first tick.
        product: String,
        /// The products of the other ticks; most messages have none.
        others: Vec<String>,
        /// The exchange's time, nanoseconds since 1970, UTC.
        event_time: Option<i64>,
    },
    /// A message of the protocol itself: a heartbeat, an acknowledgement, ….
    Control,
    /// The exchange reports an error.
    Error { message: String },
    /// Something that the exchange does not send, or a message that was cut off.
    Unreadable,
}

impl Holds {
    /// Returns how many ticks the message holds.
    pub fn ticks(&self) -> u64 {
        match self {
            Holds::Ticks { others, .. } => 1 + others.len() as u64,
            Holds::Control | Holds::Error { .. } | Holds::Unreadable => 0,
        }
    }
}

impl Seen {
    /// Returns the result for bytes that are not a message of the exchange.
    pub fn unreadable() -> Seen {
        Seen { sequence_num: None, holds: Holds::Unreadable }
    }
}

/// Checks a name of an exchange whose products are capital letters and digits, such as `BTCUSDT`.
fn check_capitals(exchange: &dyn Exchange, product: &str) -> Result<(), String> {
    if !product.is_empty() && product.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()) {
        return Ok(());
    }
    let letters: String = product.chars().filter(char::is_ascii_alphanumeric).collect();
    Err(exchange.writes(&letters.to_uppercase()))
}

/// Checks a name of an exchange whose products have capital letters and digits on both sides of a hyphen, such as `BTC-USD`.
fn check_hyphens(exchange: &dyn Exchange, product: &str) -> Result<(), String> {
    let own = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.');
    let is_own =
        |name: &str| name.contains('-') && name.split('-').all(|part| !part.is_empty()) && name.bytes().all(own);
    if is_own(product) {
        return Ok(());
    }
    let mut written = product.trim().replace('/', "-").to_uppercase();
    if !written.contains('-') {
        written = written.replace('_', "-");
    }
    Err(exchange.writes(if is_own(&written) { &written } else { "" }))
}

/// Returns the exchange with this name.
///
/// # Errors
/// No exchange has this name.
pub fn find(name: &str) -> Result<&'static dyn Exchange, Error> {
    let found = EXCHANGES.iter().find(|exchange| exchange.name() == name);
    found.copied().ok_or_else(|| {
        let known: Vec<&'static str> = EXCHANGES.iter().map(|exchange| exchange.name()).collect();
        let nearest = did_you_mean(name, known.iter().copied());
        Error::UnknownExchange { exchange: name.into(), known, nearest }
    })
}

#[cfg(test)]
mod tests {
    use super::{EXCHANGES, find};
    use crate::error::Hint;

    #[test]
    fn exchanges_are_found_by_names_of_their_own() {
        for exchange in EXCHANGES {
            assert_eq!(find(exchange.name()).expect("it is there").address(), exchange.address());
            assert!(exchange.address().starts_with("wss://"), "{}", exchange.address());
        }
        for exchange in EXCHANGES {
            for product in ["", " ", "BTC USD"] {
                let reason = exchange.check(product).expect_err("not a name");
                assert!(reason.starts_with(&format!("{} writes products like `B", exchange.name())), "{reason}");
            }
        }
        let coinbase = |name| find(name).expect("an exchange");
        for product in ["BTC-USD", "00-USD", "BTC-PERP-INTX"] {
            assert_eq!(coinbase("coinbase-advanced").check(product), Ok(()), "{product}");
        }
        for (product, example) in [
            ("BTCUSDT", "BTC-USD"),
            ("ETH/USD", "ETH-USD"),
            ("ETH_USD", "ETH-USD"),
            ("eth-usd", "ETH-USD"),
            ("eth-usd ", "ETH-USD"),
            ("-USD", "BTC-USD"),
        ] {
            for exchange in ["coinbase-advanced", "coinbase-exchange"].map(coinbase) {
                let expected = format!("{} writes products like `{example}`", exchange.name());
                assert_eq!(exchange.check(product), Err(expected), "{product}");
            }
        }
        for exchange in EXCHANGES {
            for example in exchange.about().examples {
                assert_eq!(exchange.check(example), Ok(()), "{}", exchange.name());
            }
        }
        let error = find("coinbase-exchnge").expect_err("it is not there");
        assert_eq!(error.to_string(), "unknown exchange `coinbase-exchnge`");
        assert!(error.hint().expect("a hint").contains("coinbase-exchange"));
        assert!(find("nyse").expect_err("it is not there").hint().expect("a hint").contains("coinbase-advanced"));
    }
}
