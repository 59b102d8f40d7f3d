//! The log that a landed file came from, stored in the file's footer so that another log's offsets are not mistaken for this
//! log's.

use serde::{Deserialize, Serialize};

use crate::log::{LogId, Witness};

/// The footer's key for the origin, a JSON object.
pub const KEY: &str = "squall.log";

/// The log that a landed file's messages came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    pub log: LogId,
    /// The last message of the file's range; `None` if the range holds no message.
    pub last: Option<Witness>,
    /// Whether its ticks were placed by their own times, among those that had landed before.
    #[serde(default)]
    pub by_time: bool,
}
