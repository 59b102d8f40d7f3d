//! What the engine calls to read text files.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::common::Result;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{
    FileOpenFuture, FileOpener, FileScanConfig, FileScanConfigBuilder, FileSource,
};
use datafusion::datasource::projection::{ProjectionOpener, SplitProjection};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::DataFusionError;
use datafusion::object_store::ObjectStore;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::projection::ProjectionExprs;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use datafusion::physical_plan::{DisplayFormatType, ExecutionPlan};
use futures::{StreamExt, stream};

use super::rows::Rows;
use super::{Text, TextFile, Trouble, Typed, blame};
use crate::durable;

/// How many rows are read at once, unless the session says it.
const ROWS: usize = 8_192;

/// Reads the files of a scan.
#[derive(Debug, Clone)]
pub struct TextSource<T> {
    text: T,
    schema: TableSchema,
    projection: SplitProjection,
    rows: usize,
    metrics: ExecutionPlanMetricsSet,
}

impl<T: Text> TextSource<T> {
    pub fn new(text: T, schema: TableSchema) -> TextSource<T> {
        let projection = SplitProjection::unprojected(&schema);
        TextSource { text, schema, projection, rows: ROWS, metrics: ExecutionPlanMetricsSet::new() }
    }
}

/// Returns the operator that reads the files of a scan, whose options a session has completed.
pub fn scan<T: Text>(config: FileScanConfig, text: T, compression: FileCompressionType) -> Arc<dyn ExecutionPlan> {
    let mut builder = FileScanConfigBuilder::from(config.clone());
    if let Some(source) = config.file_source.downcast_ref::<TextSource<T>>() {
        builder = builder.with_source(Arc::new(TextSource { text, ..source.clone() }));
    }
    DataSourceExec::from_data_source(builder.with_file_compression_type(compression).build())
}

impl<T: Text> FileSource for TextSource<T> {
    fn create_file_opener(
        &self,
        store: Arc<dyn ObjectStore>,
        config: &FileScanConfig,
        _partition: usize,
    ) -> Result<Arc<dyn FileOpener>> {
        let typed = Typed::new(self.schema.file_schema(), self.projection.file_indices.clone())?;
        let opener = Opener {
            text: self.text.clone(),
            typed,
            rows: self.rows,
            store,
            compression: config.file_compression_type,
        };
        ProjectionOpener::try_new(self.projection.clone(), Arc::new(opener), self.schema.file_schema())
    }

    fn table_schema(&self) -> &TableSchema {
        &self.schema
    }

    fn with_batch_size(&self, rows: usize) -> Arc<dyn FileSource> {
        Arc::new(TextSource { rows, ..self.clone() })
    }

    fn projection(&self) -> Option<&ProjectionExprs> {
        Some(&self.projection.source)
    }

    fn try_pushdown_projection(&self, projection: &ProjectionExprs) -> Result<Option<Arc<dyn FileSource>>> {
        let merged = self.projection.source.try_merge(projection)?;
        let projection = SplitProjection::new(self.schema.file_schema(), &merged);
        Ok(Some(Arc::new(TextSource { projection, ..self.clone() })))
    }

    fn metrics(&self) -> &ExecutionPlanMetricsSet {
        &self.metrics
    }

    fn file_type(&self) -> &str {
        T::NAME
    }

    fn supports_repartitioning(&self) -> bool {
        self.text.has_parts()
    }

    fn fmt_extra(&self, _format: DisplayFormatType, _f: &mut fmt::Formatter) -> fmt::Result {
        Ok(())
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        for projected in self.projection.source.iter() {
            if f(&projected.expr)? == TreeNodeRecursion::Stop {
                return Ok(TreeNodeRecursion::Stop);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    }
}

struct Opener<T> {
    text: T,
    typed: Typed,
    rows: usize,
    store: Arc<dyn ObjectStore>,
    compression: FileCompressionType,
}

impl<T: Text> FileOpener for Opener<T> {
    fn open(&self, file: PartitionedFile) -> Result<FileOpenFuture> {
        let text = self.text.clone();
        let part = file.range.map(|range| {
            let bytes = |at: i64| u64::try_from(at).unwrap_or_default();
            (bytes(range.start), bytes(range.end))
        });
        let is_start = part.is_none_or(|(start, _)| start == 0);
        let decoder = self.typed.decoder(&text, self.rows, is_start)?;
        let typed = self.typed.clone();
        let file = TextFile {
            store: Arc::clone(&self.store),
            location: file.object_meta.location,
            compression: self.compression,
        };
        Ok(Box::pin(async move {
            let pieces = file.pieces(part, text.line_end()).await?;
            let watch = text.watch(typed.read.fields().len(), is_start);
            let rows = Rows::new(typed, pieces, watch, decoder);
            let reading = Reading { text, file, rows };
            Ok(stream::try_unfold(reading, |mut reading| async move {
                Ok(reading.next().await?.map(|batch| (batch, reading)))
            })
            .boxed())
        }))
    }
}

struct Reading<T> {
    text: T,
    file: TextFile,
    rows: Rows,
}

impl<T: Text> Reading<T> {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        let trouble = match self.rows.next().await {
            Ok(batch) => return Ok(batch),
            Err(Trouble::Other(error)) => return Err(error),
            Err(trouble) => trouble,
        };
        let opened = self.file.open().await?;
        let (text, typed) = (self.text.clone(), self.rows.typed().clone());
        let error: DataFusionError = durable::blocking(move || blame(&text, &typed, opened, trouble)).await;
        Err(error)
    }
}
