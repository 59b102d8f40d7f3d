//! Count, sum, mean and variance of all rows since a partition began, in memory that does not grow with the partition.
//!
//! In: doubles, one after another. Out: after each, the same figures as [`super::moments`] has for a frame, to the last bit,
//! because both are exact until they are rounded. No row leaves such a frame, so nothing must be subtracted. So one total is
//! enough, while sliding frames need a total at every row.

use super::bounds::Frames;
use super::exact::{Parts, Rounded, multiply_limbs, place, scaled, subtract_limbs, take_magnitude};
use super::non_finite::NonFinite;
use super::ratio::ratio;
use super::ring::Ring;

/// The bits in a limb.
const LIMB: i32 = 64;

/// Extra limbs above those of the last term, for its carry and the sign; they have room for 2^128 terms.
const HEADROOM: usize = 4;

/// An exact number in fixed point that widens as needed: two's complement, in units of `2^(64 * lowest)`.
#[derive(Debug, Clone, Default)]
struct WideNumber {
    limbs: Vec<u64>,
    lowest: i32,
}

impl WideNumber {
    fn clear(&mut self) {
        self.limbs.fill(0);
    }

    /// Adds `±mantissa * 2^exponent`; the mantissa has at most 106 bits.
    fn add(&mut self, negative: bool, mantissa: u128, exponent: i32) {
        if mantissa == 0 {
            return;
        }
        let position = self.make_room(exponent.div_euclid(LIMB));
        let mut term = [0; 3];
        place(mantissa, exponent.rem_euclid(LIMB) as u32, &mut term);
        let mut carry = false;
        for (index, limb) in self.limbs[position..].iter_mut().enumerate() {
            let part = term.get(index).copied().unwrap_or(0);
            if index >= term.len() && !carry {
                break;
            }
            let (first, over) = if negative { limb.overflowing_sub(part) } else { limb.overflowing_add(part) };
            let (second, again) = match negative {
                true => first.overflowing_sub(u64::from(carry)),
                false => first.overflowing_add(u64::from(carry)),
            };
            *limb = second;
            carry = over || again;
        }
    }

    /// Returns the index of the limb for `2^(64 * place)`; makes room above it if needed.
    fn make_room(&mut self, place: i32) -> usize {
        if self.limbs.is_empty() {
            self.lowest = place;
        }
        if place < self.lowest {
            let missing = (self.lowest - place) as usize;
            self.limbs.splice(0..0, std::iter::repeat_n(0, missing));
            self.lowest = place;
        }
        let position = (place - self.lowest) as usize;
        let sign = self.limbs.last().map_or(0, |last| if last >> 63 == 1 { u64::MAX } else { 0 });
        self.limbs.resize(self.limbs.len().max(position + HEADROOM), sign);
        position
    }

    /// Returns whether the number is negative, and its magnitude without leading zeros.
    fn magnitude(&self) -> (bool, Vec<u64>) {
        let mut limbs = self.limbs.clone();
        let negative = take_magnitude(&mut limbs);
        limbs.truncate(limbs.iter().rposition(|limb| *limb != 0).map_or(0, |last| last + 1));
        (negative, limbs)
    }
}

/// The totals of one column since its partition began.
#[derive(Debug, Default)]
pub struct Cumulative {
    count: u64,
    non_finite: NonFinite,
    sum: WideNumber,
    squares: WideNumber,
}

impl Cumulative {
    /// Begins another partition.
    pub fn clear(&mut self) {
        let Cumulative { mut sum, mut squares, .. } = std::mem::take(self);
        sum.clear();
        squares.clear();
        (self.sum, self.squares) = (sum, squares);
    }

    /// Adds a value, and its square if `SQUARES` is true.
    pub fn push<const SQUARES: bool>(&mut self, value: f64) {
        self.count += 1;
        self.non_finite.note(value);
        if !value.is_finite() {
            return;
        }
        let Parts { negative, mantissa, exponent } = Parts::of(value);
        let mantissa = u128::from(mantissa);
        self.sum.add(negative, mantissa, exponent);
        if SQUARES {
            self.squares.add(false, mantissa * mantissa, 2 * exponent);
        }
    }

