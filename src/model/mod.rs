//! Model artifacts, training and scoring as pure numerics on slices; and the model registry on disk.
//!
//! In: feature columns and labels ([`TrainingSet`]), a type of model and its options ([`Options`]). Out: an [`Artifact`],
//! which holds everything that scoring needs. The table [`types::TYPES`] lists the types of models, and the table
//! [`metrics::METRICS`] lists the metrics.

mod artifact;
mod basis;
pub mod bootstrap;
pub mod calibration;
mod canonical;
mod cholesky;
mod class_weight;
pub mod confusion;
pub mod curve;
pub mod episodes;
mod error;
mod exceedance;
mod exponential;
pub mod fixed_sum;
mod gram;
pub mod importance;
mod inputs;
mod linear;
mod logistic;
pub mod metrics;
mod onnx;
pub mod options;
pub mod probability;
pub mod ranking;
pub mod recipe;
mod registry;
mod residuals;
mod ridge;
mod scorer;
mod search;
mod separation;
mod sketch;
mod split;
mod standard;
mod stripes;
pub mod sweep;
mod training;
mod trees;
pub mod types;
mod validation;
pub mod verdict;
pub mod walk_forward;

pub use artifact::{Artifact, FORMAT, Preparation, Training, as_onnx};
pub use basis::{Basis, LabelQuery, OVERLAPPING, PRODUCT, Reach, Stretch, TAU};
pub use error::{Error, Overlap, WEIGHT_COL};
pub use inputs::{Input, MOST_CATEGORIES, encode, ranges, taken};
pub use metrics::{Metrics, SplitMetrics};
pub use options::Options;
pub use recipe::Recipe;
pub use registry::{Registry, Saved, When};
pub use scorer::Scorer;
pub use search::refit;
pub use separation::SEPARATED;
pub use sketch::{Sketch, Sketched, sketch};
pub use split::Split;
pub use training::{Trained, TrainingRows, TrainingSet, train};
pub use types::{ModelType, Role};
pub use validation::{FoldFigures, TIED, Validation, Variant};
pub use walk_forward::OutOfFold;

/// The most letters of a model's name, which is part of names of files.
pub const LONGEST_NAME: usize = 100;

/// Returns whether a name is valid for a model: letters, digits and underscores, starting with a letter, and not too long.
pub fn valid_name(name: &str) -> bool {
    name.len() <= LONGEST_NAME
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

/// Returns whether a name is valid for an alias of a version: letters, digits, `_` and `-`, starting with a letter. `latest` and `v2`
/// would be taken for versions.
pub fn valid_alias(alias: &str) -> bool {
    let of_version = alias.strip_prefix(['v', 'V']).is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit()));
    alias.starts_with(|first: char| first.is_ascii_alphabetic())
        && alias.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-')
        && !of_version
        && !alias.eq_ignore_ascii_case("latest")
        && alias.len() <= 255
}
