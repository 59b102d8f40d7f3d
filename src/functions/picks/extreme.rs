//! `arg_max`, `arg_min`: the value in the row where another value is greatest or least.

use std::cmp::Ordering;

use datafusion::arrow::array::{Array, ArrayRef, make_comparator};
use datafusion::arrow::compute::SortOptions;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::Accumulator;

use super::{OF_VALUE, Pick};
use crate::functions::one_zero;
use crate::text::documentation::{Argument, Documentation, Example, Kind, Outcome, Section};

pub(super) const ARGUMENTS: [Argument; 2] = [
    Argument { name: "value", sql_type: "ANY", meaning: "what is returned", required: true },
    Argument {
        name: "by",
        sql_type: "ANY",
        meaning: "what is compared; NaN is greater than every number",
        required: true,
    },
];

pub(super) const WHEN_NULL: &str = "no row has both values";
const SOURCE: &str = "DuckDB 2.0; of several such rows, the least value";

pub const ARG_MAX: Documentation = Documentation {
    name: "arg_max",
    kind: Kind::Aggregate,
    section: Section::Picks,
    summary: "Returns the value in the row where another value is greatest; also called max_by",
    arguments: &ARGUMENTS,
    result: Outcome { sql_type: "ANY", meaning: "a value of the group", when_null: WHEN_NULL },
    example: Example {
        query: "SELECT arg_max(side, size) FROM (VALUES ('buy', 2.5), ('sell', 4.0), (NULL, 9.0)) AS t (side, size)",
        output: "sell",
    },
    source: SOURCE,
};

pub const ARG_MIN: Documentation = Documentation {
    name: "arg_min",
    kind: Kind::Aggregate,
    section: Section::Picks,
    summary: "Returns the value in the row where another value is least; also called min_by",
    arguments: &ARGUMENTS,
    result: Outcome { sql_type: "ANY", meaning: "a value of the group", when_null: WHEN_NULL },
    example: Example {
        query: "SELECT arg_min(side, size) FROM (VALUES ('buy', 2.5), ('sell', 4.0), (NULL, 1.0)) AS t (side, size)",
        output: "buy",
    },
    source: SOURCE,
};

pub const MAX: Pick = Pick {
    documentation: &ARG_MAX,
    aliases: &["max_by", "argmax"],
    coerce: |types| Ok(types.to_vec()),
    returns: OF_VALUE,
    state: |types| vec![("value", types[0].clone()), ("by", types[1].clone())],
    accumulator: |_, types| Ok(Box::new(Extreme::new(Ordering::Greater, &types[0], &types[1])?)),
};

pub const MIN: Pick = Pick {
    documentation: &ARG_MIN,
    aliases: &["min_by", "argmin"],
    accumulator: |_, types| Ok(Box::new(Extreme::new(Ordering::Less, &types[0], &types[1])?)),
    ..MAX
};

/// The best row so far; its values are NULL before the first.
#[derive(Debug)]
struct Extreme {
    wanted: Ordering,
    value: ScalarValue,
    by: ScalarValue,
}

impl Extreme {
    fn new(wanted: Ordering, value: &DataType, by: &DataType) -> Result<Extreme> {
        Ok(Extreme { wanted, value: ScalarValue::try_from(value)?, by: ScalarValue::try_from(by)? })
    }

    fn offer(&mut self, value: ScalarValue, by: ScalarValue) {
        let is_better = self.by.is_null()
            || match compare(&by, &self.by) {
                Ordering::Equal => compare(&value, &self.value) == Ordering::Less,
                other => other == self.wanted,
            };
        if is_better {
            (self.value, self.by) = (value, by);
        }
    }
}

/// Compares values of one type; those that cannot be compared are equal.
pub(super) fn compare(a: &ScalarValue, b: &ScalarValue) -> Ordering {
    a.partial_cmp(b).unwrap_or(Ordering::Equal)
}

impl Accumulator for Extreme {
    fn update_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        let (values, keys) = (&columns[0], one_zero(&columns[1]));
        let by = make_comparator(&keys, &keys, SortOptions::default())?;
        let mut best: Vec<usize> = Vec::new();
        for row in (0..values.len()).filter(|row| values.is_valid(*row) && keys.is_valid(*row)) {
            match best.first().map_or(self.wanted, |best| by(row, *best)) {
                Ordering::Equal => best.push(row),
                order if order == self.wanted => best = vec![row],
                _ => {}
            }
        }
        for row in best {
            self.offer(ScalarValue::try_from_array(values, row)?, ScalarValue::try_from_array(&keys, row)?);
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.update_batch(states)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.value.clone(), self.by.clone()])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(self.value.clone())
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.value.size() + self.by.size()
    }
}
