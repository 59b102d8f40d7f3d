//! The operator's stream: it reads input, drives the engine and accounts for memory.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::physical_plan::InputOrderMode;
use datafusion::physical_plan::metrics::BaselineMetrics;
use futures::{Stream, StreamExt, stream};

use super::engine::{Emission, Engine};
use super::interleaved::Interleaved;
use super::program::Program;

/// How the input's rows are arranged.
enum Layout {
    Partitioned(Box<Engine>),
    Interleaved(Box<Interleaved>),
}

impl Layout {
    fn accept(&mut self, batch: RecordBatch) -> Result<()> {
        match self {
            Layout::Partitioned(engine) => engine.accept(batch),
            Layout::Interleaved(lanes) => lanes.accept(&batch),
        }
    }

    fn finish(&mut self) {
        match self {
            Layout::Partitioned(engine) => engine.finish(),
            Layout::Interleaved(lanes) => lanes.finish(),
        }
    }

    fn emit(&mut self) -> Result<Option<RecordBatch>> {
        match self {
            Layout::Partitioned(engine) => engine.emit(),
            Layout::Interleaved(lanes) => lanes.emit(),
        }
    }

    fn is_drained(&self) -> bool {
        match self {
            Layout::Partitioned(engine) => engine.is_drained(),
            Layout::Interleaved(lanes) => lanes.is_drained(),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Layout::Partitioned(engine) => engine.bytes(),
            Layout::Interleaved(lanes) => lanes.bytes(),
        }
    }
}

/// The rows of one partition, and what is known about them.
pub struct Input {
    pub rows: SendableRecordBatchStream,
    pub order: InputOrderMode,
    pub emission: Emission,
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
    /// Prepares to compute a program over one partition.
    pub fn new(
        program: Arc<Program>,
        input: Input,
        schema: SchemaRef,
        reservation: MemoryReservation,
        metrics: BaselineMetrics,
    ) -> Result<Self> {
        let Input { rows: input, order, emission } = input;
        let input_schema = input.schema();
        let sorted_by = match order {
            InputOrderMode::Linear => Some(Vec::new()),
            InputOrderMode::PartiallySorted(sorted_by) => Some(sorted_by),
            InputOrderMode::Sorted => None,
        };
        let layout = match sorted_by {
            Some(sorted_by) => {
                Layout::Interleaved(Box::new(Interleaved::new(program, &input_schema, schema, sorted_by)?))
            }
            None => Layout::Partitioned(Box::new(Engine::new(program, &input_schema, schema, emission)?)),
        };
        Ok(RollingStream { input, layout, reservation, metrics, finished: false })
    }

    /// Turns the state into the stream of its output.
    pub fn into_stream(self) -> impl Stream<Item = Result<RecordBatch>> + Send {
        stream::try_unfold(self, |mut state| async move {
            let batch = state.next().await?;
            Ok(batch.map(|batch| {
                state.metrics.record_output(batch.num_rows());
                (batch, state)
            }))
        })
    }

    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if !self.layout.is_drained()
                && let Some(batch) = self.emit()?
            {
                return Ok(Some(batch));
            }
            if self.finished {
                return Ok(None);
            }
            match self.input.next().await.transpose()? {
                Some(batch) => self.accept(batch)?,
                None => {
                    self.layout.finish();
                    self.finished = true;
                }
            }
        }
    }

    fn accept(&mut self, batch: RecordBatch) -> Result<()> {
        let _timer = self.metrics.elapsed_compute().timer();
        self.layout.accept(batch)?;
        self.reservation.try_resize(self.layout.bytes())
    }

    fn emit(&mut self) -> Result<Option<RecordBatch>> {
        let _timer = self.metrics.elapsed_compute().timer();
        let batch = self.layout.emit()?;
        self.reservation.try_resize(self.layout.bytes())?;
        Ok(batch)
    }
}
