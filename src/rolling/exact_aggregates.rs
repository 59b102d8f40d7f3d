//! Aggregates of integers as the query engine takes them, with exact totals.
//!
//! In: integers of up to 64 bits, or for sums and means decimals. Out: their sum, mean, variance or deviation, from exact totals and rounded
//! once. A sum that does not fit its type is an error. Window operators compute the same figures with the kernels, where they can.

use std::collections::HashSet;
use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Decimal256Array, Float64Array, Int64Array, ListArray,
    UInt64Array,
};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DECIMAL128_MAX_PRECISION, DECIMAL128_MAX_SCALE, DECIMAL256_MAX_PRECISION, DataType, Decimal128Type, Decimal256Type,
    DecimalType, Field, FieldRef, UInt64Type, i256,
};
use datafusion::common::{Result, ScalarValue, exec_datafusion_err, internal_err};
use datafusion::error::DataFusionError;
use datafusion::functions_aggregate::average::avg_udaf;
use datafusion::functions_aggregate::stddev::{stddev_pop_udaf, stddev_udaf};
use datafusion::functions_aggregate::sum::sum_udaf;
use datafusion::functions_aggregate::variance::{var_pop_udaf, var_samp_udaf};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, ReversedUDAF, SetMonotonicity, Signature,
    Volatility,
};

use super::kernel::integer_totals::IntegerTotals;
use super::rounded::rounded_quotient;

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

/// What is computed from the totals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Figure {
    Sum,
    Mean,
    VarianceOfSample,
    VarianceOfPopulation,
    DeviationOfSample,
    DeviationOfPopulation,
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

impl Figure {
    fn needs_squares(self) -> bool {
        !matches!(self, Figure::Sum | Figure::Mean)
    }

    /// Returns the figure of some totals, as a double.
    fn double(self, totals: &IntegerTotals) -> Option<f64> {
        match self {
            Figure::Sum | Figure::Mean => totals.mean(),
            Figure::VarianceOfSample => totals.variance(true),
            Figure::VarianceOfPopulation => totals.variance(false),
            Figure::DeviationOfSample => totals.deviation(true),
            Figure::DeviationOfPopulation => totals.deviation(false),
        }
    }
}

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

/// The type in which totals of values are passed on.
fn wide() -> DataType {
    DataType::Decimal128(DECIMAL128_MAX_PRECISION, 0)
}

/// The type in which totals of squares are passed on.
fn widest() -> DataType {
    DataType::Decimal256(DECIMAL256_MAX_PRECISION, 0)
}

/// Returns values as integers of 128 bits.
fn integers(values: &ArrayRef) -> Result<Decimal128Array> {
    Ok(match values.data_type() {
        // The digits alone; where the point is does not matter for sums.
        DataType::Decimal128(_, _) => values.as_primitive::<Decimal128Type>().clone(),
        _ => cast(values, &wide())?.as_primitive::<Decimal128Type>().clone(),
    })
}

/// The exact totals of some groups.
#[derive(Debug)]
struct Totals {
    figure: Figure,
    returned: DataType,
    /// How many more digits behind the point the result has than the values.
    more_digits: u32,
    counts: Vec<u64>,
    sums: Vec<i128>,
    /// Empty if the figure does not need them.
    squares: Vec<i256>,
}

impl Totals {
    fn of(figure: Figure, args: &AccumulatorArgs) -> Self {
        let returned = args.return_field.data_type().clone();
        let more_digits = match (args.expr_fields[0].data_type(), &returned) {
            (DataType::Decimal128(_, of_values), DataType::Decimal128(_, of_result)) => {
                u32::try_from(of_result - of_values).unwrap_or(0)
            }
            _ => 0,
        };
        Totals { figure, returned, more_digits, counts: Vec::new(), sums: Vec::new(), squares: Vec::new() }
    }

    /// Returns the same without totals.
    fn empty(&self) -> Self {
        Totals { returned: self.returned.clone(), counts: Vec::new(), sums: Vec::new(), squares: Vec::new(), ..*self }
    }

    fn resize(&mut self, groups: usize) {
        self.counts.resize(groups, 0);
        self.sums.resize(groups, 0);
        if self.figure.needs_squares() {
            self.squares.resize(groups, i256::ZERO);
        }
    }

    fn add(&mut self, group: usize, value: i128) -> Result<()> {
        self.counts[group] += 1;
        self.add_sum(group, value)?;
        if let Some(square) = self.squares.get_mut(group) {
            // An integer of 64 bits has a square of at most 128 bits.
            let magnitude = value.unsigned_abs();
            *square = square.wrapping_add(i256::from_parts(magnitude.wrapping_mul(magnitude), 0));
        }
        Ok(())
    }

    fn add_sum(&mut self, group: usize, value: i128) -> Result<()> {
        let Some(sum) = self.sums[group].checked_add(value) else { return Err(too_large(&self.returned)) };
        self.sums[group] = sum;
        Ok(())
    }

    fn totals(&self, group: usize) -> IntegerTotals {
        let (low, high) = self.squares.get(group).copied().unwrap_or(i256::ZERO).to_parts();
        IntegerTotals { count: self.counts[group], sum: self.sums[group], squares: (high.cast_unsigned(), low) }
    }

    fn take(&mut self, emit_to: EmitTo) -> Totals {
        Totals {
            counts: emit_to.take_needed(&mut self.counts),
            sums: emit_to.take_needed(&mut self.sums),
            squares: if self.squares.is_empty() { Vec::new() } else { emit_to.take_needed(&mut self.squares) },
            ..self.empty()
        }
    }

