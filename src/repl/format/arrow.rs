//! An Arrow stream: types and every bit stay, and each batch is there as soon as it is computed.
//!
//! Views become plain text, bytes and lists: many readers have no functions for views yet.

use std::mem::take;
use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::ipc::writer::StreamWriter;

use super::{Kind, Layout};

/// One Arrow stream a result.
pub static ARROW: Kind = Kind {
    name: "arrow",
    help: "An Arrow IPC stream, which holds one result, for pyarrow, Polars and others; name a file as for parquet",
    for_people: false,
    alone: true,
    begin: |schema, _| Stream::begin(&schema),
};

/// The most bytes of text that one batch of a plain column holds: its offsets have 32 bits.
const MOST_TEXT: usize = i32::MAX as usize;

struct Stream {
    schema: SchemaRef,
    writer: StreamWriter<Vec<u8>>,
}

impl Stream {
    fn begin(schema: &Schema) -> Result<Box<dyn Layout>, ArrowError> {
        let fields: Vec<FieldRef> = schema.fields().iter().map(plain_field).collect();
        let schema = Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()));
        let writer = StreamWriter::try_new(Vec::new(), &schema)?;
        Ok(Box::new(Stream { schema, writer }))
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        let rows = batch.num_rows();
        if rows > 1 && batch.columns().iter().any(|column| text_bytes(column) > MOST_TEXT) {
            self.write(&batch.slice(0, rows / 2))?;
            return self.write(&batch.slice(rows / 2, rows - rows / 2));
        }
        let fields = self.schema.fields().iter();
        let columns = fields.zip(batch.columns()).map(|(field, column)| match field.data_type() {
            same if same == column.data_type() => Ok(Arc::clone(column)),
            plain => cast(column, plain),
        });
        self.writer.write(&RecordBatch::try_new(Arc::clone(&self.schema), columns.collect::<Result<_, _>>()?)?)
    }
}

impl Layout for Stream {
    fn push(&mut self, batch: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
        self.write(batch)?;
        Ok(take(self.writer.get_mut()))
    }

    fn finish(&mut self) -> Result<Vec<u8>, ArrowError> {
        self.writer.finish()?;
        Ok(take(self.writer.get_mut()))
    }
}

/// Returns how many bytes the values of a column of views have; 0 for other columns.
fn text_bytes(column: &dyn Array) -> usize {
    match column.data_type() {
        DataType::Utf8View => column.as_string_view().total_bytes_len(),
        DataType::BinaryView => column.as_binary_view().total_bytes_len(),
        _ => 0,
    }
}

/// Returns the type that holds the same values without views.
fn plain(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        DataType::List(field) | DataType::ListView(field) => DataType::List(plain_field(field)),
        DataType::LargeList(field) | DataType::LargeListView(field) => DataType::LargeList(plain_field(field)),
        DataType::FixedSizeList(field, size) => DataType::FixedSizeList(plain_field(field), *size),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(plain_field).collect()),
        DataType::Map(entries, ordered) => DataType::Map(plain_field(entries), *ordered),
        DataType::Dictionary(key, value) => DataType::Dictionary(key.clone(), Box::new(plain(value))),
        other => other.clone(),
    }
}

fn plain_field(field: &FieldRef) -> FieldRef {
    Arc::new(Field::clone(field).with_data_type(plain(field.data_type())))
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{
        ArrayRef, BinaryViewArray, DictionaryArray, Int64Array, ListArray, StringArray, StringViewArray, StructArray,
    };
    use datafusion::arrow::buffer::OffsetBuffer;
    use datafusion::arrow::datatypes::Int32Type;
    use datafusion::arrow::ipc::reader::StreamReader;

    use super::*;
    use crate::repl::{Appearance, Format};

    /// Writes batches, and reads them again.
    fn there_and_back(schema: SchemaRef, batches: &[RecordBatch]) -> (SchemaRef, Vec<RecordBatch>) {
        let mut layout = Format::named("arrow").unwrap().begin(schema, &Appearance::default()).unwrap();
        let mut bytes = Vec::new();
        for batch in batches {
            let ready = layout.push(batch).unwrap();
            assert!(!ready.is_empty(), "a batch leaves at once");
            bytes.extend(ready);
        }
        bytes.extend(layout.finish().unwrap());
        let reader = StreamReader::try_new(bytes.as_slice(), None).unwrap();
        (reader.schema(), reader.map(Result::unwrap).collect())
    }

    #[test]
    fn views_become_plain_wherever_they_are() {
        let long = "longer than the twelve bytes that a view holds itself";
        let text: ArrayRef = Arc::new(StringViewArray::from(vec![Some(long), None]));
        let bytes: ArrayRef = Arc::new(BinaryViewArray::from(vec![Some(&b"\x00\xff"[..]), None]));
        let item = Arc::new(Field::new("item", DataType::Utf8View, true));
        let list = ListArray::new(item, OffsetBuffer::from_lengths([0, 2]), Arc::clone(&text), None);
        let of_views =
            StructArray::from(vec![(Arc::new(Field::new("a", DataType::Utf8View, true)), Arc::clone(&text))]);
        let batch = RecordBatch::try_from_iter_with_nullable([
            ("text", text, true),
            ("bytes", bytes, true),
            ("list", Arc::new(list) as ArrayRef, true),
            ("struct", Arc::new(of_views) as ArrayRef, true),
        ])
        .unwrap();
        let (schema, read) = there_and_back(batch.schema(), &[batch.slice(0, 1), batch.slice(1, 1)]);
        let types: Vec<String> = schema.fields().iter().map(|field| field.data_type().to_string()).collect();
        assert_eq!(types, ["Utf8", "Binary", "List(Utf8)", "Struct(\"a\": Utf8)"]);
        assert_eq!(read.len(), 2);
        assert_eq!(read[0].column(0).as_string::<i32>().value(0), long);
        assert!(read[1].column(0).is_null(0));
        let of_second = read[1].column(2).as_list::<i32>().value(0);
        assert_eq!(*of_second, StringArray::from(vec![Some(long), None]));
    }

    #[test]
    fn dictionaries_may_differ_from_batch_to_batch() {
        let batch = |values: Vec<&str>| {
            let column: DictionaryArray<Int32Type> = values.into_iter().collect();
            RecordBatch::try_from_iter([("kind", Arc::new(column) as ArrayRef)]).unwrap()
        };
        let batches = [batch(vec!["a", "b", "a"]), batch(vec!["c"])];
        let (schema, read) = there_and_back(batches[0].schema(), &batches);
        assert_eq!(schema, batches[0].schema());
        assert_eq!(read, batches);
    }

    #[test]
    fn an_empty_result_has_its_columns() {
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1]));
        let schema = RecordBatch::try_from_iter([("n", numbers)]).unwrap().schema();
        assert_eq!(there_and_back(Arc::clone(&schema), &[]), (schema, Vec::new()));
    }
}
