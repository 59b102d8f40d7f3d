//! Boosting: each tree is fitted to the slopes of the loss at the predictions of the trees before it.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use super::bins::Binned;
use super::growing::{Grower, Limits, Pair};
use super::no_split::no_split;
use super::scoring;
use super::settings::Settings;
use super::tree::{Tree, Trees};
use crate::model::Error;
use crate::model::exponential::logistic;
use crate::model::standard::Standard;
use crate::model::training::Named;

/// A split has to explain at least this share of what there is to explain; less is rounding.
pub(super) const ROUNDING: f64 = 1e-12;

/// What trees are fitted to.
pub trait Loss {
    /// Returns the best prediction that is the same for every row.
    fn start(&self, weights: Option<&[f64]>) -> f64;

    /// Returns the slope and the curvature of a row's loss at a prediction.
    fn pair(&self, row: usize, prediction: f64) -> Pair;
}

/// Half the squared error of a number.
pub struct Squared<'a>(pub &'a [f64]);

impl Loss for Squared<'_> {
    fn start(&self, weights: Option<&[f64]>) -> f64 {
        let Some(weights) = weights else { return Standard::of(self.0).mean };
        // Beside the mean, because the weighted sum of large numbers would round.
        let mean = Standard::of(self.0).mean;
        let off: f64 = self.0.iter().zip(weights).map(|(value, weight)| weight * (value - mean)).sum();
        mean + off / weights.iter().sum::<f64>()
    }

    fn pair(&self, row: usize, prediction: f64) -> Pair {
        Pair { gradient: prediction - self.0[row], hessian: 1.0 }
    }
}

/// The log loss of a label, of which both classes occur. Predictions are log-odds.
pub struct Logistic<'a>(pub &'a [bool]);

impl Loss for Logistic<'_> {
    fn start(&self, weights: Option<&[f64]>) -> f64 {
        let mut sums = [0.0; 2];
        for (row, &label) in self.0.iter().enumerate() {
            sums[usize::from(label)] += weights.map_or(1.0, |weights| weights[row]);
        }
        libm::log(sums[1] / sums[0])
    }

    fn pair(&self, row: usize, prediction: f64) -> Pair {
        let probability = logistic(prediction);
        let hessian = (probability * (1.0 - probability)).max(f64::EPSILON);
        Pair { gradient: probability - f64::from(u8::from(self.0[row])), hessian }
    }
}

/// Fits trees to training rows, each of which counts by its weight. Returns them, and their predictions of those rows.
///
/// # Errors
/// No split helps, or there are more rows than a tree can number.
pub fn fit(
    features: Vec<(String, Vec<f64>)>,
    loss: &dyn Loss,
    weights: Option<&[f64]>,
    settings: &Settings,
) -> Result<(Trees, Vec<f64>), Error> {
    let rows = features.first().map_or(0, |(_, column)| column.len());
    let count = u32::try_from(rows).map_err(|_| Error::TooManyRows)?;
    let (names, columns): (Vec<String>, Vec<Vec<f64>>) = features.into_iter().unzip();
    let binned: Vec<Binned> = columns.iter().map(|column| Binned::of(column)).collect();
    let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
    let intercept = loss.start(weights);
    let mut predictions = vec![intercept; rows];
    let mut random = Pcg64::seed_from_u64(settings.seed);
    let mut grower: Option<Grower> = None;
    let mut trees: Vec<Tree> = Vec::new();
    // The most rows that a tree sees.
    let mut most = 0;
    for _ in 0..settings.trees {
        let pairs = pairs(loss, weights, &predictions);
        let grower = grower.get_or_insert_with(|| {
            Grower::new(&binned, Limits { gain: ROUNDING * to_explain(&pairs), ..settings.limits.clone() })
        });
        let sample: Vec<u32> = match settings.subsample {
            1.0 => (0..count).collect(),
            share => (0..count).filter(|_| random.random::<f64>() < share).collect(),
        };
        most = most.max(sample.len());
        let tree = grower.grow(&pairs, sample);
        if tree.leaf_value.len() > 1 {
            scoring::add(&tree, &columns, &mut predictions);
            trees.push(tree);
        } else if settings.subsample == 1.0 {
            // Every further tree would see the same.
            break;
        }
    }
    if trees.is_empty() {
        let pairs = pairs(loss, weights, &vec![intercept; rows]);
        return Err(no_split(&binned, &pairs, most, &settings.limits));
    }
    let features = names.into_iter().map(|name| Named { name }).collect();
    Ok((Trees { intercept, features, trees }, predictions))
}

