//! Intervals are compared by their lengths.
//!
//! The engine compares months first, then days, then the rest, so that 24 hours are less than a day and 40 days less than a month. In: an
//! analyzed plan. Out: the same plan, in which comparisons and ORDER BY take a month as 30 days and a day as 24 hours, as PostgreSQL and
//! DuckDB do. The least and the greatest interval would need the same, and are refused.
//!
//! Upstream: apache/datafusion#8468.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{ArrayRef, AsArray, Decimal128Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, IntervalMonthDayNanoType, IntervalUnit};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr::{InList, ScalarFunction};
use datafusion::logical_expr::{
    Between, BinaryExpr, ColumnarValue, Expr, ExprSchemable, LogicalPlan, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility,
};
use datafusion::optimizer::AnalyzerRule;

use super::{refuse, rewritten};

const LENGTH: DataType = DataType::Decimal128(38, 0);
const DAY: i128 = 86_400_000_000_000;

/// Makes comparisons and ORDER BY of intervals take their lengths.
#[derive(Debug)]
pub struct LengthsOfIntervals;

impl AnalyzerRule for LengthsOfIntervals {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let sorted = plan.transform_up_with_subqueries(|plan| {
            let LogicalPlan::Sort(mut sort) = plan else { return Ok(Transformed::no(plan)) };
            let schema = Arc::clone(sort.input.schema());
            let mut changed = false;
            for key in &mut sort.expr {
                if is_interval(&key.expr, &schema)? {
                    key.expr = length(std::mem::take(&mut key.expr));
                    changed = true;
                }
            }
            Ok(match changed {
                true => Transformed::yes(LogicalPlan::Sort(sort)),
                false => Transformed::no(LogicalPlan::Sort(sort)),
            })
        });
        rewritten(sorted.data()?, compared)
    }

    fn name(&self) -> &str {
        "squall_lengths_of_intervals"
    }
}

fn compared(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let boxed = |expr: Box<Expr>| Box::new(length(*expr));
    Ok(Transformed::yes(match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right })
            if op.supports_propagation() && is_interval(&left, schema)? && is_interval(&right, schema)? =>
        {
            Expr::BinaryExpr(BinaryExpr::new(boxed(left), op, boxed(right)))
        }
        Expr::Between(Between { expr, negated, low, high }) if is_interval(&expr, schema)? => {
            Expr::Between(Between::new(boxed(expr), negated, boxed(low), boxed(high)))
        }
        Expr::InList(InList { expr, list, negated }) if is_interval(&expr, schema)? => {
            Expr::InList(InList::new(boxed(expr), list.into_iter().map(length).collect(), negated))
        }
        Expr::AggregateFunction(call)
            if matches!(call.func.name(), "min" | "max") && is_interval(&call.params.args[0], schema)? =>
        {
            return Err(refuse(
                format!("{} of intervals is not supported", call.func.name()),
                "take a number instead, such as extract(epoch FROM x)",
            ));
        }
        expr => return Ok(Transformed::no(expr)),
    }))
}

fn is_interval(expr: &Expr, schema: &DFSchema) -> Result<bool> {
    Ok(matches!(expr.get_type(schema)?, DataType::Interval(_)))
}

/// Returns the interval whose length a call is; `None` for another call.
pub fn measured(call: &ScalarFunction) -> Option<&Expr> {
    call.args.first().filter(|_| call.func.inner().is::<IntervalLength>())
}

fn length(interval: Expr) -> Expr {
    INTERVAL_LENGTH.call(vec![interval])
}

static INTERVAL_LENGTH: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| {
    Arc::new(ScalarUDF::new_from_impl(IntervalLength { signature: Signature::any(1, Volatility::Immutable) }))
});

/// Returns the length of an interval in nanoseconds.
#[derive(Debug, PartialEq, Eq, Hash)]
struct IntervalLength {
    signature: Signature,
}

impl ScalarUDFImpl for IntervalLength {
    fn name(&self) -> &str {
        "squall_interval_length"
    }

    fn schema_name(&self, arguments: &[Expr]) -> Result<String> {
        Ok(arguments.iter().map(|argument| argument.schema_name().to_string()).collect())
    }

    fn display_name(&self, arguments: &[Expr]) -> Result<String> {
        Ok(arguments.iter().map(ToString::to_string).collect())
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(LENGTH)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let intervals = args.args[0].to_array(args.number_rows)?;
        let intervals = cast(&intervals, &DataType::Interval(IntervalUnit::MonthDayNano))?;
        let intervals = intervals.as_primitive::<IntervalMonthDayNanoType>();
        let lengths = intervals.iter().map(|interval| {
            let interval = interval?;
            let days = i128::from(interval.months) * 30 + i128::from(interval.days);
            Some(days * DAY + i128::from(interval.nanoseconds))
        });
        let lengths: Decimal128Array = lengths.collect();
        Ok(ColumnarValue::Array(Arc::new(lengths.with_data_type(LENGTH)) as ArrayRef))
    }
}
