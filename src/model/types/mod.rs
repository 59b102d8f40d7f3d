//! The types of models: each type has one file and one line of [`TYPES`].
//!
//! To add a type, write its file: a struct whose fields are the type's part of the artifact, [`Model`] for that struct, and
//! one [`ModelType`]. Then add its line to [`TYPES`], a test, and a section in docs/models.md. No other code names a type.

mod boosted_tree_classifier;
mod boosted_tree_regressor;
mod linear_reg;
mod logistic_reg;
mod naive;
mod onnx;
mod quantile_threshold;

use std::fmt::Debug;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Error;
use super::class_weight::CLASS_WEIGHT;
use super::onnx::Exported;
use super::options::{ModelOption, Options};
use super::training::TrainingRows;
use crate::text::did_you_mean;

/// Every type of model.
pub const TYPES: &[&ModelType] = &[
    &boosted_tree_classifier::BOOSTED_TREE_CLASSIFIER,
    &boosted_tree_regressor::BOOSTED_TREE_REGRESSOR,
    &linear_reg::LINEAR_REG,
    &logistic_reg::LOGISTIC_REG,
    &naive::NAIVE,
    &onnx::ONNX,
    &quantile_threshold::QUANTILE_THRESHOLD,
];

/// A type of model.
#[derive(Debug)]
pub struct ModelType {
    /// The name used in `model_type`.
    pub name: &'static str,
    /// What the type does, as one third-person sentence without its period.
    pub summary: &'static str,
    /// How a row is scored, written with the artifact's field names, for readers in other languages.
    pub formula: &'static str,
    /// How evaluations and reports treat it.
    pub role: Role,
    /// Whether a score is the probability of a positive.
    pub gives_probabilities: bool,
    pub threshold: Threshold,
    /// Whether it learns the number behind the label, so that it needs `target_col`.
    pub learns_target: bool,
    /// Whether `model_type = 'auto'` compares the type.
    pub compared: bool,
    /// The options that the type takes besides those that every type takes.
    pub options: &'static [ModelOption],
    /// Trains on rows that have finite features and labels of both classes.
    pub train: fn(TrainingRows, &Options) -> Result<AnyModel, Error>,
    /// Reads the type's part of an artifact.
    pub read: fn(Value) -> serde_json::Result<AnyModel>,
}

/// A trained model of any type.
pub type AnyModel = Arc<dyn Model>;

/// How evaluations and reports treat a type of model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A trained model; a report can be about it.
    Model,
    /// The rule that every model has to beat.
    Naive,
    /// Another rule, shown for comparison.
    Rule,
}

/// Where a model's threshold comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Threshold {
    /// The score with the best F1 on the validation rows; if there are none, on all rows.
    Tuned,
    /// The threshold is part of the rule.
    Fixed(f64),
}

/// A trained model.
pub trait Model: Debug + Send + Sync {
    /// Returns the features' names, in the order in which [`Model::score`] takes them.
    fn features(&self) -> Vec<&str>;

    /// Scores rows, given as one column per feature; all columns have the same length.
    ///
    /// If a feature of a row is NaN or infinite, the row's score is ignored.
    fn score(&self, columns: &[&[f64]]) -> Vec<f64>;

    /// Returns the weights of the features, in their order, followed by those of the model's other terms, such as an
    /// intercept.
    fn weights(&self) -> Vec<Weight<'_>>;

    /// Says why the model may mislead; `None` if nothing is known.
    fn warning(&self) -> Option<&str> {
        None
    }

    /// Writes the model as ONNX, up to its score.
    fn onnx(&self) -> Exported<'_>;

    /// Returns what each feature adds to each row; `None` if the type cannot tell.
    ///
    /// By default only a type with one feature can: its score is that feature's doing, and without it there is nothing.
    fn attributions(&self, columns: &[&[f64]]) -> Option<Attributions> {
        if columns.len() != 1 {
            return None;
        }
        let scores = self.score(columns);
        Some(Attributions { baseline: 0.0, features: vec![scores.clone()], predictions: scores })
    }

    /// Returns how the fit went, as far as the type knows; it is known only right after training.
    fn fit(&self) -> Fit {
        Fit::default()
    }

    /// Returns the type's part of the artifact, a JSON object.
    fn part(&self) -> serde_json::Result<Value>;
}

/// What each feature adds to what a model predicts for each row.
#[derive(Debug, Clone, PartialEq)]
pub struct Attributions {
    /// What the model predicts for a row that is average in every feature.
    pub baseline: f64,
    /// A column for each feature.
    pub features: Vec<Vec<f64>>,
    /// The baseline and the attributions of each row, added in the order of the features.
    pub predictions: Vec<f64>,
}

/// How a fit went; a fact is `None` if the type does not have it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Fit {
    /// The steps that the optimiser took.
    pub iterations: Option<u64>,
    /// The objective at the end, over the training rows, with its penalty.
    pub loss: Option<f64>,
    /// Whether the fit reached its optimum. A type that fails otherwise says true.
    pub converged: Option<bool>,
}

/// The weight of a feature; a number is `None` if the type does not have it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weight<'a> {
    pub feature: &'a str,
    pub weight: Option<f64>,
    pub mean: Option<f64>,
    pub scale: Option<f64>,
}

impl<'a> Weight<'a> {
    /// Returns the entry for a feature that is used directly, without a weight.
    pub fn bare(feature: &'a str) -> Self {
        Weight { feature, weight: None, mean: None, scale: None }
    }
}

impl ModelType {
    /// Returns the type with this name, whatever the case of its letters; `None` if there is none.
    pub fn named(name: &str) -> Option<&'static ModelType> {
        TYPES.iter().copied().find(|known| known.name.eq_ignore_ascii_case(name))
    }

    /// Returns whether training weighs rows: types that take `class_weight` take `weight_col` too.
    pub fn takes_weights(&self) -> bool {
        self.options.iter().any(|option| option.name == CLASS_WEIGHT.name)
    }

    /// Returns the names of all types.
    pub fn names() -> impl Iterator<Item = &'static str> {
        TYPES.iter().map(|known| known.name)
    }

    /// Reads a `model_type`.
    ///
    /// # Errors
    /// No type has this name.
    pub fn parse(name: &str) -> Result<&'static ModelType, Error> {
        let unknown = || Error::ModelType { given: name.into(), suggestion: did_you_mean(name, ModelType::names()) };
        ModelType::named(name).ok_or_else(unknown)
    }
}

impl PartialEq for ModelType {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Role {
    /// Returns the role as `ml_models()` and `ml_evaluate` show it.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Model => "model",
            Role::Naive => "naive",
            Role::Rule => "rule",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{ModelType, Role, TYPES};

    #[test]
    fn names_are_unique_and_one_type_is_the_naive_rule() {
        let names: BTreeSet<&str> = ModelType::names().collect();
        assert_eq!(names.len(), TYPES.len());
        assert_eq!(TYPES.iter().filter(|known| known.role == Role::Naive).count(), 1);
        for known in TYPES {
            assert_eq!(ModelType::parse(&known.name.to_uppercase()).unwrap(), *known);
        }
    }
}
