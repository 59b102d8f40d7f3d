//! What can go wrong live.

use std::path::PathBuf;

use datafusion::error::DataFusionError;

use super::sink::instant;
use crate::catalog::model_hint;
use crate::error::Hint;
use crate::land;
use crate::log::{self, LogId};
use crate::pipeline::{self, Place};
use crate::text::grouped;

/// What can go wrong in running queries live, and in comparing what they gave with batch.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("only queries run live, and `{name}` is in sql/{what}s")]
    NotAQuery { name: String, what: &'static str },
    #[error("live queries need squall's own windows, and engine.rolling is off")]
    NoRolling,
    #[error(
        "{place}: `{name}` cannot run live: {}{reason}\n{}",
        within.as_ref().map_or(String::new(), |read| format!("it reads `{read}`: ")),
        place.excerpt()
    )]
    Refused { name: String, within: Option<String>, place: Box<Place>, reason: String },
    #[error("`{name}` failed")]
    Query { name: String, source: Box<DataFusionError> },
    #[error(transparent)]
    Pipeline(Box<pipeline::Error>),
    #[error(transparent)]
    Land(#[from] land::Error),
    #[error("cannot write to {to}")]
    Log { to: String, source: Box<log::Error> },
    #[error("cannot use {}", path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("{} is not a file of `squall live`: {problem}", path.display())]
    Damaged { path: PathBuf, problem: String },
    #[error("{} holds rows of the log {held}, and this is {log}", dir.display())]
    OtherLog { dir: PathBuf, held: String, log: LogId },
    #[error("{} is about rows of the log {held}, and this is {log}", path.display())]
    OtherTopic { path: PathBuf, held: String, log: LogId },
    #[error("another process writes rows of `{name}` to {}", dir.display())]
    Busy { dir: PathBuf, name: String },
    #[error("{} holds rows of another form of `{name}`: its columns have changed since", dir.display())]
    OtherColumns { dir: PathBuf, name: String },
    #[error(
        "{} ends before offset {landed} of partition {partition}, and ticks of several logs have landed since, which cannot be told apart",
        dir.display()
    )]
    Behind { dir: PathBuf, partition: i32, landed: i64 },
    #[error("more than {} ticks of `{name}` wait for a tick of {products}", grouped(*most as u64))]
    Silent { name: String, products: String, most: usize },
    #[error("a tick of {} needs an older row of {products} than `{name}` has kept", instant(*ts))]
    TooOld { name: String, products: String, ts: i64 },
    #[error("cannot write rows: {problem}")]
    Encode { problem: String },
    #[error("cannot start a thread")]
    Thread { source: std::io::Error },
    #[error("standard output is closed")]
    Closed,
    #[error("the run was stopped before the rows were taken")]
    Stopped,
    #[error("the address of the webhook cannot be used: {problem}")]
    Address { problem: &'static str },
    #[error("alerts cannot go there: {problem}")]
    Recipient { problem: String },
    #[error("{option}: {problem}\n{excerpt}")]
    Condition { option: &'static str, problem: String, excerpt: String, hint: Option<String> },
    #[error("{webhook} refuses the rows of offsets {first} to {last} of partition {partition}: it answers {status}{}{answer}", if answer.is_empty() { "" } else { ": " })]
    RowsRefused { webhook: String, partition: i32, first: i64, last: i64, status: u16, answer: String },
    #[error("{} holds no rows of `{name}`", dir.display())]
    Nothing { dir: PathBuf, name: String },
}

impl Error {
    /// Returns the error of a query that failed.
    pub fn query(name: &str, source: DataFusionError) -> Error {
        Error::Query { name: name.into(), source: Box::new(source) }
    }

    /// Returns the error of a topic to which rows go.
    pub fn log(to: &str, source: log::Error) -> Error {
        Error::Log { to: to.into(), source: Box::new(source) }
    }

    /// Returns the error of a file or folder.
    pub fn file(path: &std::path::Path, source: std::io::Error) -> Error {
        Error::File { path: path.into(), source }
    }
}

impl From<pipeline::Error> for Error {
    fn from(error: pipeline::Error) -> Error {
        Error::Pipeline(Box::new(error))
    }
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Error::NotAQuery { .. } => Some("`squall list` prints the project's queries".into()),
            Error::NoRolling => Some("leave out `engine.rolling = false`, or add --set engine.rolling=true".into()),
            Error::Refused { .. } => {
                Some("docs/live.md says what runs live; `squall run` computes any query over landed ticks".into())
            }
            Error::Query { source, .. } => model_hint(source),
            Error::Pipeline(error) => error.hint(),
            Error::Land(error) => error.hint(),
            Error::Log { source, .. } => source.hint(),
            Error::File { .. } => Some("look at the disk and at the rights of the folder".into()),
            Error::OtherTopic { path, .. } => Some(format!(
                "give the rows another topic, or remove {}: rows are then sent from the first offset that has not landed",
                path.display()
            )),
            Error::Busy { .. } => Some("stop it, or give the rows another folder or topic with --to".into()),
            Error::Damaged { .. } => Some("move it out of the folder".into()),
            Error::OtherLog { .. } | Error::OtherColumns { .. } | Error::Behind { .. } => {
                Some("give the rows another folder: --to FOLDER".into())
            }
            Error::Silent { .. } => Some(
                "nothing is lost: start it again with another folder or topic, whose rows begin where landing has come to; \
                 `squall run` computes the rows between"
                    .into(),
            ),
            Error::TooOld { .. } => {
                Some("nothing is lost: start it again once `squall land` has landed the tick".into())
            }
            Error::Encode { .. } | Error::Closed | Error::Stopped => None,
            Error::Thread { .. } => None,
            Error::Address { .. } => Some("write it like https://host/path".into()),
            Error::Recipient { .. } => {
                Some("write --alert-to kafka:TOPIC, https://host/path, or 'command:mail -s alert me'".into())
            }
            Error::Condition { hint, .. } => hint.clone(),
            Error::RowsRefused { .. } => Some(
                "nothing is lost: the same request is sent again at the next start, when the receiver takes it".into(),
            ),
            Error::Nothing { dir, name } => Some(format!("`squall live {name} --to {}` writes them", dir.display())),
        }
    }
}
