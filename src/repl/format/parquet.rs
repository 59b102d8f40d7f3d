//! A Parquet file: types and every bit stay.

use std::mem::take;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::error::ArrowError;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::errors::ParquetError;

use super::{Kind, Layout};
use crate::engine::parquet_properties;

/// One Parquet file a result.
pub static PARQUET: Kind = Kind {
    name: "parquet",
    help: "A Parquet file, which holds one result; name it with .once or .output, or write > FILE after the command",
    for_people: false,
    alone: true,
    begin: |schema, _| Parquet::begin(schema),
};

struct Parquet {
    /// Until the file's end is written.
    writer: Option<ArrowWriter<Vec<u8>>>,
}

impl Parquet {
    fn begin(schema: SchemaRef) -> Result<Box<dyn Layout>, ArrowError> {
        let properties = parquet_properties().build();
        let writer = ArrowWriter::try_new(Vec::new(), schema, Some(properties)).map_err(wrong)?;
        Ok(Box::new(Parquet { writer: Some(writer) }))
    }
}

impl Layout for Parquet {
    fn push(&mut self, batch: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
        let Some(writer) = &mut self.writer else { return Ok(Vec::new()) };
        writer.write(batch).map_err(wrong)?;
        // The writer counts its bytes itself, so what it has written can be taken.
        Ok(take(writer.inner_mut()))
    }

    fn finish(&mut self) -> Result<Vec<u8>, ArrowError> {
        match self.writer.take() {
            Some(writer) => writer.into_inner().map_err(wrong),
            None => Ok(Vec::new()),
        }
    }
}

fn wrong(error: ParquetError) -> ArrowError {
    ArrowError::ParquetError(error.to_string())
}
