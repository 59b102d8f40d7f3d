//! Scalar subqueries without a row.
//!
//! Such a subquery is NULL. The engine takes it for never NULL if its column is never NULL in a row: it makes false of
//! `(SELECT 1 WHERE false) IS NULL`, and leaves out what stands behind it in `coalesce`. In: an analyzed plan. Out: the same plan, in which
//! a function that may return NULL stands around such a subquery.

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult};
use datafusion::logical_expr::{Expr, LogicalPlan, ScalarUDF, Subquery, Union};
use datafusion::optimizer::AnalyzerRule;

use super::memberships::has_one_row;
use super::{passed, rewritten};

/// Says which subqueries may be NULL.
#[derive(Debug)]
pub struct EmptySubqueries;

impl AnalyzerRule for EmptySubqueries {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let mut changed = false;
        let plan = rewritten(plan, |expr, _schema| match expr {
            Expr::ScalarSubquery(subquery) if is_taken_for_full(&subquery) => {
                changed = true;
                Ok(Transformed::yes(passed::may_be_null(MAY_BE_NULL).call(vec![Expr::ScalarSubquery(subquery)])))
            }
            expr => Ok(Transformed::no(expr)),
        })?;
        if !changed {
            return Ok(plan);
        }
        // What stands above refers to these columns, and knows them as never NULL.
        let known = plan.transform_up_with_subqueries(|plan| match plan {
            LogicalPlan::Union(union) => Ok(Transformed::yes(LogicalPlan::Union(Union::try_new(union.inputs)?))),
            plan => plan.recompute_schema().map(Transformed::yes),
        });
        known.data()
    }

    fn name(&self) -> &str {
        "squall_empty_subqueries"
    }
}

const MAY_BE_NULL: &str = "squall_may_be_null";

/// The function that the rule puts into plans.
pub fn functions() -> Vec<ScalarUDF> {
    vec![passed::may_be_null(MAY_BE_NULL)]
}

fn is_taken_for_full(subquery: &Subquery) -> bool {
    let plan = &subquery.subquery;
    !plan.schema().fields().first().is_none_or(|column| column.is_nullable()) && !has_one_row(plan)
}
