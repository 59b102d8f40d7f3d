//! Window operators of which the kernels support some expressions, but not all.
//!
//! In: DataFusion's window operator. Out: a window operator with the expressions that are not covered, above it one with
//! those that are covered, and a projection that restores the order of the columns. So a function that the kernels do not
//! support does not make the other functions slow and inexact.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::window::WindowExpr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::projection::{ProjectionExec, ProjectionExpr};
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec};

use super::program::Program;

/// The parts that together do the work of one window operator.
pub struct Divided {
    /// The window operator with only covered expressions.
    pub covered: Arc<dyn ExecutionPlan>,
    /// The projection from the output of `covered`, or of its replacement, to the original columns.
    pub projection: Vec<ProjectionExpr>,
}

/// Divides a window operator. `None` if the plan is not a window operator, or if all or none of its expressions are covered.
pub fn divide(plan: &Arc<dyn ExecutionPlan>) -> Result<Option<Divided>> {
    let bounded = plan.downcast_ref::<BoundedWindowAggExec>();
    let (expressions, input, can_repartition) = match (bounded, plan.downcast_ref::<WindowAggExec>()) {
        (Some(bounded), _) if bounded.state_observer().is_none() => {
            (bounded.window_expr(), bounded.input(), !bounded.partition_keys().is_empty())
        }
        (None, Some(whole)) => (whole.window_expr(), whole.input(), !whole.partition_keys().is_empty()),
        _ => return Ok(None),
    };
    let schema = input.schema();
    let is_covered =
        |expression: &Arc<dyn WindowExpr>| Program::covering(std::slice::from_ref(expression), &schema).is_some();
    let (covered, others): (Vec<_>, Vec<_>) = expressions.iter().cloned().partition(is_covered);
    if covered.is_empty() || others.is_empty() {
        return Ok(None);
    }
    let operator = |expressions, input| -> Result<Arc<dyn ExecutionPlan>> {
        Ok(match bounded {
            Some(bounded) => {
                let mode = bounded.input_order_mode.clone();
                Arc::new(BoundedWindowAggExec::try_new(expressions, input, mode, can_repartition)?)
            }
            None => Arc::new(WindowAggExec::try_new(expressions, input, can_repartition)?),
        })
    };
    let columns = schema.fields().len();
    let (mut next_other, mut next_covered) = (columns, columns + others.len());
    let place = |expression: &Arc<dyn WindowExpr>| {
        let next = if is_covered(expression) { &mut next_covered } else { &mut next_other };
        *next += 1;
        *next - 1
    };
    let places: Vec<usize> = (0..columns).chain(expressions.iter().map(place)).collect();
    let covered = operator(covered, operator(others, Arc::clone(input))?)?;
    let projection = places
        .into_iter()
        .zip(plan.schema().fields())
        .map(|(index, field)| {
            let expr: Arc<dyn PhysicalExpr> = Arc::new(Column::new(covered.schema().field(index).name(), index));
            ProjectionExpr { expr, alias: field.name().clone() }
        })
        .collect();
    Ok(Some(Divided { covered, projection }))
}

impl Divided {
    /// Returns a plan for the original operator, with `operator` in place of the covered one.
    pub fn with(self, operator: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(ProjectionExec::try_new(self.projection, operator)?))
    }
}
