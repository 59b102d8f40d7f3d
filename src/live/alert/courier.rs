//! Passes alerts on, one after another, while rows go on: a bounded queue and a task that empties it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::Tally;
use super::outbox::{Outbox, Pending};
use super::to::{Given, LAST, Recipient};
use crate::error::with_causes;
use crate::live::error::Error;
use crate::live::webhook::Stop;
use crate::log::Tell;

/// Alerts that may wait.
pub const MOST: usize = 256;
/// How long the end of a run waits for the next alert to be given before it begins no further one; those that are left are given after
/// the next start. A run that is stopped begins none.
const NEXT: Duration = Duration::from_secs(5);
/// How long the end of a run waits to note what became of the alert under way, after that had its time.
const NOTE: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_millis(20);
/// How long to wait before an alert is given again; the wait doubles, up to the most.
const RETRY_FIRST: Duration = Duration::from_millis(250);
const RETRY_MOST: Duration = Duration::from_secs(15);

/// The queue of alerts.
pub struct Courier {
    sender: mpsc::Sender<Pending>,
    waiting: Arc<AtomicUsize>,
    /// Says that the run is stopped.
    stop: Stop,
    /// Says that no further alert, and no further attempt, is begun.
    last: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

/// What the task works with.
pub struct Round {
    pub recipient: Box<dyn Recipient>,
    pub outbox: Arc<Outbox>,
    pub tally: Arc<Tally>,
    pub stop: Stop,
    pub tell: Tell,
}

impl Courier {
    /// Starts to pass alerts on.
    pub fn start(round: Round) -> Courier {
        let (sender, receiver) = mpsc::channel(MOST);
        let waiting = Arc::new(AtomicUsize::new(0));
        let (stop, last) = (round.stop.clone(), Arc::<AtomicBool>::default());
        // At the end, what is under way is awaited; so what it looks at is not the run's own stop.
        let round = Round { stop: Stop { flag: Arc::clone(&last), at: None }, ..round };
        let task = tokio::spawn(round.run(receiver, Arc::clone(&waiting)));
        Courier { sender, waiting, stop, last, task }
    }

    /// Takes an alert; returns false if too many wait.
    pub fn take(&self, alert: Pending) -> bool {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let is_taken = self.sender.try_send(alert).is_ok();
        if !is_taken {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
        }
        is_taken
    }

    /// Waits until all alerts are given, as long as one after another is and the run is not stopped. Then the alert under way has its
    /// time to end, so that it is not given again.
    pub async fn settle(&self) {
        let waiting = || self.waiting.load(Ordering::Relaxed);
        let (mut left, mut since) = (waiting(), Instant::now());
        let mut ending: Option<Instant> = None;
        while left > 0 && !self.task.is_finished() && ending.is_none_or(|ending| ending.elapsed() < LAST + NOTE) {
            if ending.is_none() && (self.stop.is_set() || since.elapsed() >= NEXT) {
                self.last.store(true, Ordering::Relaxed);
                ending = Some(Instant::now());
            }
            tokio::time::sleep(LOOK).await;
            if waiting() != left {
                (left, since) = (waiting(), Instant::now());
            }
        }
    }
}

impl Drop for Courier {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Round {
    async fn run(mut self, mut receiver: mpsc::Receiver<Pending>, waiting: Arc<AtomicUsize>) {
        while let Some(pending) = receiver.recv().await {
            if self.stop.is_set() {
                return;
            }
            match self.pass(pending).await {
                Ok(true) => {}
                // The run ends; the outbox keeps what is left.
                Ok(false) => return,
                Err(error) => {
                    self.tell.say(&format!("Warning: alerts cannot be noted: {}", with_causes(&error)));
                }
            }
            waiting.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Gives one alert; returns false if the run ends before.
    async fn pass(&mut self, mut pending: Pending) -> Result<bool, Error> {
        let mut wait = RETRY_FIRST;
        let mut is_told = false;
        loop {
            let reason = match self.attempt(&mut pending).await? {
                Given::Taken => {
                    self.tally.given();
                    self.outbox.done(&pending).await?;
                    return Ok(true);
                }
                Given::Refused(reason) => {
                    self.tally.refused();
                    let path = self.outbox.refuse(&pending.alert, &reason).await?;
                    let path = path.display();
                    self.tell.say(&format!("Warning: an alert was refused, and is kept in {path}: {reason}"));
                    self.outbox.done(&pending).await?;
                    return Ok(true);
                }
                Given::Stopped => return Ok(false),
                Given::Later(reason) => reason,
            };
            if !is_told {
                self.tell.say(&format!("Warning: an alert cannot be given: {reason}; squall tries again"));
                is_told = true;
            }
            self.stop.wait(wait).await;
            if self.stop.is_set() {
                return Ok(false);
            }
            wait = (wait * 2).min(RETRY_MOST);
        }
    }

    async fn attempt(&mut self, pending: &mut Pending) -> Result<Given, Error> {
        match &pending.mark {
            // An earlier attempt may have arrived.
            Some(mark) => match self.recipient.has(&pending.alert, mark).await {
                Ok(true) => return Ok(Given::Taken),
                Ok(false) => {}
                Err(reason) => return Ok(Given::Later(reason)),
            },
            None => match self.recipient.mark().await {
                Ok(Some(now)) => self.outbox.mark(pending, now).await?,
                Ok(None) => {}
                Err(reason) => return Ok(Given::Later(reason)),
            },
        }
        Ok(self.recipient.give(&pending.alert, &self.stop).await)
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;
    use crate::live::alert::Alert;

    /// Takes an alert after a while.
    struct Slow(Duration);

    #[async_trait]
    impl Recipient for Slow {
        async fn give(&mut self, _alert: &Alert, _stop: &Stop) -> Given {
            tokio::time::sleep(self.0).await;
            Given::Taken
        }
    }

    async fn begun(dir: &std::path::Path, takes: Duration) -> (Courier, Arc<Outbox>, Stop) {
        let (outbox, _) = Outbox::open(&dir.join("q.json"), |_, _| true).unwrap();
        let alert = |n: i64| {
            let (key, product, message) = (format!("alert-{n}"), "BTC-USD".into(), "{}".into());
            (Alert { key, product, ts: n, sentence: String::new(), message }, (0, n))
        };
        let pending = outbox.add((0..5).map(alert).collect()).await.unwrap();
        let stop = Stop::default();
        let round = Round {
            recipient: Box::new(Slow(takes)),
            outbox: Arc::clone(&outbox),
            tally: Arc::default(),
            stop: stop.clone(),
            tell: Tell::default(),
        };
        let courier = Courier::start(round);
        for alert in pending {
            assert!(courier.take(alert));
        }
        (courier, outbox, stop)
    }

    #[tokio::test]
    async fn a_stopped_run_awaits_the_alert_under_way_and_begins_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let (courier, outbox, stop) = begun(dir.path(), Duration::from_millis(600)).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        stop.flag.store(true, Ordering::Relaxed);
        courier.settle().await;
        drop(courier);
        assert_eq!(outbox.count(), 4, "the one under way is noted, and the others wait for the next start");
        let (_, waiting) = Outbox::open(&dir.path().join("q.json"), |_, _| true).unwrap();
        assert_eq!(waiting[0].alert.key, "alert-1");
    }

    #[tokio::test]
    async fn a_run_that_ends_by_itself_gives_all_alerts() {
        let dir = tempfile::tempdir().unwrap();
        let (courier, outbox, _) = begun(dir.path(), Duration::from_millis(50)).await;
        courier.settle().await;
        assert_eq!(outbox.count(), 0);
    }
}
