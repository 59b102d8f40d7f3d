//! Lands messages as they arrive until it is stopped, and merges small files in the meantime.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::super::Error;
use super::super::compact::compact;
use super::{Lander, Landing};

/// How long a follower waits when the log holds no new message.
const REST: Duration = Duration::from_millis(100);
/// How often a follower checks for new partitions.
const LOOK: Duration = Duration::from_secs(10);
/// The number of new files after which a follower compacts. Too large a number makes queries read many files; too small a
/// number makes squall rewrite the same rows often.
const COMPACT_FILES: usize = 64;
/// How long a follower keeps files that compaction hid, for queries that were planned before.
const GRACE: Duration = Duration::from_secs(60);

impl Lander {
    /// Lands what the log holds and everything that arrives, until `stop` is set; calls `progress` with the number of
    /// offsets passed.
    pub async fn follow(mut self, stop: &AtomicBool, progress: &mut (dyn FnMut(u64) + Send)) -> Result<Landing, Error> {
        let followed = self.follow_partitions(stop, progress).await;
        self.finish(followed).await
    }

    async fn follow_partitions(
        &mut self,
        stop: &AtomicBool,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<(), Error> {
        let mut compacted = 0;
        let mut looked = Instant::now();
        while !stop.load(Ordering::Relaxed) {
            let mut read = 0;
            for i in 0..self.partitions.len() {
                read += self.catch_up(i, stop, progress).await?;
                let waiting: u64 = self.partitions.iter().map(|partition| partition.pending.summary.messages).sum();
                let pending = &self.partitions[i].pending;
                let due = !pending.is_empty() && pending.since().elapsed() >= self.options.flush_interval;
                // Use the sum over all partitions, because memory holds all of them at once.
                if due || waiting >= self.options.flush_messages as u64 {
                    self.flush(i).await?;
                }
            }
            if self.options.compact
                && self.landing.files.len() - compacted >= COMPACT_FILES
                && self.compacting.is_none()
            {
                let (folder, lock) = (self.folder.clone(), Arc::clone(&self.lock));
                self.compacting = Some(tokio::spawn(async move { compact(&folder, &lock, GRACE).await }));
                compacted = self.landing.files.len();
            }
            if let Some(compacting) = self.compacting.take_if(|compacting| compacting.is_finished()) {
                compacting.await??;
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
        Ok(())
    }
}
