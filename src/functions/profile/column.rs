//! What one column holds, collected batch by batch.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int64Type, TimeUnit, UInt64Type};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::hash_utils::{RandomState, create_hashes};
use datafusion::common::{Result, ScalarValue};
use datafusion::functions_aggregate::min_max::{MaxAccumulator, MinAccumulator};
use datafusion::logical_expr::Accumulator;

use super::moments::Moments;
use super::sketch::{Distinct, Frequent};
use crate::text::{grouped, mixed};

/// Of a text value, so many characters are kept. A longer one ends in an ellipsis and the number of its characters.
const MOST_CHARACTERS: usize = 200;
/// What stands for NULL in the fingerprint of a row.
const NULL: u64 = 0x9e37_79b9_7f4a_7c15;

/// What can be said of a column of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Number,
    Text,
    Boolean,
    Time,
    /// Types whose values are only counted, such as lists, structs and binary data.
    Other,
}

impl Kind {
    pub fn of(data_type: &DataType) -> Kind {
        match data_type {
            DataType::Boolean => Kind::Boolean,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Kind::Text,
            DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 => Kind::Time,
            DataType::Dictionary(_, values) => Kind::of(values),
            number if number.is_numeric() => Kind::Number,
            _ => Kind::Other,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Number => "number",
            Kind::Text => "text",
            Kind::Boolean => "boolean",
            Kind::Time => "time",
            Kind::Other => "other",
        }
    }
}

/// The values of a sample of rows, one for each row.
#[derive(Debug)]
pub enum Sample {
    /// Not sampled.
    None,
    /// NaN for what is missing.
    Floats(Vec<f64>),
    /// Also times, in nanoseconds since 1970.
    Integers(Vec<Option<i64>>),
    /// The bits of unsigned numbers.
    Unsigned(Vec<Option<u64>>),
}

/// How much is kept of each column.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// Rows of the sample.
    pub rows: usize,
    pub distinct: usize,
    pub frequent: usize,
}

/// What is known of one column.
#[derive(Debug)]
pub struct Column {
    pub kind: Kind,
    /// The type of the values; that of a dictionary's values.
    values: DataType,
    pub nulls: u64,
    pub nans: u64,
    pub infinities: u64,
    /// Numbers that are 0, or texts without a character.
    pub zeros: u64,
    pub negatives: u64,
    pub distinct: Distinct,
    /// Whether values of the type have fingerprints.
    pub hashed: bool,
    pub frequent: Frequent,
    /// Of a decimal number, the moments of its digits without the point.
    moments: Moments,
    /// The shortest and the longest text, in characters.
    pub lengths: Option<(u64, u64)>,
    least: Option<(MinAccumulator, MaxAccumulator)>,
    pub sample: Sample,
}

impl Column {
    pub fn new(data_type: &DataType, room: Room) -> Column {
        let values = match data_type {
            DataType::Dictionary(_, values) => values.as_ref().clone(),
            other => other.clone(),
        };
        let kind = Kind::of(&values);
        let (least, sample) = match kind {
            Kind::Number if values.is_signed_integer() => (Some(&values), Sample::Integers(Vec::new())),
            Kind::Number if values.is_unsigned_integer() => (Some(&values), Sample::Unsigned(Vec::new())),
            // NaN and infinities are left out first.
            Kind::Number if values.is_floating() => (Some(&DataType::Float64), Sample::Floats(Vec::new())),
            Kind::Number => (Some(&values), Sample::Floats(Vec::new())),
            Kind::Time => (Some(&values), Sample::Integers(Vec::new())),
            Kind::Text | Kind::Boolean => (Some(&values), Sample::None),
            Kind::Other => (None, Sample::None),
        };
        // Without these two for its type, a column has no least and no greatest value.
        let least = least.and_then(|of| MinAccumulator::try_new(of).ok().zip(MaxAccumulator::try_new(of).ok()));
        Column {
            kind,
            values,
            nulls: 0,
            nans: 0,
            infinities: 0,
            zeros: 0,
            negatives: 0,
            distinct: Distinct::new(room.distinct),
            hashed: true,
            frequent: Frequent::new(room.frequent),
            moments: Moments::default(),
            lengths: None,
            least,
            sample,
        }
    }

