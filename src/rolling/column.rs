//! What is kept of each argument, and the result columns computed from it.
//!
//! In: an argument's values, batch by batch, and the frames of the rows to be answered. Out: one array a call.

use std::collections::VecDeque;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float32Array, Float64Array, Int64Array, UInt64Array};
use datafusion::arrow::compute::{cast, interleave};
use datafusion::arrow::datatypes::{DataType, Float32Type, Float64Type, Int64Type, UInt64Type};
use datafusion::common::{Result, ScalarValue, internal_datafusion_err};

use super::coverage::{Keep, Output};
use super::kernel::bounds::Frames;
use super::kernel::extremum::{Extremum, Ordered, Which};
use super::kernel::moments::{Moments, Powers};
use super::kernel::pairs::Pairs;
use super::kernel::ring::Ring;
use super::keys::validity;

const SIGN: u64 = 1 << 63;

/// The values of one argument that frames may still read.
#[derive(Debug)]
pub enum Column {
    Presence(Ring<u32>),
    Moments(Box<Moments>),
    Integers { sums: Ring<i64>, counts: Ring<u32> },
    Order { values: Ordered, data_type: DataType },
    Values(VecDeque<(usize, ArrayRef)>),
    Pairs(Box<Pairs>),
}

impl Column {
    pub fn new(keep: Keep, data_type: DataType) -> Column {
        match keep {
            Keep::Presence => Column::Presence(counting()),
            Keep::Sums => Column::Moments(Box::new(Moments::new(Powers::Values))),
            Keep::Squares => Column::Moments(Box::new(Moments::new(Powers::ValuesAndSquares))),
            Keep::Integers => {
                let mut sums = Ring::starting_at(0);
                sums.push(0);
                Column::Integers { sums, counts: counting() }
            }
            Keep::Order => Column::Order { values: Ordered::new(), data_type },
            Keep::Values => Column::Values(VecDeque::new()),
            Keep::Pairs => Column::Pairs(Box::default()),
        }
    }

    /// Adds a batch's values, the first of which stands at `position`, and those of the other part of a pair.
    pub fn extend(&mut self, array: &ArrayRef, second: Option<&ArrayRef>, position: usize) -> Result<()> {
        match self {
            Column::Pairs(pairs) => {
                let Some(second) = second else { return Err(internal_datafusion_err!("a pair has two parts")) };
                let valid: Vec<bool> =
                    (0..array.len()).map(|row| array.is_valid(row) && second.is_valid(row)).collect();
                let values = |array: &ArrayRef| array.as_primitive::<Float64Type>().values().clone();
                pairs.extend(&values(array), &values(second), &valid);
            }
            Column::Presence(counts) => extend_counts(counts, validity(array).as_deref(), array.len()),
            Column::Moments(moments) => {
                let array = array.as_primitive::<Float64Type>();
                moments.extend(array.values(), validity(array).as_deref());
            }
            Column::Integers { sums, counts } => {
                let valid = validity(array);
                let mut sum = sums.last().unwrap_or(0);
                let mut add = |(row, value): (usize, i64)| {
                    if valid.as_ref().is_none_or(|valid| valid[row]) {
                        sum = sum.wrapping_add(value);
                    }
                    sum
                };
                if let Some(array) = array.as_primitive_opt::<UInt64Type>() {
                    sums.extend(array.values().iter().map(|value| value.cast_signed()).enumerate().map(&mut add));
                } else {
                    sums.extend(array.as_primitive::<Int64Type>().values().iter().copied().enumerate().map(&mut add));
                }
                extend_counts(counts, valid.as_deref(), array.len());
            }
            Column::Order { values, .. } => values.extend(&ordered(array)?, validity(array).as_deref()),
            Column::Values(arrays) => arrays.push_back((position, ArrayRef::clone(array))),
        }
        Ok(())
    }

    /// Forgets rows before `position`.
    pub fn release(&mut self, position: usize) {
        match self {
            Column::Presence(counts) => counts.release(position),
            Column::Moments(moments) => moments.release(position),
            Column::Integers { sums, counts } => {
                sums.release(position);
                counts.release(position);
            }
            Column::Order { values, .. } => values.release(position),
            Column::Pairs(pairs) => pairs.release(position),
            Column::Values(arrays) => {
                while arrays.front().is_some_and(|(start, array)| start + array.len() <= position) {
                    arrays.pop_front();
                }
            }
        }
    }

