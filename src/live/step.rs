//! A plan that is executed again with each poll.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::common::Result;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::execution_plan::reset_plan_states;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use futures::TryStreamExt;

use super::held::HeldExec;

/// After so many executions, a plan without state is renewed too: operators collect metrics of every execution.
const RENEW: usize = 512;

/// A plan, and whether its operators must forget an execution before the next one.
pub struct Step {
    plan: Arc<dyn ExecutionPlan>,
    has_state: bool,
    executions: usize,
}

impl Step {
    /// Makes a step of a plan.
    pub fn new(plan: Arc<dyn ExecutionPlan>) -> Step {
        Step { has_state: has_state(&plan), plan, executions: 0 }
    }

    /// Returns the plan.
    pub fn plan(&self) -> &Arc<dyn ExecutionPlan> {
        &self.plan
    }

    /// Executes the plan to its end, and returns the rows of each partition.
    pub async fn run(&mut self, context: &Arc<TaskContext>) -> Result<Vec<Vec<RecordBatch>>> {
        if self.executions > 0 && (self.has_state || self.executions.is_multiple_of(RENEW)) {
            self.plan = reset_plan_states(Arc::clone(&self.plan))?;
        }
        self.executions += 1;
        let partitions = self.plan.output_partitioning().partition_count();
        let mut rows = Vec::with_capacity(partitions);
        for partition in 0..partitions {
            rows.push(self.plan.execute(partition, Arc::clone(context))?.try_collect().await?);
        }
        Ok(rows)
    }
}

/// Returns whether an operator may keep something of an execution, as a join keeps its table of hashes.
fn has_state(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let is_known = plan.is::<HeldExec>()
        || plan.is::<FilterExec>()
        || plan.is::<ProjectionExec>()
        || plan.is::<SortExec>()
        || plan.is::<CoalescePartitionsExec>()
        || plan.is::<CooperativeExec>()
        || plan.is::<UnionExec>();
    !is_known || plan.children().into_iter().any(has_state)
}
