//! `linear_reg`: ridge regression of a number behind the label, such as forward volatility, on standardised features.
//!
//! Minimises `sum of weight · squared residual + l2_reg · |coefficients|²`, without a penalty on the intercept: scikit-learn's
//! `Ridge(alpha = l2_reg)` after `StandardScaler`. A row is positive if its target is at least tau. Its probability is the share of
//! the training residuals that would lift its prediction to tau or above it. Beyond the least and the largest residual the share falls
//! exponentially, so that rows of an extreme market still differ. Regressing the logarithm of volatility is the HAR family: Corsi 2009, doi:10.1093/jjfinec/nbp001.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Model, ModelType, Role, Threshold, Weight};
use crate::model::Error;
use crate::model::class_weight::{self, CLASS_WEIGHT};
use crate::model::linear::{Linear, Term};
use crate::model::options::{ModelOption, Options, Range};
use crate::model::probability::quantile_sorted;
use crate::model::residuals::Residuals;
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

const TARGET_TRANSFORM: ModelOption = ModelOption {
    name: "target_transform",
    meaning: "what is regressed: the logarithm of the target, or the target itself. A target of 0 counts as the smallest positive one of the training rows",
    default: 0.0,
    usual: &[],
    range: Range::OneOf(&["ln", "none"]),
};

/// The type.
pub const LINEAR_REG: ModelType = ModelType {
    name: "linear_reg",
    summary: "Ridge regression of the number behind the label (`target_col`); the score is the probability that it reaches tau",
    formula: "S(T(tau) - (intercept + sum over features of coefficient * (x - mean) / scale)), where T is ln or none (target_transform), and S(r) is the share of residuals above r. Let q be the n quantiles `residuals`, F(r) their linear interpolation from 0 to 1, and s their root mean square. S(r) is (0.5 + (n - 1) * (1 - F(r))) / n between the least and the largest of q, 1 - exp((r - q_least) / s) / (2 n) below, and exp((q_largest - r) / s) / (2 n) above",
    role: Role::Model,
    gives_probabilities: true,
    threshold: Threshold::Tuned,
    compared: true,
    options: &[L2_REG, CLASS_WEIGHT, TARGET_TRANSFORM],
    train: |rows, options| Ok(Arc::new(train(rows, options)?)),
    read: |part| {
        let model = serde_json::from_value::<LinearReg>(part)?;
        match model.problem() {
            None => Ok(Arc::new(model)),
            Some(problem) => Err(serde::de::Error::custom(problem)),
        }
    },
};

/// How many steps the quantiles of the residuals have. With fewer residuals, each is a quantile of its own.
const STEPS: usize = 1000;

#[derive(Debug, Serialize, Deserialize)]
struct LinearReg {
    target: String,
    target_transform: Transform,
    /// The least target of a positive row.
    tau: f64,
    /// The sum predicts the transformed target.
    #[serde(flatten)]
    linear: Linear,
    /// Quantiles of the training residuals, ascending, at evenly spaced levels from 0 to 1.
    residuals: Vec<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Transform {
    Ln,
    None,
}

impl Transform {
    fn apply(self, target: f64) -> f64 {
        match self {
            // The same bits on every machine.
            Transform::Ln => libm::log(target),
            Transform::None => target,
        }
    }
}

impl LinearReg {
    /// Says why a model that was read cannot score.
    fn problem(&self) -> Option<&'static str> {
        if self.residuals.len() < 2 || !self.residuals.is_sorted() {
            return Some("its residuals are not at least two ascending numbers");
        }
        (!self.transformed_tau().is_finite()).then_some("its tau has no logarithm")
    }

    fn transformed_tau(&self) -> f64 {
        self.target_transform.apply(self.tau)
    }
}

impl Model for LinearReg {
    fn features(&self) -> Vec<&str> {
        self.linear.names()
    }

    fn score(&self, columns: &[&[f64]]) -> Vec<f64> {
        let (tau, residuals) = (self.transformed_tau(), Residuals::new(&self.residuals));
        self.linear.score(columns, |prediction| residuals.share_above(tau - prediction))
    }

    fn weights(&self) -> Vec<Weight<'_>> {
        self.linear.weights()
    }

    fn part(&self) -> serde_json::Result<Value> {
        serde_json::to_value(self)
    }
}

fn train(rows: TrainingRows, options: &Options) -> Result<LinearReg, Error> {
    let TrainingRows { features, labels, target, weights } = rows;
    let weights = class_weight::of_rows(weights, &labels, options);
    let Some((target, mut values)) = target else { return Err(Error::NoTarget { model_type: LINEAR_REG.name }) };
    let transform = if options.number(&TARGET_TRANSFORM) == 0.0 { Transform::Ln } else { Transform::None };
    let tau = threshold(&target, &values, &labels)?;
    if transform == Transform::Ln {
        let least = values.iter().copied().filter(|value| *value > 0.0).fold(f64::INFINITY, f64::min);
        if values.iter().any(|value| *value < 0.0) || tau <= 0.0 {
            return Err(Error::NoLogarithm { target });
        }
        values.iter_mut().for_each(|value| *value = transform.apply(value.max(least)));
    }
    let (mut terms, mut columns) = (Vec::new(), Vec::new());
    for (feature, mut column) in features {
        terms.push(Term::standardise(feature, &mut column)?.0);
        columns.push(column);
    }
    let mean = Standard::of(&values).mean;
    values.iter_mut().for_each(|value| *value -= mean);
    let fitted = Ridge::fit(&columns, weights.as_deref(), &values, options.number(&L2_REG)).ok_or(Error::Collinear)?;
    fitted.subtract(&columns, &mut values);
    // What is left of the values are the residuals.
    values.sort_unstable_by(f64::total_cmp);
    let steps = STEPS.min(values.len() - 1).max(1);
    let level = |step: usize| step as f64 / steps as f64;
    let residuals = (0..=steps).map(|step| quantile_sorted(&values, level(step))).collect();
    let linear = Linear::new(mean + fitted.intercept, terms, &fitted.coefficients);
    Ok(LinearReg { target, target_transform: transform, tau, linear, residuals })
}

/// Returns the least target of a positive row.
///
/// # Errors
/// A negative row has a target that is as large: then the label is not a threshold of the target.
fn threshold(target: &str, values: &[f64], labels: &[bool]) -> Result<f64, Error> {
    let of = |label: bool| values.iter().zip(labels).filter(move |(_, of)| **of == label).map(|(value, _)| *value);
    let tau = of(true).fold(f64::INFINITY, f64::min);
    if of(false).any(|value| value >= tau) {
        return Err(Error::NotAThreshold { target: target.into() });
    }
    Ok(tau)
}
