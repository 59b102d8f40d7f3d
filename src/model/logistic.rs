//! Logistic regression with an L2 penalty, by Newton's method.
//!
//! Minimises `sum of weight · log loss + l2_reg / 2 · |coefficients|²` without a penalty on the intercept. In: standardised columns and
//! labels. A pass over the rows computes the gradient and the second derivatives together, block by block, so that a block is read from
//! memory once. With few features the step solves the normal equations; with many it is approximated by conjugate gradients (Nocedal
//! and Wright, Numerical Optimization, 2006, section 7.1), whose cost and memory grow with the number of features and not with its
//! square. Newton's steps shrink quadratically near the minimum, so a step that is small says how near the minimum is. See
//! docs/decisions/logistic.md.

use super::cholesky::{Cholesky, start};
use super::exponential::exp;
use super::gram::{Gram, dots, sum};
use super::stripes::{BLOCK, blocks, stripes};

/// A step below this share of a coefficient, or below this number where the coefficient is below 1, is the last: what is left after
/// it is about its square.
const LAST_STEP: f64 = 1e-7;

/// A slope per unit of weight that is rounding: nothing is gained by a further step.
const FLAT: f64 = 1e-13;

/// A step along which the slope may turn upwards by this share of its first slope at most; otherwise it is shortened.
const OVERSHOOT: f64 = 0.5;

/// With more features than this, conjugate gradients approximate the step.
const MOST_SOLVED: usize = 128;

/// The most products of the second derivatives with a vector for one step.
const MOST_PRODUCTS: usize = 200;

/// What is added to the second derivatives, as a share of the largest, where rounding hides that they are definite.
const DAMPING: f64 = 1e-9;

/// Rows and the penalty.
#[derive(Debug, Clone, Copy)]
pub struct Problem<'a> {
    /// Standardised features.
    pub columns: &'a [Vec<f64>],
    pub labels: &'a [bool],
    /// How much each row counts, above 0; `None` if each counts once.
    pub weights: Option<&'a [f64]>,
    pub l2_reg: f64,
}

/// A fitted regression: the log-odds of a positive are `intercept + coefficients · features`.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    pub intercept: f64,
    pub coefficients: Vec<f64>,
    /// Whether a further step would still be long, although the slope is gone: larger coefficients fit even better.
    pub unbounded: bool,
    /// The passes over the rows.
    pub passes: u64,
}

/// Why there is no fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// A feature is a combination of others, and there is no penalty to tell them apart.
    Collinear,
    /// Larger coefficients always fit better, and there is no penalty to stop them.
    Separable,
    NotConverged,
}

/// A point's slopes, and its second derivatives.
#[derive(Debug)]
struct Here {
    /// With the penalty.
    slopes: Vec<f64>,
    curvature: Curvature,
}

#[derive(Debug)]
enum Curvature {
    /// The matrix with the penalty, as a lower triangle.
    Matrix(Vec<f64>),
    /// The second derivative of each row's loss by its log-odds.
    OfRows(Vec<f64>),
}

