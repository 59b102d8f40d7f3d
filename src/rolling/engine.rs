//! Windows over rows that come in the order that they need: partition after partition, each in its order.
//!
//! In: batches. Out: the same rows with results, in the same order, once their frames are complete. What is held is the rows
//! of the widest frame.

use std::collections::VecDeque;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::{Result, exec_err};
use datafusion::physical_plan::PhysicalExpr;

use super::column::Column;
use super::coverage::Program;
use super::evaluator::Evaluator;
use super::kernel::bounds::{Frame, Frames, Rows};
use super::keys::{Boundaries, ascending};

/// When rows leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Emission {
    /// A batch at a time, once all its rows are complete.
    Batches,
    /// Each row as soon as it is complete.
    Rows,
}

/// The state of one sequence of partitions.
pub struct Engine {
    program: Arc<Program>,
    schema: SchemaRef,
    emission: Emission,
    partitions: Boundaries,
    peers: Boundaries,
    peer_group: i64,
    last_key: Option<i64>,
    rows: Rows,
    frames: Vec<(Frame, Frames)>,
    columns: Vec<Column>,
    evaluators: Vec<Evaluator>,
    pending: VecDeque<RecordBatch>,
    emitted: usize,
}

impl Engine {
    /// Prepares for input of one schema and output of another: the input's columns, then one for each call.
    pub fn new(program: Arc<Program>, input: &SchemaRef, schema: SchemaRef, emission: Emission) -> Result<Self> {
        let columns = program
            .arguments
            .iter()
            .map(|argument| Ok(Column::new(argument.keep, argument.expr.data_type(input)?)))
            .collect::<Result<_>>()?;
        Ok(Engine {
            schema,
            emission,
            partitions: Boundaries::of_contiguous(),
            peers: Boundaries::of_recurring(),
            peer_group: 0,
            last_key: None,
            rows: Rows::new(program.distinct),
            frames: program.frames.iter().map(|spec| (Frame::new(*spec), Frames::default())).collect(),
            columns,
            evaluators: program.calls.iter().map(|call| Evaluator::new(call.output.clone())).collect(),
            pending: VecDeque::new(),
            emitted: 0,
            program,
        })
    }

