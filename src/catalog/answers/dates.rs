//! A date and an interval with hours.
//!
//! The engine adds an interval to a date and returns a date, so that hours are lost. In: a plan as it was written. Out: the same
//! plan, in which a date is a timestamp before an interval is added that may hold hours. An interval that is written as days, weeks,
//! months or years leaves it a date.

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, LogicalPlan, Operator, cast};
use datafusion::optimizer::AnalyzerRule;

use super::rewritten;

/// Makes a date a timestamp where hours are added.
#[derive(Debug)]
pub struct DatesWithHours;

impl AnalyzerRule for DatesWithHours {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        rewritten(plan, |expr, schema| {
            let Expr::BinaryExpr(BinaryExpr { left, op, right }) = expr else { return Ok(Transformed::no(expr)) };
            let (mut left, mut right) = (left, right);
            let adds = matches!(op, Operator::Plus | Operator::Minus);
            let changed = if adds && is_date(&left, schema) && may_hold_hours(&right, schema) {
                *left = timestamp(*left);
                true
            } else if op == Operator::Plus && is_date(&right, schema) && may_hold_hours(&left, schema) {
                *right = timestamp(*right);
                true
            } else {
                false
            };
            let sum = Expr::BinaryExpr(BinaryExpr { left, op, right });
            Ok(if changed { Transformed::yes(sum) } else { Transformed::no(sum) })
        })
    }

    fn name(&self) -> &str {
        "squall_dates_with_hours"
    }
}

/// What has no type yet is left to the engine's own check.
fn is_date(expr: &Expr, schema: &DFSchema) -> bool {
    matches!(expr.get_type(schema), Ok(DataType::Date32 | DataType::Date64))
}

fn may_hold_hours(expr: &Expr, schema: &DFSchema) -> bool {
    match expr {
        Expr::Literal(ScalarValue::IntervalMonthDayNano(Some(interval)), _) => interval.nanoseconds != 0,
        Expr::Literal(ScalarValue::IntervalYearMonth(_), _) => false,
        Expr::Literal(ScalarValue::IntervalDayTime(Some(interval)), _) => interval.milliseconds != 0,
        other => matches!(other.get_type(schema), Ok(DataType::Interval(_))),
    }
}

fn timestamp(date: Expr) -> Expr {
    cast(date, DataType::Timestamp(TimeUnit::Nanosecond, None))
}
