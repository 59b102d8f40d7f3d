//! Walk-forward validation: a model is trained on the past and judged on the block that follows, block after block.
//!
//! In: rows with times and the number behind their label. Out: for each fold its tau, and the score and the label of each of its
//! rows. The rows are cut by time into blocks of about equally many rows. The first blocks only train. Tau is a quantile over the
//! training rows of the fold, so that no fold knows the future. See López de Prado 2018, chapter 7, for purge and embargo.

use super::Error;
use super::probability::quantile_sorted;
use super::ranking::Ranked;
use super::scorer::Scorer;
use super::training::TrainingSet;
use crate::error::Hint;

/// How rows are cut and kept apart.
#[derive(Debug, Clone, PartialEq)]
pub struct Protocol {
    pub blocks: usize,
    /// The first blocks, which only train.
    pub train_blocks: usize,
    pub window: Window,
    /// How far the labels look ahead, in nanoseconds: training rows whose label reaches into the judged block do not train.
    pub purge_ns: i64,
    /// How much more time lies between the training rows and the judged block, in nanoseconds.
    pub embargo_ns: i64,
    /// A row is positive if its target is at least this quantile of the target over the fold's training rows. Without it, or without a
    /// target, the labels are used as they are.
    pub positive_quantile: Option<f64>,
}

/// Which rows before a judged block train.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// All of them.
    Expanding,
    /// Those of as many blocks as train before the first fold.
    Rolling,
}

impl Window {
    /// The names, for options and artifacts.
    pub const NAMES: [&'static str; 2] = ["expanding", "rolling"];

    /// Returns the window with this name.
    pub fn named(name: &str) -> Option<Window> {
        [Window::Expanding, Window::Rolling].into_iter().find(|window| window.name() == name)
    }

    /// Returns the name.
    pub fn name(self) -> &'static str {
        Window::NAMES[self as usize]
    }
}

/// A judged block and what the model, trained on the rows before it, says about its rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Fold {
    /// Folds are numbered from 1.
    pub number: usize,
    pub training_rows: usize,
    /// `None` if the labels are used as they are.
    pub tau: Option<f64>,
    /// The score with the best F1 on the training rows.
    pub threshold: Option<f64>,
    /// The positions of the judged rows in the set, by time.
    pub rows: Vec<usize>,
    pub labels: Vec<bool>,
    /// NaN where a feature is NaN or infinite.
    pub scores: Vec<f64>,
}

impl Fold {
    /// Returns the judged rows, by time.
    pub fn judged(&self) -> impl Iterator<Item = OutOfFold> + '_ {
        let results = self.rows.iter().zip(&self.labels).zip(&self.scores);
        results.map(|((&row, &label), &score)| OutOfFold { fold: self.number, row, label, score })
    }
}

/// A judged row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OutOfFold {
    /// Folds are numbered from 1.
    pub fold: usize,
    /// The row's position in the set.
    pub row: usize,
    pub label: bool,
    /// NaN where a feature is NaN or infinite.
    pub score: f64,
}

