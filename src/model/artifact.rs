//! The artifact of a model: one JSON file that holds everything that scoring needs, and says where the model came from.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::basis::Basis;
use super::inputs::Input;
use super::metrics::SplitMetrics;
use super::scorer::Scorer;
use super::sketch::Sketch;
use super::types::{Fit, ModelType};
use super::validation::Validation;

/// The newest version of the artifact's layout; a reader refuses newer ones. Version 2 has `inputs` and `calibration`. An artifact has the lowest version that
/// can hold it, so that readers of an earlier squall read what they can.
pub const FORMAT: u32 = 2;

/// A trained model as it is stored on disk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Artifact {
    pub format: u32,
    pub name: String,
    /// Versions start at 1; the highest is the latest.
    pub version: u64,
    /// RFC 3339, UTC.
    pub created_at: String,
    pub squall_version: String,
    /// The commit of the working folder in which it was trained, if that is a git repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git_commit: Option<String>,
    /// How a row's score follows from `features`, in the names of this file.
    pub formula: String,
    /// Whether the score is the probability that the row is positive.
    pub probability: bool,
    /// The name of the label column.
    pub label: String,
    /// The columns from which the features are made; `None` if each feature is a column of numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<Vec<Input>>,
    /// The columns that are BOOLEAN and not numbers; `None` in the artifacts of an earlier squall, which did not record it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boolean_columns: Option<Vec<String>>,
    /// What was done to the features; `None` in the artifacts of an earlier squall, which did not record it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preparation: Option<Preparation>,
    #[serde(flatten)]
    pub scorer: Scorer,
    /// Rows with at least this score are called positive. It is tuned for F1 on the validation rows, or it is part of the
    /// rule.
    pub threshold: Option<f64>,
    /// The hyperparameters used, by their names in OPTIONS.
    pub options: Map<String, Value>,
    pub training: Training,
    /// What a verdict about the model depends on; `None` in the artifacts of an earlier squall, which did not record it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<Basis>,
    /// The distribution of each column that the model reads, over the training rows; empty in the artifacts of an earlier squall, which did
    /// not record it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub distributions: Vec<Sketch>,
    pub metrics: Vec<SplitMetrics>,
    /// What the folds said; absent if the statement has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<Validation>,
    /// The statement that created the model.
    pub sql: String,
}

/// Returns an artifact as an ONNX file; `None` if it is none, or its model has no such form.
pub fn as_onnx(artifact: &[u8]) -> Option<Vec<u8>> {
    serde_json::from_slice::<Artifact>(artifact).ok()?.scorer.onnx().ok()
}

impl Artifact {
    /// Returns the name and the version, as a function takes them: `name@2`.
    pub fn reference(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }

    /// Returns the lowest version of the layout that can hold these inputs and this scorer. A reader of version 1 knows neither texts nor
    /// calibrated scores.
    pub fn format_for(inputs: Option<&Vec<Input>>, scorer: &Scorer) -> u32 {
        if inputs.is_some() || scorer.is_calibrated() { FORMAT } else { 1 }
    }

    /// Returns the columns that the model reads, in the order in which functions take them.
    pub fn inputs(&self) -> Cow<'_, [Input]> {
        match &self.inputs {
            Some(inputs) => Cow::Borrowed(inputs),
            None => self.scorer.features().into_iter().map(Input::number).collect(),
        }
    }

    /// Returns whether a column that the model reads is BOOLEAN; `None` if that is not known.
    pub fn is_boolean(&self, column: &str) -> Option<bool> {
        self.boolean_columns.as_ref().map(|names| names.iter().any(|name| name == column))
    }

    /// Checks what the types of the fields do not say.
    ///
    /// # Errors
    /// The model has no features, has a feature twice, or has numbers with which it cannot score.
    pub fn check(&self) -> Result<(), String> {
        let features = self.scorer.features();
        if features.is_empty() {
            return Err("it has no features".into());
        }
        if let Some(twice) = features.iter().enumerate().find(|(index, name)| features[..*index].contains(name)) {
            return Err(format!("it has the feature `{}` twice", twice.1));
        }
        if let Some(inputs) = &self.inputs {
            if let Some(problem) = inputs.iter().find_map(Input::problem) {
                return Err(problem);
            }
            if inputs.iter().flat_map(Input::features).ne(features.iter().copied()) {
                return Err("its inputs do not give its features".into());
            }
        }
        let scale = self.scorer.weights().into_iter().find(|weight| weight.scale.is_some_and(|scale| scale <= 0.0));
        match scale {
            Some(weight) => Err(format!("the scale of `{}` is not greater than 0", weight.feature)),
            None => Ok(()),
        }
    }

    /// Returns the type of model.
    pub fn model_type(&self) -> &'static ModelType {
        self.scorer.model_type()
    }
}

/// What is done to the features before they are scored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preparation {
    pub standardisation: String,
    pub imputation: String,
    pub encoding: String,
}

impl Preparation {
    /// Says what was done to the features of a model.
    pub fn of(scorer: &Scorer, inputs: Option<&Vec<Input>>) -> Preparation {
        let standardised = scorer.weights().iter().any(|weight| weight.scale.is_some());
        Preparation {
            standardisation: if standardised {
                "each feature less its mean, divided by its scale, the population standard deviation, both over the training rows"
            } else {
                "none"
            }
            .into(),
            imputation: "none: a row with a NULL among its features is left out of training and has no score".into(),
            encoding: match inputs {
                Some(_) => {
                    "a column of text gives a feature for each of its categories in `inputs`, 1 where the row has it and otherwise 0; another category gives 0 in each"
                }
                None => "none: every feature is a number",
            }
            .into(),
        }
    }
}

/// Which rows trained a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Training {
    pub rows: u64,
    pub positives: u64,
    /// Rows, of any split, that were left out because the label or a feature is NULL, NaN or infinite.
    pub skipped: u64,
    /// `from` and `to` are the first and the last value of the time column over the training rows, RFC 3339.
    pub from: Option<String>,
    pub to: Option<String>,
    /// Why rows were left out, and how many; a row counts for the first reason that it has.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub skipped_because: BTreeMap<String, u64>,
    /// How the fit went, and how long reading the rows and the training took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fit: Option<Fit>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// The column of the rows' weights; `None` if each row counted once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_column: Option<String>,
    /// Columns named by `id_cols` that hold a single value over the training rows, such as the product or tau.
    pub constants: Map<String, Value>,
}
