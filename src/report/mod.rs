//! Makes reports: queries → context → minijinja → HTML.
//!
//! In: a `SessionContext` with the tables that a report reads, and the project's parameters. Out: a [`Page`], one HTML file
//! that needs no network and no script. Every number comes from a query that the page shows.
//!
//! Templates and queries are in `reports/` at the top of the source tree and are built into the program. A project's own
//! `reports/` folder replaces them file by file, and adds its own reports (`own.rs`).

mod card;
mod chart;
mod drift;
mod eda;
mod evaluation;
mod exhibit;
mod format;
mod index;
mod journal;
mod own;
mod project;
mod quality;
mod query;
mod sources;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use datafusion::error::DataFusionError;
use datafusion::prelude::SessionContext;
use futures::future::BoxFuture;
use serde::Serialize;

use self::query::{Literal, Query};
use crate::durable;
use crate::error::Hint;

pub use evaluation::source;
pub use index::{FOLDER, NAME as INDEX};
pub use journal::Journal;
pub use own::OwnReport;
pub use sources::Sources;

/// The reports that come with squall.
///
/// To add one, write a file beside this one that implements [`Report`], its template `reports/NAME.html` and its queries in
/// `reports/NAME/`, and add one line here. From this table follow `squall report NAME` with its help, docs/cli.md and the
/// demo.
pub static REPORTS: &[&dyn Report] = &[
    &evaluation::Evaluation,
    &drift::Drift,
    &card::Card,
    &quality::Quality,
    &eda::Eda,
    &project::Documentation,
    &index::Index,
];

/// A report that comes with squall.
pub trait Report: Sync {
    /// Returns what is known about the report without making it.
    fn about(&self) -> &'static About;

    /// Returns what must exist before the report can be made with these arguments.
    fn needs(&self, arguments: &Arguments) -> Needs;

    /// Makes the report.
    fn make<'a>(&'a self, request: &'a Request<'_>) -> BoxFuture<'a, Result<Page, Error>>;
}

/// What is known about a report without making it.
#[derive(Debug)]
pub struct About {
    /// The name in `squall report NAME`; the template and the folder of queries have the same name.
    pub name: &'static str,
    /// One sentence without a full stop: what the report shows.
    pub description: &'static str,
    /// The file to which the report is written, unless `--out` names another.
    pub file: &'static str,
    pub arguments: &'static [Argument],
    /// The template and the queries, each with its path below `reports/`.
    pub sources: &'static [(&'static str, &'static str)],
}

/// An optional argument of a report, `--NAME VALUE`.
#[derive(Debug)]
pub struct Argument {
    pub name: &'static str,
    /// The placeholder for the value in the help text. It is empty for a flag, whose value is then `yes`. If it ends with `…`, the argument
    /// can be repeated, and its values are joined by commas.
    pub value: &'static str,
    pub help: &'static str,
}

/// The arguments that were given, by name.
pub type Arguments = BTreeMap<String, String>;

/// What must exist before a report can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    Nothing,
    LandedTicks,
    TrainedModels,
    /// Drawings of the lineage, which the caller makes.
    Lineage,
}

/// What a report is made from.
pub struct Request<'a> {
    pub context: &'a SessionContext,
    pub sources: &'a Sources,
    /// The project's parameters; each is the value of a `$name` in the report's queries.
    pub parameters: &'a BTreeMap<String, serde_json::Value>,
    pub arguments: Arguments,
    pub generated_at: DateTime<Utc>,
    /// Gets the rows of the report's queries.
    pub journal: Arc<Journal>,
    /// The lineage of the project under an empty name, and that of each query under its own, as SVG; empty unless a report needs it.
    pub lineage: BTreeMap<String, String>,
}

