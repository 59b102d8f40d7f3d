//! Lands messages as they arrive until it is stopped, and merges small files and deletes old ones in the meantime.
//!
//! If the log cannot be read for a time, because a broker restarts or a partition gets another leader, the follower keeps
//! what it has read, tries again, and says when the log is back. It then makes sure that it still is the same log, and likewise after
//! its process was halted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use super::super::Error;
use super::super::commit::Patience;
use super::super::compact::compact;
use super::super::error::Stranger;
use super::super::folder::Folder;
use super::super::lock::Lock;
use super::super::pending::MOST_BYTES;
use super::super::retention::{self, Keep};
use super::{Lander, Landing, Partition};
use crate::error::with_causes;
use crate::log::Testimony;

/// How long a follower waits when the log holds no new message.
const REST: Duration = Duration::from_millis(100);
/// How often a follower checks for new partitions.
const LOOK: Duration = Duration::from_secs(10);
/// How long a follower waits before it reads again after a failure; the wait doubles, up to the most.
const RETRY_FIRST: Duration = Duration::from_millis(250);
const RETRY_MOST: Duration = Duration::from_secs(15);
/// The number of new files after which a follower compacts. Too large a number makes queries read many files; too small a
/// number makes squall rewrite the same rows often.
const COMPACT_FILES: usize = 64;
/// How long a follower keeps files that compaction hid, for queries that were planned before.
const GRACE: Duration = Duration::from_secs(60);

/// How often a follower deletes what is not kept any longer.
const PRUNE: Duration = Duration::from_secs(3600);

/// If a follower comes back after so long, the log may have been replaced meanwhile: its process was halted, or its machine slept.
const AWAY: Duration = Duration::from_secs(1);

/// When a follower began to look at the log.
struct Seen {
    /// Stands still while the machine sleeps.
    at: Instant,
    clock: SystemTime,
}

impl Seen {
    fn now() -> Seen {
        Seen { at: Instant::now(), clock: SystemTime::now() }
    }

    fn is_long_ago(&self) -> bool {
        self.at.elapsed() >= AWAY || self.clock.elapsed().is_ok_and(|elapsed| elapsed >= AWAY)
    }
}

/// A time in which the log cannot be read.
struct Outage {
    since: Instant,
    wait: Duration,
}

impl Lander {
    /// Lands what the log holds and everything that arrives, until `stop` is set; calls `progress` with the number of
    /// offsets passed.
    pub async fn follow(mut self, stop: &AtomicBool, progress: &mut (dyn FnMut(u64) + Send)) -> Result<Landing, Error> {
        let over = Arc::new(AtomicBool::new(false));
        if self.options.retry {
            self.patience = Some(Patience { over: Arc::clone(&over), tell: self.options.tell.clone() });
        }
        let following = self.follow_partitions(stop, progress);
        // While the disk is full, following waits for the commit, which has to learn that it should not wait any longer.
        let watching = async {
            while !stop.load(Ordering::Relaxed) {
                tokio::time::sleep(REST).await;
            }
            over.store(true, Ordering::Relaxed);
            std::future::pending::<()>().await;
        };
        let followed = tokio::select! {
            followed = following => followed,
            () = watching => Ok(()),
        };
        self.finish(followed).await
    }