    /// Returns the sum if a value was NaN or infinite; otherwise `None`.
    fn non_finite(&self) -> Option<f64> {
        self.non_finite.sum_since(NonFinite::default())
    }

    /// Returns the sum, correctly rounded; `None` if there was no value.
    pub fn sum(&self) -> Option<f64> {
        (self.count > 0).then(|| {
            self.non_finite().unwrap_or_else(|| {
                let (negative, magnitude) = self.sum.magnitude();
                let sum = Rounded::from_limbs(&magnitude, LIMB * self.sum.lowest);
                signed(negative, scaled(sum.mantissa, sum.exponent))
            })
        })
    }

    /// Returns the mean, correctly rounded; `None` if there was no value.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| {
            self.non_finite().unwrap_or_else(|| {
                let (negative, magnitude) = self.sum.magnitude();
                signed(negative, ratio(&magnitude, &[self.count], LIMB * self.sum.lowest))
            })
        })
    }

    /// Returns the variance: of a sample, `None` below two values; of a population, `None` below one.
    pub fn variance<const SAMPLE: bool, const ROOT: bool>(&self) -> Option<f64> {
        if self.count < 1 + u64::from(SAMPLE) {
            return None;
        }
        if self.non_finite().is_some() {
            return Some(f64::NAN);
        }
        let spread = self.spread();
        let divisor = self.count as f64 * (self.count - u64::from(SAMPLE)) as f64;
        Some(if ROOT { spread.root_of_quotient(divisor) } else { spread.divided_by(divisor) })
    }

    /// Returns `count * sum of squares - square of the sum`, never negative.
    fn spread(&self) -> Rounded {
        let (_, sum) = self.sum.magnitude();
        let mut square = vec![0; 2 * sum.len()];
        multiply_limbs(&sum, &sum, &mut square);
        let mut spread = vec![0; self.squares.limbs.len() + 1];
        multiply_limbs(&[self.count], &self.squares.limbs, &mut spread);
        // Both are brought to the lower of the two units; the longer one then differs only by leading zeros.
        let (of_square, of_spread) = (2 * self.sum.lowest, self.squares.lowest);
        let lowest = of_square.min(of_spread);
        let lengthened = |limbs: Vec<u64>, by: i32| -> Vec<u64> {
            std::iter::repeat_n(0, by.unsigned_abs() as usize).chain(limbs).collect()
        };
        let square = lengthened(square, of_square - lowest);
        let mut spread = lengthened(spread, of_spread - lowest);
        spread.resize(spread.len().max(square.len()), 0);
        subtract_limbs(&mut spread, &square);
        Rounded::from_limbs(&spread, LIMB * lowest)
    }

    /// Returns the bytes of memory held.
    pub fn bytes(&self) -> usize {
        (self.sum.limbs.capacity() + self.squares.limbs.capacity()) * size_of::<u64>()
    }
}

fn signed(negative: bool, magnitude: f64) -> f64 {
    if negative { -magnitude } else { magnitude }
}

/// Values of a column that are not in the running totals yet.
#[derive(Debug)]
pub struct NewValues {
    values: Ring<f64>,
    valid: Ring<bool>,
}

impl Default for NewValues {
    fn default() -> Self {
        NewValues { values: Ring::starting_at(0), valid: Ring::starting_at(0) }
    }
}

impl NewValues {
    /// Adds rows; `valid` is absent if none is NULL.
    pub fn extend(&mut self, values: &[f64], valid: Option<&[bool]>) {
        self.values.extend(values.iter().copied());
        self.valid.extend((0..values.len()).map(|row| valid.is_none_or(|valid| valid[row])));
    }

    /// Forgets rows before `position`.
    pub fn release(&mut self, position: usize) {
        self.values.release(position);
        self.valid.release(position);
    }

