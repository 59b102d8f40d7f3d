//! `boosted_tree_classifier`: boosted decision trees that predict the log-odds of a positive.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Fit, Model, ModelType, Role, Threshold, Weight};
use crate::model::Error;
use crate::model::class_weight;
use crate::model::exponential::logistic;
use crate::model::onnx::{Exported, Graph};
use crate::model::options::Options;
use crate::model::training::TrainingRows;
use crate::model::trees::{self, Logistic, Settings, Trees};

/// The type.
pub const BOOSTED_TREE_CLASSIFIER: ModelType = ModelType {
    name: "boosted_tree_classifier",
    summary: "Boosted decision trees on the label; they take features as they are",
    formula: "1 / (1 + exp(-(intercept + sum over trees of leaf_value))), where a row goes to the left child of a split if feature split_feature is at most threshold, a child of 0 or more is a split, and a child below 0 is the leaf -1 - child",
    role: Role::Model,
    gives_probabilities: true,
    threshold: Threshold::Tuned,
    learns_target: false,
    compared: false,
    options: &trees::OPTIONS,
    train: |rows, options| Ok(Arc::new(train(rows, options)?)),
    read: |part| {
        let model = serde_json::from_value::<BoostedTreeClassifier>(part)?;
        match model.0.problem() {
            None => Ok(Arc::new(model)),
            Some(problem) => Err(serde::de::Error::custom(problem)),
        }
    },
};

/// The trees predict the log-odds of a positive.
#[derive(Debug, Serialize, Deserialize)]
struct BoostedTreeClassifier(Trees);

impl Model for BoostedTreeClassifier {
    fn features(&self) -> Vec<&str> {
        self.0.names()
    }

    fn score(&self, columns: &[&[f64]]) -> Vec<f64> {
        let mut scores = self.0.predictions(columns);
        scores.iter_mut().for_each(|score| *score = logistic(*score));
        scores
    }

    fn weights(&self) -> Vec<Weight<'_>> {
        self.0.weights()
    }

    fn fit(&self) -> Fit {
        Fit { iterations: Some(self.0.trees.len() as u64), ..Fit::default() }
    }

    fn onnx(&self) -> Exported<'_> {
        let mut graph = Graph::new(&self.features());
        let log_odds = graph.trees(&self.0);
        let score = graph.probability(&log_odds);
        Exported::Graph(graph, score)
    }

    fn part(&self) -> serde_json::Result<Value> {
        serde_json::to_value(self)
    }
}

fn train(rows: TrainingRows, options: &Options) -> Result<BoostedTreeClassifier, Error> {
    let TrainingRows { features, labels, weights, .. } = rows;
    let settings = Settings::of(options, &features)?;
    let weights = class_weight::of_rows(weights, &labels, options);
    let (trees, _) = trees::fit(features, &Logistic(&labels), weights.as_deref(), &settings)?;
    Ok(BoostedTreeClassifier(trees))
}
