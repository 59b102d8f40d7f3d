//! What several reports do in the same way: queries with their rows, a picture or the reason why there is none, names of any content, warnings.

use serde::Serialize;

use super::chart::Figure;
use super::query::{Literal, Query, Rows};
use super::{Error, Request};
use crate::text::printable;

/// Longer names are shortened.
const LONGEST_NAME: usize = 60;

/// A picture, or the sentence that stands in its place.
#[derive(Debug, Serialize)]
pub struct Exhibit {
    pub figure: Option<Figure>,
    pub absent: String,
}

impl Exhibit {
    pub fn new(figure: Option<Figure>, absent: impl Into<String>) -> Exhibit {
        Exhibit { figure, absent: absent.into() }
    }
}

/// A query with its rows.
pub struct Answer {
    pub query: Query,
    pub rows: Rows,
}

/// Runs the query of a file below `reports/`.
///
/// # Errors
/// The file cannot be read, or the query fails.
pub async fn ask(request: &Request<'_>, file: &str, values: &[(&str, Literal<'_>)]) -> Result<Answer, Error> {
    let query = request.query(file, values)?;
    let rows = query.rows(request.context).await?;
    Ok(Answer { query, rows })
}

/// Returns a name or a value as a reader can tell it apart: shortened, with invisible characters spelled out, and said to be empty if it is.
pub fn name(text: &str) -> String {
    let length = text.chars().count();
    match length {
        0 => "(empty)".into(),
        _ if text.chars().all(char::is_whitespace) => format!("({length} blank characters)"),
        _ if length > LONGEST_NAME => {
            format!("{} ({} characters)", printable(text, LONGEST_NAME), crate::text::grouped(length as u64))
        }
        _ => printable(text, LONGEST_NAME),
    }
}

/// Returns a value of a profile as [`name`] does. A long text was shortened before and says how long it is.
pub fn value(text: &str) -> String {
    let is_length = |end: &str| {
        let digits = end.strip_suffix(" characters)");
        digits.is_some_and(|digits| digits.starts_with(|first: char| first.is_ascii_digit()))
    };
    match text.rsplit_once("… (") {
        Some((start, end)) if is_length(end) => format!("{} ({end}", printable(start, LONGEST_NAME)),
        _ => name(text),
    }
}

/// Something that a reader should know, and how bad it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Warning {
    /// 0 is the worst.
    pub rank: u8,
    /// The column or the product; empty for all.
    pub about: String,
    pub text: String,
}

impl Warning {
    pub fn new(rank: u8, about: impl Into<String>, text: impl Into<String>) -> Warning {
        Warning { rank, about: about.into(), text: text.into() }
    }

    /// Returns whether the warning belongs into a verdict; the others are notes for who looks at the column.
    pub fn is_conspicuous(&self) -> bool {
        self.rank < 7
    }

    /// Returns the warning as a sentence.
    pub fn sentence(&self) -> String {
        match self.about.is_empty() {
            true => format!("{}.", self.text),
            false => format!("{}: {}.", self.about, self.text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{name, value};

    #[test]
    fn every_name_can_be_seen() {
        assert_eq!(name("best_bid"), "best_bid");
        assert_eq!(name(""), "(empty)");
        assert_eq!(name("  "), "(2 blank characters)");
        assert_eq!(name("\u{202e}live"), "\\u{202e}live");
        assert_eq!(name(&"x".repeat(10_000)), format!("{}… (10,000 characters)", "x".repeat(60)));
        let kept = format!("{}… (2,001 characters)", "x".repeat(200));
        assert_eq!(value(&kept), format!("{}… (2,001 characters)", "x".repeat(60)));
        assert_eq!(value("a… (5"), "a… (5");
    }
}
