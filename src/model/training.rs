//! From feature columns and labels to a trained model and its metrics.

use super::probability::quantile_sorted;
use super::ranking::Ranked;
use super::scorer::{Named, Scorer, Term};
use super::split::{Metrics, Split};
use super::standard::Standard;
use super::{Error, logistic};
use crate::text::did_you_mean;

/// The kinds of model, named as `model_type` spells them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelType {
    LogisticReg,
    Naive,
    QuantileThreshold,
}

impl ModelType {
    pub const NAMES: [&'static str; 3] = ["logistic_reg", "naive", "quantile_threshold"];

    /// Returns the name that `model_type` takes.
    pub fn as_str(self) -> &'static str {
        match self {
            ModelType::LogisticReg => "logistic_reg",
            ModelType::Naive => "naive",
            ModelType::QuantileThreshold => "quantile_threshold",
        }
    }

    /// Reads a `model_type`; case does not count.
    ///
    /// # Errors
    /// A name that no type has.
    pub fn parse(name: &str) -> Result<ModelType, Error> {
        match name.to_lowercase().as_str() {
            "logistic_reg" => Ok(ModelType::LogisticReg),
            "naive" => Ok(ModelType::Naive),
            "quantile_threshold" => Ok(ModelType::QuantileThreshold),
            _ => Err(Error::ModelType { given: name.into(), suggestion: did_you_mean(name, ModelType::NAMES) }),
        }
    }
}

/// How to train.
#[derive(Debug, Clone, PartialEq)]
pub struct Hyperparameters {
    pub model_type: ModelType,
    /// Weight of half the squared norm of the coefficients beside the sum of log losses: scikit-learn's 1 / C.
    pub l2_reg: f64,
    pub max_iterations: u64,
    /// Where a `quantile_threshold` model cuts, in (0, 1).
    pub quantile: f64,
}

impl Default for Hyperparameters {
    fn default() -> Self {
        Hyperparameters { model_type: ModelType::LogisticReg, l2_reg: 1.0, max_iterations: 1000, quantile: 0.95 }
    }
}

/// A training set by columns, all of one length; rows with a NULL are left out before.
#[derive(Debug, Clone, Default)]
pub struct TrainingSet {
    /// Feature names and values.
    pub features: Vec<(String, Vec<f64>)>,
    pub labels: Vec<bool>,
    pub splits: Vec<Split>,
    /// Rows that were left out for a NULL.
    pub skipped: u64,
}

/// What training gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Trained {
    pub scorer: Scorer,
    /// The rule's own threshold, or the one with the best F1 on validation rows (on all rows where nothing was set aside for validation or test);
    /// `None` where no validation row is positive.
    pub threshold: Option<f64>,
    /// One entry a split that has rows.
    pub metrics: Vec<Metrics>,
}