    async fn follow_partitions(
        &mut self,
        stop: &AtomicBool,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<(), Error> {
        // Files of earlier runs count too. Otherwise runs that end early would pile up small files.
        let (mut small, mut counted) = (self.files, self.landing.files.len());
        let mut looked = Instant::now();
        let mut seen = Seen::now();
        let mut pruned: Option<Instant> = None;
        let mut outage: Option<Outage> = None;
        while !stop.load(Ordering::Relaxed) {
            let was_away = std::mem::replace(&mut seen, Seen::now()).is_long_ago();
            match self.turn(stop, progress, &mut looked, outage.is_some() || was_away).await {
                Ok(read) => {
                    self.metrics.turned();
                    if let Some(outage) = outage.take() {
                        self.metrics.well("reading");
                        let (source, seconds) = (&self.options.source, outage.since.elapsed().as_secs());
                        let text = format!("Note: {source} can be read again, after {seconds} s");
                        self.options.tell.say_of(&text, &[("log", source.clone())]);
                    }
                    if read == 0 {
                        tokio::time::sleep(REST).await;
                    }
                }
                Err(error) if self.options.retry && error.may_pass() => {
                    let outage = outage.get_or_insert_with(|| {
                        let reason = std::error::Error::source(&error).map_or(error.to_string(), with_causes);
                        let source = &self.options.source;
                        let text = format!(
                            "Warning: {source} cannot be read: {reason}; squall tries again until it can, or until it is stopped"
                        );
                        self.options.tell.say_of(&text, &[("log", source.clone()), ("reason", reason.clone())]);
                        self.metrics.outages.add(&[], 1);
                        self.metrics.unwell("reading", reason);
                        Outage { since: Instant::now(), wait: RETRY_FIRST }
                    });
                    let wait = outage.wait;
                    outage.wait = (wait * 2).min(RETRY_MOST);
                    self.wait(wait, stop).await?;
                }
                Err(error) => return Err(error),
            }
            small += self.landing.files.len() - counted;
            counted = self.landing.files.len();
            let merges = self.options.compact && small >= COMPACT_FILES;
            let prunes = self.options.keep.has_limits() && pruned.is_none_or(|at| at.elapsed() >= PRUNE);
            if (merges || prunes) && self.upkeep.is_none() {
                let (folder, lock, keep) = (self.folder.clone(), Arc::clone(&self.lock), self.options.keep);
                self.upkeep = Some(tokio::spawn(async move { upkeep(&folder, &lock, merges, keep).await }));
                small = if merges { 0 } else { small };
                pruned = Some(Instant::now());
            }
            if let Some(upkeep) = self.upkeep.take_if(|upkeep| upkeep.is_finished())
                && let Err(error) = upkeep.await?
            {
                // Landing does not depend on it. The next time, or `squall land --compact`, reports it again.
                self.options.tell.say(&format!("Warning: small files were not merged: {}", with_causes(&error)));
            }
        }
        Ok(())
    }

    /// Reads every partition once, and returns the number of offsets passed. If a partition cannot be read for now, the
    /// others are read nevertheless.
    async fn turn(
        &mut self,
        stop: &AtomicBool,
        progress: &mut (dyn FnMut(u64) + Send),
        looked: &mut Instant,
        was_away: bool,
    ) -> Result<u64, Error> {
        if was_away {
            self.check_log().await?;
        }
        if was_away || looked.elapsed() >= LOOK {
            self.find_partitions().await?;
            *looked = Instant::now();
        }
        let (mut read, mut failed) = (0, None);
        for i in 0..self.partitions.len() {
            match self.catch_up(i, stop, progress).await {
                Ok(passed) => read += passed,
                Err(error) if error.may_pass() => {
                    failed.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
            self.flush_due(i).await?;
        }
        match failed {
            Some(error) => Err(error),
            None => Ok(read),
        }
    }

    /// Commits a partition's messages if they have waited long enough, or if there are many.
    async fn flush_due(&mut self, i: usize) -> Result<(), Error> {
        let waiting: usize = self.partitions.iter().map(|partition| partition.pending.messages()).sum();
        let pending = &self.partitions[i].pending;
        let due = !pending.is_empty() && pending.since().elapsed() >= self.options.flush_interval;
        // Use the sums over all partitions, because memory holds all of them at once.
        if due || waiting >= self.options.flush_messages {
            self.flush(i).await?;
        }
        let bytes = |partition: &Partition| partition.pending.bytes();
        if self.partitions.iter().map(bytes).sum::<usize>() >= MOST_BYTES
            && let Some(largest) = (0..self.partitions.len()).max_by_key(|i| bytes(&self.partitions[*i]))
        {
            self.flush(largest).await?;
        }
        Ok(())
    }

    /// Waits; what was read before lands in time nevertheless.
    async fn wait(&mut self, time: Duration, stop: &AtomicBool) -> Result<(), Error> {
        let start = Instant::now();
        while start.elapsed() < time && !stop.load(Ordering::Relaxed) {
            for i in 0..self.partitions.len() {
                self.flush_due(i).await?;
            }
            tokio::time::sleep(REST).await;
        }
        Ok(())
    }

    /// Refuses a log that was replaced by another while it could not be read.
    async fn check_log(&self) -> Result<(), Error> {
        let failed = |source| Error::log(&self.options.source, source);
        let name = || self.name.clone();
        let id = self.log.id().await.map_err(failed)?;
        if id != self.id {
            return Err(self.refuse(Stranger::Id { name: name(), landed: self.id.clone(), log: id }));
        }
        for partition in &self.partitions {
            let number = partition.number;
            // What waits may have been read from the other log already.
            for last in [partition.last.clone(), partition.pending.last()].into_iter().flatten() {
                let offset = last.offset;
                match last.ask(self.log.as_ref(), number).await.map_err(failed)? {
                    Testimony::Same | Testimony::Gone => {}
                    Testimony::Other => {
                        return Err(self.refuse(Stranger::Message { name: name(), partition: number, offset }));
                    }
                    Testimony::Ended { end } => {
                        let next = offset.saturating_add(1);
                        return Err(self.refuse(Stranger::Ends { name: name(), partition: number, end, next }));
                    }
                }
            }
        }
        Ok(())
    }
}

/// Merges small files, and deletes those that are not kept any longer.
async fn upkeep(folder: &Folder, lock: &Lock, merges: bool, keep: Keep) -> Result<(), Error> {
    if merges {
        compact(folder, lock, GRACE).await?;
    }
    retention::prune(folder, lock, keep).await.map(drop)
}
