//! Materialised tables: a query's rows in Parquet, read instead of running the query while they are fresh.
//!
//! In: a query. Out: its table, made as far as it is stale. If each row of the query depends only on ticks around it, the table
//! is divided by UTC days (`days.rs`), and only those days are made whose ticks have changed. Otherwise the whole table is one
//! file.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use datafusion::arrow::array::{AsArray, UInt64Array};
use datafusion::arrow::datatypes::{SchemaRef, UInt64Type};
use datafusion::catalog::TableProvider;
use datafusion::common::{exec_err, plan_datafusion_err};
use datafusion::dataframe::DataFrameWriteOptions;
use datafusion::error::DataFusionError;
use datafusion::execution::TaskContext;
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::SortExpr;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::{DataFrame, ident};
use futures::{StreamExt, stream};
use object_store::ObjectStoreExt;
use object_store::buffered::BufWriter;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use url::Url;

use super::days::{Day, Local, undetermined};
use super::error::Error;
use super::names::Shared;
use super::partly_fresh::PartlyFresh;
use super::pieces::{Cutting, DayRows, Others, computes};
use super::recipe::Recipe;
use super::slice::is_within;
use super::spans::Spans;
use super::table::Table;
use super::versions::{Change, Target, Versions, Written};
use super::{Project, Query};
use crate::durable;
use crate::store;
use crate::store::objects::retried;
use crate::text::is_address;

/// A query whose table is fresh now, or whose asked days are.
#[derive(Debug)]
pub struct Materialised {
    pub name: String,
    /// The folder of the table.
    pub path: PathBuf,
    /// The rows of the table.
    pub rows: u64,
    pub elapsed: Duration,
    pub made: Made,
    /// Why the table is never read instead of the query; `None` if it is read while it is fresh.
    pub never_fresh: Option<String>,
}

/// How much of a table a run has made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// Nothing: it was fresh.
    Nothing,
    /// The whole table, which is one file.
    Whole,
    /// So many of the table's days; `stale` others were not asked for.
    Days { made: usize, of: usize, stale: usize },
}

/// Which days to make, and whether fresh ones too.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunOptions {
    /// Whether what is fresh is made again.
    pub full: bool,
    /// The first and the last UTC day to make, `YYYYMMDD`; other days stay as they are. Tables that are not divided by days are
    /// made whole.
    pub from: Option<String>,
    pub to: Option<String>,
}

impl RunOptions {
    fn holds(&self, day: &Day) -> bool {
        self.from.as_ref().is_none_or(|from| *from <= day.name) && self.to.as_ref().is_none_or(|to| day.name <= *to)
    }
}

/// A table to make.
pub(super) struct Job<'a> {
    pub query: &'a Query,
    pub versions: Versions,
    /// What it is made from; the reason if that can change without notice.
    pub recipe: Result<Recipe, String>,
    /// A digest of the landed files; empty if it is not made from landed ticks.
    pub landed: String,
    /// The days of which it consists, and the time column; the reason if it is not divided by days.
    pub days: Result<(Local, Vec<Day>), String>,
}

impl Job<'_> {
    /// Returns the days that have to be made, and how many of the others are stale.
    pub fn stale(&self, options: &RunOptions) -> (Vec<&Day>, usize) {
        let Ok((_, days)) = &self.days else { return (Vec::new(), 0) };
        let manifest = self.versions.current().filter(|manifest| self.recipe.as_ref().ok() == manifest.recipe.as_ref());
        let is_stale = |day: &&Day| manifest.as_ref().is_none_or(|known| known.made(&day.name, &day.ticks).is_none());
        let wanted = days.iter().filter(|day| options.holds(day)).filter(|day| options.full || is_stale(day)).collect();
        (wanted, days.iter().filter(is_stale).filter(|day| !options.holds(day)).count())
    }

    /// Returns the days of which the table consists, each with a digest of its ticks.
    fn names(&self) -> Option<Vec<(String, String)>> {
        let (_, days) = self.days.as_ref().ok()?;
        Some(days.iter().map(|day| (day.name.clone(), day.ticks.clone())).collect())
    }
}

