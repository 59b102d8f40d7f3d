//! Logistic regression with an L2 penalty, trained by linfa-logistic.
//!
//! Minimises `sum of log losses + l2_reg / 2 · |coefficients|²`, the intercept unpenalised: scikit-learn's
//! `LogisticRegression(C = 1 / l2_reg)`.

use linfa::Dataset;
use linfa::traits::Fit;
use linfa_logistic::LogisticRegression;
use ndarray::{Array1, Array2};

use super::Error;

/// A fitted regression: the log-odds of a positive are `intercept + coefficients · features`.
#[derive(Debug, Clone, PartialEq)]
pub struct Logistic {
    pub intercept: f64,
    pub coefficients: Vec<f64>,
}

/// Fits a regression on standardised features, one column each.
///
/// # Errors
/// A failed optimisation, or one that had not converged after `max_iterations`.
pub fn fit(columns: &[Vec<f64>], labels: &[bool], l2_reg: f64, max_iterations: u64) -> Result<Logistic, Error> {
    let records = Array2::from_shape_fn((labels.len(), columns.len()), |(row, column)| columns[column][row]);
    let dataset = Dataset::new(records, Array1::from(labels.to_vec()));
    let fitted = LogisticRegression::default()
        .alpha(l2_reg)
        .gradient_tolerance(TOLERANCE)
        .max_iterations(max_iterations)
        .fit(&dataset)?;
    // linfa calls the more frequent class positive: its scores are then 1 - p.
    let sign = if fitted.labels().pos.class { 1.0 } else { -1.0 };
    let fitted = Logistic {
        intercept: sign * fitted.intercept(),
        coefficients: fitted.params().iter().map(|coefficient| sign * coefficient).collect(),
    };
    // linfa does not say whether it converged or ran out of iterations.
    if steepest(&fitted, columns, labels, l2_reg) > CONVERGED * labels.len() as f64 {
        return Err(Error::NotConverged { iterations: max_iterations });
    }
    Ok(fitted)
}

/// The norm of the gradient at which linfa stops.
const TOLERANCE: f64 = 1e-6;

/// The steepest slope a row at which a fit counts as converged.
const CONVERGED: f64 = 1e-7;

/// Returns the largest component of the objective's gradient.
fn steepest(fitted: &Logistic, columns: &[Vec<f64>], labels: &[bool], l2_reg: f64) -> f64 {
    let mut gradient: Vec<f64> = fitted.coefficients.iter().map(|coefficient| l2_reg * coefficient).collect();
    gradient.push(0.0);
    for (row, &label) in labels.iter().enumerate() {
        let terms = fitted.coefficients.iter().zip(columns).map(|(coefficient, column)| coefficient * column[row]);
        let log_odds = fitted.intercept + terms.sum::<f64>();
        let error = 1.0 / (1.0 + (-log_odds).exp()) - f64::from(u8::from(label));
        for (component, column) in gradient.iter_mut().zip(columns) {
            *component += error * column[row];
        }
        gradient[columns.len()] += error;
    }
    gradient.iter().fold(0.0, |steepest, component| component.abs().max(steepest))
}
