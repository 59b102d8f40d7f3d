//! Exact totals of groups of integers, and the figures that come from them.
//!
//! In: integers of up to 128 bits, a group each. Out: for each group the sum, mean, variance or deviation, rounded once; an error if a sum
//! does not fit its type.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Decimal256Array, Float64Array, Int64Array, UInt64Array,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DECIMAL128_MAX_PRECISION, DECIMAL256_MAX_PRECISION, DataType, Decimal128Type, Decimal256Type, DecimalType,
    UInt64Type, i256,
};
use datafusion::common::{Result, exec_datafusion_err, internal_err};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::function::AccumulatorArgs;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};

use super::kernel::integer_totals::IntegerTotals;
use super::rounded::rounded_quotient;
/// What is computed from the totals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Figure {
    Sum,
    Mean,
    VarianceOfSample,
    VarianceOfPopulation,
    DeviationOfSample,
    DeviationOfPopulation,
}

impl Figure {
    pub fn needs_squares(self) -> bool {
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

/// The type in which totals of values are passed on.
pub fn wide() -> DataType {
    DataType::Decimal128(DECIMAL128_MAX_PRECISION, 0)
}

/// The type in which totals of squares are passed on.
pub fn widest() -> DataType {
    DataType::Decimal256(DECIMAL256_MAX_PRECISION, 0)
}

/// Returns values as integers of 128 bits.
pub fn integers(values: &ArrayRef) -> Result<Decimal128Array> {
    Ok(match values.data_type() {
        // The digits alone; where the point is does not matter for sums.
        DataType::Decimal128(_, _) => values.as_primitive::<Decimal128Type>().clone(),
        _ => cast(values, &wide())?.as_primitive::<Decimal128Type>().clone(),
    })
}

/// The exact totals of some groups.
#[derive(Debug)]
pub struct Totals {
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
    pub fn of(figure: Figure, args: &AccumulatorArgs) -> Self {
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
    pub fn empty(&self) -> Self {
        Totals { returned: self.returned.clone(), counts: Vec::new(), sums: Vec::new(), squares: Vec::new(), ..*self }
    }

    pub fn resize(&mut self, groups: usize) {
        self.counts.resize(groups, 0);
        self.sums.resize(groups, 0);
        if self.figure.needs_squares() {
            self.squares.resize(groups, i256::ZERO);
        }
    }

    pub fn add(&mut self, group: usize, value: i128) -> Result<()> {
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

    pub fn results(&self) -> Result<ArrayRef> {
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

    pub fn states(self) -> Result<Vec<ArrayRef>> {
        let sums = Decimal128Array::from(self.sums).with_precision_and_scale(DECIMAL128_MAX_PRECISION, 0)?;
        let mut states: Vec<ArrayRef> = vec![Arc::new(UInt64Array::from(self.counts)), Arc::new(sums)];
        if self.figure.needs_squares() {
            let squares = Decimal256Array::from(self.squares);
            states.push(Arc::new(squares.with_precision_and_scale(DECIMAL256_MAX_PRECISION, 0)?));
        }
        Ok(states)
    }

    /// Takes a value out of the first group.
    pub fn subtract(&mut self, value: i128) {
        self.counts[0] -= 1;
        self.sums[0] = self.sums[0].wrapping_sub(value);
        if let Some(square) = self.squares.first_mut() {
            let magnitude = value.unsigned_abs();
            *square = square.wrapping_sub(i256::from_parts(magnitude.wrapping_mul(magnitude), 0));
        }
    }

    /// Adds the first group of others to the first group.
    pub fn merge(&mut self, others: &Totals) -> Result<()> {
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
