//! Integer arithmetic that is too large for its type is an error.
//!
//! The engine's `+`, `-`, `*`, `<<` and `>>` of integers wrap around. In: an analyzed plan. Out: the same plan, in which these are
//! functions that check. The functions print as the operators do, so that columns keep their names.
//!
//! Upstream: apache/datafusion#3520 and #17539 ask for overflow checks; `BinaryExpr` has them, but no setting reaches them.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Datum};
use datafusion::arrow::compute::kernels::numeric::{add, mul, neg, sub};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::arrow::error::ArrowError;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, LogicalPlan, Operator, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility,
};
use datafusion::optimizer::AnalyzerRule;
use datafusion::physical_expr_common::datum::apply;

use super::decimals::quotient;
use super::intervals::measured;
use super::{passed, refuse, rewritten, shifts, type_of};

/// Makes integer arithmetic check for overflow.
#[derive(Debug)]
pub struct CheckOverflow;

impl AnalyzerRule for CheckOverflow {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        rewritten(plan, |expr, schema| {
            let (arithmetic, arguments) = match &expr {
                Expr::BinaryExpr(binary) => match Arithmetic::of(binary.op) {
                    Some(arithmetic) => (arithmetic, vec![binary.left.as_ref().clone(), binary.right.as_ref().clone()]),
                    None => return Ok(Transformed::no(expr)),
                },
                Expr::Negative(argument) => (Arithmetic::Minus, vec![argument.as_ref().clone()]),
                _ => return Ok(Transformed::no(expr)),
            };
            let kind = type_of(&arguments[0], schema)?;
            for argument in &arguments {
                if !kind.is_integer() || type_of(argument, schema)? != kind {
                    return Ok(Transformed::no(expr));
                }
            }
            Ok(Transformed::yes(Checked::function(arithmetic).call(arguments)))
        })
    }

    fn name(&self) -> &str {
        "squall_check_overflow"
    }
}

/// Returns the last argument of a function that checks, which has the type of the result; `None` if it is another function.
pub fn last_operand(call: &ScalarFunction) -> Option<&Expr> {
    call.func.inner().downcast_ref::<Checked>().and(call.args.last())
}

/// Returns a plan with operators in place of the functions that check, intervals in place of their lengths, and nothing held; for whoever
/// reads a plan and does not run it.
///
/// # Errors
/// The plan is inconsistent.
pub fn plain_arithmetic(plan: LogicalPlan) -> Result<LogicalPlan> {
    let changed = plan.transform_up_with_subqueries(|plan| {
        plan.map_expressions(|expr| {
            expr.transform_up(|expr| {
                let Expr::ScalarFunction(call) = &expr else { return Ok(Transformed::no(expr)) };
                if let Some(interval) = measured(call) {
                    return Ok(Transformed::yes(interval.clone()));
                }
                if let Some(expr) = passed::argument(call) {
                    return Ok(Transformed::yes(expr.clone()));
                }
                if let Some((left, right)) = quotient(call) {
                    let (left, right) = (Box::new(left.clone()), Box::new(right.clone()));
                    return Ok(Transformed::yes(Expr::BinaryExpr(BinaryExpr::new(left, Operator::Divide, right))));
                }
                let Some(checked) = call.func.inner().downcast_ref::<Checked>() else {
                    return Ok(Transformed::no(expr));
                };
                Ok(match call.args.as_slice() {
                    [left, right] => Transformed::yes(Expr::BinaryExpr(BinaryExpr::new(
                        Box::new(left.clone()),
                        checked.arithmetic.operator(),
                        Box::new(right.clone()),
                    ))),
                    [argument] => Transformed::yes(Expr::Negative(Box::new(argument.clone()))),
                    _ => Transformed::no(expr),
                })
            })
        })
    });
    changed.data()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Arithmetic {
    Plus,
    Minus,
    Times,
    ShiftLeft,
    ShiftRight,
}

impl Arithmetic {
    const ALL: [Arithmetic; 5] =
        [Arithmetic::Plus, Arithmetic::Minus, Arithmetic::Times, Arithmetic::ShiftLeft, Arithmetic::ShiftRight];

    fn of(operator: Operator) -> Option<Arithmetic> {
        match operator {
            Operator::Plus => Some(Arithmetic::Plus),
            Operator::Minus => Some(Arithmetic::Minus),
            Operator::Multiply => Some(Arithmetic::Times),
            Operator::BitwiseShiftLeft => Some(Arithmetic::ShiftLeft),
            Operator::BitwiseShiftRight => Some(Arithmetic::ShiftRight),
            _ => None,
        }
    }

    fn operator(self) -> Operator {
        match self {
            Arithmetic::Plus => Operator::Plus,
            Arithmetic::Minus => Operator::Minus,
            Arithmetic::Times => Operator::Multiply,
            Arithmetic::ShiftLeft => Operator::BitwiseShiftLeft,
            Arithmetic::ShiftRight => Operator::BitwiseShiftRight,
        }
    }
}

/// The functions that the rule puts into plans.
pub fn functions() -> Vec<ScalarUDF> {
    Arithmetic::ALL.into_iter().map(Checked::function).collect()
}

/// One operator, as a function of one or two arguments of the same type of integers.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Checked {
    arithmetic: Arithmetic,
    signature: Signature,
}