impl Project {
    /// Looks at what a query's table has to be made from.
    pub(super) async fn job(&self, index: usize, context: &SessionContext, names: &Shared) -> Result<Job<'_>, Error> {
        let query = &self.queries[index];
        let looks = names.looks();
        let mut looks = looks.lock().await;
        // Asked before rows are read, so that a file which arrives meanwhile makes the table stale.
        let (recipe, landed) = match self.recipe(index, context, &mut looks).await {
            Ok((recipe, true)) => (Ok(recipe), looks.landed(context).await.unwrap_or_default()),
            Ok((recipe, false)) => (Ok(recipe), String::new()),
            Err(reason) => (Err(reason), String::new()),
        };
        let versions = self.versions(index, &names.tables_dir);
        drop(looks);
        let days = match landed.is_empty() {
            true => Err("it is not made from landed ticks".to_string()),
            false => self.divided(index, context, names).await?,
        };
        Ok(Job { query, versions, recipe, landed, days })
    }

    /// Returns the days of which a query's table consists; the reason if it is not divided by days. Only then are landed ticks
    /// looked at.
    async fn divided(
        &self,
        index: usize,
        context: &SessionContext,
        names: &Shared,
    ) -> Result<Result<(Local, Vec<Day>), String>, Error> {
        let local = match self.local(index, context).await {
            Ok(local) => local,
            Err(reason) => return Ok(Err(reason)),
        };
        let query = &self.queries[index];
        // A physical plan of a long chain of views is costly.
        if query.windows && !self.is_determined(index, context, names).await {
            let plan = DataFrame::new(context.state(), self.plan(query, context).await?).create_physical_plan().await;
            if let Some(window) = undetermined(&plan.map_err(|source| query.failed(source))?) {
                return Ok(Err(format!("the engine computes `{window}` by adding and subtracting")));
            }
        }
        Ok(names.days(local, context).await?.ok_or("landed ticks are not in files of squall's".into()))
    }

    /// Makes what is stale of a query's table.
    pub(super) async fn materialise(
        &self,
        index: usize,
        context: &SessionContext,
        names: &Arc<Shared>,
        options: &RunOptions,
    ) -> Result<Materialised, Error> {
        let started = Instant::now();
        let query = &self.queries[index];
        let versions = self.versions(index, &names.tables_dir);
        let is_fresh = names.standing(index).is_some_and(|table| table.is::<Table>()) && !options.full;
        if !is_fresh {
            check_grain(query, names.standing(index).map(|rows| rows.schema()))?;
        }
        let beginning = versions.clone();
        let cannot_write = |source| Error::Write { path: versions.folder.clone(), source };
        durable::blocking(move || beginning.begin()).await.map_err(cannot_write)?;
        if is_fresh {
            versions.touch();
            let rows = versions.current().map_or(0, |manifest| manifest.rows());
            let (name, path, elapsed) = (query.name.clone(), versions.folder, started.elapsed());
            return Ok(Materialised { name, path, rows, elapsed, made: Made::Nothing, never_fresh: None });
        }
        let job = self.job(index, context, names).await?;
        let made = match &job.days {
            Ok((local, days)) => {
                let (stale, left) = job.stale(options);
                self.make_days(&job, local, &stale, left == 0, context, names).await?;
                Made::Days { made: stale.len(), of: days.len(), stale: left }
            }
            Err(_) => {
                self.make_whole(&job, context).await?;
                Made::Whole
            }
        };
        let rows = job.versions.current().map_or(0, |manifest| manifest.rows());
        Ok(Materialised {
            name: query.name.clone(),
            path: job.versions.folder.clone(),
            rows,
            elapsed: started.elapsed(),
            made,
            never_fresh: job.recipe.err(),
        })
    }

    /// Returns the folder of a query's table.
    pub(super) fn versions(&self, index: usize, tables_dir: &Path) -> Versions {
        let models = self.models_dir.as_deref().filter(|_| self.scores(index));
        Versions::of(tables_dir, &self.queries[index], models)
    }

    async fn make_whole(&self, job: &Job<'_>, context: &SessionContext) -> Result<(), Error> {
        let plan = self.plan(job.query, context).await?;
        let written = job.write(DataFrame::new(context.state(), plan), None).await?;
        job.publish(Change { landed: Some(job.landed.clone()), written: Some(written), days: None, ..job.change(true) })
            .await
    }

    /// Makes days side by side; each is part of the table as soon as it is written, so that a run that is ended goes on there.
    async fn make_days(
        &self,
        job: &Job<'_>,
        local: &Local,
        stale: &[&Day],
        is_all: bool,
        context: &SessionContext,
        names: &Arc<Shared>,
    ) -> Result<(), Error> {
        let threads = context.copied_config().target_partitions();
        let spans = names.spans(context).await?;
        let others = match spans.and_then(|spans| Others::of(context, local, spans, stale.len())) {
            Some(others) if computes(&self.plan(job.query, context).await?) => Some(others),
            _ => None,
        };
        let width = others.as_ref().map_or(threads, |others| others.width().max(threads));
        let made = stale.iter().map(|day| async {
            let query = job.query;
            let elsewhere = match &others {
                Some(others) => Cutting { project: self, query, local, others, context, names }.day(day).await?,
                None => None,
            };
            match elsewhere {
                Some(DayRows::File(file)) => return job.write_encoded(file, context, day).await,
                Some(DayRows::Rows(rows)) => return job.write(rows, Some(day)).await,
                None => {}
            }
            let own = names.sliced(context, day.spans.clone()).await.map_err(|source| query.failed(source))?;
            let plan = self.plan(query, &own).await?;
            let rows = DataFrame::new(own.state(), plan).filter(is_within(local.time(), day.range()));
            job.write(rows.map_err(|source| query.failed(source))?, Some(day)).await
        });
        let mut made = stream::iter(made).buffer_unordered(width);
        let mut is_first = true;
        while let Some(written) = made.next().await {
            job.publish(Change { written: Some(written?), ..job.change(is_first) }).await?;
            is_first = false;
        }
        if !is_all {
            return Ok(());
        }
        let is_empty = job.names().is_some_and(|days| days.is_empty());
        let written = match is_empty {
            // A file without rows says which columns the table has.
            true => {
                let plan = self.plan(job.query, context).await?;
                let rows = DataFrame::new(context.state(), plan).limit(0, Some(0));
                Some(job.write(rows.map_err(|source| job.query.failed(source))?, None).await?)
            }
            false => None,
        };
        job.publish(Change { landed: Some(job.landed.clone()), written, ..job.change(is_first) }).await
    }

    /// Returns the query's materialised table, if there is one that was made from what the query would read now.
    pub(super) async fn fresh_table(
        &self,
        index: usize,
        context: &SessionContext,
        names: &Shared,
    ) -> Result<Option<Arc<dyn TableProvider>>, Error> {
        let query = &self.queries[index];
        let versions = self.versions(index, &names.tables_dir);
        let Some(manifest) = versions.current() else { return Ok(None) };
        let looks = names.looks();
        let mut looks = looks.lock().await;
        let Ok((recipe, reads_landed)) = self.recipe(index, context, &mut looks).await else { return Ok(None) };
        let landed = if reads_landed { looks.landed(context).await } else { Some(String::new()) };
        drop(looks);
        let is_fresh = manifest.landed.is_some() && manifest.landed == landed;
        let partly = names.whole().filter(|_| manifest.parts.iter().all(|part| part.day.is_some()));
        if manifest.recipe.as_ref() != Some(&recipe) || manifest.parts.is_empty() || !is_fresh && partly.is_none() {
            return Ok(None);
        }
        let parts = manifest.parts.clone();
        match Table::open(&context.state(), &versions.folder, manifest, &query.header.grain).await {
            Ok(table) if is_fresh => Ok(Some(Arc::new(table))),
            Ok(table) => {
                let schema = table.schema();
                let table = |names| Arc::new(PartlyFresh::new(names, index, Some(table), &schema));
                Ok(partly.map(|names| table(names) as Arc<dyn TableProvider>))
            }
            Err(source) => match versions.current() {
                None => Ok(None),
                // Since the manifest was read, two runs have replaced the table and removed its files.
                Some(now) if now.parts != parts => Box::pin(self.fresh_table(index, context, names)).await,
                Some(_) => Err(Error::Table { path: versions.folder, source: Box::new(source) }),
            },
        }
    }
}

