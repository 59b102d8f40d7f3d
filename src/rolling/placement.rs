//! The position of each row: its partition, its order key, and what its frames read.
//!
//! In: batches in the order that windows need. Out: for rows whose frames are complete, the positions that the frames span.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, RecordBatch};
use datafusion::common::{Result, exec_err};

use super::computation::evaluate;
use super::kernel::bounds::{FramePointers, Frames, Rows};
use super::keys::{Boundaries, ascending};
use super::program::Program;

/// The rows of a sequence of partitions, and each frame's pointers into them.
pub struct Placement {
    program: Arc<Program>,
    partitions: Boundaries,
    peers: Boundaries,
    peer_group: i64,
    last_key: Option<i64>,
    rows: Rows,
    frames: Vec<FramePointers>,
}

impl Placement {
    pub fn new(program: Arc<Program>) -> Self {
        Placement {
            partitions: Boundaries::of_contiguous(),
            peers: Boundaries::of_recurring(),
            peer_group: 0,
            last_key: None,
            rows: Rows::new(program.distinct),
            frames: program.frames.iter().map(|spec| FramePointers::new(*spec)).collect(),
            program,
        }
    }

    /// Returns the number of rows so far, which is the position of the next row.
    pub fn total(&self) -> usize {
        self.rows.total()
    }

    /// Ends the input, so that every frame is complete.
    pub fn finish(&mut self) {
        self.rows.close_partition();
    }

    /// Tells that no later row has an order key, ascending, before `key`.
    pub fn advance_watermark(&mut self, key: i64) {
        self.rows.advance_watermark(key);
    }

    /// Returns the last order key, ascending, if frames are measured in keys.
    pub fn last_key(&self) -> Option<i64> {
        self.last_key
    }

    /// Returns the position up to which every frame of every row is complete.
    pub fn complete(&mut self) -> usize {
        self.frames.iter_mut().map(|frame| frame.complete(&self.rows)).min().unwrap_or(self.rows.total())
    }

    /// Computes the frames of the rows `from..to`. The rows must be complete and follow those of the previous call; `found`
    /// has one entry per frame of the program.
    pub fn advance(&mut self, from: usize, to: usize, found: &mut [Frames]) {
        for (frame, found) in self.frames.iter_mut().zip(found) {
            frame.advance(&self.rows, from, to, found);
        }
    }

    /// Returns, for each frame, the first position that rows from `next` on may still read.
    pub fn oldest(&self, next: usize) -> Vec<usize> {
        self.frames.iter().map(|frame| frame.oldest(&self.rows, next)).collect()
    }

    /// Forgets everything that is not needed to find the frames of the rows from `next` on.
    pub fn release(&mut self, next: usize) {
        let oldest = self.frames.iter().map(|frame| frame.oldest_coordinate(next));
        self.rows.release(oldest.fold(next, usize::min));
    }

    /// Returns the bytes of memory held.
    pub fn bytes(&self) -> usize {
        self.rows.bytes()
    }

    /// Adds a batch's rows: which partitions they belong to, and their order keys.
    pub fn place(&mut self, batch: &RecordBatch) -> Result<()> {
        let count = batch.num_rows();
        let partition_by =
            self.program.partition_by.iter().map(|expr| evaluate(expr, batch)).collect::<Result<Vec<_>>>()?;
        let mut cuts = self.partitions.find(&partition_by, count)?;
        let order_by =
            self.program.order_by.iter().map(|sort| evaluate(&sort.expr, batch)).collect::<Result<Vec<_>>>()?;
        let peers = if self.program.needs_peers() { self.peer_groups(&order_by, &cuts, count)? } else { Vec::new() };
        let (keys, nulls) = match (self.program.needs_keys(), order_by.as_slice()) {
            (true, [key]) => (ascending(key, self.program.order_by[0].options.descending)?, key.logical_nulls()),
            _ => (Vec::new(), None),
        };
        let mut row = 0;
        cuts.push(count);
        for cut in cuts {
            while row < cut {
                let null = nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
                let alike = |next: &usize| nulls.as_ref().is_some_and(|nulls| nulls.is_null(*next)) == null;
                let end = match &nulls {
                    None => cut,
                    Some(_) => row + (row..cut).take_while(alike).count(),
                };
                let keys = keys.get(row..end).unwrap_or_default();
                if !null {
                    self.note(keys)?;
                }
                self.rows.extend(end - row, keys, null, peers.get(row..end).unwrap_or_default());
                row = end;
            }
            if cut < count {
                self.rows.begin_partition();
                self.last_key = None;
            }
        }
        Ok(())
    }

    /// Remembers the last of consecutive keys of a partition; an error if the keys contradict what the input declares.
    fn note(&mut self, keys: &[i64]) -> Result<()> {
        let ascends = self.last_key.iter().chain(keys).is_sorted_by(|a, b| a < b);
        if self.program.distinct && !ascends {
            let key = &self.program.order_by[0].expr;
            return exec_err!(
                "{key} is declared distinct within its partition, but has the same value twice or descends"
            );
        }
        self.last_key = keys.last().copied().or(self.last_key);
        Ok(())
    }

    fn peer_groups(&mut self, order_by: &[ArrayRef], cuts: &[usize], count: usize) -> Result<Vec<i64>> {
        let mut starts = self.peers.find(order_by, count)?;
        starts.extend(cuts);
        starts.sort_unstable();
        let mut starts = starts.into_iter().peekable();
        Ok((0..count)
            .map(|row| {
                while starts.next_if_eq(&row).is_some() {
                    self.peer_group += 1;
                }
                self.peer_group
            })
            .collect())
    }
}
