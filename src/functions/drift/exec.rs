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

use super::choices::Choices;
use super::comparison::{self, compare_all};
use super::relation::{Content, Relation};
use super::slices::{self, By, compare_slices};
use crate::durable;
use crate::model::Sketch;

/// What is compared with the whole reference.
#[derive(Debug, Clone)]
pub enum Of {
    /// The whole current relation.
    Whole,
    /// Each slice of both relations.
    Slices(By),
}

impl Of {
    pub fn schema(&self) -> SchemaRef {
        match self {
            Of::Whole => comparison::schema(),
            Of::Slices(_) => slices::schema(),
        }
    }
}

/// Compares its two inputs, the reference and the current relation.
#[derive(Debug)]
pub struct DriftExec {
    of: Of,
    choices: Choices,
    reference: Reference,
    current: Arc<dyn ExecutionPlan>,
    projection: Option<Vec<usize>>,
    properties: Arc<PlanProperties>,
}

/// What the current relation is compared with.
#[derive(Debug, Clone)]
pub enum Reference {
    Plan(Arc<dyn ExecutionPlan>),
    /// What a model keeps of the columns that it was trained on.
    Model(Arc<Vec<Sketch>>),
}

impl DriftExec {
    pub fn new(
        of: Of,
        choices: Choices,
        reference: Reference,
        current: Arc<dyn ExecutionPlan>,
        projection: Option<Vec<usize>>,
    ) -> Result<DriftExec> {
        let schema = match &projection {
            Some(columns) => Arc::new(of.schema().project(columns)?),
            None => of.schema(),
        };
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Final,
            Boundedness::Bounded,
        );
        Ok(DriftExec { of, choices, reference, current, projection, properties: Arc::new(properties) })
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
        match &self.reference {
            Reference::Plan(reference) => vec![reference, &self.current],
            Reference::Model(_) => vec![&self.current],
        }
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
        let (reference, current) = match (&self.reference, children.as_slice()) {
            (Reference::Plan(_), [reference, current]) => (Reference::Plan(Arc::clone(reference)), current),
            (Reference::Model(_), [current]) => (self.reference.clone(), current),
            _ => return internal_err!("DriftExec was given {} children", children.len()),
        };
        let (of, choices) = (self.of.clone(), self.choices.clone());
        let current = Arc::clone(current);
        Ok(Arc::new(DriftExec::new(of, choices, reference, current, self.projection.clone())?))
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn execute(&self, _partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let (reference, current) = (self.reference.clone(), Arc::clone(&self.current));
        let (of, choices, projection) = (self.of.clone(), self.choices.clone(), self.projection.clone());
        let comparison = async move {
            let reference = match reference {
                Reference::Plan(plan) => read(plan, Arc::clone(&context)).await?,
                Reference::Model(sketches) => Relation::of_model(sketches),
            };
            let current = read(current, context).await?;
            // Comparing keeps threads busy for a long time, which must not be those that run tasks.
            let compare = move || match of {
                Of::Whole => compare_all(&reference, &current, &choices),
                Of::Slices(by) => compare_slices(&reference, &current, &by, &choices),
            };
            let compared = durable::blocking(compare).await?;
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
    Ok(Relation { schema: plan.schema(), content: Content::Rows(collect(plan, context).await?) })
}
