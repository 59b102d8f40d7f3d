//! Which log a landed file came from: carried in the file's footer, so that another log's offsets are not taken for its own.

use serde::{Deserialize, Serialize};

use crate::log::{LogId, Witness};

/// The footer's key for the origin, a JSON object.
pub const KEY: &str = "squall.log";

/// Where a landed file's messages came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    pub log: LogId,
    /// The last message of the file's range.
    pub last: Witness,
}
