//! Shifts by more bits than a number has, and shifts that lose bits.
//!
//! The engine takes the number of bits modulo 64 and drops what leaves the number: `1 << 64` is 1, and `1 << -1` is negative. In: an
//! analyzed plan. Out: the same plan, in which `<<` and `>>` of integers are functions that check, with DuckDB's rules. They print as the
//! operators do, so that columns keep their names.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, PrimitiveArray, downcast_integer};
use datafusion::arrow::datatypes::{ArrowPrimitiveType, DataType};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Result, internal_err};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, ExprSchemable, LogicalPlan, Operator, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility,
};
use datafusion::optimizer::AnalyzerRule;

use super::{refuse, rewritten};

/// Makes shifts check their operands.
#[derive(Debug)]
pub struct CheckShifts;

impl AnalyzerRule for CheckShifts {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        rewritten(plan, |expr, schema| {
            let Expr::BinaryExpr(BinaryExpr { left, op, right }) = &expr else { return Ok(Transformed::no(expr)) };
            let to_left = match op {
                Operator::BitwiseShiftLeft => true,
                Operator::BitwiseShiftRight => false,
                _ => return Ok(Transformed::no(expr)),
            };
            let kind = left.get_type(schema)?;
            if !kind.is_integer() || right.get_type(schema)? != kind {
                return Ok(Transformed::no(expr));
            }
            let shift = Shift { to_left, signature: Signature::any(2, Volatility::Immutable) };
            let arguments = vec![left.as_ref().clone(), right.as_ref().clone()];
            Ok(Transformed::yes(ScalarUDF::new_from_impl(shift).call(arguments)))
        })
    }

    fn name(&self) -> &str {
        "squall_check_shifts"
    }
}

/// `<<` or `>>` of two integers of the same type.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Shift {
    to_left: bool,
    signature: Signature,
}

impl Shift {
    fn operator(&self) -> &'static str {
        if self.to_left { "<<" } else { ">>" }
    }

    fn written(&self, arguments: &[Expr], write: impl Fn(&Expr) -> String) -> String {
        match arguments {
            [left, right] => format!("{} {} {}", write(left), self.operator(), write(right)),
            _ => self.name().to_owned(),
        }
    }

    fn shifted<T>(&self, left: &ArrayRef, right: &ArrayRef) -> Result<ArrayRef>
    where
        T: ArrowPrimitiveType,
        T::Native: Into<i128> + TryFrom<i128>,
    {
        let rows = left.as_primitive::<T>().iter().zip(right.as_primitive::<T>());
        let found: PrimitiveArray<T> = rows
            .map(|(value, bits)| {
                let (Some(value), Some(bits)) = (value, bits) else { return Ok(None) };
                let (value, bits) = (value.into(), bits.into());
                let shifted = self.of(value, bits).and_then(|shifted| T::Native::try_from(shifted).ok());
                shifted.map(Some).ok_or_else(|| self.refused(value, bits, &T::DATA_TYPE))
            })
            .collect::<Result<_>>()?;
        Ok(Arc::new(found))
    }

    /// Returns a number that may be too large for its type; `None` if there is none.
    fn of(&self, value: i128, bits: i128) -> Option<i128> {
        let bits = u32::try_from(bits).ok()?;
        match self.to_left {
            true if value < 0 => None,
            true if value == 0 => Some(0),
            true => (bits < 64).then(|| value << bits),
            false => Some(value >> bits.min(127)),
        }
    }

    fn refused(&self, value: i128, bits: i128, data_type: &DataType) -> DataFusionError {
        let operator = self.operator();
        if bits < 0 {
            return refuse(
                format!("{value} {operator} {bits} shifts by a negative number of bits"),
                "shift in the other direction",
            );
        }
        refuse(
            format!("{value} {operator} {bits} is outside the range of {data_type}, or shifts a negative number"),
            "multiply by a power of two instead, with a wider type if need be",
        )
    }
}

impl ScalarUDFImpl for Shift {
    fn name(&self) -> &str {
        if self.to_left { "squall_shift_left" } else { "squall_shift_right" }
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

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [left, right] = arguments.args.as_slice() else { return internal_err!("a shift has two operands") };
        let (left, right) = (left.to_array(arguments.number_rows)?, right.to_array(arguments.number_rows)?);
        macro_rules! shifted {
            ($kind:ty) => {
                self.shifted::<$kind>(&left, &right)
            };
        }
        let found = downcast_integer! {
            left.data_type() => (shifted),
            _ => internal_err!("a shift of something else than integers")
        };
        found.map(ColumnarValue::Array)
    }
}