    /// Adds rows.
    pub fn accept(&mut self, batch: RecordBatch) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let position = self.rows.total();
        for (argument, column) in self.program.arguments.iter().zip(&mut self.columns) {
            let second = argument.second.as_ref().map(|expr| evaluate(expr, &batch)).transpose()?;
            column.extend(&evaluate(&argument.expr, &batch)?, second.as_ref(), position)?;
        }
        self.place(&batch)?;
        self.pending.push_back(batch);
        Ok(())
    }

    /// Ends the input: every frame is complete.
    pub fn finish(&mut self) {
        self.rows.close_partition();
    }

    /// Tells that no later row's order key, ascending, lies before `key`.
    pub fn advance_watermark(&mut self, key: i64) {
        self.rows.advance_watermark(key);
    }

    /// Returns the last order key, ascending, where frames count with keys.
    pub fn last_key(&self) -> Option<i64> {
        self.last_key
    }

    /// Returns whether every row has left.
    pub fn is_drained(&self) -> bool {
        self.pending.is_empty()
    }

    /// Tells the frames which partitions the batch's rows belong to, and their order keys.
    fn place(&mut self, batch: &RecordBatch) -> Result<()> {
        let count = batch.num_rows();
        let partition_by =
            self.program.partition_by.iter().map(|expr| evaluate(expr, batch)).collect::<Result<Vec<_>>>()?;
        let mut cuts = self.partitions.find(&partition_by, count)?;
        let order_by =
            self.program.order_by.iter().map(|sort| evaluate(&sort.expr, batch)).collect::<Result<Vec<_>>>()?;
        let peers = if self.program.needs_peers() { self.peer_groups(&order_by, &cuts, count)? } else { Vec::new() };
        let (keys, nulls) = match (self.program.needs_keys(), order_by.as_slice()) {
            (true, [key]) => (ascending(key, self.program.order_by[0].options.descending)?, key.logical_nulls()),
            _ => (Vec::new(), None),
        };
        let mut row = 0;
        cuts.push(count);
        for cut in cuts {
            while row < cut {
                let null = nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
                let alike = |next: &usize| nulls.as_ref().is_some_and(|nulls| nulls.is_null(*next)) == null;
                let end = match &nulls {
                    None => cut,
                    Some(_) => row + (row..cut).take_while(alike).count(),
                };
                let keys = keys.get(row..end).unwrap_or_default();
                if !null {
                    self.note(keys)?;
                }
                self.rows.extend(end - row, keys, null, peers.get(row..end).unwrap_or_default());
                row = end;
            }
            if cut < count {
                self.rows.begin_partition();
                self.last_key = None;
            }
        }
        Ok(())
    }

    /// Remembers the last of consecutive keys of a partition, and holds the input to what it declares of them.
    fn note(&mut self, keys: &[i64]) -> Result<()> {
        let ascends = self.last_key.iter().chain(keys).is_sorted_by(|a, b| a < b);
        if self.program.distinct && !ascends {
            let key = &self.program.order_by[0].expr;
            return exec_err!(
                "{key} is declared distinct within its partition, but has the same value twice or descends"
            );
        }
        self.last_key = keys.last().copied().or(self.last_key);
        Ok(())
    }

    fn peer_groups(&mut self, order_by: &[ArrayRef], cuts: &[usize], count: usize) -> Result<Vec<i64>> {
        let mut starts = self.peers.find(order_by, count)?;
        starts.extend(cuts);
        starts.sort_unstable();
        let mut starts = starts.into_iter().peekable();
        Ok((0..count)
            .map(|row| {
                while starts.next_if_eq(&row).is_some() {
                    self.peer_group += 1;
                }
                self.peer_group
            })
            .collect())
    }

    /// Returns the next rows that are complete.
    pub fn emit(&mut self) -> Result<Option<RecordBatch>> {
        let Some(front) = self.pending.front() else { return Ok(None) };
        let complete =
            self.frames.iter_mut().map(|(frame, _)| frame.complete(&self.rows)).min().unwrap_or(self.rows.total());
        let ready = complete.saturating_sub(self.emitted).min(front.num_rows());
        if ready == 0 || (ready < front.num_rows() && self.emission == Emission::Batches) {
            return Ok(None);
        }
        let Some(front) = self.pending.pop_front() else { return Ok(None) };
        let rest = front.num_rows() - ready;
        if rest > 0 {
            self.pending.push_front(front.slice(ready, rest));
        }
        let (from, to) = (self.emitted, self.emitted + ready);
        for (frame, found) in &mut self.frames {
            frame.advance(&self.rows, from, to, found);
        }
        let mut columns = front.slice(0, ready).columns().to_vec();
        for (call, evaluator) in self.program.calls.iter().zip(&mut self.evaluators) {
            columns.push(evaluator.evaluate(&self.columns, &self.frames[call.frame].1)?);
        }
        self.emitted = to;
        self.release();
        let options = RecordBatchOptions::new().with_row_count(Some(ready));
        Ok(Some(RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?))
    }

    /// Forgets what no later frame can reach.
    fn release(&mut self) {
        let oldest: Vec<usize> = self.frames.iter().map(|(frame, _)| frame.oldest(&self.rows, self.emitted)).collect();
        let mut needed = vec![self.emitted; self.columns.len()];
        for (call, evaluator) in self.program.calls.iter().zip(&self.evaluators) {
            if let Some(column) = evaluator.column() {
                needed[column] = needed[column].min(oldest[call.frame]);
            }
        }
        for (column, position) in self.columns.iter_mut().zip(needed) {
            column.release(position);
        }
        let keyed = self.frames.iter().zip(&oldest).filter(|((frame, _), _)| frame.reads_coordinates());
        self.rows.release(keyed.map(|(_, position)| *position).fold(self.emitted, usize::min));
    }

    /// Returns the bytes of memory held.
    pub fn bytes(&self) -> usize {
        let pending: usize = self.pending.iter().map(RecordBatch::get_array_memory_size).sum();
        let columns: usize = self.columns.iter().map(Column::bytes).sum();
        pending + columns + self.rows.bytes()
    }
}

/// Evaluates an expression to one value a row.
pub fn evaluate(expr: &Arc<dyn PhysicalExpr>, batch: &RecordBatch) -> Result<ArrayRef> {
    expr.evaluate(batch)?.into_array(batch.num_rows())
}
