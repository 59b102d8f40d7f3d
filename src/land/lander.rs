//! Lands a log: reads each partition from the first offset that has not landed, and commits one file after another.

mod follow;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;

use super::by_time::ByTime;
use super::commit::{Commit, Committed, Patience};
use super::connections::Connections;
use super::dead;
use super::error::{Error, Stranger};
use super::files::LandedFile;
use super::folder::Folder;
use super::identify::{self, Candidate};
use super::lock::Lock;
use super::measure;
use super::pending::Pending;
use super::place::Place;
use super::read::{Reader, Wanted};
use super::recover::{Landed, read_footers, recover};
use super::retention::Keep;
use super::summary::Summary;
use crate::log::{Log, LogId, Tell, Witness};
use crate::metrics::Metrics;
use crate::tick::{Columns, Order, Rules};

/// Where and how to land.
#[derive(Debug, Clone)]
pub struct Options {
    pub ticks_dir: PathBuf,
    pub dead_dir: PathBuf,
    pub rules: Rules,
    /// The number of a partition's messages after which a file is written; at least 1.
    pub flush_messages: usize,
    /// The time after a file's first message when a follower writes the file.
    pub flush_interval: Duration,
    /// Whether a follower merges small files from time to time.
    pub compact: bool,
    /// Which landed files a follower keeps.
    pub keep: Keep,
    /// Whether a follower tries again when the log cannot be read for a time, until it is stopped.
    pub retry: bool,
    /// Takes warnings of a follower.
    pub tell: Tell,
    /// The log as the user wrote it, for hints.
    pub source: String,
    /// The name that the log's files carry; `None` means the name under which the log has landed, else its topic. If a name
    /// is given, ticks of products that have landed from other logs also land, and ticks seen before are marked as
    /// duplicates.
    pub name: Option<String>,
    /// Whether ticks are placed by their own times among those that have landed, as those of an earlier period have to be.
    pub by_time: bool,
    /// The partitions to land; `None` means all that the log has, now and later.
    pub partitions: Option<BTreeSet<i32>>,
}

/// What a run landed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Landing {
    pub summary: Summary,
    /// The files committed, in the order of their commits.
    pub files: Vec<LandedFile>,
    /// The files of dead letters.
    pub dead_files: Vec<PathBuf>,
    /// Ranges that the log had already dropped when they were to be read: partition, first and last offset.
    pub lost: Vec<(i32, i64, i64)>,
}

/// Lands one log into one folder.
pub struct Lander {
    log: Arc<dyn Log>,
    id: LogId,
    /// The name that the log's files carry.
    name: String,
    folder: Folder,
    /// Where dead letters go.
    dead: Place,
    options: Options,
    order: Order,
    /// The landed ticks among which others are placed by their own times.
    by_time: Option<ByTime>,
    /// What had landed of each partition when the folder was opened.
    history: BTreeMap<i32, History>,
    /// The number of files that were visible when the folder was opened.
    files: usize,
    /// The names that files carry.
    names: BTreeSet<String>,
    /// The products that have landed from this log.
    products: HashSet<String>,
    /// The products that have landed from other logs, each with that log's name.
    others: HashMap<String, String>,
    partitions: Vec<Partition>,
    landing: Landing,
    /// The file that is encoded and committed while the next one fills. Files are committed one after another.
    committing: Option<JoinHandle<Result<Committed, Error>>>,
    /// The merging of small files, and the deletion of old ones.
    upkeep: Option<JoinHandle<Result<(), Error>>>,
    /// How a follower waits for room on the disk.
    patience: Option<Patience>,
    metrics: Metrics,
    /// The work in progress holds it too, so that no other process lands before that work ends.
    lock: Arc<Lock>,
}

/// What has landed of a partition.
#[derive(Default)]
struct History {
    next: i64,
    connections: Connections,
    last: Option<Witness>,
}

/// A partition, and the state after what has been landed of it.
struct Partition {
    number: i32,
    /// `None` if the topic has several partitions, because a connection's messages are then spread over them.
    connections: Option<Connections>,
    pending: Pending,
    /// The last message that was read.
    last: Option<Witness>,
}

