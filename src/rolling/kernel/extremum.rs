//! The smallest and the largest value of a frame.
//!
//! In: values as integers in their order, and frames that only move forward. Out: the smallest (or largest) value of each
//! frame. A queue holds the candidates; when the smallest value is sought, each is smaller than those after it. A row takes
//! amortised constant time.

use std::collections::VecDeque;

use super::bounds::Frames;
use super::ring::Ring;

/// The values of one column, as integers in their order.
#[derive(Debug)]
pub struct Ordered {
    keys: Ring<i64>,
    valid: Ring<bool>,
}

/// Which end of the order to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    Least,
    Greatest,
}

/// The candidates of one frame definition.
#[derive(Debug)]
pub struct Extremum {
    which: Which,
    candidates: VecDeque<(usize, i64)>,
    entered: usize,
    /// Whether all rows leave together, so that one candidate is enough.
    cumulative: bool,
}

impl Ordered {
    pub fn new() -> Self {
        Ordered { keys: Ring::starting_at(0), valid: Ring::starting_at(0) }
    }

    /// Adds rows; `valid` is absent if none is NULL.
    pub fn extend(&mut self, keys: &[i64], valid: Option<&[bool]>) {
        self.keys.extend(keys.iter().copied());
        match valid {
            Some(valid) => self.valid.extend(valid.iter().copied()),
            None => self.valid.extend(std::iter::repeat_n(true, keys.len())),
        }
    }

    /// Returns the value at an absolute position, whose row must be held; `None` if it is NULL.
    #[inline]
    pub fn key(&self, position: usize) -> Option<i64> {
        self.valid.at(position).then(|| self.keys.at(position))
    }

    /// Forgets rows before `position`.
    pub fn release(&mut self, position: usize) {
        self.keys.release(position);
        self.valid.release(position);
    }

    /// Returns the bytes of memory held.
    pub fn bytes(&self) -> usize {
        self.keys.bytes() + self.valid.bytes()
    }
}

impl Default for Ordered {
    fn default() -> Self {
        Ordered::new()
    }
}

impl Extremum {
    /// Prepares for frames; `cumulative` says that all frames of a partition begin at its first row.
    pub fn new(which: Which, cumulative: bool) -> Self {
        Extremum { which, candidates: VecDeque::new(), entered: 0, cumulative }
    }

    /// Calls `emit` with each frame's extremum, or `None` if every value is NULL.
    pub fn advance(&mut self, column: &Ordered, frames: &Frames, mut emit: impl FnMut(Option<i64>)) {
        match self.which {
            Which::Least => self.run(column, frames, |key| key, &mut emit),
            Which::Greatest => self.run(column, frames, |key| !key, &mut emit),
        }
    }

    fn run(
        &mut self,
        column: &Ordered,
        frames: &Frames,
        order: impl Fn(i64) -> i64,
        emit: &mut impl FnMut(Option<i64>),
    ) {
        let (base, keys, valid) = (column.keys.base(), column.keys.live(), column.valid.live());
        for (start, end) in frames.start.iter().zip(&frames.end) {
            while self.candidates.front().is_some_and(|(position, _)| position < start) {
                self.candidates.pop_front();
            }
            self.entered = self.entered.max(*start);
            while self.entered < *end {
                let position = self.entered;
                if valid[position - base] {
                    let key = order(keys[position - base]);
                    while self.candidates.back().is_some_and(|(_, last)| *last >= key) {
                        self.candidates.pop_back();
                    }
                    if !self.cumulative || self.candidates.is_empty() {
                        self.candidates.push_back((position, key));
                    }
                }
                self.entered += 1;
            }
            emit(self.candidates.front().map(|(_, key)| order(*key)));
        }
    }

    /// Returns the bytes of memory held.
    pub fn bytes(&self) -> usize {
        self.candidates.capacity() * size_of::<(usize, i64)>()
    }
}
