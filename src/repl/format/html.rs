//! A table in HTML, for a page that gives it its look.

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::error::ArrowError;

use super::cells::{printable, rows};
use super::{Kind, Layout};

/// A table in HTML.
pub static HTML: Kind = Kind {
    name: "html",
    help: "A table in HTML; floats rounded to ten digits",
    for_people: false,
    begin: |schema, appearance| Box::new(Html { schema, begun: false, null: appearance.null.clone() }),
};

struct Html {
    schema: SchemaRef,
    begun: bool,
    null: String,
}

impl Layout for Html {
    fn push(&mut self, batch: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
        let mut text = self.header();
        for row in rows(batch, &self.null)? {
            text.push_str("<tr>");
            for (field, cell) in self.schema.fields().iter().zip(&row) {
                let align = if field.data_type().is_numeric() { " align=\"right\"" } else { "" };
                text.push_str(&format!("<td{align}>{}</td>", escaped(cell)));
            }
            text.push_str("</tr>\n");
        }
        Ok(text.into_bytes())
    }

    fn finish(&mut self) -> Result<Vec<u8>, ArrowError> {
        Ok((self.header() + "</tbody>\n</table>\n").into_bytes())
    }
}

impl Html {
    fn header(&mut self) -> String {
        if std::mem::replace(&mut self.begun, true) {
            return String::new();
        }
        let names = self.schema.fields().iter().map(|field| format!("<th>{}</th>", escaped(&printable(field.name()))));
        format!("<table>\n<thead><tr>{}</tr></thead>\n<tbody>\n", names.collect::<String>())
    }
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}
