//! How long rows take: a histogram whose buckets are at most an eighth wide.

use std::time::Duration;

/// Buckets of each doubling of time.
const PER_DOUBLING: usize = 8;

/// How many rows took how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Latency {
    counts: Vec<u64>,
}

impl Default for Latency {
    fn default() -> Self {
        Latency { counts: vec![0; 64 * PER_DOUBLING] }
    }
}

impl Latency {
    /// Counts rows that took so long.
    pub fn add(&mut self, took: Duration, rows: u64) {
        let ns = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.counts[bucket(ns)] += rows;
    }

    /// Adds the rows of another.
    pub fn merge(&mut self, other: &Latency) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
    }

    /// Returns the number of rows.
    pub fn rows(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Returns the time within which this share of the rows was done. It may be an eighth too long. `None` without rows.
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let rows = self.rows();
        if rows == 0 {
            return None;
        }
        // The rank is at least 1 and at most the number of rows.
        let rank = ((rows as f64 * share).ceil() as u64).clamp(1, rows);
        let mut seen = 0;
        let found = self.counts.iter().position(|count| {
            seen += count;
            seen >= rank
        });
        found.map(|bucket| Duration::from_nanos(highest(bucket)))
    }
}

/// Returns the bucket of a time in nanoseconds.
fn bucket(ns: u64) -> usize {
    if ns < PER_DOUBLING as u64 {
        return ns as usize;
    }
    let doublings = 63 - ns.leading_zeros() as usize;
    let step = (ns >> (doublings - 3)) as usize - PER_DOUBLING;
    (doublings - 2) * PER_DOUBLING + step
}

/// Returns the longest time of a bucket.
fn highest(bucket: usize) -> u64 {
    if bucket < PER_DOUBLING {
        return bucket as u64;
    }
    let (doublings, step) = (bucket / PER_DOUBLING + 2, bucket % PER_DOUBLING);
    let lowest = ((PER_DOUBLING + step) as u64) << (doublings - 3);
    lowest + ((1u64 << (doublings - 3)) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_the_times_up_to_its_highest() {
        for ns in (0..100_000).chain([u64::MAX / 3, u64::MAX]) {
            let found = highest(bucket(ns));
            assert!(found >= ns, "{ns}");
            assert!(found - ns <= ns / 8, "{ns} is counted as {found}");
            assert_eq!(bucket(found), bucket(ns));
        }
    }

    #[test]
    fn quantiles_are_those_of_the_rows() {
        let mut latency = Latency::default();
        assert_eq!(latency.quantile(0.5), None);
        latency.add(Duration::from_micros(10), 99);
        latency.add(Duration::from_millis(10), 1);
        assert_eq!(latency.rows(), 100);
        let us = |share| latency.quantile(share).map(|time| time.as_micros());
        assert!(us(0.99).is_some_and(|us| (10..12).contains(&us)));
        assert!(us(1.0).is_some_and(|us| (10_000..11_250).contains(&us)));
    }
}
