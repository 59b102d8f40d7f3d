//! Conditions that can fail are computed only for rows for which the conditions before them leave it open.
//!
//! The engine computes both sides of `x <> 0 AND 10 / x > 1` for every row, unless few rows meet the first. So the query may end with an
//! error about rows that it would not return. In: a physical plan. Out: the same plan, in which the right side of AND and OR sees only
//! the rows that need it. In WHERE, parts that cannot fail come first.
//!
//! Upstream: apache/datafusion#8927.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{
    BinaryExpr, CaseExpr, CastExpr, Column, DynamicFilterPhysicalExpr, InListExpr, IsNotNullExpr, IsNullExpr, LikeExpr,
    Literal, NotExpr, TryCastExpr, case, lit, not,
};
use datafusion::physical_expr::projection::ProjectionExpr;
use datafusion::physical_expr::{conjunction, split_conjunction};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::filter::{FilterExec, FilterExecBuilder};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::{ExecutionPlan, PhysicalExpr};

/// Guards conditions that can fail.
#[derive(Debug)]
pub struct GuardConditions;

impl PhysicalOptimizerRule for GuardConditions {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|plan| {
            if let Some(filter) = plan.downcast_ref::<FilterExec>() {
                let Some(guarded) = guarded(filter.predicate(), &filter.input().schema())? else {
                    return Ok(Transformed::no(plan));
                };
                let filter = FilterExecBuilder::from(filter).with_predicate(guarded).build()?;
                return Ok(Transformed::yes(Arc::new(filter) as Arc<dyn ExecutionPlan>));
            }
            let Some(projection) = plan.downcast_ref::<ProjectionExec>() else { return Ok(Transformed::no(plan)) };
            let schema = projection.input().schema();
            let mut changed = false;
            let columns = projection.expr().iter().map(|column| {
                let expr = one_by_one(Arc::clone(&column.expr), &schema)?;
                changed |= expr.transformed;
                Ok(ProjectionExpr { expr: expr.data, alias: column.alias.clone() })
            });
            let columns = columns.collect::<Result<Vec<_>>>()?;
            if !changed {
                return Ok(Transformed::no(plan));
            }
            let projection = ProjectionExec::try_new(columns, Arc::clone(projection.input()))?;
            Ok(Transformed::yes(Arc::new(projection) as Arc<dyn ExecutionPlan>))
        })
        .data()
    }

    fn name(&self) -> &str {
        "squall_guard_conditions"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Returns an expression in which AND and OR compute a right side that can fail only where the left side leaves it open.
fn one_by_one(expression: Arc<dyn PhysicalExpr>, schema: &Schema) -> Result<Transformed<Arc<dyn PhysicalExpr>>> {
    expression.transform_up(|expression| {
        let Some(binary) = expression.downcast_ref::<BinaryExpr>() else { return Ok(Transformed::no(expression)) };
        let left = Arc::clone(binary.left());
        let (decided, verdict) = match binary.op() {
            Operator::And => (not(left)?, false),
            Operator::Or => (left, true),
            _ => return Ok(Transformed::no(expression)),
        };
        if is_safe(binary.right(), schema) {
            return Ok(Transformed::no(expression));
        }
        case(None, vec![(decided, lit(verdict))], Some(expression)).map(Transformed::yes)
    })
}

/// Returns a condition whose parts guard each other; `None` if no part needs a guard.
fn guarded(predicate: &Arc<dyn PhysicalExpr>, schema: &Schema) -> Result<Option<Arc<dyn PhysicalExpr>>> {
    let parts = split_conjunction(predicate).into_iter().cloned();
    let (safe, risky): (Vec<_>, Vec<_>) = parts.partition(|part| is_safe(part, schema));
    let risky = risky.into_iter().map(|part| one_by_one(part, schema).data());
    let mut risky = risky.collect::<Result<Vec<_>>>()?.into_iter().rev();
    let Some(last) = risky.next() else { return Ok(None) };
    let behind = |guarded, guard| case(None, vec![(guard, guarded)], Some(lit(false)));
    let chain = risky.try_fold(last, behind)?;
    if safe.is_empty() {
        return Ok(Some(chain));
    }
    // The safe parts also stay outside: from them the engine knows which columns are constant.
    let safe = conjunction(safe);
    let chain = behind(chain, Arc::clone(&safe))?;
    Ok(Some(Arc::new(BinaryExpr::new(safe, Operator::And, chain))))
}

/// Returns whether an expression gives a value for every row.
fn is_safe(expression: &Arc<dyn PhysicalExpr>, schema: &Schema) -> bool {
    let is_leaf =
        expression.is::<Column>() || expression.is::<Literal>() || expression.is::<DynamicFilterPhysicalExpr>();
    if is_leaf {
        return true;
    }
    let is_known = expression.is::<NotExpr>()
        || expression.is::<IsNullExpr>()
        || expression.is::<IsNotNullExpr>()
        || expression.is::<InListExpr>()
        || expression.is::<LikeExpr>()
        || expression.is::<CaseExpr>()
        || expression.is::<TryCastExpr>()
        || expression.downcast_ref::<BinaryExpr>().is_some_and(|binary| is_total(*binary.op()))
        || expression.downcast_ref::<CastExpr>().is_some_and(|cast| widens(cast, schema));
    is_known && expression.children().into_iter().all(|child| is_safe(child, schema))
}

/// Returns whether an operator has a result for all values.
fn is_total(operator: Operator) -> bool {
    operator.is_logic_operator() || operator.supports_propagation()
}

/// Returns whether a cast has a result for every value.
fn widens(cast: &CastExpr, schema: &Schema) -> bool {
    let Ok(from) = cast.expr().data_type(schema) else { return false };
    match cast.cast_type() {
        DataType::Float64 => from.is_numeric(),
        DataType::Int64 => from.is_integer() && from != DataType::UInt64,
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 => true,
        to => from == *to,
    }
}
