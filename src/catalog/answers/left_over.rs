//! Subqueries that the engine could not join.
//!
//! The engine finds them only when it makes the physical plan, and says so with the names of its own types. In: an optimized plan. Out:
//! the same plan, or a sentence.

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

use super::{memberships, refuse};

/// Refuses what cannot be run.
#[derive(Debug)]
pub struct RefuseCorrelated;

impl OptimizerRule for RefuseCorrelated {
    fn name(&self) -> &str {
        "squall_refuse_correlated"
    }

    fn rewrite(&self, plan: LogicalPlan, _config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        plan.apply(|plan| {
            let filters = matches!(plan, LogicalPlan::Filter(_));
            for expression in plan.expressions() {
                expression.apply(|expression| match expression {
                    Expr::Exists(_) | Expr::InSubquery(_) if !filters => Err(memberships::cannot()),
                    Expr::Exists(_) | Expr::InSubquery(_) | Expr::OuterReferenceColumn(..) => Err(cannot()),
                    Expr::ScalarSubquery(subquery) if !subquery.outer_ref_columns.is_empty() => Err(cannot()),
                    _ => Ok(TreeNodeRecursion::Continue),
                })?;
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(Transformed::no(plan))
    }
}

fn cannot() -> DataFusionError {
    refuse(
        "this subquery depends on the outer query in a way that cannot be joined",
        "compare its columns with `=` to columns of the outer query, or join the tables; ASOF JOIN finds the newest earlier row",
    )
}
