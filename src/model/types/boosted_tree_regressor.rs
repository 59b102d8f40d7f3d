//! `boosted_tree_regressor`: boosted decision trees that predict a number behind the label, such as forward volatility.
//!
//! Predictions become probabilities by the training residuals, as those of `linear_reg` do (`exceedance`).

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Fit, Model, ModelType, Role, Threshold, Weight};
use crate::model::Error;
use crate::model::class_weight;
use crate::model::exceedance::{Goal, Residuals, TARGET_TRANSFORM};
use crate::model::onnx::{Exported, Graph};
use crate::model::options::{ModelOption, Options};
use crate::model::standard::Standard;
use crate::model::training::TrainingRows;
use crate::model::trees::{self, Settings, Squared, Trees};

/// The type.
pub const BOOSTED_TREE_REGRESSOR: ModelType = ModelType {
    name: "boosted_tree_regressor",
    summary: "Boosted decision trees on the number behind the label (`target_col`); the score is the probability that it reaches tau",
    formula: "S(T(tau) - (intercept + sum over trees of leaf_value)), where a row goes to the left child of a split if feature split_feature is at most threshold, a child of 0 or more is a split, and a child below 0 is the leaf -1 - child. T is ln or none (target_transform), and S(r) is the share of residuals above r. Let q be the n quantiles `residuals`, F(r) their linear interpolation from 0 to 1, and s their root mean square. S(r) is (0.5 + (n - 1) * (1 - F(r))) / n between the least and the largest of q, 1 - exp((r - q_least) / s) / (2 n) below, and exp((q_largest - r) / s) / (2 n) above; if s is 0, S(r) is 1 for r of at most 0 and otherwise 0",
    role: Role::Model,
    gives_probabilities: true,
    threshold: Threshold::Tuned,
    learns_target: true,
    compared: false,
    options: &OPTIONS,
    train: |rows, options| Ok(Arc::new(train(rows, options)?)),
    read: |part| {
        let model = serde_json::from_value::<BoostedTreeRegressor>(part)?;
        let problem = model.goal.problem().or(model.residuals.problem()).map(String::from);
        match problem.or_else(|| model.trees.problem()) {
            None => Ok(Arc::new(model)),
            Some(problem) => Err(serde::de::Error::custom(problem)),
        }
    },
};

const OPTIONS: [ModelOption; 11] = {
    let [trees, rate, leaves, depth, rows, l2, class, sample, seed, monotone] = trees::OPTIONS;
    [trees, rate, leaves, depth, rows, l2, class, sample, seed, monotone, TARGET_TRANSFORM]
};

#[derive(Debug, Serialize, Deserialize)]
struct BoostedTreeRegressor {
    #[serde(flatten)]
    goal: Goal,
    /// The trees predict the transformed target.
    #[serde(flatten)]
    trees: Trees,
    residuals: Residuals,
}

impl Model for BoostedTreeRegressor {
    fn features(&self) -> Vec<&str> {
        self.trees.names()
    }

    fn score(&self, columns: &[&[f64]]) -> Vec<f64> {
        self.residuals.probabilities(&self.goal, &self.trees.predictions(columns))
    }

    fn weights(&self) -> Vec<Weight<'_>> {
        self.trees.weights()
    }

    fn fit(&self) -> Fit {
        Fit { iterations: Some(self.trees.trees.len() as u64), ..Fit::default() }
    }

    fn onnx(&self) -> Exported<'_> {
        let mut graph = Graph::new(&self.features());
        let prediction = graph.trees(&self.trees);
        let score = self.residuals.onnx(&self.goal, &mut graph, &prediction);
        Exported::Graph(graph, score)
    }

    fn part(&self) -> serde_json::Result<Value> {
        serde_json::to_value(self)
    }
}

fn train(rows: TrainingRows, options: &Options) -> Result<BoostedTreeRegressor, Error> {
    let TrainingRows { features, labels, target, weights } = rows;
    let settings = Settings::of(options, &features)?;
    let weights = class_weight::of_rows(weights, &labels, options);
    let (goal, mut values) = Goal::of(target, &labels, options)?;
    let spread = Standard::of(&values);
    if !spread.mean.is_finite() || !spread.scale.is_finite() {
        return Err(Error::TooLarge { feature: goal.target().into() });
    }
    let (trees, predictions) = trees::fit(features, &Squared(&values), weights.as_deref(), &settings)?;
    values.iter_mut().zip(&predictions).for_each(|(value, prediction)| *value -= prediction);
    Ok(BoostedTreeRegressor { goal, trees, residuals: Residuals::of(values) })
}
