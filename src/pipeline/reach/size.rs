//! How large the engine would make the expressions of a plan.
//!
//! The engine writes `coalesce(a, b)` as `CASE WHEN a IS NOT NULL THEN a ELSE b END`, and reads each half again for its type. So
//! calls that are nested in the first argument grow fourfold with each level, and a dozen of them take minutes to plan.

use datafusion::common::Result;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, LogicalPlan};

/// Functions that the engine writes as a CASE with their arguments twice, except for the last.
const DOUBLED: [&str; 2] = ["coalesce", "nvl"];

/// By how much each level grows.
const GROWTH: u64 = 4;

/// A plan with more parts would take seconds.
const MOST_PARTS: u64 = 1_000_000;

/// Returns the function whose nested calls make a plan too large; `None` if it is not too large.
pub fn too_large(plan: &LogicalPlan) -> Result<Option<&'static str>> {
    let mut found = None;
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expression| {
            found = found.or(doubled(expression)?);
            Ok(if found.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
        })
    })?;
    Ok(found)
}

fn doubled(expression: &Expr) -> Result<Option<&'static str>> {
    let (mut parts, mut name) = (0u64, None);
    let mut waiting = vec![(expression, 1u64)];
    while let Some((next, times)) = waiting.pop() {
        parts = parts.saturating_add(times);
        if parts > MOST_PARTS {
            return Ok(name);
        }
        let function = match next {
            Expr::ScalarFunction(call) => DOUBLED.into_iter().find(|known| *known == call.func.name()),
            _ => None,
        };
        name = name.or(function);
        if let (Expr::ScalarFunction(call), Some(_)) = (next, function) {
            let last = call.args.len().saturating_sub(1);
            let grown = |index: usize| if index == last { times } else { times.saturating_mul(GROWTH) };
            waiting.extend(call.args.iter().enumerate().map(|(index, argument)| (argument, grown(index))));
            continue;
        }
        next.apply_children(|part| {
            waiting.push((part, times));
            Ok(TreeNodeRecursion::Continue)
        })?;
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use datafusion::functions::expr_fn::coalesce;
    use datafusion::logical_expr::{col, lit};

    use super::*;

    #[test]
    fn only_nested_first_arguments_grow() {
        let nested =
            |levels: usize| (0..levels).fold(col("x"), |inner, level| coalesce(vec![inner, lit(level as i64)]));
        assert_eq!(doubled(&nested(6)).unwrap(), None);
        assert_eq!(doubled(&nested(12)).unwrap(), Some("coalesce"));
        let last = (0..30).fold(col("x"), |inner, level| coalesce(vec![lit(level), inner]));
        assert_eq!(doubled(&last).unwrap(), None);
    }
}
