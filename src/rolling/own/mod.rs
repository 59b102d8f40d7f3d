//! squall's own window functions, in the form that DataFusion takes.
//!
//! In: calls in SQL. Out: their types, or an error that says what they need. If the stock operator runs them, also their
//! results: the kernels compute each frame separately, with the same bits as `RollingWindowExec`.

mod stock;

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::expr::WindowFunction as Call;
use datafusion::logical_expr::function::{PartitionEvaluatorArgs, WindowFunctionSimplification, WindowUDFFieldArgs};
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{
    Documentation as EngineDocumentation, Expr, PartitionEvaluator, Signature, Volatility, WindowUDF, WindowUDFImpl,
};
use datafusion::physical_expr::PhysicalExpr;

use self::stock::FrameByFrame;
use super::plan::{Call as PlannedCall, Planned};
use crate::text::documentation::{Argument, Documentation, known_by_name};

/// The kind of an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// A number, cast to DOUBLE.
    Number,
    /// A timestamp or an integer.
    Time,
    /// A constant length of time, which the function checks itself.
    HalfLife,
}

/// The documentation of an argument that is a price.
pub const PRICE: Argument = Argument {
    name: "price",
    sql_type: "DOUBLE",
    meaning: "a price, in the order of the window; rows where it is NULL are skipped",
    required: true,
};

/// The documentation of an argument that is averaged.
pub const VALUE: Argument = Argument {
    name: "value",
    sql_type: "DOUBLE",
    meaning: "the value to average; rows where it is NULL are skipped",
    required: true,
};

/// The documentation of an argument that is a time.
pub const TS: Argument = Argument {
    name: "ts",
    sql_type: "TIMESTAMP or integer",
    meaning: "a time; rows where it is NULL are skipped",
    required: true,
};

/// Checks the arguments of a planned call, given the function's name.
type CheckArguments = fn(&str, &[Arc<dyn PhysicalExpr>]) -> Result<()>;

/// A window function of squall's own, as SQL sees it.
#[derive(Debug)]
pub struct OwnFunction {
    pub documentation: &'static Documentation,
    /// Which arguments the function takes, as the documentation says it.
    pub takes: &'static str,
    /// The kind of each documented argument.
    pub arguments: &'static [Takes],
    /// The result's type, given the type of the first argument.
    pub result: fn(Option<&DataType>) -> DataType,
    /// Checks what can be seen only from the whole call, given the function's name.
    pub check_call: fn(&str, &Call, &SimplifyContext) -> Result<()>,
    /// Checks what can be seen only from the plan, given the function's name.
    pub check_arguments: CheckArguments,
    /// Plans a call, as `functions::Function` says.
    pub plan: fn(&PlannedCall) -> Result<Option<Planned>>,
}

impl OwnFunction {
    /// Returns a function of these arguments whose result is a double, and which needs no check of its own.
    pub const fn of_doubles(
        documentation: &'static Documentation,
        takes: &'static str,
        arguments: &'static [Takes],
        plan: fn(&PlannedCall) -> Result<Option<Planned>>,
    ) -> Self {
        OwnFunction {
            documentation,
            takes,
            arguments,
            result: |_| DataType::Float64,
            check_call: |_, _, _| Ok(()),
            check_arguments: |_, _| Ok(()),
            plan,
        }
    }

    /// Returns the function's name.
    pub const fn name(&self) -> &'static str {
        self.documentation.name
    }

    /// Returns the function in DataFusion's form, ready to be registered.
    pub fn for_engine(&'static self) -> WindowUDF {
        let signature = Signature::user_defined(Volatility::Immutable);
        let documentation = self.documentation.for_engine();
        WindowUDF::from(WindowFunction { function: self, documentation, signature })
    }

    /// Returns whether DataFusion's function is this one.
    pub fn is(&self, function: &WindowUDF) -> bool {
        function.inner().downcast_ref::<WindowFunction>().is_some_and(|own| own.function.name() == self.name())
    }
}

/// A function as DataFusion knows it.
#[derive(Debug)]
struct WindowFunction {
    function: &'static OwnFunction,
    documentation: EngineDocumentation,
    signature: Signature,
}

known_by_name!(WindowFunction, function.name());

impl WindowFunction {
    /// Returns the type that an argument is cast to.
    fn coerced(&self, name: &str, takes: Takes, given: &DataType) -> Result<DataType> {
        let syntax = self.function.documentation.syntax();
        match takes {
            Takes::HalfLife => Ok(given.clone()),
            Takes::Number if given.is_numeric() || given.is_null() => Ok(DataType::Float64),
            Takes::Number => plan_err!("{name} of {syntax} must be a number, not {given}"),
            Takes::Time => match given {
                DataType::Timestamp(_, _) | DataType::UInt64 => Ok(given.clone()),
                other if other.is_integer() || other.is_null() => Ok(DataType::Int64),
                other => plan_err!(
                    "{name} of {syntax} must be a timestamp or an integer, not {other}; a date can be cast: ts::TIMESTAMP"
                ),
            },
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
        let arguments = self.function.arguments;
        if arguments.len() != types.len() {
            return plan_err!("{} was given {} arguments", self.function.documentation.syntax(), types.len());
        }
        let documented = self.function.documentation.arguments.iter().zip(arguments);
        documented.zip(types).map(|((argument, takes), given)| self.coerced(argument.name, *takes, given)).collect()
    }

    fn field(&self, arguments: WindowUDFFieldArgs) -> Result<FieldRef> {
        let first = arguments.get_input_field(0);
        let data_type = (self.function.result)(first.as_ref().map(|field| field.data_type()));
        Ok(Arc::new(Field::new(arguments.name(), data_type, true)))
    }

    /// Checks what can be seen only from the whole call, and leaves the call as it is.
    fn simplify(&self) -> Option<WindowFunctionSimplification> {
        let function = self.function;
        Some(Box::new(move |call: Call, context: &SimplifyContext| {
            if call.params.distinct {
                return plan_err!("{}(DISTINCT …) has no meaning: which of equal rows would it keep?", function.name());
            }
            (function.check_call)(function.name(), &call, context)?;
            Ok(Expr::from(call))
        }))
    }

    fn partition_evaluator(&self, arguments: PartitionEvaluatorArgs) -> Result<Box<dyn PartitionEvaluator>> {
        (self.function.check_arguments)(self.function.name(), arguments.input_exprs())?;
        Ok(Box::new(FrameByFrame::new(self.function, arguments.input_exprs())))
    }

    fn documentation(&self) -> Option<&EngineDocumentation> {
        Some(&self.documentation)
    }
}
