//! A trained model of any type, which computes a row's score from its features; and how an artifact stores it.

use std::fmt;

use serde::de::Error as _;
use serde::ser::{Error as _, SerializeMap};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::Error;
use super::calibration::Calibration;
use super::onnx::Exported;
use super::probability::is_probability;
use super::stripes::BLOCK;
use super::types::{AnyModel, Attributions, Fit, ModelType, Weight};

/// The artifact's field that names the type.
const MODEL_TYPE: &str = "model_type";

/// The artifact's field that turns scores into probabilities.
const CALIBRATION: &str = "calibration";

/// A trained model of any type: everything that scoring needs.
#[derive(Clone)]
pub struct Scorer {
    model_type: &'static ModelType,
    model: AnyModel,
    calibration: Option<Calibration>,
}

impl Scorer {
    /// Makes a scorer of a model and its type.
    pub fn new(model_type: &'static ModelType, model: AnyModel) -> Scorer {
        Scorer { model_type, model, calibration: None }
    }

    /// Returns the scorer whose scores are what a calibration makes of them.
    pub fn calibrated(self, calibration: Calibration) -> Scorer {
        Scorer { calibration: Some(calibration), ..self }
    }

    /// Returns what the calibration makes of a score of the model; without one, the score. A score that should be a probability and is
    /// none stays as it is, so that [`Scorer::check`] finds it.
    pub fn calibrate(&self, score: f64) -> f64 {
        match &self.calibration {
            Some(calibration) if !self.model_type.gives_probabilities || is_probability(score) => {
                calibration.apply(score)
            }
            _ => score,
        }
    }

    /// Checks scores of this model, `named` so in the error.
    ///
    /// # Errors
    /// They are probabilities, and one of them is outside [0, 1]; only a model that another program trained can do that.
    pub fn check(&self, named: &str, scores: &[f64]) -> Result<(), Error> {
        let wrong = |score: &&f64| !score.is_nan() && !is_probability(**score);
        match scores.iter().find(wrong).filter(|_| self.gives_probabilities()) {
            Some(&score) => Err(Error::NotProbability { model: named.into(), score }),
            None => Ok(()),
        }
    }

    /// Returns whether scores are calibrated.
    pub fn is_calibrated(&self) -> bool {
        self.calibration.is_some()
    }

    /// Returns whether a score is the probability of a positive.
    pub fn gives_probabilities(&self) -> bool {
        self.calibration.is_some() || self.model_type.gives_probabilities
    }

    /// Returns how a row is scored, in the artifact's field names.
    pub fn formula(&self) -> String {
        let own = self.model_type.formula;
        self.calibration
            .as_ref()
            .map_or_else(|| own.into(), |calibration| format!("{} of: {own}", calibration.formula()))
    }

    /// Returns the type of model.
    pub fn model_type(&self) -> &'static ModelType {
        self.model_type
    }

    /// Returns the features' names, in the order in which [`Scorer::score`] takes them.
    pub fn features(&self) -> Vec<&str> {
        self.model.features()
    }

    /// Returns the weights of the features, in their order, followed by those of the model's other terms.
    pub fn weights(&self) -> Vec<Weight<'_>> {
        self.model.weights()
    }

    /// Says why the model may mislead; `None` if nothing is known.
    pub fn warning(&self) -> Option<&str> {
        self.model.warning()
    }

    /// Returns the model as an ONNX file, with its calibration.
    ///
    /// # Errors
    /// The model is an ONNX file already, and has a calibration which that file does not know.
    pub fn onnx(&self) -> Result<Vec<u8>, Error> {
        match (self.model.onnx(), &self.calibration) {
            (Exported::Graph(graph, score), None) => Ok(graph.file(&score)),
            (Exported::Graph(mut graph, score), Some(calibration)) => {
                let score = calibration.onnx(&mut graph, &score);
                Ok(graph.file(&score))
            }
            (Exported::File(file), None) => Ok(file.to_vec()),
            (Exported::File(_), Some(_)) => Err(Error::CalibratedFile),
        }
    }

    /// Returns what each feature adds to each row before calibration, given as for [`Scorer::score`]; `None` if the type cannot tell.
    ///
    /// If a feature of a row is NaN or infinite, what is said of the row is ignored.
    pub fn attributions(&self, columns: &[&[f64]]) -> Option<Attributions> {
        self.model.attributions(columns)
    }

    /// Returns how the fit went.
    pub fn fit(&self) -> Fit {
        self.model.fit()
    }

    /// Scores rows, given as one column per feature; NaN where a feature is NaN or infinite.
    ///
    /// # Panics
    /// When the number of columns differs from the number of features, or the columns differ in length.
    pub fn score(&self, columns: &[&[f64]]) -> Vec<f64> {
        assert_eq!(columns.len(), self.features().len(), "one column a feature");
        let mut scores = self.model.score(columns);
        if self.calibration.is_some() {
            scores.iter_mut().for_each(|score| *score = self.calibrate(*score));
        }
        let rows = scores.len();
        assert!(columns.iter().all(|column| column.len() == rows), "columns of one length");
        let mut taints = [0.0; BLOCK];
        for (block, scores) in scores.chunks_mut(BLOCK).enumerate() {
            // 0 times a number is 0, and 0 times NaN or an infinity is NaN.
            taints.fill(0.0);
            for column in columns {
                taints.iter_mut().zip(&column[block * BLOCK..]).for_each(|(taint, value)| *taint += value * 0.0);
            }
            for (score, taint) in scores.iter_mut().zip(taints) {
                *score = if taint.is_nan() { f64::NAN } else { *score };
            }
        }
        scores
    }
}

impl fmt::Debug for Scorer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.model, f)
    }
}

/// Two scorers are equal when they are stored as the same text.
impl PartialEq for Scorer {
    fn eq(&self, other: &Self) -> bool {
        let part = |scorer: &Scorer| scorer.model.part().ok();
        self.model_type == other.model_type && self.calibration == other.calibration && part(self) == part(other)
    }
}

impl Serialize for Scorer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Value::Object(part) = self.model.part().map_err(S::Error::custom)? else {
            return Err(S::Error::custom(format!("a {} model is not stored as an object", self.model_type.name)));
        };
        let mut map = serializer.serialize_map(Some(part.len() + 1))?;
        map.serialize_entry(MODEL_TYPE, self.model_type.name)?;
        for (name, value) in &part {
            map.serialize_entry(name, value)?;
        }
        if let Some(calibration) = &self.calibration {
            map.serialize_entry(CALIBRATION, calibration)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Scorer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut part = Map::deserialize(deserializer)?;
        let name = part.remove(MODEL_TYPE);
        let name = name.as_ref().and_then(Value::as_str).ok_or_else(|| D::Error::missing_field(MODEL_TYPE))?;
        let model_type = ModelType::parse(name).map_err(D::Error::custom)?;
        let calibration = part.remove(CALIBRATION).map(serde_json::from_value::<Calibration>).transpose();
        let calibration = calibration.map_err(D::Error::custom)?;
        if let Some(problem) = calibration.as_ref().and_then(Calibration::problem) {
            return Err(D::Error::custom(problem));
        }
        let model = (model_type.read)(Value::Object(part)).map_err(D::Error::custom)?;
        Ok(Scorer { model_type, model, calibration })
    }
}
