//! CSV files of tardis.dev.
//!
//! Source: <https://docs.tardis.dev/downloadable-csv-files>, read in November 2026. Times count microseconds since 1970, UTC. `timestamp`
//! is the exchange's time, or that of the receipt if the exchange sends none.

use super::Format;
use super::layout::Key;

/// The data types `quotes` and `book_ticker`, which have the same columns.
pub static QUOTES: Format = Format {
    name: "tardis-quotes",
    what: "tardis.dev: `quotes`, `book_ticker`",
    columns: &[
        (Key::Exchange, &["exchange"]),
        (Key::Product, &["symbol"]),
        (Key::Time, &["timestamp"]),
        (Key::AskSize, &["ask_amount"]),
        (Key::Ask, &["ask_price"]),
        (Key::Bid, &["bid_price"]),
        (Key::BidSize, &["bid_amount"]),
    ],
    file_word: None,
    positions: &[],
};

/// The data type `trades`.
pub static TRADES: Format = Format {
    name: "tardis-trades",
    what: "tardis.dev: `trades`",
    columns: &[
        (Key::Exchange, &["exchange"]),
        (Key::Product, &["symbol"]),
        (Key::Time, &["timestamp"]),
        (Key::Sequence, &["id"]),
        (Key::Side, &["side"]),
        (Key::Price, &["price"]),
        (Key::Size, &["amount"]),
    ],
    file_word: None,
    positions: &[],
};
