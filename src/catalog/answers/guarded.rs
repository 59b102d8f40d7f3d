//! Conditions that can fail are computed only for rows for which the conditions before them leave it open.
//!
//! The engine computes both sides of `x <> 0 AND 10 / x > 1` for every row, unless few rows meet the first. So the query may end with an
//! error about rows that it would not return. In: a physical plan. Out: the same plan, in which the right side of AND and OR sees only
//! the rows that need it. In WHERE, parts that cannot fail come first. An aggregate with FILTER computes its arguments for the rows that
//! it takes.
//!
//! Upstream: apache/datafusion#8927, and #24443 for FILTER.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::logical_expr::{Expr, LogicalPlan, Operator, when};
use datafusion::optimizer::AnalyzerRule;
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

use super::rewritten;

/// Guards the arguments of aggregates with FILTER.
#[derive(Debug)]
pub struct GuardArguments;

impl AnalyzerRule for GuardArguments {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        rewritten(plan, |expr, _| {
            let Expr::AggregateFunction(mut call) = expr else { return Ok(Transformed::no(expr)) };
            let Some(filter) = call.params.filter.clone().filter(|filter| !filter.is_volatile()) else {
                return Ok(Transformed::no(Expr::AggregateFunction(call)));
            };
            let mut changed = false;
            for argument in &mut call.params.args {
                // A column has a value in every row, and a constant has to stay one.
                if !argument.column_refs().is_empty() && !matches!(argument, Expr::Column(_)) {
                    *argument = when(filter.as_ref().clone(), std::mem::take(argument)).end()?;
                    changed = true;
                }
            }
            Ok(Transformed::new_transformed(Expr::AggregateFunction(call), changed))
        })
    }

    fn name(&self) -> &str {
        "squall_guard_arguments"
    }
}

/// Guards conditions that can fail.
#[derive(Debug)]
pub struct GuardConditions;

impl PhysicalOptimizerRule for GuardConditions {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|plan| {
            if let Some(filter) = plan.downcast_ref::<FilterExec>() {
                let input = guarded_input(filter)?;
                let guarded = guarded(filter.predicate(), &filter.input().schema())?;
                if input.is_none() && guarded.is_none() {
                    return Ok(Transformed::no(plan));
                }
                let filter = FilterExecBuilder::from(filter)
                    .with_predicate(guarded.unwrap_or_else(|| Arc::clone(filter.predicate())))
                    .with_input(input.unwrap_or_else(|| Arc::clone(filter.input())))
                    .build()?;
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

/// The names that the engine gives to expressions that occur more than once, and that it computes before the condition.
const SHARED: &str = "__common_expr_";

/// Returns the input of a filter, in which expressions that the filter shares are computed only for rows that meet its safe parts; `None`
/// if there are none that can fail.
fn guarded_input(filter: &FilterExec) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let Some(projection) = filter.input().downcast_ref::<ProjectionExec>() else { return Ok(None) };
    let schema = projection.input().schema();
    let columns = projection.expr();
    let is_risky = |column: &ProjectionExpr| column.alias.starts_with(SHARED) && !is_safe(&column.expr, &schema);
    if !columns.iter().any(is_risky) {
        return Ok(None);
    }
    // The parts of the condition in terms of the projection's input.
    let below = |part: &Arc<dyn PhysicalExpr>| {
        let part = Arc::clone(part).transform_up(|part| {
            Ok(match part.downcast_ref::<Column>() {
                Some(column) => Transformed::yes(Arc::clone(&columns[column.index()].expr)),
                None => Transformed::no(part),
            })
        });
        part.data()
    };
    let parts = split_conjunction(filter.predicate()).into_iter().map(below).collect::<Result<Vec<_>>>()?;
    let safe: Vec<_> = parts.into_iter().filter(|part| is_safe(part, &schema)).collect();
    if safe.is_empty() {
        return Ok(None);
    }
    let safe = conjunction(safe);
    let guarded = columns.iter().map(|column| {
        let expr = match is_risky(column) {
            true => case(None, vec![(Arc::clone(&safe), Arc::clone(&column.expr))], None)?,
            false => Arc::clone(&column.expr),
        };
        Ok(ProjectionExpr { expr, alias: column.alias.clone() })
    });
    let projection = ProjectionExec::try_new(guarded.collect::<Result<Vec<_>>>()?, Arc::clone(projection.input()))?;
    Ok(Some(Arc::new(projection)))
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
