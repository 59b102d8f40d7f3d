//! Results as text: tables, CSV, JSON.
//!
//! In: a result's schema and its record batches, one after another. Out: bytes for standard output as each batch comes, so
//! that results may have any length. CSV and JSON show every digit of a float; tables are made for reading.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::json::writer::{JsonArray, JsonFormat, LineDelimited, Writer, WriterBuilder};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::arrow::{csv, util::display};

use super::table::Table;

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Columns aligned for reading; floats rounded to ten digits
    Table,
    /// RFC 4180 with a header line; NULL is an empty field
    Csv,
    /// One array of objects a result
    Json,
    /// One object a line
    Ndjson,
}

impl Format {
    /// Every format, in the order of the help text.
    pub const ALL: [Format; 4] = [Format::Table, Format::Csv, Format::Json, Format::Ndjson];

    /// Returns the name with which users choose the format.
    pub fn name(self) -> &'static str {
        match self {
            Format::Table => "table",
            Format::Csv => "csv",
            Format::Json => "json",
            Format::Ndjson => "ndjson",
        }
    }
}

/// Writes one result.
pub enum Printer {
    Table(Table),
    /// The text of a plan, unchanged, because the plan's line breaks and indents matter.
    Plan,
    Csv {
        header: Option<SchemaRef>,
    },
    Json(Writer<Vec<u8>, JsonArray>),
    Ndjson(Writer<Vec<u8>, LineDelimited>),
}

impl Printer {
    /// Begins a result of `schema`; a table is at most `width` characters wide, if that is possible.
    pub fn new(format: Format, schema: SchemaRef, width: Option<usize>) -> Self {
        match format {
            Format::Table if is_plan(&schema) => Printer::Plan,
            Format::Table => Printer::Table(Table::new(schema, width)),
            Format::Csv => Printer::Csv { header: Some(schema) },
            Format::Json => Printer::Json(json()),
            Format::Ndjson => Printer::Ndjson(json()),
        }
    }

    /// Takes a batch and returns the bytes that are ready.
    ///
    /// # Errors
    /// The format cannot represent the type of a column.
    pub fn push(&mut self, batch: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
        match self {
            Printer::Table(table) => Ok(table.push(batch)?.into_bytes()),
            Printer::Plan => plan(batch),
            Printer::Csv { header } => comma_separated(batch, header.take().is_some()),
            Printer::Json(writer) => {
                writer.write(batch)?;
                Ok(std::mem::take(writer.get_mut()))
            }
            Printer::Ndjson(writer) => {
                writer.write(batch)?;
                Ok(std::mem::take(writer.get_mut()))
            }
        }
    }

    /// Ends the result and returns the last bytes.
    ///
    /// # Errors
    /// The format cannot represent the type of a column.
    pub fn finish(&mut self) -> Result<Vec<u8>, ArrowError> {
        match self {
            Printer::Table(table) => Ok(table.finish().into_bytes()),
            Printer::Plan | Printer::Ndjson(_) => Ok(Vec::new()),
            Printer::Csv { header } => match header.take() {
                Some(schema) => comma_separated(&RecordBatch::new_empty(schema), true),
                None => Ok(Vec::new()),
            },
            Printer::Json(writer) => {
                writer.finish()?;
                let mut bytes = std::mem::take(writer.get_mut());
                bytes.push(b'\n');
                Ok(bytes)
            }
        }
    }

    /// Returns how many of the result's columns did not fit into the table.
    pub fn hidden_columns(&self) -> usize {
        if let Printer::Table(table) = self { table.hidden_columns() } else { 0 }
    }
}

fn json<F: JsonFormat>() -> Writer<Vec<u8>, F> {
    // A NULL is written as `null` instead of being left out, so that every row has the same keys.
    WriterBuilder::new().with_explicit_nulls(true).build(Vec::new())
}

/// Returns whether the schema is that of EXPLAIN's result.
fn is_plan(schema: &Schema) -> bool {
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    names == ["plan_type", "plan"]
}

fn plan(batch: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
    let options = FormatOptions::default();
    let kinds = ArrayFormatter::try_new(batch.column(0), &options)?;
    let plans = ArrayFormatter::try_new(batch.column(1), &options)?;
    let mut text = String::new();
    for row in 0..batch.num_rows() {
        text.push_str(&format!("{}:\n", kinds.value(row).try_to_string()?));
        for line in plans.value(row).try_to_string()?.lines() {
            text.push_str(&format!("  {line}\n"));
        }
    }
    Ok(text.into_bytes())
}

