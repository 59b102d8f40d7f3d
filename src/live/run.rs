//! Reads the log poll by poll, and passes the rows to the queries and on to where they go.
//!
//! In: planned queries, a log, and a sink for each query. At the start, the state of the windows is made from landed ticks. Then each
//! sink gets the rows from the first offset on that it does not have: from landed ticks as far as these reach, then from the log. Out:
//! counts of what came and went.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use datafusion::execution::context::SessionContext;

use super::error::Error;
use super::history::{History, event_times, joined, sorted, times};
use super::latency::Latency;
use super::models::Models;
use super::plan::LivePlan;
use super::running::{Running, put};
use super::sink::Sink;
use super::waiting::Arrived;
use crate::error::with_causes;
use crate::land::summary::Rows;
use crate::land::{Folder, Portion, Tail, measure};
use crate::log::{Limit, Log, Tell};
use crate::metrics::Metrics;
use crate::pipeline::Project;
use crate::tick::{Rules, Status};

/// How long to wait when the log holds nothing new.
const REST: Duration = Duration::from_millis(2);
/// How often to look for new partitions.
const LOOK: Duration = Duration::from_secs(10);
/// How long to wait before the log is read again after a failure; the wait doubles, up to the most.
const RETRY_FIRST: Duration = Duration::from_millis(250);
const RETRY_MOST: Duration = Duration::from_secs(15);
/// How often the memory of the windows is measured.
const MEASURE: Duration = Duration::from_secs(1);
/// If more ticks wait for others, one partition is read at a time.
const MANY: usize = 1 << 16;
/// Ticks that wait for so long are worth a word.
const PATIENCE: Duration = Duration::from_secs(60);
/// The bytes of messages that a poll takes at most.
const POLL_BYTES: usize = 8 << 20;

/// Where ticks come from, and how they are placed.
#[derive(Debug, Clone)]
pub struct Options {
    pub ticks_dir: PathBuf,
    pub rules: Rules,
    /// The log as the user wrote it.
    pub source: String,
    /// Takes warnings.
    pub tell: Tell,
}

/// When a run ends.
#[derive(Debug, Clone, Copy)]
pub enum Until {
    /// When the log holds no more.
    End,
    /// When it is stopped, or at this instant.
    Stopped(Option<Instant>),
}

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// As `Until` says, or because it was stopped.
    Over,
    /// Another version of a model has taken the place of the one in use: plan the queries again, and go on.
    OtherModel,
}

/// What came and went.
#[derive(Debug, Clone, Default)]
pub struct Counts {
    pub messages: u64,
    /// Messages that could not be read; landing keeps them.
    pub dead: u64,
    /// Ticks by status, in the order of [`Status::ALL`].
    pub ticks: [u64; 4],
    /// Rows of each query that were passed on.
    pub emitted: BTreeMap<String, u64>,
    /// Landed ticks from which the state was made.
    pub warmed: u64,
    /// From the moment when a poll's messages were read to the moment when the sinks had the rows.
    pub latency: Latency,
}

impl Counts {
    /// Adds what came and went in a run that went on.
    pub fn add(&mut self, other: &Counts) {
        self.messages += other.messages;
        self.dead += other.dead;
        for (count, more) in self.ticks.iter_mut().zip(other.ticks) {
            *count += more;
        }
        for (name, rows) in &other.emitted {
            *self.emitted.entry(name.clone()).or_default() += rows;
        }
        self.warmed += other.warmed;
        self.latency.merge(&other.latency);
    }
}

/// A time in which the log cannot be read.
struct Outage {
    since: Instant,
    wait: Duration,
}

/// Queries that run over a log.
pub struct Live {
    tail: Tail,
    running: Vec<Running>,
    counts: Counts,
    /// The last `ts` that was read of each partition.
    reached: BTreeMap<i32, i64>,
    source: String,
    tell: Tell,
    metrics: Metrics,
}

/// A query, and the sink for its rows.
pub type Planned = (LivePlan, Box<dyn Sink>);

impl Live {
    /// Prepares to run queries: finds where landing has come to, and makes the state of the windows.
    ///
    /// # Errors
    /// The log, the landed ticks or a sink cannot be read.
    pub async fn open(
        project: &Project,
        context: &SessionContext,
        planned: Vec<Planned>,
        log: Arc<dyn Log>,
        options: &Options,
    ) -> Result<Live, Error> {
        let folder = Folder::new(&options.ticks_dir)?;
        let tail = Tail::open(log, &folder, options.rules, &options.source).await?;
        let mut running = Vec::new();
        for (plan, mut sink) in planned {
            let mut next = BTreeMap::new();
            for (partition, at) in tail.next() {
                let begin = sink.begin(*partition, *at).await?;
                let back = sink.looks_back(*partition).filter(|_| !tail.has_others());
                next.insert(*partition, back.map_or(begin, |back| back.min(begin)));
            }
            running.push(Running::new(plan, sink, next));
        }
        let (source, tell) = (options.source.clone(), options.tell.clone());
        let metrics = Metrics::default();
        let (counts, reached) = (Counts::default(), BTreeMap::new());
        let mut live = Live { tail, running, counts, reached, source, tell, metrics };
        live.begin(project, context, &folder).await?;
        Ok(live)
    }