impl Shared {
    /// Returns the days that landed ticks make of a query, with how far it reaches; `None` if landed ticks are not in files of
    /// squall's.
    async fn days(&self, local: Local, context: &SessionContext) -> Result<Option<(Local, Vec<Day>)>, Error> {
        let spans = self.spans(context).await?;
        Ok(spans.map(|spans| {
            let days = local.days(&spans);
            (local, days)
        }))
    }

    /// Returns the landed ticks by span; `None` if they are not in files of squall's.
    pub async fn spans(&self, context: &SessionContext) -> Result<Option<Arc<Spans>>, Error> {
        self.looks().lock().await.spans(context, &self.tables_dir).await
    }
}

impl Query {
    /// Returns the error that running the query ended with.
    pub fn failed(&self, source: DataFusionError) -> Error {
        Error::Query { name: self.name.clone(), file: self.file.clone(), source: Box::new(source) }
    }
}

impl Job<'_> {
    fn cannot_write(&self, source: std::io::Error) -> Error {
        Error::Write { path: self.versions.folder.clone(), source }
    }

    /// Returns a change that adds nothing yet.
    fn change(&self, is_first: bool) -> Change {
        let recipe = self.recipe.as_ref().ok().cloned();
        Change { recipe, landed: None, written: None, days: self.names(), is_first }
    }

    async fn publish(&self, change: Change) -> Result<(), Error> {
        let versions = self.versions.clone();
        durable::blocking(move || versions.publish(change)).await.map_err(|source| self.cannot_write(source))
    }

    async fn target(&self, day: Option<&Day>) -> Result<Target, Error> {
        let (versions, day) = (self.versions.clone(), day.map(|day| day.name.clone()));
        durable::blocking(move || versions.target(day.as_deref())).await.map_err(|source| self.cannot_write(source))
    }

    /// Writes a day's file, which another process has encoded.
    async fn write_encoded(
        &self,
        file: Arc<dyn ExecutionPlan>,
        context: &SessionContext,
        day: &Day,
    ) -> Result<Written, Error> {
        let target = self.target(Some(day)).await?;
        let (path, task) = (target.path(), context.task_ctx());
        let writing = tokio::spawn(async move {
            let rows = write_pieces(file, Arc::clone(&task), &path).await?;
            Ok::<_, DataFusionError>((rows, size(&task, &path).await?))
        });
        let written = writing.await.map_err(|error| DataFusionError::External(Box::new(error))).flatten();
        let (rows, bytes) = written.map_err(|source| self.query.failed(source))?;
        Ok(Written { file: target, bytes, day: Some(day.name.clone()), rows, ticks: day.ticks.clone() })
    }

    /// Writes rows, sorted by the grain.
    async fn write(&self, rows: DataFrame, day: Option<&Day>) -> Result<Written, Error> {
        let target = self.target(day).await?;
        let path = target.path();
        let grain = self.query.header.grain.iter().map(|column| ident(column).sort(true, false)).collect();
        // Days are written side by side, each by a task of its own.
        let writing = tokio::spawn(async move {
            let task = rows.task_ctx();
            let rows = write_rows(rows, grain, &path).await?;
            Ok::<_, DataFusionError>((rows, size(&task, &path).await?))
        });
        let written = writing.await.map_err(|error| DataFusionError::External(Box::new(error))).flatten();
        let (rows, bytes) = written.map_err(|source| self.query.failed(source))?;
        let (day, ticks) = day.map_or((None, String::new()), |day| (Some(day.name.clone()), day.ticks.clone()));
        Ok(Written { file: target, bytes, day, rows, ticks })
    }
}

