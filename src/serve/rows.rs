//! The rows of a running query.
//!
//! A task computes the batches and waits when two are not taken, so that a result never stands in memory as a whole. Dropping [`Rows`]
//! ends the task, and with it the query.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::execute_stream;
use datafusion::prelude::SessionContext;
use futures::StreamExt;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::{JoinSet, block_in_place};

use super::encode::Encoded;
use super::failure::Failure;
use crate::catalog::Session;
use crate::error::panics::{self, Quiet};
use crate::repl::Error;

/// A running query.
pub struct Rows {
    receiver: mpsc::Receiver<Result<RecordBatch, DataFusionError>>,
    task: JoinSet<Result<(), DataFusionError>>,
    /// A batch of which some rows were sent, and how many.
    rest: Option<(Encoded, usize)>,
    /// What the query reads lives as long as it does.
    _session: Arc<Session>,
    _quiet: Quiet,
}

impl Rows {
    /// Starts a query.
    pub fn start(session: Arc<Session>, context: SessionContext, plan: LogicalPlan, threads: &Handle) -> Rows {
        let (sender, receiver) = mpsc::channel(2);
        let mut task = JoinSet::new();
        let computed = async move {
            let frame = context.execute_logical_plan(plan).await?;
            let tasks = Arc::new(frame.task_ctx());
            // Planning computes for long, and only waits for files; another thread takes its place meanwhile.
            let plan = block_in_place(|| Handle::current().block_on(frame.create_physical_plan()))?;
            let mut stream = match catch_unwind(AssertUnwindSafe(|| execute_stream(plan, tasks))) {
                Ok(stream) => stream?,
                Err(panic) => std::panic::resume_unwind(panic),
            };
            while let Some(batch) = stream.next().await {
                if sender.send(batch).await.is_err() {
                    break;
                }
            }
            Ok(())
        };
        task.spawn_on(computed, threads);
        Rows { receiver, task, rest: None, _session: session, _quiet: Quiet::begin() }
    }

    /// Returns the next rows as PostgreSQL writes them, and how many of them were taken before; `None` at the end.
    ///
    /// # Errors
    /// The query failed.
    pub async fn next(&mut self) -> Result<Option<(Encoded, usize)>, Failure> {
        if let Some(rest) = self.rest.take() {
            return Ok(Some(rest));
        }
        let batch = self.batch().await?;
        Ok(batch.map(|batch| Encoded::new(&batch)).transpose()?.map(|encoded| (encoded, 0)))
    }

    /// Returns the next batch that has rows; `None` at the end.
    ///
    /// # Errors
    /// The query failed.
    pub async fn batch(&mut self) -> Result<Option<RecordBatch>, Failure> {
        while let Some(batch) = self.receiver.recv().await {
            let batch = batch?;
            if batch.num_rows() > 0 {
                return Ok(Some(batch));
            }
        }
        // An error or a panic must not look like the end of the rows.
        match self.task.join_next().await {
            Some(Ok(Err(error))) => Err(error.into()),
            Some(Err(error)) if error.is_panic() => {
                Err(Error::Panicked(panics::said(error.into_panic().as_ref())).into())
            }
            _ => Ok(None),
        }
    }

    /// Gives rows back that were not taken.
    pub fn put_back(&mut self, rows: Encoded, taken: usize) {
        if taken < rows.rows() {
            self.rest = Some((rows, taken));
        }
    }
}
