//! The values that an ASOF JOIN compares: times as integers of the same order, keys as small numbers.

use std::cmp::Ordering;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, MAX_INLINE_VIEW_LEN, PrimitiveArray, downcast_integer,
};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    ArrowDictionaryKeyType, ArrowNativeType, DataType, Float64Type, Int64Type, UInt64Type,
};
use datafusion::arrow::row::{Row, RowConverter, SortField};
use datafusion::common::{HashMap, Result};

/// Returns whether values of a type can be the times of an ASOF JOIN.
pub fn is_time(kind: &DataType) -> bool {
    kind.is_integer()
        || matches!(
            kind,
            DataType::Timestamp(..)
                | DataType::Date32
                | DataType::Date64
                | DataType::Time32(_)
                | DataType::Time64(_)
                | DataType::Duration(_)
                | DataType::Float16
                | DataType::Float32
                | DataType::Float64
        )
}

/// Returns whether the bytes of a key of this type have the order in which a sort puts its values.
pub fn keeps_order(kind: &DataType) -> bool {
    let kind = value_type(kind);
    matches!(kind, DataType::Utf8 | DataType::Boolean) || kind.is_integer() || kind.is_temporal()
}

/// Times, as integers that have the order in which the join meets them.
pub struct Times {
    values: Vec<i64>,
    nulls: Option<NullBuffer>,
}

impl Times {
    /// Reads a column; `backwards` turns the order around.
    pub fn read(column: &ArrayRef, backwards: bool) -> Result<Times> {
        let mut values: Vec<i64> = match column.data_type() {
            DataType::UInt64 => {
                // The upper half of these numbers follows the lower one.
                let flipped = column.as_primitive::<UInt64Type>().values().iter();
                flipped.map(|value| (value ^ (1 << 63)).cast_signed()).collect()
            }
            DataType::Float16 | DataType::Float32 | DataType::Float64 => {
                let doubles = cast(column, &DataType::Float64)?;
                doubles.as_primitive::<Float64Type>().values().iter().map(|value| rank(*value)).collect()
            }
            // An integer of 32 bits becomes one of 64 in two steps, where it is a date or a time.
            DataType::Date32 | DataType::Time32(_) => {
                let narrow = cast(column, &DataType::Int32)?;
                cast(&narrow, &DataType::Int64)?.as_primitive::<Int64Type>().values().to_vec()
            }
            _ => cast(column, &DataType::Int64)?.as_primitive::<Int64Type>().values().to_vec(),
        };
        if backwards {
            values.iter_mut().for_each(|value| *value = !*value);
        }
        Ok(Times { values, nulls: column.logical_nulls() })
    }

    /// Returns a row's time; `None` if it is NULL.
    pub fn at(&self, row: usize) -> Option<i64> {
        match &self.nulls {
            Some(nulls) if nulls.is_null(row) => None,
            _ => Some(self.values[row]),
        }
    }
}

/// Returns a double as an integer with the same order: -0.0 equals 0.0, and every NaN is the greatest value.
fn rank(value: f64) -> i64 {
    let bits = plain(value).to_bits().cast_signed();
    if bits < 0 { bits ^ i64::MAX } else { bits }
}

fn plain(value: f64) -> f64 {
    if value.is_nan() { f64::NAN } else { value + 0.0 }
}

/// The key of a row that is NULL, and so matches nothing.
pub const NONE: u32 = u32::MAX;

/// How many short texts are found without hashing their bytes.
const RECENT: usize = 256;

/// Gives each different key a number, from 0 on.
pub struct Keys {
    types: Vec<DataType>,
    numbers: HashMap<Vec<u8>, u32>,
    /// Each key's bytes, by its number. They have the order of the keys.
    bytes: Vec<Vec<u8>>,
    /// Short texts that were seen lately, as the views of a column hold them, with their numbers.
    recent: Box<[(u128, u32); RECENT]>,
    converter: RowConverter,
}

impl Keys {
    /// For columns of these types; without columns, all rows have the key 0.
    pub fn new(types: &[DataType]) -> Result<Keys> {
        let types: Vec<DataType> = types.iter().map(value_type).collect();
        let converter = RowConverter::new(types.iter().cloned().map(SortField::new).collect())?;
        let recent = Box::new([(0, NONE); RECENT]);
        Ok(Keys { types, numbers: HashMap::new(), bytes: Vec::new(), recent, converter })
    }

