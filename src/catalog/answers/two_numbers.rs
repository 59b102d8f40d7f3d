//! Decimals beside doubles.
//!
//! The engine makes both DECIMAL(30, 15), so that `1e-20` is 0, `1e300` is an error, and the decimal 1234567.1 is not 1234567.1. In: a new
//! plan. Out: the same plan, in which a double that is written as a number is the decimal that is written, and in which a decimal beside
//! other doubles is a double, as in DuckDB. This holds for comparisons, for values of which one is chosen, and within lists and structs.
//! VALUES is in `dialect`.

use std::collections::HashSet;
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

use super::rewritten_node;
use crate::dialect::{beside_doubles, places};

/// Makes decimals doubles beside doubles.
#[derive(Debug)]
pub struct DoublesDecide;

impl AnalyzerRule for DoublesDecide {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        // Once a type has changed, those above it are found anew.
        let mut changed = false;
        let plan = plan.transform_up_with_subqueries(|plan| {
            let plan = if changed { Transformed::no(plan.recompute_schema()?) } else { Transformed::no(plan) };
            let plan = plan.transform_data(of_rows)?.transform_data(|plan| rewritten_node(plan, compared))?;
            changed |= plan.transformed;
            Ok(Transformed::new_transformed(plan.data, changed))
        });
        plan.data()
    }

    fn name(&self) -> &str {
        "squall_doubles_decide"
    }
}

/// Functions that compare their arguments or what these hold, or return one of them.
const CHOICES: [&str; 13] = [
    "coalesce",
    "greatest",
    "least",
    "nullif",
    "nvl",
    "ifnull",
    "make_array",
    "array_concat",
    "array_except",
    "array_has_all",
    "array_has_any",
    "array_intersect",
    "array_union",
];

