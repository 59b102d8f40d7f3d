//! What is computed of frames: the columns that they read, and each call's results.
//!
//! In: rows at consecutive positions, and the frames of some of them. Out: one array a call.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::physical_plan::PhysicalExpr;

use super::column::Column;
use super::coverage::Program;
use super::evaluator::Evaluator;
use super::kernel::bounds::Frames;

/// The state of all calls of a program.
pub struct Computation {
    program: Arc<Program>,
    columns: Vec<Column>,
    evaluators: Vec<Evaluator>,
}

impl Computation {
    /// Prepares for rows of one schema, the first of which will stand at position 0.
    pub fn new(program: Arc<Program>, input: &SchemaRef) -> Result<Self> {
        let columns = program
            .arguments
            .iter()
            .map(|argument| Ok(Column::new(argument.keep, argument.expr.data_type(input)?)))
            .collect::<Result<_>>()?;
        let evaluators =
            program.calls.iter().map(|call| Evaluator::new(call.output.clone(), program.is_cumulative(call))).collect();
        Ok(Computation { program, columns, evaluators })
    }

    /// Adds rows, the first of which stands at `position`.
    pub fn extend(&mut self, batch: &RecordBatch, position: usize) -> Result<()> {
        for (argument, column) in self.program.arguments.iter().zip(&mut self.columns) {
            let second = argument.second.as_ref().map(|expr| evaluate(expr, batch)).transpose()?;
            column.extend(&evaluate(&argument.expr, batch)?, second.as_ref(), position)?;
        }
        Ok(())
    }

    /// Appends to a batch the results of its rows, whose frames follow those of the call before: one entry of `frames` for
    /// each of the program's.
    pub fn append_results(&mut self, batch: &RecordBatch, frames: &[Frames]) -> Result<Vec<ArrayRef>> {
        let mut columns = batch.columns().to_vec();
        for (call, evaluator) in self.program.calls.iter().zip(&mut self.evaluators) {
            columns.push(evaluator.evaluate(&self.columns, &frames[call.frame])?);
        }
        Ok(columns)
    }

    /// Forgets what no later frame can read, given the oldest position of each frame and the next row's.
    pub fn release(&mut self, oldest: &[usize], next: usize) {
        let mut needed = vec![next; self.columns.len()];
        for (call, evaluator) in self.program.calls.iter().zip(&self.evaluators) {
            if let Some(column) = call.output.column() {
                needed[column] = needed[column].min(evaluator.oldest(oldest[call.frame]));
            }
        }
        for (column, position) in self.columns.iter_mut().zip(needed) {
            column.release(position);
        }
    }

    /// Returns the bytes of memory held.
    pub fn bytes(&self) -> usize {
        let columns: usize = self.columns.iter().map(Column::bytes).sum();
        columns + self.evaluators.iter().map(Evaluator::bytes).sum::<usize>()
    }
}

/// Evaluates an expression to one value a row.
pub fn evaluate(expr: &Arc<dyn PhysicalExpr>, batch: &RecordBatch) -> Result<ArrayRef> {
    expr.evaluate(batch)?.into_array(batch.num_rows())
}
