//! Mean, standard deviation and skewness of numbers that come in batches.
//!
//! Each batch is centred on its own mean, and batches are joined by the formulas of Pébay (Sandia report SAND2008-6212). `origin.rs` says
//! how the numbers are measured.

use super::origin::{Origin, power_of, scaled, whole_difference};

/// Sums of powers of the differences to the mean.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Moments {
    pub count: f64,
    origin: Origin,
    /// Two to this power is the unit of the sums.
    power: i32,
    /// The mean less the origin.
    mean: f64,
    second: f64,
    third: f64,
}

impl Moments {
    /// Computes the moments of finite numbers.
    pub fn of(numbers: &[f64]) -> Moments {
        let Some(first) = numbers.first() else { return Moments::default() };
        let power = power_of(numbers.iter().fold(0.0, |largest, number| f64::max(largest, number.abs())));
        let origin = scaled(*first, -power);
        let from_origin = |number: &f64| scaled(*number, -power) - origin;
        Moments { power, ..Moments::around(Origin::Number(*first), numbers.iter().map(from_origin)) }
    }

    /// Computes the moments of whole numbers.
    pub fn of_whole(numbers: &[i128]) -> Moments {
        let Some(first) = numbers.first() else { return Moments::default() };
        Moments::around(Origin::Whole(*first), numbers.iter().map(|number| whole_difference(*number, *first)))
    }

    /// Computes the moments of numbers that are given by their differences to the origin.
    fn around(origin: Origin, differences: impl ExactSizeIterator<Item = f64> + Clone) -> Moments {
        let count = differences.len() as f64;
        // Numbers that are all the same have exactly their own mean.
        let mean = differences.clone().sum::<f64>() / count;
        let (mut rest, mut second, mut third) = (0.0, 0.0, 0.0);
        for difference in differences {
            let difference = difference - mean;
            rest += difference;
            second += difference * difference;
            third += difference * difference * difference;
        }
        // What the first pass rounded.
        let shift = rest / count;
        third += shift * (2.0 * rest * shift - 3.0 * second);
        second -= rest * shift;
        Moments { count, origin, power: 0, mean: mean + shift, second, third }
    }

    /// Returns the same moments in another unit, which must not be smaller.
    fn in_unit(self, power: i32) -> Moments {
        let by = self.power - power;
        Moments {
            power,
            mean: scaled(self.mean, by),
            second: scaled(self.second, 2 * by),
            third: scaled(self.third, 3 * by),
            ..self
        }
    }

    pub fn merge(&mut self, other: &Moments) {
        if other.count == 0.0 {
            return;
        }
        if self.count == 0.0 {
            *self = *other;
            return;
        }
        let power = self.power.max(other.power);
        *self = self.in_unit(power);
        let other = other.in_unit(power);
        let (a, b) = (self.count, other.count);
        let count = a + b;
        let delta = other.origin.less(self.origin, power) + (other.mean - self.mean);
        let product = delta * delta * a * b / count;
        self.third += other.third
            + product * delta * (a - b) / count
            + 3.0 * delta * (a * other.second - b * self.second) / count;
        self.second += other.second + product;
        self.mean += delta * b / count;
        self.count = count;
    }

    pub fn mean(&self) -> Option<f64> {
        let mean = match self.origin {
            Origin::Number(origin) => scaled(scaled(origin, -self.power) + self.mean, self.power),
            // A DOUBLE holds the whole number without rounding.
            Origin::Whole(origin) if origin.unsigned_abs() <= 1 << 53 => origin as f64 + self.mean,
            Origin::Whole(origin) => {
                let whole = self.mean.round();
                origin.saturating_add(whole as i128) as f64 + (self.mean - whole)
            }
        };
        (self.count > 0.0).then_some(mean).filter(|mean| mean.is_finite())
    }

    /// Returns the sample standard deviation; `None` if there are fewer than two numbers.
    pub fn std(&self) -> Option<f64> {
        let std = || scaled((self.second / (self.count - 1.0)).sqrt(), self.power);
        (self.count > 1.0).then(std).filter(|std| std.is_finite())
    }

