//! What the long-running commands say about themselves: counters, gauges and histograms, and whether work goes on.
//!
//! In: counts, places in the log, and problems, as the stages meet them. Out: `/metrics` in Prometheus' text format and `/healthz`, over
//! HTTP. [`TABLE`] lists every metric.

mod address;
mod error;
mod series;
mod server;
mod state;
mod table;

use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::prometheus_text;
use prometheus_client::registry::Registry;

pub use address::Address;
pub use error::Error;
pub use series::{Counter, Gauge, Histogram};
pub use server::Server;
use state::State;
pub use table::{Command, Described, Set, TABLE, markdown};

use crate::tick::{Clock, SystemClock};

/// The metrics of a running command. Clones share them.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    set: Set,
    registry: Registry,
    command: Command,
    clock: Arc<dyn Clock>,
    /// How far behind the log a command may be while it counts as well.
    behind: Duration,
    state: Mutex<State>,
}

impl Metrics {
    /// Makes the metrics of a command that begins now. It is unwell if it is further behind the log than `behind`.
    pub fn new(command: Command, behind: Duration, clock: Arc<dyn Clock>) -> Metrics {
        let mut registry = Registry::default();
        let set = Set::new(command, &mut registry);
        set.build_info.set(&[env!("CARGO_PKG_VERSION"), command.name()], 1.0);
        set.start_time.set(&[], seconds(clock.now()));
        Metrics(Arc::new(Inner { set, registry, command, clock, behind, state: Mutex::default() }))
    }

    /// Returns the time now, nanoseconds since 1970, UTC.
    pub fn now(&self) -> i64 {
        self.0.clock.now()
    }

    /// Says that the command is at work: it has turned to its input once more.
    pub fn turned(&self) {
        let now = self.now();
        self.with(|state| state.turned = Some(now));
    }

    /// Says that a part of the work does not go on, and why.
    pub fn unwell(&self, part: &'static str, reason: impl Into<String>) {
        self.with(|state| state.problems.insert(part, reason.into()));
    }

    /// Says that a part of the work goes on.
    pub fn well(&self, part: &'static str) {
        self.with(|state| state.problems.remove(part));
    }

    /// Says which event of a partition came last, by its time in nanoseconds since 1970, UTC.
    pub fn event(&self, partition: i32, time: i64) {
        self.with(|state| state.last_events.insert(partition, time));
    }

    /// Says where a partition is read on, and when the message before that was received.
    pub fn position(&self, partition: i32, next: i64, received: Option<i64>) {
        self.with(|state| state.place(partition).reached(next, received));
    }

    /// Says where a partition of the log ends now.
    pub fn end(&self, partition: i32, end: i64) {
        self.with(|state| state.place(partition).end = Some(end));
    }

    /// Returns all metrics of the command in Prometheus' text format.
    pub fn text(&self) -> String {
        let (now, set) = (self.now(), &self.0.set);
        self.with(|state| {
            // A partition that is behind does not make the last event older.
            if let Some(time) = state.last_events.values().max() {
                set.last_event_age.set(&[], seconds(now.saturating_sub(*time)));
            }
            for (partition, place) in &state.places {
                let partition = partition.to_string();
                if let Some(messages) = place.lag_messages() {
                    set.lag_messages.set(&[&partition], messages as f64);
                }
                if let Some(lag) = place.lag(now) {
                    set.lag_seconds.set(&[&partition], seconds(lag));
                }
            }
        });
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = prometheus_text::encode(&mut text, &self.0.registry);
        text
    }

