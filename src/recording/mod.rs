//! Files of messages that other programs recorded.
//!
//! In: files of any shape that [`crate::tick`] reads, plain or compressed with gzip or zstd. Out: their lines in a log, byte
//! for byte, and a [`Tally`] of each file. All files are checked before anything is written. Overlapping recordings can be
//! merged into one order, in which shared messages appear once.

mod error;
mod file;
mod format;
mod merge;
mod replay;
mod scan;
mod tally;

pub use error::Error;
pub use replay::{Options, Replay};
pub use tally::{Summary, Tally};
