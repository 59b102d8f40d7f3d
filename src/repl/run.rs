//! Runs one statement and writes its result.
//!
//! In: a statement. Out: its result on a writer, batch by batch, and the number of rows. Planning and computing happen in tasks
//! of their own, which end when the caller drops the future. So Ctrl-C works at any time, whatever the engine does.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::StreamExt;
use tokio::sync::mpsc;
use tokio::task::{JoinSet, yield_now};

use super::format::{Appearance, Format};
use super::progress::Progress;
use crate::catalog::{self, Session, Wanted};
use crate::error::Hint;
use crate::error::panics::{self, Quiet};

/// Output is written in pieces of so many bytes; between them, the shell looks whether Ctrl-C was pressed.
const PIECE: usize = 16 << 10;

/// How to write a result.
#[derive(Debug, Clone)]
pub struct Style {
    pub format: Format,
    /// The most rows that are written of one result; the query stops there.
    pub limit: Option<usize>,
    pub appearance: Appearance,
}

/// What was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    pub rows: usize,
    /// 0 for a statement that returns nothing, such as CREATE TABLE.
    pub columns: usize,
    /// Whether the result had more rows than the limit.
    pub more: bool,
    /// How many columns did not fit into the table.
    pub hidden_columns: usize,
}

/// Why a statement did not finish.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Statement(#[from] catalog::Error),
    #[error("query failed")]
    Query(#[from] DataFusionError),
    #[error("the engine stopped at a fault of its own: {0}")]
    Panicked(String),
    #[error("the result cannot be written in this format")]
    Format(#[from] datafusion::arrow::error::ArrowError),
    #[error("cannot write the result")]
    Write(#[from] std::io::Error),
}

impl Error {
    /// Returns whether the reader of our output is gone, for example because `head` has read enough lines. That is not a
    /// failure.
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Error::Write(error) if error.kind() == std::io::ErrorKind::BrokenPipe)
    }
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Error::Statement(error) => error.hint(),
            Error::Format(_) => Some("try another `--format`, or CAST the column to VARCHAR".into()),
            Error::Panicked(_) => Some("a smaller statement that fails in the same way helps to mend it".into()),
            Error::Query(_) | Error::Write(_) => None,
        }
    }
}

/// Runs one statement and writes its result as the rows come.
///
/// # Errors
/// The statement fails, before its first row or later; rows that were written stay written.
pub async fn run(
    session: &Arc<Session>,
    statement: &str,
    style: &Style,
    writer: &mut (dyn Write + Send),
    mut progress: Progress,
) -> Result<Written, Error> {
    let _quiet = Quiet::begin();
    let (plan, context) = plan(session, statement, &mut progress).await?;
    let wanted = Wanted::default();
    let plan = wanted.plan(plan)?;
    progress.watch(&plan);
    let batches = Batches::of(started(plan, context)?);
    write(batches, style, writer, &mut progress).await
}

/// Runs a query and returns its rows.
///
/// # Errors
/// The query fails.
pub async fn collect(session: &Arc<Session>, query: &str, mut progress: Progress) -> Result<Vec<RecordBatch>, Error> {
    let _quiet = Quiet::begin();
    let (plan, context) = plan(session, query, &mut progress).await?;
    let wanted = Wanted::default();
    let plan = wanted.plan(plan)?;
    progress.watch(&plan);
    let mut batches = Batches::of(started(plan, context)?);
    let mut collected = Vec::new();
    while let Some(batch) = batches.next(&mut progress).await? {
        collected.push(batch);
    }
    Ok(collected)
}

/// Plans a statement. What is not a query, such as CREATE TABLE or CREATE MODEL, is carried out here.
async fn plan(
    session: &Arc<Session>,
    statement: &str,
    progress: &mut Progress,
) -> Result<(Arc<dyn ExecutionPlan>, Arc<TaskContext>), Error> {
    let (session, statement) = (Arc::clone(session), statement.to_string());
    // Dropping the set ends its task.
    let mut planning = JoinSet::new();
    planning.spawn(async move {
        let frame = session.sql(&statement).await?;
        let context = Arc::new(frame.task_ctx());
        Ok((frame.create_physical_plan().await?, context))
    });
    loop {
        tokio::select! {
            Some(joined) = planning.join_next() => {
                // Nothing else ends the task, so it must have panicked.
                return joined.unwrap_or_else(|error| Err(Error::Panicked(panics::said(error.into_panic().as_ref()))));
            }
            () = progress.tick() => {}
        }
    }
}

/// Starts to execute a plan.
fn started(plan: Arc<dyn ExecutionPlan>, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream, Error> {
    // What a panic leaves behind is dropped with it.
    match catch_unwind(AssertUnwindSafe(|| execute_stream(plan, context))) {
        Ok(stream) => Ok(stream?),
        Err(panic) => Err(Error::Panicked(panics::said(panic.as_ref()))),
    }
}

/// The batches of a result, which a task computes.
struct Batches {
    schema: SchemaRef,
    receiver: mpsc::Receiver<Result<RecordBatch, DataFusionError>>,
    /// Dropping the set ends its task.
    task: JoinSet<()>,
}

impl Batches {
    fn of(mut stream: SendableRecordBatchStream) -> Batches {
        let schema = stream.schema();
        let (sender, receiver) = mpsc::channel(2);
        let mut task = JoinSet::new();
        task.spawn(async move {
            while let Some(batch) = stream.next().await {
                if sender.send(batch).await.is_err() {
                    break;
                }
            }
        });
        Batches { schema, receiver, task }
    }

    async fn next(&mut self, progress: &mut Progress) -> Result<Option<RecordBatch>, Error> {
        loop {
            tokio::select! {
                batch = self.receiver.recv() => match batch {
                    Some(batch) => return Ok(Some(batch?)),
                    None => break,
                },
                () = progress.tick() => {}
            }
        }
        // A panic must not look like the end of the rows.
        match self.task.join_next().await {
            Some(Err(error)) if error.is_panic() => Err(Error::Panicked(panics::said(error.into_panic().as_ref()))),
            _ => Ok(None),
        }
    }
}

async fn write(
    mut batches: Batches,
    style: &Style,
    writer: &mut (dyn Write + Send),
    progress: &mut Progress,
) -> Result<Written, Error> {
    let mut written = Written { columns: batches.schema.fields().len(), ..Written::default() };
    if written.columns == 0 {
        // There is nothing to show, but reading the batches is what executes the statement.
        while batches.next(progress).await?.is_some() {}
        return Ok(written);
    }
    let mut layout = style.format.begin(Arc::clone(&batches.schema), &style.appearance)?;
    while let Some(mut batch) = batches.next(progress).await? {
        if let Some(limit) = style.limit
            && written.rows + batch.num_rows() > limit
        {
            batch = batch.slice(0, limit - written.rows);
            written.more = true;
        }
        written.rows += batch.num_rows();
        put(&layout.push(&batch)?, writer, progress).await?;
        if written.more {
            break;
        }
    }
    put(&layout.finish()?, writer, progress).await?;
    progress.end();
    writer.flush()?;
    written.hidden_columns = layout.hidden_columns();
    Ok(written)
}

async fn put(bytes: &[u8], writer: &mut (dyn Write + Send), progress: &mut Progress) -> Result<(), Error> {
    for piece in bytes.chunks(PIECE) {
        progress.before_output();
        writer.write_all(piece)?;
        yield_now().await;
    }
    Ok(())
}
