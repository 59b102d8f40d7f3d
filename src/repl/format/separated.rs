//! Values with a separator between them and every digit: CSV, and tabs.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, StringArray};
use datafusion::arrow::csv;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;

use super::cells::exact;
use super::{Kind, Layout};

/// Comma-separated values.
pub static CSV: Kind = Kind {
    name: "csv",
    help: "RFC 4180 with a header line; NULL is an empty field",
    for_people: false,
    alone: false,
    begin: |schema, _| Ok(Box::new(Separated { header: Some(schema), write: commas })),
};

/// Tab-separated values.
pub static TSV: Kind = Kind {
    name: "tsv",
    help: "Tabs between fields, with a header line; \\t, \\n and \\\\ stand for themselves, and NULL is an empty field",
    for_people: false,
    alone: false,
    begin: |schema, _| Ok(Box::new(Separated { header: Some(schema), write: tabs })),
};

struct Separated {
    /// The schema, until the header is written.
    header: Option<SchemaRef>,
    /// Writes a batch, with or without a header.
    write: fn(&RecordBatch, bool) -> Result<Vec<u8>, ArrowError>,
}

impl Layout for Separated {
    fn push(&mut self, batch: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
        (self.write)(batch, self.header.take().is_some())
    }

    fn finish(&mut self) -> Result<Vec<u8>, ArrowError> {
        match self.header.take() {
            Some(schema) => (self.write)(&RecordBatch::new_empty(schema), true),
            None => Ok(Vec::new()),
        }
    }
}

fn commas(batch: &RecordBatch, header: bool) -> Result<Vec<u8>, ArrowError> {
    let mut bytes = Vec::new();
    let mut writer = csv::WriterBuilder::new().with_header(header).build(&mut bytes);
    writer.write(&flat(batch)?)?;
    drop(writer);
    Ok(bytes)
}

/// Returns the batch with lists and structs converted to text, because CSV cannot represent them.
fn flat(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    if !batch.columns().iter().any(|column| column.data_type().is_nested()) {
        return Ok(batch.clone());
    }
    let mut fields = Vec::new();
    let mut columns: Vec<ArrayRef> = Vec::new();
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        if !column.data_type().is_nested() {
            fields.push(field.clone());
            columns.push(column.clone());
            continue;
        }
        fields.push(Arc::new(Field::new(field.name(), DataType::Utf8, true)));
        columns.push(Arc::new(StringArray::from(exact(column)?)));
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}

fn tabs(batch: &RecordBatch, header: bool) -> Result<Vec<u8>, ArrowError> {
    let mut text = String::new();
    if header {
        let names: Vec<String> = batch.schema().fields().iter().map(|field| escaped(field.name())).collect();
        text.push_str(&(names.join("\t") + "\n"));
    }
    let columns: Vec<Vec<Option<String>>> =
        batch.columns().iter().map(|column| exact(column)).collect::<Result<_, ArrowError>>()?;
    for row in 0..batch.num_rows() {
        let cells: Vec<String> =
            columns.iter().map(|cells| escaped(cells[row].as_deref().unwrap_or_default())).collect();
        text.push_str(&(cells.join("\t") + "\n"));
    }
    Ok(text.into_bytes())
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n").replace('\r', "\\r")
}
