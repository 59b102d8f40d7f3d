//! What is kept of each argument, for as long as a frame may read it.

use std::collections::VecDeque;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type, UInt64Type};
use datafusion::common::{Result, internal_datafusion_err};

use super::coverage::Keep;
use super::function::kept::Kept;
use super::kernel::cumulative::Ahead;
use super::kernel::extremum::Ordered;
use super::kernel::moments::{Moments, Powers};
use super::kernel::pairs::Pairs;
use super::kernel::ring::Ring;
use super::keys::validity;
use super::ordered::ordered;

/// The values of one argument that frames may still read.
#[derive(Debug)]
pub enum Column {
    Presence(Ring<u32>),
    Moments(Box<Moments>),
    Ahead(Ahead),
    Integers { sums: Ring<i64>, counts: Ring<u32> },
    Order { values: Ordered, data_type: DataType },
    Values(VecDeque<(usize, ArrayRef)>),
    Pairs(Box<Pairs>),
    Own(Box<Kept>),
}

impl Column {
    pub fn new(keep: Keep, data_type: DataType) -> Column {
        match keep {
            Keep::Presence => Column::Presence(counting()),
            Keep::Sums => Column::Moments(Box::new(Moments::new(Powers::Values))),
            Keep::Squares => Column::Moments(Box::new(Moments::new(Powers::ValuesAndSquares))),
            Keep::Ahead => Column::Ahead(Ahead::default()),
            Keep::Integers => {
                let mut sums = Ring::starting_at(0);
                sums.push(0);
                Column::Integers { sums, counts: counting() }
            }
            Keep::Order => Column::Order { values: Ordered::new(), data_type },
            Keep::Values => Column::Values(VecDeque::new()),
            Keep::Pairs => Column::Pairs(Box::default()),
            Keep::Own(recipe) => Column::Own(Box::new(Kept::new(recipe, &data_type))),
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
            Column::Own(kept) => kept.extend(array, second)?,
            Column::Presence(counts) => extend_counts(counts, validity(array).as_deref(), array.len()),
            Column::Moments(moments) => {
                let array = array.as_primitive::<Float64Type>();
                moments.extend(array.values(), validity(array).as_deref());
            }
            Column::Ahead(ahead) => {
                let array = array.as_primitive::<Float64Type>();
                ahead.extend(array.values(), validity(array).as_deref());
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
            Column::Ahead(ahead) => ahead.release(position),
            Column::Integers { sums, counts } => {
                sums.release(position);
                counts.release(position);
            }
            Column::Order { values, .. } => values.release(position),
            Column::Pairs(pairs) => pairs.release(position),
            Column::Own(kept) => kept.release(position),
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
            Column::Ahead(ahead) => ahead.bytes(),
            Column::Integers { sums, counts } => sums.bytes() + counts.bytes(),
            Column::Order { values, .. } => values.bytes(),
            Column::Pairs(pairs) => pairs.bytes(),
            Column::Own(kept) => kept.bytes(),
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
