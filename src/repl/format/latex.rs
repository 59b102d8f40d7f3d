//! A table for LaTeX.

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::error::ArrowError;

use super::cells::{printable, rows};
use super::{Kind, Layout};

/// A `tabular` of LaTeX.
pub static LATEX: Kind = Kind {
    name: "latex",
    help: "A tabular of LaTeX; floats rounded to ten digits",
    for_people: false,
    begin: |schema, appearance| Box::new(Latex { schema, begun: false, null: appearance.null.clone() }),
};

struct Latex {
    schema: SchemaRef,
    begun: bool,
    null: String,
}

impl Layout for Latex {
    fn push(&mut self, batch: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
        let mut text = self.header();
        for row in rows(batch, &self.null)? {
            text.push_str(&line(row.iter().map(String::as_str)));
        }
        Ok(text.into_bytes())
    }

    fn finish(&mut self) -> Result<Vec<u8>, ArrowError> {
        Ok((self.header() + "\\end{tabular}\n").into_bytes())
    }
}

impl Latex {
    fn header(&mut self) -> String {
        if std::mem::replace(&mut self.begun, true) {
            return String::new();
        }
        let fields = self.schema.fields();
        let places: String =
            fields.iter().map(|field| if field.data_type().is_numeric() { 'r' } else { 'l' }).collect();
        let names: Vec<String> = fields.iter().map(|field| printable(field.name())).collect();
        format!("\\begin{{tabular}}{{{places}}}\n{}\\hline\n", line(names.iter().map(String::as_str)))
    }
}

fn line<'a>(cells: impl Iterator<Item = &'a str>) -> String {
    cells.map(escaped).collect::<Vec<_>>().join(" & ") + " \\\\\n"
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' => escaped.push_str("\\textbackslash{}"),
            '~' => escaped.push_str("\\textasciitilde{}"),
            '^' => escaped.push_str("\\textasciicircum{}"),
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => escaped.extend(['\\', character]),
            other => escaped.push(other),
        }
    }
    escaped
}
