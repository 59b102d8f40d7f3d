//! `linear_reg`: ridge regression of a number behind the label, such as forward volatility, on standardised features.
//!
//! Minimises `sum of weight · squared residual + l2_reg · |coefficients|²`, without a penalty on the intercept: scikit-learn's
//! `Ridge(alpha = l2_reg)` after `StandardScaler`. Predictions become probabilities by the training residuals
//! (`exceedance`). Regressing the logarithm of volatility is the HAR family: Corsi 2009, doi:10.1093/jjfinec/nbp001.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Attributions, Fit, Model, ModelType, Role, Threshold, Weight};
use crate::model::Error;
use crate::model::class_weight::{self, CLASS_WEIGHT};
use crate::model::exceedance::{Goal, Residuals, TARGET_TRANSFORM};
use crate::model::linear::{Linear, Standardised};
use crate::model::onnx::{Exported, Graph};
use crate::model::options::{ModelOption, Options, Range};
use crate::model::ridge::Ridge;
use crate::model::standard::Standard;
use crate::model::training::TrainingRows;

const L2_REG: ModelOption = ModelOption {
    name: "l2_reg",
    meaning: "the weight of the penalty on large coefficients: scikit-learn's alpha",
    default: 1.0,
    usual: &[0.01, 0.1, 1.0, 10.0, 100.0, 1000.0, 10_000.0],
    range: Range::AtLeast(0.0),
};

/// The type.
pub const LINEAR_REG: ModelType = ModelType {
    name: "linear_reg",
    summary: "Ridge regression of the number behind the label (`target_col`); the score is the probability that it reaches tau",
    formula: "S(T(tau) - (intercept + sum over features of coefficient * (x - mean) / scale)), where T is ln or none (target_transform), and S(r) is the share of residuals above r. Let q be the n quantiles `residuals`, F(r) their linear interpolation from 0 to 1, and s their root mean square. S(r) is (0.5 + (n - 1) * (1 - F(r))) / n between the least and the largest of q, 1 - exp((r - q_least) / s) / (2 n) below, and exp((q_largest - r) / s) / (2 n) above; if s is 0, S(r) is 1 for r of at most 0 and otherwise 0",
    role: Role::Model,
    gives_probabilities: true,
    threshold: Threshold::Tuned,
    learns_target: true,
    compared: true,
    options: &[L2_REG, CLASS_WEIGHT, TARGET_TRANSFORM],
    train: |rows, options| Ok(Arc::new(train(rows, options)?)),
    read: |part| {
        let model = serde_json::from_value::<LinearReg>(part)?;
        match model.goal.problem().or(model.residuals.problem()) {
            None => Ok(Arc::new(model)),
            Some(problem) => Err(serde::de::Error::custom(problem)),
        }
    },
};

#[derive(Debug, Serialize, Deserialize)]
struct LinearReg {
    #[serde(flatten)]
    goal: Goal,
    /// The sum predicts the transformed target.
    #[serde(flatten)]
    linear: Linear,
    residuals: Residuals,
    /// Why the weights may mislead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    warning: Option<String>,
}

impl Model for LinearReg {
    fn features(&self) -> Vec<&str> {
        self.linear.names()
    }

    fn score(&self, columns: &[&[f64]]) -> Vec<f64> {
        let (tau, residuals) = (self.goal.transformed_tau(), self.residuals.lookup());
        self.linear.score(columns, |prediction| residuals.share_above(tau - prediction))
    }

    fn weights(&self) -> Vec<Weight<'_>> {
        self.linear.weights()
    }

    fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    fn onnx(&self) -> Exported<'_> {
        let mut graph = Graph::new(&self.features());
        let prediction = self.linear.onnx(&mut graph);
        let score = self.residuals.onnx(&self.goal, &mut graph, &prediction);
        Exported::Graph(graph, score)
    }

    fn attributions(&self, columns: &[&[f64]]) -> Option<Attributions> {
        Some(self.linear.attributions(columns))
    }

    fn fit(&self) -> Fit {
        // The equations are solved directly.
        Fit { converged: Some(true), ..Fit::default() }
    }

    fn part(&self) -> serde_json::Result<Value> {
        serde_json::to_value(self)
    }
}

fn train(rows: TrainingRows, options: &Options) -> Result<LinearReg, Error> {
    let TrainingRows { features, labels, target, weights } = rows;
    let weights = class_weight::of_rows(weights, &labels, options);
    let (goal, mut values) = Goal::of(target, &labels, options)?;
    let standardised = Standardised::of(features)?;
    let warning = standardised.warning();
    let Standardised { terms, columns, .. } = standardised;
    let mean = Standard::of(&values).mean;
    values.iter_mut().for_each(|value| *value -= mean);
    let fitted = Ridge::fit(&columns, weights.as_deref(), &values, options.number(&L2_REG)).ok_or(Error::Collinear)?;
    fitted.subtract(&columns, &mut values);
    // What is left of the values are the residuals.
    let linear = Linear::new(mean + fitted.intercept, terms, &fitted.coefficients);
    Ok(LinearReg { goal, linear, residuals: Residuals::of(values), warning })
}
