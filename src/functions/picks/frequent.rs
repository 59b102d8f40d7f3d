//! `mode`, `histogram`: how often each value comes.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int64Array, MapArray, StructArray};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::{DataType, Field, Fields, UInt64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::Accumulator;

use super::extreme::compare;
use super::{OF_VALUE, Pick, list};
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

pub const HISTOGRAM: Documentation = Documentation {
    name: "histogram",
    summary: "Returns how often each value comes, as a map",
    result: Outcome {
        sql_type: "MAP",
        meaning: "the values in rising order, and how often each comes, as BIGINT; `histogram(x)[5]` is the number of fives",
        ..MODE.result
    },
    example: Example {
        query: "SELECT histogram(size) FROM (VALUES (3), (1), (3), (NULL)) AS t (size)",
        output: "{1: 1, 3: 2}",
    },
    source: "DuckDB 2.0, whose numbers are UBIGINT",
    ..MODE
};

pub const FUNCTION: Pick = Pick {
    documentation: &MODE,
    aliases: &[],
    coerce: |types| Ok(types.to_vec()),
    returns: OF_VALUE,
    state: |types| vec![("values", list(&types[0])), ("counts", list(&DataType::UInt64))],
    accumulator: |_, types| counts(types, Counts::most),
};

pub const HISTOGRAMS: Pick = Pick {
    documentation: &HISTOGRAM,
    returns: |types| DataType::Map(entries(&types[0]), false),
    accumulator: |_, types| counts(types, Counts::all),
    ..FUNCTION
};

fn counts(mut types: Vec<DataType>, result: fn(&Counts) -> Result<ScalarValue>) -> Result<Box<dyn Accumulator>> {
    Ok(Box::new(Counts { data_type: types.swap_remove(0), counts: HashMap::new(), bytes: 0, result }))
}

/// Returns the field of a map's entries.
fn entries(key: &DataType) -> Arc<Field> {
    Arc::new(Field::new("entries", DataType::Struct(entry(key)), false))
}

/// Returns the fields of an entry of a map.
fn entry(key: &DataType) -> Fields {
    vec![Field::new("key", key.clone(), false), Field::new("value", DataType::Int64, true)].into()
}

#[derive(Debug)]
struct Counts {
    data_type: DataType,
    counts: HashMap<ScalarValue, u64>,
    /// Of the values.
    bytes: usize,
    result: fn(&Counts) -> Result<ScalarValue>,
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

    fn most(&self) -> Result<ScalarValue> {
        let most =
            self.counts.iter().max_by(|(a, a_count), (b, b_count)| a_count.cmp(b_count).then_with(|| compare(b, a)));
        most.map_or_else(|| ScalarValue::try_from(&self.data_type), |(value, _)| Ok(value.clone()))
    }

    fn all(&self) -> Result<ScalarValue> {
        let entries = entries(&self.data_type);
        if self.counts.is_empty() {
            return ScalarValue::try_from(&DataType::Map(entries, false));
        }
        let mut counts: Vec<_> = self.counts.iter().collect();
        counts.sort_by(|(a, _), (b, _)| compare(a, b));
        let keys = ScalarValue::iter_to_array(counts.iter().map(|(value, _)| (*value).clone()))?;
        let values: Int64Array = counts.iter().map(|(_, count)| **count as i64).collect();
        let rows = StructArray::try_new(entry(&self.data_type), vec![keys, Arc::new(values)], None)?;
        let offsets = OffsetBuffer::from_lengths([rows.len()]);
        Ok(ScalarValue::Map(Arc::new(MapArray::try_new(entries, offsets, rows, None, false)?)))
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
        (self.result)(self)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.bytes + self.counts.capacity() * size_of::<(ScalarValue, u64)>()
    }
}
