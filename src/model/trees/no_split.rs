//! Why no split of the training rows helps, and what to do about it.

use super::bins::Binned;
use super::boosting::{ROUNDING, to_explain};
use super::growing::{Limits, Pair};
use crate::model::Error;
use crate::model::error::plain;

/// Says why no split helps, given the pairs at the start and the most rows that a tree saw.
pub fn no_split(features: &[Binned], pairs: &[Pair], most: usize, limits: &Limits) -> Error {
    let (rows, fewest) = (pairs.len() as u64, limits.rows);
    let error = |why: String, remedy| Error::NoSplit { rows, why, remedy };
    if features.iter().all(|feature| feature.count() < 2) {
        return error("the features are constant".into(), "select features that differ between the rows");
    }
    if rows / 2 < fewest {
        return error(
            format!("two leaves of {fewest} rows need more"),
            "lower min_samples_leaf, or train on more data",
        );
    }
    if most as u64 / 2 < fewest {
        let why = format!("subsample gives a tree {most} of them at most, and two leaves of {fewest} rows need more");
        return error(why, "raise subsample, or lower min_samples_leaf");
    }
    let curvature: f64 = pairs.iter().map(|pair| pair.hessian).sum();
    if curvature < ROUNDING * limits.l2 {
        let why = format!("the penalty l2_reg = {} outweighs their weights", plain(limits.l2));
        return error(why, "lower l2_reg, or multiply the weights by a number such as 1e9");
    }
    if to_explain(pairs) < f64::MIN_POSITIVE {
        let why = "the numbers that they learn differ by so little that the squares are 0".into();
        return error(why, "multiply target_col and its threshold by a number such as 1e9 in the query");
    }
    let why = format!("the features do not tell them apart in leaves of {fewest} rows");
    error(why, "lower min_samples_leaf, relax monotone_constraints, or select other features")
}
