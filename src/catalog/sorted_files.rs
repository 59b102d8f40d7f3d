//! Scans of Parquet files, each of which is sorted: a scan declares the order, so that windows and merges over it need no sort.
//!
//! In: files, each with what its footer says about its rows. Out: the plan of a scan.

use std::sync::Arc;

use datafusion::arrow::compute::SortOptions;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use datafusion::common::{Result, Statistics};
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::physical_expr::expressions::{Column, col};
use datafusion::physical_expr::{LexOrdering, PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::projection::ProjectionExec;

use super::one_stream::OneStream;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};

/// With more files than this, a scan reads several files as one unordered stream, and a query that needs an order sorts.
/// Merging more streams would cost more than sorting; compaction is overdue then.
const MOST_STREAMS: usize = 256;

/// Plans a scan of files that are sorted by these columns, ascending. On one thread it is one stream in that order, so that
/// whoever adds up floating-point numbers does so in the same order, however the rows are divided among files.
pub async fn scan(
    state: &dyn Session,
    store: &ObjectStoreUrl,
    schema: &SchemaRef,
    sorted_by: &[&str],
    files: Vec<PartitionedFile>,
    projection: Option<&Vec<usize>>,
    limit: Option<usize>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let is_one_stream = state.config().target_partitions() == 1 && (2..=MOST_STREAMS).contains(&files.len());
    // Rows without columns, as count(*) reads them, have no order.
    let is_one_stream = is_one_stream && projection.is_none_or(|columns| !columns.is_empty());
    let Some(wanted) = projection.filter(|_| is_one_stream) else {
        let streams = streams(state, store, schema, sorted_by, files, projection, limit).await?;
        return Ok(if is_one_stream { merged(streams) } else { streams });
    };
    let keys = sorted_by.iter().map(|name| schema.index_of(name)).collect::<Result<Vec<_>, _>>()?;
    let mut read = wanted.clone();
    read.extend(keys.into_iter().filter(|key| !wanted.contains(key)));
    let merged = merged(streams(state, store, schema, sorted_by, files, Some(&read), limit).await?);
    if read.len() == wanted.len() {
        return Ok(merged);
    }
    let columns = merged.schema();
    let columns = columns.fields().iter().take(wanted.len()).enumerate().map(|(index, field)| {
        let column: Arc<dyn PhysicalExpr> = Arc::new(Column::new(field.name(), index));
        (column, field.name().clone())
    });
    Ok(Arc::new(ProjectionExec::try_new(columns.collect::<Vec<_>>(), merged)?))
}

/// Merges sorted streams into one.
fn merged(streams: Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
    match streams.output_ordering().cloned() {
        Some(order) => Arc::new(OneStream::new(order, streams)),
        None => streams,
    }
}

/// Plans a scan in which each file is a stream of its own.
async fn streams(
    state: &dyn Session,
    store: &ObjectStoreUrl,
    schema: &SchemaRef,
    sorted_by: &[&str],
    files: Vec<PartitionedFile>,
    projection: Option<&Vec<usize>>,
    limit: Option<usize>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let format = ParquetFormat::default().with_options(state.table_options().parquet.clone());
    if files.is_empty() {
        return Ok(Arc::new(EmptyExec::new(datafusion::physical_plan::project_schema(schema, projection)?)));
    }
    let statistics = files.iter().filter_map(|file| file.statistics.as_deref());
    let statistics = Statistics::try_merge_iter(statistics, schema)?;
    let (groups, order) = if files.len() <= MOST_STREAMS {
        (files.into_iter().map(stream).collect(), order(schema, sorted_by)?)
    } else {
        (FileGroup::new(files).split_files(state.config().target_partitions()), Vec::new())
    };
    let source = format.file_source(TableSchema::from(Arc::clone(schema)));
    let config = FileScanConfigBuilder::new(store.clone(), source)
        .with_file_groups(groups)
        .with_statistics(statistics)
        .with_projection_indices(projection.cloned())?
        .with_limit(limit)
        .with_output_ordering(order)
        .build();
    format.create_physical_plan(state, config).await
}

fn order(schema: &SchemaRef, sorted_by: &[&str]) -> Result<Vec<LexOrdering>> {
    let ascending = SortOptions { descending: false, nulls_first: false };
    let columns = sorted_by.iter().map(|name| Ok(PhysicalSortExpr::new(col(name, schema)?, ascending)));
    Ok(LexOrdering::new(columns.collect::<Result<Vec<_>>>()?).into_iter().collect())
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
