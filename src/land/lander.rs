//! Lands a log: reads each partition from one past what has landed, and commits file after file.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use super::compact::compact;
use super::connections::Connections;
use super::files::LandedFile;
use super::folder::{Folder, Lock};
use super::order::{Order, Rules};
use super::pending::Pending;
use super::read::Reader;
use super::recover::recover;
use super::summary::Summary;
use super::{Error, dead};
use crate::log::Log;

/// Dead letters are held in memory until their range is committed, which is done early when they come to so many bytes.
const MOST_DEAD_BYTES: usize = 64 << 20;
/// How long a follower rests when the log holds nothing new.
const REST: Duration = Duration::from_millis(100);

/// How often a follower looks for new partitions.
const LOOK: Duration = Duration::from_secs(10);
/// A follower that compacts does so after so many files: often enough that a query reads few, seldom enough that rows are
/// not rewritten all the time.
const COMPACT_FILES: usize = 64;
/// How long a follower keeps the files that compaction hid, for queries that were planned before.
const GRACE: Duration = Duration::from_secs(60);

/// Where and how to land.
#[derive(Debug, Clone)]
pub struct Options {
    pub ticks_dir: PathBuf,
    pub dead_dir: PathBuf,
    pub rules: Rules,
    /// A file is written after this many messages of a partition; at least 1.
    pub flush_messages: usize,
    /// A follower writes a file this long after the first message in it.
    pub flush_interval: Duration,
    /// Whether a follower merges small files now and then.
    pub compact: bool,
}

/// What a run landed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Landing {
    pub summary: Summary,
    /// The files committed, in the order in which they were.
    pub files: Vec<LandedFile>,
    /// The files of dead letters.
    pub dead_files: Vec<PathBuf>,
    /// Ranges that the log no longer held when their turn came: partition, first and last offset.
    pub lost: Vec<(i32, i64, i64)>,
}

/// Lands one log into one folder.
pub struct Lander {
    log: Arc<dyn Log>,
    folder: Folder,
    options: Options,
    partitions: Vec<Partition>,
    landing: Landing,
    /// The file being encoded and committed while the next one fills; files are committed one after the other.
    committing: Option<JoinHandle<Result<Committed, Error>>>,
    lock: Lock,
}

/// A partition and what landing it so far left behind.
struct Partition {
    number: i32,
    order: Order,
    /// None where the topic has several partitions, over which a connection's messages are spread.
    connections: Option<Connections>,
    pending: Pending,
}

struct Committed {
    file: LandedFile,
    dead_file: Option<PathBuf>,
    summary: Summary,
}

impl Lander {
    /// Prepares to land a log: reserves the folder, and recovers each partition's state from what has landed.
    ///
    /// # Errors
    /// The log or the folder cannot be used, another process lands into it, or the log ends before what has landed.
    pub async fn open(log: Arc<dyn Log>, options: Options) -> Result<Lander, Error> {
        let folder = Folder::new(&options.ticks_dir)?;
        let lock = folder.lock()?;
        let mut lander = Lander {
            log,
            folder,
            options,
            partitions: Vec::new(),
            landing: Landing::default(),
            committing: None,
            lock,
        };
        lander.find_partitions().await?;
        Ok(lander)
    }

    /// Returns how many messages the log holds now beyond those landed.
    pub async fn backlog(&self) -> Result<u64, Error> {
        let mut messages = 0;
        for partition in &self.partitions {
            let offsets = self.offsets(partition.number).await?;
            messages += u64::try_from(offsets.end - partition.pending.next_offset()).unwrap_or(0);
        }
        Ok(messages)
    }

    /// Lands all that the log holds now, unless `stop` is set before; calls `progress` with the number of messages read.
    pub async fn drain(mut self, stop: &AtomicBool, progress: &mut (dyn FnMut(u64) + Send)) -> Result<Landing, Error> {
        for i in 0..self.partitions.len() {
            self.catch_up(i, stop, progress).await?;
            self.flush(i).await?;
        }
        self.finish().await
    }

    /// Lands what the log holds and what comes, until `stop` is set; calls `progress` with the number of messages read.
    pub async fn follow(mut self, stop: &AtomicBool, progress: &mut (dyn FnMut(u64) + Send)) -> Result<Landing, Error> {
        let mut compacted = 0;
        let mut looked = Instant::now();
        while !stop.load(Ordering::Relaxed) {
            let mut read = 0;
            for i in 0..self.partitions.len() {
                read += self.catch_up(i, stop, progress).await?;
                let waiting: u64 = self.partitions.iter().map(|partition| partition.pending.summary.messages).sum();
                let pending = &self.partitions[i].pending;
                let due = !pending.is_empty() && pending.since().elapsed() >= self.options.flush_interval;
                // With many partitions, it is their sum that memory holds.
                if due || waiting >= self.options.flush_messages as u64 {
                    self.flush(i).await?;
                }
            }
            if self.options.compact && self.landing.files.len() - compacted >= COMPACT_FILES {
                self.settle().await?;
                compact(&self.folder, &self.lock, GRACE).await?;
                compacted = self.landing.files.len();
            }
            if read == 0 {
                tokio::time::sleep(REST).await;
            }
            if looked.elapsed() >= LOOK {
                self.find_partitions().await?;
                looked = Instant::now();
            }
        }
        for i in 0..self.partitions.len() {
            self.flush(i).await?;
        }
        self.finish().await
    }