impl Request<'_> {
    /// Returns the report and the rows behind it as JSON. docs/reports.md says what it holds.
    pub fn document(&self, report: &str, page: &Page) -> String {
        let generated_at = self.generated_at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let document = self.journal.document(report, &self.arguments, &generated_at, page);
        format!("{document:#}\n")
    }

    fn argument(&self, name: &str) -> Option<&str> {
        self.arguments.get(name).map(String::as_str)
    }

    /// Returns a relation that was given: a path of a file gets its quotes.
    fn relation(&self, name: &str) -> Option<String> {
        let text = self.argument(name)?;
        Some(if text.ends_with(".parquet") || text.ends_with(".csv") || text.ends_with(".json") {
            source(text)
        } else {
            text.into()
        })
    }

    /// Returns a parameter in the form that SQL needs.
    ///
    /// # Errors
    /// The project does not have this parameter.
    fn parameter(&self, name: &'static str) -> Result<String, Error> {
        self.parameters.get(name).map(query::in_sql).ok_or(Error::NoParameter { name })
    }

    /// Returns the query of a file below `reports/`; each `$name` becomes one of the `values` or a parameter of the project.
    fn query(&self, file: &str, values: &[(&str, Literal<'_>)]) -> Result<Query, Error> {
        let parameters: Vec<(&str, String)> =
            self.parameters.iter().map(|(name, value)| (name.as_str(), query::in_sql(value))).collect();
        let parameters = parameters.iter().map(|(name, text)| (*name, Literal::Sql(text)));
        // If two values have the same name, the first one is used.
        let values: Vec<(&str, Literal<'_>)> = values.iter().copied().chain(parameters).collect();
        let name = Path::new(file).file_stem().map_or(file.into(), |stem| stem.to_string_lossy());
        let query = Query::new(&name, &self.sources.text(file)?, &values);
        Ok(Query { journal: Some(self.journal.clone()), ..query })
    }
}

/// A rendered report.
#[derive(Debug)]
pub struct Page {
    pub html: String,
    /// The same content in Markdown, if the report has that form.
    pub markdown: Option<String>,
    /// What the report says, in one line of plain text.
    pub verdict: String,
    /// What its readers should know before they trust it.
    pub warnings: Vec<String>,
    /// What the report found of that which `--fail-on` can name, or that it cannot know.
    pub conditions: Vec<Condition>,
}

/// What a report may find, and a build may fail on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// The data drifted.
    Drift,
    /// Something that should be there is missing: a column, its values, or ticks.
    Missing,
    /// The model is worse than what it has to beat, or its scores equal guessing.
    Worse,
    /// There was nothing to judge, so whether there is another finding is not known. It has no name for `--fail-on`: it fails a build
    /// that names any finding of the report.
    Unknown,
}

impl Condition {
    /// What `--fail-on` can name.
    pub const ALL: [Condition; 3] = [Condition::Drift, Condition::Missing, Condition::Worse];

    /// Returns the word that `--fail-on` takes.
    pub fn as_str(self) -> &'static str {
        match self {
            Condition::Drift => "drift",
            Condition::Missing => "missing",
            Condition::Worse => "worse",
            Condition::Unknown => "unknown",
        }
    }

    /// Returns the names of the reports that can find it. A report that is in no list has nothing that `--fail-on` could name.
    pub fn reports(self) -> &'static [&'static str] {
        match self {
            Condition::Drift => &["drift"],
            Condition::Missing => &["drift", "eda", "quality"],
            Condition::Worse => &["eval", "card"],
            Condition::Unknown => &[],
        }
    }

    /// Returns what `--fail-on` can name for a report.
    pub fn of(report: &str) -> Vec<Condition> {
        Condition::ALL.into_iter().filter(|condition| condition.reports().contains(&report)).collect()
    }
}

impl Page {
    /// Writes the page as [`write`] does. A report that has Markdown is written in both forms, side by side; if the path ends in `.md`,
    /// in Markdown only. Returns the files.
    ///
    /// # Errors
    /// The disk reports an error; the old file is then still there.
    pub async fn write(&self, path: &Path) -> Result<Vec<PathBuf>, Error> {
        let is_markdown = path.extension().is_some_and(|extension| extension == "md");
        let mut files = vec![(path.to_path_buf(), self.html.clone())];
        if let Some(markdown) = &self.markdown {
            files.push((path.with_extension("md"), markdown.clone()));
            files.drain(..usize::from(is_markdown));
        }
        write(files).await
    }
}

/// Writes files whole: readers find either the old file or the new one, even after a power loss. Returns their paths.
///
/// # Errors
/// The disk reports an error; the old file is then still there.
pub async fn write(files: Vec<(PathBuf, String)>) -> Result<Vec<PathBuf>, Error> {
    let mut written = Vec::new();
    for (target, text) in files {
        let replaced = target.clone();
        let result = durable::blocking(move || durable::replace(&replaced, text.as_bytes())).await;
        result.map_err(|source| Error::Write { path: target.clone(), source })?;
        written.push(target);
    }
    Ok(written)
}

/// How good or bad a verdict is, which decides its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mood {
    Good,
    Bad,
    Unknown,
}

/// The report's result in words.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    pub mood: Mood,
    pub headline: String,
    pub sentences: Vec<String>,
}

