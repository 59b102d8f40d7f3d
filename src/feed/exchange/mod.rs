//! The exchanges that squall can receive from.
//!
//! An exchange is one file that implements [`Exchange`]. To add one, write its file, add one line to [`EXCHANGES`] and
//! describe it in docs/feed.md and in the comment on `exchange` in squall.toml. If its messages have a shape of their own, add that too, as one file in `tick::shapes`.

mod coinbase_advanced;
mod coinbase_exchange;

use std::fmt;

use super::Error;
use crate::text::did_you_mean;
use crate::tick::Shape;

/// Every exchange; the first one is the default of `feed.exchange`.
pub static EXCHANGES: &[&dyn Exchange] = &[&coinbase_advanced::CoinbaseAdvanced, &coinbase_exchange::CoinbaseExchange];

/// The exchange that the simulator imitates.
pub static SIMULATED: &dyn Exchange = &coinbase_advanced::CoinbaseAdvanced;

/// What the client must know about an exchange.
pub trait Exchange: fmt::Debug + Send + Sync {
    /// Returns the exchange's name in `feed.exchange`.
    fn name(&self) -> &'static str;

    /// Returns the address of its public market data.
    fn url(&self) -> &'static str;

    /// Returns the shape of its messages; the shape says what their sequence numbers count.
    fn shape(&self) -> &'static Shape;

    /// Returns the messages that subscribe to the products' ticker and heartbeats, in the order in which to send them.
    fn subscriptions(&self, products: &[String]) -> Vec<String>;

    /// Looks at a message as received. Its bytes are passed on, whatever the result.
    fn look(&self, payload: &[u8]) -> Seen;
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
        count: u64,
        /// The exchange's time, exactly as the exchange wrote it.
        event_time: Option<String>,
    },
    /// A message of the protocol itself: a heartbeat, an acknowledgement, ….
    Control,
    /// The exchange reports an error.
    Error { message: String },
    /// Something that the exchange does not send, or a message that was cut off.
    Unreadable,
}

impl Seen {
    /// Returns the result for bytes that are not a message of the exchange.
    pub fn unreadable() -> Seen {
        Seen { sequence_num: None, holds: Holds::Unreadable }
    }
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
            assert_eq!(find(exchange.name()).expect("it is there").url(), exchange.url());
            assert!(exchange.url().starts_with("wss://"), "{}", exchange.url());
        }
        let error = find("coinbase-exchnge").expect_err("it is not there");
        assert_eq!(error.to_string(), "unknown exchange `coinbase-exchnge`");
        assert!(error.hint().expect("a hint").contains("coinbase-exchange"));
        assert!(find("nyse").expect_err("it is not there").hint().expect("a hint").contains("coinbase-advanced"));
    }
}
