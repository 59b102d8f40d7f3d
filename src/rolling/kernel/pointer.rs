//! A position that moves forward with the frames.
//!
//! In: frames whose ends only move forward, and a condition that says where to stop in each. Out: that position, in
//! amortised constant time per row.

/// A position that only moves forward.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pointer(usize);

impl Pointer {
    /// Moves to the first position of `start..end` at which `stop` holds, or to `end`.
    ///
    /// Positions that were passed for an earlier frame must also be passed for this one.
    #[inline]
    pub fn seek(&mut self, start: usize, end: usize, stop: impl Fn(usize) -> bool) -> usize {
        let mut position = self.0.max(start);
        while position < end && !stop(position) {
            position += 1;
        }
        self.0 = position;
        position
    }
}

#[cfg(test)]
mod tests {
    use super::Pointer;

    #[test]
    fn it_stops_where_told_and_never_goes_back() {
        let mut pointer = Pointer::default();
        assert_eq!(pointer.seek(0, 10, |position| position >= 4), 4);
        assert_eq!(pointer.seek(2, 10, |position| position >= 3), 4, "3 was passed");
        assert_eq!(pointer.seek(6, 10, |_| true), 6, "a frame that starts later");
        assert_eq!(pointer.seek(6, 10, |_| false), 10);
    }
}