    /// Returns the bytes of memory held.
    pub fn bytes(&self) -> usize {
        self.values.bytes() + self.valid.bytes()
    }
}

/// The running totals of one partition after another.
#[derive(Debug, Default)]
pub struct RunningTotals {
    totals: Cumulative,
    start: usize,
    entered: usize,
}

impl RunningTotals {
    /// Calls `emit` with a figure of each frame; all frames of a partition must begin at the partition's first row.
    pub fn advance<const SQUARES: bool>(
        &mut self,
        column: &NewValues,
        frames: &Frames,
        figure: impl Fn(&Cumulative) -> Option<f64>,
        mut emit: impl FnMut(Option<f64>),
    ) {
        for (start, end) in frames.start.iter().zip(&frames.end) {
            if *start != self.start {
                self.totals.clear();
                (self.start, self.entered) = (*start, *start);
            }
            for position in self.entered..*end {
                if column.valid.at(position) {
                    self.totals.push::<SQUARES>(column.values.at(position));
                }
            }
            self.entered = self.entered.max(*end);
            emit(figure(&self.totals));
        }
    }

    /// Returns the bytes of memory held.
    pub fn bytes(&self) -> usize {
        self.totals.bytes()
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::super::moments::{Moments, Powers};
    use super::Cumulative;

    /// Compares every figure after each value with the figure from running totals, which are exact too.
    fn assert_same(values: &[f64]) {
        let mut moments = Moments::new(Powers::ValuesAndSquares);
        moments.extend(values, None);
        let mut cumulative = Cumulative::default();
        for (row, value) in values.iter().enumerate() {
            cumulative.push::<true>(*value);
            let end = row + 1;
            let bits = |value: Option<f64>| value.map(f64::to_bits);
            assert_eq!(bits(cumulative.sum()), bits(moments.sum(0, end)), "sum of {end} of {values:?}");
            assert_eq!(bits(cumulative.mean()), bits(moments.mean(0, end)), "mean of {end} of {values:?}");
            let sample = (cumulative.variance::<true, false>(), moments.variance::<true, false>(0, end));
            assert_eq!(bits(sample.0), bits(sample.1), "variance of {end} of {values:?}");
            let root = (cumulative.variance::<false, true>(), moments.variance::<false, true>(0, end));
            assert_eq!(bits(root.0), bits(root.1), "deviation of {end} of {values:?}");
        }
    }

    #[test]
    fn figures_are_those_of_running_totals() {
        let mut random = StdRng::seed_from_u64(7);
        for magnitude in [1, 20, 300, 900] {
            for _ in 0..20 {
                let values: Vec<f64> = (0..40)
                    .map(|_| random.random_range(-1.0..1.0) * 2f64.powi(random.random_range(-magnitude..=magnitude)))
                    .collect();
                assert_same(&values);
            }
        }
        assert_same(&[0.1, -0.1, 0.0, 0.1, 1e300, -1e300, 5e-324, -5e-324, 0.1]);
        assert_same(&[0.25; 9]);
    }

    #[test]
    fn a_cleared_total_is_a_new_one() {
        let mut used = Cumulative::default();
        [1e300, f64::NAN, -1e-300].into_iter().for_each(|value| used.push::<true>(value));
        used.clear();
        assert_eq!(used.sum(), None);
        for value in [1.5, -2.5, 4.0] {
            used.push::<true>(value);
        }
        assert_eq!((used.sum(), used.mean()), (Some(3.0), Some(1.0)));
        assert_eq!(used.variance::<true, false>(), Some(10.75));
    }

    #[test]
    fn what_is_not_finite_stays() {
        let mut total = Cumulative::default();
        total.push::<false>(1.0);
        total.push::<false>(f64::INFINITY);
        assert_eq!(total.sum(), Some(f64::INFINITY));
        total.push::<false>(f64::NEG_INFINITY);
        assert!(total.mean().is_some_and(f64::is_nan));
        assert!(total.variance::<true, true>().is_some_and(f64::is_nan));
    }
}
