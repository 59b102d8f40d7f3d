//! The three parts of a training set.

use serde::{Deserialize, Serialize};

/// Which rows fit the model, tune its threshold, or judge it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    Train,
    Validation,
    Test,
}

impl Split {
    pub const ALL: [Split; 3] = [Split::Train, Split::Validation, Split::Test];

    /// Returns the name that a split column holds.
    pub fn as_str(self) -> &'static str {
        match self {
            Split::Train => "train",
            Split::Validation => "validation",
            Split::Test => "test",
        }
    }

    /// Reads a split column's value.
    pub fn parse(text: &str) -> Option<Split> {
        Split::ALL.into_iter().find(|split| split.as_str() == text)
    }
}
