//! What can go wrong in landing.

use std::path::PathBuf;

use super::files::{LandedFile, Overlap};
use crate::error::Hint;
use crate::log::{self, LogId};

/// What can go wrong in landing, and in reading what has landed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read the log {name}")]
    Log { name: String, source: Box<log::Error> },
    #[error("cannot use folder {}", dir.display())]
    Folder { dir: PathBuf, source: std::io::Error },
    #[error("cannot reach {path}")]
    Store { path: String, source: object_store::Error },
    #[error("another process lands into {}", dir.display())]
    Busy { dir: PathBuf },
    #[error("the files in {path} change faster than they can be listed")]
    Restless { path: String },
    #[error("landed files contradict each other")]
    Overlap(#[from] Box<Overlap>),
    #[error("landed file {file} cannot be read")]
    Unreadable { file: String, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("cannot write landed file {file}")]
    Encode { file: String, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("{source_log} is not the log that has landed: {stranger}")]
    Stranger {
        source_log: String,
        stranger: Stranger,
        /// A name that no landed file has.
        free: String,
    },
    #[error("topic `{topic}` cannot be part of a file's name")]
    Topic { topic: String },
    #[error("a worker ended early")]
    Worker(#[from] tokio::task::JoinError),
}

/// How we know that the log is not the one that has landed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Stranger {
    #[error("the files {name}-* came from {landed}, and this is {log}")]
    Id { name: String, landed: LogId, log: LogId },
    #[error(
        "it was made anew, since partition {partition} holds another message at offset {offset} than {name}-{partition}-*"
    )]
    Message { name: String, partition: i32, offset: i64 },
    #[error(
        "it was made anew, since partition {partition} ends at offset {end}, and {name}-{partition}-* end before {next}"
    )]
    Ends { name: String, partition: i32, end: i64, next: i64 },
    #[error("it was made anew, since it has no partition {partition}, and {name}-{partition}-* have landed")]
    NoPartition { name: String, partition: i32 },
    #[error("ticks of {product_id} have landed from another log, as {name}-*")]
    Product { name: String, product_id: String },
}

impl Error {
    /// Returns the error that names the log that cannot be read.
    pub(super) fn log(name: &str, source: log::Error) -> Error {
        Error::Log { name: name.to_string(), source: Box::new(source) }
    }

    /// Returns the error that names the landed file that cannot be read.
    pub(super) fn unreadable(file: &LandedFile, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        Error::Unreadable { file: file.to_string(), source: source.into() }
    }

    /// Returns the error that names the landed file that cannot be written.
    pub(super) fn encode(file: &LandedFile, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        Error::Encode { file: file.to_string(), source: source.into() }
    }
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Error::Log { source, .. } => source.hint(),
            Error::Topic { .. } => Some("use a folder or topic named with letters, digits and . _ - only".into()),
            Error::Busy { .. } => {
                Some("wait for it to end, or stop it: only one `squall land` may write to a folder".into())
            }
            Error::Overlap(overlap) => {
                Some(format!("remove {} and run `squall land`: its offsets land again from the log", overlap.second))
            }
            Error::Unreadable { file, .. } => Some(format!(
                "if it is the last file of its partition, remove {file}: `squall land` lands its offsets again"
            )),
            Error::Stranger { source_log, free, .. } => Some(format!(
                "`squall land --from {source_log} --as {free}` lands it beside the other, and marks ticks that came through both \
                 as duplicates"
            )),
            _ => None,
        }
    }
}
