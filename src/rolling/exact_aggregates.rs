//! Aggregates of integers as the query engine takes them, with exact totals.
//!
//! In: integers of up to 64 bits, or for sums and means decimals. Out: their sum, mean, variance or deviation, from exact totals and rounded
//! once. A sum that does not fit its type is an error. Window operators compute the same figures with the kernels, where they can.

use std::collections::HashSet;
use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, ListArray};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::{
    DECIMAL128_MAX_PRECISION, DECIMAL128_MAX_SCALE, DataType, Decimal128Type, Field, FieldRef,
};
use datafusion::common::{Result, ScalarValue};
use datafusion::functions_aggregate::average::avg_udaf;
use datafusion::functions_aggregate::stddev::{stddev_pop_udaf, stddev_udaf};
use datafusion::functions_aggregate::sum::sum_udaf;
use datafusion::functions_aggregate::variance::{var_pop_udaf, var_samp_udaf};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, GroupsAccumulator, ReversedUDAF, SetMonotonicity, Signature,
    Volatility,
};

use super::exact_totals::{Figure, Totals, integers, wide, widest};

/// An aggregate of the engine's that has an exact form.
#[derive(Debug, Clone, Copy)]
pub struct ExactForm(Figure);

impl ExactForm {
    /// Returns the exact form of an aggregate of the engine's.
    pub fn of(function: &AggregateUDF) -> Option<ExactForm> {
        FIGURES.iter().find(|(_, engines, _)| engines.as_ref() == function).map(|(figure, ..)| ExactForm(*figure))
    }

    /// Returns the engine's aggregate of an exact form.
    pub fn engines(function: &AggregateUDF) -> Option<&'static AggregateUDF> {
        let figure = function.inner().downcast_ref::<Exact>()?.figure;
        FIGURES.iter().find(|(known, ..)| *known == figure).map(|(_, engines, _)| engines.as_ref())
    }

    /// Returns the function.
    pub fn function(self) -> Arc<AggregateUDF> {
        // The table has every figure; the first stands for what cannot be.
        let found = FIGURES.iter().find(|(figure, ..)| *figure == self.0);
        Arc::clone(found.map_or(&FIGURES[0].2, |(_, _, ours)| ours))
    }

    /// Returns whether the aggregate takes decimals too.
    pub fn takes_decimals(self) -> bool {
        matches!(self.0, Figure::Sum | Figure::Mean)
    }

    /// Returns whether the aggregate returns the type of its argument.
    pub fn is_sum(self) -> bool {
        self.0 == Figure::Sum
    }
}

/// A figure, the engine's function of it, and ours.
type Known = (Figure, Arc<AggregateUDF>, Arc<AggregateUDF>);

static FIGURES: LazyLock<Vec<Known>> = LazyLock::new(|| {
    let ours = |figure| {
        Arc::new(AggregateUDF::new_from_impl(Exact { figure, signature: Signature::any(1, Volatility::Immutable) }))
    };
    [
        (Figure::Sum, sum_udaf()),
        (Figure::Mean, avg_udaf()),
        (Figure::VarianceOfSample, var_samp_udaf()),
        (Figure::VarianceOfPopulation, var_pop_udaf()),
        (Figure::DeviationOfSample, stddev_udaf()),
        (Figure::DeviationOfPopulation, stddev_pop_udaf()),
    ]
    .into_iter()
    .map(|(figure, engines)| (figure, engines, ours(figure)))
    .collect()
});

/// An aggregate of integers.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Exact {
    figure: Figure,
    signature: Signature,
}

