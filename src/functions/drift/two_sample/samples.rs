//! Aggregates over two samples: the code around a function of them.
//!
//! The state is the values themselves, or texts with how often they occur, so partial states are merged by appending. Numbers are sorted
//! before they are compared, so the result has the same bits however the rows were split.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::mem::size_of_val;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Decimal128Array, Float64Array, Int64Array, StringArray, StructArray,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Field, FieldRef, Fields, Float64Type, Int64Type};
use datafusion::common::utils::SingleRowListArrayBuilder;
use datafusion::common::{Result, ScalarValue, not_impl_err, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation as EngineDocumentation, Signature, Volatility,
};

use super::super::categories::Counts;
use super::whole::{self, Takes};
use crate::functions::Implementation;
use crate::functions::label_score::is_label;
use crate::text::documentation::Documentation;

/// The type of whole numbers of any size: those of BIGINT, of BIGINT UNSIGNED and of a DECIMAL without a fraction.
pub const WHOLE: DataType = DataType::Decimal128(38, 0);

/// The statistic and the p-value of a test; `None` where there is nothing to test.
pub type Tested = Option<(f64, f64)>;

/// What is computed from two samples.
#[derive(Debug, Clone, Copy)]
pub enum Measure {
    /// A distance between samples of numbers, which are ascending and not empty.
    Numbers(fn(&[f64], &[f64]) -> Option<f64>),
    /// A test of two samples of numbers, which are ascending and not empty: statistic and p-value.
    Test(fn(&[f64], &[f64]) -> Tested),
    /// A distance between two samples of either kind.
    Distance(fn(&Samples) -> Option<f64>),
    /// A test of counts by category: statistic and p-value.
    Categories(fn(&[Counts]) -> Tested),
    /// A distance between counts by category.
    Shares(fn(&[Counts]) -> Option<f64>),
}

impl Measure {
    /// Returns whether the values may be texts.
    pub fn takes_texts(self) -> bool {
        matches!(self, Measure::Distance(_) | Measure::Categories(_) | Measure::Shares(_))
    }

    /// Returns whether it depends on nothing but how often each value occurs.
    pub fn counts_categories(self) -> bool {
        matches!(self, Measure::Categories(_) | Measure::Shares(_))
    }

    /// Returns in which form it takes whole numbers.
    pub fn takes(self) -> Takes {
        match self {
            Measure::Categories(_) | Measure::Shares(_) => Takes::Categories,
            Measure::Distance(_) => Takes::Either,
            Measure::Numbers(_) | Measure::Test(_) => Takes::Numbers,
        }
    }

    fn returns(self) -> DataType {
        match self {
            Measure::Numbers(_) | Measure::Distance(_) | Measure::Shares(_) => DataType::Float64,
            Measure::Test(_) | Measure::Categories(_) => DataType::Struct(fields()),
        }
    }

    /// Returns the distance, or the p-value of the test; `None` where it is not defined.
    pub fn figure(self, samples: &Samples) -> Option<f64> {
        if samples.is_empty(0) || samples.is_empty(1) {
            return None;
        }
        let [reference, current] = &samples.numbers;
        let p_value = |tested: Tested| tested.map(|(_, p_value)| p_value);
        match self {
            Measure::Numbers(distance) => distance(reference, current),
            Measure::Distance(distance) => distance(samples),
            Measure::Shares(distance) => distance(&samples.counts()),
            Measure::Test(test) => p_value(test(reference, current)),
            Measure::Categories(test) => p_value(test(&samples.counts())),
        }
    }

    fn of(self, samples: &Samples) -> Result<ScalarValue> {
        let both = !samples.is_empty(0) && !samples.is_empty(1);
        let [reference, current] = &samples.numbers;
        let tested = match self {
            Measure::Test(test) if both => test(reference, current),
            Measure::Categories(test) if both => test(&samples.counts()),
            Measure::Test(_) | Measure::Categories(_) => None,
            Measure::Numbers(_) | Measure::Distance(_) | Measure::Shares(_) => {
                return Ok(ScalarValue::Float64(self.figure(samples)));
            }
        };
        let Some((statistic, p_value)) = tested else { return ScalarValue::try_from(&self.returns()) };
        let columns: Vec<ArrayRef> =
            vec![Arc::new(Float64Array::from(vec![statistic])), Arc::new(Float64Array::from(vec![p_value]))];
        Ok(ScalarValue::Struct(Arc::new(StructArray::try_new(fields(), columns, None)?)))
    }
}

fn fields() -> Fields {
    ["statistic", "p_value"].map(|name| Field::new(name, DataType::Float64, true)).into_iter().collect()
}

