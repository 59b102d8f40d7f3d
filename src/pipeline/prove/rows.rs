//! A query's rows in an order that does not depend on how they were computed, and how two such results differ.
//!
//! In: two results of one query, and which of their rows have to agree. Out: for each column the first row in which they
//! differ. Values are compared bit by bit: -0.0 differs from 0.0.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch, UInt64Array, make_comparator};
use datafusion::arrow::compute::{SortOptions, cast, take_record_batch};
use datafusion::arrow::datatypes::{DataType, Float64Type, TimeUnit, TimestampNanosecondType};
use datafusion::arrow::row::{RowConverter, Rows as Keys, SortField};
use datafusion::error::DataFusionError;

use crate::pipeline::cell;

/// What identifies a row.
#[derive(Debug, Clone)]
pub struct Identity {
    pub time: String,
    /// The columns that identify a row, the time among them.
    pub key: Vec<String>,
}

/// Sorted rows.
pub struct Rows {
    pub batch: RecordBatch,
    keys: Keys,
    /// The time of each row, in nanoseconds since 1970; `None` where it is NULL.
    pub times: Vec<Option<i64>>,
    products: Option<ArrayRef>,
}

/// A row in which two results differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// `None` if the whole row is in only one of the results.
    pub column: Option<String>,
    /// The row, such as `BTC-USD at 2026-01-01T00:00:00Z`.
    pub row: String,
    /// The value in each result; whether the row is there, if the column is `None`.
    pub values: [String; 2],
}

/// How closely values have to agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agreement {
    Bits,
    /// Floating-point numbers may differ in their last digits, as sums over other orders do.
    Nearly,
}

/// The most by which numbers that agree nearly may differ, relative to the larger.
const TOLERANCE: f64 = 1e-9;

impl Rows {
    /// Sorts a result by its identity, and rows of the same identity by all their values.
    pub fn new(batch: RecordBatch, identity: &Identity) -> Result<Rows, DataFusionError> {
        let schema = batch.schema();
        let find = |name: &String| schema.index_of(name).ok();
        let key: Vec<usize> = identity.key.iter().filter_map(find).collect();
        let others = (0..schema.fields().len()).filter(|index| !key.contains(index));
        let order: Vec<usize> = key.iter().copied().chain(others).collect();
        let whole = rows(&batch, &order)?;
        let mut places: Vec<u64> = (0..batch.num_rows() as u64).collect();
        places.sort_by(|a, b| whole.row(*a as usize).cmp(&whole.row(*b as usize)));
        let batch = take_record_batch(&batch, &UInt64Array::from(places))?;
        let time = batch
            .column_by_name(&identity.time)
            .ok_or_else(|| DataFusionError::Plan(format!("there is no column `{}`", identity.time)))?;
        let time = cast(time, &DataType::Timestamp(TimeUnit::Nanosecond, None))?;
        Ok(Rows {
            keys: rows(&batch, &key)?,
            times: time.as_primitive::<TimestampNanosecondType>().iter().collect(),
            products: batch.column_by_name("product_id").and_then(|column| cast(column, &DataType::Utf8).ok()),
            batch,
        })
    }

    /// Returns the product of a row, if the rows have products.
    pub fn product(&self, row: usize) -> Option<&str> {
        let products = self.products.as_ref().filter(|products| products.is_valid(row))?;
        Some(products.as_string::<i32>().value(row))
    }

    /// Returns a row as messages name it.
    fn named(&self, row: usize, identity: &Identity) -> String {
        let mut parts: Vec<String> = Vec::new();
        for name in identity.key.iter().filter(|name| **name != identity.time) {
            if let Some(column) = self.batch.column_by_name(name) {
                parts.push(cell::shown(column, row));
            }
        }
        let time = self.batch.column_by_name(&identity.time).map(|column| cell::shown(column, row)).unwrap_or_default();
        match parts.is_empty() {
            true => format!("the row at {time}"),
            false => format!("{} at {time}", parts.join(", ")),
        }
    }
}

