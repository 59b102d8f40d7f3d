//! Rows that are only looked at on their way, as the board does: nothing is kept of them.

use std::ops::Range;

use async_trait::async_trait;

use super::{Reached, Sink};
use crate::live::error::Error;
use crate::live::plan::Emitted;

/// Takes rows and keeps nothing.
pub struct NowhereSink {
    query: String,
    reached: Reached,
}

impl NowhereSink {
    /// Makes the sink of a query.
    pub fn new(query: &str, reached: Reached) -> NowhereSink {
        NowhereSink { query: query.into(), reached }
    }
}

#[async_trait]
impl Sink for NowhereSink {
    async fn begin(&mut self, partition: i32, at: i64) -> Result<i64, Error> {
        Ok(self.reached.begin(&self.query, partition, at))
    }

    async fn put(&mut self, partition: i32, offsets: Range<i64>, _rows: Emitted) -> Result<(), Error> {
        self.reached.note(&self.query, partition, offsets.end);
        Ok(())
    }

    async fn flush(&mut self, _all: bool) -> Result<(), Error> {
        Ok(())
    }
}
