//! The proof that never stops: the rows of every N-th offset are computed again in batch once they have landed, and compared bit for
//! bit, beside the queries.
//!
//! In: samples of emitted rows, and landed ticks. Out: counts in the metrics, and a warning for what differs. The comparison is that of
//! `squall parity`. It runs on a thread of its own for a small share of the time, and holds a bounded number of samples, so it slows
//! the queries down by no more than that share. If landing lags, samples wait; if too many wait, later ones are left out and counted.

mod check;
mod sampler;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use datafusion::execution::context::{SessionContext, SessionState};
use datafusion::execution::session_state::SessionStateBuilder;

use super::error::Error;
use super::models::Models;
use super::parity::{Difference, Parity, What, passed};
use super::plan::LivePlan;
use crate::error::with_causes;
use crate::land::{Folder, Landed};
use crate::log::Tell;
use crate::metrics::Metrics;
use crate::pipeline::{Lookback, Project};
use crate::text::grouped;
use sampler::Sample;
pub use sampler::Sampler;

/// The most samples that wait between the queries and the thread, and on the thread.
const MOST_SENT: usize = 1024;
const MOST_WAITING: usize = 1024;
/// The most samples that are compared at once; they are of one product, so that its ticks are read once for all of them.
const MOST_AT_ONCE: usize = 256;
/// After a comparison, the thread rests for this many times as long as it took: it works a twentieth of the time.
const REST: u32 = 19;
/// How often to look what has landed, and how often to take samples in.
const LOOK: Duration = Duration::from_secs(2);
const TURN: Duration = Duration::from_millis(200);
/// A sample that waits for its tick to land for this long is worth a word.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often the user is warned of differences in a query.
const WARN: Duration = Duration::from_secs(60);

/// What batch needs.
pub struct Batch {
    pub project: Arc<Project>,
    pub context: SessionContext,
    pub folder: Folder,
    /// The name that the log's landed files carry.
    pub landed: String,
    /// The models that the emitted rows were scored with.
    pub models: Models,
}

/// Samples of the rows of queries, before the thread that compares them begins.
pub struct Proof {
    every: u64,
    rest: u32,
    sender: SyncSender<Sample>,
    receiver: Receiver<Sample>,
    queries: Vec<String>,
    metrics: Metrics,
    tell: Tell,
}

impl Proof {
    /// Prepares to sample every N-th offset; N is at least 1.
    pub fn new(every: u64, metrics: Metrics, tell: Tell) -> Proof {
        let (sender, receiver) = sync_channel(MOST_SENT);
        Proof { every: every.max(1), rest: REST, sender, receiver, queries: Vec::new(), metrics, tell }
    }

    /// Sets for how many times as long as a comparison took the thread rests after it.
    pub fn resting(self, rest: u32) -> Proof {
        Proof { rest, ..self }
    }

    /// Returns what takes samples of the rows of a query.
    pub fn sampler(&mut self, plan: &LivePlan) -> Sampler {
        for counter in [&self.metrics.parity_checked, &self.metrics.parity_mismatches, &self.metrics.parity_skipped] {
            counter.add(&[plan.name()], 0);
        }
        self.queries.push(plan.name().into());
        Sampler::new(plan, self.every, self.sender.clone(), self.metrics.clone())
    }

    /// Begins to compare; ends when all samplers are gone.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(self, batch: Batch) -> std::io::Result<()> {
        let Proof { receiver, queries, metrics, tell, rest, .. } = self;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let context = alone(&batch.context);
        let checker = Checker {
            batch: Batch { context, ..batch },
            queries: BTreeMap::new(),
            receiver,
            waiting: VecDeque::new(),
            landed: Landed::default(),
            rest,
            metrics,
            tell: tell.clone(),
            warned: BTreeMap::new(),
            is_told_of_waiting: false,
        };
        let work = move || {
            if let Err(error) = runtime.block_on(checker.run(queries)) {
                tell.say(&format!("Warning: parity is not checked any longer: {}", with_causes(&error)));
            }
        };
        std::thread::Builder::new().name("parity".into()).spawn(work).map(drop)
    }
}

