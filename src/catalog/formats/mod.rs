//! The formats of files, by their endings.
//!
//! To add an ending: one line in [`register`], and one file if it is a new format.

mod arrow;
mod csv;
mod json;
mod options;
mod parquet;
mod text;

use std::collections::{HashMap, HashSet};
use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{Field, SchemaRef};
use datafusion::catalog::Session;
use datafusion::common::{GetExt, Result, Statistics, not_impl_err};
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use datafusion::datasource::file_format::{FileFormat, FileFormatFactory};
use datafusion::datasource::physical_plan::{FileScanConfig, FileSinkConfig, FileSource};
use datafusion::datasource::sink::{DataSink, DataSinkExec};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::execution::SessionState;
use datafusion::logical_expr::dml::InsertOp;
use datafusion::object_store::{ObjectMeta, ObjectStore};
use datafusion::physical_expr_common::sort_expr::LexRequirement;
use datafusion::physical_plan::ExecutionPlan;
use futures::future::BoxFuture;

use super::answers::refuse;
pub use csv::read_more;

/// Teaches a session the formats that the engine does not have, or has otherwise.
pub fn register(state: &mut SessionState) -> Result<()> {
    let formats: [Arc<dyn FileFormatFactory>; 7] = [
        Arc::new(arrow::ArrowFiles),
        Arc::new(csv::CsvFiles { ending: "csv", delimiter: "," }),
        Arc::new(csv::CsvFiles { ending: "tsv", delimiter: "\t" }),
        Arc::new(json::JsonFiles { ending: "json" }),
        Arc::new(json::JsonFiles { ending: "ndjson" }),
        Arc::new(json::JsonFiles { ending: "jsonl" }),
        Arc::new(parquet::ParquetFiles),
    ];
    formats.into_iter().try_for_each(|format| state.register_file_format(format, true))
}

/// What differs from the engine's format.
trait Files: Debug + Send + Sync + 'static {
    /// Returns the engine's format.
    fn reader(&self) -> &dyn FileFormat;

    /// Finds the columns of files.
    fn columns<'a>(
        &'a self,
        state: &'a dyn Session,
        store: &'a Arc<dyn ObjectStore>,
        objects: &'a [ObjectMeta],
    ) -> BoxFuture<'a, Result<SchemaRef>>;

    /// Returns what reads the rows of files.
    fn source(&self, schema: TableSchema) -> Arc<dyn FileSource> {
        self.reader().file_source(schema)
    }

    /// Returns the operator that reads.
    fn scan<'a>(
        &'a self,
        state: &'a dyn Session,
        config: FileScanConfig,
    ) -> BoxFuture<'a, Result<Arc<dyn ExecutionPlan>>> {
        Box::pin(async move { self.reader().create_physical_plan(state, config).await })
    }

    /// Returns what writes files, if it is not the engine's format.
    fn sink(&self, _state: &dyn Session, _config: &FileSinkConfig) -> Result<Option<Arc<dyn DataSink>>> {
        Ok(None)
    }

    /// Finds what is known of a file's values without reading them.
    fn statistics<'a>(
        &'a self,
        state: &'a dyn Session,
        store: &'a Arc<dyn ObjectStore>,
        schema: SchemaRef,
        object: &'a ObjectMeta,
    ) -> BoxFuture<'a, Result<Statistics>> {
        Box::pin(async move { self.reader().infer_stats(state, store, schema, object).await })
    }
}

/// A format of files with an ending.
#[derive(Debug)]
struct Named<F> {
    /// Without its dot.
    ending: &'static str,
    files: F,
}

#[async_trait]
impl<F: Files> FileFormat for Named<F> {
    fn get_ext(&self) -> String {
        self.ending.to_string()
    }

    fn get_ext_with_compression(&self, compression: &FileCompressionType) -> Result<String> {
        Ok(format!("{}{}", self.ending, compression.get_ext()))
    }

    fn compression_type(&self) -> Option<FileCompressionType> {
        self.files.reader().compression_type()
    }

    async fn infer_schema(
        &self,
        state: &dyn Session,
        store: &Arc<dyn ObjectStore>,
        objects: &[ObjectMeta],
    ) -> Result<SchemaRef> {
        self.files.columns(state, store, objects).await
    }

    async fn infer_stats(
        &self,
        state: &dyn Session,
        store: &Arc<dyn ObjectStore>,
        schema: SchemaRef,
        object: &ObjectMeta,
    ) -> Result<Statistics> {
        self.files.statistics(state, store, schema, object).await
    }

    async fn create_physical_plan(
        &self,
        state: &dyn Session,
        config: FileScanConfig,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.files.scan(state, config).await
    }

    async fn create_writer_physical_plan(
        &self,
        input: Arc<dyn ExecutionPlan>,
        state: &dyn Session,
        config: FileSinkConfig,
        order: Option<LexRequirement>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if config.insert_op != InsertOp::Append {
            return not_impl_err!("INSERT does not replace the rows of .{} files", self.ending);
        }
        match self.files.sink(state, &config)? {
            Some(sink) => Ok(Arc::new(DataSinkExec::new(input, sink, order))),
            None => self.files.reader().create_writer_physical_plan(input, state, config, order).await,
        }
    }

    fn file_source(&self, schema: TableSchema) -> Arc<dyn FileSource> {
        self.files.source(schema)
    }
}

/// Which columns the files of a table have.
#[derive(Default)]
struct Having {
    files: usize,
    /// How many files have a column.
    columns: HashMap<String, usize>,
}

impl Having {
    /// Takes the columns of a file.
    ///
    /// # Errors
    /// Two of them have the same name: the engine would read one in place of the other.
    fn take<'a>(&mut self, file: &ObjectMeta, names: impl Iterator<Item = &'a str>) -> Result<()> {
        self.files += 1;
        let mut known = HashSet::new();
        for name in names {
            if !known.insert(name) {
                return Err(refuse(
                    format!("/{} has two columns named `{name}`", file.location),
                    "write the file again with other names",
                ));
            }
            *self.columns.entry(name.to_string()).or_default() += 1;
        }
        Ok(())
    }

    /// Returns a column of the table, which is NULL in the rows of a file that does not have it.
    fn with_absent(&self, column: &Field) -> Field {
        let is_in_all = self.columns.get(column.name()) == Some(&self.files);
        column.clone().with_nullable(column.is_nullable() || !is_in_all)
    }
}
