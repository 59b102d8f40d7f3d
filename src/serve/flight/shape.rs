//! Rows in the types that every client of Arrow can read.
//!
//! In: a schema or a batch of the engine. Out: the same values; texts and bytes as views become plain ones, dictionaries become their
//! values, and decimals have 128 bits at least. The engine may say of a column that it has no NULL; clients are not told, because nothing
//! holds it to that.

use std::sync::Arc;

use datafusion::arrow::array::{RecordBatch, RecordBatchOptions};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;

/// Returns the schema that clients get.
pub fn schema(of: &Schema) -> SchemaRef {
    let fields = of.fields().iter().map(|field| sent_field(field).as_ref().clone().with_nullable(true));
    Arc::new(Schema::new(fields.collect::<Vec<Field>>()))
}

/// Returns a batch in a schema that [`schema`] made.
///
/// # Errors
/// A value has no place in the new type.
pub fn batch(schema: &SchemaRef, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    let columns = batch.columns().iter().zip(schema.fields()).map(|(column, field)| {
        if column.data_type() == field.data_type() {
            Ok(Arc::clone(column))
        } else {
            cast_with_options(column, field.data_type(), &strict)
        }
    });
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &rows)
}

fn sent_field(field: &FieldRef) -> FieldRef {
    let sent = sent(field.data_type());
    if sent == *field.data_type() {
        return Arc::clone(field);
    }
    Arc::new(field.as_ref().clone().with_data_type(sent))
}

fn sent(of: &DataType) -> DataType {
    match of {
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        DataType::Dictionary(_, value) => sent(value),
        DataType::RunEndEncoded(_, value) => sent(value.data_type()),
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
            DataType::Decimal128(*precision, *scale)
        }
        DataType::List(field) | DataType::ListView(field) => DataType::List(sent_field(field)),
        DataType::LargeList(field) | DataType::LargeListView(field) => DataType::LargeList(sent_field(field)),
        DataType::FixedSizeList(field, length) => DataType::FixedSizeList(sent_field(field), *length),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(sent_field).collect()),
        DataType::Map(field, sorted) => DataType::Map(sent_field(field), *sorted),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{
        Array, ArrayRef, AsArray, DictionaryArray, Int32Array, ListArray, StringArray, StringViewArray, StructArray,
    };
    use datafusion::arrow::buffer::OffsetBuffer;
    use datafusion::arrow::datatypes::Int32Type;

    use super::*;

    #[test]
    fn views_and_dictionaries_become_plain_also_inside_of_others() {
        let long = "a text that is longer than twelve bytes";
        let views: ArrayRef = Arc::new(StringViewArray::from(vec![Some(long), None, Some("b")]));
        let words: DictionaryArray<Int32Type> = vec![Some("x"), None, Some("x")].into_iter().collect();
        let item = Arc::new(Field::new_list_field(DataType::Utf8View, true));
        let list = ListArray::new(Arc::clone(&item), OffsetBuffer::from_lengths([1, 0, 2]), Arc::clone(&views), None);
        let inner = vec![
            Arc::new(Field::new("v", DataType::Utf8View, true)),
            Arc::new(Field::new("n", DataType::Int32, false)),
        ];
        let of =
            StructArray::new(inner.into(), vec![Arc::clone(&views), Arc::new(Int32Array::from(vec![1, 2, 3]))], None);
        let columns: Vec<(&str, ArrayRef)> =
            vec![("views", views), ("words", Arc::new(words)), ("list", Arc::new(list)), ("struct", Arc::new(of))];
        let given = RecordBatch::try_from_iter(columns).unwrap();
        let schema = schema(&given.schema());
        let types: Vec<String> = schema.fields().iter().map(|field| field.data_type().to_string()).collect();
        assert!(types.iter().all(|name| !name.contains("View") && !name.contains("Dictionary")), "{types:?}");
        let got = batch(&schema, &given).unwrap();
        assert_eq!(got.schema(), schema);
        let texts = got.column(0).as_string::<i32>();
        assert_eq!(texts, &StringArray::from(vec![Some(long), None, Some("b")]));
        assert_eq!(got.column(1).as_string::<i32>(), &StringArray::from(vec![Some("x"), None, Some("x")]));
        assert_eq!(got.column(2).as_list::<i32>().value(2).len(), 2);
        assert!(got.column(3).as_struct().column(0).is_null(1));
        // What is plain already is not touched.
        assert_eq!(super::schema(&schema), schema);
    }
}
