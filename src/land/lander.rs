//! Lands a log: reads each partition from the first offset that has not landed, and commits one file after another.

mod follow;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;

use super::compact::Compaction;
use super::connections::Connections;
use super::dead;
use super::error::{Error, Stranger};
use super::files::LandedFile;
use super::folder::{Folder, Lock};
use super::identify::Candidate;
use super::pending::Pending;
use super::read::{Outcome, Read, Reader};
use super::recover::{Landed, read_footers, recover};
use super::summary::Summary;
use crate::durable::blocking;
use crate::log::{Log, LogId};
use crate::tick::{Order, Rules};

/// Dead letters are held in memory until their range is committed. Once they take this many bytes, the range is committed
/// early.
const MOST_DEAD_BYTES: usize = 64 << 20;

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
    /// The log as the user wrote it, for hints.
    pub source: String,
    /// The name that the log's files carry; `None` means the name under which the log has landed, else its topic. If a name
    /// is given, ticks of products that have landed from other logs also land, and ticks seen before are marked as
    /// duplicates.
    pub name: Option<String>,
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
    options: Options,
    order: Order,
    /// The files that were visible when the folder was opened.
    landed: Vec<Landed>,
    /// The products that have landed from this log.
    products: HashSet<String>,
    /// The products that have landed from other logs, each with that log's name.
    others: HashMap<String, String>,
    partitions: Vec<Partition>,
    landing: Landing,
    /// The file that is encoded and committed while the next one fills. Files are committed one after another.
    committing: Option<JoinHandle<Result<Committed, Error>>>,
    compacting: Option<JoinHandle<Result<Compaction, Error>>>,
    /// The work in progress holds it too, so that no other process lands before that work ends.
    lock: Arc<Lock>,
}

/// A partition, and the state after what has been landed of it.
struct Partition {
    number: i32,
    /// `None` if the topic has several partitions, because a connection's messages are then spread over them.
    connections: Option<Connections>,
    pending: Pending,
}

struct Committed {
    file: LandedFile,
    dead_file: Option<PathBuf>,
    summary: Summary,
}

impl Lander {
    /// Prepares to land a log: reserves the folder, checks that the landed offsets are this log's, and restores the order of
    /// products from what has landed.
    ///
    /// # Errors
    /// The log or the folder cannot be used, another process lands into it, or another log has landed under the name.
    pub async fn open(log: Arc<dyn Log>, options: Options) -> Result<Lander, Error> {
        let folder = Folder::new(&options.ticks_dir)?;
        let lock = Arc::new(folder.lock()?);
        folder.remove_leftovers(&lock)?;
        let failed = |source| Error::log(&options.source, source);
        let id = log.id().await.map_err(failed)?;
        let landed = read_footers(&folder, &folder.list().await?).await?;
        let candidate = Candidate { log: &log, id: &id, source: &options.source, folder: &folder, landed: &landed };
        let name = candidate.name(options.name.as_deref()).await?;
        if !Folder::can_hold(&name) {
            return Err(Error::Topic { topic: name });
        }
        let order = recover(&folder, &landed, options.rules).await?;
        let (mut products, mut others) = (HashSet::new(), HashMap::new());
        for Landed { file, footer } in &landed {
            for product_id in footer.summary.products.keys() {
                if file.topic == name {
                    products.insert(product_id.clone());
                } else {
                    others.insert(product_id.clone(), file.topic.clone());
                }
            }
        }
        let mut lander = Lander {
            log,
            id,
            name,
            folder,
            options,
            order,
            landed,
            products,
            others,
            partitions: Vec::new(),
            landing: Landing::default(),
            committing: None,
            compacting: None,
            lock,
        };
        lander.find_partitions().await?;
        Ok(lander)
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
        for number in numbers {
            if self.partitions.iter().any(|partition| partition.number == number) {
                continue;
            }
            let offsets = self.offsets(number).await?;
            let own =
                self.landed.iter().filter(|Landed { file, .. }| file.topic == self.name && file.partition == number);
            let (mut next, mut connections) = (None, Connections::default());
            for Landed { file, footer } in own {
                next = Some(file.next_offset());
                connections.restore(&footer.summary);
            }
            let next = next.unwrap_or(offsets.start);
            if offsets.start > next {
                self.landing.lost.push((number, next, offsets.start - 1));
            }
            dead::remove_uncommitted(&self.options.dead_dir, &self.name, number, next)?;
            self.partitions.push(Partition {
                number,
                connections: alone.then_some(connections),
                pending: Pending::new(next.max(offsets.start)),
            });
        }
        Ok(())
    }

    async fn offsets(&self, partition: i32) -> Result<std::ops::Range<i64>, Error> {
        let offsets = self.log.offsets(partition).await;
        offsets.map_err(|source| Error::log(&self.options.source, source))
    }

