//! Sorted streams as one, in that order.
//!
//! The engine's own merge can be taken away by its optimizer, which then adds up each stream by itself. Sums of floating-point
//! numbers would depend on how rows are divided among files. This operator stays.

use std::fmt;
use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{LexOrdering, OrderingRequirements, Partitioning, PhysicalExpr};
use datafusion::physical_plan::filter_pushdown::{FilterDescription, FilterPushdownPhase};
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties, apply_expression_roots,
};

/// Merges sorted streams.
#[derive(Debug)]
pub struct OneStream {
    order: LexOrdering,
    streams: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
}

impl OneStream {
    pub fn new(order: LexOrdering, streams: Arc<dyn ExecutionPlan>) -> OneStream {
        let properties = PlanProperties::new(
            streams.equivalence_properties().clone(),
            Partitioning::UnknownPartitioning(1),
            streams.pipeline_behavior(),
            streams.boundedness(),
        );
        OneStream { order, streams, properties: Arc::new(properties) }
    }

    pub fn order(&self) -> &LexOrdering {
        &self.order
    }
}

impl DisplayAs for OneStream {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "OneStream: [{}]", self.order)
    }
}

impl ExecutionPlan for OneStream {
    fn name(&self) -> &str {
        "OneStream"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.streams]
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        apply_expression_roots(self.order.iter().map(|column| &column.expr), f)
    }

    fn gather_filters_for_pushdown(
        &self,
        _phase: FilterPushdownPhase,
        parent_filters: Vec<Arc<dyn PhysicalExpr>>,
        _config: &ConfigOptions,
    ) -> Result<FilterDescription> {
        FilterDescription::from_children(parent_filters, &self.children())
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        vec![Some(OrderingRequirements::from(self.order.clone()))]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        match children.as_slice() {
            [streams] => Ok(Arc::new(OneStream::new(self.order.clone(), Arc::clone(streams)))),
            _ => internal_err!("OneStream has one input"),
        }
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let merge = SortPreservingMergeExec::new(self.order.clone(), Arc::clone(&self.streams));
        merge.execute(partition, context)
    }
}
