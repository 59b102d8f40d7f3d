//! `mode`: the most frequent value.

use std::collections::HashMap;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, UInt64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::Accumulator;

use super::extreme::compare;
use super::{Pick, list};
use crate::functions::one_zero;
use crate::text::documentation::{Argument, Documentation, Example, Kind, Outcome, Section};

pub const MODE: Documentation = Documentation {
    name: "mode",
    kind: Kind::Aggregate,
    section: Section::Picks,
    summary: "Returns the most frequent value",
    arguments: &[Argument {
        name: "value",
        sql_type: "ANY",
        meaning: "the values; NULL does not count",
        required: true,
    }],
    result: Outcome {
        sql_type: "ANY",
        meaning: "the least of the most frequent values",
        when_null: "every value is NULL, or the group has no rows",
    },
    example: Example { query: "SELECT mode(size) FROM (VALUES (3), (1), (3), (NULL)) AS t (size)", output: "3" },
    source: "DuckDB 2.0, which takes the first of several",
};

pub const FUNCTION: Pick = Pick {
    documentation: &MODE,
    aliases: &[],
    coerce: |types| Ok(types.to_vec()),
    state: |types| vec![("values", list(&types[0])), ("counts", list(&DataType::UInt64))],
    accumulator: |_, mut types| {
        Ok(Box::new(Counts { data_type: types.swap_remove(0), counts: HashMap::new(), bytes: 0 }))
    },
};

#[derive(Debug)]
struct Counts {
    data_type: DataType,
    counts: HashMap<ScalarValue, u64>,
    /// Of the values.
    bytes: usize,
}

impl Counts {
    fn add(&mut self, value: ScalarValue, count: u64) {
        let size = value.size();
        let entry = self.counts.entry(value).or_insert_with(|| {
            self.bytes += size;
            0
        });
        *entry += count;
    }
}

impl Accumulator for Counts {
    fn update_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        let values = &one_zero(&columns[0]);
        for row in (0..values.len()).filter(|row| values.is_valid(*row)) {
            self.add(ScalarValue::try_from_array(values, row)?, 1);
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let (values, counts) = (states[0].as_list::<i32>(), states[1].as_list::<i32>());
        for (values, counts) in values.iter().zip(counts.iter()) {
            let (Some(values), Some(counts)) = (values, counts) else { continue };
            for (row, count) in counts.as_primitive::<UInt64Type>().values().iter().enumerate() {
                self.add(ScalarValue::try_from_array(&values, row)?, *count);
            }
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let (values, counts): (Vec<_>, Vec<_>) = self.counts.drain().unzip();
        let counts: Vec<_> = counts.into_iter().map(|count| ScalarValue::UInt64(Some(count))).collect();
        self.bytes = 0;
        Ok(vec![
            ScalarValue::List(ScalarValue::new_list_nullable(&values, &self.data_type)),
            ScalarValue::List(ScalarValue::new_list_nullable(&counts, &DataType::UInt64)),
        ])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let most =
            self.counts.iter().max_by(|(a, a_count), (b, b_count)| a_count.cmp(b_count).then_with(|| compare(b, a)));
        most.map_or_else(|| ScalarValue::try_from(&self.data_type), |(value, _)| Ok(value.clone()))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.bytes + self.counts.capacity() * size_of::<(ScalarValue, u64)>()
    }
}
