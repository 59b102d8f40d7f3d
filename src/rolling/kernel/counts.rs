//! How many rows of a range count.
//!
//! In: for each row, whether it counts. Out: for any range of rows, how many count, computed from the totals at its ends.

use super::ring::Ring;

/// For each position, the number of rows before it that count.
#[derive(Debug)]
pub struct Counts(Ring<u64>);

impl Default for Counts {
    fn default() -> Self {
        Counts::after(0)
    }
}

impl Counts {
    /// Begins as if this many rows had counted before; the count of a frame does not depend on it.
    pub fn after(count: u64) -> Self {
        let mut counts = Ring::starting_at(0);
        counts.push(count);
        Counts(counts)
    }

    /// Adds rows; `valid` is absent if all of them count.
    pub fn extend(&mut self, valid: Option<&[bool]>, rows: usize) {
        let mut count = self.0.last().unwrap_or(0);
        match valid {
            None => self.0.extend(count + 1..=count + rows as u64),
            Some(valid) => self.0.extend(valid.iter().map(|valid| {
                count += u64::from(*valid);
                count
            })),
        }
    }

    /// Returns how many rows before a position count.
    #[inline]
    pub fn before(&self, position: usize) -> u64 {
        self.0.at(position)
    }

    /// Returns whether the row at a position counts.
    #[inline]
    pub fn includes(&self, position: usize) -> bool {
        self.before(position + 1) != self.before(position)
    }

    /// Forgets rows before `position`.
    pub fn release(&mut self, position: usize) {
        self.0.release(position);
    }

    /// Returns the bytes of memory held.
    pub fn bytes(&self) -> usize {
        self.0.bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::Counts;

    #[test]
    fn counts_go_on_beyond_32_bits() {
        let mut counts = Counts::after(u64::from(u32::MAX) - 1);
        let from = counts.before(0);
        counts.extend(None, 3);
        counts.extend(Some(&[false, true]), 2);
        assert_eq!((0..=5).map(|position| counts.before(position) - from).collect::<Vec<_>>(), [0, 1, 2, 3, 3, 4]);
        assert!(!counts.includes(3) && counts.includes(4));
    }
}