    /// Returns the bytes of memory held.
    pub fn bytes(&self) -> usize {
        match self {
            Column::Presence(counts) => counts.bytes(),
            Column::Moments(moments) => moments.bytes(),
            Column::Integers { sums, counts } => sums.bytes() + counts.bytes(),
            Column::Order { values, .. } => values.bytes(),
            Column::Pairs(pairs) => pairs.bytes(),
            Column::Values(arrays) => arrays.iter().map(|(_, array)| array.get_array_memory_size()).sum(),
        }
    }
}

fn counting() -> Ring<u32> {
    let mut counts = Ring::starting_at(0);
    counts.push(0);
    counts
}

fn extend_counts(counts: &mut Ring<u32>, valid: Option<&[bool]>, rows: usize) {
    let mut count = counts.last().unwrap_or(0);
    counts.extend((0..rows).map(|row| {
        count = count.wrapping_add(u32::from(valid.is_none_or(|valid| valid[row])));
        count
    }));
}

/// Returns values as integers in the same order: doubles by their total order.
fn ordered(array: &ArrayRef) -> Result<Vec<i64>> {
    Ok(match array.data_type() {
        DataType::Float64 => {
            array.as_primitive::<Float64Type>().values().iter().map(|value| from_double(*value)).collect()
        }
        DataType::Float32 => array
            .as_primitive::<Float32Type>()
            .values()
            .iter()
            .map(|value| i64::from(total_order_32(value.to_bits().cast_signed())))
            .collect(),
        DataType::UInt64 => {
            array.as_primitive::<UInt64Type>().values().iter().map(|value| (value ^ SIGN).cast_signed()).collect()
        }
        _ => cast(array, &DataType::Int64)?.as_primitive::<Int64Type>().values().to_vec(),
    })
}

fn from_double(value: f64) -> i64 {
    total_order_64(value.to_bits().cast_signed())
}

/// Maps a double's bits to an integer in its total order, and back.
fn total_order_64(bits: i64) -> i64 {
    bits ^ ((bits >> 63).cast_unsigned() >> 1).cast_signed()
}

/// Maps a float's bits to an integer in its total order, and back.
fn total_order_32(bits: i32) -> i32 {
    bits ^ ((bits >> 31).cast_unsigned() >> 1).cast_signed()
}

/// Turns integers in order back into values of a type.
fn unordered(keys: Vec<Option<i64>>, data_type: &DataType) -> Result<ArrayRef> {
    Ok(match data_type {
        DataType::Float64 => Arc::new(Float64Array::from_iter(
            keys.into_iter().map(|key| key.map(|key| f64::from_bits(total_order_64(key).cast_unsigned()))),
        )),
        DataType::Float32 => Arc::new(Float32Array::from_iter(
            keys.into_iter().map(|key| key.map(|key| f32::from_bits(total_order_32(key as i32).cast_unsigned()))),
        )),
        DataType::UInt64 => {
            Arc::new(UInt64Array::from_iter(keys.into_iter().map(|key| key.map(|key| key.cast_unsigned() ^ SIGN))))
        }
        _ => cast(&(Arc::new(Int64Array::from(keys)) as ArrayRef), data_type)?,
    })
}

/// One call's state beside the columns: what a scan over moving frames must remember.
#[derive(Debug)]
pub struct Evaluator {
    output: Output,
    extremum: Option<Extremum>,
}

impl Evaluator {
    pub fn new(output: Output) -> Self {
        let extremum = match output {
            Output::Extremum { greatest, .. } => {
                Some(Extremum::new(if greatest { Which::Greatest } else { Which::Least }))
            }
            _ => None,
        };
        Evaluator { output, extremum }
    }

    /// Returns the index of the column read, if one is.
    pub fn column(&self) -> Option<usize> {
        match &self.output {
            Output::CountRows | Output::RowNumber => None,
            Output::Count { column }
            | Output::Sum { column }
            | Output::IntegerSum { column, .. }
            | Output::Mean { column }
            | Output::Variance { column, .. }
            | Output::Extremum { column, .. }
            | Output::Pair { column, .. }
            | Output::Row { column, .. } => Some(*column),
        }
    }

