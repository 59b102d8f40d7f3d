//! Aggregates that need every row at once, a label with scores and a time: the code around a function on slices.
//!
//! The state is the rows themselves, so partial states are merged by appending. The functions in `model` do not depend on the
//! order of rows, so the result has the same bits however the rows were split.

use std::mem::size_of_val;
use std::ops::RangeInclusive;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, StructArray};
use datafusion::arrow::datatypes::{
    DataType, Field, FieldRef, Fields, Float64Type, Int64Type, TimestampNanosecondType,
};
use datafusion::common::utils::SingleRowListArrayBuilder;
use datafusion::common::{Result, ScalarValue, not_impl_err, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation as EngineDocumentation, Signature, Volatility,
};
use datafusion::physical_expr::expressions::Literal;

use super::{Implementation, label_score};
use crate::text::documentation::{Documentation, known_by_name};

/// Takes rows and the call's constants; returns the result.
pub type Evaluate = fn(&Rows, &[ScalarValue]) -> Result<ScalarValue>;

/// What differs between such aggregates.
#[derive(Debug, Clone, Copy)]
pub struct Collected {
    /// The arguments are the label, the scores, the time if there is one, and then constants.
    pub documentation: &'static Documentation,
    /// The number of scores in a row.
    pub scores: usize,
    /// Whether a row has a time.
    pub timed: bool,
    /// The result's type.
    pub returns: fn() -> DataType,
    pub evaluate: Evaluate,
}

/// Returns an aggregate over rows with times, in the form that DataFusion takes.
pub fn timed(
    documentation: &'static Documentation,
    scores: usize,
    returns: fn() -> DataType,
    evaluate: Evaluate,
) -> Implementation {
    Collected { documentation, scores, timed: true, returns, evaluate }.aggregate()
}

/// The rows of a group without a NULL.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    pub labels: Vec<bool>,
    /// One column for each score; NaN where the label is NaN.
    pub scores: Vec<Vec<f64>>,
    /// Nanoseconds since 1970, UTC; empty if the rows have no times.
    pub times: Vec<i64>,
    /// Whether a label is NaN.
    pub nan_label: bool,
}

impl Collected {
    /// Returns the number of arguments that are columns.
    fn columns(&self) -> usize {
        1 + self.scores + usize::from(self.timed)
    }

    fn no_rows(&self) -> Rows {
        Rows { scores: vec![Vec::new(); self.scores], ..Rows::default() }
    }

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

known_by_name!(CollectedFunction, spec.documentation.name);

impl AggregateUDFImpl for CollectedFunction {
    fn name(&self) -> &str {
        self.spec.documentation.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let documentation = self.spec.documentation;
        let (syntax, required) = (documentation.syntax(), documentation.required());
        if !(required..=documentation.arguments.len()).contains(&types.len()) {
            return plan_err!("{syntax} was given {} arguments", types.len());
        }
        let numbers = 1 + self.spec.scores;
        let mut coerced = label_score::coerce(&syntax, numbers..=numbers, &types[..numbers])?;
        if self.spec.timed {
            coerced.push(label_score::coerce_time(&syntax, numbers, &types[numbers])?);
        }
        // The other arguments are constants and keep their types.
        coerced.extend(types.iter().skip(self.spec.columns()).cloned());
        Ok(coerced)
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok((self.spec.returns)())
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let list = |name: &str, item| {
            let item = Arc::new(Field::new_list_field(item, true));
            Arc::new(Field::new(format_state_name(args.name, name), DataType::List(item), true))
        };
        let mut fields = vec![
            Arc::new(Field::new(format_state_name(args.name, "nan_label"), DataType::Boolean, true)),
            list("labels", DataType::Boolean),
        ];
        fields.extend((0..self.spec.scores).map(|index| list(&format!("scores_{index}"), DataType::Float64)));
        if self.spec.timed {
            fields.push(list("times", DataType::Int64));
        }
        Ok(fields)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if args.is_distinct {
            return not_impl_err!(
                "{}(DISTINCT …): rows of equal scores all count, so DISTINCT has no meaning here",
                self.name()
            );
        }
        let mut constants = Vec::new();
        for (argument, expression) in self.spec.documentation.arguments.iter().zip(args.exprs).skip(self.spec.columns())
        {
            match expression.downcast_ref::<Literal>() {
                Some(literal) => constants.push(literal.value().clone()),
                None => return plan_err!("{} of {} must be constant", argument.name, self.name()),
            }
        }
        Ok(Box::new(Collecting { rows: self.spec.no_rows(), nan_labels: 0, constants, spec: self.spec }))
    }

