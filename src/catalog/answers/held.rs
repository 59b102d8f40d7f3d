//! Expressions that the engine's optimizer must not look into.
//!
//! - Of `CAST(d AS DECIMAL(10, 1)) = 0.5` it removes the cast, also where the cast rounds or changes the time zone.
//! - Of `seconds < TIMESTAMP '… 00:00:00.5'` it makes a comparison with whole seconds.
//! - Of `year(ts) < 3000` it makes a comparison of times, also where no time stands for the year.
//! - Of `x NOT IN (1) OR x NOT IN (2)` it makes true, also where x is NULL.
//! - It takes the rows of GROUPING SETS for ordered if its input is.
//!
//! In: an analyzed plan. Out: the same plan, in which such an expression is the argument of a function that returns it as it is.
//!
//! Upstream: apache/datafusion#25095, #22142, #25135, #24246 and #24421.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult};
use datafusion::common::{Column, DFSchema, Result, ScalarValue};
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{
    BinaryExpr, Cast, Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, Operator, ScalarUDF, TryCast,
};
use datafusion::optimizer::AnalyzerRule;

use super::passed::{self, passed};
use super::rewritten;

/// Holds what the optimizer would answer wrongly.
#[derive(Debug)]
pub struct HoldExpressions;

impl AnalyzerRule for HoldExpressions {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let held = rewritten(plan, |mut expr, schema| {
            let mut changed = false;
            match &mut expr {
                Expr::BinaryExpr(BinaryExpr { left, op, right }) if op.supports_propagation() => {
                    let years = [year(left), year(right)];
                    let fine = [is_finer(left, &[right], schema)?, is_finer(right, &[left], schema)?];
                    changed |= hold(left, fine[0] || needs_holding(left, years[1], schema)?);
                    changed |= hold(right, fine[1] || needs_holding(right, years[0], schema)?);
                }
                Expr::BinaryExpr(BinaryExpr { left, op: Operator::And | Operator::Or, right }) => {
                    let same = match (left.as_ref(), right.as_ref()) {
                        (Expr::InList(one), Expr::InList(other)) => one.expr == other.expr,
                        _ => false,
                    };
                    changed |= hold(right, same);
                }
                Expr::InList(InList { expr, list, .. }) => {
                    let others: Vec<&Expr> = list.iter().collect();
                    let holds = is_finer(expr, &others, schema)? || needs_holding(expr, None, schema)?;
                    changed |= hold(expr, holds);
                }
                Expr::Between(between) => {
                    let years = [year(&between.low), year(&between.high)];
                    let year = years[0].and(years[1]);
                    let is_finer = is_finer(&between.expr, &[&between.low, &between.high], schema)?;
                    let holds = is_finer || needs_holding(&between.expr, year, schema)?;
                    changed |= hold(&mut between.expr, holds);
                }
                _ => {}
            }
            Ok(Transformed::new_transformed(expr, changed))
        })?;
        let held = held.transform_up_with_subqueries(|plan| match &plan {
            LogicalPlan::Aggregate(aggregate) if matches!(aggregate.group_expr[..], [Expr::GroupingSet(_)]) => {
                let columns = aggregate.input.schema().columns();
                let grouped: HashSet<&Column> = aggregate.group_expr.iter().flat_map(Expr::column_refs).collect();
                let columns = columns.iter().map(|column| as_it_is(column, grouped.contains(column)));
                let input = LogicalPlanBuilder::new_from_arc(Arc::clone(&aggregate.input)).project(columns)?.build()?;
                Ok(Transformed::yes(plan.with_new_exprs(plan.expressions(), vec![input])?))
            }
            _ => Ok(Transformed::no(plan)),
        });
        held.data()
    }

    fn name(&self) -> &str {
        "squall_hold_expressions"
    }
}

fn as_it_is(column: &Column, held: bool) -> Expr {
    let expr = Expr::Column(column.clone());
    if held { function(expr).alias_qualified(column.relation.clone(), &column.name) } else { expr }
}

fn hold(expr: &mut Expr, holds: bool) -> bool {
    if holds {
        *expr = function(std::mem::take(expr));
    }
    holds
}