/// Trains with `fit` and judges, fold by fold; `times` are those of the set's rows, in nanoseconds. `fit` gets a fold's training rows and
/// their times.
///
/// # Errors
/// The set has too few rows, or a fold cannot be trained.
pub fn walk_forward(
    set: &TrainingSet,
    times: &[i64],
    protocol: &Protocol,
    fit: impl Fn(&TrainingSet, &[i64]) -> Result<Scorer, Error>,
) -> Result<Vec<Fold>, Error> {
    let blocks = protocol.blocks;
    if times.len() < blocks {
        return Err(Error::TooFewRows { rows: times.len(), blocks });
    }
    let mut order: Vec<usize> = (0..times.len()).collect();
    order.sort_by_key(|&row| times[row]);
    let start = |block: usize| times[order[order.len() * block / blocks]];
    let from = |time: i64| order.partition_point(|&row| times[row] < time);
    let mut folds = Vec::new();
    for block in protocol.train_blocks..blocks {
        let number = block - protocol.train_blocks + 1;
        let first = match protocol.window {
            Window::Expanding => 0,
            Window::Rolling => from(start(block - protocol.train_blocks)),
        };
        let until = start(block).saturating_sub(protocol.purge_ns).saturating_sub(protocol.embargo_ns);
        let train = order.get(first..from(until)).unwrap_or_default();
        let end = if block + 1 < blocks { from(start(block + 1)) } else { order.len() };
        let rows = &order[from(start(block))..end];
        if train.is_empty() {
            let remedy = "train on rows of a longer time, or shorten purge and embargo (cv_purge_s and cv_embargo_s in OPTIONS, --purge-s and --embargo-s of squall evaluate): they are as long as \
                          the label looks ahead and the features look back";
            let seconds = |ns: i64| ns as f64 / 1e9;
            let (purge, embargo) = (seconds(protocol.purge_ns), seconds(protocol.embargo_ns));
            let problem =
                format!("no row is far enough before it to train; the purge is {purge} s, the embargo {embargo} s");
            return Err(Error::Fold { number, problem, remedy: Some(remedy.into()) });
        }
        let (mut training, mut judged) = (set.part(train), set.part(rows));
        let tau = training.target.as_ref().zip(protocol.positive_quantile).map(|((_, target), quantile)| {
            let mut sorted = target.clone();
            sorted.sort_unstable_by(f64::total_cmp);
            quantile_sorted(&sorted, quantile)
        });
        if let Some(tau) = tau {
            training.label_from(tau);
            judged.label_from(tau);
        }
        let training_times: Vec<i64> = train.iter().map(|&row| times[row]).collect();
        let scorer = fit(&training, &training_times).map_err(|error| {
            let remedy = error.hint();
            Error::Fold { number, problem: error.to_string(), remedy }
        })?;
        let threshold =
            Ranked::new(&training.labels, &training.scores(&scorer)).and_then(|ranked| ranked.best_f1_threshold());
        let scores = judged.scores(&scorer);
        let (training_rows, rows) = (train.len(), rows.to_vec());
        folds.push(Fold { number, training_rows, tau, threshold, rows, labels: judged.labels, scores });
    }
    Ok(folds)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Fold, Protocol, Window, walk_forward};
    use crate::model::types::ModelType;
    use crate::model::{Error, Options, Recipe, TrainingSet, refit};

    const PROTOCOL: Protocol = Protocol {
        blocks: 4,
        train_blocks: 2,
        window: Window::Expanding,
        purge_ns: 3,
        embargo_ns: 2,
        positive_quantile: Some(0.5),
    };

    fn judged(set: &TrainingSet, times: &[i64], options: &Options) -> Result<Vec<Fold>, Error> {
        let recipe = Recipe::of(options.clone());
        walk_forward(set, times, &PROTOCOL, |training, times| refit(training, times, &recipe))
    }

    fn set(rows: i64) -> (TrainingSet, Vec<i64>) {
        // Rows come in any order.
        let times: Vec<i64> = (0..rows).map(|row| row * 7 % rows).collect();
        let column: Vec<f64> = times.iter().map(|time| (time * 13 % 29) as f64).collect();
        let target: Vec<f64> = column.iter().zip(&times).map(|(x, time)| x + (time % 5) as f64 + 1.0).collect();
        let set = TrainingSet {
            features: vec![("x".into(), column)],
            labels: times.iter().map(|time| time % 3 == 0).collect(),
            target: Some(("y".into(), target)),
            ..TrainingSet::default()
        };
        (set, times)
    }

    #[test]
    fn folds_follow_each_other_and_training_rows_end_before_purge_and_embargo() {
        let (set, times) = set(100);
        let mut options = Options::of(ModelType::parse("linear_reg").unwrap());
        options.set("l2_reg", &json!(0.1)).unwrap();
        let folds = judged(&set, &times, &options).unwrap();
        let shape: Vec<_> = folds.iter().map(|fold| (fold.number, fold.training_rows, fold.rows.len())).collect();
        assert_eq!(shape, [(1, 45, 25), (2, 70, 25)]);
        let judged: Vec<i64> = folds.iter().flat_map(|fold| fold.rows.iter().map(|&row| times[row])).collect();
        assert_eq!(judged, (50..100).collect::<Vec<i64>>());
    }

    /// What comes later changes nothing: neither tau nor scores.
    #[test]
    fn a_fold_does_not_know_the_future() {
        let (mut set, times) = set(100);
        let options = Options::of(ModelType::parse("logistic_reg").unwrap());
        let before = judged(&set, &times, &options).unwrap();
        if let Some((_, target)) = &mut set.target {
            target.iter_mut().zip(&times).filter(|(_, time)| **time >= 46).for_each(|(target, _)| *target = 1e9);
        }
        let after = judged(&set, &times, &options).unwrap();
        assert_eq!((before[0].tau, &before[0].scores), (after[0].tau, &after[0].scores));
        assert_ne!(before[1].tau, after[1].tau);
    }

    #[test]
    fn too_few_rows_and_folds_of_one_class_are_errors() {
        let options = Options::of(ModelType::parse("naive").unwrap());
        let (few, times) = set(3);
        assert!(judged(&few, &times, &options).unwrap_err().to_string().contains("3 rows"));
        let (mut set, times) = set(100);
        set.target = Some(("y".into(), vec![1.0; 100]));
        let error = judged(&set, &times, &options).unwrap_err().to_string();
        assert!(error.starts_with("fold 1 cannot be trained: "), "{error}");
    }
}
