//! `lag` and `lead`: the value a given number of rows before or after this one.

use datafusion::common::ScalarValue;
use datafusion::functions_window::lead_lag::{lag_udwf, lead_udwf};

use super::{Definition, Function};
use crate::rolling::columns::present::{PickPresent, Present};
use crate::rolling::columns::values::{Pick, Values};
use crate::rolling::kernel::bounds::{Edge, FrameSpec, Units};
use crate::rolling::plan::{Call, Planned};
use crate::rolling::reading::Source;

const TAKES: &str = "any type; a constant distance and a constant default";

pub static LAG: Function = Function {
    definition: Definition::Window(lag_udwf, "lag(x, distance, default)"),
    takes: TAKES,
    plan: |call| Ok(distance(call).and_then(i64::checked_neg).and_then(|offset| plan(call, offset))),
};

pub static LEAD: Function = Function {
    definition: Definition::Window(lead_udwf, "lead(x, distance, default)"),
    takes: TAKES,
    plan: |call| Ok(distance(call).and_then(|offset| plan(call, offset))),
};

fn distance(call: &Call) -> Option<i64> {
    Some(call.optional_integer(1)?.unwrap_or(1))
}

fn plan(call: &Call, offset: i64) -> Option<Planned> {
    let data_type = call.data_type(0)?;
    if data_type.is_null() {
        return None;
    }
    let default = match call.arguments.len() {
        0..=2 => ScalarValue::try_from(&data_type).ok()?,
        _ => call.constant(2)?.cast_to(&data_type).ok()?,
    };
    if call.ignores_nulls {
        // The rows on one side of this row, among whose values the one at the distance is picked.
        let (frame, index) = match offset {
            0 => return None,
            offset if offset < 0 => ((Edge::Unbounded, Edge::Offset(-1)), offset),
            offset => ((Edge::Offset(1), Edge::Unbounded), offset - 1),
        };
        let frame = FrameSpec { units: Units::Rows, start: frame.0, end: frame.1 };
        let cumulative = index < 0;
        let arguments = call.arguments[..1].to_vec();
        let kernel = move || PickPresent::new(index, default.clone(), cumulative);
        return Some(Planned { frame, source: Box::new(Source::<Present>::new(arguments, (), kernel)) });
    }
    // This is the single row to find, whatever the window's frame is.
    let edge = Edge::Offset(offset);
    let frame = FrameSpec { units: Units::Rows, start: edge, end: edge };
    let arguments = call.arguments[..1].to_vec();
    let source = Source::<Values>::new(arguments, (), move || Pick::new(0, default.clone(), false));
    Some(Planned { frame, source: Box::new(source) })
}
