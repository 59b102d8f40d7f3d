//! Boosted decision trees: a sum of small trees, of which each learns what the trees before it left over.
//!
//! In: feature columns and a loss ([`Loss`]). Out: [`Trees`], a part of an artifact. The features are cut into at most 255 bins, and
//! a tree grows leaf by leaf where a split gains most: Ke et al. 2017 (LightGBM), with the second-order gains of Chen and Guestrin
//! 2016, doi:10.1145/2939672.2939785. A result depends on the rows, the settings and the seed alone: each sum is made by one thread,
//! in the order of the rows. See docs/decisions/boosted_trees.md.

mod bins;
mod boosting;
mod growing;
mod no_split;
mod scoring;
mod settings;
mod tree;

pub use boosting::{Logistic, Squared, fit};
pub use settings::{OPTIONS, Settings};
pub use tree::Trees;