    /// Returns the adjusted Fisher-Pearson skewness, as pandas does; `None` if there are fewer than three numbers or all are the same.
    pub fn skewness(&self) -> Option<f64> {
        if self.count < 3.0 || self.second <= 0.0 {
            return None;
        }
        let plain = self.count.sqrt() * self.third / self.second.powf(1.5);
        Some(plain * (self.count * (self.count - 1.0)).sqrt() / (self.count - 2.0))
            .filter(|skewness| skewness.is_finite())
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::SQRT_2;

    use super::Moments;

    /// Checks mean, standard deviation and skewness, however the numbers are divided into two batches.
    fn check<T: Copy + std::fmt::Debug>(of: fn(&[T]) -> Moments, numbers: &[T], expected: [f64; 3]) {
        for at in 0..=numbers.len() {
            let mut moments = of(&numbers[..at]);
            moments.merge(&of(&numbers[at..]));
            let found = [moments.mean(), moments.std(), moments.skewness()].map(Option::unwrap);
            let std = expected[1];
            for (found, (expected, unit)) in found.into_iter().zip(expected.into_iter().zip([std, std, 1.0])) {
                // The smallest numbers have few digits.
                let allowed = 1e-12 * expected.abs().max(unit) + 5e-324;
                assert!((found - expected).abs() <= allowed, "{numbers:?} at {at}: {found:e}, not {expected:e}");
            }
        }
    }

    /// The expected numbers are those of Python's `fractions`, which are exact until the last step.
    #[test]
    fn whole_numbers_beyond_the_precision_of_a_double_keep_their_digits() {
        let large = 1_i128 << 60;
        let expected = [1.152_921_504_606_847e18, 3.095_695_936_834_452, 1.137_624_366_957_688_9];
        check(Moments::of_whole, &[large, large + 1, large + 3, large + 7], expected);
        let (least, most) = (i128::from(i64::MIN), i128::from(i64::MAX));
        check(Moments::of_whole, &[least, most, 0, 1], [0.0, 7.530_851_732_716_321e18, 0.0]);
        // The difference is beyond 128 bits.
        let largest = 10_i128.pow(38) - 1;
        check(Moments::of_whole, &[largest, -largest, 5], [5.0 / 3.0, 1e38, 0.0]);
    }

    #[test]
    fn squares_neither_overflow_nor_vanish() {
        let shape = [2.333_333_333_333_333_3, 1.527_525_231_651_946_7];
        for unit in [1e-300, 1e-200, 1e-150, 1e100, 1e200, 1e300] {
            let [mean, std] = shape.map(|figure| figure * unit);
            check(Moments::of, &[unit, 2.0 * unit, 4.0 * unit], [mean, std, 0.935_219_529_582_824_5]);
        }
        check(Moments::of, &[5e-324, 1e-323, 4e-323, 0.0], [1.5e-323, 2e-323, 1.696_386_799_329_131_5]);
        check(Moments::of, &[0.0, 0.0, 1e-200, 3e-200], [1e-200, SQRT_2 * 1e-200, SQRT_2]);
        let expected = [8.25e307, 1.683_993_269_978_634_3e308, -1.995_330_670_504_369];
        check(Moments::of, &[1.7e308, -1.7e308, 1.7e308, 1.6e308], expected);
        check(Moments::of, &[1e200, 1.0, 2.0, 1e-200], [2.5e199, 5e199, 2.0]);
    }

    /// The expected numbers are computed from the definitions, in Python.
    #[test]
    fn the_moments_are_the_same_however_the_numbers_are_divided() {
        let numbers = [1.0, 2.0, 4.0, 8.0, 16.0];
        for at in 0..=numbers.len() {
            let mut moments = Moments::of(&numbers[..at]);
            moments.merge(&Moments::of(&numbers[at..]));
            let found = [moments.mean(), moments.std(), moments.skewness()].map(Option::unwrap);
            for (found, expected) in found.into_iter().zip([6.2, 6.099_180_272_790_763, 1.325_314_709_813_404_8]) {
                assert!((found - expected).abs() < 1e-9, "{at}: {found}, not {expected}");
            }
        }
    }

    #[test]
    fn far_from_zero_the_digits_are_kept() {
        let mut moments = Moments::of(&[1e9, 1e9 + 1e-3]);
        moments.merge(&Moments::of(&[1e9 + 2e-3]));
        assert!((moments.std().unwrap() - 1e-3).abs() < 1e-7, "{moments:?}");
        assert_eq!(Moments::of(&[0.1; 7]).std(), Some(0.0));
        assert_eq!(Moments::of(&[]).mean(), None);
    }
}
