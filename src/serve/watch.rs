//! What ends a statement before its own end: a cancel request, the time limit, a client that is gone, a server that stops.

use std::time::Duration;

use tokio::sync::watch::Receiver;
use tokio::time::Instant;

use super::failure::Failure;

/// Why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The client is gone, or said goodbye.
    Gone,
    /// The server stops.
    Stopping,
}

/// Why a statement did not go on.
#[derive(Debug)]
pub enum Stop {
    Failed(Failure),
    End(End),
}

impl<F: Into<Failure>> From<F> for Stop {
    fn from(failure: F) -> Self {
        Stop::Failed(failure.into())
    }
}

/// Watches over the statements of a connection.
pub struct Watch {
    /// Grows with each cancel request.
    pub cancels: Receiver<u64>,
    pub gone: Receiver<bool>,
    pub stopping: Receiver<bool>,
    deadline: Option<Instant>,
    limit: Option<Duration>,
}

impl Watch {
    pub fn new(cancels: Receiver<u64>, gone: Receiver<bool>, stopping: Receiver<bool>) -> Watch {
        Watch { cancels, gone, stopping, deadline: None, limit: None }
    }

    /// Begins a statement: requests that came before do not concern it.
    pub fn begin(&mut self, limit: Option<Duration>) {
        self.cancels.mark_unchanged();
        self.limit = limit;
        self.deadline = limit.map(|limit| Instant::now() + limit);
    }

    /// Returns whether the time of the statement is up.
    pub fn is_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// Waits for a step of a statement.
    ///
    /// # Errors
    /// The step failed, or something ended the statement before.
    pub async fn over<T, F: Into<Failure>>(&mut self, step: impl Future<Output = Result<T, F>>) -> Result<T, Stop> {
        let deadline = self.deadline;
        let time_is_up = async {
            match deadline {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            _ = self.gone.wait_for(|gone| *gone) => Err(Stop::End(End::Gone)),
            _ = self.stopping.wait_for(|stopping| *stopping) => Err(Stop::End(End::Stopping)),
            Ok(()) = self.cancels.changed() => {
                Err(Failure::told("57014", "the statement was canceled on request").into())
            }
            () = time_is_up => {
                let limit = self.limit.unwrap_or_default();
                let message = format!("the statement took longer than {} ms", limit.as_millis());
                let hint = "SET statement_timeout = '60s' allows more; 0 means no limit";
                Err(Failure::told("57014", message).hint(hint).into())
            }
            done = step => Ok(done.map_err(Into::into)?),
        }
    }
}
