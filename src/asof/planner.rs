//! From the node of the logical plan to the operator.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::execution::context::QueryPlanner;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{LogicalPlan, UserDefinedLogicalNode};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{DefaultPhysicalPlanner, ExtensionPlanner, PhysicalPlanner};

use super::exec::{AsofJoinExec, Condition};
use super::node::AsofJoin;

/// The engine's planner, which knows ASOF JOIN besides.
#[derive(Debug)]
pub struct AsofQueries;

#[async_trait]
impl QueryPlanner for AsofQueries {
    async fn create_physical_plan(
        &self,
        logical_plan: &LogicalPlan,
        session: &dyn Session,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let planner = DefaultPhysicalPlanner::with_extension_planners(vec![Arc::new(AsofOperators)]);
        planner.create_physical_plan(logical_plan, session).await
    }
}

struct AsofOperators;

#[async_trait]
impl ExtensionPlanner for AsofOperators {
    async fn plan_extension(
        &self,
        planner: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        _logical_inputs: &[&LogicalPlan],
        physical_inputs: &[Arc<dyn ExecutionPlan>],
        session: &dyn Session,
        context: &PhysicalPlanningContext,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let Some(join) = node.as_any().downcast_ref::<AsofJoin>() else { return Ok(None) };
        let [left, right] = physical_inputs else {
            return Err(DataFusionError::Internal("an ASOF JOIN has two inputs".into()));
        };
        let of_left = |expr| planner.create_physical_expr(expr, join.left.schema(), session, context);
        let of_right = |expr| planner.create_physical_expr(expr, join.right.schema(), session, context);
        let schema = node.schema();
        let keys = join.on.iter().map(|(one, other)| Ok((of_left(one)?, of_right(other)?)));
        let condition = Condition {
            keys: keys.collect::<Result<_>>()?,
            times: (of_left(&join.time.left)?, of_right(&join.time.right)?),
            operator: join.time.operator,
            within: join
                .within
                .as_ref()
                .map(|within| planner.create_physical_expr(within, schema, session, context))
                .transpose()?,
            kind: join.kind,
        };
        let operator = AsofJoinExec::new(
            Arc::clone(left),
            Arc::clone(right),
            Arc::new(condition),
            Arc::new(schema.as_arrow().clone()),
        )?;
        Ok(Some(Arc::new(operator)))
    }
}
