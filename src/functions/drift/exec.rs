//! The operator behind `drift`: reads both relations completely, then compares them.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{
    Boundedness, ChildrenPropertiesMode, EmissionType, ReplaceChildrenOptions,
};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties, collect};

use super::samples::{self, Relation, compare_all};

/// Compares its two inputs, the reference and the current relation.
#[derive(Debug)]
pub struct DriftExec {
    reference: Arc<dyn ExecutionPlan>,
    current: Arc<dyn ExecutionPlan>,
    projection: Option<Vec<usize>>,
    properties: Arc<PlanProperties>,
}

impl DriftExec {
    pub fn new(
        reference: Arc<dyn ExecutionPlan>,
        current: Arc<dyn ExecutionPlan>,
        projection: Option<Vec<usize>>,
    ) -> Result<DriftExec> {
        let schema = match &projection {
            Some(columns) => Arc::new(samples::schema().project(columns)?),
            None => samples::schema(),
        };
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Final,
            Boundedness::Bounded,
        );
        Ok(DriftExec { reference, current, projection, properties: Arc::new(properties) })
    }
}

impl DisplayAs for DriftExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("DriftExec: reference, current")
    }
}

impl ExecutionPlan for DriftExec {
    fn name(&self) -> &'static str {
        "DriftExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.reference, &self.current]
    }

    fn apply_expressions(
        &self,
        _visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match <[_; 2]>::try_from(children) {
            Ok([reference, current]) => Ok(Arc::new(DriftExec::new(reference, current, self.projection.clone())?)),
            Err(children) => internal_err!("DriftExec has two children, {} given", children.len()),
        }
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn execute(&self, _partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let (reference, current) = (Arc::clone(&self.reference), Arc::clone(&self.current));
        let projection = self.projection.clone();
        let comparison = async move {
            let reference = read(reference, Arc::clone(&context)).await?;
            let current = read(current, context).await?;
            let compared = compare_all(&reference, &current)?;
            Ok(match projection {
                Some(columns) => compared.project(&columns)?,
                None => compared,
            })
        };
        let schema: SchemaRef = self.schema();
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, futures::stream::once(comparison))))
    }
}

async fn read(plan: Arc<dyn ExecutionPlan>, context: Arc<TaskContext>) -> Result<Relation> {
    Ok(Relation { schema: plan.schema(), batches: collect(plan, context).await? })
}
