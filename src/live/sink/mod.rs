//! Where rows go. Each place is one file that implements [`Sink`], and one line of [`Destination::parse`].

mod folder;
mod lines;

use std::ops::Range;
use std::path::PathBuf;

use async_trait::async_trait;

use super::error::Error;
use super::plan::{Emitted, LivePlan};
use crate::log::LogId;

pub use folder::{FolderSink, Kept};
pub use lines::LinesSink;

/// Takes the rows of one query.
#[async_trait]
pub trait Sink: Send {
    /// Returns the first offset of a partition whose rows the sink does not have. A sink that has had no rows of the partition
    /// begins at `at`, and one that remembers remembers this.
    ///
    /// # Errors
    /// The sink cannot be read.
    fn begin(&mut self, partition: i32, at: i64) -> Result<i64, Error>;

    /// Takes the rows of consecutive offsets of a partition.
    ///
    /// # Errors
    /// The rows cannot be written.
    async fn put(&mut self, partition: i32, offsets: Range<i64>, rows: Emitted) -> Result<(), Error>;

    /// Writes what waits to be written: all of it, or only what has waited long enough.
    ///
    /// # Errors
    /// The rows cannot be written.
    async fn flush(&mut self, all: bool) -> Result<(), Error>;
}

/// A place to which rows go, as the user wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// Standard output, one JSON object a line.
    Lines,
    /// A folder of Parquet files.
    Folder(PathBuf),
}

impl Destination {
    /// Reads a place: `-` is standard output, anything else a folder.
    pub fn parse(text: &str) -> Destination {
        match text {
            "-" => Destination::Lines,
            folder => Destination::Folder(folder.strip_prefix("file:").unwrap_or(folder).into()),
        }
    }

    /// Opens the place for the rows of a query.
    ///
    /// # Errors
    /// The place cannot be used, or holds rows of something else.
    pub fn open(&self, plan: &LivePlan, log: &LogId) -> Result<Box<dyn Sink>, Error> {
        Ok(match self {
            Destination::Lines => Box::new(LinesSink::new(plan, Box::new(std::io::stdout()))),
            Destination::Folder(dir) => Box::new(FolderSink::open(dir, plan, log)?),
        })
    }
}
