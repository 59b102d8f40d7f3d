//! What turns a row's features into its score, as it is stored in an artifact.

use serde::{Deserialize, Serialize};

use super::standard::Standard;
use super::training::ModelType;

/// A trained model: everything that scoring needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "model_type", rename_all = "snake_case")]
pub enum Scorer {
    /// `1 / (1 + exp(-(intercept + sum of coefficient * (x - mean) / scale)))`.
    LogisticReg { intercept: f64, features: Vec<Term> },
    /// The one feature is itself the score: what any model has to beat.
    Naive { features: [Named; 1] },
    /// 1 where the one feature is at least `cut`, its quantile over the training rows; else 0.
    QuantileThreshold { quantile: f64, cut: f64, features: [Named; 1] },
}

/// A feature of a regression.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Term {
    pub name: String,
    pub mean: f64,
    pub scale: f64,
    /// The log-odds that one standard deviation adds.
    pub coefficient: f64,
}

/// A feature that is used as it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Named {
    pub name: String,
}

impl Scorer {
    /// Returns the kind of model.
    pub fn model_type(&self) -> ModelType {
        match self {
            Scorer::LogisticReg { .. } => ModelType::LogisticReg,
            Scorer::Naive { .. } => ModelType::Naive,
            Scorer::QuantileThreshold { .. } => ModelType::QuantileThreshold,
        }
    }

    /// Returns the features' names, in the order in which [`Scorer::score`] takes them.
    pub fn features(&self) -> Vec<&str> {
        match self {
            Scorer::LogisticReg { features, .. } => features.iter().map(|term| term.name.as_str()).collect(),
            Scorer::Naive { features } | Scorer::QuantileThreshold { features, .. } => vec![&features[0].name],
        }
    }

    /// Returns whether scores are probabilities.
    pub fn is_probability(&self) -> bool {
        matches!(self, Scorer::LogisticReg { .. })
    }

    /// Returns the threshold that is part of the rule, where there is one: an alert is a score of 1.
    pub fn own_threshold(&self) -> Option<f64> {
        matches!(self, Scorer::QuantileThreshold { .. }).then_some(1.0)
    }

    /// Returns the formula by which any reader can score, in the artifact's own names.
    pub fn formula(&self) -> &'static str {
        match self {
            Scorer::LogisticReg { .. } => {
                "1 / (1 + exp(-(intercept + sum over features of coefficient * (x - mean) / scale)))"
            }
            Scorer::Naive { .. } => "x",
            Scorer::QuantileThreshold { .. } => "1 if x >= cut else 0",
        }
    }

    /// Scores rows given as one column a feature; NaN where a feature is NaN or infinite.
    ///
    /// # Panics
    /// When there are not as many columns as features, or their lengths differ.
    pub fn score(&self, columns: &[&[f64]]) -> Vec<f64> {
        assert_eq!(columns.len(), self.features().len(), "one column a feature");
        let mut scores = match self {
            Scorer::LogisticReg { intercept, features } => {
                let mut log_odds = vec![*intercept; columns[0].len()];
                for (term, column) in features.iter().zip(columns) {
                    let standard = Standard { mean: term.mean, scale: term.scale };
                    for (sum, &value) in log_odds.iter_mut().zip(*column) {
                        *sum += term.coefficient * standard.apply(value);
                    }
                }
                log_odds.iter().map(|log_odds| 1.0 / (1.0 + (-log_odds).exp())).collect()
            }
            Scorer::Naive { .. } => columns[0].to_vec(),
            Scorer::QuantileThreshold { cut, .. } => {
                columns[0].iter().map(|value| f64::from(u8::from(value >= cut))).collect()
            }
        };
        for column in columns {
            assert_eq!(column.len(), scores.len(), "columns of one length");
            for (score, value) in scores.iter_mut().zip(*column) {
                if !value.is_finite() {
                    *score = f64::NAN;
                }
            }
        }
        scores
    }
}
