//! Maps for JSON, whose keys are texts.

use std::borrow::Cow;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion::arrow::error::ArrowError;

/// Returns rows in which each key of a map is written as text, as DuckDB writes it.
///
/// # Errors
/// Keys of this type have no text.
pub fn with_text_keys(rows: &RecordBatch) -> Result<Cow<'_, RecordBatch>, ArrowError> {
    let schema = rows.schema_ref();
    if schema.fields().iter().all(|field| with_texts(field.data_type()).is_none()) {
        return Ok(Cow::Borrowed(rows));
    }
    let fields: Vec<FieldRef> = schema.fields().iter().map(of_field).collect();
    let columns = rows.columns().iter().zip(&fields);
    let columns: Result<Vec<ArrayRef>, ArrowError> =
        columns.map(|(column, field)| cast(column, field.data_type())).collect();
    let schema = Schema::new(fields).with_metadata(schema.metadata().clone());
    RecordBatch::try_new(Arc::new(schema), columns?).map(Cow::Owned)
}

fn of_field(field: &FieldRef) -> FieldRef {
    match with_texts(field.data_type()) {
        Some(data_type) => Arc::new(Field::clone(field).with_data_type(data_type)),
        None => Arc::clone(field),
    }
}

/// Returns a type in which the keys of maps are texts; `None` if they are already.
fn with_texts(data_type: &DataType) -> Option<DataType> {
    match data_type {
        DataType::Map(entries, sorted) => {
            let DataType::Struct(entry) = entries.data_type() else { return None };
            let [key, value] = entry.as_ref() else { return None };
            if key.data_type().is_string() && with_texts(value.data_type()).is_none() {
                return None;
            }
            let key = Arc::new(Field::clone(key).with_data_type(DataType::Utf8));
            let entry = DataType::Struct(vec![key, of_field(value)].into());
            Some(DataType::Map(Arc::new(Field::clone(entries).with_data_type(entry)), *sorted))
        }
        DataType::List(item) => with_texts(item.data_type()).map(|_| DataType::List(of_field(item))),
        DataType::LargeList(item) => with_texts(item.data_type()).map(|_| DataType::LargeList(of_field(item))),
        DataType::Struct(fields) => {
            let has_maps = fields.iter().any(|field| with_texts(field.data_type()).is_some());
            has_maps.then(|| DataType::Struct(fields.iter().map(of_field).collect()))
        }
        _ => None,
    }
}
