//! The rows of a plan without its last columns, which are computed all the same: the optimizer does not see that nobody reads them.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use futures::{StreamExt, future, stream};

/// Returns the first columns of a plan's rows. The other columns are computed and thrown away.
pub fn narrowed(input: Arc<dyn ExecutionPlan>, columns: usize) -> Result<Arc<dyn ExecutionPlan>> {
    let kept: Vec<usize> = (0..columns).collect();
    let schema: SchemaRef = Arc::new(input.schema().project(&kept)?);
    let partitions = 0..input.output_partitioning().partition_count();
    let streams = partitions.map(|partition| -> Arc<dyn PartitionStream> {
        Arc::new(Narrowed { schema: Arc::clone(&schema), input: Arc::clone(&input), partition })
    });
    let (streams, infinite) = (streams.collect(), input.boundedness().is_unbounded());
    Ok(Arc::new(StreamingTableExec::try_new(schema, streams, None, [], infinite, None)?))
}

/// One partition of the rows.
struct Narrowed {
    schema: SchemaRef,
    input: Arc<dyn ExecutionPlan>,
    partition: usize,
}

impl fmt::Debug for Narrowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Narrowed").field("input", &self.input).finish_non_exhaustive()
    }
}

impl PartitionStream for Narrowed {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let kept: Vec<usize> = (0..self.schema.fields().len()).collect();
        let rows = match self.input.execute(self.partition, context) {
            Ok(rows) => rows.map(move |batch: Result<RecordBatch>| Ok(batch?.project(&kept)?)).left_stream(),
            Err(error) => stream::once(future::ready(Err(error))).right_stream(),
        };
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), rows))
    }
}
