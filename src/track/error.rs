//! Errors of tracking.

use std::path::PathBuf;

use crate::error::Hint;
use crate::store;

/// An error of tracking. No text of it holds a password.
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
    #[error("no MLflow server is set")]
    NoServer,
    #[error("`{uri}` is not the address of an MLflow server")]
    Address { uri: String },
    #[error("{path} holds no certificate")]
    Certificates { path: PathBuf, source: std::io::Error },
    #[error("`{proxy}` is not the address of a proxy")]
    Proxy { proxy: String },
    #[error("the MLflow server {uri} cannot be reached")]
    Unreachable { uri: String, source: Box<ureq::Error> },
    #[error("the MLflow server {uri} does not answer in time ({waited_ms} ms)")]
    Slow { uri: String, waited_ms: u128 },
    #[error("the MLflow server {uri} does not let squall in: {message} (status {status})")]
    NotAllowed { uri: String, status: u16, message: String },
    #[error("the MLflow server refuses: {call} answered {status}: {message}")]
    Refused { call: String, status: u16, code: String, message: String },
    #[error("the MLflow experiment `{name}` is deleted")]
    DeletedExperiment { name: String, id: String },
    #[error("the model is not uploaded to MLflow: its server keeps artifacts at {uri}, which squall cannot write to")]
    ArtifactStore { uri: String },
}

impl Error {
    /// Returns whether the next run would fail for the same reason.
    pub fn concerns_every_run(&self) -> bool {
        !matches!(self, Error::Refused { .. } | Error::Run { .. } | Error::Exists { .. } | Error::ArtifactStore { .. })
    }

    /// Returns whether the server's answer has this code, such as `RESOURCE_ALREADY_EXISTS`.
    pub fn has_code(&self, wanted: &str) -> bool {
        matches!(self, Error::Refused { code, .. } if code == wanted)
    }

    /// Returns whether the server does not know the call: it is older than the call.
    pub fn is_unknown_call(&self) -> bool {
        matches!(self, Error::Refused { status: 404 | 405 | 501, code, .. } if code != "RESOURCE_DOES_NOT_EXIST")
    }

    /// Returns the message with its causes.
    pub fn text(&self) -> String {
        crate::text::without_secrets(&crate::error::with_causes(self))
    }
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Error::Unreachable { .. } | Error::Slow { .. } => {
                "start it, or set track.mlflow_tracking_uri (MLFLOW_TRACKING_URI) to another address or to nothing; `squall runs push` sends what is not sent".into()
            }
            Error::NoServer => "set track.mlflow_tracking_uri, or MLFLOW_TRACKING_URI=http://localhost:5001".into(),
            Error::Address { .. } => {
                "it begins with http:// or https://; `mlflow server --backend-store-uri …` serves a database or a folder".into()
            }
            Error::Certificates { .. } => {
                "track.ca_file (MLFLOW_TRACKING_SERVER_CERT_PATH) names a file of certificates in PEM form".into()
            }
            Error::Proxy { .. } => "set http_proxy or https_proxy to an address such as http://proxy:3128, or to nothing".into(),
            Error::NotAllowed { .. } => {
                "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN; then `squall runs push` sends what is not sent".into()
            }
            Error::DeletedExperiment { id, .. } => format!(
                "`mlflow experiments restore --experiment-id {id}` restores it, or set track.experiment (MLFLOW_EXPERIMENT_NAME) to another name; then `squall runs push` sends what is not sent"
            ),
            Error::Refused { .. } => "the run is in the local table `runs`; `squall runs push` tries again".into(),
            Error::ArtifactStore { .. } => "start the server with --serve-artifacts".into(),
            Error::Run { .. } => "move that file out of the folder of runs".into(),
            Error::Exists { .. } => "the model is saved; move that file to record the next training".into(),
            Error::Write { source, .. } | Error::Read { source, .. } => {
                store::hint(source).unwrap_or_else(|| "`squall config` shows where the data lie".into())
            }
        })
    }
}
