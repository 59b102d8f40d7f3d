//! One statement, run and written.
//!
//! In: a statement. Out: its result on a writer, batch by batch, and how many rows that were.

use std::io::Write;

use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;

use super::output::{Format, Printer};
use crate::catalog::{self, Session};
use crate::error::Hint;

/// How a result is written.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    pub format: Format,
    /// The most rows written of one result; the query ends there.
    pub limit: Option<usize>,
    /// The most characters that a table's line takes.
    pub width: Option<usize>,
}

/// What was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    pub rows: usize,
    /// 0 for a statement that returns nothing, such as CREATE TABLE.
    pub columns: usize,
    /// Whether the result had more rows than the limit.
    pub more: bool,
    /// Columns that the table had no room for.
    pub hidden_columns: usize,
}

/// Why a statement did not run to its end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Statement(#[from] catalog::Error),
    #[error("query failed")]
    Query(#[from] DataFusionError),
    #[error("the result cannot be written in this format")]
    Format(#[from] datafusion::arrow::error::ArrowError),
    #[error("cannot write the result")]
    Write(#[from] std::io::Error),
}

impl Error {
    /// Returns whether the reader of our output is gone, as `head` is after its lines. That is not a failure.
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Error::Write(error) if error.kind() == std::io::ErrorKind::BrokenPipe)
    }
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Error::Statement(error) => error.hint(),
            Error::Format(_) => Some("try another `--format`, or CAST the column to VARCHAR".into()),
            Error::Query(_) | Error::Write(_) => None,
        }
    }
}

/// Runs one statement and writes its result as it comes.
///
/// # Errors
/// A statement that fails, before its first row or later; rows that were written stay written.
pub async fn run(
    session: &Session,
    statement: &str,
    style: Style,
    writer: &mut (dyn Write + Send),
) -> Result<Written, Error> {
    let stream = session.sql(statement).await?.execute_stream().await?;
    write(stream, style, writer).await
}

async fn write(
    mut stream: SendableRecordBatchStream,
    style: Style,
    writer: &mut (dyn Write + Send),
) -> Result<Written, Error> {
    let schema = stream.schema();
    let mut written = Written { columns: schema.fields().len(), ..Written::default() };
    if written.columns == 0 {
        // There is nothing to show, but reading the stream may do the statement's work.
        while let Some(batch) = stream.next().await {
            batch?;
        }
        return Ok(written);
    }
    let mut printer = Printer::new(style.format, schema, style.width);
    while let Some(batch) = stream.next().await {
        let mut batch = batch?;
        if let Some(limit) = style.limit
            && written.rows + batch.num_rows() > limit
        {
            batch = batch.slice(0, limit - written.rows);
            written.more = true;
        }
        written.rows += batch.num_rows();
        writer.write_all(&printer.push(&batch)?)?;
        if written.more {
            break;
        }
    }
    writer.write_all(&printer.finish()?)?;
    writer.flush()?;
    written.hidden_columns = printer.hidden_columns();
    Ok(written)
}
