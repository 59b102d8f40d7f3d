//! Half-lives: the argument of functions that weigh rows by age.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::expr::WindowFunction;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Literal;

use crate::rolling::frame::distance;
use crate::rolling::kernel::decay::HalfLife;
use crate::rolling::keys::is_countable;
use crate::rolling::plan::Call;
use crate::text::documentation::Argument;

pub const HALF_LIFE: Argument = Argument {
    name: "half_life",
    sql_type: "INTERVAL or BIGINT",
    meaning: "constant and positive: an INTERVAL without months where the window's ORDER BY column is a TIMESTAMP, a number of its units where it is an integer",
    required: true,
};

/// What the column of a call reads.
type Columns = Vec<Arc<dyn PhysicalExpr>>;

/// How values are weighted by age.
#[derive(Debug, Clone, PartialEq)]
pub struct Form {
    pub half_life: HalfLife,
    pub descending: bool,
}

/// Reads and checks the arguments `(value, half_life)` of the function with this name.
pub struct HalfLives(pub &'static str);

impl HalfLives {
    /// Returns the form of a call, and what its column reads: values and times. `None` if the stock operator has to compute it.
    pub fn read(&self, call: &Call) -> Result<Option<(Form, Columns)>> {
        let Some(order) = &call.order else { return self.needs_one_order_key(call.order_columns) };
        let Some(constant) = call.constant(1) else { return Ok(None) };
        let form = Form { half_life: self.length(constant, &order.data_type)?, descending: order.descending };
        if call.data_type(0) != Some(DataType::Float64) {
            return Ok(None);
        }
        Ok(Some((form, vec![Arc::clone(&call.arguments[0]), Arc::clone(&order.expr)])))
    }

    /// Checks that a call has exactly one order key, which gives the times, and a half-life in the key's unit.
    pub fn check_call(&self, call: &WindowFunction, context: &SimplifyContext) -> Result<()> {
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
    pub fn check_arguments(&self, arguments: &[Arc<dyn PhysicalExpr>]) -> Result<()> {
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
        plan_err!("half_life of {name}(value, half_life) must be {wanted}, not {constant}")
    }
}
