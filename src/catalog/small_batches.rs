//! Few rows at a time, for a join that meets each of them with every row of its other side.
//!
//! A nested-loop join answers its reader once it has a batch of rows, or has met a whole batch of its right side with every row of its left
//! side. If hardly any rows match, the second can take minutes, in which the join cannot be cancelled. In: the right side. Out: the same
//! rows in batches of a given number. After each of them, other work has its turn.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, internal_err};
use datafusion::execution::{RecordBatchStream, SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::{Stream, StreamExt};

/// Cuts batches into smaller ones.
#[derive(Debug)]
pub struct SmallBatches {
    input: Arc<dyn ExecutionPlan>,
    rows: usize,
    properties: Arc<PlanProperties>,
}

impl SmallBatches {
    /// Makes batches of at most `rows` rows, but at least of one.
    pub fn new(input: Arc<dyn ExecutionPlan>, rows: usize) -> SmallBatches {
        let properties = Arc::clone(input.properties());
        SmallBatches { input, rows: rows.max(1), properties }
    }

    pub fn rows(&self) -> usize {
        self.rows
    }
}

impl DisplayAs for SmallBatches {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "SmallBatches: rows={}", self.rows)
    }
}

impl ExecutionPlan for SmallBatches {
    fn name(&self) -> &str {
        "SmallBatches"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        match children.as_slice() {
            [input] => Ok(Arc::new(SmallBatches::new(Arc::clone(input), self.rows))),
            _ => internal_err!("SmallBatches has one input"),
        }
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let input = self.input.execute(partition, context)?;
        Ok(Box::pin(Pieces { input, rows: self.rows, rest: None, gave: false }))
    }
}

struct Pieces {
    input: SendableRecordBatchStream,
    rows: usize,
    /// What is left of the input's batch.
    rest: Option<RecordBatch>,
    /// Whether a batch was given since others had their turn.
    gave: bool,
}

impl Stream for Pieces {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<RecordBatch>>> {
        if std::mem::take(&mut self.gave) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let batch = match self.rest.take() {
            Some(rest) => rest,
            None => match ready!(self.input.poll_next_unpin(context)) {
                Some(Ok(batch)) => batch,
                end => return Poll::Ready(end),
            },
        };
        let piece = batch.slice(0, self.rows.min(batch.num_rows()));
        if piece.num_rows() < batch.num_rows() {
            self.rest = Some(batch.slice(piece.num_rows(), batch.num_rows() - piece.num_rows()));
        }
        self.gave = true;
        Poll::Ready(Some(Ok(piece)))
    }
}

impl RecordBatchStream for Pieces {
    fn schema(&self) -> SchemaRef {
        self.input.schema()
    }
}
