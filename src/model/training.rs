//! From feature columns and labels to a trained model and its metrics.

use serde::{Deserialize, Serialize};

use super::canonical;
use super::Error;
use super::metrics::{Metrics, Sample, SplitMetrics};
use super::options::Options;
use super::ranking::Ranked;
use super::scorer::Scorer;
use super::split::Split;
use super::stripes::each;
use super::types::{ModelType, Threshold};

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
    /// `None` if the threshold is tuned and no validation row is positive.
    pub threshold: Option<f64>,
    /// One entry per split that has rows.
    pub metrics: Vec<SplitMetrics>,
    /// The rows outside training that have no score, because a feature is NaN or infinite.
    pub unscored: u64,
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

/// The largest weight of a row, so that sums of weights stay finite.
const LARGEST_WEIGHT: f64 = 1e100;

/// A feature that is used without standardisation, as artifacts store it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Named {
    pub name: String,
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
            let wrong = rows.iter().filter(|&&row| !(0.0..=LARGEST_WEIGHT).contains(&weights[row])).count() as u64;
            if wrong > 0 {
                return Err(Error::Weight { column: column.clone(), rows: wrong, most: LARGEST_WEIGHT });
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
        let mut taken: Vec<Vec<f64>> = each(columns.len(), |column| rows.iter().map(|&row| columns[column][row]).collect());
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

/// Trains on the rows of split `train`, tunes the threshold on `validation`, and measures all splits.
///
/// The result depends on the set of rows, not on their order.
///
/// # Errors
/// There are no rows, only one class or no features; a feature is constant, NaN or infinite; or the training does not
/// converge.
pub fn train(set: &TrainingSet, options: &Options) -> Result<Trained, Error> {
    if set.features.is_empty() {
        return Err(Error::NoFeatures);
    }
    let model = (options.model_type.train)(TrainingRows::of(set)?, options)?;
    Ok(measure(set, Scorer::new(options.model_type, model)))
}

/// Scores every row. If a feature is NaN or infinite in a row outside training, that row has no score and is not counted.
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
    let model_type = scorer.model_type();
    let threshold = match model_type.threshold {
        Threshold::Fixed(threshold) => Some(threshold),
        Threshold::Tuned => tuned(),
    };
    let metrics = Split::ALL.into_iter().filter(|split| set.splits.contains(split)).map(|split| {
        let (labels, scores) = part(split);
        let sample = Sample::new(&labels, &scores, threshold, model_type.gives_probabilities);
        SplitMetrics { split, metrics: Metrics::measure(&sample) }
    });
    let metrics = metrics.collect();
    let unscored = scores.iter().filter(|score| score.is_nan()).count() as u64;
    Trained { scorer, threshold, metrics, unscored }
}