    /// Counts what comes and goes in these metrics too.
    pub fn measure(&mut self, metrics: Metrics) {
        self.tail.measure(metrics.clone());
        self.metrics = metrics;
        for (partition, next) in self.tail.next() {
            self.metrics.position(*partition, *next, None);
        }
        self.measure_state();
    }

    fn measure_state(&self) {
        for running in &self.running {
            self.metrics.state_bytes.set(&[running.plan.name()], running.plan.held().bytes as f64);
        }
    }

    /// Returns the name that the log's landed files carry.
    pub fn landed_name(&self) -> &str {
        self.tail.name()
    }

    /// Returns what came and went so far.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Returns the bytes of memory that the windows hold, and the largest number of partitions that a query holds them for.
    pub fn held(&self) -> (usize, usize) {
        let held = self.running.iter().map(|running| running.plan.held());
        held.fold((0, 0), |(bytes, most), held| (bytes + held.bytes, most.max(held.partitions)))
    }

    /// Makes the state of the windows from landed ticks, and gives the sinks the landed ticks that they miss.
    async fn begin(&mut self, project: &Project, context: &SessionContext, folder: &Folder) -> Result<(), Error> {
        let mut from = self.tail.next().clone();
        for (partition, from) in &mut from {
            let nexts = self.running.iter().filter_map(|running| running.next.get(partition));
            *from = nexts.copied().min().map_or(*from, |next| next.min(*from));
            let landed = self.tail.landed(*partition).unwrap_or(*from);
            if *from < landed && self.tail.has_others() {
                let (dir, partition) = (folder.dir().to_path_buf(), *partition);
                return Err(Error::Behind { dir, partition, landed });
            }
        }
        let names: Vec<String> = self.running.iter().map(|running| running.plan.name().to_string()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let history = History { context, tail: &self.tail, from: &from };
        let waits = self.running.iter().any(|running| !running.plan.waits_for().is_empty());
        if waits && let Some(first) = history.first_missed().await?.into_values().min() {
            self.running.iter_mut().for_each(|running| running.plan.need(first));
        }
        let mut before = history.before(project, &names, waits).await?;
        while let Some(ticks) = before.next().await? {
            self.counts.warmed += ticks.num_rows() as u64;
            let ticks = sorted(&ticks)?;
            for Running { plan, .. } in &mut self.running {
                for ready in plan.arrive(Arrived { place: None, ticks: ticks.clone() }).await? {
                    plan.absorb(&ready.ticks).await?;
                }
            }
        }
        drop(before);
        // If ticks wait for others, partitions are read side by side.
        let partitions: Vec<i32> = from.keys().copied().collect();
        for together in partitions.chunks(if waits { partitions.len().max(1) } else { 1 }) {
            let mut missed = Vec::new();
            for partition in together {
                missed.extend(history.missed(*partition).await?);
            }
            while let Some(at) = (0..missed.len()).min_by_key(|at| missed[*at].reached) {
                match missed[at].next().await? {
                    Some((partition, offsets, ticks)) => {
                        put(&mut self.running, &mut self.counts.emitted, partition, offsets, &ticks).await?;
                    }
                    None => drop(missed.remove(at)),
                }
            }
        }
        self.running.iter_mut().for_each(|running| running.plan.need(i64::MAX));
        Ok(())
    }

    /// Runs until the end that `until` says, until `stop` is set, or until a model has changed; `messages` says how many messages the
    /// next poll may take. What the sinks hold back is written at the end.
    ///
    /// # Errors
    /// The log cannot be read, a query fails, or a sink cannot write.
    pub async fn run(
        &mut self,
        until: Until,
        stop: &AtomicBool,
        models: &mut Models,
        messages: &mut (dyn FnMut() -> usize + Send),
    ) -> Result<Ended, Error> {
        let ran = self.turn_until(until, stop, models, messages).await;
        // What is complete is written even after an error.
        let mut written = Ok(());
        for running in &mut self.running {
            running.tell_of_waiting(Duration::ZERO, "the next start computes their rows", &self.tell);
            written = written.and(running.sink.flush(true).await);
        }
        let ended = ran?;
        written?;
        Ok(ended)
    }

    async fn turn_until(
        &mut self,
        until: Until,
        stop: &AtomicBool,
        models: &mut Models,
        messages: &mut (dyn FnMut() -> usize + Send),
    ) -> Result<Ended, Error> {
        let mut looked = Instant::now();
        let mut outage: Option<Outage> = None;
        let mut measured = Instant::now();
        let is_over = |until: Until| matches!(until, Until::Stopped(Some(at)) if Instant::now() >= at);
        while !stop.load(Ordering::Relaxed) && !is_over(until) {
            match self.turn(&mut looked, messages).await {
                Ok(has_read) => {
                    self.metrics.turned();
                    if let Some(outage) = outage.take() {
                        self.metrics.well("reading");
                        let seconds = outage.since.elapsed().as_secs();
                        let text = format!("Note: {} can be read again, after {seconds} s", self.source);
                        self.tell.say_of(&text, &[("log", self.source.clone())]);
                    }
                    if measured.elapsed() >= MEASURE {
                        self.measure_state();
                        for running in &mut self.running {
                            running.tell_of_waiting(PATIENCE, "their rows leave when it comes", &self.tell);
                        }
                        measured = Instant::now();
                    }
                    if !has_read && matches!(until, Until::End) {
                        return Ok(Ended::Over);
                    }
                    if models.have_changed() {
                        return Ok(Ended::OtherModel);
                    }
                    if !has_read {
                        tokio::time::sleep(REST).await;
                    }
                }
                Err(Error::Land(error)) if error.may_pass() && matches!(until, Until::Stopped(_)) => {
                    let outage = outage.get_or_insert_with(|| {
                        let (source, problem) = (&self.source, with_causes(&error));
                        let text = format!("Warning: {source} cannot be read: {problem}; squall tries again");
                        self.tell.say_of(&text, &[("log", source.clone()), ("reason", problem.clone())]);
                        self.metrics.outages.add(&[], 1);
                        self.metrics.unwell("reading", problem);
                        Outage { since: Instant::now(), wait: RETRY_FIRST }
                    });
                    tokio::time::sleep(outage.wait).await;
                    outage.wait = (outage.wait * 2).min(RETRY_MOST);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Ended::Over)
    }

    /// Reads each partition once; returns whether there were messages.
    async fn turn(
        &mut self,
        looked: &mut Instant,
        messages: &mut (dyn FnMut() -> usize + Send),
    ) -> Result<bool, Error> {
        let mut partitions: Vec<i32> = self.tail.next().keys().copied().collect();
        let waiting = self.running.iter().map(|running| running.plan.waiting().0).max().unwrap_or(0);
        if waiting > MANY {
            // What the ticks wait for is in a partition that is behind the others, most likely.
            partitions.sort_by_key(|partition| self.reached.get(partition));
        }
        let mut has_read = false;
        for partition in partitions {
            if has_read && waiting > MANY {
                break;
            }
            let limit = Limit { messages: messages().max(1), bytes: POLL_BYTES };
            let Some(portion) = self.tail.read(partition, limit).await? else { continue };
            has_read = true;
            self.take(portion).await?;
        }
        for running in &mut self.running {
            running.sink.flush(false).await?;
        }
        if looked.elapsed() >= LOOK {
            self.find_partitions().await?;
            *looked = Instant::now();
        }
        Ok(has_read)
    }

    /// Begins with partitions that the log has got.
    async fn find_partitions(&mut self) -> Result<(), Error> {
        self.tail.find_partitions().await?;
        for (partition, at) in self.tail.next() {
            for running in &mut self.running {
                if !running.next.contains_key(partition) {
                    running.next.insert(*partition, running.sink.begin(*partition, *at).await?);
                }
            }
        }
        Ok(())
    }

    /// Passes a portion of the log on.
    async fn take(&mut self, portion: Portion) -> Result<(), Error> {
        let began = Instant::now();
        let Portion { partition, offsets, received, rows, summary } = portion;
        let next = offsets.end;
        self.counts.messages += summary.messages;
        self.counts.dead += summary.dead.values().sum::<u64>();
        for (count, status) in self.counts.ticks.iter_mut().zip(Status::ALL) {
            *count += summary.products.values().map(|rows: &Rows| rows.of(status)).sum::<u64>();
        }
        let ticks = joined(&rows)?;
        if let Some(ts) = times(&ticks).iter().max() {
            self.reached.insert(partition, *ts);
        }
        let emitted = put(&mut self.running, &mut self.counts.emitted, partition, offsets, &ticks).await?;
        let took = began.elapsed();
        self.counts.latency.add(took, emitted);
        self.metrics.consume_to_emit.observe_each(i64::try_from(took.as_nanos()).unwrap_or(i64::MAX), emitted);
        let now = self.metrics.now();
        self.metrics.exchange_to_emit.observe(event_times(&ticks).iter().map(|time| now.saturating_sub(*time)));
        measure::ticks(&self.metrics, &summary);
        self.metrics.position(partition, next, received);
        Ok(())
    }
}
