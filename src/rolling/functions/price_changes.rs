//! `price_changes`: how often the price changes within the frame.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int64Array};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;

use crate::rolling::kernel::bounds::Frames;
use crate::rolling::kernel::pointer::Pointer;
use crate::rolling::kernel::signs::Signs;
use crate::rolling::own::{OwnFunction, PRICE, Takes};
use crate::rolling::plan::{Call, Planned};
use crate::rolling::reading::Kernel;
use crate::text::documentation::{Documentation, Example, Kind, Outcome, Section};

const DOCUMENTATION: Documentation = Documentation {
    name: "price_changes",
    kind: Kind::Window,
    section: Section::RollingWindows,
    summary: "Returns how many prices of the frame differ from the price before them in the frame",
    arguments: &[PRICE],
    result: Outcome {
        sql_type: "BIGINT",
        meaning: "at least 0; the frame's first price does not count as a change, and a NaN after a NaN does not either",
        when_null: "never",
    },
    example: Example {
        query: "SELECT t, price_changes(price) OVER (ORDER BY t) FROM (VALUES (1, 100.0), (2, 100.0), (3, 101.0), (4, NULL), (5, 100.0)) AS ticks (t, price)",
        output: "1 | 0\n2 | 0\n3 | 1\n4 | 1\n5 | 2",
    },
    source: "DuckDB 2.0, count_if(price <> lag(price))",
};

pub static PRICE_CHANGES: OwnFunction = OwnFunction {
    result: |_| DataType::Int64,
    ..OwnFunction::of_doubles(&DOCUMENTATION, "numbers", &[Takes::Number], plan)
};

fn plan(call: &Call) -> Result<Option<Planned>> {
    if !call.takes_doubles(1) {
        return Ok(None);
    }
    Ok(call.read::<Signs, _>((), || CountChanges(Pointer::default())))
}

struct CountChanges(Pointer);

impl Kernel<Signs> for CountChanges {
    fn evaluate(&mut self, signs: &Signs, frames: &Frames) -> Result<ArrayRef> {
        let counts = frames.each().map(|(start, end)| signs.changes(&mut self.0, start, end) as i64);
        Ok(Arc::new(Int64Array::from_iter_values(counts)))
    }
}
