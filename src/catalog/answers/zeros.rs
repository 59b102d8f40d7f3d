//! -0.0 and 0.0 are one value for windows and ORDER BY, and so are all NaNs.
//!
//! The engine compares floating-point numbers by their bits. So -0.0 and 0.0 are two partitions and not peers, although GROUP BY
//! and `=` make them one. In: a plan. Out: the same plan, in which windows are partitioned and ordered by numbers with only one
//! zero and only one NaN. The same holds for ORDER BY, where a further key orders the rows that are equal in the first.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, LogicalPlan, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use datafusion::optimizer::AnalyzerRule;

use super::rewritten;
use crate::functions::one_zero;

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
