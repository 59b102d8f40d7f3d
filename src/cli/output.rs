//! Rows that a command made itself, written in the format that the user chose.

use std::io::{ErrorKind, IsTerminal, Write};
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, StringArray};
use datafusion::arrow::error::ArrowError;

use super::Failure;
use crate::repl::{self, Appearance, Format, Target};

/// Returns rows of text as a batch; an empty cell is NULL.
pub fn batch(names: &[&str], rows: &[Vec<String>]) -> Result<RecordBatch, Failure> {
    let cell = |row: &Vec<String>, column: usize| row.get(column).filter(|cell| !cell.is_empty()).cloned();
    let columns = names.iter().enumerate().map(|(column, name)| {
        let cells: StringArray = rows.iter().map(|row| cell(row, column)).collect();
        (*name, Arc::new(cells) as ArrayRef, true)
    });
    RecordBatch::try_from_iter_with_nullable(columns).map_err(|error| failed(&error))
}

/// Writes a batch to standard output.
pub fn write(format: Format, batch: &RecordBatch) -> Result<(), Failure> {
    Target::default().begin_result(None, format.is_alone())?;
    let width = if std::io::stdout().is_terminal() { repl::terminal_width() } else { None };
    let appearance = Appearance { width, ..Appearance::default() };
    let mut layout = format.begin(batch.schema(), &appearance).map_err(|error| failed(&error))?;
    let head = layout.push(batch).map_err(|error| failed(&error))?;
    text(&[head, layout.finish().map_err(|error| failed(&error))?].concat())
}

/// Writes bytes to standard output. A reader that leaves early is not a failure.
pub fn text(bytes: &[u8]) -> Result<(), Failure> {
    let mut output = std::io::stdout();
    match output.write_all(bytes).and_then(|()| output.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::new(format!("cannot write the result: {error}")))
        }
        _ => Ok(()),
    }
}

fn failed(error: &ArrowError) -> Failure {
    Failure::new(format!("the result cannot be written in this format: {error}")).with_hint("try another `--format`")
}
