//! What can be wrong with a project.

use std::path::{Path, PathBuf};

use datafusion::error::DataFusionError;

use super::place::Place;
use crate::catalog::model_hint;
use crate::error::{Hint, with_causes};
use crate::ml;

/// What can be wrong with a project, or with running it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read {path}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("cannot write {path}")]
    Write { path: PathBuf, source: std::io::Error },
    #[error("{} would have the same name, `{name}`", paths(files))]
    Duplicate { name: String, files: Vec<PathBuf> },
    #[error("{file} has the name of the {what} `{name}`")]
    Reserved { name: String, file: PathBuf, what: &'static str },
    #[error("{file}: `{name}` is not a name that SQL can use without quotes")]
    Name { name: String, file: PathBuf },
    #[error("{place}: unknown parameter `{name}`\n{}", place.excerpt())]
    UnknownParameter { place: Place, name: String, suggestion: Option<String> },
    #[error("{place}: {message}\n{}", place.excerpt())]
    Placeholder { place: Place, message: String },
    #[error("{place}: {message}\n{}", place.excerpt())]
    Syntax { place: Place, message: String },
    #[error("{place}: the file has no query\n{}", place.excerpt())]
    Empty { place: Place },
    #[error("{place}: {problem}\n{}", place.excerpt())]
    Model { place: Place, problem: Box<ml::Problem> },
    #[error("{place}: {message}\n{}", place.excerpt())]
    Test { place: Place, message: String, hint: Option<String> },
    #[error("{place}: queries need each other: {}\n{}", path.join(" -> "), place.excerpt())]
    Cycle { place: Place, path: Vec<String> },
    #[error("{place}: {message}\n{}", place.excerpt())]
    Plan { place: Place, message: String, hint: Option<String> },
    /// A query is disabled; `what` says which and how it concerns the query that was asked for.
    #[error("{what}: {reason}")]
    Disabled { what: String, reason: String, hint: Option<String> },
    #[error("{}", failures(failed, skipped))]
    Failed { failed: Vec<(String, Error)>, skipped: Vec<String> },
    #[error("cannot add the project to the session: {message}")]
    Session { message: String },
    #[error("{file}: `{name}` has no column `{column}`, which its grain names")]
    Grain { name: String, file: PathBuf, column: String },
    #[error("{file}: `{name}` failed")]
    Query { name: String, file: PathBuf, source: Box<DataFusionError> },
    #[error("cannot use the materialised table {path}")]
    Table { path: PathBuf, source: Box<DataFusionError> },
    #[error("cannot read the table `landed_ticks`")]
    Landed { source: Box<DataFusionError> },
    #[error("no query is named `{name}`")]
    UnknownQuery { name: String, suggestion: Option<String> },
    #[error("`{name}` is a model: it is trained, not run")]
    IsModel { name: String },
    #[error("`{name}` is an audit: it is checked, not run")]
    IsAudit { name: String },
    #[error("there is no SQL project at {dir}")]
    NoProject { dir: PathBuf },
    #[error("there is already a `{name}`: {file}")]
    Exists { name: String, file: PathBuf },
    /// A template cannot be filled in.
    #[error("{problem}")]
    Begin { problem: String, hint: String },
    #[error("no query is selected")]
    NothingSelected,
    #[error("cannot read the selector `{word}`: {problem}")]
    Selector { word: String, problem: String, hint: String },
    #[error("`{relation}` has no column `{column}`")]
    UnknownColumn { relation: String, column: String, hint: String },
    #[error("no query matches `{word}`")]
    NoMatch { word: String, hint: Option<String> },
}

