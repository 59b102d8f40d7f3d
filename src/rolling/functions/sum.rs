//! `sum`: of doubles, exact and rounded once; of integers, with wraparound as in DataFusion.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Int64Array, UInt64Array};
use datafusion::arrow::datatypes::{DataType, Int64Type, UInt64Type};
use datafusion::common::Result;
use datafusion::functions_aggregate::sum::sum_udaf;

use super::{Definition, Function, NUMBERS};
use crate::rolling::columns::doubles;
use crate::rolling::kernel::bounds::Frames;
use crate::rolling::kernel::cumulative::Cumulative;
use crate::rolling::kernel::integers::{Integers, Origin};
use crate::rolling::kernel::moments::{Moments, Powers};
use crate::rolling::keys::validity;
use crate::rolling::plan::{Call, Planned};
use crate::rolling::reading::{Column, Kernel};

pub static SUM: Function = Function { definition: Definition::Aggregate(sum_udaf, "sum(x)"), takes: NUMBERS, plan };

fn plan(call: &Call) -> Result<Option<Planned>> {
    let data_type = call.data_type(0);
    if !matches!(data_type, Some(DataType::Int64 | DataType::UInt64)) || call.arguments.len() != 1 {
        return Ok(doubles::plan(call, Powers::Values, Moments::sum, Cumulative::sum));
    }
    let (unsigned, cumulative) = (data_type == Some(DataType::UInt64), call.is_cumulative());
    Ok(call.read::<Integers, _>((), move || SumIntegers { unsigned, cumulative, origin: Origin::default(), end: 0 }))
}

impl Column for Integers {
    type Form = ();

    fn new(_form: &(), _types: &[DataType]) -> Self {
        Integers::default()
    }

    fn extend(&mut self, arrays: &[ArrayRef], _position: usize) -> Result<()> {
        let valid = validity(&arrays[0]);
        if let Some(values) = arrays[0].as_primitive_opt::<UInt64Type>() {
            self.extend(values.values().iter().map(|value| value.cast_signed()), valid.as_deref());
        } else {
            let values = arrays[0].as_primitive::<Int64Type>();
            self.extend(values.values().iter().copied(), valid.as_deref());
        }
        Ok(())
    }

    fn release(&mut self, position: usize) {
        self.release(position);
    }

    fn bytes(&self) -> usize {
        self.bytes()
    }
}

/// Sums integers.
struct SumIntegers {
    unsigned: bool,
    cumulative: bool,
    origin: Origin,
    end: usize,
}

impl Kernel<Integers> for SumIntegers {
    fn evaluate(&mut self, integers: &Integers, frames: &Frames) -> Result<ArrayRef> {
        let origin = &mut self.origin;
        let found = frames.each().map(|(start, end)| integers.sum(origin, start, end));
        let found: ArrayRef = if self.unsigned {
            Arc::new(UInt64Array::from_iter(found.map(|sum| sum.map(i64::cast_unsigned))))
        } else {
            Arc::new(Int64Array::from_iter(found))
        };
        self.end = frames.end.last().copied().unwrap_or(self.end);
        Ok(found)
    }

    fn oldest(&self, spanned: usize) -> usize {
        if self.cumulative { self.end } else { spanned }
    }
}
