//! Decimals with more digits than their type has.
//!
//! The engine's `+`, `-`, `*` and `/` of decimals give up to 38 digits, and do not look whether the result has more; it is printed with too
//! few. In: an analyzed plan. Out: the same plan, in which such a result is an error.
//!
//! Upstream: apache/arrow-rs#10866.

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, Decimal128Type, FieldRef};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Result, internal_err};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, LogicalPlan, Operator, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility,
};
use datafusion::optimizer::AnalyzerRule;

use super::{as_argument, refuse, rewritten, type_of};

/// Makes arithmetic of decimals check its results.
#[derive(Debug)]
pub struct CheckDigits;

impl AnalyzerRule for CheckDigits {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        rewritten(plan, |expr, schema| {
            let Expr::BinaryExpr(BinaryExpr { op, .. }) = &expr else { return Ok(Transformed::no(expr)) };
            let is_arithmetic = matches!(op, Operator::Plus | Operator::Minus | Operator::Multiply | Operator::Divide);
            match type_of(&expr, schema)? {
                DataType::Decimal128(DECIMAL128_MAX_PRECISION, _) if is_arithmetic => {
                    let function = WithinDigits(Signature::any(1, Volatility::Immutable));
                    Ok(Transformed::yes(ScalarUDF::new_from_impl(function).call(vec![expr])))
                }
                _ => Ok(Transformed::no(expr)),
            }
        })
    }

    fn name(&self) -> &str {
        "squall_check_digits"
    }
}

/// Returns the expression that a call checks; `None` if it is another function.
pub fn checked(call: &ScalarFunction) -> Option<&Expr> {
    call.func.inner().downcast_ref::<WithinDigits>().and(call.args.first())
}

/// Returns its argument, if it has no more digits than its type.
#[derive(Debug, PartialEq, Eq, Hash)]
struct WithinDigits(Signature);

impl ScalarUDFImpl for WithinDigits {
    fn name(&self) -> &str {
        "squall_within_digits"
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
        let Some(argument) = arguments.args.into_iter().next() else {
            return internal_err!("{} has one argument", self.name());
        };
        let values = argument.to_array(1)?;
        if values.as_primitive::<Decimal128Type>().validate_decimal_precision(DECIMAL128_MAX_PRECISION).is_err() {
            return Err(refuse(
                format!("a result has more than {DECIMAL128_MAX_PRECISION} digits, the most of a DECIMAL"),
                "cast the operands to DECIMALs with fewer digits, or to DOUBLE",
            ));
        }
        Ok(argument)
    }
}
