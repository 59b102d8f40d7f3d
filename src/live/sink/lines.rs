//! Rows as lines of JSON on standard output: one object a row, with `query`, the query's columns, and `log_partition` and
//! `log_offset`. NULL is `null`, and so is a number that JSON does not have; times are RFC 3339, UTC.

use std::io::{ErrorKind, Write};
use std::ops::Range;

use async_trait::async_trait;
use datafusion::arrow::json::writer::{LineDelimited, WriterBuilder};

use super::Sink;
use crate::live::error::Error;
use crate::live::plan::{Emitted, LivePlan};

/// Writes rows as lines. It remembers nothing: a start begins after what has landed.
pub struct LinesSink {
    /// The beginning of each line.
    begin: Vec<u8>,
    output: Box<dyn Write + Send>,
}

impl LinesSink {
    /// Makes the sink of a query.
    pub fn new(plan: &LivePlan, output: Box<dyn Write + Send>) -> LinesSink {
        // A query's name has only letters, digits and underscores.
        LinesSink { begin: format!("{{\"query\":\"{}\",", plan.name()).into_bytes(), output }
    }
}

#[async_trait]
impl Sink for LinesSink {
    fn begin(&mut self, _partition: i32, at: i64) -> Result<i64, Error> {
        Ok(at)
    }

    async fn put(&mut self, _partition: i32, _offsets: Range<i64>, rows: Emitted) -> Result<(), Error> {
        if rows.rows.num_rows() == 0 {
            return Ok(());
        }
        let mut writer =
            WriterBuilder::new().with_explicit_nulls(true).build::<_, LineDelimited>(Vec::new());
        let written = writer.write(&rows.rows).and_then(|()| writer.finish());
        written.map_err(|error| Error::Encode { problem: error.to_string() })?;
        let objects = writer.into_inner();
        let mut lines = Vec::with_capacity(objects.len() + rows.rows.num_rows() * self.begin.len());
        for object in objects.split(|byte| *byte == b'\n').filter(|object| !object.is_empty()) {
            lines.extend_from_slice(&self.begin);
            // Every row has a column, so the object does not end at once.
            lines.extend_from_slice(&object[1..]);
            lines.push(b'\n');
        }
        let written = self.output.write_all(&lines).and_then(|()| self.output.flush());
        written.map_err(|error| match error.kind() {
            ErrorKind::BrokenPipe => Error::Closed,
            _ => Error::File { path: "standard output".into(), source: error },
        })
    }

    async fn flush(&mut self, _all: bool) -> Result<(), Error> {
        Ok(())
    }
}
