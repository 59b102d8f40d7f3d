//! Aggregates whose state is a few integers: the code around functions on counters.
//!
//! Integers are added without rounding, so partial states merge to the same bits however the rows were split.

use std::mem::size_of_val;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Field, FieldRef};
use datafusion::common::{Result, ScalarValue, not_impl_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation as EngineDocumentation, Signature, Volatility,
};

use super::{Implementation, label_score};
use crate::text::documentation::{Documentation, known_by_name};

/// The widest integer that Arrow stores: 38 decimal digits.
const COUNTER: DataType = DataType::Decimal128(38, 0);

/// What differs between such aggregates.
#[derive(Debug, Clone, Copy)]
pub struct Counted {
    pub documentation: &'static Documentation,
    /// The number of counters.
    pub counters: usize,
    /// Counts a row, given its label (`None` if it is NaN) and its other arguments.
    pub add: fn(&mut [i128], Option<bool>, &[f64]),
    /// The result's type.
    pub returns: fn() -> DataType,
    /// Takes the counters; returns the result.
    pub evaluate: fn(&[i128]) -> Result<ScalarValue>,
}

impl Counted {
    /// Returns the aggregate in the form that DataFusion takes.
    pub fn aggregate(self) -> Implementation {
        Implementation::Aggregate(AggregateUDF::new_from_impl(CountedFunction {
            documentation: self.documentation.for_engine(),
            spec: self,
            signature: Signature::user_defined(Volatility::Immutable),
        }))
    }
}

#[derive(Debug)]
struct CountedFunction {
    spec: Counted,
    documentation: EngineDocumentation,
    signature: Signature,
}

known_by_name!(CountedFunction, spec.documentation.name);

impl AggregateUDFImpl for CountedFunction {
    fn name(&self) -> &str {
        self.spec.documentation.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let count = self.spec.documentation.arguments.len();
        label_score::coerce(&self.spec.documentation.syntax(), count..=count, types)
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok((self.spec.returns)())
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let field = |index| format_state_name(args.name, &format!("counter_{index}"));
        Ok((0..self.spec.counters).map(|index| Arc::new(Field::new(field(index), COUNTER, false))).collect())
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if args.is_distinct {
            return not_impl_err!(
                "{}(DISTINCT …): rows of equal scores all count, so DISTINCT has no meaning here",
                self.name()
            );
        }
        Ok(Box::new(Counters { counters: vec![0; self.spec.counters], spec: self.spec }))
    }

    /// The value of a window's frame without rows, which is that of a group without rows.
    fn default_value(&self, _data_type: &DataType) -> Result<ScalarValue> {
        (self.spec.evaluate)(&vec![0; self.spec.counters])
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn documentation(&self) -> Option<&EngineDocumentation> {
        Some(&self.documentation)
    }
}

#[derive(Debug)]
struct Counters {
    counters: Vec<i128>,
    spec: Counted,
}

impl Accumulator for Counters {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        label_score::for_each_row(values, None, |label, values, _| (self.spec.add)(&mut self.counters, label, values))
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for (counter, state) in self.counters.iter_mut().zip(states) {
            *counter += state.as_primitive::<Decimal128Type>().values().iter().sum::<i128>();
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(self.counters.iter().map(|&counter| ScalarValue::Decimal128(Some(counter), 38, 0)).collect())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        (self.spec.evaluate)(&self.counters)
    }

    /// Takes rows out that left a window's frame. Integers subtract exactly, so the counters are those of the rows that are left.
    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let mut gone = vec![0; self.counters.len()];
        label_score::for_each_row(values, None, |label, values, _| (self.spec.add)(&mut gone, label, values))?;
        for (counter, gone) in self.counters.iter_mut().zip(gone) {
            *counter -= gone;
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.counters.len() * size_of::<i128>()
    }
}
