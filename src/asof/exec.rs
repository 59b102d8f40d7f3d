//! The operator of ASOF JOIN.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::compute::SortOptions;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::{EquivalenceProperties, LexOrdering, PhysicalSortExpr};
use datafusion::physical_expr_common::sort_expr::OrderingRequirements;
use datafusion::physical_plan::execution_plan::{
    Boundedness, ChildrenPropertiesMode, EmissionType, ReplaceChildrenOptions,
};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, Distribution, ExecutionPlan, ExecutionPlanProperties, InputDistributionRequirements,
    Partitioning, PhysicalExpr, PlanProperties,
};

use super::node::Kind;
use super::stream::Walk;

/// What the rows of a match have in common.
#[derive(Debug)]
pub struct Condition {
    pub keys: Vec<(Arc<dyn PhysicalExpr>, Arc<dyn PhysicalExpr>)>,
    pub times: (Arc<dyn PhysicalExpr>, Arc<dyn PhysicalExpr>),
    pub operator: Operator,
    /// A condition on the joined row.
    pub within: Option<Arc<dyn PhysicalExpr>>,
    pub kind: Kind,
}

impl Condition {
    pub fn looks_back(&self) -> bool {
        matches!(self.operator, Operator::GtEq | Operator::Gt)
    }
}

/// Joins two inputs that are sorted by time: ascending if it looks back, descending if it looks ahead.
#[derive(Debug)]
pub struct AsofJoinExec {
    left: Arc<dyn ExecutionPlan>,
    right: Arc<dyn ExecutionPlan>,
    condition: Arc<Condition>,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl AsofJoinExec {
    /// # Errors
    /// The order of the left input cannot be kept.
    pub fn new(
        left: Arc<dyn ExecutionPlan>,
        right: Arc<dyn ExecutionPlan>,
        condition: Arc<Condition>,
        schema: SchemaRef,
    ) -> Result<AsofJoinExec> {
        // The left columns come first, so what orders the left input orders the output.
        let orderings = left.output_ordering().into_iter().cloned();
        let equivalence = EquivalenceProperties::new_with_orderings(Arc::clone(&schema), orderings);
        let is_unbounded = left.boundedness().is_unbounded() || right.boundedness().is_unbounded();
        let boundedness = match is_unbounded {
            true => Boundedness::Unbounded { requires_infinite_memory: false },
            false => Boundedness::Bounded,
        };
        let properties = PlanProperties::new(
            equivalence,
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            boundedness,
        );
        let (properties, metrics) = (Arc::new(properties), ExecutionPlanMetricsSet::new());
        Ok(AsofJoinExec { left, right, condition, schema, properties, metrics })
    }

    fn order(&self, time: &Arc<dyn PhysicalExpr>) -> Option<OrderingRequirements> {
        let descending = !self.condition.looks_back();
        let options = SortOptions { descending, nulls_first: descending };
        LexOrdering::new([PhysicalSortExpr::new(Arc::clone(time), options)]).map(OrderingRequirements::from)
    }
}

impl DisplayAs for AsofJoinExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        let condition = &self.condition;
        let (left, right) = &condition.times;
        match format {
            DisplayFormatType::Default | DisplayFormatType::Verbose => {
                write!(f, "AsofJoinExec: {:?}, on=[", condition.kind)?;
                for (index, (one, other)) in condition.keys.iter().enumerate() {
                    write!(f, "{}({one}, {other})", if index == 0 { "" } else { ", " })?;
                }
                write!(f, "], match={left} {} {right}", condition.operator)?;
                match &condition.within {
                    Some(within) => write!(f, ", within={within}"),
                    None => Ok(()),
                }
            }
            DisplayFormatType::TreeRender => writeln!(f, "match={left} {} {right}", condition.operator),
        }
    }
}

impl ExecutionPlan for AsofJoinExec {
    fn name(&self) -> &str {
        "AsofJoinExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.left, &self.right]
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        InputDistributionRequirements::new(vec![Distribution::SinglePartition, Distribution::SinglePartition])
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        vec![self.order(&self.condition.times.0), self.order(&self.condition.times.1)]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true, false]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false, false]
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        let Condition { keys, times, within, .. } = self.condition.as_ref();
        let keys = keys.iter().flat_map(|(one, other)| [one, other]);
        for expression in keys.chain([&times.0, &times.1]).chain(within) {
            if f(expression)? == TreeNodeRecursion::Stop {
                return Ok(TreeNodeRecursion::Stop);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Ok([left, right]) = <[Arc<dyn ExecutionPlan>; 2]>::try_from(children) else {
            return Err(DataFusionError::Internal("an ASOF JOIN has two inputs".into()));
        };
        Ok(Arc::new(AsofJoinExec::new(left, right, Arc::clone(&self.condition), Arc::clone(&self.schema))?))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let walk = Walk::new(
            self.left.execute(partition, Arc::clone(&context))?,
            self.right.execute(partition, Arc::clone(&context))?,
            Arc::clone(&self.condition),
            Arc::clone(&self.schema),
            MemoryConsumer::new("AsofJoinExec").register(context.memory_pool()),
        )?;
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let rows = futures::stream::try_unfold((walk, metrics), |(mut walk, metrics)| async move {
            let batch = walk.next().await?;
            Ok(batch.map(|batch| {
                metrics.record_output(batch.num_rows());
                (batch, (walk, metrics))
            }))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), rows)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}
