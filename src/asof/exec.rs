//! The operator of ASOF JOIN.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::projection::ProjectionMapping;
use datafusion::physical_expr_common::sort_expr::OrderingRequirements;
use datafusion::physical_plan::execution_plan::{
    Boundedness, ChildrenPropertiesMode, EmissionType, ReplaceChildrenOptions,
};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, Distribution, ExecutionPlan, ExecutionPlanProperties, InputDistributionRequirements,
    Partitioning, PhysicalExpr, PlanProperties,
};
use futures::{TryStreamExt, stream};

use super::inputs::{Inputs, Order, Unsorted, opened};
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

/// Joins two inputs that are in one order.
#[derive(Debug, Clone)]
pub struct AsofJoinExec {
    left: Arc<dyn ExecutionPlan>,
    right: Arc<dyn ExecutionPlan>,
    condition: Arc<Condition>,
    /// All columns of both sides.
    schema: SchemaRef,
    /// Which of them leave.
    wanted: Vec<usize>,
    order: Order,
    /// Whether rows leave in the order of the left input. Inputs that do not declare an order may be read in another than the
    /// one by which they are sorted.
    keeps_order: bool,
    unsorted: Option<Arc<Unsorted>>,
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
        let order = match condition.is_declared(Order::KeyAndTime, [&left, &right]) {
            true => Order::KeyAndTime,
            false => Order::Time,
        };
        let keeps_order =
            order == Order::KeyAndTime || is_unbounded(&left, &right) || condition.is_declared(order, [&left, &right]);
        let wanted: Vec<usize> = (0..schema.fields().len()).collect();
        let properties = properties(&left, &right, &schema, &wanted, keeps_order)?;
        let metrics = ExecutionPlanMetricsSet::new();
        Ok(AsofJoinExec {
            left,
            right,
            condition,
            schema,
            wanted,
            order,
            keeps_order,
            unsorted: None,
            properties,
            metrics,
        })
    }

    pub fn condition(&self) -> &Condition {
        &self.condition
    }

    pub fn inputs(&self) -> [&Arc<dyn ExecutionPlan>; 2] {
        [&self.left, &self.right]
    }

    /// Returns all columns of both sides.
    pub fn both(&self) -> &SchemaRef {
        &self.schema
    }

    /// Returns which of them leave.
    pub fn wanted(&self) -> &[usize] {
        &self.wanted
    }

    /// Returns whether it looks first whether the files below its sorts are in order.
    pub fn looks_first(&self) -> bool {
        self.unsorted.is_some()
    }

    pub fn order(&self) -> Order {
        self.order
    }

    /// Returns the operator with inputs that are sorted only if they have to be.
    pub fn looking_first(&self, unsorted: Unsorted) -> AsofJoinExec {
        AsofJoinExec { unsorted: Some(Arc::new(unsorted)), ..self.clone() }
    }

    /// Returns the operator with a part of its columns.
    pub fn of_columns(&self, wanted: Vec<usize>) -> Result<AsofJoinExec> {
        let properties = properties(&self.left, &self.right, &self.schema, &wanted, self.keeps_order)?;
        Ok(AsofJoinExec { wanted, properties, ..self.clone() })
    }
}

fn is_unbounded(left: &Arc<dyn ExecutionPlan>, right: &Arc<dyn ExecutionPlan>) -> bool {
    left.boundedness().is_unbounded() || right.boundedness().is_unbounded()
}

fn properties(
    left: &Arc<dyn ExecutionPlan>,
    right: &Arc<dyn ExecutionPlan>,
    schema: &SchemaRef,
    wanted: &[usize],
    keeps_order: bool,
) -> Result<Arc<PlanProperties>> {
    // The left columns come first, so what orders the left input orders the output.
    let orderings = left.output_ordering().into_iter().filter(|_| keeps_order).cloned();
    let equivalence = EquivalenceProperties::new_with_orderings(Arc::clone(schema), orderings);
    let mapping = ProjectionMapping::from_indices(wanted, schema)?;
    let equivalence = equivalence.project(&mapping, Arc::new(schema.project(wanted)?));
    let boundedness = match is_unbounded(left, right) {
        true => Boundedness::Unbounded { requires_infinite_memory: false },
        false => Boundedness::Bounded,
    };
    let partitioning = Partitioning::UnknownPartitioning(1);
    Ok(Arc::new(PlanProperties::new(equivalence, partitioning, EmissionType::Incremental, boundedness)))
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
                if let Some(within) = &condition.within {
                    write!(f, ", within={within}")?;
                }
                if self.wanted.len() < self.schema.fields().len() {
                    let names: Vec<&str> =
                        self.wanted.iter().map(|at| self.schema.field(*at).name().as_str()).collect();
                    write!(f, ", projection=[{}]", names.join(", "))?;
                }
                match self.order {
                    Order::KeyAndTime => write!(f, ", order=keys, time"),
                    Order::Time if self.unsorted.is_some() => write!(f, ", sorts=if needed"),
                    Order::Time => Ok(()),
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
        let [left, right] = self.condition.ordered(self.order);
        vec![left.map(OrderingRequirements::from), right.map(OrderingRequirements::from)]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![self.keeps_order, false]
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
        let properties = properties(&left, &right, &self.schema, &self.wanted, self.keeps_order)?;
        Ok(Arc::new(AsofJoinExec { left, right, properties, unsorted: None, ..self.as_ref().clone() }))
    }

    fn try_swapping_with_projection(&self, projection: &ProjectionExec) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let columns = projection.expr().iter().map(|projected| {
            let column = projected.expr.downcast_ref::<Column>()?;
            (column.name() == projected.alias).then_some(self.wanted[column.index()])
        });
        let Some(wanted) = columns.collect::<Option<Vec<usize>>>() else { return Ok(None) };
        Ok(Some(Arc::new(self.of_columns(wanted)?)))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let join = self.clone();
        let walk = async move {
            let sorted = [Arc::clone(&join.left), Arc::clone(&join.right)];
            let inputs = match &join.unsorted {
                Some(unsorted) => unsorted.open(sorted, Arc::clone(&context)).await?,
                None => Inputs {
                    left: opened(&join.left, &context)?,
                    right: opened(&join.right, &context)?,
                    order: join.order,
                },
            };
            let memory = MemoryConsumer::new("AsofJoinExec").register(context.memory_pool());
            Walk::new(inputs, join.condition, join.schema, join.wanted, memory)
        };
        let rows = stream::once(walk).map_ok(move |walk| {
            let metrics = metrics.clone();
            stream::try_unfold((walk, metrics), |(mut walk, metrics)| async move {
                let batch = walk.next().await?;
                Ok(batch.map(|batch| {
                    metrics.record_output(batch.num_rows());
                    (batch, (walk, metrics))
                }))
            })
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows.try_flatten())))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}
