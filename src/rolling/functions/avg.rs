//! `avg`: the mean of doubles and of integers, correctly rounded.

use datafusion::common::Result;
use datafusion::functions_aggregate::average::avg_udaf;

use super::{Definition, Function, NUMBERS};
use crate::rolling::columns::{doubles, integers};
use crate::rolling::kernel::cumulative::Cumulative;
use crate::rolling::kernel::integer_totals::IntegerTotals;
use crate::rolling::kernel::moments::{Moments, Powers};
use crate::rolling::plan::{Call, Planned};

pub static AVG: Function = Function { definition: Definition::Aggregate(avg_udaf, "avg(x)"), takes: NUMBERS, plan };

fn plan(call: &Call) -> Result<Option<Planned>> {
    if integers::takes(call) {
        return Ok(integers::plan(call, Powers::Values, IntegerTotals::mean));
    }
    Ok(doubles::plan(call, Powers::Values, Moments::mean, Cumulative::mean))
}