/// Returns a session that uses one thread, and shares the tables of another.
pub(super) fn alone(context: &SessionContext) -> SessionContext {
    let state: SessionState = context.state();
    let config = state.config().clone().with_target_partitions(1);
    SessionContext::new_with_state(SessionStateBuilder::new_from_existing(state).with_config(config).build())
}

/// A query whose rows are compared.
struct Checked {
    plan: LivePlan,
    /// Which ticks a row needs; `None` stands for all.
    lookback: Option<Lookback>,
}

/// Compares samples with batch.
struct Checker {
    batch: Batch,
    queries: BTreeMap<String, Checked>,
    receiver: Receiver<Sample>,
    /// Samples in the order in which they came.
    waiting: VecDeque<Sample>,
    /// What had landed at the last look.
    landed: Landed,
    rest: u32,
    metrics: Metrics,
    tell: Tell,
    /// When the user was warned of a query last, and of how many rows not yet.
    warned: BTreeMap<String, (Instant, u64)>,
    is_told_of_waiting: bool,
}

impl Checker {
    async fn run(mut self, names: Vec<String>) -> Result<(), Error> {
        let Batch { project, context, .. } = &self.batch;
        for name in names {
            let Some(query) = project.query(&name) else { continue };
            let plan = LivePlan::new(project, query, context).await?;
            let lookback = project.lookback(query, context).await?.filter(|lookback| lookback.product.is_some());
            self.queries.insert(name, Checked { plan, lookback });
        }
        let (mut looked, mut rest_until): (Option<Instant>, Instant) = (None, Instant::now());
        while self.receive() {
            if self.waiting.is_empty() {
                continue;
            }
            if looked.is_none_or(|at| at.elapsed() >= LOOK) {
                // A folder that cannot be listed now may be listed later; samples wait.
                if let Ok(listing) = self.batch.folder.list().await {
                    self.landed = listing.landed;
                }
                looked = Some(Instant::now());
                self.tell_of_waiting();
            }
            if Instant::now() >= rest_until
                && let Some(samples) = self.due()
            {
                let began = Instant::now();
                self.compare(samples).await;
                rest_until = Instant::now() + began.elapsed() * self.rest;
            }
        }
        for sample in self.waiting.drain(..) {
            self.metrics.parity_skipped.add(&[&sample.query], 1);
        }
        Ok(())
    }

    /// Takes samples in for a moment; returns whether there may be more.
    fn receive(&mut self) -> bool {
        let mut next = match self.receiver.recv_timeout(TURN) {
            Ok(sample) => Some(sample),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return false,
        };
        while let Some(sample) = next {
            match self.waiting.len() < MOST_WAITING {
                true => self.waiting.push_back(sample),
                false => self.metrics.parity_skipped.add(&[&sample.query], 1),
            }
            next = self.receiver.try_recv().ok();
        }
        for name in self.queries.keys() {
            let waiting = self.waiting.iter().filter(|sample| sample.query == *name).count();
            self.metrics.parity_waiting.set(&[name], waiting as f64);
        }
        true
    }

    fn has_landed(&self, sample: &Sample) -> bool {
        self.landed.has(&self.batch.landed, sample.partition, sample.offset)
    }

    /// Takes the oldest sample that has landed, and others of its query and product.
    fn due(&mut self) -> Option<Vec<Sample>> {
        // Retention may have deleted the ticks of a sample that waited for long.
        let is_gone = |sample: &Sample| {
            let first = self.landed.of(&self.batch.landed, sample.partition).first();
            first.is_some_and(|first| sample.offset < first.first)
        };
        let (gone, waiting): (VecDeque<Sample>, VecDeque<Sample>) =
            std::mem::take(&mut self.waiting).into_iter().partition(is_gone);
        self.waiting = waiting;
        for sample in gone {
            self.metrics.parity_skipped.add(&[&sample.query], 1);
        }
        let first = self.waiting.iter().find(|sample| self.has_landed(sample))?;
        let (query, product) = (first.query.clone(), first.product.clone());
        let (mut due, mut others) = (Vec::new(), VecDeque::new());
        for sample in std::mem::take(&mut self.waiting) {
            let is_like_it = sample.query == query && sample.product == product;
            if due.len() < MOST_AT_ONCE && is_like_it && self.has_landed(&sample) {
                due.push(sample);
            } else {
                others.push_back(sample);
            }
        }
        self.waiting = others;
        Some(due)
    }

