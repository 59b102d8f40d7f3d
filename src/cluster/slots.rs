//! Which worker has room.
//!
//! In: workers, each with its number of threads. Out: one slot at a time, of the worker with the most room. A worker that does not answer
//! gets nothing more.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;
use url::Url;

use super::Error;

struct Worker {
    url: Url,
    threads: usize,
    busy: usize,
    is_lost: bool,
}

/// The workers of a cluster.
pub struct Slots {
    workers: Mutex<Vec<Worker>>,
    freed: Notify,
    warn: fn(&str),
}

impl fmt::Debug for Slots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} slots", self.width())
    }
}

/// A thread of a worker, until it is dropped.
pub struct Slot {
    slots: Arc<Slots>,
    worker: usize,
    url: Url,
}

impl Slot {
    /// Returns the worker's address.
    pub fn url(&self) -> &Url {
        &self.url
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.slots.workers()[self.worker].busy -= 1;
        self.slots.freed.notify_waiters();
    }
}

impl Slots {
    pub fn new(workers: Vec<(Url, usize)>, warn: fn(&str)) -> Slots {
        let workers = workers.into_iter().map(|(url, threads)| Worker { url, threads, busy: 0, is_lost: false });
        Slots { workers: Mutex::new(workers.collect()), freed: Notify::new(), warn }
    }

    fn workers(&self) -> std::sync::MutexGuard<'_, Vec<Worker>> {
        // The list is never left half changed.
        self.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the number of threads of all workers that answer.
    pub fn width(&self) -> usize {
        self.workers().iter().filter(|worker| !worker.is_lost).map(|worker| worker.threads).sum()
    }

    /// Returns a slot as soon as a worker has room.
    ///
    /// # Errors
    /// No worker answers any more.
    pub async fn next(self: &Arc<Slots>) -> Result<Slot, Error> {
        loop {
            let freed = self.freed.notified();
            tokio::pin!(freed);
            // A slot that is freed from here on is not missed.
            freed.as_mut().enable();
            if let Some(slot) = self.free()? {
                return Ok(slot);
            }
            freed.await;
        }
    }

    fn free(self: &Arc<Slots>) -> Result<Option<Slot>, Error> {
        let mut workers = self.workers();
        let alive = || workers.iter().enumerate().filter(|(_, worker)| !worker.is_lost);
        if alive().next().is_none() {
            return Err(Error::AllLost);
        }
        let roomy = alive().filter(|(_, worker)| worker.busy < worker.threads);
        let Some((index, _)) = roomy.max_by_key(|(index, worker)| (worker.threads - worker.busy, usize::MAX - index))
        else {
            return Ok(None);
        };
        workers[index].busy += 1;
        Ok(Some(Slot { slots: Arc::clone(self), worker: index, url: workers[index].url.clone() }))
    }

    /// Gives a worker nothing more.
    pub fn lose(&self, slot: &Slot, why: &str) {
        let was_lost = std::mem::replace(&mut self.workers()[slot.worker].is_lost, true);
        if !was_lost {
            (self.warn)(&format!("worker {} is lost: {why}; others compute its part", address(&slot.url)));
        }
        self.freed.notify_waiters();
    }
}

/// Returns a worker's address as people write it.
pub fn address(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port_or_known_default().map_or_else(|| host.to_string(), |port| format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(threads: &[usize]) -> Arc<Slots> {
        let url = |index: usize| Url::parse(&format!("http://worker{index}:1")).unwrap();
        let workers = threads.iter().enumerate().map(|(index, threads)| (url(index), *threads)).collect();
        Arc::new(Slots::new(workers, |_| {}))
    }

    #[tokio::test]
    async fn the_worker_with_the_most_room_is_next() {
        let slots = slots(&[1, 3]);
        let mut taken = Vec::new();
        for expected in ["worker1", "worker1", "worker0", "worker1"] {
            let slot = slots.next().await.unwrap();
            assert_eq!(slot.url().host_str(), Some(expected));
            taken.push(slot);
        }
        assert!(slots.free().unwrap().is_none());
        let waiting = tokio::spawn({
            let slots = Arc::clone(&slots);
            async move { slots.next().await.unwrap().url().to_string() }
        });
        tokio::task::yield_now().await;
        taken.remove(2);
        assert_eq!(waiting.await.unwrap(), "http://worker0:1/");
    }

    #[tokio::test]
    async fn a_lost_worker_gets_nothing_more_and_without_workers_nobody_waits() {
        let slots = slots(&[1, 1]);
        let (one, other) = (slots.next().await.unwrap(), slots.next().await.unwrap());
        slots.lose(&one, "it was killed");
        drop(one);
        assert_eq!(slots.width(), 1);
        assert!(slots.free().unwrap().is_none());
        let waiting = tokio::spawn({
            let slots = Arc::clone(&slots);
            async move { slots.next().await.err().map(|error| error.to_string()) }
        });
        tokio::task::yield_now().await;
        slots.lose(&other, "it was killed too");
        assert_eq!(waiting.await.unwrap().as_deref(), Some("no worker answers any more"));
    }
}
