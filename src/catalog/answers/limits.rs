//! LIMIT in correlated subqueries.
//!
//! The engine cannot join a subquery that ends with LIMIT and depends on the outer query. In: an analyzed plan. Out: a scalar subquery
//! takes the first value of its rows; EXISTS needs no LIMIT; in LATERAL, rows are numbered for each value of the columns that are
//! compared with the outer query, and those with high numbers leave. What is left is an error that says so. A LIMIT above the one row of
//! an aggregate without groups does nothing, and is removed.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{Column, Result};
use datafusion::error::DataFusionError;
use datafusion::functions_aggregate::first_last::first_value;
use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::expr::{Exists, InSubquery, Sort as SortKey};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{
    Expr, ExprFunctionExt, FetchType, Limit, LogicalPlan, LogicalPlanBuilder, Projection, SkipType, Sort, Subquery,
    col, lit,
};
use datafusion::optimizer::AnalyzerRule;

use super::correlated::compared_below;
use super::memberships::has_at_most_one_row;
use super::refuse;

/// The column of the first value. Its name must not be that of a compared column.
const FIRST: &str = "squall_first_value";

/// The column of the numbers.
const NUMBER: &str = "squall_row_number";

/// Writes LIMIT of correlated subqueries as something that can be joined.
#[derive(Debug)]
pub struct LimitsBelowCorrelation;

impl AnalyzerRule for LimitsBelowCorrelation {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        // From above, so that a scalar subquery is changed as such before its plan is visited.
        let changed = plan.transform_down_with_subqueries(|plan| {
            let plan = match plan {
                LogicalPlan::Subquery(subquery) => change(subquery, numbered)?.update_data(LogicalPlan::Subquery),
                plan => Transformed::no(plan),
            };
            plan.transform_data(|plan| {
                let names = NamePreserver::new(&plan);
                plan.map_expressions(|expr| {
                    let name = names.save(&expr);
                    let changed = expr.transform_up(|expr| {
                        Ok(match expr {
                            Expr::ScalarSubquery(subquery) => {
                                change(subquery, first)?.update_data(Expr::ScalarSubquery)
                            }
                            Expr::Exists(Exists { subquery, negated }) => change(subquery, without)?
                                .update_data(|subquery| Expr::Exists(Exists { subquery, negated })),
                            Expr::InSubquery(InSubquery { expr, subquery, negated }) => change(subquery, behind_in)?
                                .update_data(|subquery| Expr::InSubquery(InSubquery { expr, subquery, negated })),
                            other => Transformed::no(other),
                        })
                    })?;
                    Ok(changed.update_data(|expr| name.restore(expr)))
                })
            })
        });
        changed.data()
    }

    fn name(&self) -> &str {
        "squall_limits_below_correlation"
    }
}

fn change(subquery: Subquery, rewrite: fn(&Parts) -> Result<LogicalPlan>) -> Result<Transformed<Subquery>> {
    if subquery.outer_ref_columns.is_empty() {
        return Ok(Transformed::no(subquery));
    }
    let Some(parts) = Parts::of(&subquery.subquery)? else { return Ok(Transformed::no(subquery)) };
    let plan = if parts.keep_all() { parts.without_keys()? } else { rewrite(&parts)? };
    Ok(Transformed::yes(Subquery { subquery: Arc::new(plan), ..subquery }))
}

/// A plan that ends with LIMIT: `Limit (Projection (Sort (rows)))`.
struct Parts<'a> {
    limit: &'a Limit,
    projection: Option<&'a Projection>,
    keys: &'a [SortKey],
    rows: &'a LogicalPlan,
    skip: usize,
    fetch: Option<usize>,
}

