//! `sum`: of doubles, exact and rounded once; of integers, exact, and an error if it does not fit.

use datafusion::common::Result;
use datafusion::functions_aggregate::sum::sum_udaf;

use super::{Definition, Function, NUMBERS};
use crate::rolling::columns::{doubles, integers};
use crate::rolling::kernel::cumulative::Cumulative;
use crate::rolling::kernel::moments::{Moments, Powers};
use crate::rolling::plan::{Call, Planned};

pub static SUM: Function = Function { definition: Definition::Aggregate(sum_udaf, "sum(x)"), takes: NUMBERS, plan };

fn plan(call: &Call) -> Result<Option<Planned>> {
    if integers::takes(call) {
        return Ok(integers::sum(call));
    }
    Ok(doubles::plan(call, Powers::Values, Moments::sum, Cumulative::sum))
}
