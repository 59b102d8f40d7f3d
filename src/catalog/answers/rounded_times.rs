//! Times in coarser units.
//!
//! The engine's cast cuts the rest off towards 1970, so that half a second before 1970 is the second after it. In: an analyzed plan. Out:
//! the same plan, in which a cast to a coarser unit gives the nearest time of that unit, as in DuckDB and PostgreSQL. The functions
//! `to_timestamp_seconds` and its like give the time at or before; see `early_times`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type, TimeUnit};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::{Cast, ColumnarValue, Expr, ExprSchemable, LogicalPlan, ScalarUDF, TryCast};
use datafusion::optimizer::AnalyzerRule;

use super::early_times::ticks_in_a_second;
use super::passed::{self, passed};
use super::rewritten;

/// Makes casts to coarser units round.
#[derive(Debug)]
pub struct RoundTimes;

impl AnalyzerRule for RoundTimes {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        rewritten(plan, nearest)
    }

    fn name(&self) -> &str {
        "squall_round_times"
    }
}

fn nearest(mut expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let is_try = matches!(expr, Expr::TryCast(_));
    let (Expr::Cast(Cast { expr: time, field }) | Expr::TryCast(TryCast { expr: time, field })) = &mut expr else {
        return Ok(Transformed::no(expr));
    };
    let DataType::Timestamp(to, zone) = field.data_type() else { return Ok(Transformed::no(expr)) };
    let Some((name, pass)) = in_unit(*to) else { return Ok(Transformed::no(expr)) };
    match time.get_type(schema)? {
        DataType::Timestamp(from, _) if ticks_in_a_second(from) > ticks_in_a_second(*to) => {}
        // Text may have a fraction.
        text if text.is_string() && *to != TimeUnit::Microsecond => {
            let fine = DataType::Timestamp(TimeUnit::Microsecond, zone.clone());
            let text = std::mem::take(time);
            **time = if is_try { Expr::TryCast(TryCast::new(text, fine)) } else { Expr::Cast(Cast::new(text, fine)) };
        }
        _ => return Ok(Transformed::no(expr)),
    }
    **time = passed(name, pass, std::mem::take(time));
    Ok(Transformed::yes(expr))
}

type Pass = fn(ColumnarValue) -> Result<ColumnarValue>;

const UNITS: [(TimeUnit, &str, Pass); 3] = [
    (TimeUnit::Second, "squall_nearest_second", |times| rounded(times, TimeUnit::Second)),
    (TimeUnit::Millisecond, "squall_nearest_millisecond", |times| rounded(times, TimeUnit::Millisecond)),
    (TimeUnit::Microsecond, "squall_nearest_microsecond", |times| rounded(times, TimeUnit::Microsecond)),
];

fn in_unit(unit: TimeUnit) -> Option<(&'static str, Pass)> {
    UNITS.iter().find(|(of, ..)| *of == unit).map(|(_, name, pass)| (*name, *pass))
}

/// The functions that the rule puts into plans.
pub fn functions() -> Vec<ScalarUDF> {
    UNITS.iter().map(|(_, name, pass)| passed::function(name, *pass)).collect()
}

/// Returns times of the unit, still counted in their own one. A half goes away from 1970, as in DuckDB.
fn rounded(times: ColumnarValue, unit: TimeUnit) -> Result<ColumnarValue> {
    let DataType::Timestamp(own, _) = times.data_type() else { return Ok(times) };
    let ticks = ticks_in_a_second(own) / ticks_in_a_second(unit);
    let nearest = |values: &ArrayRef| -> Result<ArrayRef> {
        let counts = cast(values, &DataType::Int64)?;
        let counts = counts.as_primitive::<Int64Type>().unary::<_, Int64Type>(|count| {
            let half = ticks / 2 * count.signum();
            // What is too close to the end of its type is cut off.
            count.saturating_add(half) / ticks * ticks
        });
        Ok(cast(&(Arc::new(counts) as ArrayRef), values.data_type())?)
    };
    Ok(match times {
        ColumnarValue::Scalar(time) => {
            ColumnarValue::Scalar(ScalarValue::try_from_array(&nearest(&time.to_array()?)?, 0)?)
        }
        ColumnarValue::Array(times) => ColumnarValue::Array(nearest(&times)?),
    })
}
