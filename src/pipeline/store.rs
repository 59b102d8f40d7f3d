//! Materialised tables: a query's rows in a Parquet file, read instead of running the query while they are fresh.
//!
//! In: the project's queries. Out: versions of a table (`versions.rs`), each with what it was made from (`manifest.rs`).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use datafusion::arrow::array::{AsArray, UInt64Array};
use datafusion::arrow::datatypes::UInt64Type;
use datafusion::catalog::TableProvider;
use datafusion::dataframe::DataFrameWriteOptions;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use datafusion::error::DataFusionError;
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::SortExpr;
use datafusion::prelude::{DataFrame, ident};
use url::Url;

use super::disabled::{Disabled, Why};
use super::error::Error;
use super::manifest::Inputs;
use super::selector::Purpose;
use super::version_table::VersionTable;
use super::versions::Versions;
use super::{Kind, Project, Query};
use crate::durable;

/// A query that was written to Parquet.
#[derive(Debug)]
pub struct Materialised {
    pub name: String,
    /// The folder of the table.
    pub path: PathBuf,
    pub rows: u64,
    pub elapsed: Duration,
    /// Why the table is never read instead of the query; `None` if it is read while it is fresh.
    pub never_fresh: Option<String>,
}

/// A query that was left out because it scores with a model that is not trained yet.
#[derive(Debug, PartialEq, Eq)]
pub struct Waiting {
    pub query: String,
    pub model: String,
}

/// Why a query was not materialised.
enum NotMade {
    Waits(String),
    Failed(Error),
}

impl From<Error> for NotMade {
    fn from(error: Error) -> Self {
        NotMade::Failed(error)
    }
}

impl Project {
    /// Materialises the queries that match `selector`; `*` means all. Afterwards, queries use the new tables. Returns the
    /// queries that wait for a model that is not trained yet, unless the selector names them itself.
    ///
    /// # Errors
    /// No query has a given name, or a query fails. The others are still made, except those that read what failed. No table
    /// is half-written.
    pub async fn run(
        &self,
        context: &SessionContext,
        selector: &str,
        tables_dir: &Path,
        done: &mut (dyn FnMut(&Materialised) + Send),
    ) -> Result<Vec<Waiting>, Error> {
        let selection = self.selected_in(selector, Purpose::Run, context, tables_dir).await?;
        let everything = selector.split_whitespace().any(|word| word == "*");
        let (mut failed, mut skipped, mut waiting) = (Vec::new(), Vec::new(), Vec::new());
        if everything {
            let wrong = self.disabled.iter().filter(|disabled| !matches!(disabled.kind, Kind::Model | Kind::Audit));
            failed
                .extend(wrong.filter_map(|disabled| Some((disabled.name.clone(), self.explain(&disabled.name, &[])?))));
        }
        let mut lost: BTreeSet<usize> = BTreeSet::new();
        for index in selection.all {
            let name = self.queries[index].name.clone();
            if self.upstream(index).iter().any(|needed| lost.contains(needed)) {
                lost.insert(index);
                skipped.push(name);
                continue;
            }
            match self.make(index, context, tables_dir).await {
                Ok(table) => done(&table),
                Err(NotMade::Waits(model)) if !selection.named.contains(&index) => {
                    waiting.push(Waiting { query: name, model });
                }
                Err(NotMade::Waits(model)) => {
                    let waits = Disabled::waiting(&self.queries[index], &model);
                    failed.extend(self.explain(&name, &[waits]).map(|error| (name, error)));
                }
                Err(NotMade::Failed(error)) => {
                    lost.insert(index);
                    failed.push((name, error));
                }
            }
        }
        match failed.len() {
            0 => Ok(waiting),
            1 if skipped.is_empty() => Err(failed.remove(0).1),
            _ => Err(Error::Failed { failed, skipped }),
        }
    }

    /// Materialises one query, and registers the new table and the queries that read it.
    async fn make(&self, index: usize, context: &SessionContext, tables_dir: &Path) -> Result<Materialised, NotMade> {
        // One look at the inputs for the tables that are read and for the recipe: what arrives meanwhile makes the new table
        // stale, and never fresh without it. A model may have been trained since the views were made.
        let mut seen = Inputs::default();
        let mut unplanned = Vec::new();
        self.register_these(self.upstream(index), context, tables_dir, &mut seen, &mut unplanned).await?;
        let name = &self.queries[index].name;
        match self.why_not(&self.queries[index], &unplanned) {
            None => {}
            Some(Why::Waits(model)) => return Err(NotMade::Waits(model)),
            Some(why) => {
                let query = &self.queries[index];
                unplanned.push(Disabled { name: name.clone(), kind: query.kind, file: query.file.clone(), why });
                // It was added in the line before.
                return Err(NotMade::Failed(self.explain(name, &unplanned).unwrap_or_else(|| self.unknown(name))));
            }
        }
        let made = match self.materialise(index, context, tables_dir, &mut seen).await {
            Ok(made) => made,
            // Without the model, planning or running the query fails.
            Err(error @ (Error::Plan { .. } | Error::Query { .. })) => {
                return Err(self.untrained(index).map_or(NotMade::Failed(error), |model| NotMade::Waits(model.into())));
            }
            Err(error) => return Err(error.into()),
        };
        let mut inputs = Inputs::default();
        let changed = std::iter::once(index).chain(self.downstream(index));
        self.register_these(changed, context, tables_dir, &mut inputs, &mut Vec::new()).await?;
        Ok(made)
    }

