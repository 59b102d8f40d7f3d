//! What can go wrong in landing.

use std::path::PathBuf;

use super::files::{LandedFile, Overlap};
use crate::error::Hint;
use crate::log::{self, LogId};
use crate::store::{self, objects};
use crate::text::is_address;

/// What can go wrong in landing, and in reading what has landed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read the log {name}")]
    Log { name: String, source: Box<log::Error> },
    #[error("cannot use folder {}", dir.display())]
    Folder { dir: PathBuf, source: std::io::Error },
    #[error("cannot reach {path}")]
    Store { path: String, source: object_store::Error },
    #[error(
        "another process lands {}into {}",
        partition.map_or(String::new(), |partition| format!("partition {partition} ")),
        dir.display()
    )]
    Busy { dir: PathBuf, partition: Option<i32> },
    #[error("the address `{address}` cannot hold landed files: {reason}")]
    Address { address: String, reason: String },
    #[error(transparent)]
    Account { source: Box<store::Error> },
    #[error("{owner} lands into {}", dir.display())]
    Leased { dir: PathBuf, owner: String },
    #[error("another process has taken over landing into {}, because this one was halted or cut off for too long", dir.display())]
    Lost { dir: PathBuf },
    #[error(
        "{file} cannot be written: a process that was halted or killed may still write {claimed}, which overlaps it"
    )]
    Claimed { file: String, claimed: String },
    #[error("the files in {path} change faster than they can be listed")]
    Restless { path: String },
    #[error("landed files contradict each other")]
    Overlap(#[from] Box<Overlap>),
    #[error("landed file {file} cannot be read")]
    Unreadable { file: String, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("landed file {file} is not what it says")]
    Differs { file: String, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("landed file {file} was written as {written}, and copied or renamed since")]
    Misnamed { file: String, written: String },
    #[error("merged file {merged} has {found} rows of {part}, which has {rows}; no file was deleted")]
    Lossy { merged: String, part: String, found: u64, rows: u64 },
    #[error("cannot write landed file {file}")]
    Encode { file: String, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("{source_log} is not the log that has landed: {stranger}")]
    Stranger {
        source_log: String,
        stranger: Stranger,
        /// A name that no landed file has.
        free: String,
    },
    #[error("topic `{topic}` cannot be part of a file's name: {reason}")]
    Topic { topic: String, reason: &'static str },
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
    /// Returns whether reading the log may go on later, although nobody changes anything.
    pub fn may_pass(&self) -> bool {
        matches!(self, Error::Log { source, .. } if source.may_pass())
    }

    /// Returns whether an object store may do later what it did not do now.
    pub(super) fn is_store_away(&self) -> bool {
        matches!(self, Error::Store { source, .. } if objects::may_pass(source))
    }

    /// Returns the error that names the log that cannot be read.
    pub(super) fn log(name: &str, source: log::Error) -> Error {
        Error::Log { name: name.to_string(), source: Box::new(source) }
    }

    /// Returns the error that names the landed file that cannot be read.
    pub fn unreadable(file: &LandedFile, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        Error::Unreadable { file: file.to_string(), source: source.into() }
    }

    /// Returns the error that says how a landed file differs from its footer or its log.
    pub(super) fn differs(file: &LandedFile, difference: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        Error::Differs { file: file.to_string(), source: difference.into() }
    }

    /// Returns whether a landed file is damaged: it cannot be read, or is not what it says.
    pub fn is_damage(&self) -> bool {
        matches!(self, Error::Unreadable { .. } | Error::Differs { .. } | Error::Misnamed { .. })
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
            Error::Topic { .. } => {
                Some("`--as NAME` gives the files another name: up to 150 letters, digits and . _ -".into())
            }
            Error::Busy { .. } => Some(
                "wait for it to end, or stop it; with --partitions several processes share a topic, each with its own"
                    .into(),
            ),
            Error::Overlap(overlap) => Some(format!(
                "remove {}; `squall land --repair --from LOG` lands its offsets again from the log",
                overlap.second
            )),
            Error::Unreadable { .. } | Error::Differs { .. } => {
                Some("`squall land --repair --from LOG` sets it aside and lands its offsets again from the log".into())
            }
            Error::Misnamed { file, written } => {
                Some(format!("if it is a copy, remove {file}; if it was renamed, rename it back to {written}"))
            }
            Error::Lossy { merged, .. } => {
                Some(format!("remove {merged}: the files that it was merged from are still there; and report this"))
            }
            Error::Stranger { source_log, free, .. } => Some(format!(
                "`squall land --from {source_log} --as {free}` lands it beside the other, and marks ticks that came through both \
                 as duplicates"
            )),
            Error::Folder { dir, .. } => Some(format!(
                "look at the disk and at the rights of {}; then run the same command again: it goes on where it stopped",
                dir.display()
            )),
            Error::Address { .. } => {
                Some("it has the form s3://bucket/path, gs://bucket/path or az://container/path".into())
            }
            Error::Account { source } => source.hint(),
            Error::Leased { .. } => Some(
                "wait for it to end, or stop it; with --partitions several processes share a topic, each with its own"
                    .into(),
            ),
            Error::Lost { .. } | Error::Claimed { .. } => {
                Some("nothing was lost or doubled: run the same command again once no other process lands there".into())
            }
            Error::Store { path, source } if is_address(path) => Some(match source {
                object_store::Error::NotFound { .. } => {
                    "is there such a bucket? its name is the first part of the address".into()
                }
                object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. } => {
                    "look at the account and its rights: it has to list, read, write and delete objects there".into()
                }
                _ => {
                    "look at the address and the network; then run the same command again: it goes on where it stopped"
                        .into()
                }
            }),
            Error::Store { .. } | Error::Encode { .. } => {
                Some("look at the disk; then run the same command again: it goes on where it stopped".into())
            }
            Error::Restless { .. } => Some("run the same command again".into()),
            Error::Worker(_) => Some("run the same command again: it goes on where it stopped; and report this".into()),
        }
    }
}
