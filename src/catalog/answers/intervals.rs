//! Intervals are compared by their lengths.
//!
//! The engine compares months first, then days, then the rest, so that 24 hours are less than a day and 40 days less than a month. In: an
//! analyzed plan. Out: the same plan, in which comparisons and orders take a month as 30 days and a day as 24 hours, as PostgreSQL and
//! DuckDB do. Where one of several equal intervals would have to be returned, the plan is refused: GROUP BY, DISTINCT, USING, `min`, `max`,
//! `greatest`, `least`.
//!
//! Upstream: apache/datafusion#8468.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{ArrayRef, AsArray, Decimal128Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, IntervalMonthDayNanoType, IntervalUnit};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::expr::{Case, InList, ScalarFunction};
use datafusion::logical_expr::{
    Between, BinaryExpr, ColumnarValue, Expr, ExprSchemable, LogicalPlan, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility, when,
};
use datafusion::optimizer::AnalyzerRule;

use super::{refuse, rewritten, with_keys};

const LENGTH: DataType = DataType::Decimal128(38, 0);
const DAY: i128 = 86_400_000_000_000;

/// Makes comparisons and ORDER BY of intervals take their lengths.
#[derive(Debug)]
pub struct LengthsOfIntervals;

impl AnalyzerRule for LengthsOfIntervals {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let plan = with_keys(plan, |key, schema, _| {
            Ok(if is_interval(key, schema)? { Some(length(key.clone())) } else { None })
        })?;
        let plan = rewritten(plan, compared)?;
        plan.apply_with_subqueries(|plan| {
            refuse_groups(plan)?;
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(plan)
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
        Expr::Case(Case { expr: Some(expr), when_then_expr, else_expr }) if is_interval(&expr, schema)? => {
            let when_then = when_then_expr.into_iter().map(|(when, then)| (boxed(when), then)).collect();
            Expr::Case(Case::new(Some(boxed(expr)), when_then, else_expr))
        }
        Expr::ScalarFunction(call) if call.name() == "nullif" && takes_interval(&call.args, schema)? => {
            let [value, other] = call.args.as_slice() else { return Ok(Transformed::no(Expr::ScalarFunction(call))) };
            when(length(value.clone()).not_eq(length(other.clone())).is_not_false(), value.clone()).end()?
        }
        Expr::ScalarFunction(call)
            if matches!(call.name(), "greatest" | "least") && takes_interval(&call.args, schema)? =>
        {
            return Err(refused(call.name()));
        }
        Expr::AggregateFunction(mut call) if takes_interval(&call.params.args, schema)? => {
            if call.params.distinct {
                return Err(refused("DISTINCT"));
            }
            call.params.args = by_length(call.func.name(), call.params.args)?;
            Expr::AggregateFunction(call)
        }
        Expr::WindowFunction(mut call) if takes_interval(&call.params.args, schema)? => {
            call.params.args = by_length(call.fun.name(), call.params.args)?;
            Expr::WindowFunction(call)
        }
        expr => return Ok(Transformed::no(expr)),
    }))
}

/// Refuses what takes rows with equal intervals as one.
fn refuse_groups(plan: &LogicalPlan) -> Result<()> {
    let any = |keys: &[Expr], schema: &DFSchema| takes_interval(keys, schema);
    let is_refused = match plan {
        LogicalPlan::Aggregate(aggregate) => any(&aggregate.group_expr, aggregate.input.schema())?,
        LogicalPlan::Distinct(distinct) => {
            distinct.input().schema().fields().iter().any(|field| matches!(field.data_type(), DataType::Interval(_)))
        }
        LogicalPlan::Join(join) => {
            let keys: Vec<Expr> = join.on.iter().map(|(left, _)| left.clone()).collect();
            any(&keys, join.left.schema())?
        }
        _ => false,
    };
    if is_refused { Err(refused("GROUP BY, DISTINCT or USING")) } else { Ok(()) }
}

/// Returns the arguments of a function that may compare them, with the length of the one by which it chooses.
fn by_length(function: &str, mut arguments: Vec<Expr>) -> Result<Vec<Expr>> {
    match function {
        "min" | "max" | "mode" => Err(refused(function)),
        "arg_min" | "arg_max" => {
            let key = arguments.pop();
            arguments.extend(key.map(length));
            Ok(arguments)
        }
        _ => Ok(arguments),
    }
}

fn refused(what: &str) -> DataFusionError {
    refuse(
        format!(
            "{what} of intervals is not supported: several intervals have the same length, such as 24 hours and 1 day"
        ),
        "take their length in seconds: extract(epoch FROM x)",
    )
}

fn takes_interval(arguments: &[Expr], schema: &DFSchema) -> Result<bool> {
    arguments.iter().try_fold(false, |found, argument| Ok(found || is_interval(argument, schema)?))
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
/// The function that the rule puts into plans.
pub fn functions() -> Vec<ScalarUDF> {
    vec![INTERVAL_LENGTH.as_ref().clone()]
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct IntervalLength {
    signature: Signature,
}

impl ScalarUDFImpl for IntervalLength {
    fn name(&self) -> &str {
        "squall_interval_length"
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
