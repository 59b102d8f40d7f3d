//! `time_weighted_avg`: the mean over time within the frame; each value holds until the next one.

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::common::Result;

use crate::rolling::kernel::holding::{Holding, HoldingScan};
use crate::rolling::keys::{ascending, is_countable};
use crate::rolling::own::{OwnFunction, TS, Takes, VALUE};
use crate::rolling::plan::{Call, Planned};
use crate::rolling::reading::{Column, Figure};
use crate::text::documentation::{Documentation, Example, Kind, Outcome, Section};

const DOCUMENTATION: Documentation = Documentation {
    name: "time_weighted_avg",
    kind: Kind::Window,
    section: Section::RollingWindows,
    summary: "Returns the mean over time within the frame, each value holding until the time of the next",
    arguments: &[VALUE, TS],
    result: Outcome {
        sql_type: "DOUBLE",
        meaning: "between the least and the greatest value; the frame's last value holds for no time; NaN or infinite if such a value holds for some time",
        when_null: "no time passes within the frame",
    },
    example: Example {
        query: "SELECT t, time_weighted_avg(price, t) OVER (ORDER BY t) FROM (VALUES (0, 100.0), (10, 103.0), (40, 109.0)) AS ticks (t, price)",
        output: "0 | NULL\n10 | 100.0\n40 | 102.25",
    },
    source: "TimescaleDB Toolkit, average(time_weight('LOCF', …))",
};

pub static TIME_WEIGHTED_AVG: OwnFunction =
    OwnFunction::of_doubles(&DOCUMENTATION, "numbers, and timestamps or integers", &[Takes::Number, Takes::Time], plan);

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
