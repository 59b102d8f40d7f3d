//! `decayed_sum`: the sum weighted by age; a row that is one half-life older has half the weight.

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::common::Result;

use super::half_life::{Form, HALF_LIFE, HalfLives};
use crate::rolling::kernel::decay::{Decay, DecayScan};
use crate::rolling::kernel::ring::Ring;
use crate::rolling::keys::ascending;
use crate::rolling::own::{OwnFunction, Takes};
use crate::rolling::plan::{Call, Planned};
use crate::rolling::reading::{Column, Figure};
use crate::text::documentation::{Argument, Documentation, Example, Kind, Outcome, Section};

const DOCUMENTATION: Documentation = Documentation {
    name: "decayed_sum",
    kind: Kind::Window,
    section: Section::RollingWindows,
    summary: "Returns the sum weighted by age: a row one half-life older than the frame's last counts half as much",
    arguments: &[
        Argument {
            name: "value",
            sql_type: "DOUBLE",
            meaning: "the value to add; rows where it is NULL add nothing, but their times still age the rows before them",
            required: true,
        },
        HALF_LIFE,
    ],
    result: Outcome {
        sql_type: "DOUBLE",
        meaning: "the sum as it stands at the last row of the frame that has a time; ages are differences of the window's one ORDER BY column, rows more than 192 half-lives old add nothing; NaN or infinite as long as such a value counts",
        when_null: "every row of the frame has a NULL value or a NULL time",
    },
    example: Example {
        query: "SELECT t, decayed_sum(size, 10) OVER (ORDER BY t) FROM (VALUES (0, 4.0), (10, 1.0), (30, NULL)) AS ticks (t, size)",
        output: "0 | 4.0\n10 | 3.0\n30 | 0.75",
    },
    source: "Polars 1.33, sum of value * 0.5 ** (age / half_life)",
};

pub static DECAYED_SUM: OwnFunction = OwnFunction {
    check_call: |call, context| HalfLives("decayed_sum").check_call(call, context),
    check_arguments: |arguments| HalfLives("decayed_sum").check_arguments(arguments),
    ..OwnFunction::of_doubles(
        &DOCUMENTATION,
        "numbers, and a constant INTERVAL or integer",
        &[Takes::Number, Takes::HalfLife],
        plan,
    )
};

fn plan(call: &Call) -> Result<Option<Planned>> {
    let Some((form, arguments)) = HalfLives("decayed_sum").read(call)? else { return Ok(None) };
    Ok(call.read_arguments::<Decaying, _>(arguments, form, || {
        let mut scan = DecayScan::default();
        Figure(move |decaying: &Decaying, start: usize, end: usize| {
            // An empty frame has no last row.
            let last = decaying.times.at(end.checked_sub(1).filter(|last| *last >= start)?);
            decaying.decay.sum(&mut scan, start, end, last)
        })
    }))
}

/// Values that lose weight, and the time of the last row that has one, at each row.
#[derive(Debug)]
struct Decaying {
    decay: Decay,
    times: Ring<i64>,
    descending: bool,
}

impl Column for Decaying {
    type Form = Form;

    fn new(form: &Form, _types: &[DataType]) -> Self {
        Decaying { decay: Decay::new(form.half_life), times: Ring::starting_at(0), descending: form.descending }
    }

    fn extend(&mut self, arrays: &[ArrayRef], _position: usize) -> Result<()> {
        let (values, times) = (arrays[0].as_primitive::<Float64Type>(), &arrays[1]);
        let valid: Vec<bool> = (0..values.len()).map(|row| values.is_valid(row) && times.is_valid(row)).collect();
        let keys = ascending(times, self.descending)?;
        self.decay.extend(values.values(), &keys, &valid);
        for (row, key) in keys.iter().enumerate() {
            // A frame without any time has no row that counts.
            let before = self.times.last().unwrap_or_default();
            self.times.push(if times.is_valid(row) { *key } else { before });
        }
        Ok(())
    }

    fn release(&mut self, position: usize) {
        self.decay.release(position);
        self.times.release(position);
    }

    fn bytes(&self) -> usize {
        self.decay.bytes() + self.times.bytes()
    }
}
