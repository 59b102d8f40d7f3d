//! The operator's stream: reads input, drives the engine, accounts for memory.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::InputOrderMode;
use datafusion::physical_plan::metrics::BaselineMetrics;
use futures::{Stream, StreamExt, stream};

use super::coverage::Program;
use super::engine::{Emission, Engine};
use super::interleaved::Interleaved;

/// How the input's rows lie.
enum Layout {
    Partitioned(Box<Engine>),
    Interleaved(Box<Interleaved>),
}

/// The state of one partition's execution.
pub struct RollingStream {
    input: SendableRecordBatchStream,
    layout: Layout,
    reservation: MemoryReservation,
    metrics: BaselineMetrics,
    finished: bool,
}

impl RollingStream {
    /// Prepares to compute a program over one input stream, whose rows lie in the given order.
    pub fn new(
        program: Arc<Program>,
        input: SendableRecordBatchStream,
        schema: SchemaRef,
        order: &InputOrderMode,
        emission: Emission,
        context: &TaskContext,
        metrics: BaselineMetrics,
    ) -> Result<Self> {
        let input_schema = input.schema();
        let interleaved = |sorted_by| {
            let state = Interleaved::new(Arc::clone(&program), &input_schema, Arc::clone(&schema), sorted_by)?;
            Ok::<_, datafusion::error::DataFusionError>(Layout::Interleaved(Box::new(state)))
        };
        let layout = match order {
            InputOrderMode::Linear => interleaved(Vec::new())?,
            InputOrderMode::PartiallySorted(sorted_by) => interleaved(sorted_by.clone())?,
            InputOrderMode::Sorted => {
                Layout::Partitioned(Box::new(Engine::new(program, &input_schema, schema, emission)?))
            }
        };
        let reservation = MemoryConsumer::new("RollingWindowExec").register(context.memory_pool());
        Ok(RollingStream { input, layout, reservation, metrics, finished: false })
    }

    /// Turns the state into the stream of its output.
    pub fn into_stream(self) -> impl Stream<Item = Result<RecordBatch>> + Send {
        stream::try_unfold(self, |mut state| async move { Ok(state.next().await?.map(|batch| (batch, state))) })
    }

    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(batch) = self.emit()? {
                return Ok(Some(batch));
            }
            if self.finished {
                return Ok(None);
            }
            match self.input.next().await {
                Some(batch) => self.accept(batch?)?,
                None => {
                    match &mut self.layout {
                        Layout::Partitioned(engine) => engine.finish(),
                        Layout::Interleaved(lanes) => lanes.finish(),
                    }
                    self.finished = true;
                }
            }
        }
    }

    fn accept(&mut self, batch: RecordBatch) -> Result<()> {
        let elapsed = self.metrics.elapsed_compute().clone();
        let _timer = elapsed.timer();
        let bytes = match &mut self.layout {
            Layout::Partitioned(engine) => {
                engine.accept(batch)?;
                engine.bytes()
            }
            Layout::Interleaved(lanes) => {
                lanes.accept(&batch)?;
                lanes.bytes()
            }
        };
        self.reservation.try_resize(bytes)
    }

    fn emit(&mut self) -> Result<Option<RecordBatch>> {
        let elapsed = self.metrics.elapsed_compute().clone();
        let _timer = elapsed.timer();
        let batch = match &mut self.layout {
            Layout::Partitioned(engine) => engine.emit()?,
            Layout::Interleaved(lanes) => lanes.emit()?,
        };
        if let Some(batch) = &batch {
            self.metrics.record_output(batch.num_rows());
        }
        Ok(batch)
    }
}
