//! -0.0 and 0.0 are one value for windows and ORDER BY, and so are all NaNs.
//!
//! The engine compares floating-point numbers by their bits. So -0.0 and 0.0 are two partitions and not peers, although GROUP BY
//! and `=` make them one. In: a plan. Out: the same plan, in which windows are partitioned and ordered by numbers with only one
//! zero and only one NaN. The same holds for ORDER BY, where a further key orders the rows that are equal in the first.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, LogicalPlan, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility, lit, when,
};
use datafusion::optimizer::AnalyzerRule;

use super::{Keyed, rewritten, with_keys};
use crate::functions::one_zero;

/// Makes windows take both zeros as one value.
#[derive(Debug)]
pub struct OneZero;

impl AnalyzerRule for OneZero {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let plan = with_keys(plan, |key, schema, keyed| {
            let done = matches!(key, Expr::ScalarFunction(call) if call.func.name() == ONE_ZERO.name());
            let matters = matches!(keyed, Keyed::Window | Keyed::Result);
            let is_floating = matches!(key.get_type(schema)?, DataType::Float64 | DataType::Float32);
            Ok((matters && is_floating && !done).then(|| ONE_ZERO.call(vec![key.clone()])))
        })?;
        rewritten(plan, compared)
    }

    fn name(&self) -> &str {
        "squall_one_zero"
    }
}

/// Writes what compares by bits, `CASE x WHEN 0` and `nullif(x, 0)`, so that both zeros are one.
fn compared(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let is_floating = |expr: &Expr| Ok::<_, DataFusionError>(expr.get_type(schema)?.is_floating());
    Ok(match expr {
        Expr::Case(mut case) if case.expr.as_deref().is_some_and(|value| is_floating(value).unwrap_or(false)) => {
            let one = |expr: &mut Box<Expr>| **expr = ONE_ZERO.call(vec![std::mem::take(expr.as_mut())]);
            case.expr.iter_mut().for_each(one);
            case.when_then_expr.iter_mut().for_each(|(when, _)| one(when));
            Transformed::yes(Expr::Case(case))
        }
        Expr::ScalarFunction(call) if call.func.name() == "nullif" => match <[Expr; 2]>::try_from(call.args) {
            Ok([value, other]) if is_floating(&value)? && is_floating(&other)? => {
                let null = lit(ScalarValue::try_from(&value.get_type(schema)?)?);
                Transformed::yes(when(value.clone().eq(other), null).otherwise(value)?)
            }
            Ok(args) => Transformed::no(Expr::ScalarFunction(ScalarFunction { func: call.func, args: args.into() })),
            Err(args) => Transformed::no(Expr::ScalarFunction(ScalarFunction { func: call.func, args })),
        },
        expr => Transformed::no(expr),
    })
}

static ONE_ZERO: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| {
    Arc::new(ScalarUDF::new_from_impl(Function { signature: Signature::any(1, Volatility::Immutable) }))
});

/// Returns the same number, with one zero and one NaN.
/// The function that the rule puts into plans.
pub fn functions() -> Vec<ScalarUDF> {
    vec![ONE_ZERO.as_ref().clone()]
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Function {
    signature: Signature,
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        "squall_one_zero"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(types[0].clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let values = args.args.into_iter().map(|value| value.into_array(rows)).collect::<Result<Vec<_>>>()?;
        Ok(ColumnarValue::Array(one_zero(&values[0])))
    }
}
