//! The optimizer rule that puts `RollingWindowExec` in place of DataFusion's window operators.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;

use super::exec::RollingWindowExec;
use super::settings::Settings;

/// Replaces each window operator all of whose expressions are covered; leaves the others alone.
#[derive(Debug)]
pub struct ReplaceWindows;

impl PhysicalOptimizerRule for ReplaceWindows {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let enabled = config.extensions.get::<Settings>().is_none_or(|settings| settings.rolling.enabled);
        if !enabled {
            return Ok(plan);
        }
        plan.transform_up(|plan| {
            Ok(match RollingWindowExec::replacing(&plan) {
                Some(rolling) => Transformed::yes(Arc::new(rolling) as Arc<dyn ExecutionPlan>),
                None => Transformed::no(plan),
            })
        })
        .data()
    }

    fn name(&self) -> &str {
        "squall_rolling_windows"
    }

    fn schema_check(&self) -> bool {
        true
    }
}
