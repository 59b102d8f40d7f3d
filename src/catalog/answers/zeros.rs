//! -0.0 and 0.0 are one value for windows and ORDER BY, and so are all NaNs.
//!
//! The engine compares floating-point numbers by their bits. So -0.0 and 0.0 are two partitions and not peers, although GROUP BY
//! and `=` make them one. In: a plan. Out: the same plan, in which windows are partitioned and ordered by numbers with only one
//! zero and only one NaN. The same holds for ORDER BY, where a further key orders the rows that are equal in the first.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, LogicalPlan, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use datafusion::optimizer::AnalyzerRule;

use super::{Keyed, with_keys};
use crate::functions::one_zero;

/// Makes windows take both zeros as one value.
#[derive(Debug)]
pub struct OneZero;

impl AnalyzerRule for OneZero {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        with_keys(plan, |key, schema, keyed| {
            let done = matches!(key, Expr::ScalarFunction(call) if call.func.name() == ONE_ZERO.name());
            let matters = matches!(keyed, Keyed::Window | Keyed::Result);
            let is_floating = matches!(key.get_type(schema)?, DataType::Float64 | DataType::Float32);
            Ok((matters && is_floating && !done).then(|| ONE_ZERO.call(vec![key.clone()])))
        })
    }

    fn name(&self) -> &str {
        "squall_one_zero"
    }
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
