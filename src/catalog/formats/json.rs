//! JSON files: their endings, and arrays of objects.
//!
//! The engine reads one object a line. In: a file. Out: the same, and also the objects of a file that is one array.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use datafusion::common::{GetExt, Result, Statistics};
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use datafusion::datasource::file_format::json::{JsonFormat, JsonFormatFactory};
use datafusion::datasource::file_format::{FileFormat, FileFormatFactory};
use datafusion::datasource::physical_plan::{FileScanConfig, FileSinkConfig, FileSource};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use datafusion::physical_expr_common::sort_expr::LexRequirement;
use datafusion::physical_plan::ExecutionPlan;

/// How many bytes may stand before the first bracket of an array.
const FIRST_BYTES: u64 = 4_096;

/// Makes JSON formats.
#[derive(Debug)]
pub struct JsonFiles {
    /// Without its dot.
    pub ending: &'static str,
}

impl GetExt for JsonFiles {
    fn get_ext(&self) -> String {
        self.ending.to_string()
    }
}

impl FileFormatFactory for JsonFiles {
    fn create(&self, state: &dyn Session, options: &HashMap<String, String>) -> Result<Arc<dyn FileFormat>> {
        let lines = JsonFormatFactory::new().create(state, options)?;
        let options = lines.downcast_ref::<JsonFormat>().map(|format| format.options().clone()).unwrap_or_default();
        Ok(Arc::new(Json {
            ending: self.ending,
            is_array: AtomicBool::new(!options.newline_delimited),
            array: JsonFormat::default().with_options(options.clone()).with_newline_delimited(false),
            lines: JsonFormat::default().with_options(options).with_newline_delimited(true),
        }))
    }

    fn default(&self) -> Arc<dyn FileFormat> {
        Arc::new(Json {
            ending: self.ending,
            is_array: AtomicBool::new(false),
            array: JsonFormat::default().with_newline_delimited(false),
            lines: JsonFormat::default(),
        })
    }
}

/// The format of one table, which learns from the first file whether files are arrays.
#[derive(Debug)]
struct Json {
    ending: &'static str,
    is_array: AtomicBool,
    lines: JsonFormat,
    array: JsonFormat,
}

impl Json {
    fn format(&self) -> &JsonFormat {
        if self.is_array.load(Ordering::Relaxed) { &self.array } else { &self.lines }
    }
}

#[async_trait]
impl FileFormat for Json {
    fn get_ext(&self) -> String {
        self.ending.to_string()
    }

    fn get_ext_with_compression(&self, compression: &FileCompressionType) -> Result<String> {
        Ok(format!("{}{}", self.ending, compression.get_ext()))
    }

    fn compression_type(&self) -> Option<FileCompressionType> {
        self.lines.compression_type()
    }

    async fn infer_schema(
        &self,
        state: &dyn Session,
        store: &Arc<dyn ObjectStore>,
        objects: &[ObjectMeta],
    ) -> Result<SchemaRef> {
        if let Some(first) = objects.iter().find(|object| object.size > 0) {
            let head = store.get_range(&first.location, 0..FIRST_BYTES.min(first.size)).await?;
            let begins = head.iter().find(|byte| !byte.is_ascii_whitespace());
            if begins == Some(&b'[') {
                self.is_array.store(true, Ordering::Relaxed);
            }
        }
        self.format().infer_schema(state, store, objects).await
    }

    async fn infer_stats(
        &self,
        state: &dyn Session,
        store: &Arc<dyn ObjectStore>,
        schema: SchemaRef,
        object: &ObjectMeta,
    ) -> Result<Statistics> {
        self.format().infer_stats(state, store, schema, object).await
    }

    async fn create_physical_plan(
        &self,
        state: &dyn Session,
        config: FileScanConfig,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.format().create_physical_plan(state, config).await
    }

    async fn create_writer_physical_plan(
        &self,
        input: Arc<dyn ExecutionPlan>,
        state: &dyn Session,
        config: FileSinkConfig,
        order: Option<LexRequirement>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.lines.create_writer_physical_plan(input, state, config, order).await
    }

    fn file_source(&self, schema: TableSchema) -> Arc<dyn FileSource> {
        self.format().file_source(schema)
    }
}