/// Two samples, the reference first: numbers, or texts with how often they occur.
#[derive(Debug, Clone, Default)]
pub struct Samples {
    pub numbers: [Vec<f64>; 2],
    pub texts: [BTreeMap<String, i64>; 2],
}

impl Samples {
    fn is_empty(&self, sample: usize) -> bool {
        self.numbers[sample].is_empty() && self.texts[sample].is_empty()
    }

    /// Returns the counts of every category, in order of category; each distinct number is a category.
    pub fn counts(&self) -> Vec<Counts> {
        let mut counts: Vec<Counts> = Vec::new();
        let [reference, current] = &self.numbers;
        let (mut i, mut j) = (0, 0);
        while i < reference.len() || j < current.len() {
            let next = match (reference.get(i), current.get(j)) {
                (Some(a), Some(b)) => a.min(*b),
                (Some(value), None) | (None, Some(value)) => *value,
                (None, None) => break,
            };
            let run = |sample: &[f64]| sample.iter().take_while(|value| **value == next).count();
            let (m, n) = (run(&reference[i..]), run(&current[j..]));
            counts.push((m as u64, n as u64));
            (i, j) = (i + m, j + n);
        }
        let mut texts: BTreeMap<&str, Counts> = BTreeMap::new();
        for (text, count) in &self.texts[0] {
            texts.entry(text).or_default().0 += count.unsigned_abs();
        }
        for (text, count) in &self.texts[1] {
            texts.entry(text).or_default().1 += count.unsigned_abs();
        }
        counts.extend(texts.into_values());
        counts
    }
}

/// Returns the aggregate in the form that DataFusion takes. Its arguments are whether a row is of the current sample, and a value.
pub fn aggregate(documentation: &'static Documentation, measure: Measure) -> Implementation {
    Implementation::Aggregate(AggregateUDF::new_from_impl(TwoSample {
        documentation: documentation.for_engine(),
        ours: documentation,
        measure,
        signature: Signature::user_defined(Volatility::Immutable),
    }))
}

#[derive(Debug)]
struct TwoSample {
    ours: &'static Documentation,
    documentation: EngineDocumentation,
    measure: Measure,
    signature: Signature,
}

// Each name is registered only once, so it identifies the function.
impl PartialEq for TwoSample {
    fn eq(&self, other: &Self) -> bool {
        self.ours.name == other.ours.name
    }
}

impl Eq for TwoSample {}

impl Hash for TwoSample {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.ours.name.hash(state);
    }
}

