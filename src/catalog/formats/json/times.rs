//! Times in JSON, which are texts.
//!
//! For a column that is a time, the engine takes a number for nanoseconds since 1970, and for a date it takes days. In: the columns that
//! are wanted. Out: their rows; a number that is not written as a time is an error.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::json::ReaderBuilder;
use datafusion::arrow::json::reader::Decoder;

use crate::catalog::formats::text::Decode;

/// Returns a reader of columns, which gives so many rows at once.
///
/// # Errors
/// The columns have a type that JSON cannot have.
pub fn decoder(columns: SchemaRef, rows: usize) -> Result<Box<dyn Decode>, ArrowError> {
    let read = Schema::new(columns.fields().iter().map(|field| field_as(field)).collect::<Vec<_>>());
    // Numbers are read as text, if the column is text.
    let builder = ReaderBuilder::new(Arc::new(read)).with_batch_size(rows).with_coerce_primitive(true);
    Ok(Box::new(Times { decoder: builder.build_decoder()?, columns }))
}

/// Reads times as text, and then casts them to their types.
struct Times {
    decoder: Decoder,
    columns: SchemaRef,
}

impl Decode for Times {
    fn decode(&mut self, bytes: &[u8]) -> Result<usize, ArrowError> {
        self.decoder.decode(bytes)
    }

    fn flush(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        let Some(rows) = self.decoder.flush()? else { return Ok(None) };
        if rows.schema_ref().fields() == self.columns.fields() {
            return Ok(Some(rows));
        }
        let options = CastOptions { safe: false, ..CastOptions::default() };
        let columns = rows.columns().iter().zip(self.columns.fields());
        let columns = columns.map(|(column, field)| cast_with_options(column, field.data_type(), &options));
        let columns = columns.collect::<Result<Vec<ArrayRef>, ArrowError>>()?;
        let count = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(&self.columns), columns, &count).map(Some)
    }
}

fn field_as(field: &Field) -> Field {
    field.clone().with_data_type(read_as(field.data_type()))
}

fn read_as(data_type: &DataType) -> DataType {
    match data_type {
        time if time.is_temporal() && !matches!(time, DataType::Duration(_) | DataType::Interval(_)) => DataType::Utf8,
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(|field| Arc::new(field_as(field))).collect()),
        DataType::List(field) => DataType::List(Arc::new(field_as(field))),
        other => other.clone(),
    }
}
