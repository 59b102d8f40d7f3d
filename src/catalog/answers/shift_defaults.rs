//! Constants that `lag` and `lead` give to rows without another row.
//!
//! The engine casts the constant to the column's type in silence: `lag(count, 1, 0.5)` would be 0. In: an analyzed plan. Out: the same plan,
//! or an error if the type cannot hold the constant.

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result};
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
    let (name, [value, _, Expr::Literal(default, _)]) = (call.fun.name(), call.params.args.as_slice()) else {
        return Ok(());
    };
    let found = default.data_type();
    let wanted = type_of(value, schema)?;
    let may_lose = (found.is_floating() || found.is_decimal()) && (wanted.is_integer() || wanted.is_decimal());
    if !["lag", "lead"].contains(&name) || !may_lose || default.is_null() {
        return Ok(());
    }
    let held = default.cast_to(&wanted).and_then(|held| held.cast_to(&found));
    if held.is_ok_and(|held| held == *default) {
        return Ok(());
    }
    Err(refuse(
        format!("{name} of a column of {wanted} cannot give {default} to rows without another row"),
        "cast the column: lag(x::DOUBLE, 1, 0.5)",
    ))
}
