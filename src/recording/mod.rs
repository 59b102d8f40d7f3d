//! Files of messages that other programs recorded.
//!
//! In: files, plain, gzip or zstd, of any shape that [`crate::tick`] reads. Out: their lines in a log, byte for byte, and a
//! [`Tally`] of each file. All files are looked at before anything is written. Recordings that overlap can be merged into one
//! order, without the messages that they share.

mod error;
mod file;
mod merge;
mod replay;
mod scan;
mod tally;

pub use error::Error;
pub use replay::{Options, Replay};
pub use tally::{Summary, Tally};
