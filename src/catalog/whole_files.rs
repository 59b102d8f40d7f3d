//! Makes a file that a query writes appear whole or not at all.
//!
//! If the input of DataFusion's writers ends with an error, they first finish the file, although rows are missing, and then
//! report the error. In: a plan that writes. Out: the same plan, but its writer is dropped as soon as its input fails, so
//! that the object store discards the unfinished file.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{Result, exec_err, internal_err};
use datafusion::datasource::sink::{DataSink, DataSinkExec};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::metrics::MetricsSet;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan};
use futures::{StreamExt, future};
use tokio::sync::oneshot;

/// Puts [`WholeFiles`] around each sink of a plan.
#[derive(Debug)]
pub struct WriteWholeFiles;

impl PhysicalOptimizerRule for WriteWholeFiles {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|plan| {
            let Some(writer) = plan.downcast_ref::<DataSinkExec>() else { return Ok(Transformed::no(plan)) };
            let sink = Arc::new(WholeFiles { writer: Arc::clone(&plan) });
            let whole = DataSinkExec::new(Arc::clone(writer.input()), sink, writer.sort_order().clone());
            Ok(Transformed::yes(Arc::new(whole)))
        })
        .data()
    }

    fn name(&self) -> &str {
        "squall_write_whole_files"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// A sink that is dropped when its input fails.
#[derive(Debug)]
struct WholeFiles {
    /// The operator that owns the sink.
    writer: Arc<dyn ExecutionPlan>,
}

impl WholeFiles {
    fn sink(&self) -> Option<&dyn DataSink> {
        self.writer.downcast_ref::<DataSinkExec>().map(DataSinkExec::sink)
    }
}

impl DisplayAs for WholeFiles {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        self.sink().map_or(Ok(()), |sink| sink.fmt_as(format, f))
    }
}

#[async_trait]
impl DataSink for WholeFiles {
    fn metrics(&self) -> Option<MetricsSet> {
        self.sink().and_then(|sink| sink.metrics())
    }

    fn schema(&self) -> &SchemaRef {
        // The writer is always a DataSinkExec. If it were not, its plan's schema would serve.
        self.sink().map_or_else(|| self.writer.properties().eq_properties.schema(), |sink| sink.schema())
    }

    async fn write_all(&self, rows: SendableRecordBatchStream, context: &Arc<TaskContext>) -> Result<u64> {
        let Some(sink) = self.sink() else { return internal_err!("a sink without its operator") };
        let (report, failure) = oneshot::channel();
        let mut report = Some(report);
        let schema = rows.schema();
        // A panic must not look like the end of the rows.
        let rows = AssertUnwindSafe(rows).catch_unwind();
        let watched = rows.then(move |batch| {
            let batch = batch.unwrap_or_else(|_| exec_err!("the query panicked while its rows were written"));
            let failed = batch.as_ref().is_err().then(|| report.take()).flatten();
            async move {
                match (batch, failed) {
                    (Err(error), Some(report)) => {
                        // The receiver is dropped only together with this stream.
                        let _ = report.send(error);
                        future::pending().await
                    }
                    (batch, _) => batch,
                }
            }
        });
        let watched = Box::pin(RecordBatchStreamAdapter::new(schema, watched));
        tokio::select! {
            biased;
            Ok(error) = failure => Err(error),
            written = sink.write_all(watched, context) => written,
        }
    }
}
