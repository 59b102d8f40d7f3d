//! What can go wrong in landing.

use std::path::PathBuf;

use super::files::{LandedFile, Overlap};
use crate::error::Hint;
use crate::log;

/// What can go wrong in landing, and in reading what has landed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read the log {topic}")]
    Log { topic: String, source: Box<log::Error> },
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
    #[error(
        "{topic} partition {partition} ends at offset {end}, but offsets below {next} have landed: it is another log"
    )]
    Behind { topic: String, partition: i32, end: i64, next: i64 },
    #[error("topic `{topic}` cannot be part of a file's name")]
    Topic { topic: String },
    #[error("a worker ended early")]
    Worker(#[from] tokio::task::JoinError),
}

impl Error {
    /// Says which log cannot be read.
    pub(super) fn log(topic: &str, source: log::Error) -> Error {
        Error::Log { topic: topic.to_string(), source: Box::new(source) }
    }

    /// Says which landed file cannot be read.
    pub(super) fn unreadable(file: &LandedFile, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        Error::Unreadable { file: file.to_string(), source: source.into() }
    }

    /// Says which landed file cannot be written.
    pub(super) fn encode(file: &LandedFile, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        Error::Encode { file: file.to_string(), source: source.into() }
    }
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Error::Log { source, .. } => source.hint(),
            Error::Topic { .. } => Some("use a folder or topic named with letters, digits and . _ - only".into()),
            Error::Busy { .. } => Some("wait for it to end, or stop it: one `squall land` a folder".into()),
            Error::Overlap(overlap) => {
                Some(format!("remove {} and run `squall land`: its offsets land again from the log", overlap.second))
            }
            Error::Unreadable { file, .. } => Some(format!(
                "remove {file} where it is the last of its partition: `squall land` lands its offsets again"
            )),
            Error::Behind { .. } => Some(
                "land it into a folder of its own, such as --set paths.data=data2, or remove the landed files".into(),
            ),
            _ => None,
        }
    }
}
