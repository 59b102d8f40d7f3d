//! IN and EXISTS over subqueries that depend on the outer query.
//!
//! To join such a subquery, the engine forgets that an aggregate without groups has a row for every outer row, also below HAVING, that a
//! NULL in the subquery makes NOT IN unknown for those outer rows alone that see it, and that an outer join fills in NULLs after its
//! conditions. In: an analyzed plan. Out: the same plan with subqueries that the engine joins rightly, or an error.
//!
//! Upstream: apache/datafusion#25336, #25347, #25480 and #25507.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, ExprSchema, JoinType, Result};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::expr::{Exists, InSubquery};
use datafusion::logical_expr::{
    BinaryExpr, Distinct, Expr, Filter, LogicalPlan, LogicalPlanBuilder, Operator, Subquery, lit,
};
use datafusion::optimizer::AnalyzerRule;

use super::correlated::has_outer;
use super::{refuse, rewritten};

/// Writes memberships in the form that the engine answers rightly.
#[derive(Debug)]
pub struct Memberships;

impl AnalyzerRule for Memberships {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let plan = rewritten(plan, |expr, _schema| of_one_row(expr))?;
        plan.transform_up_with_subqueries(|plan| match plan {
            LogicalPlan::Filter(filter) => {
                let schema = Arc::clone(filter.input.schema());
                let predicate = met(filter.predicate, false, &schema)?;
                Ok(predicate
                    .update_data(|predicate| Filter::try_new(predicate, filter.input))
                    .map_data(|filter| Ok(LogicalPlan::Filter(filter?)))?)
            }
            plan => Ok(Transformed::no(plan)),
        })
        .data()
    }

    fn name(&self) -> &str {
        "squall_memberships"
    }
}

/// Writes what a subquery of exactly one row is asked as a comparison.
fn of_one_row(expr: Expr) -> Result<Transformed<Expr>> {
    Ok(match expr {
        Expr::Exists(Exists { subquery, negated }) if has_one_row(&subquery.subquery) => {
            Transformed::yes(lit(!negated))
        }
        Expr::InSubquery(InSubquery { expr, subquery, negated }) if has_one_row(&subquery.subquery) => {
            let op = if negated { Operator::NotEq } else { Operator::Eq };
            Transformed::yes(Expr::BinaryExpr(BinaryExpr::new(expr, op, Box::new(Expr::ScalarSubquery(subquery)))))
        }
        Expr::Exists(Exists { ref subquery, negated }) => {
            refuse_filled(subquery)?;
            match condition_on_row(subquery)? {
                Some(condition) if negated => Transformed::yes(condition.is_not_true()),
                Some(condition) => Transformed::yes(condition.is_true()),
                None => Transformed::no(expr),
            }
        }
        Expr::InSubquery(InSubquery { ref subquery, .. }) => {
            refuse_filled(subquery)?;
            if condition_on_row(subquery)?.is_some() {
                return Err(refuse(
                    "HAVING without GROUP BY is not supported behind IN in a subquery that depends on the outer query",
                    "compare with `=`, and write the condition as CASE: x = (SELECT CASE WHEN … THEN … END FROM …)",
                ));
            }
            Transformed::no(expr)
        }
        Expr::ScalarSubquery(ref subquery) => {
            refuse_filled(subquery)?;
            Transformed::no(expr)
        }
        expr => Transformed::no(expr),
    })
}

/// Returns whether a plan has exactly one row, whatever its tables have.
pub(super) fn has_one_row(plan: &LogicalPlan) -> bool {
    match below(plan) {
        LogicalPlan::Aggregate(aggregate) => aggregate.group_expr.is_empty(),
        _ => false,
    }
}

/// Returns whether a plan has one row, or none because of HAVING.
pub(super) fn has_at_most_one_row(plan: &LogicalPlan) -> bool {
    match below(plan) {
        LogicalPlan::Filter(filter) => has_at_most_one_row(&filter.input),
        plan => has_one_row(plan),
    }
}

/// Returns the plan below what keeps the number of rows, if there is at most one.
fn below(plan: &LogicalPlan) -> &LogicalPlan {
    match plan {
        LogicalPlan::Projection(projection) => below(&projection.input),
        LogicalPlan::SubqueryAlias(alias) => below(&alias.input),
        LogicalPlan::Sort(sort) if sort.fetch.is_none() => below(&sort.input),
        LogicalPlan::Distinct(Distinct::All(input)) => below(input),
        plan => plan,
    }
}