/// Returns what the loss is like at each row's prediction, times the row's weight.
fn pairs(loss: &dyn Loss, weights: Option<&[f64]>, predictions: &[f64]) -> Vec<Pair> {
    let mut pairs: Vec<Pair> = predictions.iter().enumerate().map(|(row, &value)| loss.pair(row, value)).collect();
    if let Some(weights) = weights {
        pairs.iter_mut().zip(weights).for_each(|(pair, weight)| *pair = pair.times(*weight));
    }
    pairs
}

/// Returns by how much a value of its own for each row would lower the loss, times 2.
pub(super) fn to_explain(pairs: &[Pair]) -> f64 {
    pairs.iter().map(|pair| pair.gradient * pair.gradient / pair.hessian).sum()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Logistic, Loss, Settings, Squared, fit};
    use crate::model::trees::Trees;
    use crate::model::types::ModelType;
    use crate::model::{Error, Options};

    type Features = Vec<(String, Vec<f64>)>;

    /// Three features, the last of which is noise, and a target that two of them make.
    fn rows(count: usize) -> (Features, Vec<f64>) {
        let mut state = 1_u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 53) as f64
        };
        let columns: Vec<Vec<f64>> = (0..3).map(|_| (0..count).map(|_| random()).collect()).collect();
        let target = (0..count).map(|row| (columns[0][row] * 6.0).sin() + 2.0 * columns[1][row] + 0.1 * random());
        let target = target.collect();
        (["a", "b", "c"].map(String::from).into_iter().zip(columns).collect(), target)
    }

    fn settings(options: &[(&str, serde_json::Value)], features: &Features) -> Result<Settings, Error> {
        let mut given = Options::of(ModelType::parse("boosted_tree_regressor").unwrap());
        options.iter().for_each(|(name, value)| given.set(name, value).unwrap());
        Settings::of(&given, features)
    }

    fn columns(features: &Features) -> Vec<&[f64]> {
        features.iter().map(|(_, column)| column.as_slice()).collect()
    }

    fn mean_square(target: &[f64], predictions: &[f64]) -> f64 {
        target.iter().zip(predictions).map(|(a, b)| (a - b).powi(2)).sum::<f64>() / target.len() as f64
    }

    #[test]
    fn trees_learn_and_score_as_they_were_fitted() {
        let (features, target) = rows(2000);
        let settings = settings(&[("max_leaves", json!(16))], &features).unwrap();
        let (trees, predictions) = fit(features.clone(), &Squared(&target), None, &settings).unwrap();
        assert_eq!(trees.predictions(&columns(&features)), predictions);
        assert_eq!(trees.problem(), None);
        let error = mean_square(&target, &predictions);
        assert!(error < 0.01, "{error}");
        let labels: Vec<bool> = target.iter().map(|value| *value > 1.5).collect();
        let (trees, predictions) = fit(features.clone(), &Logistic(&labels), None, &settings).unwrap();
        assert_eq!(trees.predictions(&columns(&features)), predictions);
        let wrong = labels.iter().zip(&predictions).filter(|(label, log_odds)| **label != (**log_odds > 0.0)).count();
        assert!(wrong < 40, "{wrong} of 2000");
    }

    /// A regression's first tree, on four rows: the mean is 3, the best cut is between 2 and 3.
    #[test]
    fn a_stump_is_what_one_computes_by_hand() {
        let features = vec![("x".to_string(), vec![1.0, 2.0, 3.0, 4.0])];
        let target = [0.0, 2.0, 4.0, 6.0];
        let options = [
            ("max_leaves", json!(2)),
            ("min_samples_leaf", json!(1)),
            ("max_iterations", json!(1)),
            ("l2_reg", json!(2)),
            ("learn_rate", json!(0.5)),
        ];
        let settings = settings(&options, &features).unwrap();
        let (trees, _) = fit(features, &Squared(&target), None, &settings).unwrap();
        // The sums of the residuals are -4 and 4, over 2 rows and a penalty of 2.
        assert_eq!((trees.intercept, trees.trees[0].threshold[0]), (3.0, 2.5));
        assert_eq!(trees.trees[0].leaf_value, [-0.5, 0.5]);
    }

    /// With `min_samples_leaf = 1`, because that counts each row once.
    #[test]
    fn a_row_of_weight_3_counts_as_three_rows() {
        let (features, target) = rows(120);
        let weights: Vec<f64> = (0..120).map(|row| f64::from(1 + row % 3)).collect();
        let times = |row: usize| std::iter::repeat_n(row, 1 + row % 3);
        let repeated: Vec<usize> = (0..120).flat_map(times).collect();
        let take = |column: &[f64]| -> Vec<f64> { repeated.iter().map(|&row| column[row]).collect() };
        let many: Features = features.iter().map(|(name, column)| (name.clone(), take(column))).collect();
        let labels: Vec<bool> = target.iter().map(|value| *value > 1.5).collect();
        let many_labels: Vec<bool> = repeated.iter().map(|&row| labels[row]).collect();
        let settings = settings(&[("min_samples_leaf", json!(1)), ("max_iterations", json!(5))], &features).unwrap();
        let losses: [(&dyn Loss, &dyn Loss); 2] =
            [(&Squared(&target), &Squared(&take(&target))), (&Logistic(&labels), &Logistic(&many_labels))];
        for (loss, of_many) in losses {
            let (trees, predictions) = fit(features.clone(), loss, Some(&weights), &settings).unwrap();
            let (same, _) = fit(many.clone(), of_many, None, &settings).unwrap();
            assert_eq!(trees.trees.len(), 5);
            let off = predictions.iter().zip(same.predictions(&columns(&features))).map(|(a, b)| (a - b).abs());
            assert!(off.fold(0.0, f64::max) < 1e-12);
            let (other, _) = fit(features.clone(), loss, None, &settings).unwrap();
            assert_ne!(trees, other);
        }
    }

    #[test]
    fn threads_change_no_bit_and_the_seed_decides_which_rows_are_drawn() {
        let (features, target) = rows(60_000);
        let with = |threads: usize, seed: u64, subsample: f64| -> Trees {
            let options = [
                ("max_iterations", json!(3)),
                ("seed", json!(seed)),
                ("subsample", json!(subsample)),
                ("max_leaves", json!(31)),
            ];
            let mut settings = settings(&options, &features).unwrap();
            settings.limits.threads = threads;
            fit(features.clone(), &Squared(&target), None, &settings).unwrap().0
        };
        let one = with(1, 0, 0.5);
        for threads in [2, 3, 4, 64] {
            assert_eq!(one, with(threads, 0, 0.5), "{threads} threads");
        }
        assert_ne!(one, with(1, 1, 0.5));
        assert_eq!(with(1, 0, 1.0), with(4, 1, 1.0), "all rows are drawn whatever the seed");
    }

    #[test]
    fn limits_are_kept() {
        let (features, target) = rows(500);
        let options = [("max_leaves", json!(100)), ("max_tree_depth", json!(3)), ("min_samples_leaf", json!(30))];
        let settings = settings(&options, &features).unwrap();
        let (trees, _) = fit(features.clone(), &Squared(&target), None, &settings).unwrap();
        assert!(trees.trees.iter().all(|tree| tree.leaf_value.len() <= 8));
        let mut first = trees.clone();
        first.trees.truncate(1);
        let mut values = first.predictions(&columns(&features));
        values.sort_unstable_by(f64::total_cmp);
        assert!(values.chunk_by(|a, b| a == b).all(|leaf| leaf.len() >= 30));
    }

    /// Along a constrained feature predictions move in one direction, whatever the others are.
    #[test]
    fn constraints_hold_everywhere() {
        let (features, target) = rows(1000);
        let options =
            [("monotone_constraints", json!(["-a", "+b"])), ("max_leaves", json!(32)), ("min_samples_leaf", json!(2))];
        let settings = settings(&options, &features).unwrap();
        let (trees, _) = fit(features, &Squared(&target), None, &settings).unwrap();
        let steps: Vec<f64> = (0..200).map(|step| f64::from(step) / 199.0).collect();
        for other in [0.0, 0.3, 0.6, 1.0] {
            let fixed = vec![other; steps.len()];
            let along_a = trees.predictions(&[&steps, &fixed, &fixed]);
            assert!(along_a.is_sorted_by(|before, after| before >= after), "{other}");
            let along_b = trees.predictions(&[&fixed, &steps, &fixed]);
            assert!(along_b.is_sorted() && along_b[0] < along_b[199], "{other}");
        }
    }

    #[test]
    fn constraints_name_features_with_a_sign() {
        let (features, _) = rows(10);
        let refused = |given: serde_json::Value| settings(&[("monotone_constraints", given)], &features).unwrap_err();
        assert!(matches!(refused(json!(["a"])), Error::Sign { .. }));
        assert!(matches!(refused(json!([""])), Error::Sign { .. }));
        assert!(matches!(refused(json!(["+a", "-a"])), Error::SignTwice { .. }));
        assert!(matches!(refused(json!(["+ a"])), Error::NoFeature { suggestion: Some(_), .. }));
    }

    #[test]
    fn rows_that_no_split_tells_apart_are_an_error() {
        let constant = vec![("x".to_string(), vec![0.5; 100])];
        let target: Vec<f64> = (0..100).map(f64::from).collect();
        let settings = settings(&[], &constant).unwrap();
        let refused =
            |features: Features, target: &[f64], weights: Option<&[f64]>, options: &[(&str, serde_json::Value)]| {
                let settings = super::tests::settings(options, &features).unwrap();
                fit(features, &Squared(target), weights, &settings).unwrap_err().to_string()
            };
        let says = |message: String, cause: &str| assert!(message.contains(cause), "{message}");
        says(
            refused(constant, &target, None, &[]),
            "no split of the 100 training rows helps: the features are constant",
        );
        let varied = vec![("x".to_string(), target.clone())];
        let (share, leaf) = ([("subsample", json!(0.0001))], [("min_samples_leaf", json!(60))]);
        says(refused(varied.clone(), &target, None, &share), "subsample gives a tree ");
        says(refused(varied.clone(), &target, None, &leaf), "two leaves of 60 rows need more");
        says(
            refused(varied.clone(), &target, Some(&[1e-20; 100]), &[]),
            "the penalty l2_reg = 1 outweighs their weights",
        );
        let tiny: Vec<f64> = target.iter().map(|value| value * 1e-200).collect();
        says(refused(varied.clone(), &tiny, None, &[]), "the squares are 0");
        says(refused(varied, &target, None, &[("monotone_constraints", json!(["-x"]))]), "do not tell them apart");
        let few = vec![("x".to_string(), vec![1.0, 2.0])];
        assert!(fit(few, &Logistic(&[true, false]), None, &settings).is_err());
    }

    /// A target that a few splits explain wholly leaves rounding, which is not fitted.
    #[test]
    fn rounding_is_not_fitted() {
        let features = vec![("x".to_string(), (0..300).map(|row| f64::from(row % 3)).collect())];
        let target: Vec<f64> = (0..300).map(|row| f64::from(row % 3) / 10.0).collect();
        let options = [("l2_reg", json!(0)), ("learn_rate", json!(1)), ("max_iterations", json!(50))];
        let (trees, predictions) =
            fit(features.clone(), &Squared(&target), None, &settings(&options, &features).unwrap()).unwrap();
        assert!(trees.trees.len() <= 2, "{} trees", trees.trees.len());
        assert!(mean_square(&target, &predictions) < 1e-30);
        assert!(Logistic(&[true, false, false]).pair(0, 800.0).hessian > 0.0);
    }
}