impl AggregateUDFImpl for TwoSample {
    fn name(&self) -> &str {
        self.ours.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let syntax = self.ours.syntax();
        let [current, value] = types else { return plan_err!("{syntax} was given {} arguments", types.len()) };
        let current = match current {
            DataType::Boolean => DataType::Boolean,
            given if given.is_numeric() || given.is_null() => DataType::Float64,
            given => {
                return plan_err!(
                    "argument 1 of {syntax} must say whether the row is of the current sample, not be {given}: compare it, such as `split = 'test'`"
                );
            }
        };
        let value = match value {
            DataType::UInt64 | DataType::Decimal128(_, 0) => WHOLE,
            given if given.is_integer() => DataType::Int64,
            given if given.is_numeric() || given.is_null() => DataType::Float64,
            given if self.measure.takes_texts() && (given.is_string() || *given == DataType::Boolean) => DataType::Utf8,
            DataType::Dictionary(_, item) if self.measure.takes_texts() && item.is_string() => DataType::Utf8,
            given if self.measure.takes_texts() => {
                return plan_err!("argument 2 of {syntax} must be a number, text or BOOLEAN, not {given}");
            }
            given => return plan_err!("argument 2 of {syntax} must be a number, not {given}"),
        };
        Ok(vec![current, value])
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(self.measure.returns())
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let list = |name: &str, item| {
            let item = Arc::new(Field::new_list_field(item, true));
            Arc::new(Field::new(format_state_name(args.name, name), DataType::List(item), true))
        };
        let names = ["reference", "current"];
        let mut fields: Vec<FieldRef> = names.iter().map(|name| list(name, DataType::Float64)).collect();
        for name in names {
            fields.push(list(&format!("{name}_texts"), DataType::Utf8));
            fields.push(list(&format!("{name}_counts"), DataType::Int64));
        }
        for name in names {
            fields.push(list(&format!("{name}_whole"), WHOLE));
        }
        Ok(fields)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if args.is_distinct {
            return not_impl_err!(
                "{}(DISTINCT …): equal values all count, so DISTINCT has no meaning here",
                self.name()
            );
        }
        Ok(Box::new(Collecting {
            samples: Samples::default(),
            whole: Default::default(),
            measure: self.measure,
            name: self.ours.name,
        }))
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
    samples: Samples,
    /// The values of a column of whole numbers, the reference first.
    whole: [Vec<i128>; 2],
    measure: Measure,
    name: &'static str,
}

impl Collecting {
    /// Returns which sample each row belongs to; `None` where that is not known.
    fn sides(&self, column: &ArrayRef) -> Result<Vec<Option<usize>>> {
        if let Some(flags) = column.as_boolean_opt() {
            return Ok(flags.iter().map(|flag| flag.map(usize::from)).collect());
        }
        let numbers = column.as_primitive::<Float64Type>().iter();
        let side = |number: Option<f64>| match number {
            None => Ok(None),
            Some(number) if is_label(number) => Ok(Some(usize::from(number != 0.0))),
            Some(number) => {
                plan_err!("the first argument of {} is {number}; it must be 0 (reference) or 1 (current)", self.name)
            }
        };
        numbers.map(side).collect()
    }
}

impl Accumulator for Collecting {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let sides = self.sides(&values[0])?;
        if let Some(texts) = values[1].as_string_opt::<i32>() {
            for (side, text) in sides.iter().zip(texts) {
                let (Some(side), Some(text)) = (side, text) else { continue };
                match self.samples.texts[*side].get_mut(text) {
                    Some(count) => *count += 1,
                    None => drop(self.samples.texts[*side].insert(text.into(), 1)),
                }
            }
            return Ok(());
        }
        if values[1].data_type().is_integer() || values[1].data_type() == &WHOLE {
            let whole = cast(&values[1], &WHOLE)?;
            for (side, value) in sides.iter().zip(whole.as_primitive::<Decimal128Type>()) {
                if let (Some(side), Some(value)) = (side, value) {
                    self.whole[*side].push(value);
                }
            }
            return Ok(());
        }
        for (side, value) in sides.iter().zip(values[1].as_primitive::<Float64Type>()) {
            if let (Some(side), Some(value)) = (side, value.filter(|value| value.is_finite())) {
                self.samples.numbers[*side].push(value);
            }
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for row in 0..states[0].len() {
            for (side, numbers) in self.samples.numbers.iter_mut().enumerate() {
                let state = states[side].as_list::<i32>().value(row);
                numbers.extend_from_slice(state.as_primitive::<Float64Type>().values());
            }
            for (side, texts) in self.samples.texts.iter_mut().enumerate() {
                let (names, counts) = (
                    states[2 + 2 * side].as_list::<i32>().value(row),
                    states[3 + 2 * side].as_list::<i32>().value(row),
                );
                let counts = counts.as_primitive::<Int64Type>();
                for (text, count) in names.as_string::<i32>().iter().flatten().zip(counts.values()) {
                    *texts.entry(text.into()).or_default() += count;
                }
            }
            for (side, whole) in self.whole.iter_mut().enumerate() {
                let state = states[6 + side].as_list::<i32>().value(row);
                whole.extend_from_slice(state.as_primitive::<Decimal128Type>().values());
            }
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let list = |array: ArrayRef| SingleRowListArrayBuilder::new(array).build_list_scalar();
        let Samples { numbers, texts } = std::mem::take(&mut self.samples);
        let mut state: Vec<ScalarValue> = numbers.map(|numbers| list(Arc::new(Float64Array::from(numbers)))).into();
        for texts in texts {
            state.push(list(Arc::new(StringArray::from_iter_values(texts.keys()))));
            state.push(list(Arc::new(Int64Array::from_iter_values(texts.into_values()))));
        }
        for whole in std::mem::take(&mut self.whole) {
            state.push(list(Arc::new(Decimal128Array::from(whole).with_data_type(WHOLE))));
        }
        Ok(state)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        if self.whole.iter().any(|sample| !sample.is_empty()) {
            return self.measure.of(&whole::samples(self.whole.clone(), self.measure.takes()));
        }
        let mut samples = self.samples.clone();
        for numbers in &mut samples.numbers {
            // Adding 0.0 turns -0.0 into 0.0, so that both are the same value.
            numbers.iter_mut().for_each(|number| *number += 0.0);
            numbers.sort_unstable_by(f64::total_cmp);
        }
        self.measure.of(&samples)
    }

    fn size(&self) -> usize {
        let numbers: usize = self.samples.numbers.iter().map(|numbers| numbers.capacity() * size_of::<f64>()).sum();
        let texts = self.samples.texts.iter().flatten().map(|(text, _)| text.capacity() + 64);
        let whole: usize = self.whole.iter().map(|sample| sample.capacity() * size_of::<i128>()).sum();
        size_of_val(self) + numbers + whole + texts.sum::<usize>()
    }
}
