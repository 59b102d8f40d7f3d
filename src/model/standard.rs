//! Standardisation: mean 0 and standard deviation 1 over the training rows, as scikit-learn's StandardScaler.

/// A column's mean and population standard deviation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Standard {
    pub mean: f64,
    /// Greater than 0. If a column holds one value only, the scale is 1, so that the column becomes 0 everywhere.
    pub scale: f64,
}

impl Standard {
    /// Measures a column of finite values, in two passes.
    ///
    /// # Panics
    /// When the column is empty.
    pub fn of(column: &[f64]) -> Standard {
        assert!(!column.is_empty(), "an empty column has no mean");
        let rows = column.len() as f64;
        let guess = column.iter().sum::<f64>() / rows;
        // The second pass adds what rounding lost in the first.
        let mean = guess + column.iter().map(|value| value - guess).sum::<f64>() / rows;
        if column.iter().all(|value| value == &column[0]) {
            return Standard { mean: column[0], scale: 1.0 };
        }
        let variance = column.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / rows;
        Standard { mean, scale: variance.sqrt() }
    }

    /// Returns the value in standard deviations from the mean.
    pub fn apply(&self, value: f64) -> f64 {
        (value - self.mean) / self.scale
    }
}

#[cfg(test)]
mod tests {
    use super::Standard;

    #[test]
    fn a_column_is_measured_as_a_population() {
        assert_eq!(Standard::of(&[1.0, 3.0]), Standard { mean: 2.0, scale: 1.0 });
        assert_eq!(Standard::of(&[1.0, 3.0]).apply(4.0), 2.0);
    }

    #[test]
    fn a_constant_column_becomes_zero() {
        let standard = Standard::of(&[0.1, 0.1, 0.1]);
        assert_eq!(standard, Standard { mean: 0.1, scale: 1.0 });
        assert_eq!(standard.apply(0.1), 0.0);
    }

    #[test]
    fn a_large_offset_costs_no_digits() {
        let standard = Standard::of(&[1e9 + 1.0, 1e9 + 3.0]);
        assert_eq!(standard, Standard { mean: 1e9 + 2.0, scale: 1.0 });
    }
}