    /// Computes the results of the given frames, which follow those of the call before.
    pub fn evaluate(&mut self, columns: &[Column], frames: &Frames) -> Result<ArrayRef> {
        let column = self.column().map(|index| &columns[index]);
        let each = || frames.start.iter().copied().zip(frames.end.iter().copied());
        Ok(match (&self.output, column) {
            (Output::CountRows, _) => {
                Arc::new(Int64Array::from_iter_values(each().map(|(start, end)| (end - start) as i64)))
            }
            (Output::RowNumber, _) => {
                Arc::new(UInt64Array::from_iter_values(each().map(|(start, end)| (end - start) as u64)))
            }
            (Output::Count { .. }, Some(Column::Presence(counts))) => Arc::new(Int64Array::from_iter_values(
                each().map(|(start, end)| i64::from(counts.at(end).wrapping_sub(counts.at(start)))),
            )),
            (Output::Sum { .. }, Some(Column::Moments(moments))) => {
                doubles(each().map(|(start, end)| moments.sum(start, end)))
            }
            (Output::Mean { .. }, Some(Column::Moments(moments))) => {
                doubles(each().map(|(start, end)| moments.mean(start, end)))
            }
            (Output::Variance { sample, root, .. }, Some(Column::Moments(moments))) => match (sample, root) {
                (true, true) => doubles(each().map(|(start, end)| moments.variance::<true, true>(start, end))),
                (true, false) => doubles(each().map(|(start, end)| moments.variance::<true, false>(start, end))),
                (false, true) => doubles(each().map(|(start, end)| moments.variance::<false, true>(start, end))),
                (false, false) => doubles(each().map(|(start, end)| moments.variance::<false, false>(start, end))),
            },
            (Output::IntegerSum { unsigned, .. }, Some(Column::Integers { sums, counts })) => {
                let sum = |(start, end): (usize, usize)| {
                    (counts.at(end) != counts.at(start)).then(|| sums.at(end).wrapping_sub(sums.at(start)))
                };
                if *unsigned {
                    Arc::new(UInt64Array::from_iter(each().map(|frame| sum(frame).map(i64::cast_unsigned))))
                } else {
                    Arc::new(Int64Array::from_iter(each().map(sum)))
                }
            }
            (Output::Pair { statistic, .. }, Some(Column::Pairs(pairs))) => {
                doubles(each().map(|(start, end)| pairs.statistic(*statistic, start, end)))
            }
            (Output::Extremum { .. }, Some(Column::Order { values, data_type })) => {
                let mut keys = Vec::with_capacity(frames.start.len());
                if let Some(extremum) = &mut self.extremum {
                    extremum.advance(values, frames, |key| keys.push(key));
                }
                unordered(keys, data_type)?
            }
            (Output::Row { index, default, .. }, Some(Column::Values(arrays))) => {
                gather(arrays, *index, default, frames)?
            }
            (output, column) => return Err(internal_datafusion_err!("{output:?} cannot read {column:?}")),
        })
    }
}

fn doubles(values: impl Iterator<Item = Option<f64>>) -> ArrayRef {
    Arc::new(Float64Array::from_iter(values))
}

fn gather(
    arrays: &VecDeque<(usize, ArrayRef)>,
    index: i64,
    default: &ScalarValue,
    frames: &Frames,
) -> Result<ArrayRef> {
    let default = default.to_array()?;
    let mut sources: Vec<&dyn Array> = vec![default.as_ref()];
    sources.extend(arrays.iter().map(|(_, array)| array.as_ref()));
    let mut current = 0;
    let distance = usize::try_from(index.unsigned_abs()).unwrap_or(usize::MAX);
    let picks: Vec<(usize, usize)> = frames
        .start
        .iter()
        .zip(&frames.end)
        .map(|(start, end)| {
            let position = if index >= 0 {
                start.checked_add(distance).filter(|position| position < end)
            } else {
                end.checked_sub(distance).filter(|position| position >= start)
            };
            let Some(position) = position else { return (0, 0) };
            while arrays.get(current).is_some_and(|(first, array)| first + array.len() <= position) {
                current += 1;
            }
            (current + 1, position - arrays[current].0)
        })
        .collect();
    Ok(interleave(&sources, &picks)?)
}