    /// Takes up the partitions that are new, and what has landed of them.
    async fn find_partitions(&mut self) -> Result<(), Error> {
        let topic = self.log.topic().to_string();
        let numbers = self.log.partitions().await.map_err(|source| Error::log(&topic, source))?;
        if !Folder::can_hold(&topic) {
            return Err(Error::Topic { topic });
        }
        let alone = numbers.len() == 1;
        if !alone {
            self.partitions.iter_mut().for_each(|partition| partition.connections = None);
        }
        for number in numbers {
            if self.partitions.iter().any(|partition| partition.number == number) {
                continue;
            }
            let listing = self.folder.list().await?;
            let offsets = self.offsets(number).await?;
            let landed = listing.landed.next_offset(&topic, number);
            let next = landed.unwrap_or(offsets.start);
            if offsets.end < next {
                return Err(Error::Behind { topic, partition: number, end: offsets.end, next });
            }
            if offsets.start > next {
                self.landing.lost.push((number, next, offsets.start - 1));
            }
            dead::remove_uncommitted(&self.options.dead_dir, &topic, number, next)?;
            let (order, connections) =
                recover(&self.folder, listing.landed.of(&topic, number), self.options.rules).await?;
            self.partitions.push(Partition {
                number,
                order,
                connections: alone.then_some(connections),
                pending: Pending::new(next.max(offsets.start)),
            });
        }
        Ok(())
    }

    async fn offsets(&self, partition: i32) -> Result<std::ops::Range<i64>, Error> {
        let offsets = self.log.offsets(partition).await;
        offsets.map_err(|source| Error::log(self.log.topic(), source))
    }

    /// Reads a partition up to where the log ends now, committing each file that fills; returns the messages read.
    async fn catch_up(
        &mut self,
        i: usize,
        stop: &AtomicBool,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<u64, Error> {
        let partition = &self.partitions[i];
        let end = self.offsets(partition.number).await?.end;
        let next = partition.pending.next_offset();
        if next >= end {
            return Ok(0);
        }
        let mut reader = Reader::start(Arc::clone(&self.log), partition.number, next, end);
        let mut read = 0;
        while let Some(messages) = reader.next().await? {
            let n = messages.len() as u64;
            for message in messages {
                let partition = &mut self.partitions[i];
                partition.pending.add(message, &mut partition.order, partition.connections.as_mut());
                let pending = &partition.pending;
                let full = pending.summary.messages >= self.options.flush_messages.max(1) as u64;
                if full || pending.dead_bytes() >= MOST_DEAD_BYTES {
                    self.flush(i).await?;
                }
            }
            read += n;
            progress(n);
            if stop.load(Ordering::Relaxed) {
                break;
            }
        }
        Ok(read)
    }

    /// Hands what is pending of a partition to be committed, once the file before it is.
    async fn flush(&mut self, i: usize) -> Result<(), Error> {
        self.settle().await?;
        let partition = &mut self.partitions[i];
        if partition.pending.is_empty() {
            return Ok(());
        }
        let next = partition.pending.next_offset();
        let pending = std::mem::replace(&mut partition.pending, Pending::new(next));
        let file = pending.file(self.log.topic(), partition.number);
        let (folder, dead_dir) = (self.folder.clone(), self.options.dead_dir.clone());
        self.committing = Some(tokio::spawn(commit(folder, dead_dir, file, pending)));
        Ok(())
    }

    /// Waits for the file being committed.
    async fn settle(&mut self) -> Result<(), Error> {
        if let Some(committing) = self.committing.take() {
            let committed = committing.await??;
            self.landing.summary.add(&committed.summary);
            self.landing.files.push(committed.file);
            self.landing.dead_files.extend(committed.dead_file);
        }
        Ok(())
    }

    async fn finish(mut self) -> Result<Landing, Error> {
        self.settle().await?;
        Ok(std::mem::take(&mut self.landing))
    }
}

/// Puts a range's dead letters, and then the file that commits it.
async fn commit(folder: Folder, dead_dir: PathBuf, file: LandedFile, pending: Pending) -> Result<Committed, Error> {
    let encoding = {
        let file = file.clone();
        tokio::task::spawn_blocking(move || {
            let (content, summary, letters) = pending.encode(&file)?;
            let mut dead_file = None;
            if !letters.is_empty() {
                dead::write(&dead_dir, &file, &letters)?;
                dead_file = Some(dead::path(&dead_dir, &file));
            }
            Ok::<_, Error>((content, summary, dead_file))
        })
    };
    let (content, summary, dead_file) = encoding.await??;
    folder.commit(&file, content).await?;
    Ok(Committed { file, dead_file, summary })
}
