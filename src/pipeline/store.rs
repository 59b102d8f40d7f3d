//! Materialised tables: `<tables_dir>/<name>/` holds one Parquet file and a manifest of what it was made from.
//!
//! A table is written to a hidden folder beside its own and renamed into place: readers see the old one or the new one.

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

use super::error::Error;
use super::manifest::{Inputs, MANIFEST, Manifest};
use super::{Project, Query};

/// A query that was written to Parquet.
#[derive(Debug)]
pub struct Materialised {
    pub name: String,
    /// The folder of the table.
    pub path: PathBuf,
    pub rows: u64,
    pub elapsed: Duration,
}

impl Project {
    /// Materialises the queries that `selector` names: `NAME`, `+NAME` (and what it needs), `NAME+` (and what needs it),
    /// several with blanks between, `*` for all. What reads a new table reads it from then on.
    ///
    /// # Errors
    /// A name that no query has, a query that fails; what was materialised before it stays, and nothing is half-written.
    pub async fn run(
        &self,
        context: &SessionContext,
        selector: &str,
        tables_dir: &Path,
        done: &mut (dyn FnMut(&Materialised) + Send),
    ) -> Result<(), Error> {
        for index in self.selected(selector)? {
            // A model may have been trained since the views were made.
            for needed in self.upstream(index) {
                self.register_one(needed, context, tables_dir, &mut Inputs::default()).await?;
            }
            done(&self.materialise(index, context, tables_dir).await?);
            let mut inputs = Inputs::default();
            self.register_one(index, context, tables_dir, &mut inputs).await?;
            for reader in self.downstream(index) {
                self.register_one(reader, context, tables_dir, &mut inputs).await?;
            }
        }
        Ok(())
    }

    async fn materialise(
        &self,
        index: usize,
        context: &SessionContext,
        tables_dir: &Path,
    ) -> Result<Materialised, Error> {
        let started = Instant::now();
        let query = &self.queries[index];
        // Before the rows are read: a file that arrives meanwhile leaves the table stale, not wrong.
        let recipe = self.recipe(index, context, &mut Inputs::default()).await;
        let plan = self.plan(query, context).await?;
        for column in &query.header.grain {
            if plan.schema().index_of_column_by_name(None, column).is_none() {
                let (name, file) = (query.name.clone(), query.file.clone());
                return Err(Error::Grain { name, file, column: column.clone() });
            }
        }
        let frame = DataFrame::new(context.state(), plan);
        let path = tables_dir.join(&query.name);
        let partial = tables_dir.join(format!(".{}.{}.partial", query.name, std::process::id()));
        let written = async {
            create_empty(&partial)?;
            let file = format!("{}.parquet", query.name);
            let rows = write_rows(query, frame, &partial.join(&file)).await?;
            if let Some(recipe) = recipe {
                let manifest = Manifest { query: query.name.clone(), file, rows, recipe };
                let target = partial.join(MANIFEST);
                let text = serde_json::to_string_pretty(&manifest).map_err(std::io::Error::from);
                text.and_then(|text| std::fs::write(&target, text)).map_err(|source| write_error(&target, source))?;
            }
            put_in_place(&partial, &path)?;
            Ok(rows)
        };
        match written.await {
            Ok(rows) => Ok(Materialised { name: query.name.clone(), path, rows, elapsed: started.elapsed() }),
            Err(error) => {
                // The query's error matters more than one of tidying up.
                let _ = std::fs::remove_dir_all(&partial);
                Err(error)
            }
        }
    }

    /// Returns the query's materialised table, where there is one made from what would be read now.
    pub(super) async fn fresh_table(
        &self,
        index: usize,
        context: &SessionContext,
        tables_dir: &Path,
        inputs: &mut Inputs,
    ) -> Result<Option<Arc<dyn TableProvider>>, Error> {
        let query = &self.queries[index];
        let folder = tables_dir.join(&query.name);
        let Ok(text) = std::fs::read_to_string(folder.join(MANIFEST)) else { return Ok(None) };
        // A manifest of another version's shape is no reason to fail: the table is made anew.
        let Ok(manifest) = serde_json::from_str::<Manifest>(&text) else { return Ok(None) };
        if self.recipe(index, context, inputs).await.as_ref() != Some(&manifest.recipe) {
            return Ok(None);
        }
        let file = folder.join(&manifest.file);
        let opened = open(context, &file, &query.header.grain).await;
        opened.map(Some).map_err(|source| Error::Table { path: file, source: Box::new(source) })
    }
}

fn sorted_by(grain: &[String]) -> Vec<SortExpr> {
    grain.iter().map(|column| ident(column).sort(true, false)).collect()
}

/// Writes a query's rows, sorted by its grain, and returns how many there are.
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
    Ok(Arc::new(ListingTable::try_new(config)?))
}

fn file_url(file: &Path) -> Result<Url, DataFusionError> {
    let absolute = std::path::absolute(file)?;
    Url::from_file_path(&absolute)
        .map_err(|()| DataFusionError::Configuration(format!("{} is no absolute path", absolute.display())))
}

fn create_empty(folder: &Path) -> Result<(), Error> {
    match std::fs::remove_dir_all(folder) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => return Err(write_error(folder, source)),
        _ => {}
    }
    std::fs::create_dir_all(folder).map_err(|source| write_error(folder, source))
}

/// Renames a finished folder into place. A folder cannot replace another in one step: for an instant there is none, which
/// readers take as not materialised.
fn put_in_place(partial: &Path, path: &Path) -> Result<(), Error> {
    let old = partial.with_extension("old");
    let had_one = match std::fs::rename(path, &old) {
        Ok(()) => true,
        Err(source) if source.kind() == std::io::ErrorKind::NotFound => false,
        Err(source) => return Err(write_error(path, source)),
    };
    if let Err(source) = std::fs::rename(partial, path) {
        if had_one {
            // Back to what was there; the first error is the one to report.
            let _ = std::fs::rename(&old, path);
        }
        return Err(write_error(path, source));
    }
    if had_one {
        std::fs::remove_dir_all(&old).map_err(|source| write_error(&old, source))?;
    }
    Ok(())
}

fn write_error(path: &Path, source: std::io::Error) -> Error {
    Error::Write { path: path.into(), source }
}
