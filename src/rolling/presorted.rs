//! A sort that is skipped if the rows turn out to be in order already.
//!
//! Files of ticks are usually in the order that windows need, but do not say so. A sort then costs more than the windows.
//! In: a sort over a scan of files. Out: its rows in its order. The scan's order columns are read first, all scan partitions
//! at once. If they are in order, the scan is read again and streamed through. If not, the sort runs.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::compute::SortOptions;
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, Statistics};
use datafusion::datasource::physical_plan::{FileScanConfigBuilder, FileSource, ParquetSource};
use datafusion::datasource::source::{DataSource, DataSourceExec};
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::projection::ProjectionExpr;
use datafusion::physical_expr_common::sort_expr::OrderingRequirements;
use datafusion::physical_plan::common::spawn_buffered;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::execution_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    ChildStats, DisplayAs, DisplayFormatType, EmptyRecordBatchStream, ExecutionPlan, ExecutionPlanProperties,
    InputDistributionRequirements, PlanProperties, StatisticsArgs,
};
use futures::{StreamExt, TryStreamExt, stream};
use tokio::sync::OnceCell;

use super::order::{Ends, ends_of_ordered, follows};

/// How many batches are read ahead in each scan partition.
const READ_AHEAD: usize = 4;

/// Runs its input, a sort, only if the rows would not be in order without it.
///
/// If they are in order, all of them leave through the first output partition. So rows with equal partitioning columns stay
/// together, but not in the partition to which their hash would send them. For that reason the operator must not be below
/// one of several inputs of a join or union.
#[derive(Debug)]
pub struct SortUnlessOrderedExec {
    sort: Arc<dyn ExecutionPlan>,
    /// The sort's input without its repartitioning.
    files: Undeclared,
    verdict: Arc<OnceCell<bool>>,
}

impl SortUnlessOrderedExec {
    /// Returns the operator for a sort over a scan of files; `None` for another plan.
    pub fn over(plan: &Arc<dyn ExecutionPlan>) -> Option<Self> {
        let sort = plan.downcast_ref::<SortExec>()?;
        let order = sort.expr().iter().map(|sort| Some((sort.expr.downcast_ref::<Column>()?.index(), sort.options)));
        Some(SortUnlessOrderedExec {
            sort: Arc::clone(plan),
            files: Undeclared::below(plan, &order.collect::<Option<Vec<_>>>()?)?,
            verdict: Arc::new(OnceCell::new()),
        })
    }
}

/// A scan of files whose rows may be in an order that the files do not declare.
#[derive(Debug, Clone)]
pub struct Undeclared {
    /// The scan; its partitions, one after another, are the table's rows.
    direct: Arc<dyn ExecutionPlan>,
    /// The order's columns, for the rows of `direct` or for more rows.
    keys: Arc<dyn ExecutionPlan>,
    options: Arc<[SortOptions]>,
}

impl Undeclared {
    /// Returns the scan below a sort whose rows may be in this order of columns, whatever the sort's order is; `None` for another
    /// plan.
    pub fn below(plan: &Arc<dyn ExecutionPlan>, order: &[(usize, SortOptions)]) -> Option<Undeclared> {
        if plan.downcast_ref::<SortPreservingMergeExec>().is_some() {
            return Undeclared::below(plan.children().first()?, order);
        }
        let sort = plan.downcast_ref::<SortExec>()?;
        if sort.fetch().is_some() || plan.boundedness().is_unbounded() {
            return None;
        }
        let [direct, keys] = split(sort.input(), order)?;
        Some(Undeclared { direct, keys, options: order.iter().map(|(_, options)| *options).collect() })
    }

    /// Reads the order's columns, all partitions at once; returns whether the rows are in order.
    pub async fn is_ordered(&self, context: &Arc<TaskContext>) -> Result<bool> {
        let tasks: Vec<_> = (0..self.keys.output_partitioning().partition_count())
            .map(|partition| {
                let input = self.keys.execute(partition, Arc::clone(context))?;
                Ok(SpawnedTask::spawn(ends_of_partition(input, Arc::clone(&self.options))))
            })
            .collect::<Result<_>>()?;
        let mut before: Option<Ends> = None;
        for task in tasks {
            let Found::InOrder(ends) =
                task.join_unwind().await.map_err(|error| DataFusionError::ExecutionJoin(Box::new(error)))??
            else {
                return Ok(false);
            };
            let Some(after) = ends else { continue };
            if let Some(before) = &before
                && !follows(before, &after, &self.options)?
            {
                return Ok(false);
            }
            before = Some(after);
        }
        Ok(true)
    }

    /// Returns the rows as they are, one partition after another.
    pub fn rows(&self, context: &Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let parts = (0..self.direct.output_partitioning().partition_count())
            .map(|part| Ok(spawn_buffered(self.direct.execute(part, Arc::clone(context))?, READ_AHEAD)))
            .collect::<Result<Vec<_>>>()?;
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.direct.schema(), stream::iter(parts).flatten())))
    }
}

