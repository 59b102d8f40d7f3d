//! JSON, with every digit: one array of objects, or one object a line.

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::json::writer::{JsonArray, JsonFormat, LineDelimited, Writer, WriterBuilder};

use super::{Kind, Layout};
use crate::engine::with_text_keys;

/// One array a result.
pub static JSON: Kind = Kind {
    name: "json",
    help: "One array of objects a result",
    for_people: false,
    alone: false,
    begin: |_, _| Ok(Box::new(Json { writer: writer::<JsonArray>(), end: b"\n" })),
};

/// One object a line.
pub static NDJSON: Kind = Kind {
    name: "ndjson",
    help: "One object a line",
    for_people: false,
    alone: false,
    begin: |_, _| Ok(Box::new(Json { writer: writer::<LineDelimited>(), end: b"" })),
};

struct Json<F: JsonFormat> {
    writer: Writer<Vec<u8>, F>,
    /// What follows the last object.
    end: &'static [u8],
}

fn writer<F: JsonFormat>() -> Writer<Vec<u8>, F> {
    // A NULL is written as `null` instead of being left out, so that every row has the same keys.
    WriterBuilder::new().with_explicit_nulls(true).build(Vec::new())
}

impl<F: JsonFormat + Send> Layout for Json<F> {
    fn push(&mut self, batch: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
        let rows = with_text_keys(batch)?;
        self.writer.write(&rows)?;
        Ok(std::mem::take(self.writer.get_mut()))
    }

    fn finish(&mut self) -> Result<Vec<u8>, ArrowError> {
        self.writer.finish()?;
        let mut bytes = std::mem::take(self.writer.get_mut());
        bytes.extend_from_slice(self.end);
        Ok(bytes)
    }
}