fn comma_separated(batch: &RecordBatch, header: bool) -> Result<Vec<u8>, ArrowError> {
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
        let formatter = display::ArrayFormatter::try_new(column, &FormatOptions::default())?;
        let text = |row| match column.is_null(row) {
            true => Ok(None),
            false => formatter.value(row).try_to_string().map(Some),
        };
        let texts: StringArray = (0..column.len()).map(text).collect::<Result<_, ArrowError>>()?;
        fields.push(Arc::new(Field::new(field.name(), DataType::Utf8, true)));
        columns.push(Arc::new(texts));
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Float64Array, ListArray, TimestampNanosecondArray};
    use datafusion::arrow::datatypes::Int64Type;

    use super::*;

    fn sample() -> RecordBatch {
        let text: ArrayRef = Arc::new(StringArray::from(vec![Some("a,\"b\""), None]));
        let float: ArrayRef = Arc::new(Float64Array::from(vec![0.1 + 0.2, f64::NAN]));
        let time: ArrayRef = Arc::new(TimestampNanosecondArray::from(vec![1, 2]).with_timezone("UTC"));
        RecordBatch::try_from_iter_with_nullable([("text", text, true), ("float", float, true), ("time", time, true)])
            .unwrap()
    }

    fn print(format: Format, batches: &[RecordBatch], schema: SchemaRef) -> String {
        let mut printer = Printer::new(format, schema, None);
        let mut bytes = Vec::new();
        for batch in batches {
            bytes.extend(printer.push(batch).unwrap());
        }
        bytes.extend(printer.finish().unwrap());
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn csv_has_one_header_and_every_digit() {
        let batch = sample();
        let expected = "text,float,time\n\
            \"a,\"\"b\"\"\",0.30000000000000004,1970-01-01T00:00:00.000000001Z\n\
            ,NaN,1970-01-01T00:00:00.000000002Z\n";
        assert_eq!(print(Format::Csv, std::slice::from_ref(&batch), batch.schema()), expected);
        let halves = [batch.slice(0, 1), batch.slice(1, 1)];
        assert_eq!(print(Format::Csv, &halves, batch.schema()), expected);
    }

    #[test]
    fn json_shows_null_and_has_none_for_what_is_no_number() {
        let batch = sample();
        let first = r#"{"text":"a,\"b\"","float":0.30000000000000004,"time":"1970-01-01T00:00:00.000000001Z"}"#;
        let second = r#"{"text":null,"float":null,"time":"1970-01-01T00:00:00.000000002Z"}"#;
        let halves = [batch.slice(0, 1), batch.slice(1, 1)];
        assert_eq!(print(Format::Ndjson, &halves, batch.schema()), format!("{first}\n{second}\n"));
        assert_eq!(print(Format::Json, &halves, batch.schema()), format!("[{first},{second}]\n"));
    }

    #[test]
    fn an_empty_result_has_its_form() {
        let schema = sample().schema();
        assert_eq!(print(Format::Csv, &[], schema.clone()), "text,float,time\n");
        assert_eq!(print(Format::Json, &[], schema.clone()), "[]\n");
        assert_eq!(print(Format::Ndjson, &[], schema), "");
    }

    #[test]
    fn csv_holds_lists_as_text() {
        let lists = ListArray::from_iter_primitive::<Int64Type, _, _>(vec![Some(vec![Some(1), None]), None]);
        let batch = RecordBatch::try_from_iter_with_nullable([("list", Arc::new(lists) as ArrayRef, true)]).unwrap();
        assert_eq!(print(Format::Csv, std::slice::from_ref(&batch), batch.schema()), "list\n\"[1, ]\"\n\"\"\n");
    }

    #[test]
    fn a_plan_keeps_its_lines() {
        let kind: ArrayRef = Arc::new(StringArray::from(vec!["logical_plan"]));
        let text: ArrayRef = Arc::new(StringArray::from(vec!["Projection\n  TableScan"]));
        let batch = RecordBatch::try_from_iter([("plan_type", kind), ("plan", text)]).unwrap();
        assert_eq!(
            print(Format::Table, std::slice::from_ref(&batch), batch.schema()),
            "logical_plan:\n  Projection\n    TableScan\n"
        );
    }
}
