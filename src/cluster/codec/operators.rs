//! The operators of the engine's that another process may compute.
//!
//! The engine's own form in bytes leaves out FILTER and IGNORE NULLS of windows. Calls without them carry a mark, so windows are sent
//! only if all of their calls do.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::datasource::physical_plan::ParquetSource;
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::DataFusionError;
use datafusion::physical_expr::window::{PlainAggregateWindowExpr, SlidingAggregateWindowExpr, StandardWindowExpr};
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::{CrossJoinExec, HashJoinExec, NestedLoopJoinExec, SortMergeJoinExec};
use datafusion::physical_plan::limit::{GlobalLimitExec, LocalLimitExec};
use datafusion::physical_plan::placeholder_row::PlaceholderRowExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec, WindowUDFExpr};
use datafusion::physical_plan::{ExecutionPlan, WindowExpr};

use super::OPERATORS;
use crate::rolling::{MarkedAggregate, MarkedWindow};

/// Checks that each operator of a plan may be sent.
///
/// # Errors
/// One may not.
pub fn check(plan: &Arc<dyn ExecutionPlan>) -> Result<()> {
    plan.apply(|plan| match may_be_sent(plan) {
        true => Ok(TreeNodeRecursion::Continue),
        false => Err(DataFusionError::NotImplemented(format!("{} cannot be sent to another process", plan.name()))),
    })?;
    Ok(())
}

fn may_be_sent(plan: &Arc<dyn ExecutionPlan>) -> bool {
    if let Some(scan) = plan.downcast_ref::<DataSourceExec>() {
        return scan.downcast_to_file_source::<ParquetSource>().is_some();
    }
    if let Some(windows) = plan.downcast_ref::<BoundedWindowAggExec>() {
        return windows.window_expr().iter().all(is_marked);
    }
    if let Some(windows) = plan.downcast_ref::<WindowAggExec>() {
        return windows.window_expr().iter().all(is_marked);
    }
    plan.is::<AggregateExec>()
        || plan.is::<CoalescePartitionsExec>()
        || plan.is::<CooperativeExec>()
        || plan.is::<CrossJoinExec>()
        || plan.is::<EmptyExec>()
        || plan.is::<FilterExec>()
        || plan.is::<GlobalLimitExec>()
        || plan.is::<HashJoinExec>()
        || plan.is::<LocalLimitExec>()
        || plan.is::<NestedLoopJoinExec>()
        || plan.is::<PlaceholderRowExec>()
        || plan.is::<ProjectionExec>()
        || plan.is::<SortExec>()
        || plan.is::<SortMergeJoinExec>()
        || plan.is::<SortPreservingMergeExec>()
        || plan.is::<UnionExec>()
        || OPERATORS.iter().any(|operator| operator.is_name_of(plan))
}

/// Returns whether a call has neither FILTER nor IGNORE NULLS, or carries them itself.
fn is_marked(window: &Arc<dyn WindowExpr>) -> bool {
    let any = window.as_any();
    let plain = any.downcast_ref::<PlainAggregateWindowExpr>().map(PlainAggregateWindowExpr::get_aggregate_expr);
    let sliding = any.downcast_ref::<SlidingAggregateWindowExpr>().map(SlidingAggregateWindowExpr::get_aggregate_expr);
    if let Some(aggregate) = plain.or(sliding) {
        return MarkedAggregate::on(aggregate.fun()).is_some();
    }
    let standard = any.downcast_ref::<StandardWindowExpr>().map(StandardWindowExpr::get_standard_func_expr);
    let function = standard.and_then(|function| function.as_any().downcast_ref::<WindowUDFExpr>());
    function.is_some_and(|function| MarkedWindow::on(function.fun()).is_some_and(|mark| !mark.ignores_nulls))
}
