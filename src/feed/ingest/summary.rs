//! A summary, for people, of what was received.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat};

use super::Latencies;
use crate::feed::client::{Event, EventKind};
use crate::feed::exchange::Holds;

/// Counts of what was received.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    pub messages: u64,
    pub ticks: u64,
    pub control: u64,
    pub unreadable: u64,
    pub gaps: u64,
    pub missing: u64,
    pub silences: u64,
    pub product_silences: u64,
    pub reconnections: u64,
    /// Nanoseconds since 1970, UTC.
    pub first_event_time: Option<i64>,
    pub last_event_time: Option<i64>,
    /// From a message's receipt until it is durable in the log.
    pub from_receipt: Latencies,
    /// From a tick's event time, by the exchange's clock, until it is durable in the log, by ours.
    pub from_exchange: Latencies,
}

/// If the exchange's time is further away than this from ours, the feed is a simulated or a recorded one.
const NOT_LIVE: Duration = Duration::from_secs(3600);

impl Summary {
    /// Counts one message.
    pub fn count(&mut self, holds: &Holds) {
        self.messages += 1;
        match holds {
            Holds::Ticks { event_time, .. } => {
                self.ticks += holds.ticks();
                self.first_event_time = self.first_event_time.or(*event_time);
                self.last_event_time = event_time.or(self.last_event_time);
            }
            Holds::Control | Holds::Error { .. } => self.control += 1,
            Holds::Unreadable => self.unreadable += 1,
        }
    }

    /// Counts an event of a connection.
    pub fn note(&mut self, event: &Event) {
        match &event.kind {
            EventKind::Gap(gap) => {
                self.gaps += 1;
                // The server may send any number, so the sum may be too large.
                self.missing = self.missing.saturating_add(gap.missing());
            }
            EventKind::Silence { .. } => self.silences += 1,
            EventKind::ProductSilence { .. } => self.product_silences += 1,
            EventKind::Reconnecting { .. } => self.reconnections += 1,
            EventKind::Connected
            | EventKind::ProductResumed { .. }
            | EventKind::ServerError { .. }
            | EventKind::Closed { .. } => {}
        }
    }

    /// Adds the counts of a later batch.
    pub fn add(&mut self, batch: Summary) {
        self.messages += batch.messages;
        self.ticks += batch.ticks;
        self.control += batch.control;
        self.unreadable += batch.unreadable;
        self.first_event_time = self.first_event_time.or(batch.first_event_time);
        self.last_event_time = batch.last_event_time.or(self.last_event_time);
    }

    /// Counts the latencies of messages that are durable since `now`; each has its time of receipt and its event time.
    pub fn durable(&mut self, times: &[(i64, Option<i64>)], now: i64) {
        for (received_at, event_time) in times {
            self.from_receipt.count(now.saturating_sub(*received_at));
            if let Some(event_time) = event_time {
                self.from_exchange.count(now.saturating_sub(*event_time));
            }
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "messages       {}", self.messages)?;
        writeln!(f, "ticks          {}", self.ticks)?;
        writeln!(f, "control        {}", self.control)?;
        writeln!(f, "unreadable     {}", self.unreadable)?;
        writeln!(f, "gaps           {} ({} messages missing)", self.gaps, self.missing)?;
        match self.product_silences {
            0 => writeln!(f, "silences       {}", self.silences)?,
            n => writeln!(f, "silences       {} ({n} of single products beside)", self.silences)?,
        }
        writeln!(f, "reconnections  {}", self.reconnections)?;
        writeln!(f, "first event    {}", time(self.first_event_time))?;
        writeln!(f, "last event     {}", time(self.last_event_time))?;
        writeln!(f, "receipt to log {}", latencies(&self.from_receipt))?;
        match self.from_exchange.quantile(0.5) {
            Some(median) if median < NOT_LIVE => {
                writeln!(f, "event to log   {}", latencies(&self.from_exchange))
            }
            _ => Ok(()),
        }
    }
}

fn time(nanoseconds: Option<i64>) -> String {
    let text = |time| DateTime::from_timestamp_nanos(time).to_rfc3339_opts(SecondsFormat::AutoSi, true);
    nanoseconds.map_or("none".into(), text)
}

fn latencies(latencies: &Latencies) -> String {
    let (Some(median), Some(high)) = (latencies.quantile(0.5), latencies.quantile(0.99)) else { return "none".into() };
    let ms = |duration: Duration| format!("{:.1}", duration.as_secs_f64() * 1e3);
    format!("p50 {} ms, p99 {} ms, most {} ms", ms(median), ms(high), ms(latencies.most()))
}