fn rows(batch: &RecordBatch, columns: &[usize]) -> Result<Keys, DataFusionError> {
    let columns: Vec<ArrayRef> = columns.iter().map(|index| batch.column(*index).clone()).collect();
    if columns.is_empty() {
        return Err(DataFusionError::Plan("a result without columns cannot be compared".into()));
    }
    let fields = columns.iter().map(|column| SortField::new(column.data_type().clone())).collect();
    Ok(RowConverter::new(fields)?.convert_columns(&columns)?)
}

/// Returns the first difference of each column, and the number of rows that were compared. Only rows for which `counts`
/// holds have to agree.
pub fn compare(
    results: [&Rows; 2],
    identity: &Identity,
    agreement: Agreement,
    counts: impl Fn(&Rows, usize) -> bool,
) -> Result<(Vec<Difference>, usize), DataFusionError> {
    let [first, second] = results;
    let comparators = Comparators::new(first, second, agreement)?;
    let listed = |rows: &Rows| (0..rows.batch.num_rows()).filter(|row| counts(rows, *row)).collect::<Vec<_>>();
    let (left, right) = (listed(first), listed(second));
    let (mut i, mut j, mut compared) = (0, 0, 0);
    let mut found: BTreeMap<Option<usize>, Difference> = BTreeMap::new();
    let only_in = |rows: &Rows, row: usize, values: [&str; 2]| Difference {
        column: None,
        row: rows.named(row, identity),
        values: values.map(String::from),
    };
    while i < left.len() || j < right.len() {
        let order = match (left.get(i), right.get(j)) {
            (Some(a), Some(b)) => first.keys.row(*a).cmp(&second.keys.row(*b)),
            (Some(_), None) => Ordering::Less,
            (None, _) => Ordering::Greater,
        };
        match order {
            Ordering::Less => {
                found.entry(None).or_insert_with(|| only_in(first, left[i], ["there", "not there"]));
                i += 1;
            }
            Ordering::Greater => {
                found.entry(None).or_insert_with(|| only_in(second, right[j], ["not there", "there"]));
                j += 1;
            }
            Ordering::Equal => {
                let (a, b) = (left[i], right[j]);
                for column in comparators.differing(a, b) {
                    found.entry(Some(column)).or_insert_with(|| Difference {
                        column: Some(first.batch.schema().field(column).name().clone()),
                        row: first.named(a, identity),
                        values: [
                            cell::shown(first.batch.column(column), a),
                            cell::shown(second.batch.column(column), b),
                        ],
                    });
                }
                (i, j, compared) = (i + 1, j + 1, compared + 1);
            }
        }
    }
    Ok((found.into_values().collect(), compared))
}

type Comparator = Box<dyn Fn(usize, usize) -> bool>;

/// For each column, whether two rows agree.
struct Comparators(Vec<Comparator>);

impl Comparators {
    fn new(first: &Rows, second: &Rows, agreement: Agreement) -> Result<Comparators, DataFusionError> {
        let columns = first.batch.columns().iter().zip(second.batch.columns());
        let of = |(left, right): (&ArrayRef, &ArrayRef)| -> Result<Comparator, DataFusionError> {
            if agreement == Agreement::Nearly && *left.data_type() == DataType::Float64 {
                let (left, right) =
                    (left.as_primitive::<Float64Type>().clone(), right.as_primitive::<Float64Type>().clone());
                return Ok(Box::new(move |a, b| match (left.is_valid(a), right.is_valid(b)) {
                    (true, true) => nearly(left.value(a), right.value(b)),
                    (left, right) => left == right,
                }));
            }
            let compare = make_comparator(left, right, SortOptions::default())?;
            Ok(Box::new(move |a, b| compare(a, b) == Ordering::Equal))
        };
        Ok(Comparators(columns.map(of).collect::<Result<_, _>>()?))
    }

