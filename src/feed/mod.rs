//! Market data over a websocket: a client that reconnects, and a simulated exchange.
//!
//! In: an exchange, its address and products. Out: raw messages in a log, in order and byte for byte, and a record of what
//! happened to the connections. [`exchange`] knows the exchanges, [`client`] receives, and [`ingest`] appends to the log.
//! [`journal`] records gaps, silences and reconnections for SQL to read. [`market`] makes simulated prices and [`server`]
//! serves them.

pub mod client;
pub mod exchange;
pub mod ingest;
pub mod journal;
pub mod market;
pub mod server;
pub mod sign;

mod error;

pub use error::Error;
