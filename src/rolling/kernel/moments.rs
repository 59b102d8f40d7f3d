//! Count, sum, mean and variance of a frame, from the running totals at its ends.
//!
//! In: doubles and their validity. Out: for any range of rows, the exact sum and sum of squares, rounded at the end. Totals
//! are integers in units of a power of two chosen from the data: 128 bits for values, 256 bits for squares. They may wrap
//! around; that is harmless, because only their differences are read. Data with a wider range of exponents uses
//! `WideTotals`. NaN and infinities are counted separately, so they leave together with the frame that they were in.

use super::exact::{COUNT_BITS, Parts, Rounded, U256, extent, mean, scaled};
use super::non_finite::NonFinite;
use super::ring::Ring;
use super::wide::WideTotals;

/// The largest number of bits between the unit and the lowest bit of the largest mantissa that still leaves room for
/// `2^COUNT_BITS` rows.
const MAX_SHIFT: i32 = 127 - COUNT_BITS - 53;

/// Which totals to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Powers {
    Values,
    ValuesAndSquares,
}

/// The running totals of one column.
#[derive(Debug)]
pub struct Moments {
    powers: Powers,
    /// The values that frames can still read; 0 for those that are NULL or not finite.
    values: Ring<f64>,
    counts: Ring<u32>,
    non_finite: Option<Ring<NonFinite>>,
    unit: Option<i32>,
    sums: Ring<i128>,
    squares: Ring<U256>,
    wide: Option<WideTotals>,
    /// While wide: once values before this position are gone, the narrow form may be enough again.
    retry_at: usize,
}

impl Moments {
    pub fn new(powers: Powers) -> Self {
        let mut moments = Moments {
            powers,
            values: Ring::starting_at(0),
            counts: Ring::starting_at(0),
            non_finite: None,
            unit: None,
            sums: Ring::starting_at(0),
            squares: Ring::starting_at(0),
            wide: None,
            retry_at: 0,
        };
        moments.counts.push(0);
        moments.sums.push(0);
        moments.squares.push(U256::ZERO);
        moments
    }

    /// Adds rows; `valid` is absent if none is NULL.
    pub fn extend(&mut self, values: &[f64], valid: Option<&[bool]>) {
        let from = self.values.end();
        let mut count = self.counts.last().unwrap_or(0);
        match valid {
            None => self.counts.extend((1..=values.len()).map(|row| count.wrapping_add(row as u32))),
            Some(valid) => self.counts.extend(valid.iter().map(|valid| {
                count = count.wrapping_add(u32::from(*valid));
                count
            })),
        }
        let is_valid = |row: usize| valid.is_none_or(|valid| valid[row]);
        if values.iter().enumerate().any(|(row, value)| !value.is_finite() && is_valid(row)) {
            self.start_counting_non_finite(from);
        }
        if let Some(ring) = &mut self.non_finite {
            let mut seen = ring.last().unwrap_or_default();
            ring.extend(values.iter().enumerate().map(|(row, value)| {
                if is_valid(row) {
                    seen.note(*value);
                }
                seen
            }));
        }
        self.values.extend(
            values.iter().enumerate().map(|(row, value)| if value.is_finite() && is_valid(row) { *value } else { 0.0 }),
        );
        self.total_from(from);
    }

    fn start_counting_non_finite(&mut self, rows: usize) {
        if self.non_finite.is_none() {
            let base = self.counts.base();
            let mut ring = Ring::starting_at(base);
            ring.extend(std::iter::repeat_n(NonFinite::default(), rows + 1 - base));
            self.non_finite = Some(ring);
        }
    }

    /// Extends the totals to all values; those from `from` on are new.
    fn total_from(&mut self, from: usize) {
        if self.wide.is_some() {
            if self.values.base() >= self.retry_at {
                self.rebuild();
            } else {
                self.total_wide(from);
            }
            return;
        }
        let unit = self.unit.unwrap_or(i32::MAX);
        let fits = match self.powers {
            Powers::Values => self.total_narrow::<false>(from, unit),
            Powers::ValuesAndSquares => self.total_narrow::<true>(from, unit),
        };
        if !fits {
            self.rebuild();
        }
    }

    /// Adds values to the narrow totals; returns false if one does not fit and the totals must be rebuilt.
    fn total_narrow<const SQUARES: bool>(&mut self, from: usize, unit: i32) -> bool {
        let mut sum = self.sums.last().unwrap_or(0);
        let mut square = self.squares.last().unwrap_or(U256::ZERO);
        for value in &self.values.live()[from - self.values.base()..] {
            if *value != 0.0 {
                let parts = Parts::of(*value);
                let mut mantissa = parts.mantissa;
                let mut shift = parts.exponent.wrapping_sub(unit);
                if !(0..=MAX_SHIFT).contains(&shift) {
                    let zeros = mantissa.trailing_zeros() as i32;
                    if shift > MAX_SHIFT || shift + zeros < 0 {
                        return false;
                    }
                    mantissa >>= -shift;
                    shift = 0;
                }
                let term = i128::from(mantissa) << shift;
                sum = sum.wrapping_add(if parts.negative { -term } else { term });
                if SQUARES {
                    let product = u128::from(mantissa) * u128::from(mantissa);
                    square = square.plus(U256::shifted(product, 2 * shift as u32));
                }
            }
            self.sums.push(sum);
            if SQUARES {
                self.squares.push(square);
            }
        }
        true
    }