    /// Adds the values of a batch. `sampled` are the rows that go into the sample; `rows` gets the fingerprint of each value.
    pub fn add(&mut self, array: &ArrayRef, sampled: &[usize], rows: &mut [u64]) -> Result<()> {
        let array = match array.data_type() {
            DataType::Dictionary(..) => cast(array, &self.values)?,
            _ => Arc::clone(array),
        };
        self.nulls += array.logical_null_count() as u64;
        let mut hashes = vec![0; array.len()];
        if self.kind == Kind::Number && self.values.is_floating() {
            self.add_floats(&array, &mut hashes)?;
        } else {
            self.hashed &= create_hashes([&array], &RandomState::default(), &mut hashes).is_ok();
            let valid = array.logical_nulls();
            for (row, hash) in hashes.iter_mut().enumerate() {
                let is_valid = valid.as_ref().is_none_or(|valid| valid.is_valid(row));
                *hash = if is_valid { mixed(*hash) } else { NULL };
                if is_valid && self.kind != Kind::Other {
                    self.distinct.add(*hash);
                }
            }
            if let Some((least, greatest)) = &mut self.least {
                least.update_batch(std::slice::from_ref(&array))?;
                greatest.update_batch(std::slice::from_ref(&array))?;
            }
            match self.kind {
                Kind::Number => self.add_numbers(&array)?,
                Kind::Text => self.add_texts(&array, &hashes)?,
                Kind::Boolean => {
                    for (row, flag) in array.as_boolean().iter().enumerate() {
                        if let Some(flag) = flag {
                            self.frequent.add(hashes[row], 1, || flag.to_string().into());
                        }
                    }
                }
                Kind::Time | Kind::Other => {}
            }
        }
        self.add_sampled(&array, sampled)?;
        for (row, hash) in rows.iter_mut().zip(hashes) {
            *row = (row.rotate_left(5) ^ hash).wrapping_mul(NULL);
        }
        Ok(())
    }

    fn add_floats(&mut self, array: &ArrayRef, hashes: &mut [u64]) -> Result<()> {
        let array = cast(array, &DataType::Float64)?;
        let mut finite = Vec::with_capacity(array.len());
        for (hash, value) in hashes.iter_mut().zip(array.as_primitive::<Float64Type>()) {
            let Some(value) = value else {
                *hash = NULL;
                continue;
            };
            // -0.0 and 0.0 are the same number.
            *hash = mixed((value + 0.0).to_bits());
            if value.is_nan() {
                self.nans += 1;
            } else if value.is_infinite() {
                self.infinities += 1;
            } else {
                self.distinct.add(*hash);
                finite.push(value + 0.0);
            }
        }
        self.count(&finite);
        if !finite.is_empty()
            && let Some((least, greatest)) = &mut self.least
        {
            let finite: ArrayRef = Arc::new(Float64Array::from(finite));
            least.update_batch(std::slice::from_ref(&finite))?;
            greatest.update_batch(std::slice::from_ref(&finite))?;
        }
        Ok(())
    }

    fn add_numbers(&mut self, array: &ArrayRef) -> Result<()> {
        let Some(numbers) = digits(array)? else {
            let numbers = cast(array, &DataType::Float64)?;
            self.count(&numbers.as_primitive::<Float64Type>().iter().flatten().collect::<Vec<_>>());
            return Ok(());
        };
        let numbers: Vec<i128> = numbers.into_iter().flatten().collect();
        self.zeros += numbers.iter().filter(|value| **value == 0).count() as u64;
        self.negatives += numbers.iter().filter(|value| **value < 0).count() as u64;
        self.moments.merge(&Moments::of_whole(&numbers));
        Ok(())
    }

    pub fn mean(&self) -> Option<f64> {
        self.moments.mean().map(|mean| mean / self.unit())
    }

    /// Returns the sample standard deviation; `None` if there are fewer than two numbers.
    pub fn std(&self) -> Option<f64> {
        self.moments.std().map(|std| std / self.unit())
    }

    pub fn skewness(&self) -> Option<f64> {
        self.moments.skewness()
    }

    /// Returns how many of the moments' units are 1.
    fn unit(&self) -> f64 {
        match self.values {
            DataType::Decimal32(_, scale) | DataType::Decimal64(_, scale) | DataType::Decimal128(_, scale) => {
                10_f64.powi(scale.into())
            }
            _ => 1.0,
        }
    }

    fn count(&mut self, finite: &[f64]) {
        self.zeros += finite.iter().filter(|value| **value == 0.0).count() as u64;
        self.negatives += finite.iter().filter(|value| **value < 0.0).count() as u64;
        self.moments.merge(&Moments::of(finite));
    }

    fn add_texts(&mut self, array: &ArrayRef, hashes: &[u64]) -> Result<()> {
        let texts = cast(array, &DataType::LargeUtf8)?;
        for (text, hash) in texts.as_string::<i64>().iter().zip(hashes) {
            let Some(text) = text else { continue };
            let length = text.chars().count() as u64;
            self.zeros += u64::from(length == 0);
            let (shortest, longest) = self.lengths.unwrap_or((length, length));
            self.lengths = Some((shortest.min(length), longest.max(length)));
            self.frequent.add(*hash, 1, || shortened(text).into());
        }
        Ok(())
    }

