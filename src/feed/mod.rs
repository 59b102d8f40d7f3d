//! Market data over a websocket: a client that reconnects, and a simulated exchange.
//!
//! In: an exchange, its address and products. Out: raw messages in a log, in order and byte for byte, and what happened to the
//! connections meanwhile. [`exchange`] knows the exchanges, [`client`] receives, [`ingest`] appends to the log, and [`journal`]
//! writes down gaps, silences and reconnections for SQL to read. [`market`] makes simulated prices and [`server`] serves them.

pub mod client;
pub mod exchange;
pub mod ingest;
pub mod journal;
pub mod market;
pub mod server;

mod error;

pub use error::Error;
