//! A trained model of any type, which computes a row's score from its features; and how an artifact stores it.

use std::fmt;

use serde::de::Error as _;
use serde::ser::{Error as _, SerializeMap};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::stripes::BLOCK;
use super::types::{AnyModel, ModelType, Weight};

/// The artifact's field that names the type.
const MODEL_TYPE: &str = "model_type";

/// A trained model of any type: everything that scoring needs.
#[derive(Clone)]
pub struct Scorer {
    model_type: &'static ModelType,
    model: AnyModel,
}

impl Scorer {
    /// Makes a scorer of a model and its type.
    pub fn new(model_type: &'static ModelType, model: AnyModel) -> Scorer {
        Scorer { model_type, model }
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

    /// Scores rows, given as one column per feature; NaN where a feature is NaN or infinite.
    ///
    /// # Panics
    /// When the number of columns differs from the number of features, or the columns differ in length.
    pub fn score(&self, columns: &[&[f64]]) -> Vec<f64> {
        assert_eq!(columns.len(), self.features().len(), "one column a feature");
        let mut scores = self.model.score(columns);
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
        self.model_type == other.model_type && part(self) == part(other)
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
        map.end()
    }
}

impl<'de> Deserialize<'de> for Scorer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut part = Map::deserialize(deserializer)?;
        let name = part.remove(MODEL_TYPE);
        let name = name.as_ref().and_then(Value::as_str).ok_or_else(|| D::Error::missing_field(MODEL_TYPE))?;
        let model_type = ModelType::parse(name).map_err(D::Error::custom)?;
        let model = (model_type.read)(Value::Object(part)).map_err(D::Error::custom)?;
        Ok(Scorer { model_type, model })
    }
}
