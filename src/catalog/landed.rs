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
use datafusion::datasource::physical_plan::parquet::metadata::{DFParquetMetadata, ordering_from_parquet_metadata};
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
use object_store::{ObjectMeta, ObjectStore};

use super::bare;
use crate::land::{self, LandedFile, folder};

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
    async fn files(&self, state: &dyn Session) -> Result<Vec<PartitionedFile>> {
        let store = state.runtime_env().object_store(&self.store)?;
        let listing = folder::list(store.as_ref(), &self.prefix)
            .await
            .map_err(|error| DataFusionError::External(Box::new(error)))?;
        let mut files = Vec::new();
        for file in listing.landed.visible() {
            let Some(object) = listing.object(file) else { continue };
            let described = land::guarded(file, self.describe(state, store.as_ref(), file, object)).await;
            files.push(described.flatten().map_err(|error| DataFusionError::External(Box::new(error)))?);
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
        let files = self.files(state).await?;
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
