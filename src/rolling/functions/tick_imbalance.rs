//! `tick_imbalance`: by how much rises outnumber falls within the frame.

use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::common::Result;

use crate::rolling::kernel::pointer::Pointer;
use crate::rolling::kernel::signs::Signs;
use crate::rolling::keys::validity;
use crate::rolling::own::{OwnFunction, PRICE, Takes};
use crate::rolling::plan::{Call, Planned};
use crate::rolling::reading::{Column, Figure};
use crate::text::documentation::{Documentation, Example, Kind, Outcome, Section};

const DOCUMENTATION: Documentation = Documentation {
    name: "tick_imbalance",
    kind: Kind::Window,
    section: Section::RollingWindows,
    summary: "Returns the mean sign of price changes within the frame by the tick rule: a rise is 1, a fall -1, a price that stays repeats the sign before it",
    arguments: &[PRICE],
    result: Outcome {
        sql_type: "DOUBLE",
        meaning: "in [-1, 1]; prices before the frame's first change do not count",
        when_null: "no price changes within the frame, or a price is NaN",
    },
    example: Example {
        query: "SELECT t, tick_imbalance(price) OVER (ORDER BY t) FROM (VALUES (1, 100.0), (2, 100.0), (3, 101.0), (4, 101.0), (5, 100.0)) AS ticks (t, price)",
        output: "1 | NULL\n2 | NULL\n3 | 1.0\n4 | 1.0\n5 | 0.3333333333333333",
    },
    source: "López de Prado 2018, Advances in Financial Machine Learning, 2.3.2",
};

pub static TICK_IMBALANCE: OwnFunction = OwnFunction::of_doubles(&DOCUMENTATION, "numbers", &[Takes::Number], plan);

fn plan(call: &Call) -> Result<Option<Planned>> {
    if !call.takes_doubles(1) {
        return Ok(None);
    }
    Ok(call.read::<Signs, _>((), || {
        let mut pointers = [Pointer::default(); 2];
        Figure(move |signs: &Signs, start, end| signs.imbalance(&mut pointers, start, end))
    }))
}

impl Column for Signs {
    type Form = ();

    fn new(_form: &(), _types: &[DataType]) -> Self {
        Signs::default()
    }

    fn extend(&mut self, arrays: &[ArrayRef], _position: usize) -> Result<()> {
        let prices = arrays[0].as_primitive::<Float64Type>();
        self.extend(prices.values(), validity(prices).as_deref());
        Ok(())
    }

    fn release(&mut self, position: usize) {
        self.release(position);
    }

    fn bytes(&self) -> usize {
        self.bytes()
    }
}