    fn refuse(&self, stranger: Stranger) -> Error {
        let Lander { log, id, folder, landed, options, .. } = self;
        Candidate { log, id, source: &options.source, folder, landed }.refuse(stranger)
    }

    /// Reads a partition up to the log's present end and commits each file that fills; returns the number of offsets passed.
    async fn catch_up(
        &mut self,
        i: usize,
        stop: &AtomicBool,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<u64, Error> {
        let number = self.partitions[i].number;
        let end = self.offsets(number).await?.end;
        let next = self.partitions[i].pending.next_offset();
        if next > end {
            return Err(self.refuse(Stranger::Ends { name: self.name.clone(), partition: number, end, next }));
        }
        if next == end {
            return Ok(0);
        }
        let mut reader = Reader::start(Arc::clone(&self.log), number, next, end);
        let mut read = 0;
        while let Some(chunk) = reader.next().await? {
            let before = self.partitions[i].pending.next_offset();
            for message in chunk.messages {
                self.admit(&message)?;
                let partition = &mut self.partitions[i];
                partition.pending.add(message, &mut self.order, partition.connections.as_mut());
                let pending = &partition.pending;
                let full = pending.summary.messages >= self.options.flush_messages.max(1) as u64;
                if full || pending.dead_bytes() >= MOST_DEAD_BYTES {
                    self.flush(i).await?;
                }
            }
            self.partitions[i].pending.pass_to(chunk.next);
            let passed = u64::try_from(chunk.next.saturating_sub(before)).unwrap_or(0);
            read += passed;
            progress(passed);
            if stop.load(Ordering::Relaxed) {
                break;
            }
        }
        Ok(read)
    }

    /// Refuses ticks of a product that has landed from another log, unless the user gave a name for this log's files.
    fn admit(&mut self, message: &Read) -> Result<(), Error> {
        let Outcome::Ticks(ticks) = &message.outcome else { return Ok(()) };
        for tick in ticks {
            if self.products.contains(&tick.product_id) {
                continue;
            }
            if self.options.name.is_none()
                && let Some(name) = self.others.get(&tick.product_id)
            {
                let (name, product_id) = (name.clone(), tick.product_id.clone());
                return Err(self.refuse(Stranger::Product { name, product_id }));
            }
            self.products.insert(tick.product_id.clone());
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
        let next = partition.pending.next_offset();
        let pending = std::mem::replace(&mut partition.pending, Pending::new(next));
        let commit = Commit {
            file: pending.file(&self.name, partition.number),
            log: self.id.clone(),
            folder: self.folder.clone(),
            dead_dir: self.options.dead_dir.clone(),
            lock: Arc::clone(&self.lock),
        };
        self.committing = Some(tokio::spawn(commit.run(pending)));
        Ok(())
    }

    /// Waits until the commit in progress has ended.
    async fn settle(&mut self) -> Result<(), Error> {
        if let Some(committing) = self.committing.take() {
            let committed = committing.await??;
            self.landing.summary.add(&committed.summary);
            self.landing.files.push(committed.file);
            self.landing.dead_files.extend(committed.dead_file);
        }
        Ok(())
    }

    /// Waits for the work in progress, even after a failure, because the folder's lock may be released only then.
    async fn finish(mut self, result: Result<(), Error>) -> Result<Landing, Error> {
        let settled = self.settle().await;
        let compacted = match self.compacting.take() {
            Some(compacting) => compacting.await.map_err(Error::from).flatten().map(drop),
            None => Ok(()),
        };
        result.and(settled).and(compacted)?;
        Ok(std::mem::take(&mut self.landing))
    }
}

/// Everything that committing a file needs.
struct Commit {
    file: LandedFile,
    log: LogId,
    folder: Folder,
    dead_dir: PathBuf,
    lock: Arc<Lock>,
}

impl Commit {
    /// Writes a range's dead letters, and then the file that commits the range.
    async fn run(self, pending: Pending) -> Result<Committed, Error> {
        let Commit { file, log, folder, dead_dir, lock } = self;
        let encoding = {
            let (file, lock) = (file.clone(), Arc::clone(&lock));
            blocking(move || {
                let (content, summary, letters) = pending.encode(&file, log)?;
                let mut dead_file = None;
                if !letters.is_empty() {
                    dead::write(&dead_dir, &file, &letters)?;
                    dead_file = Some(dead::path(&dead_dir, &file));
                }
                drop(lock);
                Ok::<_, Error>((content, summary, dead_file))
            })
        };
        let (content, summary, dead_file) = encoding.await?;
        folder.commit(&file, content).await?;
        drop(lock);
        Ok(Committed { file, dead_file, summary })
    }
}
