//! The websocket protocol of Coinbase Advanced Trade: a client that reconnects, and a simulated exchange that serves it.
//!
//! In: a websocket's address and products. Out: raw messages in order, byte for byte, and what happened to the connection
//! meanwhile. [`market`] makes simulated prices, [`server`] serves them, [`client`] receives, [`journal`] writes down gaps,
//! silences and reconnections for SQL to read.

pub mod client;
pub mod journal;
pub mod market;
pub mod server;

mod envelope;
mod error;
mod wire;

pub use envelope::Envelope;
pub use error::Error;
