//! Passes alerts on, one after another, while rows go on: a bounded queue and a task that empties it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::Counts;
use super::ledger::{Ledger, Pending};
use super::to::{Given, Recipient};
use crate::error::with_causes;
use crate::live::error::Error;
use crate::live::webhook::Stop;
use crate::log::Tell;

/// Alerts that may wait.
pub const MOST: usize = 256;
/// How long the end of a run waits for the next alert to be given; those that are left are given after the next start.
const LAST: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(20);
/// How long to wait before an alert is given again; the wait doubles, up to the most.
const RETRY_FIRST: Duration = Duration::from_millis(250);
const RETRY_MOST: Duration = Duration::from_secs(15);

/// The queue of alerts.
pub struct Courier {
    sender: mpsc::Sender<Pending>,
    waiting: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

/// What the task works with.
pub struct Round {
    pub recipient: Box<dyn Recipient>,
    pub ledger: Arc<Ledger>,
    pub counts: Arc<Counts>,
    pub stop: Stop,
    pub tell: Tell,
}

impl Courier {
    /// Starts to pass alerts on.
    pub fn start(round: Round) -> Courier {
        let (sender, receiver) = mpsc::channel(MOST);
        let waiting = Arc::new(AtomicUsize::new(0));
        let task = tokio::spawn(round.run(receiver, Arc::clone(&waiting)));
        Courier { sender, waiting, task }
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

    /// Waits until all alerts are given, as long as one after another is.
    pub async fn settle(&self) {
        let waiting = || self.waiting.load(Ordering::Relaxed);
        let (mut left, mut since) = (waiting(), Instant::now());
        while left > 0 && !self.task.is_finished() && since.elapsed() < LAST {
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
            match self.pass(pending).await {
                Ok(true) => {}
                // The run ends; the ledger keeps what is left.
                Ok(false) => return,
                Err(error) => {
                    self.tell.say(&format!("Warning: alerts cannot be noted: {}", with_causes(&error)));
                }
            }
            waiting.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Gives one alert; returns false if the run ends before.
    async fn pass(&mut self, pending: Pending) -> Result<bool, Error> {
        let Pending { alert, mut mark } = pending;
        let mut wait = RETRY_FIRST;
        let mut is_told = false;
        loop {
            let reason = match self.attempt(&alert, &mut mark).await? {
                Given::Taken => {
                    self.counts.given.fetch_add(1, Ordering::Relaxed);
                    self.ledger.done(&alert.key).await?;
                    return Ok(true);
                }
                Given::Refused(reason) => {
                    self.counts.refused.fetch_add(1, Ordering::Relaxed);
                    let path = self.ledger.refuse(&alert, &reason).await?;
                    let path = path.display();
                    self.tell.say(&format!("Warning: an alert was refused, and is kept in {path}: {reason}"));
                    self.ledger.done(&alert.key).await?;
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

    async fn attempt(&mut self, alert: &super::Alert, mark: &mut Option<super::to::Mark>) -> Result<Given, Error> {
        match mark {
            // An earlier attempt may have arrived.
            Some(mark) => match self.recipient.has(alert, mark).await {
                Ok(true) => return Ok(Given::Taken),
                Ok(false) => {}
                Err(reason) => return Ok(Given::Later(reason)),
            },
            None => match self.recipient.mark().await {
                Ok(Some(now)) => {
                    self.ledger.mark(&alert.key, now.clone()).await?;
                    *mark = Some(now);
                }
                Ok(None) => {}
                Err(reason) => return Ok(Given::Later(reason)),
            },
        }
        Ok(self.recipient.give(alert, &self.stop).await)
    }
}
