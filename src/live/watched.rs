//! A sink whose rows are counted, and of which samples are taken for the proof.

use std::ops::Range;

use async_trait::async_trait;

use super::error::Error;
use super::plan::Emitted;
use super::proof::Sampler;
use super::sink::Sink;
use crate::metrics::Metrics;

/// Passes rows on to another sink.
pub struct Watched {
    inner: Box<dyn Sink>,
    query: String,
    metrics: Metrics,
    sampler: Option<Sampler>,
}

impl Watched {
    /// Watches the rows of a query; without a sampler, they are only counted.
    pub fn new(inner: Box<dyn Sink>, query: &str, metrics: Metrics, sampler: Option<Sampler>) -> Watched {
        metrics.rows.add(&[query], 0);
        Watched { inner, query: query.into(), metrics, sampler }
    }
}

#[async_trait]
impl Sink for Watched {
    async fn begin(&mut self, partition: i32, at: i64) -> Result<i64, Error> {
        self.inner.begin(partition, at).await
    }

    async fn put(&mut self, partition: i32, offsets: Range<i64>, rows: Emitted) -> Result<(), Error> {
        let count = rows.rows.num_rows() as u64;
        let samples = self.sampler.as_ref().map(|sampler| sampler.samples(partition, &rows)).transpose()?;
        self.inner.put(partition, offsets, rows).await?;
        self.metrics.rows.add(&[&self.query], count);
        if let (Some(sampler), Some(samples)) = (&self.sampler, samples) {
            sampler.send(samples);
        }
        Ok(())
    }

    fn looks_back(&self, partition: i32) -> Option<i64> {
        self.inner.looks_back(partition)
    }

    async fn flush(&mut self, all: bool) -> Result<(), Error> {
        self.inner.flush(all).await
    }
}
