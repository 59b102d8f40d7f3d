//! `logistic_reg`: logistic regression with an L2 penalty on standardised features, trained by linfa-logistic.
//!
//! Minimises `sum of log losses + l2_reg / 2 · |coefficients|²`, without a penalty on the intercept. This is scikit-learn's
//! `LogisticRegression(C = 1 / l2_reg)` after `StandardScaler`.

use std::sync::Arc;

use linfa::Dataset;
use linfa::traits::Fit;
use linfa_logistic::LogisticRegression;
use ndarray::{Array1, Array2};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Attributions, Model, ModelType, Role, Threshold, Weight};
use crate::model::Error;
use crate::model::linear::{Linear, Term};
use crate::model::onnx::{Exported, Graph};
use crate::model::options::{ModelOption, Options, Range};
use crate::model::standard::Standard;
use crate::model::training::TrainingRows;

const L2_REG: ModelOption = ModelOption {
    name: "l2_reg",
    meaning: "the weight of the penalty on large coefficients: scikit-learn's 1 / C",
    default: 1.0,
    usual: &[0.01, 0.1, 1.0, 10.0, 100.0, 1000.0, 10_000.0],
    range: Range::AtLeast(0.0),
};

const MAX_ITERATIONS: ModelOption = ModelOption {
    name: "max_iterations",
    meaning: "how many steps the optimiser may take",
    default: 1000.0,
    usual: &[],
    range: Range::WholeFrom(1),
};

/// The type.
pub const LOGISTIC_REG: ModelType = ModelType {
    name: "logistic_reg",
    summary: "Logistic regression with an L2 penalty on standardised features",
    formula: "1 / (1 + exp(-(intercept + sum over features of coefficient * (x - mean) / scale)))",
    role: Role::Model,
    gives_probabilities: true,
    threshold: Threshold::Tuned,
    compared: true,
    options: &[L2_REG, MAX_ITERATIONS],
    train: |rows, options| Ok(Arc::new(train(rows, options)?)),
    read: |part| Ok(Arc::new(serde_json::from_value::<LogisticReg>(part)?)),
};

/// The norm of the gradient at which linfa stops.
const TOLERANCE: f64 = 1e-6;

/// The steepest slope per row at which a fit counts as converged.
const CONVERGED: f64 = 1e-7;

/// The sum is the log-odds of a positive.
#[derive(Debug, Serialize, Deserialize)]
struct LogisticReg(Linear);

impl Model for LogisticReg {
    fn features(&self) -> Vec<&str> {
        self.0.names()
    }

    fn score(&self, columns: &[&[f64]]) -> Vec<f64> {
        self.0.sums(columns).iter().map(|log_odds| 1.0 / (1.0 + (-log_odds).exp())).collect()
    }

    fn weights(&self) -> Vec<Weight<'_>> {
        self.0.weights()
    }

    fn onnx(&self) -> Exported<'_> {
        let mut graph = Graph::new(&self.features());
        let log_odds = self.0.onnx(&mut graph);
        let score = graph.probability(&log_odds);
        Exported::Graph(graph, score)
    }

    fn attributions(&self, columns: &[&[f64]]) -> Option<Attributions> {
        Some(self.0.attributions(columns))
    }

    fn fit(&self) -> super::Fit {
        // A fit that did not converge is an error.
        super::Fit { converged: Some(true), ..super::Fit::default() }
    }

    fn part(&self) -> serde_json::Result<Value> {
        serde_json::to_value(self)
    }
}

fn train(rows: TrainingRows, options: &Options) -> Result<LogisticReg, Error> {
    let TrainingRows { features, labels, .. } = rows;
    let (mut terms, mut columns) = (Vec::new(), Vec::new());
    for (feature, mut column) in features {
        if let Some(value) = Standard::constant(&column) {
            return Err(Error::Constant { feature, value });
        }
        terms.push(Term::standardise(feature, &mut column)?);
        columns.push(column);
    }
    let fitted = fit(&columns, &labels, options.number(&L2_REG), options.number(&MAX_ITERATIONS) as u64)?;
    Ok(LogisticReg(Linear::new(fitted.intercept, terms, &fitted.coefficients)))
}

/// A fitted regression: the log-odds of a positive are `intercept + coefficients · features`.
#[derive(Debug, Clone, PartialEq)]
struct Fitted {
    intercept: f64,
    coefficients: Vec<f64>,
}

/// Fits a regression on standardised features, one column per feature.
///
/// # Errors
/// The optimisation failed, or did not converge within `max_iterations`.
fn fit(columns: &[Vec<f64>], labels: &[bool], l2_reg: f64, max_iterations: u64) -> Result<Fitted, Error> {
    let rows = labels.len() as f64;
    // A penalty that outweighs the rows makes the coefficients tiny, and linfa stops before it sees them. With features divided by
    // `stretch` the problem is the same, its coefficients are larger, and the penalty is at most the number of rows.
    let stretch = if l2_reg > rows { (l2_reg / rows).sqrt() } else { 1.0 };
    let records = Array2::from_shape_fn((labels.len(), columns.len()), |(row, column)| columns[column][row] / stretch);
    let dataset = Dataset::new(records, Array1::from(labels.to_vec()));
    let fitted = LogisticRegression::default()
        .alpha(l2_reg / (stretch * stretch))
        .gradient_tolerance(TOLERANCE)
        .max_iterations(max_iterations)
        .fit(&dataset)?;
    // linfa treats the more frequent class as positive. If that is our negative class, its log-odds have the opposite sign.
    let sign = if fitted.labels().pos.class { 1.0 } else { -1.0 };
    let fitted = Fitted {
        intercept: sign * fitted.intercept(),
        coefficients: fitted.params().iter().map(|coefficient| sign * coefficient / stretch).collect(),
    };
    // linfa does not say whether it converged or reached the limit. With few rows it may stop at its own tolerance.
    let converged = (CONVERGED * rows).max(TOLERANCE);
    // The comparison is written so that a NaN slope does not count as converged.
    if steepest(&fitted, columns, labels, l2_reg, stretch) <= converged {
        Ok(fitted)
    } else {
        Err(Error::NotConverged { iterations: max_iterations })
    }
}

