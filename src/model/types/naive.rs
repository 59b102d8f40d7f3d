//! `naive`: uses its only feature as the score. Every model has to beat this rule.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Model, ModelType, Role, Threshold, Weight};
use crate::model::onnx::{Exported, Graph};
use crate::model::training::Named;

/// The type.
pub const NAIVE: ModelType = ModelType {
    name: "naive",
    summary: "Takes one feature, which is itself the score: the rule that every model has to beat",
    formula: "x",
    role: Role::Naive,
    gives_probabilities: false,
    threshold: Threshold::Tuned,
    learns_target: false,
    compared: false,
    options: &[],
    train: |rows, options| Ok(Arc::new(Naive { features: [rows.only_feature(options.model_type)?.0] })),
    read: |part| Ok(Arc::new(serde_json::from_value::<Naive>(part)?)),
};

#[derive(Debug, Serialize, Deserialize)]
struct Naive {
    features: [Named; 1],
}

impl Model for Naive {
    fn features(&self) -> Vec<&str> {
        vec![&self.features[0].name]
    }

    fn score(&self, columns: &[&[f64]]) -> Vec<f64> {
        columns[0].to_vec()
    }

    fn weights(&self) -> Vec<Weight<'_>> {
        vec![Weight::bare(&self.features[0].name)]
    }

    fn onnx(&self) -> Exported<'_> {
        let graph = Graph::new(&self.features());
        let feature = graph.features();
        Exported::Graph(graph, feature)
    }

    fn part(&self) -> serde_json::Result<Value> {
        serde_json::to_value(self)
    }
}
