//! Experiment tracking: the local runs table, MLflow over REST.
//!
//! In: one [`Run`] per training. Out: a JSON file in `data/runs/`, from which the table `runs` is read, and the same run on
//! an MLflow server if one is configured. Tracking never makes a training fail: every failure becomes a warning.

mod local;
mod mlflow;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::error::Hint;
pub use local::read;
use mlflow::Mlflow;

/// One training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The model, version and start of the training, such as `spike_logistic-3-20251124-090000-000`; every run has a
    /// different one.
    pub run_id: String,
    pub model: String,
    pub version: u64,
    /// Milliseconds since 1970, UTC.
    pub started_at_ms: i64,
    pub ended_at_ms: i64,
    /// The [`crate::text::fingerprint`] of the statement; equal statements have equal fingerprints.
    pub sql_fingerprint: String,
    pub params: BTreeMap<String, String>,
    /// By split, then by name; undefined metrics are left out.
    pub metrics: BTreeMap<String, BTreeMap<String, f64>>,
    /// The run's id on the MLflow server, after it is recorded there.
    pub mlflow_run_id: Option<String>,
}

/// Asks an MLflow server whether it can be reached.
///
/// # Errors
/// The server does not answer, or refuses.
pub fn reach(mlflow_tracking_uri: &str, experiment: &str) -> Result<(), Error> {
    Mlflow::new(mlflow_tracking_uri, experiment).reach()
}

/// Where runs are recorded.
#[derive(Debug, Clone)]
pub struct Tracker {
    runs_dir: PathBuf,
    mlflow: Option<Mlflow>,
    /// Called with a warning and, if there is one, a suggestion of what to try next.
    warn: fn(&str, Option<&str>),
}

impl Tracker {
    /// Makes a tracker; with an empty `mlflow_tracking_uri` only the local table is used.
    pub fn new(
        runs_dir: PathBuf,
        mlflow_tracking_uri: &str,
        experiment: &str,
        warn: fn(&str, Option<&str>),
    ) -> Tracker {
        let mlflow = (!mlflow_tracking_uri.is_empty()).then(|| Mlflow::new(mlflow_tracking_uri, experiment));
        Tracker { runs_dir, mlflow, warn }
    }

    /// Returns the folder of runs.
    pub fn runs_dir(&self) -> &std::path::Path {
        &self.runs_dir
    }

    /// Records a run with its artifact, the bytes of `model.json`. Blocks while it talks to the server.
    pub fn record(&self, mut run: Run, artifact: &[u8]) {
        // The local table comes first, so that nothing is lost if the server hangs.
        let written = self.try_to(local::write(&self.runs_dir, &run));
        let Some(mlflow) = &self.mlflow else { return };
        if let Some(id) = self.try_to(mlflow.record(&run, artifact)) {
            run.mlflow_run_id = Some(id);
            if written.is_some() {
                self.try_to(local::update(&self.runs_dir, &run));
            }
        }
    }

    fn try_to<T>(&self, result: Result<T, Error>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
                (self.warn)(&format!("{error}{cause}"), error.hint().as_deref());
                None
            }
        }
    }
}

/// An error of tracking.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the run is not recorded in {path}")]
    Write { path: PathBuf, source: std::io::Error },
    #[error("cannot read {path}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("the run is not recorded: {path} holds another run of the same id")]
    Exists { path: PathBuf },
    #[error("{path} is not a run")]
    Run { path: PathBuf, source: serde_json::Error },
    #[error("the MLflow server {uri} cannot be reached")]
    Unreachable { uri: String, source: Box<ureq::Error> },
    #[error("the MLflow server refuses: {call} answered {status}: {message}")]
    Refused { call: String, status: u16, message: String },
    #[error("the model is not uploaded to MLflow: its server keeps artifacts at {uri}, which squall cannot write to")]
    ArtifactStore { uri: String },
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Error::Unreachable { .. } => Some(
                "start it, or set track.mlflow_tracking_uri (MLFLOW_TRACKING_URI) to another address or to nothing; trainings are in the local table `runs` in any case"
                    .into(),
            ),
            Error::Refused { .. } => Some("trainings are in the local table `runs` in any case".into()),
            Error::ArtifactStore { .. } => Some("start the server with --serve-artifacts".into()),
            Error::Run { .. } => Some("move that file out of the folder of runs".into()),
            Error::Exists { .. } => Some("the model is saved; move that file to record the next training".into()),
            Error::Write { .. } | Error::Read { .. } => Some("`squall config` shows where the data lie".into()),
        }
    }
}
