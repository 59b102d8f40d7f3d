//! The largest gap of a frame.
//!
//! In: times as integers. Out: for each frame, the largest difference between consecutive times in it.

use super::bounds::Frames;
use super::counts::Counts;
use super::extremum::{Extremum, Ordered, Which};
use super::pointer::Pointer;

/// The gaps of one column of times.
#[derive(Debug, Default)]
pub struct Gaps {
    last: Option<i64>,
    counts: Counts,
    /// The gap that ends at each row.
    gaps: Ordered,
}

/// What a scan over moving frames remembers.
#[derive(Debug)]
pub struct GapScan {
    behind: Pointer,
    extremum: Extremum,
    frames: Frames,
}

impl GapScan {
    /// Returns the bytes of memory held.
    pub fn bytes(&self) -> usize {
        self.extremum.bytes() + (self.frames.start.capacity() + self.frames.end.capacity()) * size_of::<usize>()
    }
}

impl Default for GapScan {
    fn default() -> Self {
        let extremum = Extremum::new(Which::Greatest, false);
        GapScan { behind: Pointer::default(), extremum, frames: Frames::default() }
    }
}

impl Gaps {
    /// Adds rows; `valid` is absent if none is NULL.
    pub fn extend(&mut self, times: &[i64], valid: Option<&[bool]>) {
        self.counts.extend(valid, times.len());
        let mut gaps = vec![0; times.len()];
        let mut has_gap = vec![false; times.len()];
        for (row, time) in times.iter().enumerate() {
            if valid.is_none_or(|valid| valid[row])
                && let Some(last) = self.last.replace(*time)
            {
                gaps[row] = i64::try_from(time.abs_diff(last)).unwrap_or(i64::MAX);
                has_gap[row] = true;
            }
        }
        self.gaps.extend(&gaps, Some(&has_gap));
    }

    /// Forgets rows before `position`.
    pub fn release(&mut self, position: usize) {
        self.counts.release(position);
        self.gaps.release(position);
    }

    /// Returns the bytes of memory held.
    pub fn bytes(&self) -> usize {
        self.counts.bytes() + self.gaps.bytes()
    }

    /// Calls `emit` with each frame's largest gap, at most `i64::MAX`; `None` if there are fewer than two times.
    pub fn greatest(&self, scan: &mut GapScan, frames: &Frames, emit: impl FnMut(Option<i64>)) {
        scan.frames.end.clone_from(&frames.end);
        scan.frames.start.clear();
        for (start, end) in frames.start.iter().zip(&frames.end) {
            // The first time of the frame ends a gap that began before the frame.
            let from = self.counts.before(*start);
            scan.frames.start.push(scan.behind.seek(*start, *end, |position| self.counts.before(position) != from));
        }
        scan.extremum.advance(&self.gaps, &scan.frames, emit);
    }
}

#[cfg(test)]
mod tests {
    use super::{Frames, GapScan, Gaps};

    #[test]
    fn only_gaps_within_the_frame_count() {
        let mut gaps = Gaps::default();
        gaps.extend(&[0, 50, 0, 53], Some(&[true, true, false, true]));
        gaps.extend(&[51, i64::MIN], None);
        let mut scan = GapScan::default();
        let mut found = Vec::new();
        let frames = Frames { start: vec![0, 0, 1, 1, 2, 4], end: vec![1, 2, 3, 5, 5, 6] };
        gaps.greatest(&mut scan, &frames, |gap| found.push(gap));
        assert_eq!(found, [None, Some(50), None, Some(3), Some(2), Some(i64::MAX)]);
    }
}
