//! Follows a recipe: compares variants over folds of the training rows, trains the best on all of them, and calibrates its scores.
//!
//! In: a training set with the times of its rows, and a [`Recipe`]. Out: [`Found`]: the model, and what the folds said. Only rows of split
//! `train` take part, so validation and test rows judge the result. The best variant is the one with the highest average precision over
//! the judged rows of all folds; among equals, the first.

use chrono::{DateTime, SecondsFormat};

use super::Error;
use super::calibration::Calibration;
use super::metrics::{Metrics, Sample};
use super::options::Options;
use super::ranking::Ranked;
use super::recipe::Recipe;
use super::scorer::Scorer;
use super::split::Split;
use super::training::{TrainingRows, TrainingSet};
use super::types::Threshold;
use super::validation::{FoldFigures, Validation, Variant};
use super::walk_forward::{Fold, OutOfFold, Protocol, walk_forward};

const SECOND_NS: f64 = 1e9;

/// A trained model, and how it was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    pub scorer: Scorer,
    pub options: Options,
    /// What the folds said; `None` if the recipe has none.
    pub validation: Option<Validation>,
    /// The judged rows of all folds, by fold and time, with the scores before calibration.
    pub out_of_fold: Vec<OutOfFold>,
}

/// A variant that was tried, and its folds.
struct Tried {
    options: Options,
    set: TrainingSet,
    folds: Vec<Fold>,
    average_precision: f64,
}

/// Follows a recipe. `times` has the time of each row of the set, in nanoseconds, where it is known.
///
/// # Errors
/// A time is missing, no variant can be trained, or the calibration does not fit the type of model.
pub fn find(set: &TrainingSet, times: &[Option<i64>], recipe: &Recipe) -> Result<Found, Error> {
    let Some(protocol) = &recipe.folds else {
        let options = recipe.candidates[0].clone();
        return Ok(Found { scorer: fit(set, &options)?, options, validation: None, out_of_fold: Vec::new() });
    };
    let rows: Vec<usize> = (0..set.labels.len()).filter(|&row| set.splits[row] == Split::Train).collect();
    let times: Option<Vec<i64>> = rows.iter().map(|&row| times.get(row).copied().flatten()).collect();
    let times = times.ok_or(Error::NoTime)?;
    let training = set.part(&rows);
    let mut search = Search { times: &times, protocol, tried: Vec::new() };
    let mut best: Option<Tried> = None;
    let mut failed = None;
    for options in &recipe.candidates {
        match search.attempt(&training, options) {
            Ok(tried) => keep_better(&mut best, tried),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    let Some(mut best) = best else { return Err(failed.unwrap_or(Error::NoRows { skipped: set.skipped })) };
    if recipe.feature_selection {
        best = search.leave_features_out(best);
    }
    let mut scorer = fit(&best.set, &best.options)?;
    let judged = best.folds.iter().flat_map(Fold::judged);
    let out_of_fold: Vec<OutOfFold> = judged.map(|judged| OutOfFold { row: rows[judged.row], ..judged }).collect();
    if let Some(method) = recipe.calibration {
        let model_type = best.options.model_type;
        if !matches!(model_type.threshold, Threshold::Tuned) {
            return Err(Error::NotCalibrated { model_type: model_type.name });
        }
        let known = out_of_fold.iter().filter(|row| !row.score.is_nan());
        let (labels, scores): (Vec<bool>, Vec<f64>) = known.map(|row| (row.label, row.score)).unzip();
        let positives = labels.iter().filter(|label| **label).count();
        if positives == 0 || positives == labels.len() {
            return Err(Error::OneClass { rows: labels.len() as u64, positive: positives > 0 });
        }
        scorer = scorer.calibrated(Calibration::learn(method, &labels, &scores, model_type.gives_probabilities));
    }
    let validation = Validation {
        protocol: "walk_forward".into(),
        blocks: protocol.blocks,
        train_blocks: protocol.train_blocks,
        window: protocol.window.name().into(),
        purge_s: protocol.purge_ns as f64 / SECOND_NS,
        embargo_s: protocol.embargo_ns as f64 / SECOND_NS,
        folds: best.folds.iter().map(|fold| figures(fold, &best.options, &times)).collect(),
        metrics: pooled(&best.folds, &best.options),
        variants: search.tried,
    };
    Ok(Found { scorer, options: best.options, validation: Some(validation), out_of_fold })
}

/// Trains one model on the training rows of a set.
fn fit(set: &TrainingSet, options: &Options) -> Result<Scorer, Error> {
    let model = (options.model_type.train)(TrainingRows::of(set)?, options)?;
    Ok(Scorer::new(options.model_type, model))
}

struct Search<'a> {
    times: &'a [i64],
    protocol: &'a Protocol,
    tried: Vec<Variant>,
}

impl Search<'_> {
    /// Trains and judges a variant, and notes what came of it.
    fn attempt(&mut self, set: &TrainingSet, options: &Options) -> Result<Tried, Error> {
        let folds = walk_forward(set, self.times, self.protocol, |training, _| fit(training, options));
        let judged = folds.and_then(|folds| Ok((average_precision(&folds).ok_or(Error::NoFigure)?, folds)));
        self.tried.push(Variant {
            model_type: options.model_type.name.into(),
            options: options.recorded(),
            features: set.features.iter().map(|(name, _)| name.clone()).collect(),
            average_precision: judged.as_ref().ok().map(|(figure, _)| *figure),
            problem: judged.as_ref().err().map(ToString::to_string),
        });
        let (average_precision, folds) = judged?;
        Ok(Tried { options: options.clone(), set: set.clone(), folds, average_precision })
    }

    /// Leaves out the feature without which the model is best, as long as that is better than with it.
    fn leave_features_out(&mut self, mut best: Tried) -> Tried {
        while best.set.features.len() > 1 {
            let mut next: Option<Tried> = None;
            for place in 0..best.set.features.len() {
                let mut set = best.set.clone();
                set.features.remove(place);
                // What cannot be trained is noted among the variants.
                if let Ok(tried) = self.attempt(&set, &best.options) {
                    keep_better(&mut next, tried);
                }
            }
            match next.filter(|next| next.average_precision > best.average_precision) {
                Some(next) => best = next,
                None => break,
            }
        }
        best
    }
}