/// Returns the rows of a scan as the files hold them. For the sort above it, the engine may have put the row groups of a Parquet file
/// in another order, by their least values; with several keys in one group, that order is worse than the file's.
fn as_written(scan: &DataSourceExec) -> Option<Arc<dyn DataSource>> {
    let Some((config, source)) = scan.downcast_to_file_source::<ParquetSource>() else {
        return Some(Arc::clone(scan.data_source()));
    };
    let mut fresh = ParquetSource::new(source.table_schema().clone())
        .with_table_parquet_options(source.table_parquet_options().clone());
    if let Some(condition) = source.filter() {
        fresh = fresh.with_predicate(condition);
    }
    if let Some(readers) = source.parquet_file_reader_factory() {
        fresh = fresh.with_parquet_file_reader_factory(Arc::clone(readers));
    }
    let mut fresh: Arc<dyn FileSource> = Arc::new(fresh);
    if let Some(projection) = source.projection() {
        fresh = fresh.try_pushdown_projection(projection).ok()??;
    }
    Some(Arc::new(FileScanConfigBuilder::from(config.clone()).with_source(fresh).build()))
}

/// Makes two plans from the plan between a sort and a scan: the same plan in the order of the files, and one of the columns of
/// `order` alone.
fn split(plan: &Arc<dyn ExecutionPlan>, order: &[(usize, SortOptions)]) -> Option<[Arc<dyn ExecutionPlan>; 2]> {
    if let Some(source) = plan.downcast_ref::<DataSourceExec>() {
        let schema = plan.schema();
        let columns = order.iter().map(|(index, _)| Column::new(schema.field(*index).name(), *index));
        let scan: Arc<dyn ExecutionPlan> =
            Arc::new(DataSourceExec::new(as_written(source)?.with_preserve_order(true)?));
        let expressions = columns.map(|column| {
            let alias = column.name().to_owned();
            ProjectionExpr { expr: Arc::new(column), alias }
        });
        let projection = ProjectionExec::try_new(expressions.collect::<Vec<_>>(), Arc::clone(&scan)).ok()?;
        let keys = scan.try_swapping_with_projection(&projection).ok()??;
        return Some([scan, keys]);
    }
    let [input] = plan.children().try_into().ok()?;
    if plan.downcast_ref::<RepartitionExec>().is_some() {
        return split(input, order);
    }
    let below = match plan.downcast_ref::<ProjectionExec>() {
        Some(projection) => order
            .iter()
            .map(|(index, options)| {
                Some((projection.expr().get(*index)?.expr.downcast_ref::<Column>()?.index(), *options))
            })
            .collect::<Option<Vec<_>>>()?,
        None if plan.downcast_ref::<CooperativeExec>().is_some() => order.to_vec(),
        // A filter keeps the order of its rows; a filter that also projects is not supported.
        None if plan.downcast_ref::<FilterExec>().is_some() && plan.schema() == input.schema() => order.to_vec(),
        None => return None,
    };
    let [direct, keys] = split(input, &below)?;
    let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
    Some([Arc::clone(plan).replace_children(vec![direct], options).ok()?, keys])
}

/// Whether a partition's rows are in order, with its first and last row if there are any.
enum Found {
    InOrder(Option<Ends>),
    Disorder,
}

async fn ends_of_partition(mut input: SendableRecordBatchStream, options: Arc<[SortOptions]>) -> Result<Found> {
    let mut whole: Option<Ends> = None;
    while let Some(batch) = input.try_next().await? {
        if batch.num_rows() == 0 {
            continue;
        }
        let columns: &[ArrayRef] = batch.columns();
        let Some(ends) = ends_of_ordered(columns, &options)? else { return Ok(Found::Disorder) };
        match &mut whole {
            None => whole = Some(ends),
            Some(whole) if follows(whole, &ends, &options)? => whole.last = ends.last,
            Some(_) => return Ok(Found::Disorder),
        }
    }
    Ok(Found::InOrder(whole))
}

impl DisplayAs for SortUnlessOrderedExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "SortUnlessOrderedExec")
    }
}

impl ExecutionPlan for SortUnlessOrderedExec {
    fn name(&self) -> &str {
        "SortUnlessOrderedExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.sort.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.sort]
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        InputDistributionRequirements::new(vec![datafusion::physical_expr::Distribution::UnspecifiedDistribution])
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        vec![None]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn replace_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let sort = children.swap_remove(0);
        Ok(match SortUnlessOrderedExec::over(&sort) {
            Some(exec) => Arc::new(exec),
            None => sort,
        })
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let (sort, files) = (Arc::clone(&self.sort), self.files.clone());
        let verdict = Arc::clone(&self.verdict);
        let schema = self.schema();
        let rows = async move {
            let ordered = *verdict.get_or_try_init(|| files.is_ordered(&context)).await?;
            if !ordered {
                return sort.execute(partition, context);
            }
            if partition > 0 {
                return Ok(Box::pin(EmptyRecordBatchStream::new(sort.schema())) as SendableRecordBatchStream);
            }
            files.rows(&context)
        };
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, stream::once(rows).try_flatten())))
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        vec![ChildStats::At(partition)]
    }

    fn statistics_from_inputs(&self, inputs: &[Arc<Statistics>], _args: &StatisticsArgs) -> Result<Arc<Statistics>> {
        Ok(Arc::clone(&inputs[0]))
    }
}
