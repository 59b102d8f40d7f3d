//! A table in GitHub's Markdown.

use super::Kind;
use super::document::{Document, Form};

/// A table in Markdown.
pub static MARKDOWN: Kind = Kind {
    name: "markdown",
    help: "A table in GitHub's Markdown; floats rounded to ten digits",
    for_people: false,
    alone: false,
    begin: |schema, appearance| Document::begin(&FORM, &schema, appearance),
};

static FORM: Form = Form { head, row, end: "" };

fn head(names: &[String], numeric: &[bool]) -> String {
    let rules = numeric.iter().map(|numeric| if *numeric { "---:" } else { "---" });
    row(names, numeric) + &line(rules.map(String::from))
}

fn row(cells: &[String], _: &[bool]) -> String {
    line(cells.iter().map(|cell| escaped(cell)))
}

fn line(cells: impl Iterator<Item = String>) -> String {
    let mut text = String::from("|");
    for cell in cells {
        text.push_str(&format!(" {cell} |"));
    }
    text.push('\n');
    text
}

/// Returns a text in which no character means something to Markdown. What `printable` wrote for a control character stays.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' if characters.peek().is_some_and(|next| matches!(next, 't' | 'n' | 'r' | 'u')) => escaped.push('\\'),
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' => escaped.extend(['\\', character]),
            '<' => escaped.push_str("&lt;"),
            '&' => escaped.push_str("&amp;"),
            other => escaped.push(other),
        }
    }
    escaped
}