    fn differing(&self, a: usize, b: usize) -> impl Iterator<Item = usize> {
        self.0.iter().enumerate().filter(move |(_, agree)| !agree(a, b)).map(|(column, _)| column)
    }
}

fn nearly(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= TOLERANCE * a.abs().max(b.abs())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{Float64Array, StringArray, TimestampNanosecondArray};

    use super::*;

    fn identity() -> Identity {
        Identity { time: "ts".into(), key: vec!["product_id".into(), "ts".into()] }
    }

    fn result(rows: &[(&str, i64, Option<f64>)]) -> Rows {
        let products: ArrayRef = Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.0)));
        let times: ArrayRef = Arc::new(TimestampNanosecondArray::from_iter_values(rows.iter().map(|row| row.1)));
        let values: ArrayRef = Arc::new(rows.iter().map(|row| row.2).collect::<Float64Array>());
        let columns = [("product_id", products), ("ts", times), ("v", values)];
        Rows::new(RecordBatch::try_from_iter(columns).unwrap(), &identity()).unwrap()
    }

    fn differences(first: &Rows, second: &Rows, agreement: Agreement) -> Vec<(Option<String>, String, [String; 2])> {
        let known = |rows: &Rows, row: usize| rows.times[row].is_some_and(|time| time <= 2_000_000_000);
        let (found, _) = compare([first, second], &identity(), agreement, known).unwrap();
        found.into_iter().map(|found| (found.column, found.row, found.values)).collect()
    }

    #[test]
    fn the_order_of_the_rows_does_not_matter() {
        let one = result(&[("A", 1, Some(1.0)), ("B", 1, None), ("A", 2, Some(f64::NAN))]);
        let other = result(&[("A", 2, Some(f64::NAN)), ("B", 1, None), ("A", 1, Some(1.0))]);
        assert_eq!(differences(&one, &other, Agreement::Bits), []);
    }

    #[test]
    fn each_bit_counts() {
        let zero = |value| result(&[("A", 1, Some(value))]);
        let found = differences(&zero(0.0), &zero(-0.0), Agreement::Bits);
        let at = "A at 1970-01-01T00:00:00.000000001".to_string();
        assert_eq!(found, [(Some("v".into()), at, ["0.0", "-0.0"].map(String::from))]);
        assert_eq!(differences(&zero(0.0), &zero(-0.0), Agreement::Nearly), []);
        assert_eq!(differences(&zero(1.0), &zero(1.0 + 1e-15), Agreement::Bits).len(), 1);
        assert_eq!(differences(&zero(1.0), &zero(1.0 + 1e-15), Agreement::Nearly), []);
        assert_eq!(differences(&zero(1.0), &result(&[("A", 1, None)]), Agreement::Nearly).len(), 1);
    }

    #[test]
    fn rows_that_come_and_go_are_named() {
        let one = result(&[("A", 1, Some(1.0)), ("A", 3_000_000_000, Some(5.0))]);
        let other = result(&[("B", 1, Some(1.0))]);
        let found = differences(&one, &other, Agreement::Bits);
        assert_eq!(found[0].0, None);
        assert_eq!(found[0].2, ["there", "not there"].map(String::from));
        assert_eq!(found.len(), 1, "the first row stands for all, and what is after the cut does not count");
    }

    #[test]
    fn rows_of_one_identity_are_compared_as_a_set() {
        let one = result(&[("A", 1, Some(1.0)), ("A", 1, Some(2.0))]);
        let same = result(&[("A", 1, Some(2.0)), ("A", 1, Some(1.0))]);
        let fewer = result(&[("A", 1, Some(2.0))]);
        assert_eq!(differences(&one, &same, Agreement::Bits), []);
        assert!(!differences(&one, &fewer, Agreement::Bits).is_empty());
    }
}
