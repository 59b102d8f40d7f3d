//! The optimizer rule that replaces DataFusion's window operators with `RollingWindowExec`.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, plan_err};
use datafusion::datasource::sink::DataSinkExec;
use datafusion::physical_expr::window::WindowExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::execution_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec};

use super::exec::RollingWindowExec;
use super::partial;
use super::presorted::SortUnlessOrderedExec;
use super::program;
use super::settings::Settings;

/// Replaces window operators, as far as their expressions are covered.
#[derive(Debug)]
pub struct ReplaceWindows;

impl PhysicalOptimizerRule for ReplaceWindows {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let settings = config.extensions.get::<Settings>().cloned().unwrap_or_default();
        if !settings.rolling.enabled {
            refuse_exclusions(&plan, "squall.rolling.enabled is false")?;
            return Ok(plan);
        }
        let is_written = plan.downcast_ref::<DataSinkExec>().is_some();
        let plan = replace_windows(plan, is_written)?;
        refuse_exclusions(&plan, "the function or the frame is one that RollingWindowExec does not have")?;
        if settings.rolling.check_order { leave_out_sorts(plan, false) } else { Ok(plan) }
    }

    fn name(&self) -> &str {
        "squall_rolling_windows"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Refuses EXCLUDE in windows that stay with the engine's operators, which would not leave out any rows.
fn refuse_exclusions(plan: &Arc<dyn ExecutionPlan>, reason: &str) -> Result<()> {
    plan.apply(|plan| match windows(plan).iter().find_map(|window| program::excluded(window.as_ref())) {
        Some(exclusion) => plan_err!("EXCLUDE {} cannot be computed: {reason}", exclusion.words()),
        None => Ok(TreeNodeRecursion::Continue),
    })?;
    Ok(())
}

/// Returns the calls of an operator of the engine's.
fn windows(plan: &Arc<dyn ExecutionPlan>) -> &[Arc<dyn WindowExpr>] {
    let bounded = plan.downcast_ref::<BoundedWindowAggExec>().map(BoundedWindowAggExec::window_expr);
    let whole = || plan.downcast_ref::<WindowAggExec>().map(WindowAggExec::window_expr);
    bounded.or_else(whole).unwrap_or_default()
}

/// `is_written` says that the plan's results go to files.
fn replace_windows(plan: Arc<dyn ExecutionPlan>, is_written: bool) -> Result<Arc<dyn ExecutionPlan>> {
    plan.transform_up(|plan| {
        if let Some(rolling) = RollingWindowExec::replacing(&plan, is_written) {
            return Ok(Transformed::yes(Arc::new(rolling) as Arc<dyn ExecutionPlan>));
        }
        let Some(divided) = partial::divide(&plan)? else { return Ok(Transformed::no(plan)) };
        let Some(rolling) = RollingWindowExec::replacing(&divided.covered, is_written) else {
            return Ok(Transformed::no(plan));
        };
        divided.with(Arc::new(rolling)).map(Transformed::yes)
    })
    .data()
}

/// Makes sorts below windows first check whether the rows are already in order. It stops at operators with several inputs,
/// because these may rely on the partition that a row's hash selects.
fn leave_out_sorts(plan: Arc<dyn ExecutionPlan>, below_window: bool) -> Result<Arc<dyn ExecutionPlan>> {
    if below_window && let Some(sort) = SortUnlessOrderedExec::over(&plan) {
        return Ok(Arc::new(sort));
    }
    let children = plan.children();
    let [child] = children.as_slice() else { return Ok(plan) };
    let below_window = below_window || plan.downcast_ref::<RollingWindowExec>().is_some();
    let child = leave_out_sorts(Arc::clone(child), below_window)?;
    plan.replace_children(vec![child], ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
}
