//! Systems of linear equations with a symmetric positive definite matrix, solved by a Cholesky decomposition.
//!
//! Columns that are standardised make the normal equations of a regression well conditioned, and the penalty makes them definite.

/// A pivot below this share of its diagonal element is rounding: the column is a combination of the ones before it.
const ROUNDING: f64 = 1e-12;

/// The decomposition of a matrix.
#[derive(Debug, Clone, PartialEq)]
pub struct Cholesky {
    /// The lower triangle, row by row.
    lower: Vec<f64>,
    size: usize,
}

/// Returns where a row of a lower triangle begins.
pub fn start(row: usize) -> usize {
    row * (row + 1) / 2
}

impl Cholesky {
    /// Decomposes a matrix, given as its lower triangle row by row; `None` if it is not definite, apart from rounding. A row of
    /// zeros makes the solution 0 there.
    pub fn of(mut lower: Vec<f64>, size: usize) -> Option<Cholesky> {
        for row in 0..size {
            let (before, own) = lower.split_at_mut(start(row));
            let diagonal = own[row];
            if diagonal == 0.0 {
                own[row] = 1.0;
                continue;
            }
            for column in 0..=row {
                let known = if column < row { &before[start(column)..start(column) + column] } else { &[] };
                if column < row {
                    own[column] = (own[column] - dot(&own[..column], known)) / before[start(column) + column];
                } else {
                    let pivot = diagonal - dot(&own[..row], &own[..row]);
                    if !(pivot.is_finite() && pivot > ROUNDING * diagonal) {
                        return None;
                    }
                    own[row] = pivot.sqrt();
                }
            }
        }
        Some(Cholesky { lower, size })
    }

    /// Solves the equations for a right side.
    pub fn solve(&self, right: &[f64]) -> Vec<f64> {
        let mut solution = right.to_vec();
        for row in 0..self.size {
            let own = &self.lower[start(row)..];
            solution[row] = (solution[row] - dot(&own[..row], &solution[..row])) / own[row];
        }
        for row in (0..self.size).rev() {
            let below = (row + 1..self.size).map(|below| self.lower[start(below) + row] * solution[below]);
            let known: f64 = below.sum();
            solution[row] = (solution[row] - known) / self.lower[start(row) + row];
        }
        solution
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::Cholesky;

    #[test]
    fn the_solution_solves_the_equations() {
        let matrix = [4.0, 2.0, 5.0, -1.0, 0.5, 3.0];
        let solution = Cholesky::of(matrix.to_vec(), 3).unwrap().solve(&[1.0, 2.0, 3.0]);
        let full = [[4.0, 2.0, -1.0], [2.0, 5.0, 0.5], [-1.0, 0.5, 3.0]];
        for (row, right) in full.iter().zip([1.0, 2.0, 3.0]) {
            let left: f64 = row.iter().zip(&solution).map(|(a, b)| a * b).sum();
            assert!((left - right).abs() < 1e-14, "{solution:?}");
        }
    }

    #[test]
    fn collinear_columns_are_not_definite_and_a_row_of_zeros_is_left_out() {
        assert_eq!(Cholesky::of(vec![1.0, 2.0, 4.0], 2), None);
        assert_eq!(Cholesky::of(vec![1.0, f64::NAN, 4.0], 2), None);
        assert_eq!(Cholesky::of(vec![0.0, 0.0, 4.0], 2).unwrap().solve(&[0.0, 5.0]), [0.0, 1.25]);
    }
}