    fn results(&self) -> Result<ArrayRef> {
        let groups = 0..self.counts.len();
        if let (Figure::Mean, DataType::Decimal128(precision, scale)) = (self.figure, &self.returned) {
            let means =
                groups.map(|group| self.decimal_mean(group, *precision)).collect::<Result<Decimal128Array>>()?;
            return Ok(Arc::new(means.with_precision_and_scale(*precision, *scale)?));
        }
        if self.figure != Figure::Sum {
            let doubles = groups.map(|group| self.figure.double(&self.totals(group)));
            return Ok(Arc::new(Float64Array::from_iter(doubles)));
        }
        let sums: Decimal128Array = groups.map(|group| (self.counts[group] > 0).then_some(self.sums[group])).collect();
        if let DataType::Decimal128(precision, scale) = self.returned {
            let least = 10i128.pow(u32::from(precision));
            if sums.iter().flatten().any(|sum| sum <= -least || sum >= least) {
                return Err(too_large(&self.returned));
            }
            return Ok(Arc::new(sums.with_precision_and_scale(precision, scale)?));
        }
        let fits = |sum: i128| match self.returned {
            DataType::UInt64 => u64::try_from(sum).is_ok(),
            _ => i64::try_from(sum).is_ok(),
        };
        if !sums.iter().flatten().all(fits) {
            return Err(too_large(&self.returned));
        }
        Ok(match self.returned {
            DataType::UInt64 => Arc::new(sums.iter().map(|sum| sum.map(|sum| sum as u64)).collect::<UInt64Array>()),
            _ => Arc::new(sums.iter().map(|sum| sum.map(|sum| sum as i64)).collect::<Int64Array>()),
        })
    }

    /// Returns the digits of the mean of a group, rounded; `None` if the group has no values.
    fn decimal_mean(&self, group: usize, precision: u8) -> Result<Option<i128>> {
        let count = i128::from(self.counts[group]);
        if count == 0 {
            return Ok(None);
        }
        let mean = rounded_quotient(self.sums[group], self.more_digits, count).and_then(i256::to_i128);
        let fits = |mean: &i128| Decimal128Type::validate_decimal_precision(*mean, precision, 0).is_ok();
        mean.filter(fits).map(Some).ok_or_else(|| too_large(&self.returned))
    }

    fn states(self) -> Result<Vec<ArrayRef>> {
        let sums = Decimal128Array::from(self.sums).with_precision_and_scale(DECIMAL128_MAX_PRECISION, 0)?;
        let mut states: Vec<ArrayRef> = vec![Arc::new(UInt64Array::from(self.counts)), Arc::new(sums)];
        if self.figure.needs_squares() {
            let squares = Decimal256Array::from(self.squares);
            states.push(Arc::new(squares.with_precision_and_scale(DECIMAL256_MAX_PRECISION, 0)?));
        }
        Ok(states)
    }
}

fn too_large(data_type: &DataType) -> DataFusionError {
    exec_datafusion_err!(
        "a sum is outside the range of {data_type}; sum a wider type, such as sum(x::DECIMAL(38, 0)) or sum(x::DOUBLE)"
    )
}

impl GroupsAccumulator for Totals {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.resize(total_num_groups);
        let values = integers(&values[0])?;
        for (row, group) in groups.iter().enumerate() {
            let passes = filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row));
            if passes && values.is_valid(row) {
                self.add(*group, values.value(row))?;
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        self.take(emit_to).results()
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        self.take(emit_to).states()
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], total_num_groups: usize) -> Result<()> {
        self.resize(total_num_groups);
        let [counts, sums, rest @ ..] = states else { return internal_err!("totals without counts or sums") };
        let (counts, sums) = (counts.as_primitive::<UInt64Type>(), sums.as_primitive::<Decimal128Type>());
        let squares = rest.first().map(|squares| squares.as_primitive::<Decimal256Type>());
        for (row, group) in groups.iter().enumerate() {
            self.counts[*group] += counts.value(row);
            self.add_sum(*group, sums.value(row))?;
            if let Some(squares) = squares {
                self.squares[*group] = self.squares[*group].wrapping_add(squares.value(row));
            }
        }
        Ok(())
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let mut each = self.empty();
        let groups: Vec<usize> = (0..values[0].len()).collect();
        each.update_batch(values, &groups, filter, groups.len())?;
        each.states()
    }

    fn size(&self) -> usize {
        self.counts.capacity() * size_of::<u64>()
            + self.sums.capacity() * size_of::<i128>()
            + self.squares.capacity() * size_of::<i256>()
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

impl Totals {
    /// Takes a value out of the first group.
    fn subtract(&mut self, value: i128) {
        self.counts[0] -= 1;
        self.sums[0] = self.sums[0].wrapping_sub(value);
        if let Some(square) = self.squares.first_mut() {
            let magnitude = value.unsigned_abs();
            *square = square.wrapping_sub(i256::from_parts(magnitude.wrapping_mul(magnitude), 0));
        }
    }

    /// Adds the first group of others to the first group.
    fn merge(&mut self, others: &Totals) -> Result<()> {
        if others.counts.is_empty() {
            return Ok(());
        }
        self.counts[0] += others.counts[0];
        self.add_sum(0, others.sums[0])?;
        if let (Some(square), Some(other)) = (self.squares.first_mut(), others.squares.first()) {
            *square = square.wrapping_add(*other);
        }
        Ok(())
    }
}
