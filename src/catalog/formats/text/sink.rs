//! Text files that the engine would write in another form.
//!
//! In: rows, and how a row is written. Out: the files that the engine's own sink would make, with rows in this form.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::common::runtime::SpawnedTask;
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use datafusion::datasource::file_format::write::BatchSerializer;
use datafusion::datasource::file_format::write::demux::DemuxedStreamReceiver;
use datafusion::datasource::file_format::write::orchestration::spawn_writer_tasks_and_join;
use datafusion::datasource::physical_plan::{FileSink, FileSinkConfig};
use datafusion::datasource::sink::DataSink;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::object_store::ObjectStore;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType};

/// The engine's sink, with another form of rows.
#[derive(Debug)]
pub struct TextSink<E, S> {
    pub engines: E,
    pub style: Arc<S>,
    pub compression: FileCompressionType,
    pub level: Option<u32>,
}

impl<E: DisplayAs, S> DisplayAs for TextSink<E, S> {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        self.engines.fmt_as(format, f)
    }
}

#[async_trait]
impl<E, S> FileSink for TextSink<E, S>
where
    E: FileSink + fmt::Debug + 'static,
    S: BatchSerializer + fmt::Debug + 'static,
{
    fn config(&self) -> &FileSinkConfig {
        self.engines.config()
    }

    async fn spawn_writer_tasks_and_join(
        &self,
        context: &Arc<TaskContext>,
        demux_task: SpawnedTask<Result<()>>,
        files: DemuxedStreamReceiver,
        store: Arc<dyn ObjectStore>,
    ) -> Result<u64> {
        let style = Arc::clone(&self.style) as Arc<dyn BatchSerializer>;
        spawn_writer_tasks_and_join(context, style, self.compression, self.level, store, demux_task, files).await
    }
}

#[async_trait]
impl<E, S> DataSink for TextSink<E, S>
where
    E: FileSink + fmt::Debug + 'static,
    S: BatchSerializer + fmt::Debug + 'static,
{
    fn schema(&self) -> &SchemaRef {
        DataSink::schema(&self.engines)
    }

    async fn write_all(&self, rows: SendableRecordBatchStream, context: &Arc<TaskContext>) -> Result<u64> {
        FileSink::write_all(self, rows, context).await
    }
}
