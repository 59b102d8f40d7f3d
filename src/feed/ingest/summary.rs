//! A summary, for people, of what was received.

use std::fmt;

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
    pub reconnections: u64,
    pub first_event_time: Option<String>,
    pub last_event_time: Option<String>,
}

impl Summary {
    /// Counts one message.
    pub fn count(&mut self, holds: &Holds) {
        self.messages += 1;
        match holds {
            Holds::Ticks { count, event_time, .. } => {
                self.ticks += count;
                if let Some(time) = event_time {
                    self.first_event_time.get_or_insert_with(|| time.clone());
                    self.last_event_time = Some(time.clone());
                }
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
            EventKind::Reconnecting { .. } => self.reconnections += 1,
            EventKind::Connected | EventKind::ServerError { .. } | EventKind::Closed { .. } => {}
        }
    }

    /// Adds the counts of a later batch.
    pub fn add(&mut self, batch: Summary) {
        self.messages += batch.messages;
        self.ticks += batch.ticks;
        self.control += batch.control;
        self.unreadable += batch.unreadable;
        self.first_event_time = self.first_event_time.take().or(batch.first_event_time);
        self.last_event_time = batch.last_event_time.or(self.last_event_time.take());
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "messages       {}", self.messages)?;
        writeln!(f, "ticks          {}", self.ticks)?;
        writeln!(f, "control        {}", self.control)?;
        writeln!(f, "unreadable     {}", self.unreadable)?;
        writeln!(f, "gaps           {} ({} messages missing)", self.gaps, self.missing)?;
        writeln!(f, "silences       {}", self.silences)?;
        writeln!(f, "reconnections  {}", self.reconnections)?;
        writeln!(f, "first event    {}", self.first_event_time.as_deref().unwrap_or("none"))?;
        writeln!(f, "last event     {}", self.last_event_time.as_deref().unwrap_or("none"))
    }
}
