//! A run: what is recorded of one training or one evaluation.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One training, or one evaluation of a trained model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The model, version and start of the training, such as `spike_logistic-3-20251124-090000-000`; every run has a
    /// different one.
    pub run_id: String,
    /// What the run did; runs of an earlier squall are trainings.
    #[serde(default)]
    pub kind: Kind,
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
    /// Where the run happened: user, commit, versions. Names that begin with `mlflow.` are MLflow's own.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// The rows of each split.
    #[serde(default)]
    pub datasets: Vec<Dataset>,
    /// The run's id on the MLflow server, after it is recorded there whole.
    pub mlflow_run_id: Option<String>,
}

/// What a run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    #[default]
    Training,
    Evaluation,
}

impl Kind {
    /// Returns the word that the table `runs` shows.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Training => "training",
            Kind::Evaluation => "evaluation",
        }
    }
}

/// The rows of one split, as a run's input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dataset {
    /// The relation or the model from which the rows come.
    pub name: String,
    pub split: String,
    /// Equal rows have equal digests.
    pub digest: String,
    pub rows: u64,
    /// The query that returns the rows.
    pub sql: String,
    /// The columns that the model reads, and its label.
    pub features: Vec<String>,
    pub label: String,
}
