//! Integers and their exact totals.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, UInt64Array};
use datafusion::arrow::datatypes::{DataType, Int64Type, UInt64Type};
use datafusion::common::{Result, exec_err};

use crate::rolling::kernel::bounds::Frames;
use crate::rolling::kernel::integer_totals::IntegerTotals;
use crate::rolling::kernel::integers::{Integers, Origin};
use crate::rolling::kernel::moments::Powers;
use crate::rolling::keys::validity;
use crate::rolling::plan::{Call, Planned};
use crate::rolling::reading::{Column, Kernel};

impl Column for Integers {
    type Form = Powers;

    fn new(powers: &Powers, _types: &[DataType]) -> Self {
        Integers::new(*powers)
    }

    /// Totals that include squares also serve figures that need fewer powers.
    fn common_form(a: &Powers, b: &Powers) -> Option<Powers> {
        Some(if a == b { *a } else { Powers::ValuesAndSquares })
    }

    fn extend(&mut self, arrays: &[ArrayRef], _position: usize) -> Result<()> {
        let valid = validity(&arrays[0]);
        if let Some(values) = arrays[0].as_primitive_opt::<UInt64Type>() {
            self.extend(values.values().iter().map(|value| i128::from(*value)), valid.as_deref());
        } else {
            let values = arrays[0].as_primitive::<Int64Type>();
            self.extend(values.values().iter().map(|value| i128::from(*value)), valid.as_deref());
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

/// What is computed from the totals of a frame.
trait Figure: Send {
    fn of(&self, totals: &mut dyn Iterator<Item = IntegerTotals>) -> Result<ArrayRef>;
}

/// The sum itself.
struct Sum {
    unsigned: bool,
}

impl Figure for Sum {
    fn of(&self, totals: &mut dyn Iterator<Item = IntegerTotals>) -> Result<ArrayRef> {
        let sums = totals.map(|totals| (totals.count > 0).then_some(totals.sum));
        let found: Result<ArrayRef, _> = if self.unsigned {
            let sums = sums.map(|sum| sum.map(u64::try_from).transpose());
            sums.collect::<Result<UInt64Array, _>>().map(|sums| Arc::new(sums) as ArrayRef)
        } else {
            let sums = sums.map(|sum| sum.map(i64::try_from).transpose());
            sums.collect::<Result<Int64Array, _>>().map(|sums| Arc::new(sums) as ArrayRef)
        };
        let Ok(found) = found else {
            let data_type = if self.unsigned { "BIGINT UNSIGNED" } else { "BIGINT" };
            return exec_err!(
                "a sum is outside the range of {data_type}; sum a wider type, such as sum(x::DECIMAL(38, 0))"
            );
        };
        Ok(found)
    }
}

/// A figure that is a double.
struct Double(fn(&IntegerTotals) -> Option<f64>);

impl Figure for Double {
    fn of(&self, totals: &mut dyn Iterator<Item = IntegerTotals>) -> Result<ArrayRef> {
        Ok(Arc::new(totals.map(|totals| (self.0)(&totals)).collect::<Float64Array>()))
    }
}

/// Computes a figure of each frame.
struct OfTotals<F> {
    figure: F,
    cumulative: bool,
    origin: Origin,
    end: usize,
}

impl<F: Figure> Kernel<Integers> for OfTotals<F> {
    fn evaluate(&mut self, integers: &Integers, frames: &Frames) -> Result<ArrayRef> {
        let origin = &mut self.origin;
        let found = self.figure.of(&mut frames.each().map(|(start, end)| integers.totals(origin, start, end)))?;
        self.end = frames.end.last().copied().unwrap_or(self.end);
        Ok(found)
    }

    fn oldest(&self, spanned: usize) -> usize {
        if self.cumulative { self.end } else { spanned }
    }
}

/// Returns whether a call has one argument of 64-bit integers.
pub fn takes(call: &Call) -> bool {
    call.arguments.len() == 1 && matches!(call.data_type(0), Some(DataType::Int64 | DataType::UInt64))
}

/// Plans a sum of integers.
pub fn sum(call: &Call) -> Option<Planned> {
    let (unsigned, cumulative) = (call.data_type(0) == Some(DataType::UInt64), call.is_cumulative());
    let kernel = move || OfTotals { figure: Sum { unsigned }, cumulative, origin: Origin::default(), end: 0 };
    call.read::<Integers, _>(Powers::Values, kernel)
}

/// Plans another figure of integers.
pub fn plan(call: &Call, powers: Powers, figure: fn(&IntegerTotals) -> Option<f64>) -> Option<Planned> {
    let cumulative = call.is_cumulative();
    let kernel = move || OfTotals { figure: Double(figure), cumulative, origin: Origin::default(), end: 0 };
    call.read::<Integers, _>(powers, kernel)
}
