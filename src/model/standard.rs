//! Standardisation: mean 0 and standard deviation 1 over the training rows, as scikit-learn's StandardScaler.

use super::gram::{dots, sum};
use super::stripes::{BLOCK, stripes};

/// A column's mean and population standard deviation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Standard {
    pub mean: f64,
    /// Greater than 0. If a column is constant, the scale is 1, so that the column becomes 0 everywhere.
    pub scale: f64,
}

impl Standard {
    /// Measures a column of finite values, in two passes; `None` as scale if it holds one value, apart from rounding.
    ///
    /// # Panics
    /// When the column is empty.
    fn measure(column: &[f64]) -> (f64, Option<f64>) {
        assert!(!column.is_empty(), "an empty column has no mean");
        let rows = column.len() as f64;
        let parts = stripes(column.len(), |stripe| {
            let part = &column[stripe];
            (sum(part), part.iter().all(|value| value == &column[0]))
        });
        if parts.iter().all(|(_, same)| *same) {
            return (column[0], None);
        }
        let guess = parts.iter().map(|(sum, _)| sum).sum::<f64>() / rows;
        let parts = stripes(column.len(), |stripe| deviations(&column[stripe], guess));
        let (off, squares) = parts.iter().fold((0.0, 0.0), |all, part| (all.0 + part.0, all.1 + part.1));
        // What rounding lost in the first pass.
        let mean = guess + off / rows;
        let variance = (squares - off * off / rows) / rows;
        (mean, (!is_rounding(variance, mean, rows)).then(|| variance.sqrt()))
    }

    /// Returns a column's mean and scale.
    ///
    /// # Panics
    /// When the column is empty.
    pub fn of(column: &[f64]) -> Standard {
        let (mean, scale) = Standard::measure(column);
        Standard { mean, scale: scale.unwrap_or(1.0) }
    }

    /// Standardises a column in place. Returns its mean and scale, and whether it holds one value apart from rounding; it is 0
    /// everywhere then.
    ///
    /// # Panics
    /// When the column is empty.
    pub fn standardise(column: &mut [f64]) -> (Standard, bool) {
        let (mean, scale) = Standard::measure(column);
        let standard = Standard { mean, scale: scale.unwrap_or(1.0) };
        match scale {
            Some(_) => column.iter_mut().for_each(|value| *value = standard.apply(*value)),
            None => column.fill(0.0),
        }
        (standard, scale.is_none())
    }

    /// Returns the value in standard deviations from the mean.
    pub fn apply(&self, value: f64) -> f64 {
        (value - self.mean) / self.scale
    }
}

/// Returns the sum of the distances from a value, and that of their squares.
fn deviations(column: &[f64], from: f64) -> (f64, f64) {
    let mut distances = [0.0; BLOCK];
    let (mut off, mut squares) = (0.0, [0.0]);
    for part in column.chunks(BLOCK) {
        let distances = &mut distances[..part.len()];
        distances.iter_mut().zip(part).for_each(|(distance, value)| *distance = value - from);
        off += sum(distances);
        dots(distances, &[distances], &mut squares);
    }
    (off, squares[0])
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
        let mut column = [0.1 + 0.2, 0.3, 0.3];
        let (standard, constant) = Standard::standardise(&mut column);
        assert!(constant && standard.scale == 1.0 && (standard.mean - 0.3).abs() < 1e-15);
        assert_eq!(column, [0.0; 3]);
        let constant = |column: &[f64]| Standard::standardise(&mut column.to_vec()).1;
        assert!(constant(&[5.0, 5.0]));
        assert!(!constant(&[1e-150, 2e-150]));
        assert!(!constant(&[1e9, 1e9 + 1e-3]));
        assert!(!constant(&[1e300, -1e300]));
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
