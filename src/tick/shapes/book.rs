//! The best level of one side of an order book, from a feed that sends whole quotes.

use super::super::Problem;
use super::super::json::{Levels, Object};
use super::super::problem::Fault;

/// The names that problems give to price and quantity of each side.
pub const BID: [&str; 2] = ["best_bid", "best_bid_quantity"];
pub const ASK: [&str; 2] = ["best_ask", "best_ask_quantity"];

/// Returns price and quantity of the only level under this key.
///
/// # Errors
/// There is no level, there are several, or the level is empty: then the message is not a whole quote.
pub fn best(book: Object<'_>, key: &str, [price, quantity]: [&'static str; 2]) -> Result<(f64, f64), Problem> {
    match book.levels(key) {
        Levels::None => Err(Problem::Missing { field: price }),
        Levels::One([level, amount]) => {
            let found = amount.amount(quantity)?.ok_or(Problem::Missing { field: quantity })?;
            // In a book that changes level by level, a quantity of 0 removes the level.
            if found == 0.0 {
                return Err(amount.wrong(quantity, Fault::NotPositive));
            }
            Ok((level.price(price)?, found))
        }
        Levels::Several | Levels::Other => Err(book.value(key).wrong(price, Fault::NotOneLevel)),
    }
}