    fn add_sampled(&mut self, array: &ArrayRef, sampled: &[usize]) -> Result<()> {
        match &mut self.sample {
            Sample::None => {}
            Sample::Floats(values) => {
                let floats = cast(array, &DataType::Float64)?;
                let floats = floats.as_primitive::<Float64Type>();
                let value = |row: &usize| if floats.is_null(*row) { f64::NAN } else { floats.value(*row) };
                values.extend(sampled.iter().map(value));
            }
            Sample::Integers(values) => {
                let integers = match self.kind {
                    Kind::Time => {
                        // A time that nanoseconds cannot count is missing from the sample.
                        let times = cast(array, &DataType::Timestamp(TimeUnit::Nanosecond, None))?;
                        cast(&times, &DataType::Int64)?
                    }
                    _ => cast(array, &DataType::Int64)?,
                };
                let integers = integers.as_primitive::<Int64Type>();
                values.extend(sampled.iter().map(|row| (!integers.is_null(*row)).then(|| integers.value(*row))));
            }
            Sample::Unsigned(values) => {
                let integers = cast(array, &DataType::UInt64)?;
                let integers = integers.as_primitive::<UInt64Type>();
                values.extend(sampled.iter().map(|row| (!integers.is_null(*row)).then(|| integers.value(*row))));
            }
        }
        Ok(())
    }

    /// Keeps the sampled rows for which `keep` is true.
    pub fn retain(&mut self, keep: &[bool]) {
        fn retain<T: Copy>(values: &mut Vec<T>, keep: &[bool]) {
            let kept = values.iter().zip(keep).filter(|(_, keep)| **keep).map(|(value, _)| *value);
            *values = kept.collect();
        }
        match &mut self.sample {
            Sample::None => {}
            Sample::Floats(values) => retain(values, keep),
            Sample::Integers(values) => retain(values, keep),
            Sample::Unsigned(values) => retain(values, keep),
        }
    }

    pub fn merge(&mut self, other: Column) -> Result<()> {
        self.nulls += other.nulls;
        self.nans += other.nans;
        self.infinities += other.infinities;
        self.zeros += other.zeros;
        self.negatives += other.negatives;
        self.distinct.merge(&other.distinct);
        self.hashed &= other.hashed;
        self.frequent.merge(other.frequent);
        self.moments.merge(&other.moments);
        self.lengths = match (self.lengths, other.lengths) {
            (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
            (a, b) => a.or(b),
        };
        if let (Some((least, greatest)), Some((mut others_least, mut others_greatest))) = (&mut self.least, other.least)
        {
            let arrays = |state: Vec<ScalarValue>| state.iter().map(ScalarValue::to_array).collect::<Result<Vec<_>>>();
            least.merge_batch(&arrays(others_least.state()?)?)?;
            greatest.merge_batch(&arrays(others_greatest.state()?)?)?;
        }
        match (&mut self.sample, other.sample) {
            (Sample::Floats(values), Sample::Floats(others)) => values.extend(others),
            (Sample::Integers(values), Sample::Integers(others)) => values.extend(others),
            (Sample::Unsigned(values), Sample::Unsigned(others)) => values.extend(others),
            _ => {}
        }
        Ok(())
    }

    /// Returns the least and the greatest value with all digits; texts are shortened.
    pub fn range(&mut self) -> Result<(Option<String>, Option<String>)> {
        match &mut self.least {
            Some((least, greatest)) => Ok((shown(&least.evaluate()?)?, shown(&greatest.evaluate()?)?)),
            None => Ok((None, None)),
        }
    }
}

/// Returns the digits of whole and of decimal numbers, without the point; `None` for types that are rounded to a DOUBLE.
pub fn digits(array: &ArrayRef) -> Result<Option<Vec<Option<i128>>>> {
    Ok(Some(match array.data_type() {
        whole if whole.is_signed_integer() => {
            let whole = cast(array, &DataType::Int64)?;
            whole.as_primitive::<Int64Type>().iter().map(|digits| digits.map(i128::from)).collect()
        }
        whole if whole.is_unsigned_integer() => {
            let whole = cast(array, &DataType::UInt64)?;
            whole.as_primitive::<UInt64Type>().iter().map(|digits| digits.map(i128::from)).collect()
        }
        DataType::Decimal32(_, scale) | DataType::Decimal64(_, scale) | DataType::Decimal128(_, scale) => {
            let decimals = cast(array, &DataType::Decimal128(38, *scale))?;
            decimals.as_primitive::<Decimal128Type>().iter().collect()
        }
        _ => return Ok(None),
    }))
}

fn shown(value: &ScalarValue) -> Result<Option<String>> {
    if value.is_null() {
        return Ok(None);
    }
    let array = value.to_array()?;
    let text = ArrayFormatter::try_new(&array, &FormatOptions::default())?.value(0).to_string();
    Ok(Some(shortened(&text)))
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(MOST_CHARACTERS) {
        Some((end, _)) => format!("{}… ({} characters)", &text[..end], grouped(text.chars().count() as u64)),
        None => text.into(),
    }
}