impl AggregateUDFImpl for Exact {
    fn name(&self) -> &str {
        match self.figure {
            Figure::Sum => "sum",
            Figure::Mean => "avg",
            Figure::VarianceOfSample => "var",
            Figure::VarianceOfPopulation => "var_pop",
            Figure::DeviationOfSample => "stddev",
            Figure::DeviationOfPopulation => "stddev_pop",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(match (self.figure, &types[0]) {
            (Figure::Sum, DataType::Decimal128(precision, scale)) => {
                DataType::Decimal128(DECIMAL128_MAX_PRECISION.min(precision + 10), *scale)
            }
            (Figure::Sum, other) => other.clone(),
            // As the engine's.
            (Figure::Mean, DataType::Decimal128(precision, scale)) => {
                DataType::Decimal128(DECIMAL128_MAX_PRECISION.min(precision + 4), DECIMAL128_MAX_SCALE.min(scale + 4))
            }
            _ => DataType::Float64,
        })
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let field = |name: &str, data_type| -> FieldRef {
            Field::new(format_state_name(args.name, name), data_type, true).into()
        };
        if args.is_distinct {
            let item = Field::new_list_field(wide(), true);
            return Ok(vec![field("values", DataType::List(Arc::new(item)))]);
        }
        let mut fields = vec![field("count", DataType::UInt64), field("sum", wide())];
        if self.figure.needs_squares() {
            fields.push(field("squares", widest()));
        }
        Ok(fields)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let totals = Totals::of(self.figure, &args);
        let distinct = args.is_distinct.then(HashSet::new);
        Ok(Box::new(OneGroup { totals, distinct }))
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        !args.is_distinct
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(Totals::of(self.figure, &args)))
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        self.accumulator(args)
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn set_monotonicity(&self, _data_type: &DataType) -> SetMonotonicity {
        SetMonotonicity::NotMonotonic
    }
}

/// The totals of one group; of distinct values, if DISTINCT is asked for.
#[derive(Debug)]
struct OneGroup {
    totals: Totals,
    distinct: Option<HashSet<i128>>,
}

impl OneGroup {
    fn note(&mut self, values: &ArrayRef) -> Result<()> {
        match &mut self.distinct {
            Some(seen) => seen.extend(integers(values)?.iter().flatten()),
            None => self.totals.update_batch(std::slice::from_ref(values), &vec![0; values.len()], None, 1)?,
        }
        Ok(())
    }
}

impl Accumulator for OneGroup {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.note(&values[0])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let mut totals = self.totals.empty();
        totals.resize(1);
        match &self.distinct {
            Some(seen) => seen.iter().try_for_each(|value| totals.add(0, *value))?,
            None => totals.merge(&self.totals)?,
        }
        ScalarValue::try_from_array(&totals.results()?, 0)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        if let Some(seen) = &self.distinct {
            let values: Decimal128Array = seen.iter().copied().map(Some).collect();
            let values = values.with_precision_and_scale(DECIMAL128_MAX_PRECISION, 0)?;
            let field = Arc::new(Field::new_list_field(wide(), true));
            let list = ListArray::try_new(field, OffsetBuffer::from_lengths([seen.len()]), Arc::new(values), None)?;
            return Ok(vec![ScalarValue::List(Arc::new(list))]);
        }
        let mut totals = self.totals.empty();
        totals.resize(1);
        totals.merge(&self.totals)?;
        totals.states()?.iter().map(|state| ScalarValue::try_from_array(state, 0)).collect()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let Some(seen) = &mut self.distinct else {
            let groups = vec![0; states[0].len()];
            return GroupsAccumulator::merge_batch(&mut self.totals, states, &groups, 1);
        };
        for list in states[0].as_list::<i32>().iter().flatten() {
            seen.extend(list.as_primitive::<Decimal128Type>().iter().flatten());
        }
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for value in integers(&values[0])?.iter().flatten() {
            self.totals.subtract(value);
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        self.distinct.is_none()
    }

    fn size(&self) -> usize {
        let seen = self.distinct.as_ref().map_or(0, |seen| seen.capacity() * size_of::<i128>());
        size_of_val(self) + GroupsAccumulator::size(&self.totals) + seen
    }
}
