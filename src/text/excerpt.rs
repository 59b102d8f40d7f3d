//! A line of a source text, with a caret under the place of an error.

use std::fmt;

/// A line of source text and the part of it that is wrong, shown as compilers do:
///
/// ```text
///    |
/// 10 | SELECT bidd FROM ticks
///    |        ^^^^
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Excerpt<'a> {
    /// The line's number, from 1.
    pub number: usize,
    /// The line as in the source, without its line end.
    pub line: &'a str,
    /// Where the part begins, in characters from 1; `None` if only the line is known.
    pub column: Option<usize>,
    /// How many characters the part has; at least one caret is drawn.
    pub length: usize,
}

impl Excerpt<'_> {
    /// Returns as many blanks as the line's number is wide.
    pub fn margin(&self) -> String {
        " ".repeat(self.number.to_string().len())
    }
}

impl fmt::Display for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let margin = self.margin();
        write!(f, "{margin} |\n{} | {}", self.number, self.line)?;
        let Some(column) = self.column else { return Ok(()) };
        write!(f, "\n{margin} | {}{}", indent_for_caret(self.line, column), "^".repeat(self.length.max(1)))
    }
}

/// Returns the text before a caret under the given column (from 1) of the line.
///
/// Tabs stay tabs, so the caret is under its character whatever the width of tabs. If the column is beyond the line's end,
/// blanks fill the distance.
fn indent_for_caret(line: &str, column: usize) -> String {
    let before = column.saturating_sub(1);
    let mut indent: String = line.chars().take(before).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
    indent.push_str(&" ".repeat(before.saturating_sub(line.chars().count())));
    indent
}

#[cfg(test)]
mod tests {
    use super::Excerpt;

    #[test]
    fn the_caret_stands_under_its_word_whatever_is_before_it() {
        let excerpt = Excerpt { number: 10, line: "\té, bid", column: Some(5), length: 3 };
        assert_eq!(excerpt.to_string(), "   |\n10 | \té, bid\n   | \t   ^^^");
        let beyond = Excerpt { number: 7, line: "ab", column: Some(5), length: 0 };
        assert_eq!(beyond.to_string(), "  |\n7 | ab\n  |     ^");
        let line = Excerpt { number: 7, line: "ab", column: None, length: 1 };
        assert_eq!(line.to_string(), "  |\n7 | ab");
    }
}