    fn total_wide(&mut self, from: usize) {
        let values = &self.values.live()[from - self.values.base()..];
        let (lowest, highest) = extent(values.iter().copied()).unwrap_or((0, 0));
        match &mut self.wide {
            Some(wide) if lowest == highest || wide.fits(lowest, highest) => {
                values.iter().for_each(|value| wide.push(*value));
            }
            _ => self.rebuild(),
        }
    }

    /// Chooses the units again from the values held, and recomputes every total.
    fn rebuild(&mut self) {
        let base = self.values.base();
        let (lowest, highest) = extent(self.values.live().iter().copied()).unwrap_or((-64, -64));
        let slack = 127 - COUNT_BITS - (highest - lowest);
        self.wide = None;
        self.sums = Ring::starting_at(base);
        self.squares = Ring::starting_at(base);
        self.retry_at = self.values.end();
        if slack >= 0 {
            let unit = lowest - slack / 2;
            self.unit = Some(unit);
            self.sums.push(0);
            self.squares.push(U256::ZERO);
            let fits = match self.powers {
                Powers::Values => self.total_narrow::<false>(base, unit),
                Powers::ValuesAndSquares => self.total_narrow::<true>(base, unit),
            };
            if fits {
                return;
            }
            self.sums = Ring::starting_at(base);
            self.squares = Ring::starting_at(base);
        }
        let mut wide = WideTotals::new(lowest, highest, base);
        self.values.live().iter().for_each(|value| wide.push(*value));
        self.wide = Some(wide);
    }

    /// Forgets rows before `position`.
    pub fn release(&mut self, position: usize) {
        self.values.release(position);
        self.counts.release(position);
        if let Some(ring) = &mut self.non_finite {
            ring.release(position);
        }
        match &mut self.wide {
            Some(wide) => wide.release(position),
            None => {
                self.sums.release(position);
                if self.powers == Powers::ValuesAndSquares {
                    self.squares.release(position);
                }
            }
        }
    }

    /// Returns the bytes of memory held.
    pub fn bytes(&self) -> usize {
        self.values.bytes()
            + self.counts.bytes()
            + self.sums.bytes()
            + self.squares.bytes()
            + self.non_finite.as_ref().map_or(0, Ring::bytes)
            + self.wide.as_ref().map_or(0, WideTotals::bytes)
    }

    /// Returns how many values of a range are not NULL.
    #[inline]
    pub fn count(&self, start: usize, end: usize) -> u32 {
        self.counts.at(end).wrapping_sub(self.counts.at(start))
    }

    /// Returns the sum of a range that contains NaN or infinities; `None` if all its values are finite.
    #[inline]
    fn non_finite_sum(&self, start: usize, end: usize) -> Option<f64> {
        let ring = self.non_finite.as_ref()?;
        ring.at(end).sum_since(ring.at(start))
    }

    #[inline]
    fn exact_sum(&self, start: usize, end: usize) -> (bool, Rounded) {
        match &self.wide {
            None => {
                let sum = self.sums.at(end).wrapping_sub(self.sums.at(start));
                (sum < 0, Rounded::from_u128(sum.unsigned_abs(), self.unit.unwrap_or(0)))
            }
            Some(wide) => wide.sum(start, end),
        }
    }

    /// Returns `count * sum of squares - square of the sum`, never negative.
    #[inline]
    fn exact_spread(&self, start: usize, end: usize, count: u32) -> Rounded {
        match &self.wide {
            None => {
                let sum = self.sums.at(end).wrapping_sub(self.sums.at(start)).unsigned_abs();
                let squares = self.squares.at(end).minus(self.squares.at(start));
                let spread = squares.times(u64::from(count)).minus(U256::product(sum, sum));
                Rounded::from_u256(spread, 2 * self.unit.unwrap_or(0))
            }
            Some(wide) => wide.spread(start, end, count),
        }
    }

    /// Returns the sum over a range, correctly rounded; `None` if every value in it is NULL.
    #[inline]
    pub fn sum(&self, start: usize, end: usize) -> Option<f64> {
        if self.count(start, end) == 0 {
            return None;
        }
        self.non_finite_sum(start, end).or_else(|| {
            let (negative, sum) = self.exact_sum(start, end);
            Some(signed(negative, scaled(sum.mantissa, sum.exponent)))
        })
    }

    /// Returns the mean over a range, correctly rounded; `None` if every value in it is NULL.
    #[inline]
    pub fn mean(&self, start: usize, end: usize) -> Option<f64> {
        let count = self.count(start, end);
        if count == 0 {
            return None;
        }
        self.non_finite_sum(start, end).or_else(|| {
            Some(match &self.wide {
                None => {
                    let sum = self.sums.at(end).wrapping_sub(self.sums.at(start));
                    signed(sum < 0, mean(sum.unsigned_abs(), count, self.unit.unwrap_or(0)))
                }
                Some(wide) => wide.mean(start, end, count),
            })
        })
    }

    /// Returns the variance over a range: of a sample, `None` if fewer than two values; of a population, `None` if there is
    /// none.
    #[inline]
    pub fn variance<const SAMPLE: bool, const ROOT: bool>(&self, start: usize, end: usize) -> Option<f64> {
        let count = self.count(start, end);
        if count < 1 + u32::from(SAMPLE) {
            return None;
        }
        if self.non_finite_sum(start, end).is_some() {
            return Some(f64::NAN);
        }
        let spread = self.exact_spread(start, end, count);
        let divisor = f64::from(count) * f64::from(count - u32::from(SAMPLE));
        Some(if ROOT { spread.root_of_quotient(divisor) } else { spread.divided_by(divisor) })
    }
}

#[inline]
fn signed(negative: bool, magnitude: f64) -> f64 {
    if negative { -magnitude } else { magnitude }
}
