//! Rows as SQL's INSERT statements, with every digit.

use datafusion::arrow::array::{Array, RecordBatch};
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::arrow::error::ArrowError;

use super::cells::exact;
use super::{Kind, Layout};
use crate::text::{identifier, literal};

/// The table that the statements name, for the user to replace.
const TABLE: &str = "result";

/// INSERT statements.
pub static INSERT: Kind = Kind {
    name: "insert",
    help: "One INSERT statement a row, into a table named result",
    for_people: false,
    alone: false,
    begin: |schema, _| Ok(Box::new(Insert { schema })),
};

struct Insert {
    schema: SchemaRef,
}

impl Layout for Insert {
    fn push(&mut self, batch: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
        let names: Vec<String> = self.schema.fields().iter().map(|field| identifier(field.name())).collect();
        let names = names.join(", ");
        let columns = batch.columns().iter().map(|column| Ok((column.data_type(), exact(column)?)));
        let columns: Vec<(&DataType, Vec<Option<String>>)> = columns.collect::<Result<_, ArrowError>>()?;
        let mut text = String::new();
        for row in 0..batch.num_rows() {
            let values = columns.iter().map(|(data_type, cells)| value(data_type, cells[row].as_deref()));
            let values: Vec<String> = values.collect();
            text.push_str(&format!("INSERT INTO {TABLE} ({names}) VALUES ({});\n", values.join(", ")));
        }
        Ok(text.into_bytes())
    }

    fn finish(&mut self) -> Result<Vec<u8>, ArrowError> {
        Ok(Vec::new())
    }
}

/// Returns a value as SQL writes it. Infinity and NaN are written as texts, which SQL casts.
fn value(data_type: &DataType, cell: Option<&str>) -> String {
    match cell {
        None => "NULL".into(),
        Some(cell) if *data_type == DataType::Boolean => cell.into(),
        Some(cell) if data_type.is_numeric() && cell.ends_with(|last: char| last.is_ascii_digit()) => cell.into(),
        Some(cell) => literal(cell),
    }
}
