//! What reading and landing count in the metrics.

use super::read::Chunk;
use super::summary::Summary;
use crate::metrics::Metrics;
use crate::tick::Status;

/// Counts messages that were read from a partition of the log.
pub fn read(metrics: &Metrics, partition: i32, chunk: &Chunk) {
    metrics.turned();
    let Chunk { summary, rows, bytes, .. } = chunk;
    metrics.messages.add(&[], summary.messages);
    metrics.bytes.add(&[], *bytes);
    metrics.control.add(&[], summary.control.values().sum());
    metrics.dead_letters.add(&[], summary.dead.values().sum());
    let now = metrics.now();
    metrics.receive_to_consume.observe(rows.ingest_time.iter().map(|received| now.saturating_sub(*received)));
    if let Some(time) = rows.ticks.event_time.last() {
        metrics.event(partition, *time);
    }
}

/// Counts the ticks of messages by status.
pub fn ticks(metrics: &Metrics, summary: &Summary) {
    for status in Status::ALL {
        metrics.ticks.add(&[&status.to_string()], summary.rows(status));
    }
}

/// Counts messages that have landed, in one file.
pub fn landed(metrics: &Metrics, summary: &Summary) {
    metrics.landed_messages.add(&[], summary.messages);
    metrics.landed_files.add(&[], 1);
    metrics.gaps.add(&[], summary.gaps.len() as u64);
    metrics.missing.add(&[], summary.gaps.iter().map(|gap| u64::try_from(gap.missing()).unwrap_or(0)).sum());
    ticks(metrics, summary);
}
