//! What became of scores: each row that was emitted, joined with its label once the horizon is over and its ticks have landed.
//!
//! In: rows that `squall live` wrote to a folder, a label query, and landed ticks. Out: how good the scores were, beside how good they
//! were expected to be. `squall outcomes` asks for it once. [`Outcomes`] does it again and again beside the queries, over the rows of the
//! last span of time, on a thread of its own that rests most of the time; it compares the features with those of the training, too.

mod drift;
mod lines;
mod look;
mod shown;

use std::path::PathBuf;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use datafusion::arrow::array::RecordBatch;
use datafusion::execution::context::SessionContext;

use super::board::Board;
use super::proof::alone;
use crate::log::Tell;
use crate::metrics::Metrics;
use crate::pipeline::Project;
pub use lines::{Lines, files, statement};
use look::Looker;

/// After a look, the thread rests for at least this many times as long as that took: it works a twentieth of the time.
const REST: u32 = 19;

/// What is asked about scores.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The label query.
    pub label: String,
    /// The event, as a SQL condition over the label's columns.
    pub event: String,
    /// The column with the score.
    pub score: String,
    /// An alert stands at a row whose score is at least this.
    pub threshold: f64,
    /// How far the label looks ahead, if it says so.
    pub horizon: Option<Duration>,
}

/// What the thread works on.
pub struct Options {
    pub asked: Asked,
    /// The folder to which rows go.
    pub dir: PathBuf,
    /// The queries that run.
    pub queries: Vec<String>,
    pub project: Arc<Project>,
    pub context: SessionContext,
    /// How long to rest between two looks.
    pub every: Duration,
    /// The time, as rows have it, that the newest rows of a query cover.
    pub span: Duration,
    pub metrics: Metrics,
    pub board: Option<Board>,
    pub tell: Tell,
}

/// What the last look has found.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// A row for each query, model and version; rows with the same columns are in one table.
    pub tables: Vec<RecordBatch>,
    /// What is said of features that have drifted.
    pub drifted: Vec<String>,
}

/// The thread that looks at outcomes.
pub struct Outcomes {
    /// Ends the thread: with `true` after a last look.
    end: Sender<bool>,
    thread: JoinHandle<()>,
    found: Arc<Mutex<Found>>,
}

impl Outcomes {
    /// Begins to look.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(options: Options) -> std::io::Result<Outcomes> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (end, ends) = channel();
        let found = Arc::new(Mutex::new(Found::default()));
        let shared = Arc::clone(&found);
        let work = move || {
            let context = alone(&options.context);
            let every = options.every;
            let mut looker = Looker::new(Options { context, ..options });
            let mut rest = every;
            loop {
                let is_last = match ends.recv_timeout(rest) {
                    Err(RecvTimeoutError::Timeout) => false,
                    Ok(true) => true,
                    Ok(false) | Err(RecvTimeoutError::Disconnected) => return,
                };
                let began = Instant::now();
                let looked = runtime.block_on(looker.look());
                *shared.lock().unwrap_or_else(PoisonError::into_inner) = looked;
                if is_last {
                    return;
                }
                rest = every.max(began.elapsed() * REST);
            }
        };
        let thread = std::thread::Builder::new().name("outcomes".into()).spawn(work)?;
        Ok(Outcomes { end, thread, found })
    }

    /// Ends the thread, and returns what it has found. If `looks`, it looks once more first; else a look that is under way is given up.
    pub fn end(self, looks: bool) -> Found {
        // A thread that is gone needs no word.
        if self.end.send(looks).is_ok() && looks {
            let _ = self.thread.join();
        }
        self.found.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
