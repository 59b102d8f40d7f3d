//! `lag` and `lead`: the value a given number of rows before or after this one.

use datafusion::common::ScalarValue;
use datafusion::functions_window::lead_lag::{lag_udwf, lead_udwf};

use super::{Definition, Function};
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
    // This is the single row to find, whatever the window's frame is.
    let edge = Edge::Offset(offset);
    let frame = FrameSpec { units: Units::Rows, start: edge, end: edge };
    let arguments = call.arguments[..1].to_vec();
    let source = Source::<Values>::new(arguments, (), move || Pick::new(0, default.clone(), false));
    Some(Planned { frame, source: Box::new(source) })
}