/// Checks that a query has the columns of its grain, if its columns are known.
fn check_grain(query: &Query, schema: Option<SchemaRef>) -> Result<(), Error> {
    let is_missing = |column: &&String| schema.as_ref().is_some_and(|schema| schema.index_of(column).is_err());
    match query.header.grain.iter().find(is_missing) {
        None => Ok(()),
        Some(column) => {
            let (name, file) = (query.name.clone(), query.file.clone());
            Err(Error::Grain { name, file, column: column.clone() })
        }
    }
}

/// Returns the size of a file.
async fn size(task: &TaskContext, path: &Path) -> Result<u64, DataFusionError> {
    let (url, location) = store::location(path)?;
    let store = task.runtime_env().object_store(&url)?;
    Ok(retried(|| store.head(&location)).await?.size)
}

/// Writes the pieces of an encoded file one after another, and returns the number of its rows.
async fn write_pieces(
    encoded: Arc<dyn ExecutionPlan>,
    context: Arc<TaskContext>,
    path: &Path,
) -> Result<u64, DataFusionError> {
    let (url, location) = store::location(path)?;
    let mut file: Box<dyn AsyncWrite + Send + Unpin> = match is_address(&path.to_string_lossy()) {
        true => Box::new(BufWriter::new(context.runtime_env().object_store(&url)?, location)),
        false => Box::new(tokio::fs::File::create(path).await?),
    };
    let mut pieces = execute_stream(encoded, context)?;
    let mut count = None;
    while let Some(piece) = pieces.next().await {
        let piece = piece?;
        for bytes in piece.column(0).as_binary::<i32>().iter().flatten() {
            file.write_all(bytes).await?;
        }
        count = piece.column(1).as_primitive::<UInt64Type>().iter().flatten().last();
    }
    file.shutdown().await?;
    count.map_or_else(|| exec_err!("the file of a day ended before its last piece"), Ok)
}

/// Writes a query's rows in an order, and returns the number of rows.
async fn write_rows(frame: DataFrame, order: Vec<SortExpr>, file: &Path) -> Result<u64, DataFusionError> {
    let options = DataFrameWriteOptions::new().with_single_file_output(true).with_sort_by(order);
    let url = match file.to_str().filter(|text| is_address(text)) {
        Some(address) => address.to_string(),
        None => {
            let absolute = std::path::absolute(file)?;
            let url = Url::from_file_path(&absolute);
            url.map_err(|()| plan_datafusion_err!("{} is not an absolute path", absolute.display()))?.into()
        }
    };
    let counts = frame.write_parquet(&url, options, None).await?;
    let count = |counts: &UInt64Array| counts.iter().flatten().sum::<u64>();
    Ok(counts.iter().filter_map(|batch| batch.column(0).as_primitive_opt::<UInt64Type>()).map(count).sum())
}
