//! `quantile_threshold`: alerts if its only feature is at least that feature's quantile over the training rows.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Model, ModelType, Role, Threshold, Weight};
use crate::model::onnx::{Exported, Graph};
use crate::model::options::{ModelOption, Range};
use crate::model::probability::quantile_sorted;
use crate::model::training::Named;

const QUANTILE: ModelOption = ModelOption {
    name: "quantile",
    meaning: "the share of training rows below the cut",
    default: 0.95,
    usual: &[],
    range: Range::Between(0.0, 1.0),
};

/// The type.
pub const QUANTILE_THRESHOLD: ModelType = ModelType {
    name: "quantile_threshold",
    summary: "Scores 1 (alert) where its one feature is at least the feature's quantile over the training rows, else 0",
    formula: "1 if x >= cut else 0",
    role: Role::Rule,
    gives_probabilities: false,
    // An alert is a score of 1, so the threshold does not depend on F1.
    threshold: Threshold::Fixed(1.0),
    learns_target: false,
    compared: false,
    options: &[QUANTILE],
    train: |rows, options| {
        let quantile = options.number(&QUANTILE);
        let (feature, mut column) = rows.only_feature(options.model_type)?;
        column.sort_unstable_by(f64::total_cmp);
        Ok(Arc::new(QuantileThreshold { quantile, cut: quantile_sorted(&column, quantile), features: [feature] }))
    },
    read: |part| Ok(Arc::new(serde_json::from_value::<QuantileThreshold>(part)?)),
};

#[derive(Debug, Serialize, Deserialize)]
struct QuantileThreshold {
    quantile: f64,
    cut: f64,
    features: [Named; 1],
}

impl Model for QuantileThreshold {
    fn features(&self) -> Vec<&str> {
        vec![&self.features[0].name]
    }

    fn score(&self, columns: &[&[f64]]) -> Vec<f64> {
        columns[0].iter().map(|&value| f64::from(u8::from(value >= self.cut))).collect()
    }

    fn weights(&self) -> Vec<Weight<'_>> {
        vec![Weight::bare(&self.features[0].name)]
    }

    fn onnx(&self) -> Exported<'_> {
        let mut graph = Graph::new(&self.features());
        let (feature, cut) = (graph.features(), graph.number(self.cut));
        let alert = graph.apply("GreaterOrEqual", &[&feature, &cut]);
        let score = graph.as_number(&alert);
        Exported::Graph(graph, score)
    }

    fn part(&self) -> serde_json::Result<Value> {
        serde_json::to_value(self)
    }
}
