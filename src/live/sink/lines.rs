//! Rows as lines of JSON on standard output: one object a row, with `query`, the query's columns, and `log_partition` and
//! `log_offset`; and `model` and `model_version` if the query scores with models. NULL is `null`, and so is a number that JSON does not have; times are RFC 3339, UTC.

use std::io::{ErrorKind, Write};
use std::ops::Range;

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::json::writer::{LineDelimited, WriterBuilder};

use super::form::{Form, not_encoded};
use super::{Reached, Sink};
use crate::live::error::Error;
use crate::live::plan::{Emitted, LivePlan};

/// Writes rows of a query as lines.
pub struct Lines {
    form: Form,
    /// The beginning of each line.
    begin: Vec<u8>,
}

impl Lines {
    /// Makes the form of a query's rows.
    pub fn of(plan: &LivePlan) -> Lines {
        // A query's name has only letters, digits and underscores.
        Lines { form: Form::of(plan), begin: format!("{{\"query\":\"{}\",", plan.name()).into_bytes() }
    }

    /// Returns the form of the rows.
    pub fn form(&self) -> &Form {
        &self.form
    }

    /// Returns rows as lines; each ends with a line break.
    ///
    /// # Errors
    /// A column has a type that JSON cannot hold.
    pub fn write(&self, rows: &RecordBatch) -> Result<Vec<u8>, Error> {
        if rows.num_rows() == 0 {
            return Ok(Vec::new());
        }
        let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, LineDelimited>(Vec::new());
        let rows = self.form.filled(rows)?;
        let written = writer.write(&rows).and_then(|()| writer.finish());
        written.map_err(not_encoded)?;
        let objects = writer.into_inner();
        let mut lines = Vec::with_capacity(objects.len() + rows.num_rows() * self.begin.len());
        for object in objects.split(|byte| *byte == b'\n').filter(|object| !object.is_empty()) {
            lines.extend_from_slice(&self.begin);
            // Every row has a column, so the object does not end at once.
            lines.extend_from_slice(&object[1..]);
            lines.push(b'\n');
        }
        Ok(lines)
    }
}

/// Writes rows as lines. A command begins after what has landed; it remembers nothing of commands before.
pub struct LinesSink {
    lines: Lines,
    reached: Reached,
    output: Box<dyn Write + Send>,
}

impl LinesSink {
    /// Makes the sink of a query.
    pub fn new(plan: &LivePlan, reached: Reached, output: Box<dyn Write + Send>) -> LinesSink {
        LinesSink { lines: Lines::of(plan), reached, output }
    }
}

#[async_trait]
impl Sink for LinesSink {
    async fn begin(&mut self, partition: i32, at: i64) -> Result<i64, Error> {
        Ok(self.reached.begin(self.lines.form().query(), partition, at))
    }

    async fn put(&mut self, partition: i32, offsets: Range<i64>, rows: Emitted) -> Result<(), Error> {
        let lines = self.lines.write(&rows.rows)?;
        if !lines.is_empty() {
            let written = self.output.write_all(&lines).and_then(|()| self.output.flush());
            written.map_err(|error| match error.kind() {
                ErrorKind::BrokenPipe => Error::Closed,
                _ => Error::File { path: "standard output".into(), source: error },
            })?;
        }
        self.reached.note(self.lines.form().query(), partition, offsets.end);
        Ok(())
    }

    async fn flush(&mut self, _all: bool) -> Result<(), Error> {
        Ok(())
    }
}
