//! A plan that is computed again with each poll.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::common::Result;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::execution_plan::{collect_partitioned, reset_plan_states};

use super::direct::Direct;

/// A plan, and how its rows are computed.
pub struct Step {
    plan: Arc<dyn ExecutionPlan>,
    /// `None` if only the engine's streams can.
    direct: Option<Direct>,
    is_used: bool,
}

impl Step {
    /// Makes a step of a plan.
    ///
    /// # Errors
    /// An expression of it cannot be computed over its input.
    pub fn new(plan: Arc<dyn ExecutionPlan>) -> Result<Step> {
        Ok(Step { direct: Direct::of(&plan)?, plan, is_used: false })
    }

    /// Returns the plan.
    pub fn plan(&self) -> &Arc<dyn ExecutionPlan> {
        &self.plan
    }

    /// Returns the rows that the plan has now.
    pub async fn run(&mut self, context: &Arc<TaskContext>) -> Result<Vec<RecordBatch>> {
        if let Some(direct) = &self.direct {
            return direct.rows();
        }
        if self.is_used {
            // Operators keep something of an execution: a join its table of hashes, and all of them metrics.
            self.plan = reset_plan_states(Arc::clone(&self.plan))?;
        }
        self.is_used = true;
        Ok(collect_partitioned(Arc::clone(&self.plan), Arc::clone(context)).await?.concat())
    }
}
