//! The values themselves, and the value that a frame picks.

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::arrow::compute::interleave;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue, internal_datafusion_err};

use crate::rolling::kernel::bounds::Frames;
use crate::rolling::reading::{Column, Kernel};
use crate::rolling::weighed::Weighed;

/// The arrays of one argument, each with the position of its first row.
#[derive(Debug)]
pub struct Values(Weighed<(usize, ArrayRef)>);

impl Column for Values {
    type Form = ();

    fn new(_form: &(), _types: &[DataType]) -> Self {
        Values(Weighed::default())
    }

    fn extend(&mut self, arrays: &[ArrayRef], position: usize) -> Result<()> {
        self.0.push((position, ArrayRef::clone(&arrays[0])));
        Ok(())
    }

    fn release(&mut self, position: usize) {
        self.0.pop_while(|(start, array)| start + array.len() <= position);
    }

    fn bytes(&self) -> usize {
        self.0.bytes()
    }
}

/// Picks one row of each frame.
#[derive(Debug)]
pub struct Pick {
    /// Counted from the frame's first row; a negative index counts back from the frame's end.
    index: i64,
    /// The result if the frame has no such row.
    default: ScalarValue,
    /// Whether all frames of a partition begin at the partition's first row.
    cumulative: bool,
    /// The position and the value of the row that was picked last.
    picked: Option<(usize, ArrayRef)>,
    end: usize,
}

impl Pick {
    pub fn new(index: i64, default: ScalarValue, cumulative: bool) -> Self {
        Pick { index, default, cumulative, picked: None, end: 0 }
    }

    fn distance(&self) -> usize {
        usize::try_from(self.index.unsigned_abs()).unwrap_or(usize::MAX)
    }
}

impl Kernel<Values> for Pick {
    fn evaluate(&mut self, values: &Values, frames: &Frames) -> Result<ArrayRef> {
        let distance = self.distance();
        let default = self.default.to_array()?;
        let mut sources: Vec<&dyn Array> = vec![default.as_ref()];
        // The row of the previous frame, which the column may already have released.
        let before = self.picked.take();
        if let Some((_, row)) = &before {
            sources.push(row.as_ref());
        }
        let known = before.as_ref().map(|(position, _)| *position);
        // Positions only grow, and so does the index of the array that holds the next one.
        let mut current: Option<(usize, &ArrayRef)> = None;
        let mut last = None;
        let mut picks: Vec<(usize, usize)> = Vec::with_capacity(frames.start.len());
        for (start, end) in frames.each() {
            let position = if self.index >= 0 {
                start.checked_add(distance).filter(|position| *position < end)
            } else {
                end.checked_sub(distance).filter(|position| *position >= start)
            };
            last = position;
            let Some(position) = position else {
                picks.push((0, 0));
                continue;
            };
            if Some(position) == known {
                picks.push((1, 0));
                continue;
            }
            if current.is_none_or(|(first, array)| first + array.len() <= position) {
                let holds = values.0.partition_point(|(first, array)| first + array.len() <= position);
                let Some((first, array)) = values.0.get(holds) else {
                    return Err(internal_datafusion_err!("the rows of a frame are held until it is read"));
                };
                current = Some((*first, array));
                sources.push(array.as_ref());
            }
            if let Some((first, _)) = current {
                picks.push((sources.len() - 1, position - first));
            }
        }
        let found = interleave(&sources, &picks)?;
        self.picked = last.zip(found.len().checked_sub(1)).map(|(position, row)| (position, found.slice(row, 1)));
        self.end = frames.end.last().copied().unwrap_or(self.end);
        Ok(found)
    }

    fn oldest(&self, spanned: usize) -> usize {
        if self.index < 0 {
            return spanned.max(self.end.saturating_sub(self.distance()));
        }
        // If frames only grow, the picked row is remembered.
        if self.cumulative { self.end } else { spanned }
    }

    fn bytes(&self) -> usize {
        self.picked.as_ref().map_or(0, |(_, row)| row.get_array_memory_size())
    }
}
