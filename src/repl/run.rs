//! Runs one statement and writes its result.
//!
//! In: a statement. Out: its result on a writer, batch by batch, and the number of rows.

use std::io::Write;

use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;

use super::format::{Appearance, Format};
use crate::catalog::{self, Session};
use crate::error::Hint;

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
            Error::Query(_) | Error::Write(_) => None,
        }
    }
}

/// Runs one statement and writes its result as the rows come.
///
/// # Errors
/// The statement fails, before its first row or later; rows that were written stay written.
pub async fn run(
    session: &Session,
    statement: &str,
    style: &Style,
    writer: &mut (dyn Write + Send),
) -> Result<Written, Error> {
    let stream = session.sql(statement).await?.execute_stream().await?;
    write(stream, style, writer).await
}

async fn write(
    mut stream: SendableRecordBatchStream,
    style: &Style,
    writer: &mut (dyn Write + Send),
) -> Result<Written, Error> {
    let schema = stream.schema();
    let mut written = Written { columns: schema.fields().len(), ..Written::default() };
    if written.columns == 0 {
        // There is nothing to show, but reading the stream may be what executes the statement.
        while let Some(batch) = stream.next().await {
            batch?;
        }
        return Ok(written);
    }
    let mut layout = style.format.begin(schema, &style.appearance);
    while let Some(batch) = stream.next().await {
        let mut batch = batch?;
        if let Some(limit) = style.limit
            && written.rows + batch.num_rows() > limit
        {
            batch = batch.slice(0, limit - written.rows);
            written.more = true;
        }
        written.rows += batch.num_rows();
        writer.write_all(&layout.push(&batch)?)?;
        if written.more {
            break;
        }
    }
    writer.write_all(&layout.finish()?)?;
    writer.flush()?;
    written.hidden_columns = layout.hidden_columns();
    Ok(written)
}
