//! Rows below each other, one line a column, for rows that are too wide for a table.

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::error::ArrowError;

use super::cells::{printable, rows, width};
use super::{Appearance, Kind, Layout};

/// One line a column.
pub static VERTICAL: Kind = Kind {
    name: "vertical",
    help: "One line a column, for rows that are too wide for a table",
    for_people: true,
    alone: false,
    begin: |schema, appearance| {
        Ok(Box::new(Vertical { names: names(&schema), appearance: appearance.clone(), rows: 0 }))
    },
};

struct Vertical {
    names: Vec<String>,
    appearance: Appearance,
    rows: usize,
}

impl Layout for Vertical {
    fn push(&mut self, batch: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
        let mut text = String::new();
        for row in rows(batch, &self.appearance)? {
            self.rows += 1;
            text.push_str(&lines(&self.names, &row, self.rows));
        }
        Ok(text.into_bytes())
    }

    fn finish(&mut self) -> Result<Vec<u8>, ArrowError> {
        Ok(if self.rows == 0 { b"no rows\n".to_vec() } else { Vec::new() })
    }
}

/// Returns the columns' names as they are shown.
pub fn names(schema: &SchemaRef) -> Vec<String> {
    schema.fields().iter().map(|field| printable(field.name())).collect()
}

/// Returns a row with its number, one line a column.
pub fn lines(names: &[String], row: &[String], number: usize) -> String {
    let longest = names.iter().map(|name| width(name)).max().unwrap_or_default();
    let mut text = format!("── row {number} ──\n");
    for (name, cell) in names.iter().zip(row) {
        let space = " ".repeat(longest - width(name));
        text.push_str(format!("{space}{name}  {cell}").trim_end());
        text.push('\n');
    }
    text
}
