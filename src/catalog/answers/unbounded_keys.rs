//! Keys whose bounds the engine cannot compute.
//!
//! The engine asks every part of a computed key for its bounds and its order. Some functions answer with an error, such as sqrt if its
//! argument may be negative, or ln, abs and a minus over a function without bounds. Then the engine forgets that the rows are sorted by
//! the key, and its own check refuses the plan. In: an optimized plan. Out: the same plan, in which such a key is a column that is computed
//! below.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, Result};
use datafusion::execution::context::ExecutionProps;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::interval_arithmetic::Interval;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::sort_properties::ExprProperties;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};
use datafusion::physical_expr::expressions::{Column as PhysicalColumn, Literal};
use datafusion::physical_expr::{PhysicalExpr, create_physical_expr};

/// Computes such keys below the node that sorts or divides by them.
#[derive(Debug)]
pub struct UnboundedKeys;

impl OptimizerRule for UnboundedKeys {
    fn name(&self) -> &str {
        "squall_unbounded_keys"
    }

    fn rewrite(&self, plan: LogicalPlan, _config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        plan.transform_up_with_subqueries(below)
    }
}

/// Keys that are computed as columns of a projection.
struct Computed<'a> {
    input: &'a DFSchema,
    keys: Vec<Expr>,
}

impl Computed<'_> {
    /// Replaces a key by its column if its bounds cannot be computed.
    fn replace(&mut self, key: &mut Expr) -> bool {
        let is_plain = matches!(key, Expr::Column(_) | Expr::Literal(..));
        if is_plain || has_bounds(key, self.input) {
            return false;
        }
        let place = self.keys.iter().position(|other| other == key).unwrap_or(self.keys.len());
        let column = Expr::Column(Column::from_name(name(place)));
        let key = std::mem::replace(key, column);
        if place == self.keys.len() {
            self.keys.push(key);
        }
        true
    }
}

fn name(place: usize) -> String {
    format!("squall_key_{place}")
}

fn below(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let is_sort = match &plan {
        LogicalPlan::Sort(_) => true,
        LogicalPlan::Window(_) | LogicalPlan::Aggregate(_) => false,
        _ => return Ok(Transformed::no(plan)),
    };
    let Some(input) = plan.inputs().first().map(|input| (*input).clone()) else { return Ok(Transformed::no(plan)) };
    let schema = Arc::clone(input.schema());
    let mut computed = Computed { input: &schema, keys: Vec::new() };
    let names = NamePreserver::new(&plan);
    let mut expressions = plan.expressions();
    for expr in &mut expressions {
        if is_sort {
            computed.replace(expr);
            continue;
        }
        let name = names.save(expr);
        let changed = std::mem::take(expr).transform_up(|expr| Ok(in_call(expr, &mut computed)))?;
        *expr = if changed.transformed { name.restore(changed.data) } else { changed.data };
    }
    if computed.keys.is_empty() {
        return Ok(Transformed::no(plan));
    }
    let keys = computed.keys.into_iter().enumerate().map(|(place, key)| key.alias(name(place)));
    let wider: Vec<Expr> = columns(&schema).chain(keys).collect();
    let input = LogicalPlanBuilder::from(input).project(wider)?.build()?;
    let below = plan.with_new_exprs(expressions, vec![input])?;
    if below.schema().fields().len() == plan.schema().fields().len() {
        return Ok(Transformed::yes(below));
    }
    // The keys are not among the node's own columns.
    Ok(Transformed::yes(LogicalPlanBuilder::from(below).project(columns(plan.schema()))?.build()?))
}

fn in_call(mut expr: Expr, computed: &mut Computed<'_>) -> Transformed<Expr> {
    let (divided, sorted) = match &mut expr {
        Expr::WindowFunction(call) => (call.params.partition_by.as_mut_slice(), &mut call.params.order_by),
        Expr::AggregateFunction(call) => (&mut [][..], &mut call.params.order_by),
        _ => return Transformed::no(expr),
    };
    let mut changed = false;
    for key in divided.iter_mut().chain(sorted.iter_mut().map(|sort| &mut sort.expr)) {
        changed |= computed.replace(key);
    }
    Transformed::new_transformed(expr, changed)
}

fn columns(schema: &DFSchema) -> impl Iterator<Item = Expr> + '_ {
    schema.iter().map(|(table, field)| Expr::Column(Column::from((table, field))))
}

/// Asks for bounds as the engine does when it looks for the order of rows. A key that cannot be asked, such as a subquery, counts as one
/// with bounds.
fn has_bounds(key: &Expr, schema: &DFSchema) -> bool {
    let Ok(key) = create_physical_expr(key, schema, &ExecutionProps::new(), &PhysicalPlanningContext::default()) else {
        return true;
    };
    properties(&key, schema).is_ok()
}

fn properties(expr: &Arc<dyn PhysicalExpr>, schema: &DFSchema) -> Result<ExprProperties> {
    if expr.downcast_ref::<PhysicalColumn>().is_some() {
        let range = Interval::make_unbounded(&expr.data_type(schema.as_arrow())?)?;
        return Ok(ExprProperties::new_unknown().with_range(range));
    }
    let parts = expr.children().into_iter().map(|part| properties(part, schema)).collect::<Result<Vec<_>>>()?;
    if parts.is_empty() && expr.downcast_ref::<Literal>().is_none() {
        return Ok(ExprProperties::new_unknown());
    }
    expr.get_properties(&parts)
}