impl Lander {
    /// Prepares to land a log: reserves the folder, checks that the landed offsets are this log's, and restores the order of
    /// products from what has landed.
    ///
    /// # Errors
    /// The log or the folder cannot be used, another process lands into it, or another log has landed under the name.
    pub async fn open(log: Arc<dyn Log>, options: Options) -> Result<Lander, Error> {
        let folder = Folder::new(&options.ticks_dir)?;
        let dead = Place::new(&options.dead_dir)?;
        let lock = Arc::new(folder.reserve(options.partitions.clone()).await?);
        let failed = |source| Error::log(&options.source, source);
        let id = log.id().await.map_err(failed)?;
        let landed = read_footers(&folder, &folder.list().await?).await?;
        let candidate = Candidate { log: &log, id: &id, source: &options.source, folder: &folder, landed: &landed };
        let name = candidate.name(options.name.as_deref()).await?;
        Folder::check_name(&name)?;
        let (by_time, order) = match options.by_time {
            true => {
                let (by_time, order) = ByTime::after(&folder, &name, landed.clone(), options.rules).await?;
                (Some(by_time), order)
            }
            false => (None, recover(&folder, &landed, options.rules).await?),
        };
        let (mut products, mut others) = (HashSet::new(), HashMap::new());
        let (mut history, mut names) = (BTreeMap::<i32, History>::new(), BTreeSet::new());
        let files = landed.len();
        // The footers are not kept: each names all products of its file.
        for Landed { file, footer } in landed {
            names.insert(file.topic.clone());
            if file.topic == name {
                let history = history.entry(file.partition).or_default();
                history.next = file.next_offset();
                history.connections.restore(&footer.summary);
                history.last = footer.origin.and_then(|origin| origin.last).or(history.last.take());
                products.extend(footer.summary.products.into_keys());
            } else {
                others.extend(footer.summary.products.into_keys().map(|product_id| (product_id, file.topic.clone())));
            }
        }
        let mut lander = Lander {
            log,
            id,
            name,
            folder,
            dead,
            options,
            order,
            by_time,
            history,
            files,
            names,
            products,
            others,
            partitions: Vec::new(),
            landing: Landing::default(),
            committing: None,
            upkeep: None,
            patience: None,
            metrics: Metrics::default(),
            lock,
        };
        lander.find_partitions().await?;
        Ok(lander)
    }

    /// Counts what lands in these metrics.
    pub fn measure(&mut self, metrics: Metrics) {
        for partition in &self.partitions {
            metrics.position(partition.number, partition.pending.next_offset(), None);
        }
        self.metrics = metrics;
    }

    /// Returns how many messages the log holds now that have not landed.
    pub async fn backlog(&self) -> Result<u64, Error> {
        let mut messages = 0;
        for partition in &self.partitions {
            let offsets = self.offsets(partition.number).await?;
            messages += u64::try_from(offsets.end.saturating_sub(partition.pending.next_offset())).unwrap_or(0);
        }
        Ok(messages)
    }

    /// Lands everything that the log holds now, or stops early if `stop` is set; calls `progress` with the number of
    /// offsets passed.
    pub async fn drain(mut self, stop: &AtomicBool, progress: &mut (dyn FnMut(u64) + Send)) -> Result<Landing, Error> {
        let drained = self.drain_partitions(stop, progress).await;
        self.finish(drained).await
    }

