//! The state of a window operator between executions, for rows that come in portions while the market moves.
//!
//! In: an operator whose frames only look back, and portions of rows. Within each partition, the order key rises strictly from
//! row to row and from portion to portion. Out: the rows of each portion with their results, in the order in which they came. A
//! result depends only on the rows of its frame, so it has the same bits however the rows are divided into portions.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::common::{Result, internal_err, plan_err};
use datafusion::physical_plan::ExecutionPlan;

use super::exec::RollingWindowExec;
use super::interleaved::Interleaved;

/// The state of a window operator that stays from one portion of rows to the next.
pub struct Carried {
    lanes: Interleaved,
}

impl Carried {
    /// Starts with the state before the first row.
    ///
    /// # Errors
    /// A frame looks ahead, so that its row would have to wait for later portions.
    pub fn of(window: &RollingWindowExec) -> Result<Carried> {
        let Some(mut program) = window.covered() else {
            return internal_err!("the expressions of a window that was covered are not covered any longer");
        };
        if program.looks_ahead() {
            return plan_err!("a window that looks ahead has no state to carry");
        }
        // Order keys are distinct, so each row is complete as soon as it comes.
        program.distinct = true;
        let input = window.input().schema();
        let lanes = Interleaved::without_shared_time(Arc::new(program), &input, window.schema())?;
        Ok(Carried { lanes })
    }

    /// Takes the next rows, and returns them with their results.
    ///
    /// # Errors
    /// An order key does not come after the one before it. The state is of no use then.
    pub fn advance(&mut self, rows: &[RecordBatch]) -> Result<Vec<RecordBatch>> {
        let mut results = Vec::with_capacity(rows.len());
        let (mut taken, mut given) = (0, 0);
        for batch in rows.iter().filter(|batch| batch.num_rows() > 0) {
            taken += batch.num_rows();
            self.lanes.accept(batch)?;
            while let Some(result) = self.lanes.emit()? {
                given += result.num_rows();
                results.push(result);
            }
        }
        if given != taken {
            return internal_err!("a window that looks back gave {given} results for {taken} rows");
        }
        Ok(results)
    }

    /// Returns the bytes of memory held.
    pub fn bytes(&self) -> usize {
        self.lanes.bytes()
    }

    /// Returns the number of rows whose values are held.
    pub fn rows(&self) -> usize {
        self.lanes.rows()
    }

    /// Returns the number of partitions that have had rows.
    pub fn partitions(&self) -> usize {
        self.lanes.partitions()
    }
}
