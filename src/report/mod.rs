//! Queries → context → minijinja → HTML.
//!
//! In: a `SessionContext` that knows the named queries `spike_training`, `spike_scores`, `spike_metrics` and
//! `spike_thresholds` (evaluation), or any two relations (drift). Out: a [`Report`], one HTML file that needs no network and
//! no script. Every number comes from a query that the report shows.

mod chart;
mod drift;
mod evaluation;
mod format;
mod query;

use std::path::{Path, PathBuf};

use datafusion::error::DataFusionError;
use datafusion::prelude::SessionContext;
use serde::Serialize;

use crate::error::Hint;

pub use drift::{DriftOptions, drift};
pub use evaluation::{EvaluationOptions, evaluation};

/// A rendered report.
#[derive(Debug)]
pub struct Report {
    pub html: String,
    /// The verdict in one line of plain text.
    pub verdict: String,
}

impl Report {
    /// Writes the report whole: a reader finds the old file or the new one, never a part.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let failed = |source| Error::Write { path: path.into(), source };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).map_err(failed)?;
        let mut unfinished = path.as_os_str().to_owned();
        unfinished.push(format!(".{}.tmp", std::process::id()));
        let unfinished = PathBuf::from(unfinished);
        let written = std::fs::write(&unfinished, &self.html).and_then(|()| std::fs::rename(&unfinished, path));
        if written.is_err() {
            // The write's own error is what the caller needs; a file that was never made cannot be removed.
            let _ = std::fs::remove_file(&unfinished);
        }
        written.map_err(failed)
    }
}

/// How good or bad a verdict is, which decides its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mood {
    Good,
    Bad,
    Unknown,
}

/// What a report says in words.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    pub mood: Mood,
    pub headline: String,
    pub sentences: Vec<String>,
}

const TEMPLATES: [(&str, &str); 5] = [
    ("layout.html", include_str!("templates/layout.html")),
    ("parts.html", include_str!("templates/parts.html")),
    ("style.css", include_str!("templates/style.css")),
    ("evaluation.html", include_str!("templates/evaluation.html")),
    ("drift.html", include_str!("templates/drift.html")),
];

/// Renders one of the templates; what is not marked safe is escaped.
fn render(template: &str, view: impl Serialize) -> Result<String, Error> {
    let mut environment = minijinja::Environment::new();
    environment.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
    for (name, source) in TEMPLATES {
        environment.add_template(name, source)?;
    }
    Ok(environment.get_template(template)?.render(minijinja::value::Serde(view))?)
}

/// Checks that the named queries are registered.
fn require(context: &SessionContext, names: &[&'static str]) -> Result<(), Error> {
    for name in names {
        if !context.table_exist(*name).unwrap_or(false) {
            return Err(Error::Missing { name });
        }
    }
    Ok(())
}

/// What can go wrong with a report.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no query or table named {name}")]
    Missing { name: &'static str },
    #[error("the report's query `{name}` failed")]
    Query { name: &'static str, source: Box<DataFusionError> },
    #[error("spike_metrics has no rows: nothing was evaluated")]
    NothingEvaluated,
    #[error("no scores of a model named {name}")]
    UnknownModel { name: String, known: Vec<String> },
    #[error("cannot render the report")]
    Render(#[from] minijinja::Error),
    #[error("cannot write the report to {path}")]
    Write { path: PathBuf, source: std::io::Error },
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Error::Missing { name: "spike_drift" } => {
                Some("`squall run +spike_drift` makes it from sql/monitoring/spike_drift.sql".into())
            }
            Error::Missing { name } => Some(format!("`squall run +{name}` makes it; models come from `squall train`")),
            Error::Query { .. } => {
                Some("if a model or a table is missing: `squall land`, then `squall train`, then `squall score`".into())
            }
            Error::NothingEvaluated => Some("`squall train` makes the models and `squall score` their scores".into()),
            Error::UnknownModel { known, .. } if known.is_empty() => Some("`squall train` makes models".into()),
            Error::UnknownModel { known, .. } => Some(format!("scored models: {}", known.join(", "))),
            Error::Write { .. } => Some("--out names another file".into()),
            Error::Render(_) => None,
        }
    }
}
