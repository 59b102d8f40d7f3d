//! The options of boosted trees, and what they say.

use super::growing::Limits;
use crate::model::Error;
use crate::model::class_weight::CLASS_WEIGHT;
use crate::model::options::{ModelOption, Options, Range};
use crate::text::did_you_mean;

const MAX_ITERATIONS: ModelOption = ModelOption {
    name: "max_iterations",
    meaning: "the number of trees",
    default: 100.0,
    usual: &[],
    range: Range::WholeFrom(1),
};

const LEARN_RATE: ModelOption = ModelOption {
    name: "learn_rate",
    meaning: "the share of each tree's values that counts",
    default: 0.1,
    usual: &[],
    range: Range::UpTo(0.0, 1.0),
};

const MAX_LEAVES: ModelOption = ModelOption {
    name: "max_leaves",
    meaning: "the most leaves of a tree: LightGBM's num_leaves",
    default: 8.0,
    usual: &[],
    range: Range::WholeFrom(2),
};

const MAX_TREE_DEPTH: ModelOption = ModelOption {
    name: "max_tree_depth",
    meaning: "the most splits between a tree's root and a leaf",
    default: 6.0,
    usual: &[],
    range: Range::WholeFrom(1),
};

const MIN_SAMPLES_LEAF: ModelOption = ModelOption {
    name: "min_samples_leaf",
    meaning: "the fewest training rows of a leaf",
    default: 20.0,
    usual: &[],
    range: Range::WholeFrom(1),
};

const L2_REG: ModelOption = ModelOption {
    name: "l2_reg",
    meaning: "the weight of the penalty on large leaf values: LightGBM's lambda_l2",
    default: 1.0,
    usual: &[],
    range: Range::AtLeast(0.0),
};

const SUBSAMPLE: ModelOption = ModelOption {
    name: "subsample",
    meaning: "the share of training rows that each tree sees; a tree draws its own",
    default: 1.0,
    usual: &[],
    range: Range::UpTo(0.0, 1.0),
};

const SEED: ModelOption = ModelOption {
    name: "seed",
    meaning: "which rows subsample draws",
    default: 0.0,
    usual: &[],
    range: Range::WholeFrom(0),
};

const MONOTONE_CONSTRAINTS: ModelOption = ModelOption {
    name: "monotone_constraints",
    meaning: "features with which the prediction may only rise (+) or only fall (-)",
    default: 0.0,
    usual: &[],
    range: Range::Texts("a list of features with their signs, such as ['+log_rv_60s', '-log_spread_60s']"),
};

/// The options of boosted trees.
pub const OPTIONS: [ModelOption; 10] = [
    MAX_ITERATIONS,
    LEARN_RATE,
    MAX_LEAVES,
    MAX_TREE_DEPTH,
    MIN_SAMPLES_LEAF,
    L2_REG,
    CLASS_WEIGHT,
    SUBSAMPLE,
    SEED,
    MONOTONE_CONSTRAINTS,
];

/// The values of the options.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    pub trees: usize,
    pub subsample: f64,
    pub seed: u64,
    pub limits: Limits,
}

impl Settings {
    /// Reads the options.
    ///
    /// # Errors
    /// `monotone_constraints` names a feature without a sign, twice, or one that does not exist.
    pub fn of(options: &Options, features: &[(String, Vec<f64>)]) -> Result<Settings, Error> {
        let whole = |option| options.number(option) as usize;
        let limits = Limits {
            leaves: whole(&MAX_LEAVES),
            depth: whole(&MAX_TREE_DEPTH),
            rows: whole(&MIN_SAMPLES_LEAF) as u64,
            l2: options.number(&L2_REG),
            learn_rate: options.number(&LEARN_RATE),
            gain: 0.0,
            monotone: monotone(&options.texts(&MONOTONE_CONSTRAINTS), features)?,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
        };
        let (subsample, seed) = (options.number(&SUBSAMPLE), options.number(&SEED) as u64);
        Ok(Settings { trees: whole(&MAX_ITERATIONS), subsample, seed, limits })
    }
}

/// Returns the sign of each feature.
fn monotone(given: &[&str], features: &[(String, Vec<f64>)]) -> Result<Vec<i8>, Error> {
    let names = || features.iter().map(|(name, _)| name.as_str());
    let mut signs = vec![0; features.len()];
    for text in given {
        let sign = match text.chars().next() {
            Some('+') => 1,
            Some('-') => -1,
            _ => return Err(Error::Sign { given: (*text).into() }),
        };
        let name = &text[1..];
        let place = names().position(|known| known == name);
        let unknown = || Error::NoFeature {
            option: MONOTONE_CONSTRAINTS.name,
            feature: name.into(),
            suggestion: did_you_mean(name, names()),
        };
        let place = place.ok_or_else(unknown)?;
        if signs[place] != 0 {
            return Err(Error::SignTwice { feature: name.into() });
        }
        signs[place] = sign;
    }
    Ok(signs)
}
