//! `var_samp`, `var_pop`, `stddev_samp`, `stddev_pop`: computed from the exact sums of values and of their squares.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::functions_aggregate::stddev::{stddev_pop_udaf, stddev_udaf};
use datafusion::functions_aggregate::variance::{var_pop_udaf, var_samp_udaf};
use datafusion::logical_expr::AggregateUDF;

use super::{Definition, Function, NUMBERS};
use crate::rolling::columns::{doubles, integers};
use crate::rolling::kernel::cumulative::Cumulative;
use crate::rolling::kernel::integer_totals::IntegerTotals;
use crate::rolling::kernel::moments::{Moments, Powers};
use crate::rolling::plan::{Call, Planned};

pub static VAR_SAMP: Function = function::<true, false>(var_samp_udaf, "var_samp(x)");
pub static VAR_POP: Function = function::<false, false>(var_pop_udaf, "var_pop(x)");
pub static STDDEV_SAMP: Function = function::<true, true>(stddev_udaf, "stddev_samp(x)");
pub static STDDEV_POP: Function = function::<false, true>(stddev_pop_udaf, "stddev_pop(x)");

const fn function<const SAMPLE: bool, const ROOT: bool>(
    aggregate: fn() -> Arc<AggregateUDF>,
    syntax: &'static str,
) -> Function {
    Function { definition: Definition::Aggregate(aggregate, syntax), takes: NUMBERS, plan: plan::<SAMPLE, ROOT> }
}

fn plan<const SAMPLE: bool, const ROOT: bool>(call: &Call) -> Result<Option<Planned>> {
    if integers::takes(call) {
        let figure = |totals: &IntegerTotals| if ROOT { totals.deviation(SAMPLE) } else { totals.variance(SAMPLE) };
        return Ok(integers::plan(call, Powers::ValuesAndSquares, figure));
    }
    let (sliding, growing) = (Moments::variance::<SAMPLE, ROOT>, Cumulative::variance::<SAMPLE, ROOT>);
    Ok(doubles::plan(call, Powers::ValuesAndSquares, sliding, growing))
}
