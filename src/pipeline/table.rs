//! A materialised table: the files that its manifest names, as rows.
//!
//! The engine takes a file that is gone for a table without rows. This table reports it instead: a session that stays open
//! while others run the query twice would otherwise get empty answers.

use crate::engine;
use futures::future::{BoxFuture, try_join_all};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::exec_err;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::metadata::{DFParquetMetadata, ordering_from_parquet_metadata};
use datafusion::error::Result;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};

use super::manifest::{Manifest, Part};
use super::versions::are_as_written;
use crate::catalog::sorted_files;
use crate::store;
use crate::text::is_address;

/// How many files are opened at once.
const AT_ONCE: usize = 32;

/// The rows of a table, or of some of its days.
#[derive(Debug)]
pub(super) struct Table {
    folder: PathBuf,
    parts: Vec<Part>,
    /// The columns by which each file is sorted.
    grain: Vec<String>,
    schema: SchemaRef,
}

impl Table {
    /// Opens a table.
    pub async fn open(state: &dyn Session, folder: &Path, manifest: Manifest, grain: &[String]) -> Result<Table> {
        let mut table = Table {
            folder: folder.into(),
            parts: manifest.parts,
            grain: grain.to_vec(),
            schema: Arc::new(Schema::empty()),
        };
        let Some(first) = table.parts.first() else { return exec_err!("the table has no file") };
        let store = state.runtime_env().object_store(table.store_url()?)?;
        let object = table.object(store.as_ref(), first).await?;
        let cache = Some(state.runtime_env().cache_manager.get_file_metadata_cache());
        let reader = DFParquetMetadata::new(store.as_ref(), &object).with_file_metadata_cache(cache);
        table.schema = Arc::new(reader.fetch_schema().await?);
        Ok(table)
    }

    /// Returns whether other runs have replaced one of its files since it was opened.
    pub fn is_gone(&self) -> bool {
        !are_as_written(&self.folder, &self.parts)
    }

    fn store_url(&self) -> Result<ObjectStoreUrl> {
        Ok(store::location(&self.folder)?.0)
    }

    /// Returns whether the table is divided by days.
    pub fn is_divided(&self) -> bool {
        self.parts.iter().all(|part| part.day.is_some())
    }

    /// Returns whether the table has a day that was made from these ticks.
    pub fn holds(&self, day: &str, ticks: &str) -> bool {
        self.parts.iter().any(|part| part.day.as_deref() == Some(day) && part.ticks == ticks)
    }

    /// Returns the table of some days.
    pub fn of_days(&self, holds: impl Fn(&str) -> bool) -> Table {
        let is_in = |part: &&Part| part.day.as_ref().is_none_or(|day| holds(day));
        let parts = self.parts.iter().filter(is_in).cloned().collect();
        Table { folder: self.folder.clone(), parts, grain: self.grain.clone(), schema: Arc::clone(&self.schema) }
    }

    async fn object(&self, store: &dyn ObjectStore, part: &Part) -> Result<ObjectMeta> {
        let file = self.folder.join(&part.file);
        let (_, location) = store::location(&file)?;
        match store.head(&location).await {
            Ok(object) => Ok(object),
            Err(object_store::Error::NotFound { .. }) => exec_err!(
                "{} was replaced twice by `squall run` since this statement began: run it again to read the new one",
                std::path::absolute(&file)
                    .ok()
                    .filter(|_| !is_address(&file.to_string_lossy()))
                    .unwrap_or(file)
                    .display()
            ),
            Err(error) => Err(store::failed(&file.to_string_lossy(), error.into())),
        }
    }

    async fn file(&self, state: &dyn Session, store: &dyn ObjectStore, part: &Part) -> Result<PartitionedFile> {
        let object = self.object(store, part).await?;
        let cache = Some(state.runtime_env().cache_manager.get_file_metadata_cache());
        let footer = DFParquetMetadata::new(store, &object).with_file_metadata_cache(cache).fetch_metadata().await?;
        let statistics = DFParquetMetadata::statistics_from_parquet_metadata(&footer, &self.schema)?;
        let order = ordering_from_parquet_metadata(&footer, &self.schema)?;
        Ok(PartitionedFile::from(object).with_ordering(order).with_statistics(Arc::new(statistics)))
    }
}

impl TableProvider for Table {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    engine::scan!();
}

impl Table {
    fn boxed_scan<'a>(
        &'a self,
        state: &'a dyn Session,
        projection: Option<&'a Vec<usize>>,
        _filters: &'a [Expr],
        limit: Option<usize>,
    ) -> BoxFuture<'a, Result<Arc<dyn ExecutionPlan>>> {
        Box::pin(async move {
            let url = self.store_url()?;
            let store = state.runtime_env().object_store(&url)?;
            let mut files = Vec::with_capacity(self.parts.len());
            for parts in self.parts.chunks(AT_ONCE) {
                let opened = parts.iter().map(|part| self.file(state, store.as_ref(), part));
                files.extend(try_join_all(opened).await?);
            }
            let sorted_by: Vec<&str> = self.grain.iter().map(String::as_str).collect();
            sorted_files::scan(state, &url, &self.schema, &sorted_by, files, projection, limit).await
        })
    }
}
