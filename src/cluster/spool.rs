//! Rows that have come, in memory or on the disk.
//!
//! Rows of a worker are taken as fast as they come, whoever reads them: a worker that waits for a reader could wait for one that waits for
//! another worker. Few rows stay in memory, many go to a temporary file.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, SpillMetrics};
use datafusion::physical_plan::spill::{SpillManager, get_record_batch_memory_size};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{StreamExt, stream};

/// How many bytes of one plan's rows stay in memory.
const IN_MEMORY: usize = 16 << 20;

/// What temporary files are for, in messages.
const PURPOSE: &str = "rows of a worker";

/// Takes the rows of a stream to its end, and returns them as another.
pub async fn spooled(mut rows: SendableRecordBatchStream, context: &TaskContext) -> Result<SendableRecordBatchStream> {
    let schema = rows.schema();
    let reservation = MemoryConsumer::new("RemoteExec").register(context.memory_pool());
    let mut held = Vec::new();
    while let Some(batch) = rows.next().await {
        let batch = batch?;
        let bytes = get_record_batch_memory_size(&batch);
        if reservation.size() + bytes > IN_MEMORY || reservation.try_grow(bytes).is_err() {
            reservation.free();
            held.push(batch);
            return to_disk(std::mem::take(&mut held), rows, schema, context).await;
        }
        held.push(batch);
    }
    Ok(in_memory(held, schema, reservation))
}

fn in_memory(
    batches: Vec<RecordBatch>,
    schema: SchemaRef,
    reservation: MemoryReservation,
) -> SendableRecordBatchStream {
    let batches = stream::iter(batches).map(move |batch| {
        reservation.shrink(get_record_batch_memory_size(&batch).min(reservation.size()));
        Ok(batch)
    });
    Box::pin(RecordBatchStreamAdapter::new(schema, batches))
}

async fn to_disk(
    first: Vec<RecordBatch>,
    mut rows: SendableRecordBatchStream,
    schema: SchemaRef,
    context: &TaskContext,
) -> Result<SendableRecordBatchStream> {
    let metrics = SpillMetrics::new(&ExecutionPlanMetricsSet::new(), 0);
    let disk = Arc::new(SpillManager::new(context.runtime_env(), metrics, schema));
    let mut file = disk.create_in_progress_file(PURPOSE)?;
    for batch in &first {
        file.append_batch(batch)?;
    }
    drop(first);
    while let Some(batch) = rows.next().await {
        file.append_batch(&batch?)?;
    }
    match file.finish()? {
        Some(file) => disk.read_spill_as_stream(file, None),
        None => Ok(Box::pin(datafusion::physical_plan::EmptyRecordBatchStream::new(Arc::clone(disk.schema())))),
    }
}