    async fn materialise(
        &self,
        index: usize,
        context: &SessionContext,
        tables_dir: &Path,
        seen: &mut Inputs,
    ) -> Result<Materialised, Error> {
        let started = Instant::now();
        let query = &self.queries[index];
        // Asked before the rows are read, so that a file which arrives meanwhile makes the table stale.
        let recipe = self.recipe(index, context, seen).await;
        let plan = self.plan(query, context).await?;
        for column in &query.header.grain {
            if plan.schema().index_of_column_by_name(None, column).is_none() {
                let (name, file) = (query.name.clone(), query.file.clone());
                return Err(Error::Grain { name, file, column: column.clone() });
            }
        }
        let frame = DataFrame::new(context.state(), plan);
        let versions = Versions::of(tables_dir, &query.name);
        let path = versions.folder.clone();
        let failed = |source| Error::Write { path: path.clone(), source };
        let beginning = versions.clone();
        let aside = durable::blocking(move || beginning.begin()).await.map_err(failed)?;
        let rows = write_rows(query, frame, &aside.path()).await?;
        let (recipe, never_fresh) = match recipe {
            Ok(recipe) => (Some(recipe), None),
            Err(reason) => (None, Some(reason)),
        };
        durable::blocking(move || versions.publish(aside, rows, recipe)).await.map_err(failed)?;
        Ok(Materialised { name: query.name.clone(), path, rows, elapsed: started.elapsed(), never_fresh })
    }

    /// Returns the query's materialised table, if there is one that was made from what the query would read now.
    pub(super) async fn fresh_table(
        &self,
        index: usize,
        context: &SessionContext,
        tables_dir: &Path,
        inputs: &mut Inputs,
    ) -> Result<Option<Arc<dyn TableProvider>>, Error> {
        let query = &self.queries[index];
        let Some((manifest, file)) = Versions::of(tables_dir, &query.name).current() else { return Ok(None) };
        let Some(recipe) = manifest.recipe else { return Ok(None) };
        if self.recipe(index, context, inputs).await != Ok(recipe) {
            return Ok(None);
        }
        match open(context, &file, &query.header.grain).await {
            Ok(table) => Ok(Some(table)),
            // Since the manifest was read, two runs have replaced the table.
            Err(_) if !file.exists() => Ok(None),
            Err(source) => Err(Error::Table { path: file, source: Box::new(source) }),
        }
    }
}

fn sorted_by(grain: &[String]) -> Vec<SortExpr> {
    grain.iter().map(|column| ident(column).sort(true, false)).collect()
}

/// Writes a query's rows, sorted by its grain, and returns the number of rows.
async fn write_rows(query: &Query, frame: DataFrame, file: &Path) -> Result<u64, Error> {
    let written = async {
        let options = DataFrameWriteOptions::new().with_single_file_output(true);
        let options = options.with_sort_by(sorted_by(&query.header.grain));
        let url = file_url(file)?;
        frame.write_parquet(url.as_str(), options, None).await
    };
    let counts = written.await.map_err(|source| Error::Query {
        name: query.name.clone(),
        file: query.file.clone(),
        source: Box::new(source),
    })?;
    let count = |counts: &UInt64Array| counts.iter().flatten().sum::<u64>();
    Ok(counts.iter().filter_map(|batch| batch.column(0).as_primitive_opt::<UInt64Type>()).map(count).sum())
}

async fn open(
    context: &SessionContext,
    file: &Path,
    grain: &[String],
) -> Result<Arc<dyn TableProvider>, DataFusionError> {
    let mut options = ListingOptions::new(Arc::new(ParquetFormat::default())).with_file_extension(".parquet");
    if !grain.is_empty() {
        options = options.with_file_sort_order(vec![sorted_by(grain)]);
    }
    let url = ListingTableUrl::try_new(file_url(file)?, None)?;
    let config = ListingTableConfig::new(url).with_listing_options(options);
    let config = config.infer_schema(&context.state()).await?;
    Ok(Arc::new(VersionTable { file: file.to_path_buf(), rows: ListingTable::try_new(config)? }))
}

fn file_url(file: &Path) -> Result<Url, DataFusionError> {
    let absolute = std::path::absolute(file)?;
    Url::from_file_path(&absolute)
        .map_err(|()| DataFusionError::Configuration(format!("{} is not an absolute path", absolute.display())))
}
