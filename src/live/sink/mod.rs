//! Where rows go. Each place is one file that implements [`Sink`], and one line of [`Destination::open`].

mod folder;
mod form;
mod lines;
mod nowhere;
mod reached;
mod remembered;
mod several;
mod topic;
mod webhook;

use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;

use super::error::Error;
use super::plan::{Emitted, LivePlan};
use super::webhook::{Stop, Webhook};
use crate::log::{self, Location, LogId};

pub use folder::{FolderSink, Kept};
pub use form::{Form, instant, not_encoded};
pub use lines::{Lines, LinesSink};
pub use nowhere::NowhereSink;
pub use reached::Reached;
pub use several::Several;
pub use topic::TopicSink;
pub use webhook::WebhookSink;

/// Takes the rows of one query.
#[async_trait]
pub trait Sink: Send {
    /// Returns the first offset of a partition whose rows the sink does not have. A sink that has had no rows of the partition
    /// begins at `at`, and one that remembers remembers this.
    ///
    /// # Errors
    /// The sink cannot be read.
    async fn begin(&mut self, partition: i32, at: i64) -> Result<i64, Error>;

    /// Returns the first offset of a partition whose rows the sink would like to see again, if they can be had. It needs none of them.
    fn looks_back(&self, _partition: i32) -> Option<i64> {
        None
    }

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
#[derive(Debug, Clone)]
pub enum Destination {
    /// Standard output, one JSON object a line.
    Lines(Reached),
    /// Nowhere: rows are only looked at.
    Nowhere(Reached),
    /// A folder of Parquet files; a row waits at most so long for its file.
    Folder(PathBuf, Duration),
    /// A topic, and the folder of the file that says what it has.
    Topic { location: Location, options: Box<log::Options>, state_dir: PathBuf },
    /// A webhook, and the folder of the file that says what it has taken.
    Webhook { webhook: Webhook, state_dir: PathBuf, stop: Stop },
}

impl Destination {
    /// Returns a text that is the same for the same place, however it is written. It may hold a secret.
    pub fn identity(&self) -> String {
        match self {
            Destination::Lines(_) | Destination::Nowhere(_) => "-".into(),
            Destination::Folder(dir, _) => {
                let whole = std::path::absolute(dir).unwrap_or_else(|_| dir.clone());
                whole.components().collect::<PathBuf>().display().to_string()
            }
            Destination::Topic { location, .. } => location.to_string(),
            Destination::Webhook { webhook, .. } => webhook.address().into(),
        }
    }

    /// Opens places for the rows of a query, which go to each of them.
    ///
    /// # Errors
    /// A place cannot be used, or holds rows of something else.
    pub async fn open_all(places: &[Destination], plan: &LivePlan, log: &LogId) -> Result<Box<dyn Sink>, Error> {
        let mut sinks = Vec::with_capacity(places.len());
        for place in places {
            sinks.push(place.open(plan, log).await?);
        }
        Ok(match sinks.pop() {
            Some(only) if sinks.is_empty() => only,
            last => Box::new(Several::new(sinks.into_iter().chain(last).collect())),
        })
    }

    /// Opens the place for the rows of a query.
    ///
    /// # Errors
    /// The place cannot be used, or holds rows of something else.
    pub async fn open(&self, plan: &LivePlan, log: &LogId) -> Result<Box<dyn Sink>, Error> {
        Ok(match self {
            Destination::Lines(reached) => Box::new(LinesSink::new(plan, reached.clone(), Box::new(std::io::stdout()))),
            Destination::Nowhere(reached) => Box::new(NowhereSink::new(plan.name(), reached.clone())),
            Destination::Folder(dir, wait) => Box::new(FolderSink::open(dir, plan, log, *wait)?),
            Destination::Topic { location, options, state_dir } => {
                let name = location.to_string();
                let to = log::create(location, options).await.map_err(|source| Error::log(&name, source))?;
                Box::new(TopicSink::open(to, &name, state_dir, plan, log).await?)
            }
            Destination::Webhook { webhook, state_dir, stop } => {
                Box::new(WebhookSink::open(webhook.clone(), state_dir, plan, log, stop.clone())?)
            }
        })
    }
}
