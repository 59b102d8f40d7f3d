//! -0.0 and 0.0 are one value for windows and ORDER BY, and so are all NaNs.
//!
//! The engine compares floating-point numbers by their bits. So -0.0 and 0.0 are two partitions and not peers, although GROUP BY
//! and `=` make them one. In: a plan. Out: the same plan, in which windows are partitioned and ordered by numbers with only one
//! zero and only one NaN. The same holds for ORDER BY, where a further key orders the rows that are equal in the first; for IN, which
//! looks long lists up by bits; for count(DISTINCT …); and for numbers in lists and structs that are compared.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, LogicalPlan, Operator, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility, lit, when,
};
use datafusion::optimizer::AnalyzerRule;

use super::{Keyed, rewritten, with_keys};
use crate::functions::{holds_floats, one_zero};

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

/// The engine's functions that compare elements of lists.
const OF_LISTS: [&str; 9] = [
    "array_has",
    "array_has_all",
    "array_has_any",
    "array_position",
    "array_positions",
    "array_distinct",
    "array_union",
    "array_intersect",
    "array_except",
];

/// The operators that compare lists and structs.
const COMPARISONS: [Operator; 8] = [
    Operator::Eq,
    Operator::NotEq,
    Operator::Lt,
    Operator::LtEq,
    Operator::Gt,
    Operator::GtEq,
    Operator::IsDistinctFrom,
    Operator::IsNotDistinctFrom,
];

/// Writes what compares by bits so that both zeros are one.
fn compared(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let is_floating = |expr: &Expr| Ok::<_, DataFusionError>(expr.get_type(schema)?.is_floating());
    let holds = |expr: &Expr| expr.get_type(schema).is_ok_and(|found| holds_floats(&found));
    let one = |expr: &mut Expr| *expr = ONE_ZERO.call(vec![std::mem::take(expr)]);
    Ok(match expr {
        Expr::Case(mut case) if case.expr.as_deref().is_some_and(|value| is_floating(value).unwrap_or(false)) => {
            case.expr.iter_mut().for_each(|value| one(value));
            case.when_then_expr.iter_mut().for_each(|(when, _)| one(when));
            Transformed::yes(Expr::Case(case))
        }
        Expr::InList(mut list) if holds(&list.expr) && list.list.iter().any(may_be_zero) => {
            one(&mut list.expr);
            list.list.iter_mut().for_each(one);
            Transformed::yes(Expr::InList(list))
        }
        Expr::BinaryExpr(mut binary)
            if COMPARISONS.contains(&binary.op) && holds(&binary.left) && !is_floating(&binary.left)? =>
        {
            one(&mut binary.left);
            one(&mut binary.right);
            Transformed::yes(Expr::BinaryExpr(binary))
        }
        Expr::AggregateFunction(mut call) if call.params.distinct && call.params.args.first().is_some_and(holds) => {
            one(&mut call.params.args[0]);
            for key in &mut call.params.order_by {
                if holds(&key.expr) {
                    one(&mut key.expr);
                }
            }
            Transformed::yes(Expr::AggregateFunction(call))
        }
        Expr::ScalarFunction(mut call) if OF_LISTS.contains(&call.func.name()) && call.args.iter().any(holds) => {
            call.args.iter_mut().filter(|argument| holds(argument)).for_each(one);
            Transformed::yes(Expr::ScalarFunction(call))
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

/// Returns whether an element of an IN list may have equals with other bits.
fn may_be_zero(element: &Expr) -> bool {
    match element {
        Expr::Literal(ScalarValue::Float64(value), _) => value.is_some_and(|value| value == 0.0 || value.is_nan()),
        Expr::Literal(ScalarValue::Float32(value), _) => value.is_some_and(|value| value == 0.0 || value.is_nan()),
        _ => true,
    }
}

static ONE_ZERO: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| {
    Arc::new(ScalarUDF::new_from_impl(Function { signature: Signature::any(1, Volatility::Immutable) }))
});

/// The function that the rule puts into plans.
pub fn functions() -> Vec<ScalarUDF> {
    vec![ONE_ZERO.as_ref().clone()]
}

/// Returns the same number, with one zero and one NaN.
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
