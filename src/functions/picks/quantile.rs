//! `quantile_disc`: the value below which a share of the values lie.

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::{cast, concat, filter, is_not_null, sort_to_indices};
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::common::utils::SingleRowListArrayBuilder;
use datafusion::common::{Result, ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::Accumulator;
use datafusion::logical_expr::function::AccumulatorArgs;
use datafusion::physical_expr::expressions::Literal;

use super::{OF_VALUE, Pick, list};
use crate::rolling::of_values;
use crate::text::documentation::{Argument, Documentation, Example, Kind, Outcome, Section};

pub const QUANTILE_DISC: Documentation = Documentation {
    name: "quantile_disc",
    kind: Kind::Aggregate,
    section: Section::Picks,
    summary: "Returns the least value of a group that at least a share of its values do not exceed",
    arguments: &[
        Argument { name: "value", sql_type: "ANY", meaning: "the values; NULL does not count", required: true },
        Argument { name: "share", sql_type: "DOUBLE", meaning: "in [0, 1], constant", required: true },
    ],
    result: Outcome {
        sql_type: "ANY",
        meaning: "a value of the group",
        when_null: "every value is NULL, or the group has no rows",
    },
    example: Example {
        query: "SELECT quantile_disc(size, 0.5) FROM (VALUES (4), (1), (2), (3)) AS t (size)",
        output: "2",
    },
    source: "DuckDB 2.0",
};

/// What stands for the engine's function of the same name, whose interpolation is cut off after six decimals.
pub const PERCENTILE_CONT: Documentation = Documentation {
    name: "percentile_cont",
    summary: "Returns the value at a share of the way from the least value of a group to the greatest",
    result: Outcome {
        sql_type: "DOUBLE",
        meaning: "interpolated",
        when_null: "every value is NULL, or the group has no rows",
    },
    ..QUANTILE_DISC
};

pub const CONTINUOUS: Pick = Pick {
    documentation: &PERCENTILE_CONT,
    coerce: |types| match types[0] {
        DataType::Float32 => coerce(&PERCENTILE_CONT, &DataType::Float32, &types[1]),
        _ => coerce(&PERCENTILE_CONT, &DataType::Float64, &types[1]),
    },
    accumulator: |args, types| quantile(args, types, true),
    ..FUNCTION
};

pub const FUNCTION: Pick = Pick {
    documentation: &QUANTILE_DISC,
    aliases: &[],
    coerce: |types| coerce(&QUANTILE_DISC, &types[0], &types[1]),
    returns: OF_VALUE,
    state: |types| vec![("values", list(&types[0]))],
    accumulator: |args, types| quantile(args, types, false),
};

fn coerce(documentation: &Documentation, value: &DataType, share: &DataType) -> Result<Vec<DataType>> {
    if !share.is_numeric() {
        return plan_err!("the share of {} is a number in [0, 1]", documentation.syntax());
    }
    Ok(vec![value.clone(), DataType::Float64])
}

fn quantile(args: &AccumulatorArgs, mut types: Vec<DataType>, interpolates: bool) -> Result<Box<dyn Accumulator>> {
    let share = args.exprs.get(1).and_then(|share| match share.downcast_ref::<Literal>()?.value() {
        ScalarValue::Float64(share) => *share,
        _ => None,
    });
    match share {
        Some(share) if (0.0..=1.0).contains(&share) => Ok(Box::new(Quantile {
            data_type: types.swap_remove(0),
            share,
            interpolates,
            is_distinct: args.is_distinct,
            parts: Vec::new(),
        })),
        _ => {
            let documentation = if interpolates { PERCENTILE_CONT } else { QUANTILE_DISC };
            plan_err!("the share of {} must be a constant in [0, 1]", documentation.syntax())
        }
    }
}

#[derive(Debug)]
struct Quantile {
    data_type: DataType,
    share: f64,
    interpolates: bool,
    is_distinct: bool,
    /// Without NULL. They may be slices of batches that other groups hold too.
    parts: Vec<ArrayRef>,
}

impl Quantile {
    fn add(&mut self, values: &ArrayRef) -> Result<()> {
        if values.null_count() < values.len() {
            self.parts.push(match values.null_count() {
                0 => ArrayRef::clone(values),
                _ => filter(values, &is_not_null(values)?)?,
            });
        }
        Ok(())
    }

    fn values(&self) -> Result<ArrayRef> {
        let parts: Vec<&dyn Array> = self.parts.iter().map(AsRef::as_ref).collect();
        Ok(match parts.is_empty() {
            true => datafusion::arrow::array::new_empty_array(&self.data_type),
            false => concat(&parts)?,
        })
    }
}

impl Quantile {
    fn interpolated(&self, values: &ArrayRef) -> Result<ScalarValue> {
        let mut numbers = cast(values, &DataType::Float64)?.as_primitive::<Float64Type>().values().to_vec();
        if self.is_distinct {
            numbers.sort_unstable_by(f64::total_cmp);
            numbers.dedup();
        }
        let found = ScalarValue::Float64(of_values(&mut numbers, self.share));
        found.cast_to(&self.data_type)
    }
}

impl Accumulator for Quantile {
    fn update_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        self.add(&columns[0])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for values in states[0].as_list::<i32>().iter().flatten() {
            self.add(&values)?;
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![SingleRowListArrayBuilder::new(self.values()?).build_list_scalar()])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let values = self.values()?;
        let Some(last) = values.len().checked_sub(1) else { return ScalarValue::try_from(&self.data_type) };
        if self.interpolates {
            return self.interpolated(&values);
        }
        let wanted = ((self.share * values.len() as f64).ceil() as usize).saturating_sub(1).min(last);
        let order = sort_to_indices(&values, None, None)?;
        match order.values().get(wanted) {
            Some(row) => ScalarValue::try_from_array(&values, *row as usize),
            None => exec_err!("quantile_disc cannot order {}", self.data_type),
        }
    }

    fn size(&self) -> usize {
        size_of_val(self)
            + self.parts.iter().map(|part| part.to_data().get_slice_memory_size().unwrap_or(0)).sum::<usize>()
    }
}