    /// The value of a window's frame without rows. The call's constants are not known here; where a value needs one, it is NULL.
    fn default_value(&self, data_type: &DataType) -> Result<ScalarValue> {
        (self.spec.evaluate)(&self.spec.no_rows(), &[]).or_else(|_| ScalarValue::try_from(data_type))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn documentation(&self) -> Option<&EngineDocumentation> {
        Some(&self.documentation)
    }
}

#[derive(Debug)]
struct Collecting {
    rows: Rows,
    /// The number of labels that are NaN, so that the flag of the rows can be taken back when such a row leaves a window's frame.
    nan_labels: u64,
    constants: Vec<ScalarValue>,
    spec: Collected,
}

impl Accumulator for Collecting {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let times = self.spec.timed.then(|| values[1 + self.spec.scores].as_primitive::<TimestampNanosecondType>());
        let Rows { labels, scores, times: kept, .. } = &mut self.rows;
        let nan_labels = &mut self.nan_labels;
        label_score::for_each_row(&values[..1 + self.spec.scores], times, |label, values, time| {
            // A NaN label makes the result undefined, just as a NaN score does.
            *nan_labels += u64::from(label.is_none());
            labels.push(label.unwrap_or(false));
            for (scores, value) in scores.iter_mut().zip(values) {
                scores.push(if label.is_some() { *value } else { f64::NAN });
            }
            kept.extend(time);
        })?;
        self.rows.nan_label = self.nan_labels > 0;
        Ok(())
    }

    /// Takes rows out that left a window's frame. Rows leave in the order in which they came.
    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let times = self.spec.timed.then(|| values[1 + self.spec.scores].as_primitive::<TimestampNanosecondType>());
        let (mut gone, mut nan_labels) = (0, 0);
        label_score::for_each_row(&values[..1 + self.spec.scores], times, |label, _, _| {
            gone += 1;
            nan_labels += u64::from(label.is_none());
        })?;
        self.rows.labels.drain(..gone);
        self.rows.scores.iter_mut().for_each(|scores| drop(scores.drain(..gone)));
        if self.spec.timed {
            self.rows.times.drain(..gone);
        }
        self.nan_labels -= nan_labels;
        self.rows.nan_label = self.nan_labels > 0;
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let (nan_labels, labels) = (states[0].as_boolean(), states[1].as_list::<i32>());
        for row in 0..labels.len() {
            self.nan_labels += u64::from(nan_labels.value(row));
            self.rows.labels.extend(labels.value(row).as_boolean().iter().flatten());
            for (scores, state) in self.rows.scores.iter_mut().zip(&states[2..]) {
                let state = state.as_list::<i32>().value(row);
                scores.extend_from_slice(state.as_primitive::<Float64Type>().values());
            }
            if self.spec.timed {
                let state = states[2 + self.spec.scores].as_list::<i32>().value(row);
                self.rows.times.extend_from_slice(state.as_primitive::<Int64Type>().values());
            }
        }
        self.rows.nan_label = self.nan_labels > 0;
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let list = |array: ArrayRef| SingleRowListArrayBuilder::new(array).build_list_scalar();
        let rows = std::mem::take(&mut self.rows);
        let mut state = vec![ScalarValue::from(rows.nan_label), list(Arc::new(BooleanArray::from(rows.labels)))];
        state.extend(rows.scores.into_iter().map(|scores| list(Arc::new(Float64Array::from(scores)))));
        if self.spec.timed {
            state.push(list(Arc::new(Int64Array::from(rows.times))));
        }
        Ok(state)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        (self.spec.evaluate)(&self.rows, &self.constants)
    }

    fn size(&self) -> usize {
        let scores: usize = self.rows.scores.iter().map(|scores| scores.capacity() * size_of::<f64>()).sum();
        size_of_val(self) + self.rows.labels.capacity() + scores + self.rows.times.capacity() * size_of::<i64>()
    }
}

/// Returns the number in an optional constant argument; `None` if it is absent, NULL or not a number.
pub fn number(constant: Option<&ScalarValue>) -> Result<Option<f64>> {
    let Some(constant) = constant else { return Ok(None) };
    match constant.cast_to(&DataType::Float64)? {
        ScalarValue::Float64(number) => Ok(number.filter(|number| !number.is_nan())),
        _ => Ok(None),
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

/// Returns the whole number in an optional constant argument that decides how much memory or time a call takes.
///
/// # Errors
/// The constant is not a whole number within the bounds.
pub fn bounded(
    constant: Option<&ScalarValue>,
    name: &str,
    bounds: RangeInclusive<usize>,
    default: usize,
) -> Result<usize> {
    let number = whole(constant, name, *bounds.start(), default)?;
    if number > *bounds.end() {
        return plan_err!("{name} must be at most {}, not {number}", bounds.end());
    }
    Ok(number)
}

/// Returns one row of a STRUCT.
pub fn structure(fields: Fields, values: Vec<ScalarValue>) -> Result<ScalarValue> {
    let columns = values.iter().map(|value| value.to_array()).collect::<Result<Vec<ArrayRef>>>()?;
    Ok(ScalarValue::Struct(Arc::new(StructArray::try_new(fields, columns, None)?)))
}
