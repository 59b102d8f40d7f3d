//! Functions that weigh rows by age: their argument, their checks, and the column that they share.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::arrow::util::display::array_value_to_string;
use datafusion::common::{Result, ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::expr::WindowFunction;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Literal;

use crate::rolling::frame::distance;
use crate::rolling::kernel::decay::{Decay, DecayScan, HalfLife};
use crate::rolling::kernel::ring::Ring;
use crate::rolling::keys::{ascending, is_countable};
use crate::rolling::own::{OwnFunction, Takes};
use crate::rolling::plan::{Call, Planned};
use crate::rolling::reading::{Column, Figure};
use crate::text::documentation::{Argument, Documentation};

pub const HALF_LIFE: Argument = Argument {
    name: "half_life",
    sql_type: "INTERVAL or BIGINT",
    meaning: "constant and positive: an INTERVAL without months where the window's ORDER BY column is a TIMESTAMP, a number of its units where it is an integer",
    required: true,
};

/// Returns a function of `(value, half_life)`.
pub const fn by_age(documentation: &'static Documentation, plan: fn(&Call) -> Result<Option<Planned>>) -> OwnFunction {
    OwnFunction {
        check_call: |name, call, context| HalfLives(name).check_call(call, context),
        check_arguments: |name, arguments| HalfLives(name).check_arguments(arguments),
        ..OwnFunction::of_doubles(
            documentation,
            "numbers, and a constant INTERVAL or integer",
            &[Takes::Number, Takes::HalfLife],
            plan,
        )
    }
}

/// What is computed from a frame, given by its first row and the row after its last.
type FigureByAge = fn(&WeightedByAge, &mut DecayScan, usize, usize) -> Option<f64>;

/// Plans a call of a function with this name; `None` if the stock operator has to compute it.
pub fn planned(name: &str, call: &Call, figure: FigureByAge) -> Result<Option<Planned>> {
    let functions = HalfLives(name);
    let Some(order) = &call.order else { return functions.needs_one_order_key(call.order_columns) };
    let Some(constant) = call.constant(1) else { return Ok(None) };
    let form = Form { half_life: functions.length(constant, &order.data_type)?, descending: order.descending };
    if call.data_type(0) != Some(DataType::Float64) {
        return Ok(None);
    }
    let arguments = vec![Arc::clone(&call.arguments[0]), Arc::clone(&order.expr)];
    Ok(call.read_arguments::<WeightedByAge, _>(arguments, form, move || {
        let mut scan = DecayScan::default();
        Figure(move |weighted: &WeightedByAge, start, end| figure(weighted, &mut scan, start, end))
    }))
}

/// How values are weighted by age.
#[derive(Debug, Clone, PartialEq)]
pub struct Form {
    half_life: HalfLife,
    descending: bool,
}

/// Values, and the times from which their weights follow.
#[derive(Debug)]
pub struct WeightedByAge {
    pub decay: Decay,
    /// At each row, the time of the last row that has one.
    pub times: Ring<i64>,
    descending: bool,
}

impl Column for WeightedByAge {
    type Form = Form;

    fn new(form: &Form, _types: &[DataType]) -> Self {
        let (decay, times) = (Decay::new(form.half_life), Ring::starting_at(0));
        WeightedByAge { decay, times, descending: form.descending }
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

/// Checks calls of the function with this name.
struct HalfLives<'a>(&'a str);

impl HalfLives<'_> {
    /// Checks that a call has exactly one order key, which gives the times, and a half-life in the key's unit.
    fn check_call(&self, call: &WindowFunction, context: &SimplifyContext) -> Result<()> {
        let [order] = call.params.order_by.as_slice() else {
            return self.needs_one_order_key(call.params.order_by.len());
        };
        // An argument that is not a constant is reported when the call is planned.
        if let Some(Expr::Literal(literal, _)) = call.params.args.get(1) {
            self.length(literal, &context.get_data_type(&order.expr)?)?;
        }
        Ok(())
    }

    /// Checks that the half-life is a constant.
    fn check_arguments(&self, arguments: &[Arc<dyn PhysicalExpr>]) -> Result<()> {
        if arguments.get(1).is_some_and(|half_life| half_life.downcast_ref::<Literal>().is_some()) {
            return Ok(());
        }
        plan_err!("half_life of {}(value, half_life) must be constant, such as INTERVAL '10 seconds' or 10", self.0)
    }

    /// Returns the error for a window that has no ORDER BY column, or several.
    fn needs_one_order_key<T>(&self, given: usize) -> Result<T> {
        let name = self.0;
        exec_err!(
            "{name} weighs rows by the one ORDER BY column of their window, which has {}; \
         write {name}(price, INTERVAL '10 seconds') OVER (… ORDER BY ts …)",
            if given == 0 { "none".to_owned() } else { format!("{given}") }
        )
    }

    /// Returns the half-life that a constant stands for, given the order key's type.
    fn length(&self, constant: &ScalarValue, key: &DataType) -> Result<HalfLife> {
        let name = self.0;
        if !is_countable(key) {
            return plan_err!(
                "{name} weighs rows by the ORDER BY column of their window, which must be a timestamp or an integer, not {key}; \
             a date can be cast: ORDER BY ts::TIMESTAMP"
            );
        }
        let length = if constant.is_null() { None } else { distance(constant, key) };
        if let Some(half_life) = length.and_then(|(numerator, denominator)| HalfLife::new(numerator, denominator)) {
            return Ok(half_life);
        }
        let wanted = if key.is_integer() {
            format!("a positive integer, in the unit of the ORDER BY column, such as {name}(price, 10)")
        } else {
            format!(
                "a positive INTERVAL without months, and without days where the time zone has days of several lengths, \
             such as {name}(price, INTERVAL '10 seconds')"
            )
        };
        let given = match constant.is_null() {
            true => "NULL".to_owned(),
            false => array_value_to_string(&constant.to_array()?, 0)?,
        };
        plan_err!("half_life of {name}(value, half_life) must be {wanted}, not {given}")
    }
}
