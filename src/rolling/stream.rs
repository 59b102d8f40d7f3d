//! The operator's stream: batches in, the same batches with results out.
//!
//! Rows leave in the order in which they came. From a bounded input a batch leaves whole, once the frames of all its rows
//! are complete; from an unbounded one each row leaves as soon as its own are. What is held is the rows of the widest frame.

use std::collections::VecDeque;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::PhysicalExpr;
use datafusion::physical_plan::metrics::BaselineMetrics;
use futures::{Stream, StreamExt, stream};

use super::column::{Column, Evaluator};
use super::coverage::Program;
use super::kernel::bounds::{Frame, Frames, Rows};
use super::keys::{Boundaries, ascending};

/// The state of one partition's execution.
pub struct RollingStream {
    program: Arc<Program>,
    input: SendableRecordBatchStream,
    schema: SchemaRef,
    unbounded: bool,
    reservation: MemoryReservation,
    metrics: BaselineMetrics,
    partitions: Boundaries,
    peers: Boundaries,
    peer_group: i64,
    rows: Rows,
    frames: Vec<(Frame, Frames)>,
    columns: Vec<Column>,
    evaluators: Vec<Evaluator>,
    pending: VecDeque<RecordBatch>,
    emitted: usize,
    finished: bool,
}

impl RollingStream {
    pub fn new(
        program: Arc<Program>,
        input: SendableRecordBatchStream,
        schema: SchemaRef,
        unbounded: bool,
        context: &TaskContext,
        metrics: BaselineMetrics,
    ) -> Result<Self> {
        let input_schema = input.schema();
        let columns = program
            .arguments
            .iter()
            .map(|argument| Ok(Column::new(argument.keep, argument.expr.data_type(&input_schema)?)))
            .collect::<Result<_>>()?;
        Ok(RollingStream {
            input,
            schema,
            unbounded,
            reservation: MemoryConsumer::new("RollingWindowExec").register(context.memory_pool()),
            metrics,
            partitions: Boundaries::of_contiguous(),
            peers: Boundaries::of_recurring(),
            peer_group: 0,
            rows: Rows::new(false),
            frames: program.frames.iter().map(|spec| (Frame::new(*spec), Frames::default())).collect(),
            columns,
            evaluators: program.calls.iter().map(|call| Evaluator::new(call.output.clone())).collect(),
            pending: VecDeque::new(),
            emitted: 0,
            finished: false,
            program,
        })
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
                    self.rows.close_partition();
                    self.finished = true;
                }
            }
        }
    }

    fn accept(&mut self, batch: RecordBatch) -> Result<()> {
        let elapsed = self.metrics.elapsed_compute().clone();
        let _timer = elapsed.timer();
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let position = self.rows.total();
        for (argument, column) in self.program.arguments.iter().zip(&mut self.columns) {
            column.extend(&evaluate(&argument.expr, &batch)?, position)?;
        }
        self.place(&batch)?;
        self.pending.push_back(batch);
        self.reserve()
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
                self.rows.extend(end - row, keys, null, peers.get(row..end).unwrap_or_default());
                row = end;
            }
            if cut < count {
                self.rows.begin_partition();
            }
        }
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

    fn emit(&mut self) -> Result<Option<RecordBatch>> {
        let elapsed = self.metrics.elapsed_compute().clone();
        let _timer = elapsed.timer();
        let Some(front) = self.pending.front() else { return Ok(None) };
        let complete =
            self.frames.iter_mut().map(|(frame, _)| frame.complete(&self.rows)).min().unwrap_or(self.rows.total());
        let ready = complete.saturating_sub(self.emitted).min(front.num_rows());
        if ready == 0 || (ready < front.num_rows() && !self.unbounded) {
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
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?;
        self.metrics.record_output(ready);
        Ok(Some(batch))
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

    fn reserve(&mut self) -> Result<()> {
        let pending: usize = self.pending.iter().map(RecordBatch::get_array_memory_size).sum();
        let columns: usize = self.columns.iter().map(Column::bytes).sum();
        self.reservation.try_resize(pending + columns + self.rows.bytes())
    }
}

fn evaluate(expr: &Arc<dyn PhysicalExpr>, batch: &RecordBatch) -> Result<ArrayRef> {
    expr.evaluate(batch)?.into_array(batch.num_rows())
}
