//! Windows and grouping sets in correlated subqueries.
//!
//! To join a correlated subquery, the engine pulls the conditions on outer columns up, also above windows, although a window
//! must see only the rows that the condition leaves. In: an analyzed plan. Out: if every such condition compares a column with
//! an outer value, windows are also partitioned by these columns, so that the condition may stand above them; else an error. Grouping
//! sets above such a condition are always an error.
//!
//! Upstream: apache/datafusion#25519 (grouping sets).

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::expr::{Exists, InSubquery};
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlan, Operator, Subquery, Window};
use datafusion::optimizer::AnalyzerRule;

use super::refuse;

/// Partitions the windows of correlated subqueries by the correlated columns.
#[derive(Debug)]
pub struct WindowsBelowCorrelation;

impl AnalyzerRule for WindowsBelowCorrelation {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let changed = plan.transform_up_with_subqueries(|plan| {
            let plan = match plan {
                LogicalPlan::Subquery(subquery) => partitioned(subquery)?.update_data(LogicalPlan::Subquery),
                plan => Transformed::no(plan),
            };
            plan.transform_data(|plan| {
                plan.map_expressions(|expr| {
                    expr.transform_up(|expr| {
                        Ok(match expr {
                            Expr::ScalarSubquery(subquery) => partitioned(subquery)?.update_data(Expr::ScalarSubquery),
                            Expr::Exists(Exists { subquery, negated }) => partitioned(subquery)?
                                .update_data(|subquery| Expr::Exists(Exists { subquery, negated })),
                            Expr::InSubquery(InSubquery { expr, subquery, negated }) => partitioned(subquery)?
                                .update_data(|subquery| Expr::InSubquery(InSubquery { expr, subquery, negated })),
                            other => Transformed::no(other),
                        })
                    })
                })
            })
        });
        changed.data()
    }

    fn name(&self) -> &str {
        "squall_windows_below_correlation"
    }
}

fn partitioned(subquery: Subquery) -> Result<Transformed<Subquery>> {
    if subquery.outer_ref_columns.is_empty() {
        return Ok(Transformed::no(subquery));
    }
    subquery.subquery.apply(|plan| {
        if let LogicalPlan::Aggregate(aggregate) = plan
            && aggregate.group_expr.iter().any(|group| matches!(group, Expr::GroupingSet(_)))
            && has_outer(&aggregate.input)?
        {
            return Err(refuse(
                "ROLLUP, CUBE and GROUPING SETS cannot depend on the outer query in a correlated subquery",
                "join the tables, or compute the groups in a WITH query that is not correlated",
            ));
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    let plan = Arc::unwrap_or_clone(subquery.subquery);
    let changed = plan.transform_up(|plan| {
        let LogicalPlan::Window(window) = plan else { return Ok(Transformed::no(plan)) };
        let columns = correlated_columns(&window.input)?;
        if columns.is_empty() {
            return Ok(Transformed::no(LogicalPlan::Window(window)));
        }
        let calls = window.window_expr.iter().map(|call| partitioned_by(call, &columns)).collect::<Result<Vec<_>>>()?;
        Ok(Transformed::yes(LogicalPlan::Window(Window::try_new(calls, window.input)?)))
    })?;
    let transformed = changed.transformed;
    // What stands above a window refers to its columns by names, which stay.
    let subquery = Subquery { subquery: Arc::new(changed.data), ..subquery };
    Ok(if transformed { Transformed::yes(subquery) } else { Transformed::no(subquery) })
}

pub(super) fn has_outer(plan: &LogicalPlan) -> Result<bool> {
    plan.exists(|plan| Ok(plan.expressions().iter().any(Expr::contains_outer)))
}

/// Returns the expressions of a window's input that conditions below compare with outer values.
fn correlated_columns(input: &LogicalPlan) -> Result<Vec<Expr>> {
    let compared = compared_below(input, cannot, cannot)?;
    let is_there = |expr: &Expr| expr.column_refs().into_iter().all(|column| input.schema().has_column(column));
    if compared.iter().all(is_there) { Ok(compared) } else { Err(cannot()) }
}

/// Returns the expressions that conditions of a plan compare with outer values. The first error is for outer values elsewhere, the second
/// for other comparisons.
pub(super) fn compared_below(
    plan: &LogicalPlan,
    elsewhere: impl Fn() -> DataFusionError,
    otherwise: impl Fn() -> DataFusionError,
) -> Result<Vec<Expr>> {
    let mut found = Vec::new();
    plan.apply(|plan| {
        let LogicalPlan::Filter(filter) = plan else {
            let outer = plan.expressions().iter().any(Expr::contains_outer);
            return if outer { Err(elsewhere()) } else { Ok(TreeNodeRecursion::Continue) };
        };
        for condition in split_conjunction(&filter.predicate).into_iter().filter(|condition| condition.contains_outer())
        {
            found.push(compared(condition).ok_or_else(&otherwise)?.clone());
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(found)
}

/// Returns the inner side of a condition `expression = outer value`.
fn compared(condition: &Expr) -> Option<&Expr> {
    let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) = condition else { return None };
    match (left.contains_outer(), right.contains_outer()) {
        (false, true) => Some(left),
        (true, false) => Some(right),
        _ => None,
    }
}

fn partitioned_by(call: &Expr, compared: &[Expr]) -> Result<Expr> {
    let name = call.schema_name().to_string();
    let changed = call.clone().transform_down(|expr| {
        let Expr::WindowFunction(mut call) = expr else { return Ok(Transformed::no(expr)) };
        call.params.partition_by.extend(compared.iter().cloned());
        Ok(Transformed::new(Expr::WindowFunction(call), true, TreeNodeRecursion::Jump))
    });
    Ok(changed.data()?.unalias().alias(name))
}

fn cannot() -> DataFusionError {
    refuse(
        "a window function in a correlated subquery can only depend on the outer query through `column = outer column`",
        "join the tables, or compute the window in a WITH query that is not correlated",
    )
}
