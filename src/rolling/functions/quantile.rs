//! `median` and `percentile_cont`.

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::functions_aggregate::median::median_udaf;
use datafusion::functions_aggregate::percentile_cont::percentile_cont_udaf;

use super::{Definition, Function};
use crate::rolling::columns::ordered_values::OrderedValues;
use crate::rolling::kernel::bounds::Frames;
use crate::rolling::kernel::quantile::{Quantile, Rank};
use crate::rolling::ordered::{floats, from_key};
use crate::rolling::plan::{Call, Planned};
use crate::rolling::reading::Kernel;

pub static MEDIAN: Function = Function {
    definition: Definition::Aggregate(median_udaf, "median(x)"),
    takes: "FLOAT, DOUBLE",
    plan: |call| Ok(if call.arguments.len() == 1 { plan(call, Rank::Median) } else { None }),
};

pub static PERCENTILE_CONT: Function = Function {
    definition: Definition::Aggregate(percentile_cont_udaf, "percentile_cont(x, fraction)"),
    takes: "numbers, and a constant in [0, 1]",
    plan: |call| Ok(percentile(call).and_then(|rank| plan(call, rank))),
};

/// Reads a percentile, which the engine has coerced to a double. A percentile that DataFusion would refuse is left to
/// DataFusion.
fn percentile(call: &Call) -> Option<Rank> {
    match call.constant(1)? {
        ScalarValue::Float64(Some(fraction)) if (0.0..=1.0).contains(fraction) => Some(Rank::Percentile(*fraction)),
        _ => None,
    }
}

fn plan(call: &Call, rank: Rank) -> Option<Planned> {
    if !matches!(call.data_type(0)?, DataType::Float64 | DataType::Float32) {
        return None;
    }
    let arguments = call.arguments[..1].to_vec();
    call.read_arguments::<OrderedValues, _>(arguments, (), move || RankedValues {
        quantile: Quantile::new(rank),
        end: 0,
    })
}

/// Finds the value at a rank.
struct RankedValues {
    quantile: Quantile,
    end: usize,
}

impl Kernel<OrderedValues> for RankedValues {
    fn evaluate(&mut self, column: &OrderedValues, frames: &Frames) -> Result<ArrayRef> {
        let data_type = &column.data_type;
        let mut found = Vec::with_capacity(frames.start.len());
        self.quantile.advance(&column.values, frames, |key| from_key(key, data_type), |value| found.push(value));
        self.end = frames.end.last().copied().unwrap_or(self.end);
        Ok(floats(found, data_type))
    }

    /// The values of the last frame are remembered, so their rows need not be kept.
    fn oldest(&self, _spanned: usize) -> usize {
        self.end
    }

    fn bytes(&self) -> usize {
        self.quantile.bytes()
    }
}
