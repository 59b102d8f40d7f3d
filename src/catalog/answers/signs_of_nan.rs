//! NaNs with a sign.
//!
//! Processors give 0/0, and the engine -x where x is NaN, the sign bit. The engine orders such a NaN before every number, and takes it for
//! another value than other NaNs. In: an analyzed plan. Out: the same plan, in which what computes floating-point numbers gives the one
//! NaN that is greater than every number and equal to itself.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, PrimitiveArray};
use datafusion::arrow::datatypes::{ArrowPrimitiveType, DataType, FieldRef, Float32Type, Float64Type};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, LogicalPlan, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use datafusion::optimizer::AnalyzerRule;

use super::{as_argument, rewritten, type_of};

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
            let function = Unsigned(Signature::any(1, Volatility::Immutable));
            Ok(Transformed::yes(ScalarUDF::new_from_impl(function).call(vec![expr])))
        })
    }

    fn name(&self) -> &str {
        "squall_one_nan"
    }
}

/// Returns the expression whose NaNs a call changes; `None` if it is another function.
pub fn signed(call: &ScalarFunction) -> Option<&Expr> {
    call.func.inner().downcast_ref::<Unsigned>().and(call.args.first())
}

/// Returns its argument, with one NaN.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Unsigned(Signature);

impl ScalarUDFImpl for Unsigned {
    fn name(&self) -> &str {
        "squall_one_nan"
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        internal_err!("return_field_from_args says it")
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs) -> Result<FieldRef> {
        as_argument(self.name(), &arguments)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Ok(match arguments.args.into_iter().next() {
            Some(ColumnarValue::Scalar(ScalarValue::Float64(Some(value)))) if value.is_nan() => {
                ColumnarValue::Scalar(ScalarValue::Float64(Some(f64::NAN)))
            }
            Some(ColumnarValue::Scalar(ScalarValue::Float32(Some(value)))) if value.is_nan() => {
                ColumnarValue::Scalar(ScalarValue::Float32(Some(f32::NAN)))
            }
            Some(ColumnarValue::Array(array)) if *array.data_type() == DataType::Float64 => {
                let one = |value: f64| if value.is_nan() { f64::NAN } else { value };
                ColumnarValue::Array(changed::<Float64Type>(array, one))
            }
            Some(ColumnarValue::Array(array)) if *array.data_type() == DataType::Float32 => {
                let one = |value: f32| if value.is_nan() { f32::NAN } else { value };
                ColumnarValue::Array(changed::<Float32Type>(array, one))
            }
            Some(other) => other,
            None => return internal_err!("{} has one argument", self.name()),
        })
    }
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