impl Problem<'_> {
    /// Returns the minimum.
    ///
    /// # Errors
    /// There is no minimum, or `max_iterations` passes over the rows do not reach it.
    pub fn fit(&self, max_iterations: u64) -> Result<Fitted, Failure> {
        let total = self.weights.map_or(self.labels.len() as f64, sum);
        let mut point = vec![0.0; self.columns.len() + 1];
        *self.intercept(&mut point) = self.log_odds();
        let (mut here, mut passes) = (self.at(&point), 1);
        let first = largest(&here.slopes);
        loop {
            let flat = largest(&here.slopes) <= FLAT * total;
            let step = self.step(&here, first, passes == 1)?;
            let is_small =
                |share: f64| step.iter().zip(&point).all(|(step, at)| step.abs() <= share * at.abs().max(1.0));
            let last = is_small(LAST_STEP);
            if last || flat {
                let unbounded = !is_small(LAST_STEP.sqrt());
                if unbounded && self.l2_reg == 0.0 {
                    return Err(Failure::Separable);
                }
                if last {
                    point = moved(&point, &step, 1.0);
                }
                let intercept = *self.intercept(&mut point);
                point.pop();
                return Ok(Fitted { intercept, coefficients: point, unbounded, passes });
            }
            // The function is convex: where its slope along the step is still negative, or nearly 0, it has fallen.
            let slope = dot(&here.slopes, &step);
            let mut length = 1.0;
            here = loop {
                if passes >= max_iterations {
                    return Err(Failure::NotConverged);
                }
                let next = self.at(&moved(&point, &step, length));
                passes += 1;
                let then = dot(&next.slopes, &step);
                if then <= OVERSHOOT * slope.abs() {
                    break next;
                }
                // Where a straight line between the two slopes is 0; a slope that is not a number halves the step.
                let zero = slope / (slope - then);
                length *= if zero > 0.1 { zero } else { 0.5 };
            };
            point = moved(&point, &step, length);
        }
    }

    /// Returns the log-odds of the share of positives: the minimum where the coefficients are 0.
    fn log_odds(&self) -> f64 {
        let (mut positives, mut all) = (0.0, 0.0);
        for (row, &label) in self.labels.iter().enumerate() {
            let weight = self.weights.map_or(1.0, |weights| weights[row]);
            all += weight;
            positives += if label { weight } else { 0.0 };
        }
        libm::log(positives / (all - positives))
    }

    fn intercept<'p>(&self, point: &'p mut [f64]) -> &'p mut f64 {
        &mut point[self.columns.len()]
    }

    fn at(&self, point: &[f64]) -> Here {
        let size = point.len();
        let solved = self.columns.len() <= MOST_SOLVED;
        let parts = stripes(self.labels.len(), |stripe| {
            let mut gram = Gram::empty(if solved { size } else { 0 });
            let (mut slopes, mut of_rows) = (vec![0.0; size], Vec::new());
            let mut columns = Vec::with_capacity(self.columns.len());
            for rows in blocks(stripe) {
                columns.clear();
                columns.extend(self.columns.iter().map(|column| &column[rows.clone()]));
                let weights = self.weights.map(|weights| &weights[rows.clone()]);
                let (errors, curvatures) = losses(&columns, &self.labels[rows.clone()], weights, point);
                let (errors, curvatures) = (&errors[..rows.len()], &curvatures[..rows.len()]);
                if solved {
                    gram.add(&columns, Some(curvatures), errors);
                } else {
                    dots(errors, &columns, &mut slopes);
                    slopes[size - 1] += sum(errors);
                    of_rows.extend_from_slice(curvatures);
                }
            }
            (gram, slopes, of_rows)
        });
        let (mut slopes, mut matrix) = (vec![0.0; size], Gram::empty(if solved { size } else { 0 }));
        let mut of_rows = Vec::new();
        for (gram, part, rows) in parts {
            matrix.merge(&gram);
            slopes.iter_mut().zip(&part).for_each(|(sum, more)| *sum += more);
            of_rows.extend(rows);
        }
        if solved {
            slopes = matrix.right;
        }
        for (feature, at) in point[..size - 1].iter().enumerate() {
            slopes[feature] += self.l2_reg * at;
            if solved {
                matrix.products[start(feature) + feature] += self.l2_reg;
            }
        }
        let curvature = if solved { Curvature::Matrix(matrix.products) } else { Curvature::OfRows(of_rows) };
        Here { slopes, curvature }
    }

    /// Returns the step to the minimum of the second-order approximation.
    fn step(&self, here: &Here, first: f64, is_first: bool) -> Result<Vec<f64>, Failure> {
        let down: Vec<f64> = here.slopes.iter().map(|slope| -slope).collect();
        let matrix = match &here.curvature {
            Curvature::OfRows(curvatures) => return Ok(self.conjugate_gradients(curvatures, &down, first)),
            Curvature::Matrix(matrix) => matrix,
        };
        let size = down.len();
        if let Some(solved) = Cholesky::of(matrix.clone(), size) {
            return Ok(solved.solve(&down));
        }
        if is_first && self.l2_reg == 0.0 {
            return Err(Failure::Collinear);
        }
        let greatest = (0..size).map(|row| matrix[start(row) + row]).fold(f64::MIN_POSITIVE, f64::max);
        let mut damping = DAMPING * greatest;
        while damping.is_finite() {
            let mut damped = matrix.clone();
            (0..size).for_each(|row| damped[start(row) + row] += damping);
            if let Some(solved) = Cholesky::of(damped, size) {
                return Ok(solved.solve(&down));
            }
            damping *= 100.0;
        }
        Err(Failure::NotConverged)
    }

    /// Approximates the solution of `H x = down`, the better the nearer the minimum is.
    fn conjugate_gradients(&self, curvatures: &[f64], down: &[f64], first: f64) -> Vec<f64> {
        let mut solution = vec![0.0; down.len()];
        let mut residual = down.to_vec();
        let mut direction = residual.clone();
        let mut square = dot(&residual, &residual);
        let share = (largest(down) / first.max(f64::MIN_POSITIVE)).min(0.01);
        let enough = square * share * share;
        for _ in 0..MOST_PRODUCTS.min(2 * down.len()) {
            let product = self.product(curvatures, &direction);
            let bend = dot(&direction, &product);
            if square <= enough || bend.is_nan() || bend <= 0.0 {
                break;
            }
            let length = square / bend;
            solution = moved(&solution, &direction, length);
            residual = moved(&residual, &product, -length);
            let before = std::mem::replace(&mut square, dot(&residual, &residual));
            direction = moved(&residual, &direction, square / before);
        }
        solution
    }

    /// Returns the product of the second derivatives with a vector.
    fn product(&self, curvatures: &[f64], vector: &[f64]) -> Vec<f64> {
        let last = vector.len() - 1;
        let parts = stripes(self.labels.len(), |stripe| {
            let mut product = vec![0.0; vector.len()];
            let mut columns = Vec::with_capacity(self.columns.len());
            for rows in blocks(stripe) {
                columns.clear();
                columns.extend(self.columns.iter().map(|column| &column[rows.clone()]));
                let mut sums = sums(&columns, vector, rows.len());
                sums.iter_mut().zip(&curvatures[rows.clone()]).for_each(|(sum, curvature)| *sum *= curvature);
                dots(&sums[..rows.len()], &columns, &mut product);
                product[last] += sum(&sums[..rows.len()]);
            }
            product
        });
        let mut product: Vec<f64> = vector.iter().map(|value| self.l2_reg * value).collect();
        product[last] = 0.0;
        parts.iter().for_each(|part| product.iter_mut().zip(part).for_each(|(sum, more)| *sum += more));
        product
    }
}

