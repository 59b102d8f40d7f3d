//! `ewma`: the mean weighted by age; a row that is one half-life older has half the weight.

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::common::Result;

use super::half_life::{Form, HALF_LIFE, HalfLives};
use crate::rolling::kernel::decay::{Decay, DecayScan};
use crate::rolling::keys::ascending;
use crate::rolling::own::{OwnFunction, Takes, VALUE};
use crate::rolling::plan::{Call, Planned};
use crate::rolling::reading::{Column, Figure};
use crate::text::documentation::{Documentation, Example, Kind, Outcome, Section};

const DOCUMENTATION: Documentation = Documentation {
    name: "ewma",
    kind: Kind::Window,
    section: Section::RollingWindows,
    summary: "Returns the mean weighted by age: a row one half-life older than the frame's last counts half as much",
    arguments: &[VALUE, HALF_LIFE],
    result: Outcome {
        sql_type: "DOUBLE",
        meaning: "between the least and the greatest value; ages are differences of the window's one ORDER BY column, rows more than 192 half-lives old do not count; NaN or infinite as long as such a value counts",
        when_null: "every row of the frame has a NULL value or a NULL time",
    },
    example: Example {
        query: "SELECT t, ewma(price, 10) OVER (ORDER BY t) FROM (VALUES (0, 100.0), (10, 103.0), (30, 109.0)) AS ticks (t, price)",
        output: "0 | 100.0\n10 | 102.0\n30 | 107.0909090909091",
    },
    source: "pandas 3.1, ewm(halflife=…, times=…, adjust=True).mean()",
};

pub static EWMA: OwnFunction = OwnFunction {
    check_call: |call, context| HalfLives("ewma").check_call(call, context),
    check_arguments: |arguments| HalfLives("ewma").check_arguments(arguments),
    ..OwnFunction::of_doubles(
        &DOCUMENTATION,
        "numbers, and a constant INTERVAL or integer",
        &[Takes::Number, Takes::HalfLife],
        plan,
    )
};

fn plan(call: &Call) -> Result<Option<Planned>> {
    let Some((form, arguments)) = HalfLives("ewma").read(call)? else { return Ok(None) };
    Ok(call.read_arguments::<WeightedByAge, _>(arguments, form, || {
        let mut scan = DecayScan::default();
        Figure(move |weighted: &WeightedByAge, start, end| weighted.decay.mean(&mut scan, start, end))
    }))
}

/// Values, and the times from which their weights follow.
#[derive(Debug)]
struct WeightedByAge {
    decay: Decay,
    descending: bool,
}

impl Column for WeightedByAge {
    type Form = Form;

    fn new(form: &Form, _types: &[DataType]) -> Self {
        WeightedByAge { decay: Decay::new(form.half_life), descending: form.descending }
    }

    fn extend(&mut self, arrays: &[ArrayRef], _position: usize) -> Result<()> {
        let (values, times) = (arrays[0].as_primitive::<Float64Type>(), &arrays[1]);
        let valid: Vec<bool> = (0..values.len()).map(|row| values.is_valid(row) && times.is_valid(row)).collect();
        self.decay.extend(values.values(), &ascending(times, self.descending)?, &valid);
        Ok(())
    }

    fn release(&mut self, position: usize) {
        self.decay.release(position);
    }

    fn bytes(&self) -> usize {
        self.decay.bytes()
    }
}
