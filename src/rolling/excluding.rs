//! Calls that leave out rows of their frames.
//!
//! In: rows, and for each row its frame and the rows to leave out. The rows that remain of each frame are copied one behind the other, and
//! the call's own kernel computes each copy as a frame of its own. So a result with EXCLUDE has the same digits as one over
//! a frame of those rows. The time is proportional to the length of the frames.

use std::any::Any;
use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, UInt64Array};
use datafusion::arrow::compute::{concat, take};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::physical_plan::PhysicalExpr;

use super::kernel::bounds::Frames;
use super::reading::{AnySource, Reading};

/// How many rows are copied at a time, unless a single frame has more.
const COPIED_ROWS: usize = 1 << 16;

/// The frames of a call, as positions among the program's.
#[derive(Debug, Clone, Copy)]
pub struct Read {
    pub whole: usize,
    pub left_out: usize,
    /// The row that is kept although it is among those left out.
    pub kept: Option<usize>,
}

/// A planned call that leaves out rows.
#[derive(Debug)]
pub struct Excluding {
    source: Arc<dyn AnySource>,
    call: usize,
    frames: Read,
}

impl Excluding {
    /// Takes the source of the same call without EXCLUDE.
    pub fn new(mut source: Box<dyn AnySource>, call: usize, frames: Read) -> Self {
        source.assign(0, 0);
        Excluding { source: source.into(), call, frames }
    }
}

impl AnySource for Excluding {
    fn arguments(&self) -> &[Arc<dyn PhysicalExpr>] {
        self.source.arguments()
    }

    fn assign(&mut self, call: usize, frame: usize) {
        (self.call, self.frames.whole) = (call, frame);
    }

    fn reads(&self, frame: usize) -> bool {
        let Read { whole, left_out, kept } = self.frames;
        [Some(whole), Some(left_out), kept].contains(&Some(frame))
    }

    fn take_over(&mut self, _other: &mut dyn Any) -> bool {
        false
    }

    fn start(&self, types: &[DataType]) -> Box<dyn Reading> {
        Box::new(Pass {
            source: Arc::clone(&self.source),
            call: self.call,
            frames: self.frames,
            types: types.to_vec(),
            batches: Vec::new(),
            held_from: 0,
        })
    }
}

/// A pass over the rows of one call.
struct Pass {
    source: Arc<dyn AnySource>,
    call: usize,
    frames: Read,
    types: Vec<DataType>,
    /// The arguments of the rows from `held_from` on.
    batches: Vec<Vec<ArrayRef>>,
    held_from: usize,
}

impl Pass {
    /// Returns the arguments of all rows that are held, as one array each.
    fn held(&mut self) -> Result<Vec<ArrayRef>> {
        if self.batches.len() > 1 {
            let argument = |index: usize| {
                let parts: Vec<&dyn Array> = self.batches.iter().map(|batch| batch[index].as_ref()).collect();
                concat(&parts)
            };
            let arrays = (0..self.types.len()).map(argument).collect::<Result<Vec<_>, _>>()?;
            self.batches = vec![arrays];
        }
        Ok(self.batches.first().cloned().unwrap_or_default())
    }

    /// Returns the results of frames over copied rows.
    fn results(&self, held: &[ArrayRef], copied: Vec<u64>, frames: Frames) -> Result<ArrayRef> {
        let places = UInt64Array::from(copied);
        let rows = held.iter().map(|array| take(array, &places, None)).collect::<Result<Vec<_>, _>>()?;
        let mut pass = self.source.start(&self.types);
        pass.extend(&rows, 0)?;
        let mut results = Vec::with_capacity(1);
        pass.evaluate(&[frames], &mut results)?;
        Ok(results.swap_remove(0).1)
    }
}

impl Reading for Pass {
    fn extend(&mut self, arrays: &[ArrayRef], _position: usize) -> Result<()> {
        if !arrays.is_empty() {
            self.batches.push(arrays.to_vec());
        }
        Ok(())
    }

    fn evaluate(&mut self, frames: &[Frames], results: &mut Vec<(usize, ArrayRef)>) -> Result<()> {
        let Read { whole, left_out, kept } = self.frames;
        let held = self.held()?;
        let mut found: Vec<ArrayRef> = Vec::new();
        let (mut copied, mut chunk, mut length) = (Vec::new(), Frames::default(), 0);
        for (row, (frame, hole)) in frames[whole].each().zip(frames[left_out].each()).enumerate() {
            if length >= COPIED_ROWS {
                found.push(self.results(&held, std::mem::take(&mut copied), std::mem::take(&mut chunk))?);
                length = 0;
            }
            chunk.start.push(length);
            for part in remaining(frame, hole, kept.map(|kept| frames[kept].start[row])) {
                length += part.len();
                if !held.is_empty() {
                    copied.extend(part.map(|position| (position - self.held_from) as u64));
                }
            }
            chunk.end.push(length);
        }
        found.push(self.results(&held, copied, chunk)?);
        let found: Vec<&dyn Array> = found.iter().map(|array| array.as_ref()).collect();
        results.push((self.call, concat(&found)?));
        Ok(())
    }

    fn release(&mut self, oldest: &[usize], next: usize) {
        let needed = oldest[self.frames.whole].min(next);
        let gone = needed.saturating_sub(self.held_from);
        self.held_from = self.held_from.max(needed);
        let mut left = gone;
        self.batches.retain_mut(|batch| {
            let rows = batch.first().map_or(0, |array| array.len());
            let drop = left.min(rows);
            left -= drop;
            batch.iter_mut().for_each(|array| *array = array.slice(drop, rows - drop));
            drop < rows
        });
    }

    fn held_from(&self) -> usize {
        self.held_from
    }

    fn bytes(&self) -> usize {
        self.batches.iter().flatten().map(|array| array.get_array_memory_size()).sum()
    }
}

/// Returns what remains of a frame, in the order of its rows.
fn remaining(frame: (usize, usize), hole: (usize, usize), kept: Option<usize>) -> [Range<usize>; 3] {
    let (start, end) = frame;
    let (before, after) = (hole.0.clamp(start, end.max(start)), hole.1.clamp(start, end.max(start)));
    let kept = kept.filter(|row| (start..end).contains(row)).map_or(0..0, |row| row..row + 1);
    [start..before, kept, after.max(before)..end.max(start)]
}

#[cfg(test)]
mod tests {
    use super::remaining;

    fn rows(frame: (usize, usize), hole: (usize, usize), kept: Option<usize>) -> Vec<usize> {
        remaining(frame, hole, kept).into_iter().flatten().collect()
    }

    #[test]
    fn rows_are_left_out_where_they_are_in_the_frame() {
        assert_eq!(rows((2, 7), (4, 6), None), [2, 3, 6]);
        assert_eq!(rows((2, 7), (4, 6), Some(5)), [2, 3, 5, 6]);
        assert_eq!(rows((2, 7), (0, 3), Some(0)), [3, 4, 5, 6]);
        assert_eq!(rows((2, 7), (6, 9), Some(8)), [2, 3, 4, 5]);
        assert_eq!(rows((2, 4), (7, 9), None), [2, 3]);
        assert_eq!(rows((5, 7), (1, 2), None), [5, 6]);
        assert_eq!(rows((2, 7), (2, 7), None), [0; 0]);
        assert_eq!(rows((3, 3), (2, 4), Some(3)), [0; 0]);
    }
}
