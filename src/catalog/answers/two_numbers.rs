//! Decimals beside doubles.
//!
//! The engine makes both DECIMAL(30, 15), so that `1e-20` is 0, `1e300` is an error, and the decimal 1234567.1 is not 1234567.1. In: a new
//! plan. Out: the same plan, in which a double that is written as a number is the decimal that is written, and in which a decimal beside
//! other doubles is a double, as in DuckDB. This holds for comparisons, and for values of which one is chosen.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult};
use datafusion::common::{DFSchema, JoinConstraint, Result, ScalarValue};
use datafusion::logical_expr::expr::{InList, InSubquery};
use datafusion::logical_expr::{
    Between, BinaryExpr, Case, Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, Union, cast,
};
use datafusion::optimizer::AnalyzerRule;

use super::rewritten;

/// Makes decimals doubles beside doubles.
#[derive(Debug)]
pub struct DoublesDecide;

impl AnalyzerRule for DoublesDecide {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        rewritten(plan, compared)?.transform_up_with_subqueries(of_rows).data()
    }

    fn name(&self) -> &str {
        "squall_doubles_decide"
    }
}

/// Functions that compare their arguments, or return one of them.
const CHOICES: [&str; 7] = ["coalesce", "greatest", "least", "nullif", "nvl", "ifnull", "make_array"];

fn compared(mut expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let changed = match &mut expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if op.supports_propagation() => {
            unify(&mut [left, right], schema)
        }
        Expr::Between(Between { expr, low, high, .. }) => unify(&mut [expr, low, high], schema),
        Expr::InList(InList { expr, list, .. }) => {
            unify(&mut std::iter::once(&mut **expr).chain(list).collect::<Vec<_>>(), schema)
        }
        Expr::InSubquery(InSubquery { expr, subquery, .. }) => {
            let inner = subquery.subquery.schema();
            let found = (expr.get_type(schema), inner.fields().first().map(|field| field.data_type().clone()));
            match found {
                (Ok(own), Some(other)) if own.is_decimal() && other.is_floating() => unify_with(expr, &other),
                (Ok(own), Some(other)) if own.is_floating() && other.is_decimal() => {
                    let plan = as_doubles(Arc::clone(&subquery.subquery), |_| true)?;
                    subquery.subquery = Arc::new(plan);
                    true
                }
                _ => false,
            }
        }
        Expr::Case(Case { expr, when_then_expr, else_expr }) => {
            let mut changed = false;
            if let Some(value) = expr {
                let whens = when_then_expr.iter_mut().map(|(when, _)| &mut **when);
                changed |= unify(&mut std::iter::once(&mut **value).chain(whens).collect::<Vec<_>>(), schema);
            }
            let thens = when_then_expr.iter_mut().map(|(_, then)| &mut **then);
            changed | unify(&mut thens.chain(else_expr.as_deref_mut()).collect::<Vec<_>>(), schema)
        }
        Expr::ScalarFunction(call) if CHOICES.contains(&call.func.name()) => {
            unify(&mut call.args.iter_mut().collect::<Vec<_>>(), schema)
        }
        _ => false,
    };
    Ok(Transformed::new_transformed(expr, changed))
}

/// Gives numbers one type if there are decimals and doubles among them; returns whether there are. What has no type yet is left alone.
fn unify(exprs: &mut [&mut Expr], schema: &DFSchema) -> bool {
    let Ok(types) = exprs.iter().map(|expr| expr.get_type(schema)).collect::<Result<Vec<_>>>() else { return false };
    if !types.iter().any(DataType::is_decimal) || !types.iter().any(DataType::is_floating) {
        return false;
    }
    let numbers = || exprs.iter().zip(&types).filter(|(_, found)| found.is_floating());
    if let Some(decimals) = numbers().map(|(expr, _)| decimal(expr, &types)).collect::<Option<Vec<_>>>() {
        let mut decimals = decimals.into_iter();
        let doubles = exprs.iter_mut().zip(&types).filter(|(_, found)| found.is_floating());
        for (expr, _) in doubles {
            if let Some(decimal) = decimals.next() {
                **expr = Expr::Literal(decimal, None);
            }
        }
        return true;
    }
    for (expr, _) in exprs.iter_mut().zip(&types).filter(|(_, found)| found.is_decimal()) {
        unify_with(expr, &DataType::Float64);
    }
    true
}

