//! Rows as Parquet files, exactly once: a file's name says which offsets it holds, as the names of landed files do, and the file is
//! committed when it appears under its name.
//!
//! In: the rows of consecutive offsets. Out: `<query>-<partition>-<first>-<last>.parquet`, put whole; and `<query>.json`, which says
//! which log the rows came from and at which offset of each partition they begin. After any end, the next offset is one past the
//! highest that is named.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::parquet::arrow::ArrowWriter;
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;

use super::Sink;
use super::form::{Form, not_encoded};
use crate::durable;
use crate::engine::parquet_properties;
use crate::land::{Landed, LandedFile};
use crate::live::error::Error;
use crate::live::plan::{Emitted, LivePlan};
use crate::log::LogId;

/// A file is written when so many rows wait, or when the first has waited as long as the user says.
const ROWS: usize = 1 << 17;

/// What a folder holds of a query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    pub query: String,
    /// The log that the rows came from.
    pub log: String,
    /// The columns, each with its type.
    pub columns: Vec<(String, String)>,
    /// The first offset of each partition.
    pub begins: BTreeMap<i32, i64>,
}

impl Kept {
    /// Reads what a folder holds of a query; `None` if it holds nothing.
    ///
    /// # Errors
    /// The folder cannot be read, or holds another file of that name.
    pub fn read(dir: &Path, query: &str) -> Result<Option<Kept>, Error> {
        let path = path(dir, query);
        let text = match std::fs::read_to_string(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            text => text.map_err(|source| Error::file(&path, source))?,
        };
        serde_json::from_str(&text).map(Some).map_err(|error| Error::Damaged { path, problem: error.to_string() })
    }

    /// Returns the queries whose rows a folder holds, in the order of their names.
    ///
    /// # Errors
    /// The folder cannot be listed.
    pub fn queries(dir: &Path) -> Result<Vec<String>, Error> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(dir).map_err(|source| Error::file(dir, source))? {
            let path = entry.map_err(|source| Error::file(dir, source))?.path();
            let name = path.file_stem().and_then(|stem| stem.to_str());
            // A file of others may end with .json too.
            if let (Some("json"), Some(name)) = (path.extension().and_then(|ending| ending.to_str()), name)
                && let Ok(Some(kept)) = Kept::read(dir, name)
            {
                found.push(kept.query);
            }
        }
        found.sort();
        Ok(found)
    }

    /// Returns whether the rows have a column.
    pub fn has(&self, name: &str) -> bool {
        self.columns.iter().any(|(column, _)| column == name)
    }

    /// Returns the files of the query, in the order of partition and offset.
    ///
    /// # Errors
    /// The folder cannot be listed, or two files overlap.
    pub fn files(&self, dir: &Path) -> Result<Vec<LandedFile>, Error> {
        let entries = std::fs::read_dir(dir).map_err(|source| Error::file(dir, source))?;
        let mut names = Vec::new();
        for entry in entries {
            let name = entry.map_err(|source| Error::file(dir, source))?.file_name();
            names.extend(name.to_str().map(String::from));
        }
        let landed = Landed::from_names(names.iter().map(String::as_str));
        let landed = landed.map_err(|overlap| Error::Damaged {
            path: dir.join(overlap.second.to_string()),
            problem: overlap.to_string(),
        })?;
        Ok(landed.visible().filter(|file| file.topic == self.query).cloned().collect())
    }

    fn write(&self, dir: &Path) -> Result<(), Error> {
        let path = path(dir, &self.query);
        // Names, numbers and texts can be written as JSON.
        let text = serde_json::to_string_pretty(self).unwrap_or_default();
        durable::replace(&path, text.as_bytes()).map_err(|source| Error::file(&path, source))
    }
}

fn path(dir: &Path, query: &str) -> PathBuf {
    dir.join(format!("{query}.json"))
}

/// Writes rows as files.
pub struct FolderSink {
    dir: PathBuf,
    kept: Kept,
    form: Form,
    /// The first offset of each partition that is in no file.
    next: BTreeMap<i32, i64>,
    waiting: BTreeMap<i32, Waiting>,
    /// How long a row may wait for its file.
    wait: Duration,
    /// The file that is written while the next rows come. Files are written one after another.
    writing: Option<JoinHandle<Result<(), Error>>>,
    /// Whether a file could not be written. No later file is written then, so that no offsets are left out.
    has_failed: bool,
    /// Held locked, so that no other process writes rows of the query.
    _lock: File,
}

/// Rows of a partition that are in no file yet.
struct Waiting {
    first: i64,
    next: i64,
    rows: Vec<RecordBatch>,
    count: usize,
    since: Instant,
}

