//! The place in a file where something is wrong, shown with its line and a caret.

use std::path::{Path, PathBuf};

use crate::text::Excerpt;

/// A place in a file of the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub file: PathBuf,
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in characters; `None` if only the line is known.
    pub column: Option<usize>,
    /// The line exactly as in the file.
    pub text: String,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)?;
        match self.column {
            Some(column) => write!(f, ":{column}"),
            None => Ok(()),
        }
    }
}

impl Place {
    /// Returns the start of a file, for what concerns the file as a whole.
    pub fn start(file: &Path) -> Place {
        let text = super::read(file).unwrap_or_default();
        let first = text.lines().next().unwrap_or_default().to_string();
        Place { file: file.into(), line: 1, column: None, text: first }
    }

    /// Returns the line, with a caret below the column.
    pub fn excerpt(&self) -> Excerpt<'_> {
        Excerpt { number: self.line, line: &self.text, column: self.column, length: 1 }
    }
}