    async fn drain_partitions(
        &mut self,
        stop: &AtomicBool,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<(), Error> {
        for i in 0..self.partitions.len() {
            self.catch_up(i, stop, progress).await?;
            self.flush(i).await?;
        }
        Ok(())
    }

    /// Adds new partitions, and restores what has landed of them.
    async fn find_partitions(&mut self) -> Result<(), Error> {
        let numbers = self.log.partitions().await.map_err(|source| Error::log(&self.options.source, source))?;
        let alone = numbers.len() == 1;
        if !alone {
            self.partitions.iter_mut().for_each(|partition| partition.connections = None);
        }
        let absent = self.options.partitions.iter().flatten().find(|wanted| !numbers.contains(wanted));
        if let Some(partition) = absent {
            let log = self.options.source.clone();
            let source = crate::log::Error::NoPartition { log, partition: *partition };
            return Err(Error::log(&self.options.source, source));
        }
        for number in numbers.into_iter().filter(|number| self.lock.owns(*number)) {
            if self.partitions.iter().any(|partition| partition.number == number) {
                continue;
            }
            let offsets = self.offsets(number).await?;
            let (next, History { connections, last, .. }) = match self.history.remove(&number) {
                Some(history) => (history.next, history),
                None => (offsets.start, History::default()),
            };
            if offsets.start > next {
                self.landing.lost.push((number, next, offsets.start - 1));
            }
            dead::remove_uncommitted(&self.dead, &self.name, number, next).await?;
            self.metrics.position(number, next.max(offsets.start), None);
            self.partitions.push(Partition {
                number,
                connections: alone.then_some(connections),
                pending: Pending::new(next.max(offsets.start)),
                last,
            });
        }
        Ok(())
    }

    async fn offsets(&self, partition: i32) -> Result<Range<i64>, Error> {
        let offsets = self.log.offsets(partition).await;
        offsets.map_err(|source| Error::log(&self.options.source, source))
    }

    fn refuse(&self, stranger: Stranger) -> Error {
        let mut names = self.names.clone();
        if !self.landing.files.is_empty() {
            names.insert(self.name.clone());
        }
        identify::refusal(&self.options.source, self.log.topic(), &names, stranger)
    }

    /// Reads a partition up to the log's present end and commits each file that fills; returns the number of offsets passed.
    async fn catch_up(
        &mut self,
        i: usize,
        stop: &AtomicBool,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<u64, Error> {
        let mut read = 0;
        loop {
            let Partition { number, pending, .. } = &self.partitions[i];
            // A file must end where one ends that an earlier lander claimed and may still write.
            let bound = self.lock.bound(&self.name, *number, pending.next_offset()).await;
            read += self.read_to(i, bound, stop, progress).await?;
            if bound.is_none_or(|last| self.partitions[i].pending.next_offset() <= last) {
                return Ok(read);
            }
            self.flush(i).await?;
        }
    }

    /// Reads a partition up to the log's present end, or up to an offset before it.
    async fn read_to(
        &mut self,
        i: usize,
        last: Option<i64>,
        stop: &AtomicBool,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<u64, Error> {
        let number = self.partitions[i].number;
        let Range { start, end } = self.offsets(number).await?;
        let mut next = self.partitions[i].pending.next_offset();
        if next < start {
            // The log removed messages faster than they were read.
            self.flush(i).await?;
            self.landing.lost.push((number, next, start - 1));
            let name = &self.name;
            self.options.tell.say(&format!(
                "Warning: {name}, partition {number}: offsets {next} to {} were gone from the log before they could land",
                start - 1
            ));
            self.partitions[i].pending = Pending::new(start);
            next = start;
        }
        if next > end {
            return Err(self.refuse(Stranger::Ends { name: self.name.clone(), partition: number, end, next }));
        }
        let end = last.map_or(end, |last| end.min(last.saturating_add(1)));
        if next >= end {
            return Ok(0);
        }
        let per_file = self.options.flush_messages;
        let mut reader = Reader::start(
            Arc::clone(&self.log),
            Wanted {
                partition: number,
                offsets: next..end,
                no_later: false,
                first_file: per_file.saturating_sub(self.partitions[i].pending.messages()),
                per_file,
            },
        );
        let mut read = 0;
        while let Some(chunk) = reader.next().await? {
            measure::read(&self.metrics, number, &chunk);
            self.admit(&chunk.rows.ticks)?;
            if self.by_time.is_some() {
                self.place_by_time(i, &chunk.rows.ticks).await?;
            }
            let partition = &mut self.partitions[i];
            let passed = u64::try_from(chunk.next.saturating_sub(partition.pending.next_offset())).unwrap_or(0);
            partition.pending.add(chunk, &mut self.order, partition.connections.as_mut());
            if partition.pending.is_full(per_file) {
                self.flush(i).await?;
            }
            read += passed;
            progress(passed);
            if stop.load(Ordering::Relaxed) {
                break;
            }
        }
        Ok(read)
    }

    /// Prepares to place ticks by their own times.
    async fn place_by_time(&mut self, i: usize, ticks: &Columns) -> Result<(), Error> {
        let goes_back = ByTime::goes_back(ticks, &mut self.order);
        if goes_back {
            // The ticks that were read before are landed ticks like the others, among which an earlier period is placed.
            self.flush(i).await?;
            self.settle().await?;
        }
        self.order.goes_back(goes_back);
        let Some(by_time) = &mut self.by_time else { return Ok(()) };
        if goes_back {
            by_time.add(&self.landing.files).await?;
        }
        by_time.prepare(ticks, &mut self.order).await
    }

    /// Refuses ticks of a product that has landed from another log, unless the user gave a name for this log's files.
    fn admit(&mut self, ticks: &Columns) -> Result<(), Error> {
        let mut admitted = vec![false; ticks.products.count()];
        for product in &ticks.product {
            let product_id = &**ticks.products.name(*product);
            if std::mem::replace(&mut admitted[*product as usize], true) || self.products.contains(product_id) {
                continue;
            }
            if self.options.name.is_none()
                && let Some(name) = self.others.get(product_id)
            {
                let (name, product_id) = (name.clone(), product_id.to_string());
                return Err(self.refuse(Stranger::Product { name, product_id }));
            }
            self.products.insert(product_id.to_string());
        }
        Ok(())
    }

    /// Starts the commit of a partition's pending messages, after the commit before it has ended.
    async fn flush(&mut self, i: usize) -> Result<(), Error> {
        self.settle().await?;
        let partition = &mut self.partitions[i];
        if partition.pending.is_empty() {
            return Ok(());
        }
        partition.last = partition.pending.last().or(partition.last.take());
        let next = partition.pending.next_offset();
        let pending = std::mem::replace(&mut partition.pending, Pending::new(next));
        let received = pending.received();
        let commit = Commit {
            file: pending.file(&self.name, partition.number),
            log: self.id.clone(),
            by_time: self.by_time.is_some(),
            folder: self.folder.clone(),
            dead: self.dead.clone(),
            lock: Arc::clone(&self.lock),
            patience: self.patience.clone(),
        };
        let (metrics, number) = (self.metrics.clone(), partition.number);
        self.committing = Some(tokio::spawn(async move {
            let committed = commit.run(pending).await?;
            measure::landed(&metrics, &committed.summary);
            metrics.position(number, next, received);
            Ok(committed)
        }));
        Ok(())
    }

    /// Waits until the commit in progress has ended.
    async fn settle(&mut self) -> Result<(), Error> {
        if let Some(committing) = self.committing.take() {
            let committed = committing.await??;
            self.landing.summary.add(&committed.summary);
            if committed.has_letters {
                // As the user wrote the folder.
                self.landing.dead_files.push(dead::path(&self.options.dead_dir, &committed.file));
            }
            self.landing.files.push(committed.file);
        }
        Ok(())
    }

    /// Lands what was read, and waits for the work in progress, even after a failure, because the folder's lock may be
    /// released only then.
    async fn finish(mut self, result: Result<(), Error>) -> Result<Landing, Error> {
        if let Some(patience) = &self.patience {
            patience.over.store(true, Ordering::Relaxed);
        }
        // What came before a part of the log that cannot be read lands. What came from another log does not.
        let good = matches!(result, Ok(()) | Err(Error::Log { .. }));
        let mut flushed = Ok(());
        for i in 0..if good { self.partitions.len() } else { 0 } {
            flushed = flushed.and(self.flush(i).await);
        }
        let settled = flushed.and(self.settle().await);
        let upkept = match self.upkeep.take() {
            // It may end at any instant, as in a crash. The next follower goes on with it.
            Some(upkeep) => {
                upkeep.abort();
                match upkeep.await {
                    Err(error) if error.is_cancelled() => Ok(()),
                    ended => ended.map_err(Error::from).flatten(),
                }
            }
            None => Ok(()),
        };
        result.and(settled).and(upkept)?;
        Ok(std::mem::take(&mut self.landing))
    }
}
