//! Mean, standard deviation and skewness of numbers that come in batches.
//!
//! Each batch is centred on its own mean, and batches are joined by the formulas of Pébay (Sandia report SAND2008-6212), so that numbers
//! far from 0 keep their digits.

/// Sums of powers of the differences to the mean.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Moments {
    pub count: f64,
    mean: f64,
    second: f64,
    third: f64,
}

impl Moments {
    /// Computes the moments of finite numbers.
    pub fn of(numbers: &[f64]) -> Moments {
        let Some(first) = numbers.first() else { return Moments::default() };
        let count = numbers.len() as f64;
        // Numbers that are all the same have exactly their own mean.
        let mean = first + numbers.iter().map(|number| number - first).sum::<f64>() / count;
        let (mut second, mut third) = (0.0, 0.0);
        for number in numbers {
            let difference = number - mean;
            second += difference * difference;
            third += difference * difference * difference;
        }
        Moments { count, mean, second, third }
    }

    pub fn merge(&mut self, other: &Moments) {
        if other.count == 0.0 {
            return;
        }
        if self.count == 0.0 {
            *self = *other;
            return;
        }
        let (a, b) = (self.count, other.count);
        let count = a + b;
        let delta = other.mean - self.mean;
        let product = delta * delta * a * b / count;
        self.third += other.third
            + product * delta * (a - b) / count
            + 3.0 * delta * (a * other.second - b * self.second) / count;
        self.second += other.second + product;
        self.mean += delta * b / count;
        self.count = count;
    }

    pub fn mean(&self) -> Option<f64> {
        (self.count > 0.0).then_some(self.mean).filter(|mean| mean.is_finite())
    }

    /// Returns the sample standard deviation; `None` if there are fewer than two numbers.
    pub fn std(&self) -> Option<f64> {
        (self.count > 1.0).then(|| (self.second / (self.count - 1.0)).sqrt()).filter(|std| std.is_finite())
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
    use super::Moments;

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
