//! Experiment tracking: the local runs table, MLflow over REST.
//!
//! In: one [`Run`] per training or evaluation. Out: a JSON file in `data/runs/` or in an object store, from which the table `runs` is
//! read, and the same run on an MLflow server if one is configured. Tracking never makes a training fail: every failure becomes a
//! warning, and what is not sent is kept until [`Tracker::push`] sends it.

mod error;
mod local;
mod mlflow;
mod names;
mod package;
mod run;
mod server;
mod source;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::error::Hint;
pub use error::Error;
use local::Unsent;
pub use local::{Recorded, kept, read};
use mlflow::{Mlflow, Sent};
pub use package::LOADER;
use package::Stored;
pub use run::{Dataset, Fold, Kind, Run};
pub use server::Server;
pub use source::{commit, tags};

/// Asks an MLflow server whether it can be reached.
///
/// # Errors
/// The server does not answer, or refuses.
pub fn reach(server: &Server) -> Result<(), Error> {
    Mlflow::new(server, Some(server.timeout))?.reach()
}

/// Where runs are recorded.
#[derive(Debug, Clone)]
pub struct Tracker {
    runs_dir: PathBuf,
    server: Option<Server>,
    /// Called with a warning and, if there is one, a suggestion of what to try next.
    warn: fn(&str, Option<&str>),
    /// Returns an artifact as an ONNX file, if the model has that form.
    to_onnx: fn(&[u8]) -> Option<Vec<u8>>,
    /// Whether the server failed in a way that concerns every run; this process then tries no more and has said so.
    away: Arc<AtomicBool>,
}

/// What became of a run that should be on the server.
#[derive(Debug)]
pub enum Pushed {
    /// The server has it now.
    Sent,
    /// The server has it now, without a part.
    Partly(Vec<Error>),
    /// The server had it already.
    Already,
    /// Another process is sending it.
    Busy,
}

impl Tracker {
    /// Makes a tracker; if the server's address is empty, only the local table is used.
    pub fn new(runs_dir: PathBuf, server: Server, warn: fn(&str, Option<&str>)) -> Tracker {
        let server = (!server.uri.is_empty()).then_some(server);
        Tracker { runs_dir, server, warn, to_onnx: |_| None, away: Arc::default() }
    }

    /// Stores models on the server as ONNX too, which this function makes of an artifact.
    pub fn with_onnx(self, to_onnx: fn(&[u8]) -> Option<Vec<u8>>) -> Tracker {
        Tracker { to_onnx, ..self }
    }

    /// Returns the folder of runs.
    pub fn runs_dir(&self) -> &std::path::Path {
        &self.runs_dir
    }

    /// Records a run with its artifact, the bytes of `model.json`. Blocks while it talks to the server, for a bounded time.
    pub fn record(&self, run: Run, artifact: Option<&[u8]>) {
        // The local table comes first, so that nothing is lost if the server hangs.
        if self.try_to(local::write(&self.runs_dir, &run)).is_none() {
            return;
        }
        let Some(server) = &self.server else { return };
        let Some(Some(unsent)) = self.try_to(Unsent::keep(&self.runs_dir, &run, artifact)) else { return };
        if self.away.load(Ordering::Relaxed) {
            return;
        }
        match self.send(server, run, unsent, Some(server.timeout)) {
            Ok(problems) => problems.iter().for_each(|problem| self.warn(problem)),
            Err(error) => {
                if error.concerns_every_run() {
                    self.away.store(true, Ordering::Relaxed);
                }
                (self.warn)(&format!("{}; what is not sent is kept", error.text()), error.hint().as_deref());
            }
        }
    }

    /// Sends a run that the server does not have whole. `artifact` is its `model.json`, if it is not kept with the run. However often
    /// a run is sent, and whatever ends an attempt, the server has one run of it.
    ///
    /// # Errors
    /// There is no server, it cannot be reached, or it refuses the run.
    pub fn push(&self, run: &Run, artifact: Option<&[u8]>) -> Result<Pushed, Error> {
        let server = self.server.as_ref().ok_or(Error::NoServer)?;
        if run.mlflow_run_id.is_some() {
            return Ok(Pushed::Already);
        }
        let Some(unsent) = Unsent::keep(&self.runs_dir, run, artifact)? else { return Ok(Pushed::Busy) };
        // Another process may have sent it before this one had the lock.
        let run = local::read_one(&self.runs_dir, run)?;
        if run.mlflow_run_id.is_some() {
            unsent.forget()?;
            return Ok(Pushed::Already);
        }
        let problems = self.send(server, run, unsent, None)?;
        Ok(if problems.is_empty() { Pushed::Sent } else { Pushed::Partly(problems) })
    }

    /// Gives a model's version an alias on the server too. Does nothing if the server has no run of that version.
    ///
    /// # Errors
    /// The server does not answer, or refuses.
    pub fn push_alias(&self, model: &str, version: u64, alias: &str) -> Result<(), Error> {
        let Some(server) = &self.server else { return Ok(()) };
        let runs = read(&self.runs_dir)?.runs;
        let is_of = |run: &&Run| run.model == model && run.version == version && run.kind == Kind::Training;
        match runs.iter().rev().filter(is_of).find(|run| run.mlflow_run_id.is_some()) {
            Some(run) => Mlflow::new(server, Some(server.timeout))?.set_alias(run, alias),
            None => Ok(()),
        }
    }

    /// Gives a model's version an alias on the server too; a failure is a warning.
    pub fn record_alias(&self, model: &str, version: u64, alias: &str) {
        self.try_to(self.push_alias(model, version, alias));
    }

    /// Sends a run, and notes that it is sent. Returns what the server did not take.
    fn send(
        &self,
        server: &Server,
        mut run: Run,
        unsent: Unsent,
        bound: Option<Duration>,
    ) -> Result<Vec<Error>, Error> {
        let trained = match run.kind {
            Kind::Training | Kind::Fold => None,
            Kind::Evaluation => self.trained_by(&run),
        };
        let artifact = unsent.artifact.as_deref();
        let onnx = artifact.and_then(self.to_onnx);
        let model = artifact.map(|artifact| Stored { artifact, onnx: onnx.as_deref() });
        let Sent { run_id, problems } = Mlflow::new(server, bound)?.send(&run, model, trained.as_deref())?;
        run.mlflow_run_id = Some(run_id);
        local::update(&self.runs_dir, &run)?;
        unsent.forget()?;
        Ok(problems)
    }

    /// Returns the MLflow run that trained the model which a run evaluates.
    fn trained_by(&self, evaluation: &Run) -> Option<String> {
        let runs = read(&self.runs_dir).ok()?.runs;
        let trained = |run: &&Run| run.kind == Kind::Training && run.model == evaluation.model;
        let trained = runs.iter().rev().filter(trained).find(|run| run.version == evaluation.version)?;
        trained.mlflow_run_id.clone()
    }

    fn warn(&self, error: &Error) {
        (self.warn)(&error.text(), error.hint().as_deref());
    }

    fn try_to<T>(&self, result: Result<T, Error>) -> Option<T> {
        result.map_err(|error| self.warn(&error)).ok()
    }
}
