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

    /// Returns the excerpt in lines of at most `width` characters: of a longer line, the part around the caret.
    pub fn within(&self, width: usize) -> String {
        let room = width.saturating_sub(self.margin().len() + " | ".len()).max(10);
        let characters: Vec<char> = self.line.chars().collect();
        if characters.len() <= room {
            return self.to_string();
        }
        let caret = self.column.unwrap_or(1).saturating_sub(1).min(characters.len());
        // An ellipsis stands on each side where something is left out.
        let start = caret.saturating_sub(room / 2).min(characters.len() - room + 1);
        let start = if start <= 1 { 0 } else { start };
        let before = usize::from(start > 0);
        let after = usize::from(start + room - before < characters.len());
        let part: String = characters[start..].iter().take(room - before - after).collect();
        let ellipsis = |is_there: usize| if is_there > 0 { "…" } else { "" };
        let line = format!("{}{part}{}", ellipsis(before), ellipsis(after));
        let column = self.column.map(|_| caret - start + before + 1);
        let length = self.length.min(room.saturating_sub(column.unwrap_or(1) - 1));
        Excerpt { number: self.number, line: &line, column, length }.to_string()
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

    #[test]
    fn a_long_line_is_cut_around_its_caret() {
        let line = "SELECT one, two, three, four, five, six FROM numbers";
        let at = |column| Excerpt { number: 3, line, column: Some(column), length: 4 }.within(24);
        assert_eq!(at(1), "  |\n3 | SELECT one, two, th…\n  | ^^^^");
        assert_eq!(at(25), "  |\n3 | …o, three, four, fi…\n  |            ^^^^");
        assert_eq!(at(41), "  |\n3 | …five, six FROM num…\n  |            ^^^^");
        for column in 1..=60 {
            let shown = at(column);
            assert!(shown.lines().all(|line| line.chars().count() <= 24 + 1), "{shown}");
        }
        assert_eq!(
            Excerpt { number: 3, line: "short", column: Some(1), length: 1 }.within(24),
            "  |\n3 | short\n  | ^"
        );
    }
}