impl Parts<'_> {
    fn of(plan: &LogicalPlan) -> Result<Option<Parts<'_>>> {
        let LogicalPlan::Limit(limit) = plan else { return Ok(None) };
        let (SkipType::Literal(skip), FetchType::Literal(fetch)) = (limit.get_skip_type()?, limit.get_fetch_type()?)
        else {
            return Err(cannot("whose number is not constant"));
        };
        let (projection, below) = match limit.input.as_ref() {
            LogicalPlan::Projection(projection) if matches!(projection.input.as_ref(), LogicalPlan::Sort(_)) => {
                (Some(projection), projection.input.as_ref())
            }
            other => (None, other),
        };
        let (keys, rows) = match below {
            LogicalPlan::Sort(Sort { expr, input, .. }) => (expr.as_slice(), input.as_ref()),
            other => (&[][..], other),
        };
        Ok(Some(Parts { limit, projection, keys, rows, skip, fetch }))
    }

    /// Returns whether LIMIT does nothing, because there is at most one row.
    fn keep_all(&self) -> bool {
        self.skip == 0 && self.fetch != Some(0) && has_at_most_one_row(self.rows)
    }

    fn without_keys(&self) -> Result<LogicalPlan> {
        match self.projection {
            Some(projection) => {
                Projection::try_new(projection.expr.clone(), Arc::new(self.rows.clone())).map(LogicalPlan::Projection)
            }
            None => Ok(self.rows.clone()),
        }
    }
}

/// The first value, in the order of the keys.
fn first(parts: &Parts) -> Result<LogicalPlan> {
    if parts.skip > 0 || parts.fetch == Some(0) {
        return Err(cannot("with OFFSET, or of no row,"));
    }
    let value = match parts.projection.map(|projection| projection.expr.as_slice()) {
        Some([only]) => only.clone(),
        Some(_) => return Err(cannot("with several columns")),
        None => Expr::Column(Column::from(parts.limit.input.schema().qualified_field(0))),
    };
    let first = first_value(value.unalias(), parts.keys.to_vec());
    LogicalPlanBuilder::from(parts.rows.clone())
        .aggregate(Vec::<Expr>::new(), vec![first.clone()])?
        .project(vec![col(Column::from_name(first.schema_name().to_string())).alias(FIRST)])?
        .build()
}

/// Whether there is a row does not depend on how many there are at most.
fn without(parts: &Parts) -> Result<LogicalPlan> {
    match (parts.skip, parts.fetch) {
        (0, None | Some(1..)) => Ok(parts.limit.input.as_ref().clone()),
        _ => Err(cannot("with OFFSET, or of no row,")),
    }
}

fn behind_in(_parts: &Parts) -> Result<LogicalPlan> {
    Err(cannot("behind IN"))
}

/// The first rows of each value of the compared columns.
fn numbered(parts: &Parts) -> Result<LogicalPlan> {
    let compared = compared_below(
        parts.rows,
        || cannot("that depends on the outer query elsewhere"),
        || cannot("that compares otherwise than with `=`"),
    )?;
    let columns: BTreeSet<&Column> = compared.iter().flat_map(Expr::column_refs).collect();
    let rows = match parts.rows {
        // What is selected may lack the compared columns.
        LogicalPlan::Projection(projection) => {
            let mut expressions = projection.expr.clone();
            let missing = columns.iter().filter(|column| !projection.schema.has_column(column));
            expressions.extend(missing.map(|column| Expr::Column(Column::clone(column))));
            LogicalPlan::Projection(Projection::try_new(expressions, Arc::clone(&projection.input))?)
        }
        other => other.clone(),
    };
    if !columns.iter().all(|column| rows.schema().has_column(column)) {
        return Err(cannot("over groups"));
    }
    let number = row_number().partition_by(compared.clone()).order_by(parts.keys.to_vec()).build()?.alias(NUMBER);
    let above = || lit(parts.skip as u64);
    let mut condition = col(NUMBER).gt(above());
    if let Some(fetch) = parts.fetch {
        condition = condition.and(col(NUMBER).lt_eq(lit((parts.skip + fetch) as u64)));
    }
    let kept: Vec<Expr> = match parts.projection {
        Some(projection) => projection.expr.clone(),
        None => parts.limit.input.schema().columns().into_iter().map(Expr::Column).collect(),
    };
    LogicalPlanBuilder::from(rows).window(vec![number])?.filter(condition)?.project(kept)?.build()
}

fn cannot(what: &str) -> DataFusionError {
    refuse(
        format!("LIMIT {what} is not supported in a subquery that depends on the outer query"),
        "join the tables; ASOF JOIN finds the newest earlier row",
    )
}
