//! Constants that `lag` and `lead` give to rows without another row.
//!
//! The engine casts the constant to the column's type in silence: `lag(count, 1, 0.5)` would be 0. In: an analyzed plan. Out: the same plan,
//! or an error if the type cannot hold the constant. A constant that is still to be computed, such as `1 / 2.0`, is judged by its type.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::optimizer::AnalyzerRule;

use super::{refuse, rewritten, type_of};

/// Checks the constants.
#[derive(Debug)]
pub struct DefaultsOfShifts;

impl AnalyzerRule for DefaultsOfShifts {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        rewritten(plan, |expr, schema| {
            check(&expr, schema)?;
            Ok(Transformed::no(expr))
        })
    }

    fn name(&self) -> &str {
        "squall_defaults_of_shifts"
    }
}

fn check(expr: &Expr, schema: &DFSchema) -> Result<()> {
    let Expr::WindowFunction(call) = expr else { return Ok(()) };
    let (name @ ("lag" | "lead"), [value, _, default]) = (call.fun.name(), call.params.args.as_slice()) else {
        return Ok(());
    };
    // What has no type yet is left alone.
    let (Ok(wanted), Ok(found)) = (type_of(value, schema), type_of(default, schema)) else { return Ok(()) };
    let may_lose = (found.is_floating() || found.is_decimal()) && (wanted.is_integer() || wanted.is_decimal());
    let constant = constant(default, &found);
    if !may_lose || constant.as_ref().is_some_and(|constant| is_held(constant, &wanted)) {
        return Ok(());
    }
    let written = constant.map_or_else(|| format!("a {found}"), |constant| constant.to_string());
    Err(refuse(
        format!("{name} of a column of {wanted} cannot give {written} to rows without another row"),
        "cast the column: lag(x::DOUBLE, 1, 0.5)",
    ))
}

/// Returns the value of a constant that is written; `None` if it is still to be computed.
fn constant(default: &Expr, own: &DataType) -> Option<ScalarValue> {
    match default {
        Expr::Literal(value, _) => Some(value.clone()),
        Expr::Cast(cast) => match cast.expr.as_ref() {
            Expr::Literal(value, _) => value.cast_to(own).ok(),
            _ => None,
        },
        _ => None,
    }
}

/// Returns whether a type can hold a value.
fn is_held(value: &ScalarValue, wanted: &DataType) -> bool {
    let held = value.cast_to(wanted).and_then(|held| held.cast_to(&value.data_type()));
    value.is_null() || held.is_ok_and(|held| held == *value)
}
