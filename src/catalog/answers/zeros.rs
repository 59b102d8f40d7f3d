//! -0.0 and 0.0 are one value for windows and ORDER BY, and so are all NaNs.
//!
//! The engine compares floating-point numbers by their bits. So -0.0 and 0.0 are two partitions and not peers, although GROUP BY
//! and `=` make them one. In: a plan. Out: the same plan, in which windows are partitioned and ordered by numbers with only one
//! zero and only one NaN. The same holds for ORDER BY, where a further key orders the rows that are equal in the first.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Float32Type, Float64Type};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, LogicalPlan, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use datafusion::optimizer::AnalyzerRule;

use super::rewritten;

/// Makes windows take both zeros as one value.
#[derive(Debug)]
pub struct OneZero;

impl AnalyzerRule for OneZero {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let sorted = plan.transform_up_with_subqueries(|plan| {
            let LogicalPlan::Sort(mut sort) = plan else { return Ok(Transformed::no(plan)) };
            let schema = Arc::clone(sort.input.schema());
            let further = sort.expr.len().saturating_sub(1);
            let mut changed = false;
            for key in sort.expr.iter_mut().take(further) {
                if needs_one_zero(&key.expr, &schema)? {
                    key.expr = ONE_ZERO.call(vec![std::mem::take(&mut key.expr)]);
                    changed = true;
                }
            }
            Ok(if changed {
                Transformed::yes(LogicalPlan::Sort(sort))
            } else {
                Transformed::no(LogicalPlan::Sort(sort))
            })
        });
        rewritten(sorted.data()?, |expr, schema| {
            let Expr::WindowFunction(mut call) = expr else { return Ok(Transformed::no(expr)) };
            let keys = call.params.partition_by.iter_mut();
            let keys = keys.chain(call.params.order_by.iter_mut().map(|sort| &mut sort.expr));
            let mut changed = false;
            for key in keys {
                if needs_one_zero(key, schema)? {
                    *key = ONE_ZERO.call(vec![std::mem::take(key)]);
                    changed = true;
                }
            }
            let call = Expr::WindowFunction(call);
            Ok(if changed { Transformed::yes(call) } else { Transformed::no(call) })
        })
    }

    fn name(&self) -> &str {
        "squall_one_zero"
    }
}

fn needs_one_zero(key: &Expr, schema: &DFSchema) -> Result<bool> {
    let done = matches!(key, Expr::ScalarFunction(call) if call.func.name() == ONE_ZERO.name());
    Ok(!done && matches!(key.get_type(schema)?, DataType::Float64 | DataType::Float32))
}

static ONE_ZERO: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| {
    Arc::new(ScalarUDF::new_from_impl(Function { signature: Signature::any(1, Volatility::Immutable) }))
});

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

fn one_zero(values: &ArrayRef) -> ArrayRef {
    match values.data_type() {
        DataType::Float64 => {
            let of = |value: f64| if value.is_nan() { f64::NAN } else { value + 0.0 };
            Arc::new(values.as_primitive::<Float64Type>().unary::<_, Float64Type>(of)) as ArrayRef
        }
        DataType::Float32 => {
            let of = |value: f32| if value.is_nan() { f32::NAN } else { value + 0.0 };
            Arc::new(values.as_primitive::<Float32Type>().unary::<_, Float32Type>(of))
        }
        _ => Arc::clone(values),
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Array, Float32Array, Float64Array};

    use super::*;

    #[test]
    fn zeros_and_nans_have_the_same_bits() {
        let doubles: ArrayRef = Arc::new(Float64Array::from(vec![Some(-0.0), Some(-f64::NAN), None, Some(-1.5)]));
        let doubles = one_zero(&doubles);
        let doubles = doubles.as_primitive::<Float64Type>();
        assert_eq!(doubles.value(0).to_bits(), 0);
        assert_eq!(doubles.value(1).to_bits(), f64::NAN.to_bits());
        assert!(doubles.is_null(2) && doubles.value(3) == -1.5);
        let floats: ArrayRef = Arc::new(Float32Array::from(vec![-0.0]));
        assert_eq!(one_zero(&floats).as_primitive::<Float32Type>().value(0).to_bits(), 0);
    }
}
