//! CSV files: their endings and the types of their columns.
//!
//! The engine looks at the first 1,000 rows. It then cuts off what it does not expect: fractions of seconds, the time after a date,
//! fractions of JSON numbers, keys of JSON objects that come later. It also takes the columns of several CSV files by their places,
//! whatever their headers say. In: the engine's formats. Out: all rows decide, except in large CSV files; times have
//! nanoseconds; and the headers of several CSV files have to agree.
//!
//! Upstream: apache/datafusion#17553 (in its discussion).

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::csv::reader::Format;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::catalog::Session;
use datafusion::common::config::{CsvOptions, TableOptions};
use datafusion::common::parsers::CompressionTypeVariant;
use datafusion::common::{GetExt, Result};
use datafusion::datasource::file_format::csv::{CsvFormat, CsvFormatFactory};
use datafusion::datasource::file_format::{FileFormat, FileFormatFactory};
use datafusion::error::DataFusionError;
use datafusion::object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use futures::future::BoxFuture;

use super::{Files, Named};
use crate::catalog::answers::refuse;
use crate::durable;

/// How many rows decide in large CSV files, and in compressed ones.
const ROWS_OF_LARGE: usize = 100_000;

/// CSV files with more bytes are large.
const LARGE: u64 = 256 << 20;

/// Sets how many rows decide.
pub fn read_more(options: &mut TableOptions) {
    options.csv.schema_infer_max_rec = Some(ROWS_OF_LARGE);
    options.json.schema_infer_max_rec = Some(usize::MAX);
}

/// Makes CSV formats in which times have nanoseconds.
#[derive(Debug)]
pub struct CsvFiles {
    /// Without its dot.
    pub ending: &'static str,
    pub delimiter: &'static str,
}

/// The option of the delimiter.
const DELIMITER: &str = "format.delimiter";

impl GetExt for CsvFiles {
    fn get_ext(&self) -> String {
        self.ending.to_string()
    }
}

impl FileFormatFactory for CsvFiles {
    fn create(&self, state: &dyn Session, options: &HashMap<String, String>) -> Result<Arc<dyn FileFormat>> {
        let mut options = options.clone();
        options.entry(DELIMITER.into()).or_insert_with(|| self.delimiter.into());
        let files = Fine(CsvFormatFactory::new().create(state, &options)?);
        Ok(Arc::new(Named { ending: self.ending, files }))
    }

    fn default(&self) -> Arc<dyn FileFormat> {
        let files = Fine(FileFormatFactory::default(&CsvFormatFactory::new()));
        Arc::new(Named { ending: self.ending, files })
    }
}

/// A format in which times have nanoseconds.
#[derive(Debug)]
struct Fine(Arc<dyn FileFormat>);

impl Fine {
    /// Returns the columns of one file.
    async fn of_file(
        &self,
        state: &dyn Session,
        store: &Arc<dyn ObjectStore>,
        object: &ObjectMeta,
    ) -> Result<SchemaRef> {
        let csv = self.0.downcast_ref::<CsvFormat>().map(CsvFormat::options);
        let whole = |options: &&CsvOptions| {
            options.compression == CompressionTypeVariant::UNCOMPRESSED
                && options.null_regex.is_none()
                && options.schema_infer_max_rec == Some(ROWS_OF_LARGE)
                && object.size <= LARGE
        };
        let Some(options) = csv.filter(whole) else {
            return self.0.infer_schema(state, store, std::slice::from_ref(object)).await;
        };
        // The engine cuts a file at line breaks, also inside quoted values. Here the reader sees it whole.
        let bytes = store.get(&object.location).await?.bytes().await?;
        let header = options.has_header.unwrap_or(state.config_options().catalog.has_header);
        let mut format = Format::default()
            .with_header(header)
            .with_delimiter(options.delimiter)
            .with_quote(options.quote)
            .with_truncated_rows(options.truncated_rows.unwrap_or(false));
        if let Some(escape) = options.escape {
            format = format.with_escape(escape);
        }
        if let Some(comment) = options.comment {
            format = format.with_comment(comment);
        }
        if let Some(terminator) = options.terminator {
            format = format.with_terminator(terminator);
        }
        let inferred = durable::blocking(move || format.infer_schema(&bytes[..], None)).await;
        let (schema, _) = inferred.map_err(|error| {
            refuse(
                format!("cannot read {}: {error}", object.location),
                "OPTIONS ('format.truncated_rows' 'true') of CREATE EXTERNAL TABLE fills short rows with NULL",
            )
        })?;
        Ok(Arc::new(schema))
    }
}

/// Returns the type that holds the values of both, read from text.
fn common_type(a: &DataType, b: &DataType) -> DataType {
    match (a, b) {
        (DataType::Null, other) | (other, DataType::Null) => other.clone(),
        (a, b) if a == b => a.clone(),
        (DataType::Int64 | DataType::Float64, DataType::Int64 | DataType::Float64) => DataType::Float64,
        // How many digits a fraction has says nothing about its kind. In the end, all times have nanoseconds.
        (DataType::Timestamp(_, a_zone), DataType::Timestamp(_, b_zone)) if a_zone == b_zone => {
            DataType::Timestamp(TimeUnit::Nanosecond, a_zone.clone())
        }
        _ => DataType::Utf8,
    }
}

/// Returns the error for files with different columns.
fn disagree(one: &ObjectMeta, columns: &Schema, other: &ObjectMeta, known: &Schema) -> DataFusionError {
    let names =
        |schema: &Schema| schema.fields().iter().map(|field| field.name().as_str()).collect::<Vec<_>>().join(", ");
    refuse(
        format!("{} has the columns {}, but {} has {}", one.location, names(columns), other.location, names(known)),
        "read the files one by one: SELECT a, b FROM 'one.csv' UNION ALL SELECT a, b FROM 'two.csv'",
    )
}

impl Files for Fine {
    fn reader(&self) -> &dyn FileFormat {
        self.0.as_ref()
    }

    fn columns<'a>(
        &'a self,
        state: &'a dyn Session,
        store: &'a Arc<dyn ObjectStore>,
        objects: &'a [ObjectMeta],
    ) -> BoxFuture<'a, Result<SchemaRef>> {
        Box::pin(async move {
            let mut found: Option<(&ObjectMeta, SchemaRef)> = None;
            for object in objects.iter().filter(|object| object.size > 0) {
                let schema = self.of_file(state, store, object).await?;
                let Some((first, known)) = &mut found else {
                    found = Some((object, schema));
                    continue;
                };
                let names =
                    |schema: &Schema| schema.fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>();
                if names(known) != names(&schema) {
                    return Err(disagree(object, &schema, first, known));
                }
                let both = known.fields().iter().zip(schema.fields());
                let fields: Vec<Field> = both
                    .map(|(a, b)| a.as_ref().clone().with_data_type(common_type(a.data_type(), b.data_type())))
                    .collect();
                *known = Arc::new(Schema::new(fields));
            }
            let Some((_, schema)) = found else { return self.0.infer_schema(state, store, objects).await };
            let fields: Vec<Field> = schema
                .fields()
                .iter()
                .map(|field| match field.data_type() {
                    DataType::Timestamp(_, zone) => {
                        let fine = DataType::Timestamp(TimeUnit::Nanosecond, zone.clone());
                        field.as_ref().clone().with_data_type(fine)
                    }
                    _ => field.as_ref().clone(),
                })
                .collect();
            Ok(Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone())))
        })
    }
}
