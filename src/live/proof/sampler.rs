//! Takes samples of emitted rows.

use std::collections::BTreeMap;
use std::sync::mpsc::SyncSender;
use std::time::Instant;

use datafusion::arrow::array::{AsArray, RecordBatch, UInt32Array};
use datafusion::arrow::compute::{cast, take_record_batch};
use datafusion::arrow::datatypes::{DataType, TimestampNanosecondType};
use datafusion::error::DataFusionError;

use crate::live::error::Error;
use crate::live::plan::{Emitted, LivePlan};
use crate::metrics::Metrics;

/// The rows that a query gave for one tick.
pub struct Sample {
    pub query: String,
    pub partition: i32,
    pub offset: i64,
    pub product: String,
    /// Nanoseconds since 1970, UTC.
    pub ts: i64,
    /// A copy, which does not keep the memory of the rows beside them.
    pub rows: RecordBatch,
    pub since: Instant,
}

/// Takes samples of the rows of a query.
pub struct Sampler {
    query: String,
    /// The positions of the columns with a row's product and time.
    key: [usize; 2],
    every: u64,
    sender: SyncSender<Sample>,
    metrics: Metrics,
}

impl Sampler {
    pub(super) fn new(plan: &LivePlan, every: u64, sender: SyncSender<Sample>, metrics: Metrics) -> Sampler {
        // The plan's own columns are among those of its rows.
        let key = plan.key().map(|name| plan.schema().index_of(name).unwrap_or_default());
        Sampler { query: plan.name().into(), key, every, sender, metrics }
    }

    /// Returns the samples among rows of a partition. Offsets for which the query has no row give none.
    ///
    /// # Errors
    /// The rows have no product or time, which no live plan gives.
    pub fn samples(&self, partition: i32, emitted: &Emitted) -> Result<Vec<Sample>, Error> {
        let mut samples = Vec::new();
        let mut at = 0;
        for rows in emitted.offsets.chunk_by(|one, other| one == other) {
            // There is a row.
            let offset = rows[0];
            if offset.unsigned_abs().is_multiple_of(self.every) {
                let taken = self.taken(partition, offset, &emitted.rows.slice(at, rows.len()));
                samples.extend(taken.map_err(|source| Error::query(&self.query, source))?);
            }
            at += rows.len();
        }
        Ok(samples)
    }

    /// Returns the rows of an offset, divided by their ticks.
    fn taken(&self, partition: i32, offset: i64, rows: &RecordBatch) -> Result<Vec<Sample>, DataFusionError> {
        let [product, time] = self.key;
        let products = cast(rows.column(product), &DataType::Utf8)?;
        let wrong = || DataFusionError::Internal("the time of a row is of another type".into());
        let times = rows.column(time).as_primitive_opt::<TimestampNanosecondType>().ok_or_else(wrong)?;
        let mut ticks: BTreeMap<(&str, i64), Vec<u32>> = BTreeMap::new();
        for (row, number) in (0..rows.num_rows()).zip(0..) {
            ticks.entry((products.as_string::<i32>().value(row), times.value(row))).or_default().push(number);
        }
        let sample = |((product, ts), numbers): ((&str, i64), Vec<u32>)| {
            let rows = take_record_batch(rows, &UInt32Array::from(numbers))?;
            let (query, product, since) = (self.query.clone(), product.to_string(), Instant::now());
            Ok(Sample { query, partition, offset, product, ts, rows, since })
        };
        ticks.into_iter().map(sample).collect()
    }

    /// Passes samples on. If the queue is full, it drops and counts them.
    pub fn send(&self, samples: Vec<Sample>) {
        for sample in samples {
            if self.sender.try_send(sample).is_err() {
                self.metrics.parity_skipped.add(&[&self.query], 1);
            }
        }
    }
}
