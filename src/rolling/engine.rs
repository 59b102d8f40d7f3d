//! Windows over rows that arrive in the required order: partition after partition, and sorted within each.
//!
//! In: batches. Out: the same rows with results, in the same order, each once its frames are complete. The engine holds only
//! the rows of the widest frame.

use std::sync::Arc;

use datafusion::arrow::array::{RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::Result;

use super::computation::Computation;
use super::kernel::bounds::Frames;
use super::placement::Placement;
use super::program::Program;
use super::weighed::Weighed;

/// When rows leave the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Emission {
    /// One batch at a time, once all its rows are complete.
    Batches,
    /// Each row as soon as it is complete.
    Rows,
}

/// The state of one sequence of partitions.
pub struct Engine {
    schema: SchemaRef,
    emission: Emission,
    placement: Placement,
    frames: Vec<Frames>,
    computation: Computation,
    pending: Weighed<RecordBatch>,
    emitted: usize,
    finished: bool,
}

impl Engine {
    /// Prepares for the input's schema and the output's schema, which has the input's columns and one more for each call.
    pub fn new(program: Arc<Program>, input: &SchemaRef, schema: SchemaRef, emission: Emission) -> Result<Self> {
        Ok(Engine {
            schema,
            emission,
            placement: Placement::new(Arc::clone(&program)),
            frames: program.no_frames(),
            computation: Computation::new(program, input)?,
            pending: Weighed::default(),
            emitted: 0,
            finished: false,
        })
    }

    /// Adds rows.
    pub fn accept(&mut self, batch: RecordBatch) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        self.computation.extend(&batch, self.placement.total())?;
        self.placement.place(&batch)?;
        self.pending.push(batch);
        Ok(())
    }

    /// Keeps the first rows so that frames can read them, but gives them no results.
    pub fn skip(&mut self, rows: usize) {
        self.emitted = rows;
        let mut rest = rows;
        while rest > 0
            && let Some(front) = self.pending.front_mut()
        {
            let rows = front.num_rows();
            if rows > rest {
                *front = front.slice(rest, rows - rest);
                return;
            }
            self.pending.pop();
            rest -= rows;
        }
    }

    /// Ends the input, so that every frame is complete.
    pub fn finish(&mut self) {
        self.placement.finish();
        self.finished = true;
    }

    /// Tells the engine that no later row has an order key, ascending, before `key`.
    pub fn advance_watermark(&mut self, key: i64) {
        self.placement.advance_watermark(key);
    }

    /// Returns the last order key, ascending, if frames are measured in keys.
    pub fn last_key(&self) -> Option<i64> {
        self.placement.last_key()
    }

    /// Returns the next rows that are complete.
    pub fn emit(&mut self) -> Result<Option<RecordBatch>> {
        let Some(front) = self.pending.front_mut() else { return Ok(None) };
        let rows = front.num_rows();
        let ready = self.placement.complete().saturating_sub(self.emitted).min(rows);
        if ready == 0 || (ready < rows && self.emission == Emission::Batches) {
            return Ok(None);
        }
        let leaving = front.slice(0, ready);
        if ready < rows {
            *front = front.slice(ready, rows - ready);
        } else {
            self.pending.pop();
        }
        let from = self.emitted;
        self.emitted += ready;
        self.placement.advance(from, self.emitted, &mut self.frames);
        let columns = self.computation.append_results(&leaving, &self.frames)?;
        let oldest = self.placement.oldest(self.emitted);
        self.computation.release(&oldest, self.emitted);
        self.placement.release(self.emitted);
        let options = RecordBatchOptions::new().with_row_count(Some(ready));
        Ok(Some(RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?))
    }

    /// Returns whether the input has ended.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// Returns whether every row has left.
    pub fn is_drained(&self) -> bool {
        self.pending.is_empty()
    }

    /// Returns the number of rows whose values are held.
    pub fn rows(&self) -> usize {
        let next = self.placement.total();
        next - self.computation.held_from(next)
    }

    /// Returns the bytes of memory held.
    pub fn bytes(&self) -> usize {
        self.pending.bytes() + self.computation.bytes() + self.placement.bytes()
    }
}
