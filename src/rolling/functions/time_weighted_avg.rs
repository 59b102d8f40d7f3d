//! `time_weighted_avg`: the mean over time within the frame; each value holds until the next one.

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::common::Result;

use crate::rolling::kernel::holding::{Holding, HoldingScan};
use crate::rolling::keys::{ascending, is_countable};
use crate::rolling::own::{OwnFunction, Takes};
use crate::rolling::plan::{Call, Planned};
use crate::rolling::reading::{Column, Figure};

pub static TIME_WEIGHTED_AVG: OwnFunction = OwnFunction::of_doubles(
    "time_weighted_avg",
    "time_weighted_avg(value, ts)",
    "numbers, and timestamps or integers",
    &[("value", Takes::Number), ("ts", Takes::Time)],
    plan,
);

fn plan(call: &Call) -> Result<Option<Planned>> {
    let covered = call.data_type(0) == Some(DataType::Float64) && call.data_type(1).is_some_and(|ts| is_countable(&ts));
    if !covered {
        return Ok(None);
    }
    Ok(call.read::<Holding, _>((), || {
        let mut scan = HoldingScan::default();
        Figure(move |holding: &Holding, start, end| holding.average(&mut scan, start, end))
    }))
}

impl Column for Holding {
    type Form = ();

    fn new(_form: &(), _types: &[DataType]) -> Self {
        Holding::default()
    }

    fn extend(&mut self, arrays: &[ArrayRef], _position: usize) -> Result<()> {
        let (values, times) = (arrays[0].as_primitive::<Float64Type>(), &arrays[1]);
        let valid: Vec<bool> = (0..values.len()).map(|row| values.is_valid(row) && times.is_valid(row)).collect();
        self.extend(values.values(), &ascending(times, false)?, &valid);
        Ok(())
    }

    fn release(&mut self, position: usize) {
        self.release(position);
    }

    fn bytes(&self) -> usize {
        self.bytes()
    }
}
