//! How a model is made: what is compared, by which folds, and how its scores become probabilities.

use serde_json::Value;

use super::Error;
use super::calibration::Method;
use super::options::Options;
use super::types::{ModelType, TYPES};
use super::walk_forward::Protocol;

/// The most variants that one statement compares.
const MOST_VARIANTS: usize = 500;

/// The word for the usual values of an option, or for the usual types of models.
pub const AUTO: &str = "auto";

/// How a model is made.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    /// What is compared, at least one; the first wins a draw.
    pub candidates: Vec<Options>,
    /// Whether features are left out, one after the other, while that makes the model better.
    pub feature_selection: bool,
    pub calibration: Option<Method>,
    /// The folds by which variants are compared and calibrations learned; `None` if there is neither.
    pub folds: Option<Protocol>,
}

impl Recipe {
    /// Returns the recipe that trains one model on all training rows.
    pub fn of(options: Options) -> Recipe {
        Recipe { candidates: vec![options], feature_selection: false, calibration: None, folds: None }
    }

    /// Returns whether the recipe cannot be followed without folds.
    pub fn needs_folds(&self) -> bool {
        self.candidates.len() > 1 || self.feature_selection || self.calibration.is_some()
    }
}

/// Returns whether a `model_type` stands for the usual types of models.
pub fn is_auto(name: &str) -> bool {
    name.eq_ignore_ascii_case(AUTO)
}

/// Returns the types that a `model_type` means: the one that it names, or those that `auto` compares. Some learn a target only.
///
/// # Errors
/// No type has this name.
pub fn types(name: &str, has_target: bool) -> Result<Vec<&'static ModelType>, Error> {
    if is_auto(name) {
        let tried = TYPES.iter().copied().filter(|known| known.compared && (has_target || !known.learns_target));
        return Ok(tried.collect());
    }
    ModelType::parse(name).map(|found| vec![found])
}

/// Returns every combination of these options with the values of one more: a list or `'auto'` gives it several.
///
/// # Errors
/// A value is outside the option's range, or there are too many combinations.
pub fn with(candidates: &[Options], name: &str, value: &Value) -> Result<Vec<Options>, Error> {
    let mut all = Vec::new();
    for options in candidates {
        for value in options.values(name, value)? {
            let mut options = options.clone();
            options.set(name, &value)?;
            all.push(options);
        }
    }
    if all.len() > MOST_VARIANTS { Err(Error::TooManyVariants { most: MOST_VARIANTS }) } else { Ok(all) }
}