impl Verdict {
    /// Returns the condition if the verdict is bad.
    fn found(&self, condition: Condition) -> Vec<Condition> {
        Vec::from_iter((self.mood == Mood::Bad).then_some(condition))
    }
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
    #[error("no report is named `{name}`")]
    UnknownReport { name: String, suggestion: Option<String>, folder: PathBuf },
    #[error("there is no query or table named {name}")]
    Missing { name: &'static str },
    #[error("the project has no parameter `{name}`")]
    NoParameter { name: &'static str },
    #[error("the report's query `{name}` failed")]
    Query { name: String, sql: String, source: Box<DataFusionError> },
    #[error("there is no model to evaluate")]
    NothingEvaluated,
    #[error("no model that squall knows has all its features and its label among the columns of {relation}")]
    NoModelFits { relation: String },
    #[error("{relation} has no column `{column}` for --{role}")]
    NoColumn { role: &'static str, column: String, relation: String, suggestion: Option<String> },
    #[error("which column of {relation} is the label, is not known")]
    NoLabel { relation: String },
    #[error("the label `{column}` is {given}, and a label is true or false, or 1 or 0")]
    NotALabel { column: String, given: String },
    #[error("the label `{column}` holds {example}, and a label is 1 or 0")]
    NotLabels { column: String, example: String },
    #[error("`{column}` is {given}, and a time is a timestamp or a date")]
    NotATime { column: String, given: String },
    #[error("--{argument} is `{given}`, which is not a number that it takes")]
    NotANumber { argument: &'static str, given: String },
    #[error("there is no model named {name} to evaluate")]
    UnknownModel { name: String, known: Vec<String> },
    #[error("cannot read {path}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("squall has no file that {path} could replace")]
    ReplacesNothing { path: PathBuf, suggestion: Option<String> },
    #[error("{path} does not say what the report shows")]
    NoDescription { path: PathBuf },
    #[error("the report `{report}` does not show its query `{query}`")]
    NotShown { report: String, query: String },
    #[error("cannot render the report")]
    Render(#[from] minijinja::Error),
    #[error("{problem}")]
    Argument { problem: String, hint: String },
    #[error("cannot write the report to {path}")]
    Write { path: PathBuf, source: std::io::Error },
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Error::UnknownReport { suggestion: Some(suggestion), .. } => suggestion.clone(),
            Error::UnknownReport { name, folder, .. } => {
                let file = folder.join(format!("{name}.html"));
                let queries = folder.join(name).join("*.sql");
                format!("`squall report --list` lists them; {} and {} make one", file.display(), queries.display())
            }
            Error::Missing { name: "spike_drift" } => {
                "`squall run +spike_drift` makes it from sql/monitoring/spike_drift.sql".into()
            }
            Error::Missing { name: "spike_training" } => {
                "`squall run +spike_training` makes it; --on RELATION names other rows".into()
            }
            Error::Missing { name } => format!("`squall run +{name}` makes it; models come from `squall train`"),
            Error::NoParameter { name } => {
                format!("set it in squall.toml under [parameters], or with --set parameters.{name}=VALUE")
            }
            Error::Query { .. } => {
                "if a model or a table is missing: `squall land`, then `squall train`, then `squall score`".into()
            }
            Error::NothingEvaluated => "`squall train` makes the models; --on names rows that bring scores".into(),
            Error::NoModelFits { .. } => {
                "--model names a model and --label its label; `ml_models()` lists the features".into()
            }
            Error::NoColumn { suggestion: Some(suggestion), .. } => suggestion.clone(),
            Error::NoColumn { role, .. } => format!("--{role} names a column of these rows"),
            Error::NoLabel { .. } => "--label names it".into(),
            Error::NotALabel { column, .. } | Error::NotLabels { column, .. } => {
                format!(
                    "compare it in a query, such as --on \"SELECT *, {column} > 0 AS positive FROM …\" --label positive"
                )
            }
            Error::NotATime { column, .. } => {
                format!(
                    "convert it in a query, such as --on \"SELECT *, to_timestamp({column}) AS at FROM …\" --time at"
                )
            }
            Error::NotANumber { argument: "horizon", .. } => "it takes whole seconds, from 1 to 1000000000".into(),
            Error::NotANumber { argument, .. } => format!("such as --{argument} 0.5"),
            Error::UnknownModel { known, .. } if known.is_empty() => "`squall train` makes models".into(),
            Error::UnknownModel { known, .. } => format!("models: {}", known.join(", ")),
            Error::Read { .. } => "the setting paths.reports names the folder of templates and queries".into(),
            Error::ReplacesNothing { suggestion: Some(suggestion), .. } => suggestion.clone(),
            Error::ReplacesNothing { .. } => "docs/reports.md lists the files of each report".into(),
            Error::NoDescription { .. } => {
                "begin the file with {# One sentence that says what the report shows #}".into()
            }
            Error::NotShown { query, .. } => {
                format!("write {{{{ table(queries.{query}) }}}} or {{{{ sql([queries.{query}]) }}}} in the template")
            }
            Error::Render(_) => "docs/reports.md says what a template is given".into(),
            Error::Argument { hint, .. } => hint.clone(),
            Error::Write { .. } => "--out names another file".into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Condition, REPORTS};

    #[test]
    fn findings_are_those_of_reports_that_exist() {
        for condition in Condition::ALL {
            assert!(!condition.reports().is_empty(), "{condition:?}");
            for name in condition.reports() {
                assert!(REPORTS.iter().any(|report| report.about().name == *name), "{name}");
                assert!(Condition::of(name).contains(&condition), "{name}");
            }
        }
        assert_eq!(Condition::of("index"), []);
    }
}
