//! The table `landed_ticks`: the files of a folder of landed files that are visible when a query is planned.
//!
//! In: a folder's listing. Out: a scan of its files that declares their order, (product_id, ts), so that windows and merges
//! over it need no sort.

use crate::engine;
use futures::future::BoxFuture;
use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Result, ScalarValue};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::metadata::{DFParquetMetadata, ordering_from_parquet_metadata};
use datafusion::error::DataFusionError;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore};

use super::{bare, sorted_files};
use crate::land::folder::{self, Listing};
use crate::land::{self, LandedFile};

/// The rows of every visible landed file, or of some of them.
#[derive(Debug, Clone)]
pub struct LandedTicks {
    store: ObjectStoreUrl,
    prefix: Path,
    schema: SchemaRef,
    part: Part,
}

/// Which files are read.
#[derive(Debug, Clone)]
enum Part {
    All,
    /// Those that can hold a row with a `ts` in this range, in nanoseconds.
    Within(Range<i64>),
    /// The one at this place.
    File(Path),
}

impl LandedTicks {
    /// Makes the table over a folder of a registered object store. If the folder is absent, the table is empty.
    pub fn new(store: ObjectStoreUrl, prefix: Path, schema: SchemaRef) -> LandedTicks {
        LandedTicks { store, prefix, schema, part: Part::All }
    }

    /// Returns the table of those files that can hold a row whose `ts` is in the range, in nanoseconds. Other rows of these
    /// files are part of it.
    pub fn within(&self, ts: Range<i64>) -> LandedTicks {
        LandedTicks { part: Part::Within(ts), ..self.clone() }
    }

    /// Returns the table of one visible file.
    pub fn of_file(&self, file: &Path) -> LandedTicks {
        LandedTicks { part: Part::File(file.clone()), ..self.clone() }
    }

    /// Returns the visible files as the store lists them.
    pub async fn visible(&self, state: &dyn Session) -> Result<Vec<ObjectMeta>> {
        let listing = self.listing(state).await?;
        Ok(listing.landed.visible().filter_map(|file| listing.object(file)).cloned().collect())
    }

    async fn listing(&self, state: &dyn Session) -> Result<Listing> {
        let store = state.runtime_env().object_store(&self.store)?;
        let listing = folder::list(store.as_ref(), &self.prefix).await.map_err(|error| match error {
            land::Error::Store { path, source } => land::Error::Store { path: format!("{}{path}", self.store), source },
            error => error,
        });
        listing.map_err(|error| DataFusionError::External(Box::new(error)))
    }

    /// Returns the visible files that belong to the table, with what their footers say about their rows.
    async fn files(&self, state: &dyn Session) -> Result<Vec<PartitionedFile>> {
        let store = state.runtime_env().object_store(&self.store)?;
        let listing = self.listing(state).await?;
        let mut files = Vec::new();
        for file in listing.landed.visible() {
            let Some(object) = listing.object(file) else { continue };
            if matches!(&self.part, Part::File(wanted) if *wanted != object.location) {
                continue;
            }
            let described = land::guarded(file, self.describe(state, store.as_ref(), file, object)).await;
            files.push(described.flatten().map_err(|error| DataFusionError::External(Box::new(error)))?);
        }
        if let Part::Within(range) = &self.part {
            let ts = self.schema.index_of("ts")?;
            files.retain(|file| can_hold(file, ts, range));
        }
        Ok(files)
    }

    /// Returns one file with what its footer says about its rows.
    async fn describe(
        &self,
        state: &dyn Session,
        store: &dyn ObjectStore,
        file: &LandedFile,
        object: &ObjectMeta,
    ) -> Result<PartitionedFile, land::Error> {
        let unreadable = |error: DataFusionError| land::Error::unreadable(file, error);
        // The session caches the footer, and the scan reads it from there.
        let footer = bare::footer(state, store, object).await.map_err(unreadable)?;
        land::check_name(file, &footer)?;
        let statistics =
            DFParquetMetadata::statistics_from_parquet_metadata(&footer, &self.schema).map_err(unreadable)?;
        let order = ordering_from_parquet_metadata(&footer, &self.schema).map_err(unreadable)?;
        let described = PartitionedFile::from(object.clone())
            .with_arrow_schema(bare::schema(&footer).map_err(unreadable)?)
            .with_ordering(order)
            .with_statistics(Arc::new(statistics));
        Ok(described)
    }
}

impl TableProvider for LandedTicks {
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

impl LandedTicks {
    fn boxed_scan<'a>(
        &'a self,
        state: &'a dyn Session,
        projection: Option<&'a Vec<usize>>,
        _filters: &'a [Expr],
        limit: Option<usize>,
    ) -> BoxFuture<'a, Result<Arc<dyn ExecutionPlan>>> {
        Box::pin(async move {
            let files = self.files(state).await?;
            sorted_files::scan(state, &self.store, &self.schema, &["product_id", "ts"], files, projection, limit).await
        })
    }
}

/// Returns whether a file can hold a time of the range, as far as its footer says.
fn can_hold(file: &PartitionedFile, column: usize, range: &Range<i64>) -> bool {
    let statistics = file.statistics.as_deref().and_then(|statistics| statistics.column_statistics.get(column));
    let time = |value: Option<&ScalarValue>| match value {
        Some(ScalarValue::TimestampNanosecond(time, _)) => *time,
        _ => None,
    };
    let first = statistics.and_then(|statistics| time(statistics.min_value.get_value()));
    let last = statistics.and_then(|statistics| time(statistics.max_value.get_value()));
    first.is_none_or(|first| first < range.end) && last.is_none_or(|last| last >= range.start)
}
