//! The table `landed_ticks`: the files of a folder of landed files that are visible when a query is planned.
//!
//! In: a folder's listing. Out: a scan of its files that declares their order, (product_id, ts), so that windows and merges
//! over it need no sort.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::compute::SortOptions;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Result, Statistics};
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::DataFusionError;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_expr::expressions::col;
use datafusion::physical_expr::{LexOrdering, PhysicalSortExpr};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use object_store::path::Path;

use crate::land::{self, folder};

/// With more files than this, a scan reads several files as one unordered stream, and a query that needs an order sorts.
/// Merging more streams would cost more than sorting; compaction is overdue then.
const MOST_STREAMS: usize = 256;

/// The rows of every visible landed file.
#[derive(Debug)]
pub struct LandedTicks {
    store: ObjectStoreUrl,
    prefix: Path,
    schema: SchemaRef,
}

impl LandedTicks {
    /// Makes the table over a folder of a registered object store. If the folder is absent, the table is empty.
    pub fn new(store: ObjectStoreUrl, prefix: Path, schema: SchemaRef) -> LandedTicks {
        LandedTicks { store, prefix, schema }
    }

    fn order(&self) -> Result<Vec<LexOrdering>> {
        let ascending = SortOptions { descending: false, nulls_first: false };
        let columns = ["product_id", "ts"].into_iter().map(|name| {
            let column = col(name, &self.schema)?;
            Ok(PhysicalSortExpr::new(column, ascending))
        });
        Ok(LexOrdering::new(columns.collect::<Result<Vec<_>>>()?).into_iter().collect())
    }

    /// Returns the visible files, with what their footers say about their rows.
    async fn files(&self, state: &dyn Session, format: &ParquetFormat) -> Result<Vec<PartitionedFile>> {
        let store = state.runtime_env().object_store(&self.store)?;
        let listing = folder::list(store.as_ref(), &self.prefix)
            .await
            .map_err(|error| DataFusionError::External(Box::new(error)))?;
        let mut files = Vec::new();
        let failed = |error: land::Error| DataFusionError::External(Box::new(error));
        for file in listing.landed.visible() {
            let Some(object) = listing.object(file) else { continue };
            let unreadable = |error: DataFusionError| failed(land::Error::unreadable(file, error));
            // The session caches the footer, and the scan reads it from there.
            let footer = format
                .infer_stats_and_ordering(state, &store, Arc::clone(&self.schema), object)
                .await
                .map_err(unreadable)?;
            let cache = state.runtime_env().cache_manager.get_file_metadata_cache();
            let metadata = DFParquetMetadata::new(store.as_ref(), object).with_file_metadata_cache(Some(cache));
            land::check_name(file, metadata.fetch_metadata().await.map_err(unreadable)?.as_ref()).map_err(failed)?;
            let file = PartitionedFile::from(object.clone()).with_ordering(footer.ordering);
            files.push(file.with_statistics(Arc::new(footer.statistics)));
        }
        Ok(files)
    }
}

#[async_trait]
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

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let format = ParquetFormat::default().with_options(state.table_options().parquet.clone());
        let files = self.files(state, &format).await?;
        if files.is_empty() {
            let schema = datafusion::physical_plan::project_schema(&self.schema, projection)?;
            return Ok(Arc::new(EmptyExec::new(schema)));
        }
        let statistics = files.iter().filter_map(|file| file.statistics.as_deref());
        let statistics = Statistics::try_merge_iter(statistics, &self.schema)?;
        let (groups, order) = if files.len() <= MOST_STREAMS {
            (files.into_iter().map(stream).collect(), self.order()?)
        } else {
            (FileGroup::new(files).split_files(state.config().target_partitions()), Vec::new())
        };
        let source = format.file_source(TableSchema::from(Arc::clone(&self.schema)));
        let config = FileScanConfigBuilder::new(self.store.clone(), source)
            .with_file_groups(groups)
            .with_statistics(statistics)
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .with_output_ordering(order)
            .build();
        format.create_physical_plan(state, config).await
    }
}

/// Makes a file its own stream, which keeps the file's order.
fn stream(file: PartitionedFile) -> FileGroup {
    let statistics = file.statistics.clone();
    let group = FileGroup::new(vec![file]);
    match statistics {
        Some(statistics) => group.with_statistics(statistics),
        None => group,
    }
}
