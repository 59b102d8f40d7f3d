//! `ewma`: the mean weighted by age; a row that is one half-life older has half the weight.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::common::{Result, ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::expr::WindowFunction;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Literal;

use crate::rolling::frame::distance;
use crate::rolling::kernel::decay::{Decay, DecayScan, HalfLife};
use crate::rolling::keys::{ascending, is_countable};
use crate::rolling::own::{OwnFunction, Takes, VALUE};
use crate::rolling::plan::{Call, Planned};
use crate::rolling::reading::{Column, Figure};
use crate::text::documentation::{Argument, Documentation, Example, Kind, Outcome, Section};

const DOCUMENTATION: Documentation = Documentation {
    name: "ewma",
    kind: Kind::Window,
    section: Section::RollingWindows,
    summary: "Returns the mean weighted by age: a row one half-life older than the frame's last counts half as much",
    arguments: &[
        VALUE,
        Argument {
            name: "half_life",
            sql_type: "INTERVAL or BIGINT",
            meaning: "constant and positive: an INTERVAL without months where the window's ORDER BY column is a TIMESTAMP, a number of its units where it is an integer",
            required: true,
        },
    ],
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
    check_call,
    check_arguments,
    ..OwnFunction::of_doubles(
        &DOCUMENTATION,
        "numbers, and a constant INTERVAL or integer",
        &[Takes::Number, Takes::HalfLife],
        plan,
    )
};

fn plan(call: &Call) -> Result<Option<Planned>> {
    let Some(order) = &call.order else { return needs_one_order_key(call.order_columns) };
    let Some(constant) = call.constant(1) else { return Ok(None) };
    let form = Form { half_life: half_life(constant, &order.data_type)?, descending: order.descending };
    if call.data_type(0) != Some(DataType::Float64) {
        return Ok(None);
    }
    let arguments = vec![Arc::clone(&call.arguments[0]), Arc::clone(&order.expr)];
    Ok(call.read_arguments::<WeightedByAge, _>(arguments, form, || {
        let mut scan = DecayScan::default();
        Figure(move |weighted: &WeightedByAge, start, end| weighted.decay.mean(&mut scan, start, end))
    }))
}

/// How values are weighted by age.
#[derive(Debug, Clone, PartialEq)]
struct Form {
    half_life: HalfLife,
    descending: bool,
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

/// Checks that a call has exactly one order key, which gives the times, and a half-life in the key's unit.
fn check_call(call: &WindowFunction, context: &SimplifyContext) -> Result<()> {
    let [order] = call.params.order_by.as_slice() else { return needs_one_order_key(call.params.order_by.len()) };
    // An argument that is not a constant is reported when the call is planned.
    if let Some(Expr::Literal(literal, _)) = call.params.args.get(1) {
        half_life(literal, &context.get_data_type(&order.expr)?)?;
    }
    Ok(())
}

/// Checks that the half-life is a constant.
fn check_arguments(arguments: &[Arc<dyn PhysicalExpr>]) -> Result<()> {
    if arguments.get(1).is_some_and(|half_life| half_life.downcast_ref::<Literal>().is_some()) {
        return Ok(());
    }
    plan_err!("half_life of ewma(value, half_life) must be constant, such as INTERVAL '10 seconds' or 10")
}

/// Returns the error for a window that has no ORDER BY column, or several.
fn needs_one_order_key<T>(given: usize) -> Result<T> {
    exec_err!(
        "ewma weighs rows by the one ORDER BY column of their window, which has {}; \
         write ewma(price, INTERVAL '10 seconds') OVER (… ORDER BY ts …)",
        if given == 0 { "none".to_owned() } else { format!("{given}") }
    )
}

/// Returns the half-life that a constant stands for, given the order key's type.
fn half_life(constant: &ScalarValue, key: &DataType) -> Result<HalfLife> {
    if !is_countable(key) {
        return plan_err!(
            "ewma weighs rows by the ORDER BY column of their window, which must be a timestamp or an integer, not {key}; \
             a date can be cast: ORDER BY ts::TIMESTAMP"
        );
    }
    let length = if constant.is_null() { None } else { distance(constant, key) };
    if let Some(half_life) = length.and_then(|(numerator, denominator)| HalfLife::new(numerator, denominator)) {
        return Ok(half_life);
    }
    let wanted = if key.is_integer() {
        "a positive integer, in the unit of the ORDER BY column, such as ewma(price, 10)"
    } else {
        "a positive INTERVAL without months, and without days where the time zone has days of several lengths, \
         such as ewma(price, INTERVAL '10 seconds')"
    };
    plan_err!("half_life of ewma(value, half_life) must be {wanted}, not {constant}")
}
