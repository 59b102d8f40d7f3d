//! What ingest counts in the metrics.

use super::Summary;
use crate::feed::client::EventKind;
use crate::metrics::Metrics;

/// Counts messages that are durable since `now`; `times` are as for [`Summary::durable`].
pub fn durable(metrics: &Metrics, batch: &Summary, bytes: u64, times: &[(i64, Option<i64>)], now: i64) {
    metrics.messages.add(&[], batch.messages);
    metrics.bytes.add(&[], bytes);
    metrics.control.add(&[], batch.control);
    metrics.dead_letters.add(&[], batch.unreadable);
    metrics.received_ticks.add(&[], batch.ticks);
    metrics.receive_to_log.observe(times.iter().map(|(received_at, _)| now.saturating_sub(*received_at)));
    let from_exchange =
        times.iter().filter_map(|(received_at, event_time)| Some(received_at.saturating_sub((*event_time)?)));
    metrics.exchange_to_receive.observe(from_exchange);
    if let Some(event_time) = batch.last_event_time {
        metrics.event(0, event_time);
    }
}

/// Counts an event of a connection.
pub fn event(metrics: &Metrics, kind: &EventKind) {
    match kind {
        EventKind::Connected => {
            metrics.connected.set(&[], 1.0);
            metrics.well("exchange");
        }
        EventKind::Gap(gap) => {
            metrics.gaps.add(&[], 1);
            metrics.missing.add(&[], gap.missing());
        }
        EventKind::Silence { .. } => metrics.silences.add(&["connection"], 1),
        EventKind::ProductSilence { .. } => metrics.silences.add(&["product"], 1),
        EventKind::Reconnecting { reason, .. } => {
            metrics.reconnects.add(&[], 1);
            metrics.connected.set(&[], 0.0);
            metrics.unwell("exchange", reason.clone());
        }
        EventKind::Closed { reason } => {
            metrics.connected.set(&[], 0.0);
            metrics.unwell("exchange", reason.clone());
        }
        EventKind::ProductResumed { .. } | EventKind::ServerError { .. } => {}
    }
}