    /// Returns what does not go on, each part with the reason; empty if all is well.
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let now = self.now();
        self.with(|state| state.problems(now, self.0.behind))
    }

    /// Returns the answer of `/healthz`: whether all is well, and JSON.
    fn health(&self) -> (bool, String) {
        let problems = self.problems();
        let is_well = problems.is_empty();
        let status = if is_well { "ok" } else { "failing" };
        let mut answer = serde_json::json!({ "status": status, "command": self.0.command.name() });
        if !is_well {
            let problems = problems.into_iter().map(|(part, reason)| (part.to_string(), reason.into()));
            answer["problems"] = serde_json::Value::Object(problems.collect());
        }
        (is_well, format!("{answer}\n"))
    }

    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        // The state is whole after every step, so one that a panic has left can be used.
        work(&mut self.0.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Metrics that nobody reads.
impl Default for Metrics {
    fn default() -> Metrics {
        Metrics::new(Command::Live, Duration::MAX, Arc::new(SystemClock))
    }
}

impl Deref for Metrics {
    type Target = Set;

    fn deref(&self) -> &Set {
        &self.0.set
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Metrics of {}", self.0.command.name())
    }
}

fn seconds(nanoseconds: i64) -> f64 {
    nanoseconds as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    const S: i64 = 1_000_000_000;

    fn at(command: Command) -> (Metrics, Arc<AtomicI64>) {
        let now = Arc::new(AtomicI64::new(1000 * S));
        let clock = Arc::clone(&now);
        let metrics = Metrics::new(command, Duration::from_secs(60), Arc::new(move || clock.load(Ordering::Relaxed)));
        (metrics, now)
    }

    fn value(metrics: &Metrics, name: &str) -> Option<f64> {
        let text = metrics.text();
        text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
    }

    #[test]
    fn ages_and_lags_are_those_of_the_moment_of_asking() {
        let (metrics, now) = at(Command::Live);
        assert_eq!(value(&metrics, "squall_last_event_age_seconds"), None, "nothing is known yet");
        metrics.event(2, 990 * S);
        // Another partition is read from long ago.
        metrics.event(1, 100 * S);
        metrics.position(2, 10, Some(995 * S));
        assert!(!metrics.text().contains("squall_lag_messages{"), "the log's end is not known yet");
        metrics.end(2, 14);
        now.store(1005 * S, Ordering::Relaxed);
        assert_eq!(value(&metrics, "squall_last_event_age_seconds"), Some(15.0));
        assert_eq!(value(&metrics, "squall_lag_messages{partition=\"2\"}"), Some(4.0));
        assert_eq!(value(&metrics, "squall_lag_seconds{partition=\"2\"}"), Some(10.0));
        // More was read than the log had when it was asked.
        metrics.position(2, 20, Some(1004 * S));
        assert_eq!(value(&metrics, "squall_lag_messages{partition=\"2\"}"), Some(0.0));
        assert_eq!(value(&metrics, "squall_lag_seconds{partition=\"2\"}"), Some(0.0));
    }

    #[test]
    fn a_command_is_well_while_it_turns_and_keeps_up() {
        let (metrics, now) = at(Command::Live);
        assert_eq!(metrics.problems()[0].0, "start");
        metrics.turned();
        assert_eq!(metrics.problems(), []);
        metrics.position(0, 10, Some(1000 * S));
        metrics.end(0, 14);
        now.store(1059 * S, Ordering::Relaxed);
        assert_eq!(metrics.problems(), []);
        now.store(1061 * S, Ordering::Relaxed);
        let parts: Vec<&str> = metrics.problems().iter().map(|(part, _)| *part).collect();
        assert_eq!(parts, ["stalled", "behind"]);
        metrics.turned();
        metrics.position(0, 14, Some(1060 * S));
        metrics.unwell("log", "no broker answers");
        assert_eq!(metrics.problems(), [("log", "no broker answers".to_string())]);
        let (is_well, answer) = metrics.health();
        assert!(!is_well);
        assert_eq!(
            answer,
            "{\"status\":\"failing\",\"command\":\"live\",\"problems\":{\"log\":\"no broker answers\"}}\n"
        );
        metrics.well("log");
        assert_eq!(metrics.health(), (true, "{\"status\":\"ok\",\"command\":\"live\"}\n".to_string()));
    }

    #[test]
    fn a_command_shows_its_own_metrics_under_the_names_of_the_table() {
        for command in Command::ALL {
            let (metrics, _) = at(command);
            let text = metrics.text();
            for described in TABLE {
                let is_shown = text.contains(&format!("# TYPE {} {}\n", described.name, described.kind));
                let is_own = described.commands.contains(&command);
                // A gauge, and a series with labels, is absent until there is a value.
                let is_always = described.kind != "gauge" && described.labels.is_empty();
                assert!(is_own || !is_shown, "{}: {}", command.name(), described.name);
                assert!(is_shown || !is_own || !is_always, "{}: {}", command.name(), described.name);
            }
        }
    }

    #[test]
    fn names_and_units_follow_the_conventions() {
        for Described { name, kind, .. } in TABLE {
            assert_eq!(*kind == "counter", name.ends_with("_total"), "{name}");
            assert!(name.starts_with("squall_"), "{name}");
            assert!(*kind != "histogram" || name.ends_with("_seconds"), "{name}");
        }
    }
}
