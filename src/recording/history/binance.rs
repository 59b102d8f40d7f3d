//! CSV files of Binance's public data, from <https://data.binance.vision>.
//!
//! Source: <https://github.com/binance/binance-public-data>, read in November 2026. Files of the spot market have no header; files of
//! futures have one since 2022. Times count milliseconds since 1970; those of the spot market, microseconds since 1 January 2025. The
//! product stands only in the file's name, such as `BTCUSDT-trades-2025-01-01.csv`.

use super::Format;
use super::layout::Key;

/// `bookTicker`, which is there for futures.
pub static BOOK_TICKER: Format = Format {
    name: "binance-bookticker-file",
    what: "Binance public data: `bookTicker`",
    columns: &[
        (Key::Sequence, &["update_id"]),
        (Key::Bid, &["best_bid_price"]),
        (Key::BidSize, &["best_bid_qty"]),
        (Key::Ask, &["best_ask_price"]),
        (Key::AskSize, &["best_ask_qty"]),
        (Key::Time, &["transaction_time"]),
    ],
    file_word: Some("-bookTicker-"),
    positions: &[0, 1, 2, 3, 4, 5],
};

/// `aggTrades`.
pub static AGG_TRADES: Format = Format {
    name: "binance-aggtrades-file",
    what: "Binance public data: `aggTrades`",
    columns: &[
        (Key::Sequence, &["agg_trade_id"]),
        (Key::Price, &["price"]),
        (Key::Size, &["quantity"]),
        (Key::Time, &["transact_time"]),
        (Key::BuyerIsMaker, &["is_buyer_maker"]),
    ],
    file_word: Some("-aggTrades-"),
    positions: &[0, 1, 2, 5, 6],
};

/// `trades`.
pub static TRADES: Format = Format {
    name: "binance-trades-file",
    what: "Binance public data: `trades`",
    columns: &[
        (Key::Sequence, &["id"]),
        (Key::Price, &["price"]),
        (Key::Size, &["qty"]),
        (Key::Time, &["time"]),
        (Key::BuyerIsMaker, &["is_buyer_maker"]),
    ],
    file_word: Some("-trades-"),
    positions: &[0, 1, 2, 4, 5],
};