fn function(expr: Expr) -> Expr {
    passed(HELD, Ok, expr)
}

const HELD: &str = "squall_held";

/// The function that the rule puts into plans.
pub fn functions() -> Vec<ScalarUDF> {
    vec![passed::function(HELD, Ok)]
}

/// Returns whether the optimizer would change a side of a comparison into another one, given the year on the other side.
fn needs_holding(side: &Expr, year: Option<i64>, schema: &DFSchema) -> Result<bool> {
    Ok(match side {
        Expr::Cast(Cast { expr, field }) | Expr::TryCast(TryCast { expr, field }) => {
            loses(&expr.get_type(schema)?, field.data_type()) || needs_holding(expr, year, schema)?
        }
        // The times of the engine are nanoseconds in 64 bits, which end in these years.
        Expr::ScalarFunction(call) if call.func.name() == "date_part" => {
            !year.is_some_and(|year| (1678..=2261).contains(&year))
        }
        _ => false,
    })
}

/// Returns whether a time is compared with a constant that its own unit may not hold.
fn is_finer(side: &Expr, others: &[&Expr], schema: &DFSchema) -> Result<bool> {
    let (Expr::Cast(Cast { expr, field }) | Expr::TryCast(TryCast { expr, field })) = side else { return Ok(false) };
    let (DataType::Timestamp(from, _), DataType::Timestamp(to, _)) = (expr.get_type(schema)?, field.data_type()) else {
        return Ok(false);
    };
    let ticks = 1000_i64.pow(u32::from(fineness(*to).saturating_sub(fineness(from))));
    let may_be = |other: &&&Expr| other.column_refs().is_empty() && count(other).is_none_or(|count| count % ticks != 0);
    Ok(ticks > 1 && others.iter().any(|other| may_be(&other)))
}

/// Returns the count of units of a time that is written as a constant.
fn count(expr: &Expr) -> Option<i64> {
    match written(expr)?.cast_to(&DataType::Int64) {
        // NULL is in every unit.
        Ok(ScalarValue::Int64(count)) => Some(count.unwrap_or(0)),
        _ => None,
    }
}

fn written(expr: &Expr) -> Option<ScalarValue> {
    match expr {
        Expr::Literal(value, _) => Some(value.clone()),
        Expr::Cast(Cast { expr, field }) => written(expr)?.cast_to(field.data_type()).ok(),
        _ => None,
    }
}

/// Returns the number on a side of a comparison.
fn year(side: &Expr) -> Option<i64> {
    match side {
        Expr::Literal(value, _) => match value.cast_to(&DataType::Int64) {
            Ok(ScalarValue::Int64(year)) => year,
            _ => None,
        },
        Expr::Cast(cast) => year(&cast.expr),
        _ => None,
    }
}

/// Returns whether a cast makes one value of several, or another moment of a time.
fn loses(from: &DataType, to: &DataType) -> bool {
    let is_utc =
        |zone: &Option<Arc<str>>| zone.as_deref().is_none_or(|zone| matches!(zone, "UTC" | "Etc/UTC" | "Z" | "+00:00"));
    match (from, to) {
        (DataType::Timestamp(from, from_zone), DataType::Timestamp(to, to_zone)) => {
            let same = from_zone == to_zone || (is_utc(from_zone) && is_utc(to_zone));
            !same || fineness(*from) > fineness(*to)
        }
        (DataType::Timestamp(..), _) => true,
        (from, to) if from.is_decimal() && to.is_decimal() => scale(from) > scale(to),
        (from, to) => {
            (from.is_decimal() || from.is_floating()) && to.is_integer() || from.is_floating() && to.is_decimal()
        }
    }
}

fn fineness(unit: TimeUnit) -> u8 {
    match unit {
        TimeUnit::Second => 0,
        TimeUnit::Millisecond => 1,
        TimeUnit::Microsecond => 2,
        TimeUnit::Nanosecond => 3,
    }
}

fn scale(decimal: &DataType) -> i8 {
    match decimal {
        DataType::Decimal32(_, scale)
        | DataType::Decimal64(_, scale)
        | DataType::Decimal128(_, scale)
        | DataType::Decimal256(_, scale) => *scale,
        _ => 0,
    }
}
