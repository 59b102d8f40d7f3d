//! The order of a list that is not one constant.
//!
//! `array_sort` reads the order of the first row and sorts the lists of all rows by it. In: a new plan. Out: the same plan, or an error.

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::optimizer::AnalyzerRule;

use super::refuse;

/// Refuses orders that differ from row to row.
#[derive(Debug)]
pub struct CheckOrders;

impl AnalyzerRule for CheckOrders {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        plan.apply_with_subqueries(|plan| {
            plan.apply_expressions(|expr| {
                expr.apply(|expr| match expr {
                    Expr::ScalarFunction(call)
                        if call.func.name() == "array_sort" && call.args.iter().skip(1).any(depends_on_row) =>
                    {
                        Err(refuse(
                            "the order of a list is one constant for all rows",
                            "write CASE WHEN … THEN list_sort(l, 'ASC') ELSE list_sort(l, 'DESC') END",
                        ))
                    }
                    _ => Ok(TreeNodeRecursion::Continue),
                })
            })
        })?;
        Ok(plan)
    }

    fn name(&self) -> &str {
        "squall_check_orders"
    }
}

fn depends_on_row(order: &Expr) -> bool {
    order.exists(|part| Ok(matches!(part, Expr::Column(_) | Expr::OuterReferenceColumn(..)))).unwrap_or(true)
}
