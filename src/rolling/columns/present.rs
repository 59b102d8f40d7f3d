//! Values that are not NULL, and the value that a frame picks among them; for IGNORE NULLS.

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::arrow::compute::{filter, interleave, is_not_null};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue, internal_datafusion_err};

use crate::rolling::kernel::bounds::Frames;
use crate::rolling::kernel::counts::Counts;
use crate::rolling::kernel::ring::Ring;
use crate::rolling::keys::validity;
use crate::rolling::reading::{Column, Kernel};
use crate::rolling::weighed::Weighed;

/// The values of one argument that are not NULL, numbered in their order.
#[derive(Debug)]
pub struct Present {
    /// How many values are present before each position.
    counts: Counts,
    /// The position of each present value.
    positions: Ring<usize>,
    /// The present values of each batch, with the number of the first.
    values: Weighed<(usize, ArrayRef)>,
}

impl Column for Present {
    type Form = ();

    fn new(_form: &(), _types: &[DataType]) -> Self {
        Present { counts: Counts::default(), positions: Ring::starting_at(0), values: Weighed::default() }
    }

    fn extend(&mut self, arrays: &[ArrayRef], position: usize) -> Result<()> {
        let valid = validity(&arrays[0]);
        let first = self.positions.end();
        self.counts.extend(valid.as_deref(), arrays[0].len());
        let is_present = |row: &usize| valid.as_ref().is_none_or(|valid| valid[*row]);
        self.positions.extend((0..arrays[0].len()).filter(is_present).map(|row| position + row));
        if self.positions.end() > first {
            let present = match valid {
                None => ArrayRef::clone(&arrays[0]),
                Some(_) => filter(&arrays[0], &is_not_null(&arrays[0])?)?,
            };
            self.values.push((first, present));
        }
        Ok(())
    }

    fn release(&mut self, position: usize) {
        let first = self.positions.base() + self.positions.live().partition_point(|present| *present < position);
        self.counts.release(position);
        self.positions.release(first);
        self.values.pop_while(|(start, array)| start + array.len() <= first);
    }

    fn bytes(&self) -> usize {
        self.counts.bytes() + self.positions.bytes() + self.values.bytes()
    }
}

/// Picks one of the present values of each frame.
#[derive(Debug)]
pub struct PickPresent {
    /// Counted from the frame's first present value; a negative index counts back from the frame's end.
    index: i64,
    /// The result if the frame has no such value.
    default: ScalarValue,
    /// Whether all frames of a partition begin at the partition's first row.
    cumulative: bool,
    /// The start of the last frame, and how many values are present before it.
    origin: Option<(usize, usize)>,
    /// The number and the value that was picked last.
    picked: Option<(usize, ArrayRef)>,
    /// The first position that a later frame may read, if frames only grow.
    needed: usize,
}

impl PickPresent {
    pub fn new(index: i64, default: ScalarValue, cumulative: bool) -> Self {
        PickPresent { index, default, cumulative, origin: None, picked: None, needed: 0 }
    }

    fn distance(&self) -> usize {
        usize::try_from(self.index.unsigned_abs()).unwrap_or(usize::MAX)
    }
}

impl Kernel<Present> for PickPresent {
    fn evaluate(&mut self, present: &Present, frames: &Frames) -> Result<ArrayRef> {
        let default = self.default.to_array()?;
        let mut sources: Vec<&dyn Array> = vec![default.as_ref()];
        let before = self.picked.take();
        if let Some((_, value)) = &before {
            sources.push(value.as_ref());
        }
        let known = before.as_ref().map(|(number, _)| *number);
        let mut current: Option<(usize, &ArrayRef)> = None;
        let mut last = None;
        let mut picks: Vec<(usize, usize)> = Vec::with_capacity(frames.start.len());
        for (start, end) in frames.each() {
            let from = match self.origin {
                Some((position, from)) if position == start => from,
                _ => self.origin.insert((start, present.counts.before(start) as usize)).1,
            };
            // A frame without rows may begin anywhere.
            let to = if end == start { from } else { present.counts.before(end) as usize };
            let number = if self.index >= 0 {
                from.checked_add(self.distance()).filter(|number| *number < to)
            } else {
                to.checked_sub(self.distance()).filter(|number| *number >= from)
            };
            last = number;
            let Some(number) = number else {
                picks.push((0, 0));
                continue;
            };
            if Some(number) == known {
                picks.push((1, 0));
                continue;
            }
            if current.is_none_or(|(first, array)| number < first || first + array.len() <= number) {
                let holds = present.values.partition_point(|(first, array)| first + array.len() <= number);
                let Some((first, array)) = present.values.get(holds) else {
                    return Err(internal_datafusion_err!("the values of a frame are held until it is read"));
                };
                current = Some((*first, array));
                sources.push(array.as_ref());
            }
            if let Some((first, _)) = current {
                picks.push((sources.len() - 1, number - first));
            }
        }
        let found = interleave(&sources, &picks)?;
        self.picked = last.zip(found.len().checked_sub(1)).map(|(number, row)| (number, found.slice(row, 1)));
        if let Some(end) = frames.end.last() {
            self.needed = *end;
            if self.index < 0 {
                let next = present.counts.before(*end) as usize;
                let first = next.saturating_sub(self.distance()).max(present.positions.base());
                if first < next {
                    self.needed = present.positions.at(first).min(*end);
                }
            }
        }
        Ok(found)
    }

    fn oldest(&self, spanned: usize) -> usize {
        if self.cumulative { self.needed } else { spanned }
    }

    fn bytes(&self) -> usize {
        self.picked.as_ref().map_or(0, |(_, value)| value.get_array_memory_size())
    }
}
