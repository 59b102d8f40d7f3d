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
    /// The folds by which the model was validated; on a server, each is a run below this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub folds: Vec<Fold>,
    /// The run's id on the MLflow server, after it is recorded there whole.
    pub mlflow_run_id: Option<String>,
}

/// A fold of a training: what it was, and its metrics.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fold {
    /// Folds are numbered from 1.
    pub number: u64,
    pub params: BTreeMap<String, String>,
    pub metrics: BTreeMap<String, f64>,
}

impl Run {
    /// Returns the runs of the folds, for a server on which this run has the id `parent`.
    pub fn fold_runs<'a>(&'a self, parent: &'a str) -> impl Iterator<Item = Run> + 'a {
        let of = move |fold: &Fold| {
            let mut tags = self.tags.clone();
            tags.insert("mlflow.parentRunId".into(), parent.into());
            Run {
                run_id: format!("{}-fold-{}", self.run_id, fold.number),
                kind: Kind::Fold,
                params: fold.params.clone(),
                metrics: BTreeMap::from([(Kind::Fold.as_str().into(), fold.metrics.clone())]),
                tags,
                datasets: Vec::new(),
                folds: Vec::new(),
                mlflow_run_id: None,
                ..self.clone()
            }
        };
        self.folds.iter().map(of)
    }
}

/// What a run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    #[default]
    Training,
    Evaluation,
    /// One fold of a training.
    Fold,
}

impl Kind {
    /// Returns the word that the table `runs` shows.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Training => "training",
            Kind::Evaluation => "evaluation",
            Kind::Fold => "fold",
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