/// Returns the weighted sum of a block's columns plus the last weight.
fn sums(columns: &[&[f64]], point: &[f64], rows: usize) -> [f64; BLOCK] {
    let mut sums = [point[columns.len()]; BLOCK];
    for (column, &coefficient) in columns.iter().zip(point) {
        sums[..rows].iter_mut().zip(*column).for_each(|(sum, value)| *sum += coefficient * value);
    }
    sums
}

/// Returns the first and the second derivative of each row's loss by its log-odds.
fn losses(columns: &[&[f64]], labels: &[bool], weights: Option<&[f64]>, point: &[f64]) -> ([f64; BLOCK], [f64; BLOCK]) {
    let mut errors = sums(columns, point, labels.len());
    let mut curvatures = [0.0; BLOCK];
    for ((error, curvature), &label) in errors.iter_mut().zip(&mut curvatures).zip(labels) {
        // What the model says against the label; computed so that no digits are lost where that is nearly 0.
        let sign = if label { -1.0 } else { 1.0 };
        let against = sign * *error;
        let small = exp(-against.abs());
        let share = 1.0 / (1.0 + small);
        *error = sign * if against > 0.0 { share } else { small * share };
        *curvature = small * share * share;
    }
    if let Some(weights) = weights {
        errors.iter_mut().zip(weights).for_each(|(error, weight)| *error *= weight);
        curvatures.iter_mut().zip(weights).for_each(|(curvature, weight)| *curvature *= weight);
    }
    (errors, curvatures)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn moved(point: &[f64], step: &[f64], length: f64) -> Vec<f64> {
    point.iter().zip(step).map(|(at, step)| at + length * step).collect()
}

/// Returns the largest magnitude; NaN if one is NaN.
fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |largest: f64, value| if value.is_nan() { f64::NAN } else { largest.max(value.abs()) })
}

#[cfg(test)]
mod tests {
    use super::{Failure, Fitted, Problem, largest};

    fn column(rows: i32, times: i32) -> Vec<f64> {
        (0..rows).map(|row| f64::from(row * times % rows) / f64::from(rows) * 2.0 - 0.98).collect()
    }

    fn fit(columns: &[Vec<f64>], labels: &[bool], l2_reg: f64) -> Result<Fitted, Failure> {
        Problem { columns, labels, weights: None, l2_reg }.fit(1000)
    }

    /// The largest slope per row at a fit.
    fn slope(columns: &[Vec<f64>], labels: &[bool], l2_reg: f64, fitted: &Fitted) -> f64 {
        let point = [fitted.coefficients.clone(), vec![fitted.intercept]].concat();
        let here = Problem { columns, labels, weights: None, l2_reg }.at(&point);
        largest(&here.slopes) / labels.len() as f64
    }