fn keep_better(best: &mut Option<Tried>, tried: Tried) {
    if best.as_ref().is_none_or(|best| tried.average_precision > best.average_precision) {
        *best = Some(tried);
    }
}

/// Returns the labels and scores of all folds together, of the rows that have a score.
fn together(folds: &[Fold]) -> (Vec<bool>, Vec<f64>) {
    let rows = folds.iter().flat_map(|fold| fold.labels.iter().copied().zip(fold.scores.iter().copied()));
    rows.filter(|(_, score)| !score.is_nan()).unzip()
}

fn average_precision(folds: &[Fold]) -> Option<f64> {
    let (labels, scores) = together(folds);
    Ranked::new(&labels, &scores)?.average_precision()
}

fn pooled(folds: &[Fold], options: &Options) -> Metrics {
    let (labels, scores) = together(folds);
    let sample = Sample::new(&labels, &scores, None, options.model_type.gives_probabilities);
    Metrics { reason: Some("each fold has its own threshold".into()), ..Metrics::measure(&sample) }
}

fn figures(fold: &Fold, options: &Options, times: &[i64]) -> FoldFigures {
    let (labels, scores) = together(std::slice::from_ref(fold));
    let sample = Sample::new(&labels, &scores, fold.threshold, options.model_type.gives_probabilities);
    let time = |row: Option<&usize>| {
        row.map(|&row| DateTime::from_timestamp_nanos(times[row]).to_rfc3339_opts(SecondsFormat::AutoSi, true))
    };
    FoldFigures {
        fold: fold.number,
        from: time(fold.rows.first()),
        to: time(fold.rows.last()),
        training_rows: fold.training_rows,
        tau: fold.tau,
        threshold: fold.threshold,
        metrics: Metrics::measure(&sample),
    }
}

/// Trains as the recipe says on the training rows of a fold, for validation around the whole recipe.
///
/// # Errors
/// As [`find`].
pub fn refit(set: &TrainingSet, times: &[i64], recipe: &Recipe) -> Result<Scorer, Error> {
    let times: Vec<Option<i64>> = times.iter().copied().map(Some).collect();
    find(set, &times, recipe).map(|found| found.scorer)
}
