//! Lets joins give other work its turn.
//!
//! The engine's sources end their turn from time to time, so that a query can be cancelled and clocks go on. A join that makes
//! many rows of few asks its source too seldom for that. In: a plan. Out: the same plan, in which the joins end their turns too. A join
//! that compares all pairs of rows, and may keep none of them, gets the rows of one side in small batches.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::execution_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::joins::{
    CrossJoinExec, HashJoinExec, NestedLoopJoinExec, PiecewiseMergeJoinExec, SortMergeJoinExec,
};
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};
use datafusion::physical_plan::unnest::UnnestExec;

use super::small_batches::SmallBatches;

/// A nested-loop join compares about so many pairs of rows in one turn: some 0.2 s of work.
const PAIRS: usize = 1 << 23;

/// How many rows the left side of a join is taken to have if nobody knows.
const MANY: usize = 1 << 17;

/// Puts [`CooperativeExec`] above each operator that can make many rows of one, and [`SmallBatches`] below those that compare all pairs.
#[derive(Debug)]
pub struct JoinsTakeTurns;

impl PhysicalOptimizerRule for JoinsTakeTurns {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|plan| {
            let multiplies = plan.is::<CrossJoinExec>()
                || plan.is::<HashJoinExec>()
                || plan.is::<NestedLoopJoinExec>()
                || plan.is::<PiecewiseMergeJoinExec>()
                || plan.is::<SortMergeJoinExec>()
                || plan.is::<UnnestExec>();
            let plan = if plan.is::<NestedLoopJoinExec>() { in_small_batches(plan)? } else { plan };
            Ok(match multiplies {
                true => Transformed::yes(Arc::new(CooperativeExec::new(plan)) as Arc<dyn ExecutionPlan>),
                false => Transformed::no(plan),
            })
        })
        .data()
    }

    fn name(&self) -> &str {
        "squall_joins_take_turns"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Lets a nested-loop join read its right side in batches that suit the rows of its left side.
fn in_small_batches(join: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let [left, right] = join.children()[..] else { return Ok(join) };
    let statistics = StatisticsContext::new().compute(left.as_ref(), &StatisticsArgs::new());
    let rows = statistics.ok().and_then(|statistics| statistics.num_rows.get_value().copied()).unwrap_or(MANY);
    let right = Arc::new(SmallBatches::new(Arc::clone(right), PAIRS / rows.max(1)));
    let inputs = vec![Arc::clone(left), right as Arc<dyn ExecutionPlan>];
    join.replace_children(inputs, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
}
