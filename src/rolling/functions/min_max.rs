//! `min` and `max`.

use std::sync::Arc;

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::functions_aggregate::min_max::{max_udaf, min_udaf};
use datafusion::logical_expr::AggregateUDF;

use super::{Definition, Function};
use crate::rolling::columns::ordered_values::OrderedValues;
use crate::rolling::kernel::bounds::Frames;
use crate::rolling::kernel::extremum::{Extremum, Which};
use crate::rolling::ordered::unordered;
use crate::rolling::plan::{Call, Planned};
use crate::rolling::reading::Kernel;

pub static MIN: Function = function(min_udaf, "min(x)", |call| plan(call, Which::Least));
pub static MAX: Function = function(max_udaf, "max(x)", |call| plan(call, Which::Greatest));

const fn function(
    aggregate: fn() -> Arc<AggregateUDF>,
    syntax: &'static str,
    plan: fn(&Call) -> Result<Option<Planned>>,
) -> Function {
    let takes = "numbers and timestamps: integers, FLOAT, DOUBLE, TIMESTAMP";
    Function { definition: Definition::Aggregate(aggregate, syntax), takes, plan }
}

fn plan(call: &Call, which: Which) -> Result<Option<Planned>> {
    let covered = call.data_type(0).is_some_and(|data_type| {
        data_type.is_integer() || matches!(data_type, DataType::Float64 | DataType::Float32 | DataType::Timestamp(_, _))
    });
    if !covered || call.arguments.len() != 1 {
        return Ok(None);
    }
    let cumulative = call.is_cumulative();
    Ok(call.read::<OrderedValues, _>((), move || Extreme { candidates: Extremum::new(which, cumulative), end: 0 }))
}

/// Finds the smallest or the largest value.
struct Extreme {
    candidates: Extremum,
    end: usize,
}

impl Kernel<OrderedValues> for Extreme {
    fn evaluate(&mut self, column: &OrderedValues, frames: &Frames) -> Result<ArrayRef> {
        let mut keys = Vec::with_capacity(frames.start.len());
        self.candidates.advance(&column.values, frames, |key| keys.push(key));
        self.end = frames.end.last().copied().unwrap_or(self.end);
        unordered(keys, &column.data_type)
    }

    /// The candidates are remembered, so their rows need not be kept.
    fn oldest(&self, _spanned: usize) -> usize {
        self.end
    }

    fn bytes(&self) -> usize {
        self.candidates.bytes()
    }
}
