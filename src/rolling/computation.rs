//! What is computed for frames: the columns that frames read, and each call's results.
//!
//! In: rows at consecutive positions, and the frames of some of them. Out: one array per call.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::{Result, exec_err};
use datafusion::physical_plan::PhysicalExpr;

use super::kernel::bounds::Frames;
use super::kernel::exact::COUNT_BITS;
use super::program::Program;
use super::reading::Reading;

/// The state of all calls of a program.
pub struct Computation {
    program: Arc<Program>,
    /// One per source of the program.
    readings: Vec<Box<dyn Reading>>,
}

impl Computation {
    /// Prepares for rows of one schema; the first row will be at position 0.
    pub fn new(program: Arc<Program>, input: &SchemaRef) -> Result<Self> {
        let start = |arguments: &[Arc<dyn PhysicalExpr>]| {
            arguments.iter().map(|argument| argument.data_type(input)).collect::<Result<Vec<_>>>()
        };
        let readings = program
            .sources
            .iter()
            .map(|source| Ok(source.start(&start(source.arguments())?)))
            .collect::<Result<Vec<_>>>()?;
        Ok(Computation { program, readings })
    }

    /// Adds rows; the first of them is at `position`.
    pub fn extend(&mut self, batch: &RecordBatch, position: usize) -> Result<()> {
        for (source, reading) in self.program.sources.iter().zip(&mut self.readings) {
            if !source.arguments().is_empty() {
                check_held(reading.held_from(), position + batch.num_rows())?;
            }
            let arrays =
                source.arguments().iter().map(|argument| evaluate(argument, batch)).collect::<Result<Vec<_>>>()?;
            reading.extend(&arrays, position)?;
        }
        Ok(())
    }

    /// Appends to a batch the results of its rows. Their frames must follow those of the previous call; `frames` has one
    /// entry per frame of the program.
    pub fn append_results(&mut self, batch: &RecordBatch, frames: &[Frames]) -> Result<Vec<ArrayRef>> {
        let mut results = Vec::new();
        for reading in &mut self.readings {
            reading.evaluate(frames, &mut results)?;
        }
        results.sort_unstable_by_key(|(call, _)| *call);
        Ok(batch.columns().iter().cloned().chain(results.into_iter().map(|(_, result)| result)).collect())
    }

    /// Forgets rows that no later frame can read, given each frame's oldest position and the position of the next row.
    pub fn release(&mut self, oldest: &[usize], next: usize) {
        self.readings.iter_mut().for_each(|reading| reading.release(oldest, next));
    }

    /// Returns the position of the first row whose values are held, given the position of the next row.
    pub fn held_from(&self, next: usize) -> usize {
        let with_values =
            self.program.sources.iter().zip(&self.readings).filter(|(source, _)| !source.arguments().is_empty());
        with_values.map(|(_, reading)| reading.held_from()).fold(next, usize::min)
    }

    /// Returns the bytes of memory held.
    pub fn bytes(&self) -> usize {
        self.readings.iter().map(|reading| reading.bytes()).sum()
    }
}

/// Checks that a column holds few enough rows for its totals to have room.
fn check_held(from: usize, end: usize) -> Result<()> {
    let rows = end - from;
    if rows >> COUNT_BITS > 0 {
        return exec_err!(
            "a window frame spans {rows} rows, and RollingWindowExec holds fewer than 2^{COUNT_BITS}; \
             SET squall.rolling.enabled = false leaves it to DataFusion's operator"
        );
    }
    Ok(())
}

/// Evaluates an expression to one value per row.
pub fn evaluate(expr: &Arc<dyn PhysicalExpr>, batch: &RecordBatch) -> Result<ArrayRef> {
    expr.evaluate(batch)?.into_array(batch.num_rows())
}

#[cfg(test)]
mod tests {
    use super::check_held;

    #[test]
    fn a_frame_that_totals_have_no_room_for_is_an_error() {
        let (start, most) = (7, (1 << 32) - 1);
        assert!(check_held(start, start + most).is_ok());
        let error = check_held(start, start + most + 1).expect_err("one row too many");
        assert!(error.to_string().contains("squall.rolling.enabled"), "{error}");
    }
}
