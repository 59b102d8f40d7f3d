//! Rows below each other, one line a column, for rows that are too wide for a table.

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::error::ArrowError;

use super::cells::{printable, rows, width};
use super::{Kind, Layout};

/// One line a column.
pub static VERTICAL: Kind = Kind {
    name: "vertical",
    help: "One line a column, for rows that are too wide for a table",
    for_people: true,
    begin: |schema, appearance| Box::new(Vertical { schema, null: appearance.null.clone(), rows: 0 }),
};

struct Vertical {
    schema: SchemaRef,
    null: String,
    rows: usize,
}

impl Layout for Vertical {
    fn push(&mut self, batch: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
        let names: Vec<String> = self.schema.fields().iter().map(|field| printable(field.name())).collect();
        let longest = names.iter().map(|name| width(name)).max().unwrap_or_default();
        let mut text = String::new();
        for row in rows(batch, &self.null)? {
            self.rows += 1;
            text.push_str(&format!("── row {} ──\n", self.rows));
            for (name, cell) in names.iter().zip(row) {
                let space = " ".repeat(longest - width(name));
                text.push_str(format!("{space}{name}  {cell}").trim_end());
                text.push('\n');
            }
        }
        Ok(text.into_bytes())
    }

    fn finish(&mut self) -> Result<Vec<u8>, ArrowError> {
        Ok(if self.rows == 0 { b"no rows\n".to_vec() } else { Vec::new() })
    }
}
