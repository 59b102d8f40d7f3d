//! Where a command is in the log, and what is wrong.

use std::collections::BTreeMap;
use std::time::Duration;

/// A command that has not turned to its input for this long is stuck: a turn takes less than a second, and an outage is a problem of
/// its own.
const STALLED: Duration = Duration::from_secs(60);

/// What is known about the work of a command.
#[derive(Debug, Default)]
pub struct State {
    /// The parts of the work that do not go on, each with the reason.
    pub problems: BTreeMap<&'static str, String>,
    pub places: BTreeMap<i32, Place>,
    /// The last event of each partition. Nanoseconds since 1970, UTC, as are all times here.
    pub last_events: BTreeMap<i32, i64>,
    pub turned: Option<i64>,
}

/// Where a partition is read, and where it ends.
#[derive(Debug, Default)]
pub struct Place {
    next: Option<i64>,
    received: Option<i64>,
    pub end: Option<i64>,
}

impl Place {
    /// Takes the offset from which the partition is read on, and when the message before it was received.
    pub fn reached(&mut self, next: i64, received: Option<i64>) {
        self.next = Some(next);
        self.received = received.or(self.received);
    }

    /// Returns how many messages follow; `None` as long as either place is unknown.
    pub fn lag_messages(&self) -> Option<i64> {
        Some(self.end?.saturating_sub(self.next?).max(0))
    }

    /// Returns how long ago the last message was received that is done with, in nanoseconds; 0 if none follow.
    pub fn lag(&self, now: i64) -> Option<i64> {
        match self.lag_messages()? {
            0 => Some(0),
            _ => Some(now.saturating_sub(self.received?).max(0)),
        }
    }
}

impl State {
    /// Returns the place of a partition.
    pub fn place(&mut self, partition: i32) -> &mut Place {
        self.places.entry(partition).or_default()
    }

    /// Returns what does not go on, and why.
    pub fn problems(&self, now: i64, behind: Duration) -> Vec<(&'static str, String)> {
        let long = |duration: Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
        let mut problems: Vec<(&'static str, String)> =
            self.problems.iter().map(|(part, reason)| (*part, reason.clone())).collect();
        match self.turned {
            None if problems.is_empty() => problems.push(("start", "the command is still starting".into())),
            Some(turned) if now.saturating_sub(turned) > long(STALLED) && problems.is_empty() => {
                let seconds = now.saturating_sub(turned) / 1_000_000_000;
                problems.push(("stalled", format!("nothing was done for {seconds} s")));
            }
            _ => {}
        }
        let lags = self.places.iter().filter_map(|(partition, place)| Some((place.lag(now)?, partition, place)));
        if let Some((lag, partition, place)) = lags.max_by_key(|(lag, ..)| *lag)
            && lag > long(behind)
        {
            let (messages, seconds) = (place.lag_messages().unwrap_or_default(), lag / 1_000_000_000);
            let reason = format!("partition {partition} is {messages} messages and {seconds} s behind the log");
            problems.push(("behind", reason));
        }
        problems
    }
}