    /// Returns how many different keys were seen.
    pub fn count(&self) -> usize {
        if self.types.is_empty() { 1 } else { self.bytes.len() }
    }

    /// Compares two keys by their values.
    pub fn compare(&self, one: u32, other: u32) -> Ordering {
        if one == other {
            return Ordering::Equal;
        }
        self.bytes[one as usize].cmp(&self.bytes[other as usize])
    }

    fn number(&mut self, key: &[u8]) -> u32 {
        if let Some(number) = self.numbers.get(key) {
            return *number;
        }
        // A join of four thousand million keys does not fit in memory.
        let number = u32::try_from(self.bytes.len()).unwrap_or(NONE - 1);
        self.numbers.insert(key.to_vec(), number);
        self.bytes.push(key.to_vec());
        number
    }

    /// Returns the number of each row's key.
    pub fn numbers(&mut self, columns: &[ArrayRef], rows: usize) -> Result<Vec<u32>> {
        match columns {
            [] => Ok(vec![0; rows]),
            [column] if self.types == [DataType::Utf8] => self.of_texts(column),
            columns => self.of_rows(columns),
        }
    }

    fn of_texts(&mut self, column: &ArrayRef) -> Result<Vec<u32>> {
        macro_rules! codes {
            ($key:ty, $column:expr) => {
                self.of_codes($column.as_dictionary::<$key>())
            };
        }
        if let DataType::Dictionary(key, _) = column.data_type() {
            return downcast_integer! {
                key.as_ref() => (codes, column),
                _ => self.of_rows(&[ArrayRef::clone(column)])
            };
        }
        let column = cast(column, &DataType::Utf8View)?;
        let texts = column.as_string_view();
        let number = |row: usize| match texts.is_null(row) {
            true => NONE,
            false => self.of_view(texts.views()[row], texts.value(row)),
        };
        Ok((0..texts.len()).map(number).collect())
    }

    fn of_view(&mut self, view: u128, text: &str) -> u32 {
        if text.len() > MAX_INLINE_VIEW_LEN as usize {
            return self.number(text.as_bytes());
        }
        // The view of a short text holds all of it, so equal views are equal texts.
        let mixed = (view as u64 ^ (view >> 64) as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let slot = (mixed >> 56) as usize % RECENT;
        if self.recent[slot].0 != view || self.recent[slot].1 == NONE {
            self.recent[slot] = (view, self.number(text.as_bytes()));
        }
        self.recent[slot].1
    }

    fn of_codes<K: ArrowDictionaryKeyType>(&mut self, column: &DictionaryArray<K>) -> Result<Vec<u32>> {
        let values = self.of_texts(column.values())?;
        let codes: &PrimitiveArray<K> = column.keys();
        Ok(codes.iter().map(|code| code.map_or(NONE, |code| values[code.as_usize()])).collect())
    }

    fn of_rows(&mut self, columns: &[ArrayRef]) -> Result<Vec<u32>> {
        let mut values = Vec::with_capacity(columns.len());
        let mut nulls: Option<NullBuffer> = None;
        for (column, kind) in columns.iter().zip(&self.types) {
            let column = cast(column, kind)?;
            nulls = NullBuffer::union(nulls.as_ref(), column.logical_nulls().as_ref());
            values.push(match kind {
                DataType::Float64 => ArrayRef::from(Box::new(
                    column.as_primitive::<Float64Type>().unary::<_, Float64Type>(plain),
                ) as Box<dyn Array>),
                _ => column,
            });
        }
        let rows = self.converter.convert_columns(&values)?;
        let is_null = |row| nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
        let number = |(row, bytes): (usize, Row<'_>)| match is_null(row) {
            true => NONE,
            false => self.number(bytes.as_ref()),
        };
        Ok(rows.iter().enumerate().map(number).collect())
    }
}

/// Returns the type as which values of a type are compared.
fn value_type(kind: &DataType) -> DataType {
    match kind {
        DataType::Dictionary(_, value) => value_type(value),
        DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
        DataType::Float16 | DataType::Float32 => DataType::Float64,
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_keep_their_order() {
        let ordered = [f64::NEG_INFINITY, -2.5, -1e-300, 0.0, 1e-300, 2.5, f64::INFINITY, f64::NAN];
        assert!(ordered.map(rank).is_sorted_by(|one, other| one < other));
        assert_eq!(rank(-0.0), rank(0.0));
        assert_eq!(rank(-f64::NAN), rank(f64::NAN));
    }
}