impl Checked {
    fn function(arithmetic: Arithmetic) -> ScalarUDF {
        ScalarUDF::new_from_impl(Checked { arithmetic, signature: Signature::variadic_any(Volatility::Immutable) })
    }

    /// Writes a call as the engine names a column of the operator, so that columns keep their names.
    fn written(&self, arguments: &[Expr], write: impl Fn(&Expr) -> String) -> String {
        match arguments {
            [argument] => format!("(- {})", write(argument)),
            [left, right] => format!("{} {} {}", write(left), self.arithmetic.operator(), write(right)),
            _ => self.name().to_owned(),
        }
    }
}

impl ScalarUDFImpl for Checked {
    fn name(&self) -> &str {
        match self.arithmetic {
            Arithmetic::Plus => "squall_checked_plus",
            Arithmetic::Minus => "squall_checked_minus",
            Arithmetic::Times => "squall_checked_times",
            Arithmetic::ShiftLeft => "squall_checked_shift_left",
            Arithmetic::ShiftRight => "squall_checked_shift_right",
        }
    }

    fn display_name(&self, arguments: &[Expr]) -> Result<String> {
        Ok(self.written(arguments, ToString::to_string))
    }

    fn schema_name(&self, arguments: &[Expr]) -> Result<String> {
        Ok(self.written(arguments, |argument| argument.schema_name().to_string()))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(types[0].clone())
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs) -> Result<FieldRef> {
        let [first, ..] = arguments.arg_fields else { return internal_err!("arithmetic without operands") };
        let nullable = arguments.arg_fields.iter().any(|field| field.is_nullable());
        Ok(Arc::new(Field::new(self.name(), first.data_type().clone(), nullable)))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let calculated = match arguments.args.as_slice() {
            [left, right] => {
                let calculate: fn(&dyn Datum, &dyn Datum) -> Result<ArrayRef, ArrowError> = match self.arithmetic {
                    Arithmetic::Plus => add,
                    Arithmetic::Minus => sub,
                    Arithmetic::Times => mul,
                    Arithmetic::ShiftLeft => shifts::left,
                    Arithmetic::ShiftRight => shifts::right,
                };
                apply(left, right, calculate)
            }
            [argument] => argument.to_array(1.max(arguments.number_rows)).and_then(|values: ArrayRef| {
                let negated = neg(&values)?;
                Ok(match argument {
                    ColumnarValue::Scalar(_) => ColumnarValue::Scalar(ScalarValue::try_from_array(&negated, 0)?),
                    ColumnarValue::Array(_) => ColumnarValue::Array(negated),
                })
            }),
            _ => internal_err!("arithmetic without operands"),
        };
        calculated.map_err(|error| overflow(error, arguments.return_field.data_type()))
    }
}

/// Says in a sentence that a number is too large.
fn overflow(error: DataFusionError, data_type: &DataType) -> DataFusionError {
    let DataFusionError::ArrowError(arrow, _) = &error else { return error };
    let ArrowError::ArithmeticOverflow(text) = arrow.as_ref() else { return error };
    let what = text.strip_prefix("Overflow happened on: ").unwrap_or(text);
    refuse(
        format!("{what} is outside the range of {data_type}"),
        "calculate with a wider type: x::DECIMAL(38, 0) + 1, or x::DOUBLE + 1",
    )
}
