//! What can go wrong with a feed.

use std::io;
use std::path::PathBuf;

use tokio_tungstenite::tungstenite;

use super::exchange::{EXCHANGES, Exchange};
use crate::error::Hint;
use crate::log;

/// What can go wrong with a feed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("port {port} of {host} is in use")]
    PortInUse { host: String, port: u16 },
    #[error("cannot listen on {host}:{port}")]
    Listen { host: String, port: u16, source: io::Error },
    #[error("unknown exchange `{exchange}`")]
    UnknownExchange { exchange: String, known: Vec<&'static str>, nearest: Option<String> },
    #[error("the environment variable {variable} {reason}")]
    Credentials { variable: &'static str, reason: String },
    #[error("{setting} cannot be `{value}`")]
    Setting { setting: &'static str, value: String, known: Vec<&'static str> },
    #[error("{exchange} sends at most {limit} products on one connection, not {products}")]
    TooManyProducts { exchange: &'static str, products: usize, limit: usize },
    #[error("`{product}` is not a product: {reason}")]
    ProductName { product: String, reason: String },
    #[error("unknown product `{product}`")]
    UnknownProduct { product: String, known: Vec<&'static str> },
    #[error("`{url}` is not a websocket address")]
    Address { url: String },
    #[error("cannot connect to {url}")]
    Connect { url: String, source: Box<tungstenite::Error> },
    #[error("cannot connect to {url} within {seconds} s")]
    ConnectTimeout { url: String, seconds: u64 },
    #[error("{url} refuses product `{product}`: {message}")]
    ProductRefused { url: String, product: String, message: String, exchange: &'static dyn Exchange },
    #[error("{url} refuses the subscription to {products}: {message}")]
    Refused { url: String, products: String, message: String, exchange: &'static dyn Exchange },
    #[error("cannot write feed events to {path}")]
    Journal { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Log(#[from] log::Error),
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Error::PortInUse { .. } => Some("choose another with --port, or let --port 0 find a free one".into()),
            Error::Listen { .. } => Some("--host 127.0.0.1 --port 0 finds a free port of this machine".into()),
            Error::UnknownExchange { nearest: Some(nearest), .. } => Some(nearest.clone()),
            Error::UnknownExchange { known, .. } => Some(format!("feed.exchange can be {}", known.join(" or "))),
            Error::Credentials { .. } => {
                Some("set both variables as the exchange's key file has them, or neither: market data are public".into())
            }
            Error::Setting { known, .. } => Some(format!("it can be {}", known.join(" or "))),
            Error::TooManyProducts { .. } => {
                Some("share the products out: several `squall ingest` can run, each with --products and --to of its own".into())
            }
            Error::ProductName { .. } => Some("name products as the exchange does, with --products or feed.products".into()),
            Error::UnknownProduct { known, .. } => Some(format!("the simulator has {}", known.join(", "))),
            Error::Address { .. } => Some(format!("write it as {} or ws://127.0.0.1:8765", EXCHANGES[0].address())),
            Error::Connect { source, .. } if matches!(**source, tungstenite::Error::Tls(_)) => {
                Some("root certificates are read from the system; SSL_CERT_FILE names another file of them".into())
            }
            Error::Connect { .. } | Error::ConnectTimeout { .. } => {
                Some("`squall simulate` serves a simulated exchange and prints its address for --from".into())
            }
            Error::ProductRefused { exchange, .. } | Error::Refused { exchange, .. } => {
                let examples = exchange.about().examples.join(",");
                Some(format!("name products the exchange has, as in --products {examples}"))
            }
            Error::Journal { .. } => {
                Some("all received messages are in the log; `squall config` shows paths.data, below which events are written".into())
            }
            Error::Log(error) => error.hint(),
        }
    }
}
