//! `max_n`, `min_n`, `arg_max_n`, `arg_min_n`: the greatest or least values of a group, or the values in these rows, as a list.
//!
//! SQL writes them as `max(x, n)`, `min(x, n)`, `arg_max(x, y, n)` and `arg_min(x, y, n)`.

use std::cmp::Ordering;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, make_comparator};
use datafusion::arrow::compute::SortOptions;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::Accumulator;
use datafusion::logical_expr::function::AccumulatorArgs;
use datafusion::physical_expr::expressions::Literal;

use super::extreme::{self, compare};
use super::{Pick, list};
use crate::functions::collected::bounded;
use crate::functions::one_zero;
use crate::text::documentation::{Argument, Documentation, Example, Kind, Outcome, Section};

const COUNT: Argument = Argument {
    name: "n",
    sql_type: "BIGINT",
    meaning: "how many at most; constant, from 1 to 1,000,000",
    required: true,
};

const VALUE: Argument = Argument {
    name: "value",
    sql_type: "ANY",
    meaning: "the values; NULL does not count, and NaN is greater than every number",
    required: true,
};

const OF_ROWS: &[Argument] = &[extreme::ARGUMENTS[0], extreme::ARGUMENTS[1], COUNT];

pub const MAX_N: Documentation = Documentation {
    name: "max_n",
    kind: Kind::Aggregate,
    section: Section::Picks,
    summary: "Returns the n greatest values of a group, the greatest first; also written max(value, n)",
    arguments: &[VALUE, COUNT],
    result: Outcome {
        sql_type: "LIST",
        meaning: "fewer than n values if the group has fewer",
        when_null: "every value is NULL, or the group has no rows",
    },
    example: Example { query: "SELECT max(size, 2) FROM (VALUES (4), (1), (NULL), (3)) AS t (size)", output: "[4, 3]" },
    source: "DuckDB 2.0",
};

pub const MIN_N: Documentation = Documentation {
    name: "min_n",
    summary: "Returns the n least values of a group, the least first; also written min(value, n)",
    example: Example { query: "SELECT min(size, 2) FROM (VALUES (4), (1), (NULL), (3)) AS t (size)", output: "[1, 3]" },
    ..MAX_N
};

pub const ARG_MAX_N: Documentation = Documentation {
    name: "arg_max_n",
    summary: "Returns the values in the n rows where another value is greatest; also written arg_max(value, by, n)",
    arguments: OF_ROWS,
    result: Outcome { when_null: extreme::WHEN_NULL, ..MAX_N.result },
    example: Example {
        query: "SELECT arg_max(side, size, 2) FROM (VALUES ('a', 2.5), ('b', 4.0), ('c', 3.0)) AS t (side, size)",
        output: "[b, c]",
    },
    source: "DuckDB 2.0; of rows that are equal, the least value comes first",
    ..MAX_N
};

pub const ARG_MIN_N: Documentation = Documentation {
    name: "arg_min_n",
    summary: "Returns the values in the n rows where another value is least; also written arg_min(value, by, n)",
    example: Example {
        query: "SELECT arg_min(side, size, 2) FROM (VALUES ('a', 2.5), ('b', 4.0), ('c', 3.0)) AS t (side, size)",
        output: "[a, c]",
    },
    ..ARG_MAX_N
};

pub const GREATEST: Pick = Pick {
    documentation: &MAX_N,
    aliases: &[],
    coerce: |types| comparable(&MAX_N, types),
    returns: |types| list(&types[0]),
    state: |types| vec![("values", list(&types[0]))],
    accumulator: |args, types| several(args, types, &MAX_N, Ordering::Greater),
};

pub const LEAST: Pick = Pick {
    documentation: &MIN_N,
    coerce: |types| comparable(&MIN_N, types),
    accumulator: |args, types| several(args, types, &MIN_N, Ordering::Less),
    ..GREATEST
};

pub const OF_GREATEST: Pick = Pick {
    documentation: &ARG_MAX_N,
    coerce: |types| comparable(&ARG_MAX_N, types),
    state: |types| vec![("values", list(&types[0])), ("by", list(&types[1]))],
    accumulator: |args, types| several(args, types, &ARG_MAX_N, Ordering::Greater),
    ..GREATEST
};

pub const OF_LEAST: Pick = Pick {
    documentation: &ARG_MIN_N,
    coerce: |types| comparable(&ARG_MIN_N, types),
    accumulator: |args, types| several(args, types, &ARG_MIN_N, Ordering::Less),
    ..OF_GREATEST
};

/// Checks what is compared, and the type of n, which are the last two arguments.
fn comparable(documentation: &Documentation, types: &[DataType]) -> Result<Vec<DataType>> {
    let [.., by, count] = types else { return Ok(types.to_vec()) };
    if matches!(by, DataType::Interval(_)) {
        return plan_err!("{} cannot compare intervals, which may be equal and look different", documentation.syntax());
    }
    if !count.is_integer() {
        return plan_err!("the n of {} must be a constant whole number", documentation.syntax());
    }
    Ok(types.to_vec())
}