impl Error {
    /// Returns the place in a file that the error concerns, if one line is to blame.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Error::Empty { place }
            | Error::UnknownParameter { place, .. }
            | Error::Placeholder { place, .. }
            | Error::Syntax { place, .. }
            | Error::Model { place, .. }
            | Error::Test { place, .. }
            | Error::Cycle { place, .. }
            | Error::Plan { place, .. } => Some(place),
            _ => None,
        }
    }

    /// Returns the file that the error concerns.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Error::Read { path, .. } => Some(path),
            Error::Duplicate { files, .. } => files.last().map(PathBuf::as_path),
            Error::Reserved { file, .. }
            | Error::Name { file, .. }
            | Error::Grain { file, .. }
            | Error::Query { file, .. } => Some(file),
            _ => self.place().map(|place| place.file.as_path()),
        }
    }

    /// Returns the message and its causes, without the place and the excerpt.
    pub fn without_place(&self) -> String {
        let text = match self {
            Error::Query { name, source, .. } => format!("`{name}` failed: {}", source.find_root().message()),
            _ => with_causes(self),
        };
        let (start, excerpt) = match (self.place(), self.file()) {
            (Some(place), _) => (format!("{place}: "), format!("\n{}", place.excerpt())),
            (None, Some(file)) => (format!("{}: ", file.display()), String::new()),
            (None, None) => return text,
        };
        let text = text.strip_prefix(&start).unwrap_or(&text);
        if excerpt.is_empty() { text.into() } else { text.replace(&excerpt, "") }
    }
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Error::Duplicate { .. } | Error::Reserved { .. } | Error::Name { .. } => Some(
                "a query has the name of its file: rename the file, with lowercase letters, digits and underscores"
                    .into(),
            ),
            Error::UnknownParameter { name, suggestion, .. } => {
                let set = || format!("set it in squall.toml under [parameters], or with --set parameters.{name}=VALUE");
                Some(of_dbt(name).map(String::from).or_else(|| suggestion.clone()).unwrap_or_else(set))
            }
            Error::Read { .. } => Some("make it readable, or move it out of the project".into()),
            Error::Placeholder { .. } => {
                Some("a placeholder is a parameter or an expression: {{ horizon_s }}, {{ window_ticks - 1 }}".into())
            }
            Error::Syntax { .. } => {
                Some("before this place a comma, a bracket or a keyword is often missing or too many".into())
            }
            Error::Empty { .. } => Some("a file holds one SELECT; delete the file if you do not need it".into()),
            Error::Grain { .. } => Some("let the grain in the header name columns of the query".into()),
            Error::Model { problem, .. } => problem.hint(),
            Error::Query { source, .. } => model_hint(source),
            Error::Cycle { .. } => Some("let one of them read what the other reads".into()),
            Error::Plan { hint, .. } | Error::Test { hint, .. } | Error::Disabled { hint, .. } => hint.clone(),
            Error::Failed { failed, .. } => failed.iter().find_map(|(_, error)| error.hint()),
            Error::UnknownQuery { suggestion: Some(suggestion), .. } => Some(suggestion.clone()),
            Error::UnknownQuery { .. } => Some("`squall list` prints the project's queries".into()),
            Error::Exists { .. } => Some("choose another name, or change that file".into()),
            Error::Begin { hint, .. } | Error::Selector { hint, .. } | Error::UnknownColumn { hint, .. } => {
                Some(hint.clone())
            }
            Error::NoMatch { hint, .. } => {
                hint.clone().or_else(|| Some("`squall list` prints the project's queries".into()))
            }
            Error::IsModel { name } => Some(format!("`squall train {name}` trains it")),
            Error::IsAudit { .. } => Some("`squall check` runs the audits".into()),
            Error::NoProject { .. } => Some(
                "start in the project's folder, or name it with --set paths.sql=FOLDER; `squall init` makes one".into(),
            ),
            Error::NothingSelected => {
                Some("name a query (+NAME with what it needs, NAME+ with what needs it), or --all".into())
            }
            _ => None,
        }
    }
}

/// Returns what stands in squall for a function of dbt's templates.
fn of_dbt(name: &str) -> Option<&'static str> {
    Some(match name {
        "ref" | "source" => "write the name of the table itself, such as FROM ticks: squall finds the references",
        "this" | "is_incremental" => "write the query over all rows: `squall run` makes only the days that are stale",
        "var" | "env_var" => {
            "write the parameter itself, such as {{ horizon_s }}: squall.toml sets it under [parameters]"
        }
        "config" => "write a header, such as `-- description: …` and `-- tags: …`",
        _ => return None,
    })
}

fn paths(files: &[PathBuf]) -> String {
    files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(" and ")
}

/// Returns an error with its causes; of a failed query's causes, only the first one.
fn told(error: &Error) -> String {
    match error {
        Error::Query { file, .. } => format!("{}: {}", file.display(), error.without_place()),
        _ => with_causes(error),
    }
}

fn failures(failed: &[(String, Error)], skipped: &[String]) -> String {
    let mut lines: Vec<String> = failed.iter().map(|(_, error)| told(error)).collect();
    if !skipped.is_empty() {
        lines.push(format!("not made, because they read what failed: {}", skipped.join(", ")));
    }
    lines.join("\n")
}
