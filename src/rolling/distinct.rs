//! Finds out whether an input declares that no two rows of a partition share their order key.
//!
//! With such a declaration, a row's frame up to CURRENT ROW is complete at once. Without it, the frame is complete only when
//! the next row shows that there are no more peers. Two declarations count: a PRIMARY KEY or UNIQUE constraint within the
//! PARTITION BY and ORDER BY columns, and the metadata [`STRICTLY_INCREASING`] of the order column.

use std::sync::Arc;

use datafusion::common::Constraint;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};

use super::program::Program;

/// The metadata key of a field whose values strictly increase. The metadata's value names columns, separated by commas; the
/// increase holds among rows that agree in these columns.
pub const STRICTLY_INCREASING: &str = "squall.strictly_increasing_by";

/// Returns whether the input declares that order keys are distinct within each partition of the program.
pub fn is_declared(program: &Program, input: &Arc<dyn ExecutionPlan>) -> bool {
    let [order] = program.order_by.as_slice() else { return false };
    let Some(key) = order.expr.downcast_ref::<Column>() else { return false };
    let partition: Vec<&Column> = program.partition_by.iter().filter_map(column).collect();
    let schema = input.schema();
    let by_metadata = schema.field(key.index()).metadata().get(STRICTLY_INCREASING).is_some_and(|columns| {
        columns.split(',').all(|name| name.is_empty() || partition.iter().any(|column| column.name() == name))
    });
    by_metadata
        || input.equivalence_properties().constraints().iter().any(|constraint| {
            let (Constraint::PrimaryKey(columns) | Constraint::Unique(columns)) = constraint;
            let within =
                |index: &usize| *index == key.index() || partition.iter().any(|column| column.index() == *index);
            columns.iter().all(within)
        })
}

fn column(expr: &Arc<dyn PhysicalExpr>) -> Option<&Column> {
    expr.downcast_ref::<Column>()
}
