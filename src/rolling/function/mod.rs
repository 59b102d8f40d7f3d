//! squall's own window functions, as DataFusion takes them.
//!
//! In: calls in SQL. Out: their types, or an error that says what they need; and, where the stock operator runs them, results
//! computed by the kernels over each frame by itself, so that they are the same bits as `RollingWindowExec`'s.

/// How long an `ewma` takes to halve a weight.
pub mod half_life;

/// What is kept of the arguments, and a frame's result from it.
pub mod kept;

/// A frame's result by itself, for the stock operator.
mod stock;

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::expr::WindowFunction as Call;
use datafusion::logical_expr::function::{PartitionEvaluatorArgs, WindowFunctionSimplification, WindowUDFFieldArgs};
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{
    Documentation, Expr, PartitionEvaluator, Signature, Volatility, WindowUDF, WindowUDFImpl,
};

use half_life::half_life;
use stock::Stock;

/// A window function of squall's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Function {
    RealizedVolatility,
    BipowerVariation,
    Ewma,
    TickImbalance,
    MaxGap,
    TimeWeightedAvg,
}

impl Function {
    /// Returns the function with its documentation, to be registered.
    pub fn with_documentation(self, documentation: Documentation) -> WindowUDF {
        let signature = Signature::user_defined(Volatility::Immutable);
        WindowUDF::from(WindowFunction { function: self, documentation, signature })
    }

    fn name(self) -> &'static str {
        match self {
            Function::RealizedVolatility => "realized_volatility",
            Function::BipowerVariation => "bipower_variation",
            Function::Ewma => "ewma",
            Function::TickImbalance => "tick_imbalance",
            Function::MaxGap => "max_gap",
            Function::TimeWeightedAvg => "time_weighted_avg",
        }
    }

    fn syntax(self) -> &'static str {
        match self {
            Function::RealizedVolatility => "realized_volatility(price)",
            Function::BipowerVariation => "bipower_variation(price)",
            Function::Ewma => "ewma(value, half_life)",
            Function::TickImbalance => "tick_imbalance(price)",
            Function::MaxGap => "max_gap(ts)",
            Function::TimeWeightedAvg => "time_weighted_avg(value, ts)",
        }
    }
}

/// A function as DataFusion knows it.
#[derive(Debug)]
pub struct WindowFunction {
    pub function: Function,
    documentation: Documentation,
    signature: Signature,
}

// A name is registered once, so it identifies the function.
impl PartialEq for WindowFunction {
    fn eq(&self, other: &Self) -> bool {
        self.function == other.function
    }
}

impl Eq for WindowFunction {}

impl Hash for WindowFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.function.hash(state);
    }
}

impl WindowFunction {
    fn number(&self, given: &DataType) -> Result<DataType> {
        if given.is_numeric() || given.is_null() {
            return Ok(DataType::Float64);
        }
        plan_err!("{} takes a number, not {given}", self.function.syntax())
    }

    fn time(&self, given: &DataType) -> Result<DataType> {
        match given {
            DataType::Timestamp(_, _) | DataType::UInt64 => Ok(given.clone()),
            other if other.is_integer() || other.is_null() => Ok(DataType::Int64),
            other => plan_err!(
                "ts of {} must be a timestamp or an integer, not {other}; a date can be cast: ts::TIMESTAMP",
                self.function.syntax()
            ),
        }
    }
}

impl WindowUDFImpl for WindowFunction {
    fn name(&self) -> &str {
        self.function.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match (self.function, types) {
            (Function::Ewma, [value, half_life]) => Ok(vec![self.number(value)?, half_life.clone()]),
            (Function::TimeWeightedAvg, [value, ts]) => Ok(vec![self.number(value)?, self.time(ts)?]),
            (Function::MaxGap, [ts]) => Ok(vec![self.time(ts)?]),
            (Function::RealizedVolatility | Function::BipowerVariation | Function::TickImbalance, [price]) => {
                Ok(vec![self.number(price)?])
            }
            _ => plan_err!("{} was given {} arguments", self.function.syntax(), types.len()),
        }
    }

    fn field(&self, arguments: WindowUDFFieldArgs) -> Result<FieldRef> {
        let data_type = match (self.function, arguments.get_input_field(0).map(|field| field.data_type().clone())) {
            (Function::MaxGap, Some(DataType::Timestamp(unit, _))) => DataType::Duration(unit),
            (Function::MaxGap, _) => DataType::Int64,
            _ => DataType::Float64,
        };
        Ok(Arc::new(Field::new(arguments.name(), data_type, true)))
    }

    /// Checks what only the whole call shows, and leaves it as it is.
    fn simplify(&self) -> Option<WindowFunctionSimplification> {
        let is_ewma = self.function == Function::Ewma;
        let name = self.function.name();
        Some(Box::new(move |call: Call, context: &SimplifyContext| {
            if call.params.distinct {
                return plan_err!("{name}(DISTINCT …) has no meaning: which of equal rows would it keep?");
            }
            if is_ewma {
                check_ewma(&call, context)?;
            }
            Ok(Expr::from(call))
        }))
    }

    fn partition_evaluator(&self, arguments: PartitionEvaluatorArgs) -> Result<Box<dyn PartitionEvaluator>> {
        Ok(Box::new(Stock::new(self.function, arguments.input_exprs(), arguments.input_fields())?))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

/// Checks that a call of `ewma` has one order key to take times from, and a half-life in its unit.
fn check_ewma(call: &Call, context: &SimplifyContext) -> Result<()> {
    let [order] = call.params.order_by.as_slice() else { return needs_one_order_key(call.params.order_by.len()) };
    // Anything but a constant is reported when the call is planned.
    if let Some(Expr::Literal(literal, _)) = call.params.args.get(1) {
        half_life(literal, &context.get_data_type(&order.expr)?)?;
    }
    Ok(())
}

/// Returns the error of an `ewma` whose window has no ORDER BY column, or several.
fn needs_one_order_key<T>(given: usize) -> Result<T> {
    exec_err!(
        "ewma weighs rows by the one ORDER BY column of their window, which has {}; \
         write ewma(price, INTERVAL '10 seconds') OVER (… ORDER BY ts …)",
        if given == 0 { "none".to_owned() } else { format!("{given}") }
    )
}