    #[test]
    fn a_fit_is_where_the_slopes_vanish_and_otherwise_an_error() {
        let columns = [column(50, 7919), column(50, 13)];
        let labels: Vec<bool> = (0..50).map(|row| row % 3 == 0).collect();
        for l2_reg in [0.0, 0.1, 1.0, 1e3, 1e8] {
            let fitted = fit(&columns, &labels, l2_reg).unwrap();
            assert!(slope(&columns, &labels, l2_reg, &fitted) < 1e-15, "{l2_reg}: {fitted:?}");
            let off = Fitted { intercept: fitted.intercept + 0.1, ..fitted };
            assert!(slope(&columns, &labels, l2_reg, &off) > 0.01);
        }
        let problem = Problem { columns: &columns, labels: &labels, weights: None, l2_reg: 0.1 };
        assert_eq!(problem.fit(1), Err(Failure::NotConverged));
    }

    /// For a penalty that outweighs the rows, a coefficient is the slope at 0 divided by the penalty.
    #[test]
    fn a_large_penalty_converges() {
        let columns = [column(50, 7919)];
        let labels: Vec<bool> = (0..50).map(|row| row % 3 == 0).collect();
        let share = labels.iter().filter(|label| **label).count() as f64 / 50.0;
        let slope = columns[0].iter().zip(&labels).map(|(x, label)| x * (f64::from(u8::from(*label)) - share));
        let slope = slope.sum::<f64>();
        for l2_reg in [1e6, 1e8, 1e12] {
            let fitted = fit(&columns, &labels, l2_reg).unwrap();
            assert!((fitted.coefficients[0] * l2_reg / slope - 1.0).abs() < 1e-4, "{l2_reg}: {fitted:?}");
        }
    }

    #[test]
    fn classes_that_are_apart_have_a_minimum_only_with_a_penalty() {
        let columns = [vec![-1.0, -0.5, 0.5, 1.0]];
        let labels = [false, false, true, true];
        assert_eq!(fit(&columns, &labels, 0.0), Err(Failure::Separable));
        let mut before = 0.0;
        for l2_reg in [1.0, 1e-3, 1e-6, 1e-9] {
            let fitted = fit(&columns, &labels, l2_reg).unwrap();
            assert!(slope(&columns, &labels, l2_reg, &fitted) < 1e-12, "{l2_reg}: {fitted:?}");
            assert!(fitted.coefficients[0] > before, "{l2_reg}: {fitted:?}");
            before = fitted.coefficients[0];
        }
        // The minimum is so flat that rounding hides it.
        assert!(fit(&columns, &labels, 1e-300).unwrap().unbounded);
    }

    #[test]
    fn collinear_columns_share_their_weight_if_there_is_a_penalty() {
        let columns = [column(60, 7), column(60, 7), column(60, 11)];
        let labels: Vec<bool> = (0..60).map(|row| row % 4 == 0).collect();
        assert_eq!(fit(&columns, &labels, 0.0), Err(Failure::Collinear));
        for l2_reg in [1e-12, 1e-6, 1.0] {
            let fitted = fit(&columns, &labels, l2_reg).unwrap();
            let [a, b, _] = fitted.coefficients[..] else { panic!("{fitted:?}") };
            assert!((a - b).abs() < 1e-6 * a.abs(), "{l2_reg}: {fitted:?}");
        }
    }

    #[test]
    fn a_row_of_weight_3_is_three_rows() {
        let (columns, rows) = ([column(40, 7)], 40);
        let labels: Vec<bool> = (0..rows).map(|row| row * 11 % 5 < 2).collect();
        let weights: Vec<f64> = (0..rows).map(|row| f64::from(row % 3 + 1)).collect();
        let weighted = Problem { columns: &columns, labels: &labels, weights: Some(&weights), l2_reg: 0.3 }.fit(100);
        let copies = (0..rows).flat_map(|row| std::iter::repeat_n(row as usize, (row % 3 + 1) as usize));
        let (long, marks): (Vec<f64>, Vec<bool>) = copies.map(|row| (columns[0][row], labels[row])).unzip();
        let (weighted, copied) = (weighted.unwrap(), fit(&[long], &marks, 0.3).unwrap());
        assert!((weighted.coefficients[0] - copied.coefficients[0]).abs() < 1e-14, "{weighted:?} {copied:?}");
        assert!((weighted.intercept - copied.intercept).abs() < 1e-14);
    }

    #[test]
    fn few_rows_converge_too() {
        for rows in 2..10 {
            let column: Vec<f64> = (0..rows).map(|row| f64::from(row) - f64::from(rows) / 2.0).collect();
            let labels: Vec<bool> = (0..rows).map(|row| row % 2 == 1).collect();
            fit(&[column], &labels, 0.01).unwrap_or_else(|error| panic!("{rows} rows: {error:?}"));
        }
    }
}