    /// Says once that the proof waits for landing.
    fn tell_of_waiting(&mut self) {
        match self.waiting.front().filter(|sample| !self.has_landed(sample) && sample.since.elapsed() >= PATIENCE) {
            Some(Sample { partition, offset, .. }) if !self.is_told_of_waiting => {
                let text = format!(
                    "Note: parity waits, because offset {offset} of partition {partition} has not landed after {} s; \
                     `squall land --follow` lands it",
                    PATIENCE.as_secs()
                );
                self.tell.say_of(&text, &[("partition", partition.to_string()), ("offset", offset.to_string())]);
                self.is_told_of_waiting = true;
            }
            Some(_) => {}
            None => self.is_told_of_waiting = false,
        }
    }

    /// Compares samples of one query and product, and counts what was found.
    async fn compare(&mut self, samples: Vec<Sample>) {
        let Some(query) = samples.first().map(|sample| sample.query.clone()) else { return };
        let passed = match self.queries.get(&query) {
            Some(checked) => passed(&checked.plan, &self.batch.context).await.ok().flatten(),
            None => None,
        };
        // What an ASOF JOIN matches may lie further on in the log.
        let has_all = |sample: &Sample| passed.is_none_or(|passed| sample.ts <= passed);
        let (samples, early): (Vec<Sample>, Vec<Sample>) = samples.into_iter().partition(has_all);
        self.waiting.extend(early);
        if samples.is_empty() {
            return;
        }
        let skipped = || self.metrics.parity_skipped.add(&[&query], samples.len() as u64);
        match self.check(&query, &samples).await {
            Ok(found) if found.differing > 0 && !self.batch.models.are_as_before() => {
                // Batch may have scored with the model that has taken the place of the one before.
                skipped();
            }
            Ok(Parity { same, differing, difference, .. }) => {
                self.metrics.parity_checked.add(&[&query], same + differing);
                self.metrics.parity_mismatches.add(&[&query], differing);
                if let Some(difference) = difference {
                    self.warn(&query, differing, &difference);
                }
            }
            Err(error) => {
                skipped();
                let text = format!("Warning: parity of `{query}` could not be checked: {}", with_causes(&error));
                if self.warned.get(&query).is_none_or(|(at, _)| at.elapsed() >= WARN) {
                    self.tell.say_of(&text, &[("query", query.clone())]);
                    self.warned.insert(query, (Instant::now(), 0));
                }
            }
        }
    }

    /// Warns of a difference, but not more often than once in a while.
    fn warn(&mut self, query: &str, differing: u64, difference: &Difference) {
        let untold = self.warned.get(query).map_or(0, |(_, untold)| *untold) + differing;
        if self.warned.get(query).is_some_and(|(at, _)| at.elapsed() < WARN) {
            self.warned.entry(query.into()).and_modify(|(_, count)| *count = untold);
            return;
        }
        let more = if untold > 1 { format!(" ({} rows differ)", grouped(untold)) } else { String::new() };
        let (partition, offset) = difference.place.clone();
        let mut fields = vec![("query", query.to_string()), ("row", difference.row.clone())];
        fields.extend([("partition", partition), ("offset", offset)]);
        if let What::Value { column, live, batch } = &difference.what {
            fields.extend([("column", column.clone()), ("live", live.clone()), ("batch", batch.clone())]);
        }
        self.tell.say_of(&format!("Warning: live and batch differ in `{query}`: {difference}{more}"), &fields);
        self.warned.insert(query.into(), (Instant::now(), 0));
    }
}
