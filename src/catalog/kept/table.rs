//! A table in one Parquet file. INSERT INTO writes the old rows and the new ones to a new file, which then replaces the old one.

use crate::engine;
use futures::future::BoxFuture;
use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DataFusionError, SchemaExt, not_impl_err};
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use datafusion::datasource::sink::{DataSink, DataSinkExec};
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, SessionState, TaskContext};
use datafusion::logical_expr::dml::InsertOp;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan};
use futures::StreamExt;
use url::Url;

use super::lock;
use crate::durable::Aside;
use crate::engine::parquet_properties;

/// A kept table.
#[derive(Debug)]
pub struct KeptTable {
    file: PathBuf,
    lock: PathBuf,
    rows: ListingTable,
}

impl KeptTable {
    /// Opens the table of a file. Whoever changes the file holds the lock.
    ///
    /// # Errors
    /// The file is not a Parquet file.
    pub async fn open(file: PathBuf, lock: PathBuf, state: &SessionState) -> Result<KeptTable> {
        let Ok(url) = Url::from_file_path(&file) else {
            return Err(DataFusionError::Execution(format!("{} is not an absolute path", file.display())));
        };
        // The footer keeps the Arrow types, which the engine's reader leaves out by default.
        let format = ParquetFormat::default().with_options(state.table_options().parquet.clone());
        let format = format.with_skip_metadata(false);
        let options = ListingOptions::new(Arc::new(format)).with_file_extension("parquet");
        let config = ListingTableConfig::new(ListingTableUrl::try_new(url, None)?).with_listing_options(options);
        let config = config.infer_schema(state).await?;
        Ok(KeptTable { file, lock, rows: ListingTable::try_new(config)? })
    }
}

impl TableProvider for KeptTable {
    fn schema(&self) -> SchemaRef {
        self.rows.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        self.rows.supports_filters_pushdown(filters)
    }

    engine::scan!();

    fn insert_into<'life0, 'life1, 'async_trait>(
        &'life0 self,
        _: &'life1 dyn Session,
        input: Arc<dyn ExecutionPlan>,
        operation: InsertOp,
    ) -> BoxFuture<'async_trait, Result<Arc<dyn ExecutionPlan>>>
    where
        'life0: 'async_trait,
        'life1: 'async_trait,
        Self: 'async_trait,
    {
        Box::pin(std::future::ready(self.sink(input, operation)))
    }
}

impl KeptTable {
    fn sink(&self, input: Arc<dyn ExecutionPlan>, operation: InsertOp) -> Result<Arc<dyn ExecutionPlan>> {
        if operation == InsertOp::Replace {
            return not_impl_err!("REPLACE INTO: write CREATE OR REPLACE TABLE");
        }
        self.schema().logically_equivalent_names_and_types(&input.schema())?;
        let sink = Rewrite {
            file: self.file.clone(),
            lock: self.lock.clone(),
            keeps: operation == InsertOp::Append,
            schema: self.schema(),
        };
        Ok(Arc::new(DataSinkExec::new(input, Arc::new(sink), None)))
    }
}

impl KeptTable {
    fn boxed_scan<'a>(
        &'a self,
        state: &'a dyn Session,
        projection: Option<&'a Vec<usize>>,
        filters: &'a [Expr],
        limit: Option<usize>,
    ) -> BoxFuture<'a, Result<Arc<dyn ExecutionPlan>>> {
        Box::pin(async move { self.rows.scan(state, projection, filters, limit).await })
    }
}

/// Writes a table's file anew.
#[derive(Debug)]
struct Rewrite {
    file: PathBuf,
    lock: PathBuf,
    /// Whether the rows that there are stay.
    keeps: bool,
    schema: SchemaRef,
}

impl DisplayAs for Rewrite {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rewrite(file={})", self.file.display())
    }
}

#[async_trait]
impl DataSink for Rewrite {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    async fn write_all(&self, rows: SendableRecordBatchStream, _: &Arc<TaskContext>) -> Result<u64> {
        let _lock = lock(self.lock.clone()).await?;
        let mut writer = Writer::beside(&self.file, Arc::clone(&self.schema))?;
        if self.keeps {
            for batch in ParquetRecordBatchReaderBuilder::try_new(File::open(&self.file)?)?.build()? {
                writer.write(&batch?)?;
            }
        }
        let inserted = writer.write_all(rows).await?;
        writer.commit()?;
        Ok(inserted)
    }
}

/// Writes a Parquet file aside.
pub struct Writer {
    aside: Aside,
    writer: ArrowWriter<File>,
    schema: SchemaRef,
}

impl Writer {
    /// Begins the next content of a file.
    ///
    /// # Errors
    /// The disk reports an error.
    pub fn beside(file: &Path, schema: SchemaRef) -> Result<Writer> {
        let aside = Aside::beside(file)?;
        let properties = parquet_properties().build();
        let writer = ArrowWriter::try_new(File::create(aside.path())?, Arc::clone(&schema), Some(properties))?;
        Ok(Writer { aside, writer, schema })
    }

    /// Writes rows.
    ///
    /// # Errors
    /// The disk reports an error.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        // A query may promise that a column has no NULL where the table does not.
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), batch.columns().to_vec())?;
        Ok(self.writer.write(&batch)?)
    }

    /// Writes all rows and returns their number.
    ///
    /// # Errors
    /// The rows cannot be computed, or the disk reports an error.
    pub async fn write_all(&mut self, mut rows: SendableRecordBatchStream) -> Result<u64> {
        let mut count = 0;
        while let Some(batch) = rows.next().await {
            let batch = batch?;
            count += batch.num_rows() as u64;
            self.write(&batch)?;
        }
        Ok(count)
    }

    /// Puts the file in place.
    ///
    /// # Errors
    /// The disk reports an error; the old file then stays.
    pub fn commit(self) -> Result<()> {
        self.writer.close()?;
        Ok(self.aside.commit()?)
    }
}
