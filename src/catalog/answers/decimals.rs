//! Decimals with more digits than their type has.
//!
//! The engine's `+`, `-`, `*` and `/` of decimals give up to 38 digits, and do not look whether the result has more; it is printed with too
//! few. Its `/` cuts off the digits that do not fit. In: an analyzed plan. Out: the same plan, in which a result with too many digits is an
//! error, and quotients are rounded.
//!
//! Upstream: apache/arrow-rs#10866.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Decimal128Array};
use datafusion::arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, Decimal128Type, DecimalType, i256};
use datafusion::arrow::error::ArrowError;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Result, internal_err};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::binary::BinaryTypeCoercer;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, ExprSchemable, LogicalPlan, Operator, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility,
};
use datafusion::optimizer::AnalyzerRule;
use datafusion::physical_expr_common::datum::apply;

use super::passed::{self, passed};
use super::{refuse, rewritten, type_of};
use crate::rolling::rounded_quotient;

/// Makes arithmetic of decimals check its results.
#[derive(Debug)]
pub struct CheckDigits;

impl AnalyzerRule for CheckDigits {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        rewritten(plan, |expr, schema| {
            let Expr::BinaryExpr(BinaryExpr { op, .. }) = &expr else { return Ok(Transformed::no(expr)) };
            let is_arithmetic = matches!(op, Operator::Plus | Operator::Minus | Operator::Multiply | Operator::Divide);
            let result = type_of(&expr, schema)?;
            if let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Divide, right }) = &expr
                && [left.get_type(schema)?, right.get_type(schema)?, result.clone()].iter().all(is_decimal)
            {
                return Ok(Transformed::yes(QUOTIENT.call(vec![left.as_ref().clone(), right.as_ref().clone()])));
            }
            match result {
                DataType::Decimal128(DECIMAL128_MAX_PRECISION, _) if is_arithmetic => {
                    Ok(Transformed::yes(passed(WITHIN_DIGITS, within_digits, expr)))
                }
                _ => Ok(Transformed::no(expr)),
            }
        })
    }

    fn name(&self) -> &str {
        "squall_check_digits"
    }
}

const WITHIN_DIGITS: &str = "squall_within_digits";

/// The functions that the rule puts into plans.
pub fn functions() -> Vec<ScalarUDF> {
    vec![passed::function(WITHIN_DIGITS, within_digits), QUOTIENT.as_ref().clone()]
}

/// Returns the operands if a call is a quotient of decimals.
pub fn quotient(call: &ScalarFunction) -> Option<(&Expr, &Expr)> {
    match call.args.as_slice() {
        [left, right] if call.func.inner().is::<Quotient>() => Some((left, right)),
        _ => None,
    }
}

fn is_decimal(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Decimal128(_, _))
}

/// Returns values that have no more digits than their type.
fn within_digits(values: ColumnarValue) -> Result<ColumnarValue> {
    let array = values.to_array(1)?;
    if array.as_primitive::<Decimal128Type>().validate_decimal_precision(DECIMAL128_MAX_PRECISION).is_err() {
        return Err(too_long());
    }
    Ok(values)
}

fn too_long() -> DataFusionError {
    refuse(
        format!("a result has more than {DECIMAL128_MAX_PRECISION} digits, the most of a DECIMAL"),
        "cast the operands to DECIMALs with fewer digits, or to DOUBLE",
    )
}

static QUOTIENT: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| {
    Arc::new(ScalarUDF::new_from_impl(Quotient { signature: Signature::any(2, Volatility::Immutable) }))
});

/// The quotient of two decimals, rounded. It prints as the operator does, so that columns keep their names.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Quotient {
    signature: Signature,
}

impl ScalarUDFImpl for Quotient {
    fn name(&self) -> &str {
        "squall_quotient"
    }

    fn display_name(&self, arguments: &[Expr]) -> Result<String> {
        Ok(arguments.iter().map(ToString::to_string).collect::<Vec<_>>().join(" / "))
    }

    fn schema_name(&self, arguments: &[Expr]) -> Result<String> {
        Ok(arguments.iter().map(|argument| argument.schema_name().to_string()).collect::<Vec<_>>().join(" / "))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let [left, right] = types else { return internal_err!("a quotient without operands") };
        BinaryTypeCoercer::new(left, &Operator::Divide, right).get_result_type()
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [left, right] = arguments.args.as_slice() else { return internal_err!("a quotient without operands") };
        let DataType::Decimal128(precision, scale) = *arguments.return_field.data_type() else {
            return internal_err!("a quotient that is not a decimal");
        };
        apply(left, right, |left, right| {
            let ((left, one_left), (right, one_right)) = (left.get(), right.get());
            let (left, right) = (left.as_primitive::<Decimal128Type>(), right.as_primitive::<Decimal128Type>());
            let rows = if one_left { right.len() } else { left.len() };
            let power = u32::try_from(scale + right.scale() - left.scale()).unwrap_or(0);
            let quotient = |row: usize| {
                let (at, by) = (if one_left { 0 } else { row }, if one_right { 0 } else { row });
                if left.is_null(at) || right.is_null(by) {
                    return Ok(None);
                }
                if right.value(by) == 0 {
                    return Err(ArrowError::DivideByZero);
                }
                let found = rounded_quotient(left.value(at), power, right.value(by)).and_then(i256::to_i128);
                let fits = |found: &i128| Decimal128Type::validate_decimal_precision(*found, precision, scale).is_ok();
                found.filter(fits).map(Some).ok_or_else(|| ArrowError::ExternalError(Box::new(too_long())))
            };
            let quotients = (0..rows).map(quotient).collect::<Result<Decimal128Array, ArrowError>>()?;
            Ok(Arc::new(quotients.with_precision_and_scale(precision, scale)?) as ArrayRef)
        })
    }
}