/// Returns the largest component of the objective's gradient, for features that are divided by `stretch`; NaN if a component is
/// NaN.
fn steepest(fitted: &Fitted, columns: &[Vec<f64>], labels: &[bool], l2_reg: f64, stretch: f64) -> f64 {
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
    gradient[..columns.len()].iter_mut().for_each(|component| *component /= stretch);
    let steeper = |steepest: f64, component: &f64| {
        if component.is_nan() || steepest.is_nan() { f64::NAN } else { component.abs().max(steepest) }
    };
    gradient.iter().fold(0.0, steeper)
}

#[cfg(test)]
mod tests {
    use super::{Fitted, fit, steepest};
    use crate::model::Error;

    /// The coefficient has the feature's sign, whichever class is more frequent or comes first.
    #[test]
    fn a_positive_is_the_true_label_however_linfa_orders_the_classes() {
        let column: Vec<f64> = vec![-1.5, -1.0, -0.5, 0.5, 1.0, 1.5];
        for positives_from in [1, 3, 5] {
            let labels: Vec<bool> = (0..6).map(|row| row >= positives_from).collect();
            let fitted = fit(std::slice::from_ref(&column), &labels, 1.0, 100).unwrap();
            assert!(fitted.coefficients[0] > 0.0, "{positives_from}: {fitted:?}");
            let reversed: Vec<f64> = column.iter().map(|value| -value).rev().collect();
            let labels: Vec<bool> = labels.iter().rev().copied().collect();
            let fitted = fit(&[reversed], &labels, 1.0, 100).unwrap();
            assert!(fitted.coefficients[0] < 0.0, "{positives_from}: {fitted:?}");
        }
    }

    #[test]
    fn a_fit_is_where_the_gradient_vanishes_and_otherwise_an_error() {
        let column: Vec<f64> = (0..50).map(|row| f64::from(row * 7919 % 50) / 25.0 - 1.0).collect();
        let labels: Vec<bool> = (0..50).map(|row| row % 3 == 0).collect();
        let columns = [column];
        let fitted = fit(&columns, &labels, 0.1, 1000).unwrap();
        assert!(steepest(&fitted, &columns, &labels, 0.1, 1.0) < 5e-6);
        let off = Fitted { intercept: fitted.intercept + 0.1, ..fitted };
        assert!(steepest(&off, &columns, &labels, 0.1, 1.0) > 0.5);
        assert!(matches!(fit(&columns, &labels, 0.1, 1), Err(Error::NotConverged { iterations: 1 })));
    }

    /// For a penalty that outweighs the rows, a coefficient is the slope at 0 divided by the penalty.
    #[test]
    fn a_large_penalty_converges() {
        let column: Vec<f64> = (0..50).map(|row| f64::from(row * 7919 % 50) / 25.0 - 0.98).collect();
        let labels: Vec<bool> = (0..50).map(|row| row % 3 == 0).collect();
        let share = labels.iter().filter(|label| **label).count() as f64 / 50.0;
        let slope: f64 = column.iter().zip(&labels).map(|(x, label)| x * (f64::from(u8::from(*label)) - share)).sum();
        for l2_reg in [1e4, 1e6, 1e9] {
            let fitted = fit(std::slice::from_ref(&column), &labels, l2_reg, 1000)
                .unwrap_or_else(|error| panic!("{l2_reg}: {error}"));
            let expected = slope / l2_reg;
            assert!(
                (fitted.coefficients[0] / expected - 1.0).abs() < 0.02,
                "{l2_reg}: {fitted:?}, expected {expected}"
            );
        }
    }

    #[test]
    fn a_gradient_that_is_nan_is_not_converged() {
        let fitted = Fitted { intercept: f64::NAN, coefficients: vec![1.0] };
        assert!(steepest(&fitted, &[vec![0.0, 1.0]], &[false, true], 1.0, 1.0).is_nan());
    }

    /// linfa stops at its own tolerance, which measures the whole gradient, not the gradient per row.
    #[test]
    fn few_rows_converge_too() {
        for rows in 2..10 {
            let column: Vec<f64> = (0..rows).map(|row| f64::from(row) - f64::from(rows) / 2.0).collect();
            let labels: Vec<bool> = (0..rows).map(|row| row % 2 == 1).collect();
            fit(&[column], &labels, 0.01, 1000).unwrap_or_else(|error| panic!("{rows} rows: {error}"));
        }
    }
}
