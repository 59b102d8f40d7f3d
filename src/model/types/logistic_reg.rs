//! `logistic_reg`: logistic regression with an L2 penalty on standardised features.
//!
//! Minimises `sum of weight · log loss + l2_reg / 2 · |coefficients|²`, without a penalty on the intercept. This is scikit-learn's
//! `LogisticRegression(C = 1 / l2_reg)` after `StandardScaler`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Attributions, Fit, Model, ModelType, Role, Threshold, Weight};
use crate::model::Error;
use crate::model::class_weight::{self, CLASS_WEIGHT};
use crate::model::exponential::logistic;
use crate::model::linear::{Linear, Standardised};
use crate::model::logistic::{Failure, Problem};
use crate::model::onnx::{Exported, Graph};
use crate::model::options::{ModelOption, Options, Range};
use crate::model::separation;
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
    meaning: "how many passes over the rows the optimiser may take",
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
    learns_target: false,
    compared: true,
    options: &[L2_REG, CLASS_WEIGHT, MAX_ITERATIONS],
    train: |rows, options| Ok(Arc::new(train(rows, options)?)),
    read: |part| Ok(Arc::new(serde_json::from_value::<LogisticReg>(part)?)),
};

/// The sum is the log-odds of a positive.
#[derive(Debug, Serialize, Deserialize)]
struct LogisticReg {
    #[serde(flatten)]
    linear: Linear,
    /// Why the weights may mislead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    warning: Option<String>,
    /// The passes over the rows; known only right after training.
    #[serde(skip)]
    passes: Option<u64>,
}

impl Model for LogisticReg {
    fn features(&self) -> Vec<&str> {
        self.linear.names()
    }

    fn score(&self, columns: &[&[f64]]) -> Vec<f64> {
        self.linear.score(columns, logistic)
    }

    fn weights(&self) -> Vec<Weight<'_>> {
        self.linear.weights()
    }

    fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    fn onnx(&self) -> Exported<'_> {
        let mut graph = Graph::new(&self.features());
        let log_odds = self.linear.onnx(&mut graph);
        let score = graph.probability(&log_odds);
        Exported::Graph(graph, score)
    }

    fn attributions(&self, columns: &[&[f64]]) -> Option<Attributions> {
        Some(self.linear.attributions(columns))
    }

    fn fit(&self) -> Fit {
        // A fit that did not converge is an error.
        Fit { iterations: self.passes, converged: Some(true), ..Fit::default() }
    }

    fn part(&self) -> serde_json::Result<Value> {
        serde_json::to_value(self)
    }
}

fn train(rows: TrainingRows, options: &Options) -> Result<LogisticReg, Error> {
    let TrainingRows { features, labels, weights, .. } = rows;
    let weights = class_weight::of_rows(weights, &labels, options);
    let standardised = Standardised::of(features)?;
    let constant = standardised.warning();
    let Standardised { terms, columns, varies } = standardised;
    let columns: Vec<Vec<f64>> =
        columns.into_iter().zip(&varies).filter(|(_, varies)| **varies).map(|(column, _)| column).collect();
    let l2_reg = options.number(&L2_REG);
    let problem = Problem { columns: &columns, labels: &labels, weights: weights.as_deref(), l2_reg };
    let iterations = options.number(&MAX_ITERATIONS) as u64;
    let fitted = problem.fit(iterations).map_err(|failure| match failure {
        Failure::Collinear => Error::Collinear,
        Failure::Separable => Error::Separable,
        Failure::NotConverged => Error::NotConverged { iterations },
    })?;
    // A feature that never varies has nothing to say.
    let mut of_columns = fitted.coefficients.iter().copied();
    let coefficient = |varies: &bool| varies.then(|| of_columns.next()).flatten().unwrap_or(0.0);
    let coefficients: Vec<f64> = varies.iter().map(coefficient).collect();
    let linear = Linear::new(fitted.intercept, terms, &coefficients);
    let weighed = linear.features.iter().zip(&varies).filter(|(_, varies)| **varies).map(|(term, _)| term);
    let warning = separation::warning(weighed, &columns, &labels, fitted.unbounded).or(constant);
    Ok(LogisticReg { linear, warning, passes: Some(fitted.passes) })
}
