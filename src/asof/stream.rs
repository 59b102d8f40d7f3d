//! The walk over both inputs in their common order.
//!
//! For each key it holds the newest right row that the walk has passed. Before a left row is matched, the right input is read up
//! to the left row's place. So memory holds one right row for each key, and a few batches.

use std::cmp::Ordering;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions, new_null_array};
use datafusion::arrow::compute::{filter_record_batch, interleave};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::common::cast::as_boolean_array;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::logical_expr::Operator;
use datafusion::physical_plan::PhysicalExpr;
use futures::StreamExt;

use super::exec::Condition;
use super::inputs::{Inputs, Order};
use super::keys::{Keys, NONE, Times};
use super::node::Kind;

/// A right row: its batch and its place there. Batch 0 is one row of NULL, which stands for no match.
type Found = (usize, usize);

const NO_MATCH: Found = (0, 0);

/// How many rows of old right batches are kept, besides twice the number of keys, before the held rows move to a batch of their own.
const MOST_KEPT: usize = 1 << 18;

/// The right batch that is being passed.
struct Passing {
    number: usize,
    times: Times,
    keys: Vec<u32>,
    next: usize,
}

/// The state of one execution.
pub struct Walk {
    left: SendableRecordBatchStream,
    right: SendableRecordBatchStream,
    condition: Arc<Condition>,
    order: Order,
    /// All columns of both sides.
    schema: SchemaRef,
    /// The columns that leave, and where they are among all columns.
    output: SchemaRef,
    wanted: Vec<usize>,
    keys: Keys,
    /// Columns of right batches, without names.
    batches: Vec<Vec<ArrayRef>>,
    kept_rows: usize,
    passing: Option<Passing>,
    is_right_done: bool,
    /// The newest right row that was passed, by the number of its key.
    held: Vec<Found>,
    reservation: MemoryReservation,
}

impl Walk {
    pub fn new(
        inputs: Inputs,
        condition: Arc<Condition>,
        schema: SchemaRef,
        wanted: Vec<usize>,
        reservation: MemoryReservation,
    ) -> Result<Walk> {
        let Inputs { left, right, order } = inputs;
        let types = condition.keys.iter().map(|(key, _)| key.data_type(&left.schema())).collect::<Result<Vec<_>>>()?;
        let nothing = right.schema().fields().iter().map(|field| new_null_array(field.data_type(), 1)).collect();
        Ok(Walk {
            keys: Keys::new(&types)?,
            left,
            right,
            condition,
            order,
            output: Arc::new(schema.project(&wanted)?),
            wanted,
            schema,
            batches: vec![nothing],
            kept_rows: 0,
            passing: None,
            is_right_done: false,
            held: Vec::new(),
            reservation,
        })
    }

