//! Ridge regression in closed form: the normal equations, solved by a Cholesky decomposition.
//!
//! Columns that are standardised make the equations well conditioned, and the penalty makes them definite. See
//! docs/decisions/ridge.md.

/// A pivot below this share of its diagonal element is rounding: the column is a combination of the ones before it.
const ROUNDING: f64 = 1e-12;

/// Returns the coefficients that minimise `|target - columns · coefficients|² + penalty · |coefficients|²`; `None` if columns are
/// collinear and the penalty does not tell them apart. A column of zeros gets the coefficient 0.
pub fn ridge(columns: &[Vec<f64>], target: &[f64], penalty: f64) -> Option<Vec<f64>> {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let size = columns.len();
    let mut matrix = vec![vec![0.0; size]; size];
    for row in 0..size {
        for column in 0..=row {
            matrix[row][column] = dot(&columns[row], &columns[column]);
        }
        matrix[row][row] += penalty;
        if matrix[row][row] == 0.0 {
            matrix[row][row] = 1.0;
        }
    }
    let mut solution: Vec<f64> = columns.iter().map(|column| dot(column, target)).collect();
    for row in 0..size {
        let diagonal = matrix[row][row];
        for column in 0..=row {
            let sum = matrix[row][column] - dot(&matrix[row][..column], &matrix[column][..column]);
            if column < row {
                matrix[row][column] = sum / matrix[column][column];
            } else if sum.is_finite() && sum > ROUNDING * diagonal {
                matrix[row][row] = sum.sqrt();
            } else {
                return None;
            }
        }
    }
    for row in 0..size {
        let known = dot(&matrix[row][..row], &solution[..row]);
        solution[row] = (solution[row] - known) / matrix[row][row];
    }
    for row in (0..size).rev() {
        let known: f64 = (row + 1..size).map(|below| matrix[below][row] * solution[below]).sum();
        solution[row] = (solution[row] - known) / matrix[row][row];
    }
    Some(solution)
}

#[cfg(test)]
mod tests {
    use super::ridge;

    #[test]
    fn the_gradient_vanishes_at_the_coefficients() {
        let columns: Vec<Vec<f64>> =
            (1..4).map(|k| (0..40).map(|row| f64::from(row * (7 + 6 * k) % 40) / 20.0 - 0.975).collect()).collect();
        let target: Vec<f64> = (0..40).map(|row| f64::from(row * row % 17)).collect();
        for penalty in [0.0, 0.5, 1e6] {
            let found = ridge(&columns, &target, penalty).unwrap();
            for (column, coefficient) in columns.iter().zip(&found) {
                let residual = |row: usize| target[row] - (0..3).map(|k| found[k] * columns[k][row]).sum::<f64>();
                let slope: f64 = (0..40).map(|row| column[row] * residual(row)).sum::<f64>() - penalty * coefficient;
                assert!(slope.abs() < 1e-9, "{penalty}: {slope}");
            }
        }
    }

    #[test]
    fn collinear_columns_need_a_penalty() {
        let column = vec![-1.0, 0.0, 1.0];
        let twice = vec![-2.0, 0.0, 2.0];
        let target = [0.0, 1.0, 5.0];
        assert_eq!(ridge(&[column.clone(), twice.clone()], &target, 0.0), None);
        assert!(ridge(&[column.clone(), twice], &target, 1.0).is_some());
        let found = ridge(&[vec![0.0; 3], column], &target, 0.0).unwrap();
        assert!(found[0] == 0.0 && (found[1] - 2.5).abs() < 1e-12, "{found:?}");
    }
}
