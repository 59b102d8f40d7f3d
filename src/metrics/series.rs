//! Counters, gauges and histograms, each with the values of its labels.

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge;
use prometheus_client::registry::Registry;

/// The values of labels, each with the label's name.
type Labels = Vec<(&'static str, String)>;

fn labels(names: &'static [&'static str], values: &[&str]) -> Labels {
    debug_assert_eq!(names.len(), values.len(), "{names:?}");
    names.iter().zip(values).map(|(name, value)| (*name, (*value).to_string())).collect()
}

/// A number that only rises.
pub struct Counter {
    names: &'static [&'static str],
    family: Family<Labels, counter::Counter>,
}

impl Counter {
    pub const KIND: &'static str = "counter";

    pub(super) fn new(names: &'static [&'static str]) -> Counter {
        let counter = Counter { names, family: Family::default() };
        if names.is_empty() {
            // It is 0 before the first one is counted, and not absent.
            counter.add(&[], 0);
        }
        counter
    }

    pub(super) fn register(&self, name: &str, meaning: &str, registry: &mut Registry) {
        // The encoder adds the ending of counters.
        registry.register(name.trim_end_matches("_total"), meaning, self.family.clone());
    }

    /// Adds to the number of these values of the labels.
    pub fn add(&self, values: &[&str], more: u64) {
        self.family.get_or_create(&labels(self.names, values)).inc_by(more);
    }

    /// Returns the number of these values of the labels.
    pub fn get(&self, values: &[&str]) -> u64 {
        self.family.get(&labels(self.names, values)).map_or(0, |counter| counter.get())
    }
}

/// A number that rises and falls. It is absent until it is known.
pub struct Gauge {
    names: &'static [&'static str],
    family: Family<Labels, gauge::Gauge<f64, AtomicU64>>,
}

impl Gauge {
    pub const KIND: &'static str = "gauge";

    pub(super) fn new(names: &'static [&'static str]) -> Gauge {
        Gauge { names, family: Family::default() }
    }

    pub(super) fn register(&self, name: &str, meaning: &str, registry: &mut Registry) {
        registry.register(name, meaning, self.family.clone());
    }

    /// Sets the number of these values of the labels.
    pub fn set(&self, values: &[&str], number: f64) {
        self.family.get_or_create(&labels(self.names, values)).set(number);
    }

    /// Makes all numbers absent.
    pub fn clear(&self) {
        self.family.clear();
    }
}

/// The upper ends of the buckets of a histogram, in seconds: from the time of a small poll to that of a long outage.
const ENDS: [f64; 21] = [
    10e-6, 25e-6, 50e-6, 100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 5e-3, 10e-3, 25e-3, 50e-3, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0, 30.0, 60.0,
];

#[derive(Debug, Clone, Default)]
struct Counts {
    sum: f64,
    count: u64,
    buckets: [u64; ENDS.len()],
}

impl Counts {
    fn add(&mut self, seconds: f64, times: u64) {
        self.sum += seconds * times as f64;
        self.count += times;
        let bucket = ENDS.partition_point(|end| *end < seconds);
        if let Some(bucket) = self.buckets.get_mut(bucket) {
            *bucket += times;
        }
    }
}

/// How often something took how long.
#[derive(Debug, Clone)]
pub struct Histogram(Arc<Mutex<Counts>>);

impl Histogram {
    pub const KIND: &'static str = "histogram";

    pub(super) fn new(_names: &'static [&'static str]) -> Histogram {
        Histogram(Arc::default())
    }

    pub(super) fn register(&self, name: &str, meaning: &str, registry: &mut Registry) {
        registry.register(name, meaning, self.clone());
    }

    /// Counts times in nanoseconds. A negative one, from clocks that disagree, counts as 0.
    pub fn observe(&self, times: impl IntoIterator<Item = i64>) {
        let mut counts = self.counts();
        for ns in times {
            counts.add(ns.max(0) as f64 / 1e9, 1);
        }
    }

    /// Counts one time, in nanoseconds, for each of several.
    pub fn observe_each(&self, ns: i64, count: u64) {
        self.counts().add(ns.max(0) as f64 / 1e9, count);
    }

    fn counts(&self) -> std::sync::MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EncodeMetric for Histogram {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
        let Counts { sum, count, buckets } = self.counts().clone();
        let buckets: Vec<(f64, u64)> = ENDS.into_iter().zip(buckets).collect();
        encoder.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::prometheus_text::encode;

    use super::*;

    #[test]
    fn a_bucket_holds_what_took_no_longer_than_its_end() {
        let mut registry = Registry::default();
        let histogram = Histogram::new(&[]);
        histogram.register("took_seconds", "How long it took", &mut registry);
        histogram.observe([-5, 10_000, 10_001, 2_000_000_000]);
        histogram.observe_each(3_600_000_000_000, 2);
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        let line = |end: &str| format!("took_seconds_bucket{{le=\"{end}\"}}");
        let value = |of: &str| {
            let line = text.lines().find_map(|found| found.strip_prefix(of)).unwrap_or_else(|| panic!("{of}\n{text}"));
            line.trim().parse::<f64>().unwrap()
        };
        assert_eq!(value(&line("1e-05")), 2.0);
        assert_eq!(value(&line("2.5e-05")), 3.0);
        assert_eq!(value(&line("1")), 3.0);
        assert_eq!((value(&line("2.5")), value(&line("60")), value(&line("+Inf"))), (4.0, 4.0, 6.0));
        assert_eq!(value("took_seconds_count"), 6.0);
        assert!((value("took_seconds_sum") - 7202.000020001).abs() < 1e-6);
    }

    #[test]
    fn labels_may_hold_anything() {
        let mut registry = Registry::default();
        let counter = Counter::new(&["query"]);
        counter.register("rows_total", "Rows", &mut registry);
        counter.add(&["a\"b\\c\nd"], 3);
        assert_eq!(counter.get(&["a\"b\\c\nd"]), 3);
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        assert!(text.contains("rows_total{query=\"a\\\"b\\\\c\\nd\"} 3\n"), "{text}");
    }
}
