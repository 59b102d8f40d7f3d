//! EXTRACT from a difference of times.
//!
//! A difference is a duration, and not the interval that other engines make of it. Of it the engine returns whole seconds since 1970 as the
//! epoch, the hours of all days as hours, and microseconds modulo 2^32. In: an analyzed plan. Out: the epoch with its fraction; other
//! parts are an error.
//!
//! Upstream: apache/datafusion#14738 and #14817.

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, cast, lit};
use datafusion::optimizer::AnalyzerRule;

use super::{refuse, rewritten};

/// Computes the epoch of durations, and refuses their other parts.
#[derive(Debug)]
pub struct PartsOfDurations;

impl AnalyzerRule for PartsOfDurations {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        rewritten(plan, |expr, schema| {
            let Expr::ScalarFunction(call) = &expr else { return Ok(Transformed::no(expr)) };
            let ("date_part", [part, duration]) = (call.func.name(), call.args.as_slice()) else {
                return Ok(Transformed::no(expr));
            };
            let DataType::Duration(unit) = duration.get_type(schema)? else { return Ok(Transformed::no(expr)) };
            match part {
                Expr::Literal(part, _)
                    if part.try_as_str().flatten().is_some_and(|part| part.eq_ignore_ascii_case("epoch")) =>
                {
                    let count = cast(cast(duration.clone(), DataType::Int64), DataType::Float64);
                    Ok(Transformed::yes(count / lit(per_second(unit))))
                }
                part => Err(refuse(
                    format!("{part} cannot be taken from a difference of times, which has no days and hours"),
                    "write date_diff('hour', a, b), or extract(epoch FROM b - a) for its seconds",
                )),
            }
        })
    }

    fn name(&self) -> &str {
        "squall_parts_of_durations"
    }
}

fn per_second(unit: TimeUnit) -> f64 {
    match unit {
        TimeUnit::Second => 1.0,
        TimeUnit::Millisecond => 1e3,
        TimeUnit::Microsecond => 1e6,
        TimeUnit::Nanosecond => 1e9,
    }
}