fn compared(mut expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let changed = match &mut expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if op.supports_propagation() => {
            unify(&mut [left, right], schema)
        }
        Expr::Between(Between { expr, low, high, .. }) => unify(&mut [expr, low, high], schema),
        Expr::InList(InList { expr, list, .. }) => {
            unify(&mut std::iter::once(&mut **expr).chain(list).collect::<Vec<_>>(), schema)
        }
        Expr::InSubquery(membership) => {
            let inner = membership.subquery.subquery.schema();
            let inner = inner.fields().first().map(|field| field.data_type().clone());
            match (membership.expr.get_type(schema), inner) {
                (Ok(own), Some(inner)) => unify_membership(membership, &own, &inner)?,
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
        Expr::ScalarFunction(call) if call.func.name() == "nvl2" => {
            unify(&mut call.args.iter_mut().skip(1).collect::<Vec<_>>(), schema)
        }
        _ => false,
    };
    Ok(Transformed::new_transformed(expr, changed))
}

/// Makes decimals doubles if there are doubles in their place; returns whether there are. What has no type yet is left alone.
fn unify(exprs: &mut [&mut Expr], schema: &DFSchema) -> bool {
    let Ok(types) = exprs.iter().map(|expr| expr.get_type(schema)).collect::<Result<Vec<_>>>() else { return false };
    // An IN may have many values, but they have few types.
    let all: Vec<&DataType> = types.iter().collect::<HashSet<_>>().into_iter().collect();
    let wanted: Vec<Option<DataType>> = types.iter().map(|own| beside_doubles(own, &all)).collect();
    if wanted.iter().all(Option::is_none) {
        return false;
    }
    let written = exprs.iter().zip(&types).filter(|(_, found)| found.is_floating());
    let decimals = written.map(|(expr, _)| decimal(expr)).collect::<Option<Vec<_>>>();
    if let Some(decimals) = decimals.filter(|decimals| !decimals.is_empty() && have_room(decimals, &all)) {
        let doubles = exprs.iter_mut().zip(&types).filter(|(_, found)| found.is_floating());
        for ((expr, _), decimal) in doubles.zip(decimals) {
            **expr = Expr::Literal(decimal, None);
        }
        return true;
    }
    for (expr, wanted) in exprs.iter_mut().zip(wanted) {
        if let Some(wanted) = wanted {
            cast_to(expr, wanted);
        }
    }
    true
}

fn unify_membership(membership: &mut InSubquery, own: &DataType, inner: &DataType) -> Result<bool> {
    let mut changed = false;
    if let Some(own) = beside_doubles(own, &[inner]) {
        cast_to(&mut membership.expr, own);
        changed = true;
    }
    if let Some(inner) = beside_doubles(inner, &[own]) {
        let subquery = &mut membership.subquery.subquery;
        *subquery = Arc::new(with_types(Arc::clone(subquery), |_, _| Some(inner.clone()))?);
        changed = true;
    }
    Ok(changed)
}

fn cast_to(expr: &mut Expr, wanted: DataType) {
    *expr = cast(std::mem::take(expr), wanted);
}

/// Returns whether one type of decimals can hold some of them and what has other types.
fn have_room(decimals: &[ScalarValue], types: &[&DataType]) -> bool {
    let own = decimals.iter().map(|decimal| places(&decimal.data_type()));
    let (whole, fraction) = own
        .chain(types.iter().map(|found| places(found)))
        .fold((0, 0), |(whole, fraction), (w, f)| (whole.max(w), fraction.max(f)));
    whole + fraction <= usize::from(DECIMAL128_MAX_PRECISION)
}

/// Returns the decimal that is written; `None` if it is not a number that is written, or has too many digits.
fn decimal(expr: &Expr) -> Option<ScalarValue> {
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
    let precision = u8::try_from(whole.trim_start_matches('-').len() + fraction.len()).ok()?;
    if precision > DECIMAL128_MAX_PRECISION {
        return None;
    }
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    Some(ScalarValue::Decimal128(Some(digits), precision, i8::try_from(fraction.len()).ok()?))
}

/// Writes UNION of decimals and doubles, and joins by them.
fn of_rows(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    Ok(match plan {
        LogicalPlan::Union(union) => {
            let wanted = |place: usize, own: &DataType| {
                let fields = union.inputs.iter().filter_map(|input| input.schema().fields().get(place));
                beside_doubles(own, &fields.map(|field| field.data_type()).collect::<Vec<_>>())
            };
            let is_mixed = |input: &Arc<LogicalPlan>| {
                input
                    .schema()
                    .fields()
                    .iter()
                    .enumerate()
                    .any(|(place, field)| wanted(place, field.data_type()).is_some())
            };
            if !union.inputs.iter().any(is_mixed) {
                return Ok(Transformed::no(LogicalPlan::Union(union)));
            }
            let inputs = union.inputs.iter().map(|input| Ok(Arc::new(with_types(Arc::clone(input), wanted)?)));
            Transformed::yes(LogicalPlan::Union(Union::try_new_with_loose_types(inputs.collect::<Result<_>>()?)?))
        }
        LogicalPlan::Join(mut join) => {
            let mut changed = false;
            for (left, right) in &mut join.on {
                let (Ok(one), Ok(other)) = (left.get_type(join.left.schema()), right.get_type(join.right.schema()))
                else {
                    continue;
                };
                for (side, wanted) in
                    [(left, beside_doubles(&one, &[&other])), (right, beside_doubles(&other, &[&one]))]
                {
                    if let Some(wanted) = wanted {
                        cast_to(side, wanted);
                        changed = true;
                    }
                }
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

/// Returns the same rows, in which some columns have other types.
fn with_types(plan: Arc<LogicalPlan>, wanted: impl Fn(usize, &DataType) -> Option<DataType>) -> Result<LogicalPlan> {
    let schema = Arc::clone(plan.schema());
    let columns = schema.columns().into_iter().enumerate().map(|(place, column)| {
        let Some(wanted) = wanted(place, schema.field(place).data_type()) else { return Expr::Column(column) };
        let (table, name) = (column.relation.clone(), column.name.clone());
        cast(Expr::Column(column), wanted).alias_qualified(table, name)
    });
    LogicalPlanBuilder::new_from_arc(plan).project(columns.collect::<Vec<_>>())?.build()
}
