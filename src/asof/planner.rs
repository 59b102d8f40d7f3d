//! From the node of the logical plan to the operator.

use std::sync::Arc;

use crate::engine;
use datafusion::catalog::Session;
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::execution::context::QueryPlanner;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{LogicalPlan, UserDefinedLogicalNode};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{DefaultPhysicalPlanner, ExtensionPlanner, PhysicalPlanner};
use futures::future::BoxFuture;

use super::exec::{AsofJoinExec, Condition};
use super::node::AsofJoin;

/// The engine's planner, which knows ASOF JOIN besides.
#[derive(Debug)]
pub struct AsofQueries;

impl QueryPlanner for AsofQueries {
    engine::plan_query!();
}

impl AsofQueries {
    fn boxed_plan<'a>(
        &'a self,
        plan: &'a LogicalPlan,
        session: &'a dyn Session,
    ) -> BoxFuture<'a, Result<Arc<dyn ExecutionPlan>>> {
        Box::pin(async move {
            let planner = DefaultPhysicalPlanner::with_extension_planners(vec![Arc::new(AsofOperators)]);
            planner.create_physical_plan(plan, session).await
        })
    }
}

struct AsofOperators;

impl ExtensionPlanner for AsofOperators {
    fn plan_extension<'life0, 'life1, 'life2, 'life3, 'life4, 'life5, 'life6, 'life7, 'async_trait>(
        &'life0 self,
        planner: &'life1 dyn PhysicalPlanner,
        node: &'life2 dyn UserDefinedLogicalNode,
        _logical_inputs: &'life3 [&'life4 LogicalPlan],
        physical_inputs: &'life5 [Arc<dyn ExecutionPlan>],
        session: &'life6 dyn Session,
        context: &'life7 PhysicalPlanningContext,
    ) -> BoxFuture<'async_trait, Result<Option<Arc<dyn ExecutionPlan>>>>
    where
        'life0: 'async_trait,
        'life1: 'async_trait,
        'life2: 'async_trait,
        'life3: 'async_trait,
        'life4: 'async_trait,
        'life5: 'async_trait,
        'life6: 'async_trait,
        'life7: 'async_trait,
        Self: 'async_trait,
    {
        Box::pin(std::future::ready(operator(planner, node, physical_inputs, session, context)))
    }
}

/// Makes the operator of an ASOF JOIN; `None` for other nodes.
fn operator(
    planner: &dyn PhysicalPlanner,
    node: &dyn UserDefinedLogicalNode,
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
