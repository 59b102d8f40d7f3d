//! Conditions above an ASOF JOIN that can remove rows before it.
//!
//! A condition on the left row alone removes the same rows below the join. If it reads only columns that must be equal, the right
//! rows that do not meet it match nothing and can be removed too. A condition on the right row must wait: it says which matches
//! stay, not which right rows can match.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{Column, Result};
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{Expr, Filter, LogicalPlan};
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

use super::node::AsofJoin;

/// Moves conditions below ASOF JOIN.
#[derive(Debug)]
pub struct FilterInputs;

impl OptimizerRule for FilterInputs {
    fn name(&self) -> &str {
        "squall_filter_asof_inputs"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn supports_rewrite(&self) -> bool {
        true
    }

    fn rewrite(&self, plan: LogicalPlan, _config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let LogicalPlan::Filter(filter) = &plan else { return Ok(Transformed::no(plan)) };
        let Some(join) = AsofJoin::of(&filter.input) else { return Ok(Transformed::no(plan)) };
        let left = join.left.schema();
        let only_left = |condition: &Expr| {
            let columns = condition.column_refs();
            !condition.is_volatile() && columns.iter().all(|column| left.is_column_from_schema(column))
        };
        let (below, above): (Vec<Expr>, Vec<Expr>) =
            split_conjunction_owned(filter.predicate.clone()).into_iter().partition(only_left);
        let Some(condition) = conjunction(below.clone()) else { return Ok(Transformed::no(plan)) };
        let mut join = join.clone();
        if let Some(condition) = conjunction(below.iter().filter_map(|condition| of_keys(condition, &join.on))) {
            join.right = Arc::new(LogicalPlan::Filter(Filter::try_new(condition, Arc::clone(&join.right))?));
        }
        join.left = Arc::new(LogicalPlan::Filter(Filter::try_new(condition, Arc::clone(&join.left))?));
        let plan = join.into_plan();
        Ok(Transformed::yes(match conjunction(above) {
            Some(condition) => LogicalPlan::Filter(Filter::try_new(condition, Arc::new(plan))?),
            None => plan,
        }))
    }
}

/// Returns a condition on left columns as one on the right columns that are equal to them; `None` if one has no such column.
fn of_keys(condition: &Expr, on: &[(Expr, Expr)]) -> Option<Expr> {
    let pairs = on.iter().filter_map(|(one, other)| match (one, other) {
        (Expr::Column(one), Expr::Column(other)) => Some((one, other)),
        _ => None,
    });
    let pairs: HashMap<&Column, &Column> = pairs.collect();
    if !condition.column_refs().iter().all(|column| pairs.contains_key(column)) {
        return None;
    }
    let renamed = condition.clone().transform(|part| {
        Ok(match &part {
            Expr::Column(column) => match pairs.get(column) {
                Some(other) => Transformed::yes(Expr::Column((*other).clone())),
                None => Transformed::no(part),
            },
            _ => Transformed::no(part),
        })
    });
    renamed.data().ok()
}
