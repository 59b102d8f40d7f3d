//! What can be wrong with a project.

use std::path::PathBuf;

use datafusion::error::DataFusionError;

use super::place::Place;
use crate::error::Hint;
use crate::ml;
use crate::text::did_you_mean;

/// What can be wrong with a project, or with running it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read {path}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("cannot write {path}")]
    Write { path: PathBuf, source: std::io::Error },
    #[error("{first} and {second} would both be named `{name}`")]
    Duplicate { name: String, first: PathBuf, second: PathBuf },
    #[error("{file} has the name of the table `{name}`")]
    Reserved { name: String, file: PathBuf },
    #[error("{file}: `{name}` is not a name that SQL can use without quotes")]
    Name { name: String, file: PathBuf },
    #[error("{place}: unknown parameter `{name}`\n{}", place.excerpt())]
    UnknownParameter { place: Place, name: String, suggestion: Option<String> },
    #[error("{place}: {message}\n{}", place.excerpt())]
    Placeholder { place: Place, message: String },
    #[error("{place}: {message}\n{}", place.excerpt())]
    Syntax { place: Place, message: String },
    #[error("{place}: {problem}\n{}", place.excerpt())]
    Model { place: Place, problem: Box<ml::Problem> },
    #[error("{file}: the header comment lacks {}", list(missing))]
    Header { file: PathBuf, missing: Vec<&'static str> },
    #[error("{place}: {message}\n{}", place.excerpt())]
    Test { place: Place, message: String },
    #[error("queries need each other: {}", path.join(" -> "))]
    Cycle { path: Vec<String> },
    #[error("{place}: {message}\n{}", place.excerpt())]
    Plan { place: Place, message: String, known: Vec<String> },
    #[error("{file}: cannot plan `{name}`")]
    PlanSomewhere { name: String, file: PathBuf, source: Box<DataFusionError> },
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
    #[error("no query was named")]
    NothingSelected,
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Error::Duplicate { .. } | Error::Reserved { .. } | Error::Name { .. } => Some(
                "a query has the name of its file: rename the file, with lowercase letters, digits and underscores"
                    .into(),
            ),
            Error::UnknownParameter { suggestion: Some(suggestion), .. } => Some(suggestion.clone()),
            Error::UnknownParameter { name, .. } => {
                Some(format!("set it in squall.toml under [parameters], or with --set parameters.{name}=VALUE"))
            }
            Error::Model { problem, .. } => problem.hint(),
            Error::Header { missing, .. } => {
                Some(format!("begin the file with a comment such as `-- {}: …`", missing.first()?))
            }
            Error::Cycle { .. } => Some("let one of them read what the other reads".into()),
            Error::Plan { message, known, .. } => {
                let wanted = message.split('\'').nth(1)?.rsplit('.').next()?.to_string();
                did_you_mean(&wanted, known.iter().map(String::as_str))
            }
            Error::PlanSomewhere { .. } => Some("`squall check` looks at every file of the project".into()),
            Error::UnknownQuery { suggestion: Some(suggestion), .. } => Some(suggestion.clone()),
            Error::UnknownQuery { .. } => Some("`squall run --list` prints the project's queries".into()),
            Error::IsModel { name } => Some(format!("`squall train {name}` trains it")),
            Error::IsAudit { .. } => Some("`squall check` runs the audits".into()),
            Error::NoProject { .. } => {
                Some("start in the project's folder, or name it with --set paths.sql=FOLDER".into())
            }
            Error::NothingSelected => {
                Some("name a query (+NAME with what it needs, NAME+ with what needs it), or --all".into())
            }
            _ => None,
        }
    }
}

fn list(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