impl FolderSink {
    /// Opens a folder for the rows of a query; makes it if it is missing.
    ///
    /// # Errors
    /// Another process writes rows of the query, or the folder holds rows of another log or with other columns.
    pub fn open(dir: &Path, plan: &LivePlan, log: &LogId, wait: Duration) -> Result<FolderSink, Error> {
        let failed = |source| Error::file(dir, source);
        durable::create_folder(dir).map_err(failed)?;
        let lock_path = dir.join(format!(".{}.lock", plan.name()));
        let lock = File::create(&lock_path).map_err(|source| Error::file(&lock_path, source))?;
        if lock.try_lock().is_err() {
            return Err(Error::Busy { dir: dir.into(), name: plan.name().into() });
        }
        let form = Form::of(plan);
        let columns = form.schema().fields().iter().map(|field| (field.name().clone(), field.data_type().to_string()));
        let columns: Vec<(String, String)> = columns.collect();
        let kept = match Kept::read(dir, plan.name())? {
            Some(kept) if kept.log != log.to_string() => {
                return Err(Error::OtherLog { dir: dir.into(), held: kept.log, log: log.clone() });
            }
            Some(kept) if kept.columns != columns => {
                return Err(Error::OtherColumns { dir: dir.into(), name: kept.query });
            }
            Some(kept) => kept,
            None => Kept { query: plan.name().into(), log: log.to_string(), columns, begins: BTreeMap::new() },
        };
        let mut next = kept.begins.clone();
        for file in kept.files(dir)? {
            next.insert(file.partition, file.next_offset());
        }
        Ok(FolderSink {
            dir: dir.into(),
            kept,
            form,
            next,
            waiting: BTreeMap::new(),
            wait,
            writing: None,
            has_failed: false,
            _lock: lock,
        })
    }

    /// Waits until the file that is being written is in place.
    async fn settle(&mut self) -> Result<(), Error> {
        let Some(writing) = self.writing.take() else { return Ok(()) };
        let written = writing.await.map_err(|error| Error::Encode { problem: error.to_string() }).flatten();
        self.has_failed |= written.is_err();
        written
    }

    /// Begins to write the rows of a partition that wait, after the file before is in place.
    async fn write(&mut self, partition: i32) -> Result<(), Error> {
        self.settle().await?;
        let Some(waiting) = self.waiting.remove(&partition).filter(|_| !self.has_failed) else { return Ok(()) };
        let file =
            LandedFile { topic: self.kept.query.clone(), partition, first: waiting.first, last: waiting.next - 1 };
        let (path, form) = (self.dir.join(file.to_string()), self.form.clone());
        self.next.insert(partition, file.next_offset());
        self.writing = Some(tokio::task::spawn_blocking(move || {
            let content = encoded(&form, &waiting.rows)?;
            // A file of this name would be another process's.
            durable::create_new(&path, &content).map_err(|source| Error::file(&path, source))
        }));
        Ok(())
    }
}

fn encoded(form: &Form, rows: &[RecordBatch]) -> Result<Vec<u8>, Error> {
    let properties = parquet_properties().build();
    let rows = rows.iter().map(|rows| form.filled(rows)).collect::<Result<Vec<_>, _>>()?;
    let encode = || {
        let mut writer = ArrowWriter::try_new(Vec::new(), SchemaRef::clone(form.schema()), Some(properties))?;
        for batch in &rows {
            writer.write(batch)?;
        }
        writer.into_inner()
    };
    encode().map_err(not_encoded)
}

#[async_trait]
impl Sink for FolderSink {
    async fn begin(&mut self, partition: i32, at: i64) -> Result<i64, Error> {
        if let Some(next) = self.next.get(&partition) {
            return Ok(*next);
        }
        self.kept.begins.insert(partition, at);
        self.kept.write(&self.dir)?;
        self.next.insert(partition, at);
        Ok(at)
    }

    async fn put(&mut self, partition: i32, offsets: Range<i64>, rows: Emitted) -> Result<(), Error> {
        let waiting = self.waiting.entry(partition).or_insert_with(|| Waiting {
            first: offsets.start,
            next: offsets.start,
            rows: Vec::new(),
            count: 0,
            since: Instant::now(),
        });
        waiting.next = offsets.end;
        if rows.rows.num_rows() > 0 {
            waiting.count += rows.rows.num_rows();
            waiting.rows.push(rows.rows);
        }
        if waiting.count >= ROWS { self.write(partition).await } else { Ok(()) }
    }

    async fn flush(&mut self, all: bool) -> Result<(), Error> {
        // Offsets without a row join those of the next row.
        let with_rows = self.waiting.iter().filter(|(_, waiting)| waiting.count > 0);
        let due = with_rows.filter(|(_, waiting)| all || waiting.since.elapsed() >= self.wait);
        let due: Vec<i32> = due.map(|(partition, _)| *partition).collect();
        for partition in due {
            self.write(partition).await?;
        }
        let is_over = self.writing.as_ref().is_some_and(JoinHandle::is_finished);
        if all || is_over { self.settle().await } else { Ok(()) }
    }
}
