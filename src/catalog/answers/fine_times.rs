//! The types of CSV and JSON files.
//!
//! The engine looks at the first 1,000 rows. It then cuts off what it does not expect: fractions of seconds, the time after a date,
//! fractions of JSON numbers, keys of JSON objects that come later. It also takes the columns of several CSV files by their places,
//! whatever their headers say. In: the engine's formats. Out: all rows decide, except in large CSV files; times have
//! nanoseconds; and the headers of several CSV files have to agree.
//!
//! Upstream: apache/datafusion#17553 (in its discussion).

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::catalog::Session;
use datafusion::common::config::TableOptions;
use datafusion::common::{GetExt, Result, Statistics};
use datafusion::datasource::file_format::csv::CsvFormatFactory;
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use datafusion::datasource::file_format::{FileFormat, FileFormatFactory};
use datafusion::datasource::physical_plan::{FileScanConfig, FileSinkConfig, FileSource};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::object_store::{ObjectMeta, ObjectStore};
use datafusion::physical_expr_common::sort_expr::LexRequirement;
use datafusion::physical_plan::ExecutionPlan;

use super::refuse;

/// The setting of how many rows decide.
const ROWS: &str = "format.schema_infer_max_rec";

/// How many rows decide in large CSV files.
const ROWS_OF_LARGE: usize = 100_000;

/// CSV files with more bytes are large.
const LARGE: u64 = 256 << 20;

/// Sets how many rows decide.
pub fn read_more(options: &mut TableOptions) {
    options.csv.schema_infer_max_rec = Some(ROWS_OF_LARGE);
    options.json.schema_infer_max_rec = Some(usize::MAX);
}

/// Makes CSV formats in which times have nanoseconds.
#[derive(Debug, Default)]
pub struct FineTimes(CsvFormatFactory);

impl GetExt for FineTimes {
    fn get_ext(&self) -> String {
        self.0.get_ext()
    }
}

impl FileFormatFactory for FineTimes {
    fn create(&self, state: &dyn Session, options: &HashMap<String, String>) -> Result<Arc<dyn FileFormat>> {
        let with_rows = |rows: usize| {
            let mut options = options.clone();
            options.insert(ROWS.to_owned(), rows.to_string());
            self.0.create(state, &options)
        };
        let format = self.0.create(state, options)?;
        let whole = if options.contains_key(ROWS) { Arc::clone(&format) } else { with_rows(usize::MAX)? };
        Ok(Arc::new(Fine { format, whole, header: with_rows(1)? }))
    }

    fn default(&self) -> Arc<dyn FileFormat> {
        let format = FileFormatFactory::default(&self.0);
        Arc::new(Fine { whole: Arc::clone(&format), header: Arc::clone(&format), format })
    }
}

/// A format in which times have nanoseconds.
#[derive(Debug)]
struct Fine {
    format: Arc<dyn FileFormat>,
    /// The same, but all rows decide on the types.
    whole: Arc<dyn FileFormat>,
    /// The same, but one row decides: it finds the names of the columns.
    header: Arc<dyn FileFormat>,
}

impl Fine {
    /// Checks that several files have the same columns in the same order.
    async fn check_headers(
        &self,
        state: &dyn Session,
        store: &Arc<dyn ObjectStore>,
        objects: &[ObjectMeta],
    ) -> Result<()> {
        let mut first: Option<(&ObjectMeta, Vec<String>)> = None;
        for object in objects.iter().filter(|object| object.size > 0) {
            let schema = self.header.infer_schema(state, store, std::slice::from_ref(object)).await?;
            let names: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
            match &first {
                None => first = Some((object, names)),
                Some((other, known)) if *known != names => {
                    return Err(refuse(
                        format!(
                            "{} has the columns {}, but {} has {}",
                            object.location,
                            names.join(", "),
                            other.location,
                            known.join(", ")
                        ),
                        "read the files one by one: SELECT a, b FROM 'one.csv' UNION ALL SELECT a, b FROM 'two.csv'",
                    ));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }
}

#[async_trait]
impl FileFormat for Fine {
    fn get_ext(&self) -> String {
        self.format.get_ext()
    }

    fn get_ext_with_compression(&self, compression: &FileCompressionType) -> Result<String> {
        self.format.get_ext_with_compression(compression)
    }

    fn compression_type(&self) -> Option<FileCompressionType> {
        self.format.compression_type()
    }

    async fn infer_schema(
        &self,
        state: &dyn Session,
        store: &Arc<dyn ObjectStore>,
        objects: &[ObjectMeta],
    ) -> Result<SchemaRef> {
        if objects.len() > 1 {
            self.check_headers(state, store, objects).await?;
        }
        let bytes: u64 = objects.iter().map(|object| object.size).sum();
        let format = if bytes > LARGE { &self.format } else { &self.whole };
        let schema = format.infer_schema(state, store, objects).await?;
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
    }

    async fn infer_stats(
        &self,
        state: &dyn Session,
        store: &Arc<dyn ObjectStore>,
        schema: SchemaRef,
        object: &ObjectMeta,
    ) -> Result<Statistics> {
        self.format.infer_stats(state, store, schema, object).await
    }

    async fn create_physical_plan(
        &self,
        state: &dyn Session,
        config: FileScanConfig,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.format.create_physical_plan(state, config).await
    }

    async fn create_writer_physical_plan(
        &self,
        input: Arc<dyn ExecutionPlan>,
        state: &dyn Session,
        config: FileSinkConfig,
        order: Option<LexRequirement>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.format.create_writer_physical_plan(input, state, config, order).await
    }

    fn file_source(&self, schema: TableSchema) -> Arc<dyn FileSource> {
        self.format.file_source(schema)
    }
}
