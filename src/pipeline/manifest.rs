//! What a materialised table's folder says about it.

use serde::{Deserialize, Serialize};

use super::recipe::Recipe;

/// What is known about a table: its files, and what they were made from.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub query: String,
    /// What the rows were made from; `None` if that can change without notice, so that the table is never fresh.
    pub recipe: Option<Recipe>,
    /// A digest of the landed files for which the table is complete; `None` while parts are missing.
    pub landed: Option<String>,
    /// The files that hold the rows, in the order of their days.
    pub parts: Vec<Part>,
    /// The files that the last run replaced. A query that opened them can finish.
    pub replaced: Vec<String>,
    /// Who wrote this, in an object store: a text of its own for each write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writer: Option<String>,
}

/// One file of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Part {
    /// The UTC day of its rows, `YYYYMMDD`; `None` if the table is not divided by days.
    pub day: Option<String>,
    pub file: String,
    /// The size of the file. If the size differs, it is not the file that was written.
    pub bytes: u64,
    pub rows: u64,
    /// A digest of the landed ticks from which the day was made; empty if the table is not divided by days.
    pub ticks: String,
}

impl Manifest {
    pub fn rows(&self) -> u64 {
        self.parts.iter().map(|part| part.rows).sum()
    }

    /// Returns the names of all files that it names.
    pub fn files(&self) -> Vec<&str> {
        self.parts.iter().map(|part| part.file.as_str()).chain(self.replaced.iter().map(String::as_str)).collect()
    }

    /// Returns the part of a day that was made from these ticks.
    pub fn made(&self, day: &str, ticks: &str) -> Option<&Part> {
        self.parts.iter().find(|part| part.day.as_deref() == Some(day) && part.ticks == ticks)
    }
}