/// Returns the condition of HAVING on the one row of a correlated aggregate without groups, as a subquery. The engine would forget that
/// this row is there even if the aggregate has none.
fn condition_on_row(subquery: &Subquery) -> Result<Option<Expr>> {
    let LogicalPlan::Filter(filter) = below(&subquery.subquery) else { return Ok(None) };
    if subquery.outer_ref_columns.is_empty() || !has_one_row(&filter.input) {
        return Ok(None);
    }
    let condition = filter.predicate.clone().alias("squall_having");
    let plan = LogicalPlanBuilder::new_from_arc(Arc::clone(&filter.input)).project([condition])?.build()?;
    Ok(Some(Expr::ScalarSubquery(Subquery { subquery: Arc::new(plan), ..subquery.clone() })))
}

/// Refuses outer values below a side that an outer join fills with NULLs.
fn refuse_filled(subquery: &Subquery) -> Result<()> {
    if subquery.outer_ref_columns.is_empty() {
        return Ok(());
    }
    subquery.subquery.apply(|plan| {
        let LogicalPlan::Join(join) = plan else { return Ok(TreeNodeRecursion::Continue) };
        let fills_left = matches!(join.join_type, JoinType::Right | JoinType::Full);
        let fills_right = matches!(join.join_type, JoinType::Left | JoinType::Full);
        if (fills_left && has_outer(&join.left)?) || (fills_right && has_outer(&join.right)?) {
            return Err(refuse(
                "a subquery cannot depend on the outer query below the side of an outer join that is filled with NULLs",
                "join the tables outside of the subquery",
            ));
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(())
}

/// Writes NOT IN where only the rows that meet a condition are wanted, so that false and unknown are one.
fn met(condition: Expr, in_or: bool, schema: &DFSchema) -> Result<Transformed<Expr>> {
    match condition {
        Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::And | Operator::Or), right }) => {
            let in_or = in_or || op == Operator::Or;
            let (left, right) = (met(*left, in_or, schema)?, met(*right, in_or, schema)?);
            let changed = left.transformed || right.transformed;
            let both = BinaryExpr::new(Box::new(left.data), op, Box::new(right.data));
            Ok(Transformed::new_transformed(Expr::BinaryExpr(both), changed))
        }
        Expr::Not(inner) => match *inner {
            Expr::Exists(Exists { subquery, negated }) => {
                Ok(Transformed::yes(Expr::Exists(Exists { subquery, negated: !negated })))
            }
            Expr::InSubquery(InSubquery { expr, subquery, negated }) => {
                met(Expr::InSubquery(InSubquery { expr, subquery, negated: !negated }), in_or, schema)
            }
            inner => {
                refuse_unknown(&inner)?;
                Ok(Transformed::no(Expr::Not(Box::new(inner))))
            }
        },
        // The engine has a join of its own for the others.
        Expr::InSubquery(InSubquery { expr, subquery, negated: true })
            if in_or || !subquery.outer_ref_columns.is_empty() =>
        {
            none_is(*expr, subquery, schema).map(Transformed::yes)
        }
        Expr::InSubquery(_) | Expr::Exists(_) => Ok(Transformed::no(condition)),
        condition => {
            refuse_unknown(&condition)?;
            Ok(Transformed::no(condition))
        }
    }
}

/// Returns the condition that no row of a subquery is, or could be, a value.
fn none_is(value: Expr, subquery: Subquery, schema: &DFSchema) -> Result<Expr> {
    let mut outer = subquery.outer_ref_columns.clone();
    let value = value.transform_up(|expr| {
        let Expr::Column(column) = expr else { return Ok(Transformed::no(expr)) };
        let field = schema.field_from_column(&column)?;
        let reference = Expr::OuterReferenceColumn(Arc::clone(field), column);
        if !outer.contains(&reference) {
            outer.push(reference.clone());
        }
        Ok(Transformed::yes(reference))
    });
    let value = value.data()?;
    let Some(column) = subquery.subquery.schema().columns().into_iter().next() else { return Err(cannot()) };
    let column = Expr::Column(column);
    let could_be = column.clone().eq(value.clone()).or(column.is_null()).or(value.is_null());
    let plan = LogicalPlanBuilder::new_from_arc(subquery.subquery).filter(could_be)?.build()?;
    let subquery = Subquery { subquery: Arc::new(plan), outer_ref_columns: outer, spans: subquery.spans };
    Ok(Expr::Exists(Exists { subquery, negated: true }))
}

/// Refuses IN over a subquery where it may be unknown, and that matters.
fn refuse_unknown(expr: &Expr) -> Result<()> {
    let found = expr.exists(|expr| Ok(matches!(expr, Expr::InSubquery(_))))?;
    if found { Err(cannot()) } else { Ok(()) }
}

/// Says where IN over a subquery and EXISTS may stand.
pub(super) fn cannot() -> DataFusionError {
    refuse(
        "IN (SELECT …) and EXISTS can only stand in WHERE, HAVING or QUALIFY, alone or behind AND, OR and NOT",
        "join the tables, or write count(*) > 0 over a subquery",
    )
}
