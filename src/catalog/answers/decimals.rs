//! Decimals with more digits than their type has.
//!
//! The engine's `+`, `-`, `*` and `/` of decimals give up to 38 digits, and do not look whether the result has more; it is printed with too
//! few. In: an analyzed plan. Out: the same plan, in which such a result is an error.
//!
//! Upstream: apache/arrow-rs#10866.

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, Decimal128Type};
use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::{BinaryExpr, ColumnarValue, Expr, LogicalPlan, Operator, ScalarUDF};
use datafusion::optimizer::AnalyzerRule;

use super::passed::{self, passed};
use super::{refuse, rewritten, type_of};

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

/// The function that the rule puts into plans.
pub fn functions() -> Vec<ScalarUDF> {
    vec![passed::function(WITHIN_DIGITS, within_digits)]
}

/// Returns values that have no more digits than their type.
fn within_digits(values: ColumnarValue) -> Result<ColumnarValue> {
    let array = values.to_array(1)?;
    if array.as_primitive::<Decimal128Type>().validate_decimal_precision(DECIMAL128_MAX_PRECISION).is_err() {
        return Err(refuse(
            format!("a result has more than {DECIMAL128_MAX_PRECISION} digits, the most of a DECIMAL"),
            "cast the operands to DECIMALs with fewer digits, or to DOUBLE",
        ));
    }
    Ok(values)
}
