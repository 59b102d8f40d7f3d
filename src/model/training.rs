//! From feature columns and labels to a trained model and its metrics.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::Error;
use super::canonical;
use super::metrics::{Metrics, NO_THRESHOLD, Sample, SplitMetrics};
use super::options::Options;
use super::ranking::Ranked;
use super::recipe::Recipe;
use super::scorer::Scorer;
use super::search::{self, Found};
use super::split::Split;
use super::stripes::each;
use super::types::{ModelType, Threshold};
use super::validation::Validation;
use super::walk_forward::OutOfFold;

/// A training set by columns, all of the same length; rows with a NULL were left out before.
#[derive(Debug, Clone, Default)]
pub struct TrainingSet {
    /// Feature names and values.
    pub features: Vec<(String, Vec<f64>)>,
    pub labels: Vec<bool>,
    pub splits: Vec<Split>,
    /// The number behind the label, by its column: a row is positive if it is at least tau. `None` if the statement names none.
    pub target: Option<(String, Vec<f64>)>,
    /// How much each row counts in training, by its column. `None` if the statement names none.
    pub weights: Option<(String, Vec<f64>)>,
    /// The number of rows that were left out because of a NULL.
    pub skipped: u64,
}

/// The result of training.
#[derive(Debug, Clone, PartialEq)]
pub struct Trained {
    pub scorer: Scorer,
    /// Those that were chosen, if several were compared.
    pub options: Options,
    /// `None` if the threshold is tuned and no validation row is positive.
    pub threshold: Option<f64>,
    /// One entry per split that has rows.
    pub metrics: Vec<SplitMetrics>,
    /// The rows outside training that have no score, because a feature is NaN or infinite.
    pub unscored: u64,
    /// What the folds said, if there were any, and the rows that they judged.
    pub validation: Option<Validation>,
    pub out_of_fold: Vec<OutOfFold>,
}

/// The training rows: finite features, labels of both classes, in an order that does not depend on the query's order.
#[derive(Debug, Clone)]
pub struct TrainingRows {
    /// Feature names and values.
    pub features: Vec<(String, Vec<f64>)>,
    pub labels: Vec<bool>,
    /// The number behind the label, finite, by its column.
    pub target: Option<(String, Vec<f64>)>,
    /// How much each row counts, above 0; `None` if each counts once.
    pub weights: Option<Vec<f64>>,
}

/// The weights that a row can have besides 0: products of them are neither infinite nor rounded to 0.
const WEIGHTS: RangeInclusive<f64> = 1e-100..=1e100;

/// A feature that is used without standardisation, as artifacts store it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Named {
    pub name: String,
}

impl TrainingSet {
    /// Returns some rows, all of which train.
    pub fn part(&self, rows: &[usize]) -> TrainingSet {
        let take = |(name, column): &(String, Vec<f64>)| (name.clone(), rows.iter().map(|&row| column[row]).collect());
        TrainingSet {
            features: self.features.iter().map(take).collect(),
            labels: rows.iter().map(|&row| self.labels[row]).collect(),
            splits: vec![Split::Train; rows.len()],
            target: self.target.as_ref().map(take),
            weights: self.weights.as_ref().map(take),
            skipped: 0,
        }
    }

    /// Makes the label anew: a row is positive if its target is at least tau. Without a target, the labels stay.
    pub fn label_from(&mut self, tau: f64) {
        if let Some((_, target)) = &self.target {
            self.labels = target.iter().map(|value| *value >= tau).collect();
        }
    }

    /// Scores every row by the features that the model takes.
    ///
    /// # Panics
    /// When the set lacks a feature of the model.
    pub fn scores(&self, scorer: &Scorer) -> Vec<f64> {
        let column = |name: &str| {
            let found = self.features.iter().find(|(known, _)| known == name);
            found.map(|(_, column)| column.as_slice()).expect("a model takes features of the set that trained it")
        };
        let columns: Vec<&[f64]> = scorer.features().into_iter().map(column).collect();
        scorer.score(&columns)
    }
}

