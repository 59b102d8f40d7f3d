//! A histogram of latencies: counts in buckets of about 6 % width, so that millions of latencies take 8 KB.

use std::time::Duration;

/// Each power of two is split into this many buckets, as a power of two.
const SPLIT_BITS: u32 = 4;
const SPLIT: usize = 1 << SPLIT_BITS;
const BUCKETS: usize = 64 * SPLIT;

/// Counts of latencies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Latencies {
    counts: Vec<u64>,
    most: u64,
}

impl Default for Latencies {
    fn default() -> Self {
        Latencies { counts: vec![0; BUCKETS], most: 0 }
    }
}

impl Latencies {
    /// Counts one latency in nanoseconds. A negative one, from clocks that disagree, counts as 0.
    pub fn count(&mut self, nanoseconds: i64) {
        let nanoseconds = u64::try_from(nanoseconds).unwrap_or(0);
        self.counts[bucket(nanoseconds)] += 1;
        self.most = self.most.max(nanoseconds);
    }

    /// Returns the latency that a share of all latencies, in [0, 1], does not exceed; `None` if there is none. It is the upper
    /// end of a bucket, so it is at most 1/16 too high.
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let all: u64 = self.counts.iter().sum();
        let wanted = ((all as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return Some(Duration::from_nanos(end(index).min(self.most)));
            }
        }
        None
    }

    /// Returns the highest latency.
    pub fn most(&self) -> Duration {
        Duration::from_nanos(self.most)
    }
}

/// Returns the bucket of a value: its power of two and the bits behind the first one. Values below `SPLIT` have their own.
fn bucket(value: u64) -> usize {
    if value < SPLIT as u64 {
        return value as usize;
    }
    let power = value.ilog2();
    let rest = (value >> (power - SPLIT_BITS)) as usize - SPLIT;
    (power - SPLIT_BITS + 1) as usize * SPLIT + rest
}

/// Returns the highest value of a bucket.
fn end(index: usize) -> u64 {
    let (power, rest) = (index / SPLIT, index % SPLIT);
    match power {
        0 => rest as u64,
        // The highest bucket that a value can have ends at 2^64 - 1.
        power => ((SPLIT + rest + 1) as u128 * (1_u128 << (power - 1)) - 1) as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_follow_each_other_without_a_hole() {
        let mut before = None;
        for index in 0..bucket(u64::MAX) {
            let end = end(index);
            assert_eq!(bucket(end), index);
            assert_eq!(bucket(end + 1), index + 1);
            assert!(before.is_none_or(|before| before < end));
            before = Some(end);
        }
        assert_eq!(end(bucket(u64::MAX)), u64::MAX);
    }

    #[test]
    fn quantiles_are_at_most_a_sixteenth_too_high() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.quantile(0.5), None);
        for ms in 1..=1000 {
            latencies.count(ms * 1_000_000);
        }
        for (share, ms) in [(0.5, 500), (0.99, 990), (1.0, 1000)] {
            let found = latencies.quantile(share).expect("counted").as_micros() as f64 / 1000.0;
            assert!(found >= f64::from(ms) && found <= f64::from(ms) * 17.0 / 16.0, "{share}: {found}");
        }
        assert_eq!(latencies.most(), Duration::from_secs(1));
        latencies.count(-5);
        assert_eq!(latencies.quantile(0.0), Some(Duration::ZERO));
    }
}
