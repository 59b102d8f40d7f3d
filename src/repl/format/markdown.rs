//! A table in GitHub's Markdown.

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::error::ArrowError;

use super::cells::{printable, rows};
use super::{Kind, Layout};

/// A table in Markdown.
pub static MARKDOWN: Kind = Kind {
    name: "markdown",
    help: "A table in GitHub's Markdown; floats rounded to ten digits",
    for_people: false,
    begin: |schema, appearance| Box::new(Markdown { header: Some(schema), null: appearance.null.clone() }),
};

struct Markdown {
    /// The schema, until the header is written.
    header: Option<SchemaRef>,
    null: String,
}

impl Layout for Markdown {
    fn push(&mut self, batch: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
        let mut text = self.header();
        for row in rows(batch, &self.null)? {
            text.push_str(&line(row.iter().map(|cell| escaped(cell))));
        }
        Ok(text.into_bytes())
    }

    fn finish(&mut self) -> Result<Vec<u8>, ArrowError> {
        Ok(self.header().into_bytes())
    }
}

impl Markdown {
    fn header(&mut self) -> String {
        let Some(schema) = self.header.take() else { return String::new() };
        let names = schema.fields().iter().map(|field| escaped(&printable(field.name())));
        let rules = schema.fields().iter().map(|field| if field.data_type().is_numeric() { "---:" } else { "---" });
        line(names) + &line(rules.map(String::from))
    }
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
