//! Alerts: a condition over the rows that a query emits, and who is told when it becomes true.
//!
//! In: rows in the order of the log. Out: for each alert a message with its row and the product's last minute, given to a recipient. What
//! is decided depends on the rows alone: the pauses between alerts are counted in `ts`, and a file remembers up to which row was decided.
//! So a restart decides nothing twice.
//!
//! The modules are listed in the order in which a row passes through them.

/// The condition, planned over the rows of a query.
mod predicate;

/// When a product's rows are worth an alert.
mod decision;

/// The last minute of each product.
mod minute;

/// Alerts that are not given yet.
mod outbox;

/// What is remembered of decided rows.
mod ledger;

/// Who is told. Each kind is one file and one line of a table.
mod to;

/// Passes alerts on, one after another, beside the rows.
mod courier;

/// A sink that looks at the rows before another one takes them.
mod sink;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use datafusion::execution::context::SessionContext;
use serde::{Deserialize, Serialize};

use super::error::Error;
use super::plan::LivePlan;
use super::sink::{Form, Sink};
use super::webhook::Stop;
use crate::log::{LogId, Tell};
use crate::metrics::Metrics;
use predicate::Predicate;
pub use to::{Options as RecipientOptions, Recipients};

/// What the user asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The condition of an alert.
    pub alert: String,
    /// What has to be true once before the product's next alert.
    pub clear: Option<String>,
    /// The least time between two alerts of a product, in the time of its rows.
    pub cooldown: Duration,
    pub to: Recipients,
    /// The folder of what is remembered.
    pub dir: PathBuf,
    pub tell: Tell,
}

/// An alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// The same whenever the same alert is given: condition, query, log, partition, offset, row and product, in ASCII.
    pub key: String,
    pub product: String,
    /// When its row's tick was, in nanoseconds since 1970.
    pub ts: i64,
    /// One sentence for people.
    pub sentence: String,
    /// The JSON object for programs.
    pub message: String,
}

/// What became of alerts.
#[derive(Debug, Default)]
pub struct Counts {
    pub raised: AtomicU64,
    pub given: AtomicU64,
    pub refused: AtomicU64,
    /// Alerts that were not given, because too many waited.
    pub dropped: AtomicU64,
    /// When each product had its last alert.
    last: Mutex<BTreeMap<String, Instant>>,
}

impl Counts {
    /// Counts an alert of a product.
    pub fn raise(&self, product: &str) {
        self.raised.fetch_add(1, Ordering::Relaxed);
        self.last.lock().unwrap_or_else(PoisonError::into_inner).insert(product.into(), Instant::now());
    }

    /// Returns when a product had its last alert in this run.
    pub fn last(&self, product: &str) -> Option<Instant> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).get(product).copied()
    }

    /// Returns how many alerts were raised, given, refused and dropped.
    pub fn all(&self) -> [u64; 4] {
        [&self.raised, &self.given, &self.refused, &self.dropped].map(|count| count.load(Ordering::Relaxed))
    }
}

/// Counts what becomes of the alerts of a query.
#[derive(Default)]
struct Tally {
    counts: Arc<Counts>,
    metrics: Metrics,
    query: String,
}

impl Tally {
    /// Begins to count; each outcome is 0 before the first alert has it.
    fn new(counts: Arc<Counts>, metrics: Metrics, query: &str) -> Tally {
        for outcome in [GIVEN, REFUSED, DROPPED] {
            metrics.alerts.add(&[query, outcome], 0);
        }
        Tally { counts, metrics, query: query.into() }
    }

    fn raised(&self, product: &str) {
        self.counts.raise(product);
    }

    fn given(&self) {
        self.add(&self.counts.given, GIVEN, 1);
    }

    fn refused(&self) {
        self.add(&self.counts.refused, REFUSED, 1);
    }

    fn dropped(&self, count: u64) {
        self.add(&self.counts.dropped, DROPPED, count);
    }

    fn add(&self, count: &AtomicU64, outcome: &str, more: u64) {
        count.fetch_add(more, Ordering::Relaxed);
        self.metrics.alerts.add(&[&self.query, outcome], more);
    }
}

/// What can become of an alert, as metrics call it.
const GIVEN: &str = "given";
const REFUSED: &str = "refused";
const DROPPED: &str = "dropped";

/// The alerts of a run.
pub struct Alerts {
    asked: Asked,
    metrics: Metrics,
    /// The queries whose rows have what the condition needs.
    watched: Vec<String>,
    counts: Arc<Counts>,
}

/// The conditions over the rows of one query.
struct Conditions {
    alert: Predicate,
    clear: Option<Predicate>,
}

impl Asked {
    fn conditions(&self, plan: &LivePlan, context: &SessionContext) -> Result<Conditions, Error> {
        let schema = Form::of(plan).schema().clone();
        let of = |option, text: &str| Predicate::new(option, text, &schema, context);
        let alert = of("--alert", &self.alert)?;
        let clear = self.clear.as_ref().map(|text| of("--alert-clear", text)).transpose()?;
        Ok(Conditions { alert, clear })
    }
}

impl Alerts {
    /// Plans the conditions over the rows of queries. A query that lacks a column is left out, unless all do.
    ///
    /// # Errors
    /// A condition does not fit any query; the error shows what is wrong with it.
    pub fn plan(
        asked: Asked,
        plans: &[LivePlan],
        context: &SessionContext,
        metrics: &Metrics,
    ) -> Result<Alerts, Error> {
        let mut watched = Vec::new();
        let mut wrong = None;
        for plan in plans {
            match asked.conditions(plan, context) {
                Ok(_) => watched.push(plan.name().to_string()),
                Err(error) => drop(wrong.get_or_insert(error)),
            }
        }
        match wrong {
            Some(wrong) if watched.is_empty() => Err(wrong),
            _ => Ok(Alerts { asked, watched, counts: Arc::default(), metrics: metrics.clone() }),
        }
    }

    /// Returns what became of the alerts.
    pub fn counts(&self) -> &Arc<Counts> {
        &self.counts
    }

    /// Puts the alerts in front of the sink of a query; no attempt to give one goes on for long after `stop` is set.
    ///
    /// # Errors
    /// The recipient cannot be used, or what is remembered cannot be read.
    pub async fn before(
        &self,
        sink: Box<dyn Sink>,
        plan: &LivePlan,
        log: &LogId,
        context: &SessionContext,
        stop: &Stop,
    ) -> Result<Box<dyn Sink>, Error> {
        if !self.watched.iter().any(|name| name == plan.name()) {
            return Ok(sink);
        }
        let conditions = self.asked.conditions(plan, context)?;
        let opened = sink::Opened {
            asked: &self.asked,
            conditions,
            plan,
            log,
            tally: Tally::new(Arc::clone(&self.counts), self.metrics.clone(), plan.name()),
            stop: stop.clone(),
        };
        Ok(Box::new(sink::AlertSink::open(sink, opened).await?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_say_what_became_of_alerts() {
        let metrics = Metrics::default();
        let tally = Tally::new(Arc::default(), metrics.clone(), "q");
        tally.raised("BTC-USD");
        tally.given();
        tally.given();
        tally.dropped(3);
        assert_eq!(tally.counts.all(), [1, 2, 0, 3]);
        for (outcome, count) in [("given", 2), ("refused", 0), ("dropped", 3)] {
            let line = format!("squall_alerts_total{{query=\"q\",outcome=\"{outcome}\"}} {count}\n");
            assert!(metrics.text().contains(&line), "{}", metrics.text());
        }
    }
}
