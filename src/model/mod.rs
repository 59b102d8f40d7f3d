//! Model artifacts, training and scoring as pure numerics on slices; the model registry on disk.
//!
//! In: feature columns and labels ([`TrainingSet`]), hyperparameters. Out: an [`Artifact`], from which anyone can score.

mod artifact;
pub mod confusion;
pub mod curve;
mod error;
pub mod fixed_sum;
mod logistic;
pub mod probability;
pub mod ranking;
mod registry;
mod scorer;
mod split;
mod standard;
mod training;

pub use artifact::{Artifact, FORMAT, Training};
pub use error::Error;
pub use registry::Registry;
pub use scorer::{Named, Scorer, Term};
pub use split::{Metrics, Split};
pub use training::{Hyperparameters, ModelType, Trained, TrainingSet, train};

/// Returns whether a name can be a model's: letters, digits and underscores, a letter first.
pub fn valid_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}
