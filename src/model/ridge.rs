//! Ridge regression in closed form: the normal equations in one pass over the rows, solved by a Cholesky decomposition. See
//! docs/decisions/ridge.md.

use super::cholesky::{Cholesky, start};
use super::gram::Gram;
use super::stripes::{BLOCK, blocks, stripes};

/// An intercept, and a coefficient for each column.
#[derive(Debug, Clone, PartialEq)]
pub struct Ridge {
    pub intercept: f64,
    pub coefficients: Vec<f64>,
}

impl Ridge {
    /// Minimises `sum of weight · (target - intercept - columns · coefficients)² + penalty · |coefficients|²`; `None` if columns are
    /// collinear and the penalty does not tell them apart. A column of zeros gets the coefficient 0. Without weights, each row
    /// counts once.
    pub fn fit(columns: &[Vec<f64>], weights: Option<&[f64]>, target: &[f64], penalty: f64) -> Option<Ridge> {
        let size = columns.len() + 1;
        let parts = stripes(target.len(), |stripe| {
            let mut gram = Gram::empty(size);
            let mut weighted = [0.0; BLOCK];
            for rows in blocks(stripe) {
                let columns: Vec<&[f64]> = columns.iter().map(|column| &column[rows.clone()]).collect();
                let weights = weights.map(|weights| &weights[rows.clone()]);
                let weighted = &mut weighted[..rows.len()];
                weighted.copy_from_slice(&target[rows.clone()]);
                if let Some(weights) = weights {
                    weighted.iter_mut().zip(weights).for_each(|(target, weight)| *target *= weight);
                }
                gram.add(&columns, weights, weighted);
            }
            gram
        });
        let mut gram = Gram::empty(size);
        parts.iter().for_each(|part| gram.merge(part));
        for feature in 0..columns.len() {
            gram.products[start(feature) + feature] += penalty;
        }
        let mut solution = Cholesky::of(gram.products, size)?.solve(&gram.right);
        let intercept = solution.pop()?;
        Some(Ridge { intercept, coefficients: solution })
    }

    /// Takes from each target what the regression predicts, so that the residuals are left.
    pub fn subtract(&self, columns: &[Vec<f64>], target: &mut [f64]) {
        for (block, target) in target.chunks_mut(BLOCK).enumerate() {
            target.iter_mut().for_each(|value| *value -= self.intercept);
            for (coefficient, column) in self.coefficients.iter().zip(columns) {
                let values = &column[block * BLOCK..];
                target.iter_mut().zip(values).for_each(|(residual, value)| *residual -= coefficient * value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Ridge;

    #[test]
    fn the_gradient_vanishes_at_the_coefficients() {
        let columns: Vec<Vec<f64>> =
            (1..4).map(|k| (0..40).map(|row| f64::from(row * (7 + 6 * k) % 40) / 20.0 - 0.9).collect()).collect();
        let target: Vec<f64> = (0..40).map(|row| f64::from(row * row % 17)).collect();
        let some: Vec<f64> = (0..40).map(|row| f64::from(row % 3) + 0.5).collect();
        for (penalty, weights) in [(0.0, None), (0.5, None), (1e6, None), (0.0, Some(&some)), (2.0, Some(&some))] {
            let weights = weights.map(Vec::as_slice);
            let found = Ridge::fit(&columns, weights, &target, penalty).unwrap();
            let mut residuals = target.clone();
            found.subtract(&columns, &mut residuals);
            let weighted =
                residuals.iter().enumerate().map(|(row, residual)| weights.map_or(1.0, |w| w[row]) * residual);
            let weighted: Vec<f64> = weighted.collect();
            for (column, coefficient) in columns.iter().zip(&found.coefficients) {
                let slope: f64 = column.iter().zip(&weighted).map(|(x, e)| x * e).sum::<f64>() - penalty * coefficient;
                assert!(slope.abs() < 1e-9, "{penalty}: {slope}");
            }
            assert!(weighted.iter().sum::<f64>().abs() < 1e-9, "the intercept has no penalty");
        }
    }

    #[test]
    fn collinear_columns_need_a_penalty() {
        let column = vec![-1.0, 0.0, 1.0];
        let twice = vec![-2.0, 0.0, 2.0];
        let target = [0.0, 1.0, 5.0];
        assert_eq!(Ridge::fit(&[column.clone(), twice.clone()], None, &target, 0.0), None);
        assert!(Ridge::fit(&[column.clone(), twice], None, &target, 1.0).is_some());
        let found = Ridge::fit(&[vec![0.0; 3], column], None, &target, 0.0).unwrap();
        assert!(found.coefficients[0] == 0.0 && (found.coefficients[1] - 2.5).abs() < 1e-12, "{found:?}");
        assert!((found.intercept - 2.0).abs() < 1e-12, "{found:?}");
    }
}