fn several(
    args: &AccumulatorArgs,
    types: Vec<DataType>,
    documentation: &Documentation,
    wanted: Ordering,
) -> Result<Box<dyn Accumulator>> {
    let count = args.exprs.last().and_then(|count| count.downcast_ref::<Literal>()).map(Literal::value);
    let Some(count) = count else { return plan_err!("the n of {} must be constant", documentation.syntax()) };
    let count = bounded(Some(count), "n", 1..=1_000_000, 1)?;
    let is_distinct = args.is_distinct;
    Ok(Box::new(Several { wanted, count, is_distinct, types, best: Vec::new(), bytes: 0 }))
}

/// A row that may belong to the result.
#[derive(Debug)]
struct Row {
    by: ScalarValue,
    /// `None` if what is compared is the value.
    value: Option<ScalarValue>,
}

#[derive(Debug)]
struct Several {
    wanted: Ordering,
    count: usize,
    is_distinct: bool,
    /// Of the arguments.
    types: Vec<DataType>,
    /// The best first.
    best: Vec<Row>,
    /// Of the rows.
    bytes: usize,
}

impl Several {
    fn has_values(&self) -> bool {
        self.types.len() > 2
    }

    fn order(&self, a: &Row, b: &Row) -> Ordering {
        let order = compare(&a.by, &b.by);
        let order = if self.wanted == Ordering::Greater { order.reverse() } else { order };
        order.then_with(|| match (&a.value, &b.value) {
            (Some(a), Some(b)) => compare(a, b),
            _ => Ordering::Equal,
        })
    }

    fn offer(&mut self, row: Row) {
        let place = self.best.partition_point(|other| self.order(other, &row) == Ordering::Less);
        let is_there = || self.best.get(place).is_some_and(|other| self.order(other, &row) == Ordering::Equal);
        if place >= self.count || self.is_distinct && is_there() {
            return;
        }
        self.bytes += size(&row);
        self.best.insert(place, row);
        if self.best.len() > self.count
            && let Some(worst) = self.best.pop()
        {
            self.bytes -= size(&worst);
        }
    }

    fn add(&mut self, values: &ArrayRef, keys: &ArrayRef) -> Result<()> {
        let of_key = one_zero(keys);
        let by = make_comparator(&of_key, &of_key, SortOptions::default())?;
        let mut rows: Vec<usize> =
            (0..values.len()).filter(|row| values.is_valid(*row) && of_key.is_valid(*row)).collect();
        rows.sort_by(|a, b| if self.wanted == Ordering::Greater { by(*b, *a) } else { by(*a, *b) });
        for row in rows {
            let key = ScalarValue::try_from_array(&of_key, row)?;
            // The rows that follow are not better than this one.
            let worst = self.best.last().filter(|_| self.best.len() == self.count);
            if worst.is_some_and(|worst| compare(&key, &worst.by) == self.wanted.reverse()) {
                break;
            }
            let value = if self.has_values() { Some(ScalarValue::try_from_array(values, row)?) } else { None };
            self.offer(Row { by: key, value });
        }
        Ok(())
    }
}

fn size(row: &Row) -> usize {
    row.by.size() + row.value.as_ref().map_or(0, ScalarValue::size)
}

impl Accumulator for Several {
    fn update_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        self.add(&columns[0], &columns[self.types.len() - 2])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let (values, keys) = (states[0].as_list::<i32>(), states[states.len() - 1].as_list::<i32>());
        for (values, keys) in values.iter().zip(keys.iter()) {
            let (Some(values), Some(keys)) = (values, keys) else { continue };
            self.add(&values, &keys)?;
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let of = |values: Vec<ScalarValue>, data_type: &DataType| {
            ScalarValue::List(ScalarValue::new_list_nullable(&values, data_type))
        };
        let rows = std::mem::take(&mut self.best);
        self.bytes = 0;
        let (keys, values): (Vec<_>, Vec<_>) = rows.into_iter().map(|row| (row.by, row.value)).unzip();
        let keys = of(keys, &self.types[self.types.len() - 2]);
        Ok(match self.has_values() {
            true => vec![of(values.into_iter().flatten().collect(), &self.types[0]), keys],
            false => vec![keys],
        })
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        if self.best.is_empty() {
            return ScalarValue::try_from(&list(&self.types[0]));
        }
        let values: Vec<ScalarValue> =
            self.best.iter().map(|row| row.value.clone().unwrap_or_else(|| row.by.clone())).collect();
        Ok(ScalarValue::List(ScalarValue::new_list_nullable(&values, &self.types[0])))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.bytes + self.best.capacity() * size_of::<Row>()
    }
}