fn unify_with(expr: &mut Expr, other: &DataType) -> bool {
    *expr = cast(std::mem::take(expr), other.clone());
    true
}

/// Returns the decimal that is written; `None` if it is not a number that is written, or has too many digits beside the others.
fn decimal(expr: &Expr, types: &[DataType]) -> Option<ScalarValue> {
    let value = match expr {
        Expr::Literal(ScalarValue::Float64(value), _) => *value,
        Expr::Negative(inner) => match inner.as_ref() {
            Expr::Literal(ScalarValue::Float64(value), _) => value.map(|value| -value),
            _ => return None,
        },
        _ => return None,
    };
    let value = value.filter(|value| value.is_finite())?;
    // The shortest digits that make this double are those that were written.
    let text = value.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let before_point = |found: &DataType| match found {
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => (i16::from(*precision) - i16::from(*scale), i16::from(*scale)),
        found if found.is_integer() => (20, 0),
        _ => (0, 0),
    };
    let own = i16::try_from(whole.trim_start_matches('-').len()).ok()?;
    let scale = i16::try_from(fraction.len()).ok()?;
    let widest =
        types.iter().map(before_point).fold((own, scale), |(whole, scale), (w, s)| (whole.max(w), scale.max(s)));
    if widest.0 + widest.1 > i16::from(DECIMAL128_MAX_PRECISION) {
        return None;
    }
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    Some(ScalarValue::Decimal128(Some(digits), u8::try_from((own + scale).max(1)).ok()?, i8::try_from(scale).ok()?))
}

/// Writes UNION of decimals and doubles, and joins by them.
fn of_rows(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    Ok(match plan {
        LogicalPlan::Union(union) => {
            let types = |place: usize| union.inputs.iter().filter_map(move |input| input.schema().fields().get(place));
            let is_mixed = |place: usize| {
                types(place).any(|field| field.data_type().is_decimal())
                    && types(place).any(|field| field.data_type().is_floating())
            };
            if !(0..union.schema.fields().len()).any(is_mixed) {
                return Ok(Transformed::no(LogicalPlan::Union(union)));
            }
            let inputs = union.inputs.iter().map(|input| Ok(Arc::new(as_doubles(Arc::clone(input), is_mixed)?)));
            Transformed::yes(LogicalPlan::Union(Union::try_new_with_loose_types(inputs.collect::<Result<_>>()?)?))
        }
        LogicalPlan::Join(mut join) => {
            let mut changed = false;
            for (left, right) in &mut join.on {
                let (Ok(one), Ok(other)) = (left.get_type(join.left.schema()), right.get_type(join.right.schema()))
                else {
                    continue;
                };
                changed |= match (one.is_decimal() && other.is_floating(), one.is_floating() && other.is_decimal()) {
                    (true, _) => unify_with(left, &other),
                    (_, true) => unify_with(right, &one),
                    _ => false,
                };
            }
            if changed {
                // USING wants columns; what it says of names has been done.
                join.join_constraint = JoinConstraint::On;
            }
            Transformed::new_transformed(LogicalPlan::Join(join), changed)
        }
        plan => Transformed::no(plan),
    })
}

/// Returns the same rows, in which decimals in some columns are doubles.
fn as_doubles(plan: Arc<LogicalPlan>, is_mixed: impl Fn(usize) -> bool) -> Result<LogicalPlan> {
    let schema = Arc::clone(plan.schema());
    let columns = schema.columns().into_iter().enumerate().map(|(place, column)| {
        let is_decimal = schema.field(place).data_type().is_decimal();
        if !is_decimal || !is_mixed(place) {
            return Expr::Column(column);
        }
        let (table, name) = (column.relation.clone(), column.name.clone());
        cast(Expr::Column(column), DataType::Float64).alias_qualified(table, name)
    });
    LogicalPlanBuilder::new_from_arc(plan).project(columns.collect::<Vec<_>>())?.build()
}
