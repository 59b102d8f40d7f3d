//! `first_value`, `last_value` and `nth_value`: one row of the frame.

use datafusion::common::ScalarValue;
use datafusion::functions_window::nth_value::{first_value_udwf, last_value_udwf, nth_value_udwf};

use super::{Definition, Function};
use crate::rolling::columns::present::{PickPresent, Present};
use crate::rolling::columns::values::{Pick, Values};
use crate::rolling::plan::{Call, Planned};

pub static FIRST_VALUE: Function = Function {
    definition: Definition::Window(first_value_udwf, "first_value(x)"),
    takes: "any type",
    plan: |call| Ok(plan(call, 0)),
};

pub static LAST_VALUE: Function = Function {
    definition: Definition::Window(last_value_udwf, "last_value(x)"),
    takes: "any type",
    plan: |call| Ok(plan(call, -1)),
};

pub static NTH_VALUE: Function = Function {
    definition: Definition::Window(nth_value_udwf, "nth_value(x, n)"),
    takes: "any type; a constant rank, counted from the frame's end if it is negative",
    plan: |call| Ok(nth(call).and_then(|index| plan(call, index))),
};

/// Returns the index of the row with the given rank.
fn nth(call: &Call) -> Option<i64> {
    match call.optional_integer(1)?? {
        0 => None,
        rank if rank > 0 => Some(rank - 1),
        rank => Some(rank),
    }
}

fn plan(call: &Call, index: i64) -> Option<Planned> {
    let data_type = call.data_type(0)?;
    if data_type.is_null() {
        return None;
    }
    let (default, cumulative) = (ScalarValue::try_from(&data_type).ok()?, call.is_cumulative());
    let arguments = call.arguments[..1].to_vec();
    if call.ignores_nulls {
        let kernel = move || PickPresent::new(index, default.clone(), cumulative);
        return call.read_arguments::<Present, _>(arguments, (), kernel);
    }
    call.read_arguments::<Values, _>(arguments, (), move || Pick::new(index, default.clone(), cumulative))
}
