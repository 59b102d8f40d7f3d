//! Walk-forward validation: a model is trained on the past and judged on the block that follows, block after block.
//!
//! In: rows with times and the number behind their label. Out: for each fold its tau, and the score and the label of each of its
//! rows. The rows are cut by time into blocks of about equally many rows. The first blocks only train. Tau is a quantile over the
//! training rows of the fold, so that no fold knows the future. See López de Prado 2018, chapter 7, for purge and embargo.

use super::Error;
use super::options::Options;
use super::probability::quantile_sorted;
use super::ranking::Ranked;
use super::scorer::Scorer;
use super::split::Split;
use super::training::{TrainingRows, TrainingSet};

/// How rows are cut and kept apart.
#[derive(Debug, Clone, PartialEq)]
pub struct Protocol {
    pub blocks: usize,
    /// The first blocks, which only train.
    pub train_blocks: usize,
    /// How far the labels look ahead, in nanoseconds: training rows whose label reaches into the judged block do not train.
    pub purge_ns: i64,
    /// How much more time lies between the training rows and the judged block, in nanoseconds.
    pub embargo_ns: i64,
    /// A row is positive if its target is at least this quantile of the target over the fold's training rows.
    pub positive_quantile: f64,
}

/// A judged block and what the model, trained on the rows before it, says about its rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Fold {
    /// Folds are numbered from 1.
    pub number: usize,
    pub training_rows: usize,
    pub tau: f64,
    /// The score with the best F1 on the training rows.
    pub threshold: Option<f64>,
    /// The positions of the judged rows in the set, by time.
    pub rows: Vec<usize>,
    pub labels: Vec<bool>,
    /// NaN where a feature is NaN or infinite.
    pub scores: Vec<f64>,
}

/// Trains and judges fold by fold; `times` are those of the set's rows, in nanoseconds.
///
/// # Errors
/// The set has no target or too few rows, or a fold cannot be trained.
pub fn walk_forward(
    set: &TrainingSet,
    times: &[i64],
    options: &Options,
    protocol: &Protocol,
) -> Result<Vec<Fold>, Error> {
    let Some((_, target)) = &set.target else { return Err(Error::NoTarget { model_type: options.model_type.name }) };
    let blocks = protocol.blocks;
    if times.len() < blocks {
        return Err(Error::TooFewRows { rows: times.len(), blocks });
    }
    let mut order: Vec<usize> = (0..times.len()).collect();
    order.sort_by_key(|&row| times[row]);
    let start = |block: usize| times[order[order.len() * block / blocks]];
    let mut folds = Vec::new();
    for block in protocol.train_blocks..blocks {
        let until = start(block).saturating_sub(protocol.purge_ns).saturating_sub(protocol.embargo_ns);
        let end = if block + 1 < blocks { start(block + 1) } else { i64::MAX };
        let train = &order[..order.partition_point(|&row| times[row] < until)];
        let first = order.partition_point(|&row| times[row] < start(block));
        let rows = match end {
            i64::MAX => &order[first..],
            end => &order[first..order.partition_point(|&row| times[row] < end)],
        };
        let number = block - protocol.train_blocks + 1;
        let fold = || Error::Fold { number, problem: "no row is far enough before it to train".into() };
        if train.is_empty() {
            return Err(fold());
        }
        let mut sorted: Vec<f64> = train.iter().map(|&row| target[row]).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let tau = quantile_sorted(&sorted, protocol.positive_quantile);
        let training = part(set, train, tau);
        let failed = |error: Error| Error::Fold { number, problem: error.to_string() };
        let model =
            (options.model_type.train)(TrainingRows::of(&training).map_err(failed)?, options).map_err(failed)?;
        let scorer = Scorer::new(options.model_type, model);
        let score = |set: &TrainingSet| {
            let columns: Vec<&[f64]> = set.features.iter().map(|(_, column)| column.as_slice()).collect();
            scorer.score(&columns)
        };
        let judged = part(set, rows, tau);
        let threshold = Ranked::new(&training.labels, &score(&training)).and_then(|ranked| ranked.best_f1_threshold());
        let scores = score(&judged);
        let (training_rows, rows) = (train.len(), rows.to_vec());
        folds.push(Fold { number, training_rows, tau, threshold, rows, labels: judged.labels, scores });
    }
    Ok(folds)
}

/// Returns some rows of a set, with the label that tau makes.
fn part(set: &TrainingSet, rows: &[usize], tau: f64) -> TrainingSet {
    let take = |(name, column): &(String, Vec<f64>)| (name.clone(), rows.iter().map(|&row| column[row]).collect());
    let target = set.target.as_ref().map(take);
    let labels =
        target.iter().flat_map(|(_, target): &(String, Vec<f64>)| target.iter().map(move |value| *value >= tau));
    TrainingSet {
        labels: labels.collect(),
        features: set.features.iter().map(take).collect(),
        splits: vec![Split::Train; rows.len()],
        target,
        weights: set.weights.as_ref().map(take),
        skipped: 0,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Protocol, walk_forward};
    use crate::model::types::ModelType;
    use crate::model::{Options, TrainingSet};

    const PROTOCOL: Protocol =
        Protocol { blocks: 4, train_blocks: 2, purge_ns: 3, embargo_ns: 2, positive_quantile: 0.5 };

    fn set(rows: i64) -> (TrainingSet, Vec<i64>) {
        // Rows come in any order.
        let times: Vec<i64> = (0..rows).map(|row| row * 7 % rows).collect();
        let column: Vec<f64> = times.iter().map(|time| (time * 13 % 29) as f64).collect();
        let target: Vec<f64> = column.iter().zip(&times).map(|(x, time)| x + (time % 5) as f64 + 1.0).collect();
        let set = TrainingSet {
            features: vec![("x".into(), column)],
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
        let folds = walk_forward(&set, &times, &options, &PROTOCOL).unwrap();
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
        let before = walk_forward(&set, &times, &options, &PROTOCOL).unwrap();
        if let Some((_, target)) = &mut set.target {
            target.iter_mut().zip(&times).filter(|(_, time)| **time >= 46).for_each(|(target, _)| *target = 1e9);
        }
        let after = walk_forward(&set, &times, &options, &PROTOCOL).unwrap();
        assert_eq!((before[0].tau, &before[0].scores), (after[0].tau, &after[0].scores));
        assert_ne!(before[1].tau, after[1].tau);
    }

    #[test]
    fn too_few_rows_and_folds_of_one_class_are_errors() {
        let options = Options::of(ModelType::parse("naive").unwrap());
        let (few, times) = set(3);
        assert!(walk_forward(&few, &times, &options, &PROTOCOL).unwrap_err().to_string().contains("3 rows"));
        let (mut set, times) = set(100);
        set.target = Some(("y".into(), vec![1.0; 100]));
        let error = walk_forward(&set, &times, &options, &PROTOCOL).unwrap_err().to_string();
        assert!(error.starts_with("fold 1 cannot be trained: "), "{error}");
    }
}
