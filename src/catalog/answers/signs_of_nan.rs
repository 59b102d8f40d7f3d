//! NaNs with a sign.
//!
//! Processors give 0/0, and the engine -x where x is NaN, the sign bit. The engine orders such a NaN before every number, and takes it for
//! another value than other NaNs. In: an analyzed plan. Out: the same plan, in which what computes floating-point numbers gives the one
//! NaN that is greater than every number and equal to itself.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, PrimitiveArray};
use datafusion::arrow::datatypes::{ArrowPrimitiveType, DataType, Float32Type, Float64Type};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{ColumnarValue, Expr, LogicalPlan, ScalarUDF};
use datafusion::optimizer::AnalyzerRule;

use super::passed::{self, passed};
use super::{rewritten, type_of};

/// The functions that give NaN for numbers.
const FUNCTIONS: [&str; 13] =
    ["cot", "ln", "log", "log2", "log10", "power", "acos", "asin", "acosh", "atanh", "sin", "cos", "tan"];

/// Takes the sign of computed NaNs.
#[derive(Debug)]
pub struct OneNan;

impl AnalyzerRule for OneNan {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        rewritten(plan, |expr, schema| {
            let computes = match &expr {
                Expr::BinaryExpr(binary) => binary.op.is_numerical_operators(),
                Expr::Negative(_) => true,
                Expr::ScalarFunction(call) => FUNCTIONS.contains(&call.func.name()),
                _ => false,
            };
            if !computes || !matches!(type_of(&expr, schema)?, DataType::Float64 | DataType::Float32) {
                return Ok(Transformed::no(expr));
            }
            Ok(Transformed::yes(passed(ONE_NAN, one_nan, expr)))
        })
    }

    fn name(&self) -> &str {
        "squall_one_nan"
    }
}

const ONE_NAN: &str = "squall_one_nan";

/// The function that the rule puts into plans.
pub fn functions() -> Vec<ScalarUDF> {
    vec![passed::function(ONE_NAN, one_nan)]
}

/// Returns values with one NaN.
fn one_nan(values: ColumnarValue) -> Result<ColumnarValue> {
    let double = |value: f64| if value.is_nan() { f64::NAN } else { value };
    let float = |value: f32| if value.is_nan() { f32::NAN } else { value };
    Ok(match values {
        ColumnarValue::Scalar(ScalarValue::Float64(value)) => ScalarValue::Float64(value.map(double)).into(),
        ColumnarValue::Scalar(ScalarValue::Float32(value)) => ScalarValue::Float32(value.map(float)).into(),
        ColumnarValue::Array(array) if *array.data_type() == DataType::Float64 => {
            changed::<Float64Type>(array, double).into()
        }
        ColumnarValue::Array(array) if *array.data_type() == DataType::Float32 => {
            changed::<Float32Type>(array, float).into()
        }
        other => other,
    })
}

/// Changes values where they are, if nobody else has them.
fn changed<T: ArrowPrimitiveType>(array: ArrayRef, change: impl Fn(T::Native) -> T::Native) -> ArrayRef {
    let values: PrimitiveArray<T> = array.as_primitive::<T>().clone();
    drop(array);
    match values.unary_mut(&change) {
        Ok(values) => Arc::new(values),
        Err(shared) => Arc::new(shared.unary::<_, T>(change)),
    }
}