impl TrainingRows {
    /// Takes the training rows from a set. A row of weight 0 does not train.
    pub fn of(set: &TrainingSet) -> Result<TrainingRows, Error> {
        let train = |&row: &usize| set.splits[row] == Split::Train;
        let mut rows: Vec<usize> = (0..set.labels.len()).filter(train).collect();
        if rows.is_empty() {
            return Err(Error::NoRows { skipped: set.skipped });
        }
        if let Some((column, weights)) = &set.weights {
            let fits = |weight: f64| weight == 0.0 || WEIGHTS.contains(&weight);
            let wrong = rows.iter().filter(|&&row| !fits(weights[row])).count() as u64;
            if wrong > 0 {
                return Err(Error::Weight { column: column.clone(), rows: wrong, possible: WEIGHTS });
            }
            rows.retain(|&row| weights[row] > 0.0);
            if rows.is_empty() {
                return Err(Error::NoWeight { column: column.clone() });
            }
        }
        let positives = rows.iter().filter(|&&row| set.labels[row]).count();
        if positives == 0 || positives == rows.len() {
            return Err(Error::OneClass { rows: rows.len() as u64, positive: positives > 0 });
        }
        for (feature, column) in set.features.iter().chain(&set.target) {
            let infinite = rows.iter().filter(|&&row| !column[row].is_finite()).count() as u64;
            if infinite > 0 {
                return Err(Error::NotFinite { feature: feature.clone(), rows: infinite });
            }
        }
        // A query returns its rows in any order, and sums of floats depend on the order.
        let all = set.features.iter().chain(&set.target).chain(&set.weights);
        let columns: Vec<&[f64]> = all.map(|(_, column)| column.as_slice()).collect();
        let rows = canonical::order(&rows, &columns, &set.labels);
        let mut taken: Vec<Vec<f64>> =
            each(columns.len(), |column| rows.iter().map(|&row| columns[column][row]).collect());
        let weights = set.weights.as_ref().and_then(|_| taken.pop());
        let target = set.target.as_ref().and_then(|(name, _)| Some((name.clone(), taken.pop()?)));
        let names = set.features.iter().map(|(name, _)| name.clone());
        Ok(TrainingRows {
            features: names.zip(taken).collect(),
            labels: rows.iter().map(|&row| set.labels[row]).collect(),
            target,
            weights,
        })
    }

    /// Returns the only feature, for a type that takes exactly one.
    ///
    /// # Errors
    /// There are several features.
    pub fn only_feature(mut self, model_type: &ModelType) -> Result<(Named, Vec<f64>), Error> {
        match self.features.pop() {
            Some((name, column)) if self.features.is_empty() => Ok((Named { name }, column)),
            last => {
                let all = self.features.into_iter().chain(last);
                Err(Error::NotOneFeature { model_type: model_type.name, given: all.map(|(name, _)| name).collect() })
            }
        }
    }
}

/// Trains as the recipe says on the rows of split `train`, tunes the threshold on `validation`, and measures all splits. `times` has the
/// time of each row, in nanoseconds, where it is known.
///
/// The result depends on the set of rows, not on their order.
///
/// # Errors
/// There are no rows, only one class or no features; a feature is constant, NaN or infinite; the training does not converge; or the
/// recipe needs folds and they cannot be made.
pub fn train(set: &TrainingSet, times: &[Option<i64>], recipe: &Recipe) -> Result<Trained, Error> {
    if set.features.is_empty() {
        return Err(Error::NoFeatures);
    }
    measure(set, search::find(set, times, recipe)?)
}

/// Scores every row. If a feature of the model is NaN or infinite in a row outside training, that row has no score and is not counted.
///
/// # Errors
/// The score of a row should be a probability and is none.
fn measure(set: &TrainingSet, found: Found) -> Result<Trained, Error> {
    let Found { scorer, options, validation, out_of_fold } = found;
    let scores = set.scores(&scorer);
    scorer.check("the model", &scores)?;
    let part = |split| -> (Vec<bool>, Vec<f64>) {
        let rows = (0..scores.len()).filter(|&row| set.splits[row] == split && !scores[row].is_nan());
        rows.map(|row| (set.labels[row], scores[row])).unzip()
    };
    let has = |split: fn(Split) -> bool| set.splits.iter().any(|known| split(*known));
    let (has_validation, held_out) = (has(|split| split == Split::Validation), has(|split| split != Split::Train));
    let tuned = || {
        let (labels, scores) = match (has_validation, out_of_fold.is_empty()) {
            (true, _) => part(Split::Validation),
            // Test rows must not tune anything.
            (false, true) => part(if held_out { Split::Validation } else { Split::Train }),
            // The judged rows of the folds did not train, so they serve as validation rows.
            (false, false) => {
                let known = out_of_fold.iter().filter(|row| !row.score.is_nan());
                known.map(|row| (row.label, scorer.calibrate(row.score))).unzip()
            }
        };
        Ranked::new(&labels, &scores)?.best_f1_threshold()
    };
    let threshold = match scorer.model_type().threshold {
        Threshold::Fixed(threshold) => Some(threshold),
        Threshold::Tuned => tuned(),
    };
    let not_tuned = match (has_validation, out_of_fold.is_empty()) {
        (false, true) => "the training set has no validation rows",
        _ => "no validation row is positive",
    };
    let metrics = Split::ALL.into_iter().filter(|split| set.splits.contains(split)).map(|split| {
        let (labels, scores) = part(split);
        let sample = Sample::new(&labels, &scores, threshold, scorer.gives_probabilities());
        let mut metrics = Metrics::measure(&sample);
        if metrics.reason.as_deref() == Some(NO_THRESHOLD) {
            metrics.reason = Some(format!("{NO_THRESHOLD}: {not_tuned}"));
        }
        SplitMetrics { split, metrics }
    });
    let metrics = metrics.collect();
    let unscored = scores.iter().filter(|score| score.is_nan()).count() as u64;
    Ok(Trained { scorer, options, threshold, metrics, unscored, validation, out_of_fold })
}
