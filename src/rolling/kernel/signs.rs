//! Changes of a price within a frame: how many there are, and by how much rises outnumber falls.
//!
//! In: prices. Out: for any range of rows, the number of changes, and the mean of their signs by the tick rule (López de Prado 2018, *Advances in
//! Financial Machine Learning*, 2.3.2): a rise counts +1, a fall -1, and an unchanged price repeats the sign before it.

use super::pointer::Pointer;
use super::ring::Ring;

/// Counts of what has come so far: prices, rises and falls among them, prices unlike the one before, NaN prices; and the sum of
/// signs.
#[derive(Debug, Clone, Copy, Default)]
struct Passed {
    prices: u64,
    changes: u64,
    differences: u64,
    undefined: u64,
    signs: i64,
}

/// The signs of one column of prices.
#[derive(Debug)]
pub struct Signs {
    last_price: Option<f64>,
    /// The sign of the last change, or 0.
    sign: i64,
    passed: Ring<Passed>,
}

impl Default for Signs {
    fn default() -> Self {
        let mut passed = Ring::starting_at(0);
        passed.push(Passed::default());
        Signs { last_price: None, sign: 0, passed }
    }
}

impl Signs {
    /// Adds rows; `valid` is absent if none is NULL.
    pub fn extend(&mut self, prices: &[f64], valid: Option<&[bool]>) {
        let mut passed = self.passed.last().unwrap_or_default();
        for (row, price) in prices.iter().enumerate() {
            if valid.is_none_or(|valid| valid[row]) {
                let last = self.last_price.replace(*price).unwrap_or(f64::NAN);
                passed.differences += u64::from(*price != last && !(price.is_nan() && last.is_nan()));
                let change = i64::from(*price > last) - i64::from(*price < last);
                if change != 0 {
                    self.sign = change;
                    passed.changes += 1;
                }
                passed.prices += 1;
                passed.undefined += u64::from(price.is_nan());
                passed.signs += self.sign;
            }
            self.passed.push(passed);
        }
    }

    /// Forgets rows before `position`.
    pub fn release(&mut self, position: usize) {
        self.passed.release(position);
    }

    /// Returns the bytes of memory held.
    pub fn bytes(&self) -> usize {
        self.passed.bytes()
    }

    /// Returns how often the price of a range differs from the one before it in the range. NaN equals NaN only.
    pub fn changes(&self, behind: &mut Pointer, start: usize, end: usize) -> u64 {
        let (from, to) = (self.passed.at(start), self.passed.at(end));
        // The change to the first price of the range began before the range.
        let second = behind.seek(start, end, |position| self.passed.at(position + 1).prices != from.prices);
        if second < end { to.differences - self.passed.at(second + 1).differences } else { 0 }
    }

    /// Returns the mean sign over a range; `None` if no price changes in it, or a price is NaN. Pass the same pointers for
    /// all ranges of one scan.
    pub fn imbalance(&self, [behind, changed]: &mut [Pointer; 2], start: usize, end: usize) -> Option<f64> {
        let (from, to) = (self.passed.at(start), self.passed.at(end));
        if to.undefined != from.undefined {
            return None;
        }
        // The change to the first price of the range began before the range.
        let second = behind.seek(start, end, |position| self.passed.at(position).prices != from.prices);
        // From the first change on, a repeated sign comes from a change in the range.
        let first = changed
            .seek(second, end, |position| self.passed.at(position + 1).changes != self.passed.at(position).changes);
        let before = self.passed.at(first);
        let count = to.prices - before.prices;
        (first < end).then(|| (to.signs - before.signs) as f64 / count as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::{Pointer, Signs};

    fn over(prices: &[f64], ranges: &[(usize, usize)]) -> Vec<Option<f64>> {
        let mut signs = Signs::default();
        signs.extend(prices, None);
        let mut pointers = [Pointer::default(); 2];
        ranges.iter().map(|(start, end)| signs.imbalance(&mut pointers, *start, *end)).collect()
    }

    #[test]
    fn a_price_that_stays_repeats_the_sign_of_the_last_change_in_the_range() {
        let prices = [5.0, 6.0, 6.0, 5.0, 5.0, 5.0, 7.0];
        // All signs: + + - - - +. From the second price on, its rise began outside the range, so nothing counts until the
        // fall.
        let found = over(&prices, &[(0, 1), (0, 7), (1, 3), (1, 5), (1, 7), (3, 6), (6, 7)]);
        assert_eq!(found, [None, Some(0.0), None, Some(-1.0), Some(-0.5), None, None]);
    }

    #[test]
    fn changes_are_counted_within_the_range() {
        let mut signs = Signs::default();
        let valid = [true, true, false, true, true, true, true, true, false];
        signs.extend(&[5.0, 6.0, 0.0, 6.0, f64::NAN, f64::NAN, -0.0, 0.0, 0.0], Some(&valid));
        let mut pointer = Pointer::default();
        let ranges = [(0, 1), (0, 4), (1, 4), (2, 3), (2, 5), (3, 7), (4, 6), (6, 8), (8, 9)];
        let found = ranges.map(|(start, end)| signs.changes(&mut pointer, start, end));
        assert_eq!(found, [0, 1, 0, 0, 1, 2, 0, 0, 0]);
    }

    #[test]
    fn nan_leaves_with_its_frame_and_infinity_is_a_price() {
        let found = over(&[1.0, f64::NAN, 2.0, f64::INFINITY, f64::INFINITY], &[(0, 3), (1, 4), (2, 5)]);
        assert_eq!(found, [None, None, Some(1.0)]);
    }

    #[test]
    fn rows_without_a_price_are_passed_over() {
        let mut signs = Signs::default();
        signs.extend(&[1.0, 9.0, 2.0, 0.0], Some(&[true, false, true, false]));
        assert_eq!(signs.imbalance(&mut Default::default(), 0, 4), Some(1.0));
    }
}
