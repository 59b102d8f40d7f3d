//! Aggregates that need every (label, score) at once: the code around a function on slices.
//!
//! The state is the rows themselves, nine bytes each, so partial states are merged by appending. The functions in `model` do
//! not depend on the order of rows, so the result has the same bits however the rows were split.

use std::hash::{Hash, Hasher};
use std::mem::size_of_val;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Float64Type};
use datafusion::common::utils::SingleRowListArrayBuilder;
use datafusion::common::{Result, ScalarValue, not_impl_err, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation as EngineDocumentation, Signature, Volatility,
};
use datafusion::physical_expr::expressions::Literal;

use super::{Implementation, label_score};
use crate::text::documentation::Documentation;

/// Takes labels, scores and the call's constants; returns the result.
pub type Evaluate = fn(&[bool], &[f64], &[ScalarValue]) -> Result<ScalarValue>;

/// What differs between such aggregates.
#[derive(Debug, Clone, Copy)]
pub struct Collected {
    pub documentation: &'static Documentation,
    /// The result's type.
    pub returns: fn() -> DataType,
    pub evaluate: Evaluate,
}

impl Collected {
    /// Returns the aggregate in the form that DataFusion takes.
    pub fn aggregate(self) -> Implementation {
        Implementation::Aggregate(AggregateUDF::new_from_impl(CollectedFunction {
            documentation: self.documentation.for_engine(),
            spec: self,
            signature: Signature::user_defined(Volatility::Immutable),
        }))
    }
}

#[derive(Debug)]
struct CollectedFunction {
    spec: Collected,
    documentation: EngineDocumentation,
    signature: Signature,
}

// Each name is registered only once, so it identifies the function.
impl PartialEq for CollectedFunction {
    fn eq(&self, other: &Self) -> bool {
        self.spec.documentation.name == other.spec.documentation.name
    }
}

impl Eq for CollectedFunction {}

impl Hash for CollectedFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.spec.documentation.name.hash(state);
    }
}

impl AggregateUDFImpl for CollectedFunction {
    fn name(&self) -> &str {
        self.spec.documentation.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let arguments = self.spec.documentation.arguments;
        let required = arguments.iter().filter(|argument| argument.required).count();
        // The arguments after label and score are constants and keep their types.
        let mut coerced = label_score::coerce(&self.spec.documentation.syntax(), 2..=2, &types[..types.len().min(2)])?;
        if !(required..=arguments.len()).contains(&types.len()) {
            return plan_err!("{} was given {} arguments", self.spec.documentation.syntax(), types.len());
        }
        coerced.extend(types.iter().skip(2).cloned());
        Ok(coerced)
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok((self.spec.returns)())
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let list = |name, item| {
            let item = Arc::new(Field::new_list_field(item, true));
            Arc::new(Field::new(format_state_name(args.name, name), DataType::List(item), true))
        };
        Ok(vec![list("labels", DataType::Boolean), list("scores", DataType::Float64)])
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if args.is_distinct {
            return not_impl_err!(
                "{}(DISTINCT …): rows of equal scores all count, so DISTINCT has no meaning here",
                self.name()
            );
        }
        let mut constants = Vec::new();
        for (argument, expression) in self.spec.documentation.arguments.iter().zip(args.exprs).skip(2) {
            match expression.downcast_ref::<Literal>() {
                Some(literal) => constants.push(literal.value().clone()),
                None => return plan_err!("{} of {} must be constant", argument.name, self.name()),
            }
        }
        Ok(Box::new(Rows { labels: Vec::new(), scores: Vec::new(), constants, evaluate: self.spec.evaluate }))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn documentation(&self) -> Option<&EngineDocumentation> {
        Some(&self.documentation)
    }
}

#[derive(Debug)]
struct Rows {
    labels: Vec<bool>,
    scores: Vec<f64>,
    constants: Vec<ScalarValue>,
    evaluate: Evaluate,
}

impl Accumulator for Rows {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        label_score::for_each_row(&values[..2], |label, values| {
            // A NaN label makes the result undefined, just as a NaN score does.
            self.labels.push(label.unwrap_or(false));
            self.scores.push(if label.is_some() { values[0] } else { f64::NAN });
        })
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let (labels, scores) = (states[0].as_list::<i32>(), states[1].as_list::<i32>());
        for row in 0..labels.len() {
            self.labels.extend(labels.value(row).as_boolean().iter().flatten());
            self.scores.extend_from_slice(scores.value(row).as_primitive::<Float64Type>().values());
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let labels = Arc::new(BooleanArray::from(std::mem::take(&mut self.labels)));
        let scores = Arc::new(Float64Array::from(std::mem::take(&mut self.scores)));
        Ok(vec![
            SingleRowListArrayBuilder::new(labels).build_list_scalar(),
            SingleRowListArrayBuilder::new(scores).build_list_scalar(),
        ])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        (self.evaluate)(&self.labels, &self.scores, &self.constants)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.labels.capacity() + self.scores.capacity() * size_of::<f64>()
    }
}

/// Returns the whole number in an optional constant argument, or the default if there is none.
///
/// # Errors
/// The constant is not a whole number, or is below `least`.
pub fn whole(constant: Option<&ScalarValue>, name: &str, least: usize, default: usize) -> Result<usize> {
    let Some(constant) = constant else { return Ok(default) };
    match constant.cast_to(&DataType::Int64)? {
        ScalarValue::Int64(Some(value)) if value >= least as i64 => Ok(value as usize),
        _ => plan_err!("{name} must be a whole number of at least {least}, not {constant}"),
    }
}
