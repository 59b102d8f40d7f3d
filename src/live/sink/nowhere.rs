//! Rows that are only looked at on their way, as the board does: nothing is kept of them.

use std::collections::BTreeMap;
use std::ops::Range;

use async_trait::async_trait;

use super::Sink;
use crate::live::error::Error;
use crate::live::plan::Emitted;

/// Takes rows and keeps nothing.
pub struct NowhereSink {
    /// The first offset of each partition that this command has not passed on.
    next: BTreeMap<i32, i64>,
}

impl NowhereSink {
    /// Makes the sink; `next` says where the command goes on, if it has passed on rows of a partition.
    pub fn new(next: BTreeMap<i32, i64>) -> NowhereSink {
        NowhereSink { next }
    }
}

#[async_trait]
impl Sink for NowhereSink {
    async fn begin(&mut self, partition: i32, at: i64) -> Result<i64, Error> {
        Ok(self.next.get(&partition).copied().unwrap_or(at))
    }

    async fn put(&mut self, _partition: i32, _offsets: Range<i64>, _rows: Emitted) -> Result<(), Error> {
        Ok(())
    }

    async fn flush(&mut self, _all: bool) -> Result<(), Error> {
        Ok(())
    }
}