    /// Returns the joined rows of the next left batch that has any; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>> {
        while let Some(batch) = self.left.next().await.transpose()? {
            self.forget()?;
            let condition = Arc::clone(&self.condition);
            let times = Times::read(&evaluated(&condition.times.0, &batch)?, !condition.looks_back())?;
            let columns = condition.keys.iter().map(|(key, _)| evaluated(key, &batch)).collect::<Result<Vec<_>>>()?;
            let keys = self.keys.numbers(&columns, batch.num_rows())?;
            let mut matches = Vec::with_capacity(batch.num_rows());
            for (row, key) in keys.into_iter().enumerate() {
                let Some(time) = times.at(row).filter(|_| key != NONE) else {
                    matches.push(NO_MATCH);
                    continue;
                };
                if !self.pass(key, time) {
                    self.read_up_to(key, time).await?;
                }
                matches.push(self.held.get(key as usize).copied().unwrap_or(NO_MATCH));
            }
            let joined = self.joined(&batch, matches)?;
            if joined.num_rows() > 0 {
                return Ok(Some(joined));
            }
        }
        Ok(None)
    }

    /// Passes the right rows that a left row of this key and time can match; returns false if more of them may follow in the
    /// next batch.
    fn pass(&mut self, key: u32, time: i64) -> bool {
        let Some(passing) = &mut self.passing else { return self.is_right_done };
        let is_strict = matches!(self.condition.operator, Operator::Gt | Operator::Lt);
        while passing.next < passing.keys.len() {
            let row = passing.next;
            let right = passing.keys[row];
            if let Some(at) = passing.times.at(row) {
                let is_later = at > time || (is_strict && at == time);
                let is_after = match self.order {
                    Order::Time => is_later,
                    Order::KeyAndTime if right == key => is_later,
                    Order::KeyAndTime => right != NONE && self.keys.compare(right, key) == Ordering::Greater,
                };
                if is_after {
                    return true;
                }
                if right != NONE {
                    if right as usize >= self.held.len() {
                        self.held.resize(right as usize + 1, NO_MATCH);
                    }
                    self.held[right as usize] = (passing.number, row);
                }
            }
            passing.next += 1;
        }
        self.is_right_done
    }

    async fn read_up_to(&mut self, key: u32, time: i64) -> Result<()> {
        while !self.pass(key, time) {
            let Some(batch) = self.right.next().await.transpose()? else {
                self.is_right_done = true;
                continue;
            };
            let condition = Arc::clone(&self.condition);
            let columns = condition.keys.iter().map(|(_, key)| evaluated(key, &batch)).collect::<Result<Vec<_>>>()?;
            self.passing = Some(Passing {
                number: self.batches.len(),
                times: Times::read(&evaluated(&condition.times.1, &batch)?, !condition.looks_back())?,
                keys: self.keys.numbers(&columns, batch.num_rows())?,
                next: 0,
            });
            self.kept_rows += batch.num_rows();
            self.batches.push(batch.columns().to_vec());
        }
        Ok(())
    }

    /// Moves the held rows to a batch of their own once many old batches are kept for them.
    fn forget(&mut self) -> Result<()> {
        if self.kept_rows > MOST_KEPT + 2 * self.keys.count() {
            let current = self.passing.as_ref().map(|passing| passing.number);
            let moves = |found: &Found| *found != NO_MATCH && Some(found.0) != current;
            let moved: Vec<Found> = self.held.iter().copied().filter(|found| moves(found)).collect();
            let all = 0..self.batches[0].len();
            let mut kept =
                vec![self.batches[0].clone(), all.map(|column| self.column(column, &moved)).collect::<Result<_>>()?];
            self.kept_rows = moved.len();
            if let Some(passing) = &mut self.passing {
                kept.push(self.batches.swap_remove(passing.number));
                self.kept_rows += passing.keys.len();
                passing.number = 2;
            }
            let mut next = 0;
            for found in self.held.iter_mut().filter(|found| **found != NO_MATCH) {
                *found = match Some(found.0) == current {
                    true => (2, found.1),
                    false => {
                        next += 1;
                        (1, next - 1)
                    }
                };
            }
            self.batches = kept;
        }
        let columns = self.batches.iter().flatten();
        let bytes: usize = columns.map(|column| column.get_array_memory_size()).sum();
        self.reservation.try_resize(bytes + self.held.len() * size_of::<Found>())
    }

    /// Returns a right column of these rows.
    fn column(&self, index: usize, rows: &[Found]) -> Result<ArrayRef> {
        let parts: Vec<&dyn Array> = self.batches.iter().map(|batch| batch[index].as_ref()).collect();
        Ok(interleave(&parts, rows)?)
    }

    fn joined(&self, left: &RecordBatch, mut matches: Vec<Found>) -> Result<RecordBatch> {
        if let Some(within) = &self.condition.within {
            let found: BooleanArray = matches.iter().map(|found| Some(*found != NO_MATCH)).collect();
            let candidates: Vec<Found> = matches.iter().copied().filter(|found| *found != NO_MATCH).collect();
            let all: Vec<usize> = (0..self.schema.fields().len()).collect();
            let candidates = self.rows(&self.schema, &all, &filter_record_batch(left, &found)?, &candidates)?;
            let meets = evaluated(within, &candidates)?;
            let mut meets = as_boolean_array(&meets)?.iter();
            for found in matches.iter_mut().filter(|found| **found != NO_MATCH) {
                if meets.next().flatten() != Some(true) {
                    *found = NO_MATCH;
                }
            }
        }
        match self.condition.kind {
            Kind::Left => self.rows(&self.output, &self.wanted, left, &matches),
            Kind::Inner => {
                let found: BooleanArray = matches.iter().map(|found| Some(*found != NO_MATCH)).collect();
                matches.retain(|found| *found != NO_MATCH);
                self.rows(&self.output, &self.wanted, &filter_record_batch(left, &found)?, &matches)
            }
        }
    }

    /// Returns the wanted columns of joined rows.
    fn rows(&self, schema: &SchemaRef, wanted: &[usize], left: &RecordBatch, matches: &[Found]) -> Result<RecordBatch> {
        let options = RecordBatchOptions::new().with_row_count(Some(left.num_rows()));
        let column = |index: &usize| match index.checked_sub(left.num_columns()) {
            None => Ok(Arc::clone(left.column(*index))),
            Some(right) => self.column(right, matches),
        };
        let columns = wanted.iter().map(column).collect::<Result<_>>()?;
        Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
    }
}

fn evaluated(expression: &Arc<dyn PhysicalExpr>, batch: &RecordBatch) -> Result<ArrayRef> {
    expression.evaluate(batch)?.into_array(batch.num_rows())
}
