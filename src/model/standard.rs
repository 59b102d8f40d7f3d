//! Standardisation: mean 0 and standard deviation 1 over the training rows, as scikit-learn's StandardScaler.

/// A column's mean and population standard deviation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Standard {
    pub mean: f64,
    /// Greater than 0. If a column is constant, the scale is 1, so that the column becomes 0 everywhere.
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
        if is_rounding(variance, mean, rows) {
            return Standard { mean, scale: 1.0 };
        }
        Standard { mean, scale: variance.sqrt() }
    }

    /// Returns the value of a column that holds one value, apart from rounding; `None` if its values differ.
    pub fn constant(column: &[f64]) -> Option<f64> {
        let standard = Standard::of(column);
        let differs = column.iter().any(|value| value != &column[0]);
        let variance = || column.iter().map(|value| (value - standard.mean).powi(2)).sum::<f64>() / column.len() as f64;
        (!differs || is_rounding(variance(), standard.mean, column.len() as f64)).then_some(standard.mean)
    }

    /// Returns the value in standard deviations from the mean.
    pub fn apply(&self, value: f64) -> f64 {
        (value - self.mean) / self.scale
    }
}

/// Returns whether values vary by no more than rounding, by the rule of scikit-learn 1.9.1 (`_is_constant_feature`).
fn is_rounding(variance: f64, mean: f64, rows: f64) -> bool {
    variance.is_finite() && variance <= rows * f64::EPSILON * variance + (rows * mean * f64::EPSILON).powi(2)
}

#[cfg(test)]
mod tests {
    use super::Standard;

    #[test]
    fn values_that_differ_by_rounding_are_one_value() {
        let column = [0.1 + 0.2, 0.3, 0.3];
        assert_eq!(Standard::of(&column).scale, 1.0);
        assert!((Standard::constant(&column).unwrap() - 0.3).abs() < 1e-15);
        assert_eq!(Standard::constant(&[5.0, 5.0]), Some(5.0));
        assert_eq!(Standard::constant(&[1e-150, 2e-150]), None);
        assert_eq!(Standard::constant(&[1e9, 1e9 + 1e-3]), None);
        assert_eq!(Standard::constant(&[1e300, -1e300]), None);
    }

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
