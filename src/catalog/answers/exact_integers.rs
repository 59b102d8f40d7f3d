//! Exact aggregates of integers.
//!
//! The engine's `sum` of integers and decimals wraps around, and its `avg`, variances and deviations convert each integer to a
//! double first, which loses digits above 2^53; its `avg` of decimals cuts digits off. In: an analyzed plan. Out: the same plan with
//! aggregates and window functions that keep exact totals. A sum that does not fit its type is an error.
//!
//! Upstream: apache/datafusion#3520 (overflow).

use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::{AggregateUDF, Expr, ExprSchemable, LogicalPlan, WindowFunctionDefinition};
use datafusion::optimizer::AnalyzerRule;

use super::rewritten;
use crate::rolling::ExactForm;

/// Replaces aggregates of integers, and sums and means of decimals.
#[derive(Debug)]
pub struct ExactIntegers;

impl AnalyzerRule for ExactIntegers {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        rewritten(plan, |expr, schema| {
            Ok(match expr {
                Expr::AggregateFunction(mut call) => match exact(&call.func, &call.params.args, schema)? {
                    Some((form, argument)) => {
                        (call.func, call.params.args) = (form.function(), vec![argument]);
                        Transformed::yes(Expr::AggregateFunction(call))
                    }
                    None => Transformed::no(Expr::AggregateFunction(call)),
                },
                Expr::WindowFunction(mut call) => {
                    let found = match &call.fun {
                        WindowFunctionDefinition::AggregateUDF(function) => exact(function, &call.params.args, schema)?,
                        WindowFunctionDefinition::WindowUDF(_) => None,
                    };
                    let Some((form, argument)) = found else { return Ok(Transformed::no(Expr::WindowFunction(call))) };
                    call.fun = WindowFunctionDefinition::AggregateUDF(form.function());
                    call.params.args = vec![argument];
                    Transformed::yes(Expr::WindowFunction(call))
                }
                other => Transformed::no(other),
            })
        })
    }

    fn name(&self) -> &str {
        "squall_exact_integers"
    }
}

/// Returns the exact form of a function, and the integers that it takes; `None` if it has none, or takes something else.
fn exact(function: &AggregateUDF, arguments: &[Expr], schema: &DFSchema) -> Result<Option<(ExactForm, Expr)>> {
    let (Some(form), [argument]) = (ExactForm::of(function), arguments) else { return Ok(None) };
    if form.is_sum() {
        let summed =
            matches!(argument.get_type(schema)?, DataType::Int64 | DataType::UInt64 | DataType::Decimal128(_, _));
        return Ok(summed.then(|| (form, argument.clone())));
    }
    if form.takes_decimals() && matches!(argument.get_type(schema)?, DataType::Decimal128(_, _)) {
        return Ok(Some((form, argument.clone())));
    }
    // The engine has converted integers to doubles. A cast to another type, such as DECIMAL, is the query's own.
    let Expr::Cast(cast) = argument else { return Ok(None) };
    let integers = matches!(cast.expr.get_type(schema)?, DataType::Int64 | DataType::UInt64)
        && argument.get_type(schema)? == DataType::Float64;
    Ok(integers.then(|| (form, cast.expr.as_ref().clone())))
}
