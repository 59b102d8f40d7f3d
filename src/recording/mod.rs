//! Files of messages that other programs recorded.
//!
//! In: files of any shape that [`crate::tick`] reads, plain or compressed, and tables of [`history`]; also by their address. Out:
//! their lines in a log, byte for byte, or a message for each row of a table, and a [`Tally`] of each file. All files are checked before
//! anything is written. Overlapping recordings can be merged into one order, in which shared messages appear once.

mod archive;
mod error;
mod fetch;
mod file;
mod format;
mod history;
mod lines;
mod merge;
mod replay;
mod scan;
mod tally;

pub use error::Error;
pub use replay::{Options, Replay};
pub use tally::{Summary, Tally};
