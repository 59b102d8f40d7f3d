//! Where in a file something is wrong, shown with the offending line and a caret.

use std::path::PathBuf;

/// A place in a file of the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub file: PathBuf,
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in characters; `None` where only the line is known.
    pub column: Option<usize>,
    /// The line as the file has it.
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
    /// Returns the line, and below it a caret under the column.
    pub fn excerpt(&self) -> String {
        let margin = format!("{:>5} | ", self.line);
        let mut excerpt = format!("{margin}{}", self.text);
        if let Some(column) = self.column {
            // Tabs stay tabs, so that the caret lands where the terminal puts the character.
            let indent: String = self.text.chars().take(column - 1).map(|c| if c == '\t' { c } else { ' ' }).collect();
            let padding = (column - 1).saturating_sub(self.text.chars().count());
            excerpt.push_str(&format!("\n{:>5} | {indent}{}^", "", " ".repeat(padding)));
        }
        excerpt
    }
}