/// Trains on the rows of split `train`, tunes the threshold on `validation`, measures all.
///
/// The result depends on the set of rows, not on their order.
///
/// # Errors
/// No rows, one class only, no features, a feature that is constant, NaN or infinite, or no convergence.
pub fn train(set: &TrainingSet, parameters: &Hyperparameters) -> Result<Trained, Error> {
    if set.features.is_empty() {
        return Err(Error::NoFeatures);
    }
    let part = |split| (0..set.labels.len()).filter(move |&row| set.splits[row] == split);
    let mut rows: Vec<usize> = part(Split::Train).collect();
    let positives = rows.iter().filter(|&&row| set.labels[row]).count();
    if rows.is_empty() {
        return Err(Error::NoRows { skipped: set.skipped });
    }
    if positives == 0 || positives == rows.len() {
        return Err(Error::OneClass { rows: rows.len() as u64, positive: positives > 0 });
    }
    // A query's rows come in any order, and sums of floats depend on it.
    rows.sort_unstable_by(|&a, &b| {
        let features = set.features.iter().map(|(_, column)| column[a].total_cmp(&column[b]));
        features.fold(set.labels[a].cmp(&set.labels[b]), |order, next| order.then(next))
    });
    for (feature, column) in &set.features {
        let infinite = rows.iter().filter(|&&row| !column[row].is_finite()).count() as u64;
        if infinite > 0 {
            return Err(Error::NotFinite { feature: feature.clone(), rows: infinite });
        }
    }
    let scorer = match parameters.model_type {
        ModelType::LogisticReg => logistic_reg(set, &rows, parameters)?,
        ModelType::Naive => Scorer::Naive { features: [only_feature(set, parameters.model_type)?] },
        ModelType::QuantileThreshold => {
            let feature = only_feature(set, parameters.model_type)?;
            let mut column: Vec<f64> = rows.iter().map(|&row| set.features[0].1[row]).collect();
            column.sort_unstable_by(f64::total_cmp);
            let cut = quantile_sorted(&column, parameters.quantile);
            Scorer::QuantileThreshold { quantile: parameters.quantile, cut, features: [feature] }
        }
    };
    Ok(measure(set, scorer))
}

fn logistic_reg(set: &TrainingSet, rows: &[usize], parameters: &Hyperparameters) -> Result<Scorer, Error> {
    let labels: Vec<bool> = rows.iter().map(|&row| set.labels[row]).collect();
    let mut standards = Vec::new();
    let mut columns = Vec::new();
    for (feature, column) in &set.features {
        let mut column: Vec<f64> = rows.iter().map(|&row| column[row]).collect();
        if column.iter().all(|value| value == &column[0]) {
            return Err(Error::Constant { feature: feature.clone(), value: column[0] });
        }
        let standard = Standard::of(&column);
        column.iter_mut().for_each(|value| *value = standard.apply(*value));
        standards.push(standard);
        columns.push(column);
    }
    let fitted = logistic::fit(&columns, &labels, parameters.l2_reg, parameters.max_iterations)?;
    let terms = set.features.iter().zip(standards).zip(fitted.coefficients);
    let features = terms.map(|(((name, _), standard), coefficient)| Term {
        name: name.clone(),
        mean: standard.mean,
        scale: standard.scale,
        coefficient,
    });
    Ok(Scorer::LogisticReg { intercept: fitted.intercept, features: features.collect() })
}

fn only_feature(set: &TrainingSet, model_type: ModelType) -> Result<Named, Error> {
    match set.features.as_slice() {
        [(name, _)] => Ok(Named { name: name.clone() }),
        features => Err(Error::NotOneFeature {
            model_type: model_type.as_str(),
            given: features.iter().map(|(name, _)| name.clone()).collect(),
        }),
    }
}

/// Scores every row; rows outside training whose features are not finite have no score and do not count.
fn measure(set: &TrainingSet, scorer: Scorer) -> Trained {
    let columns: Vec<&[f64]> = set.features.iter().map(|(_, column)| column.as_slice()).collect();
    let scores = scorer.score(&columns);
    let part = |split| -> (Vec<bool>, Vec<f64>) {
        let rows = (0..scores.len()).filter(|&row| set.splits[row] == split && !scores[row].is_nan());
        rows.map(|row| (set.labels[row], scores[row])).unzip()
    };
    let held_out = set.splits.iter().any(|&split| split != Split::Train);
    let tuned = || {
        let (labels, scores) = part(if held_out { Split::Validation } else { Split::Train });
        Ranked::new(&labels, &scores)?.best_f1_threshold()
    };
    let threshold = scorer.own_threshold().or_else(tuned);
    let metrics = Split::ALL.into_iter().filter(|split| set.splits.contains(split)).map(|split| {
        let (labels, scores) = part(split);
        Metrics::measure(split, &labels, &scores, threshold, scorer.is_probability())
    });
    let metrics = metrics.collect();
    Trained { scorer, threshold, metrics }
}
