//! Training against scikit-learn's own fits, recorded in `tests/reference/sklearn_logistic.json`.
//!
//! Tolerance 1e-7 for coefficients.

use serde_json::{Value, json};
use squall::error::Hint;
use squall::model::metrics::{AVERAGE_PRECISION, BRIER, F1, LOG_LOSS, PREVALENCE, ROC_AUC};
use squall::model::types::Weight;
use squall::model::{Error, ModelType, Options, Recipe, Split, Trained, TrainingSet};

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

/// The defaults of a type of model.
/// Trains one model, without folds.
fn train_one(set: &TrainingSet, options: &Options) -> Result<Trained, Error> {
    squall::model::train(set, &[], &Recipe::of(options.clone()))
}

fn options(model_type: &str) -> Options {
    Options::of(ModelType::parse(model_type).unwrap())
}

/// The largest difference, relative to 1 or to the larger magnitude.
fn distance(ours: &[f64], theirs: &[f64]) -> f64 {
    assert_eq!(ours.len(), theirs.len());
    ours.iter().zip(theirs).map(|(a, b)| (a - b).abs() / b.abs().max(1.0)).fold(0.0, f64::max)
}

#[test]
fn a_regression_is_that_of_scikit_learn() {
    let recorded: Value = serde_json::from_str(include_str!("../../reference/sklearn_logistic.json")).unwrap();
    for case in recorded["cases"].as_array().unwrap() {
        let columns: Vec<Vec<f64>> = case["features"].as_array().unwrap().iter().map(numbers).collect();
        let labels: Vec<bool> = numbers(&case["label"]).iter().map(|&label| label == 1.0).collect();
        let set = TrainingSet {
            features: columns.iter().enumerate().map(|(index, column)| (format!("x{index}"), column.clone())).collect(),
            splits: vec![Split::Train; labels.len()],
            labels,
            ..TrainingSet::default()
        };
        let mut options = options("logistic_reg");
        options.set("l2_reg", &case["l2_reg"]).unwrap();
        let trained = train_one(&set, &options).unwrap();
        let mut terms = trained.scorer.weights();
        let intercept = terms.pop().and_then(|last| last.weight).unwrap();
        let name = &case["name"];
        let of = |pick: fn(&Weight) -> Option<f64>| terms.iter().map(|term| pick(term).unwrap()).collect::<Vec<f64>>();
        assert!(distance(&of(|term| term.mean), &numbers(&case["mean"])) < 1e-12, "mean of {name}");
        assert!(distance(&of(|term| term.scale), &numbers(&case["scale"])) < 1e-12, "scale of {name}");
        let ours = [vec![intercept], of(|term| term.weight)].concat();
        let theirs = [vec![case["intercept"].as_f64().unwrap()], numbers(&case["coefficients"])].concat();
        assert!(distance(&ours, &theirs) < 1e-7, "coefficients of {name}: {ours:?}, scikit-learn's {theirs:?}");
        let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        assert!(distance(&trained.scorer.score(&columns), &numbers(&case["probability"])) < 1e-7, "scores of {name}");
    }
}

/// 1,000 rows of one informative feature, in time order over the three splits; a tenth is positive.
fn rows() -> TrainingSet {
    let noise = |row: usize| (row * 7919 % 1000) as f64 / 1000.0;
    let labels: Vec<bool> = (0..1000).map(|row| row % 10 == 3).collect();
    let column = (0..1000).map(|row| noise(row) + if labels[row] { 0.5 } else { 0.0 }).collect();
    let splits = (0..1000).map(|row| {
        if row < 600 {
            Split::Train
        } else if row < 800 {
            Split::Validation
        } else {
            Split::Test
        }
    });
    TrainingSet { features: vec![("x".into(), column)], splits: splits.collect(), labels, ..TrainingSet::default() }
}

fn train_default(set: &TrainingSet) -> Result<squall::model::Trained, Error> {
    train_one(set, &options("logistic_reg"))
}

#[test]
fn a_higher_feature_means_a_higher_score_whichever_class_is_rare() {
    let rare = rows();
    let mut frequent = rows();
    frequent.labels.iter_mut().for_each(|label| *label = !*label);
    frequent.features[0].1.iter_mut().for_each(|value| *value = -*value);
    for set in [rare, frequent] {
        let trained = train_default(&set).unwrap();
        let scores = trained.scorer.score(&[&[0.0, 1.5]]);
        assert!(scores[0] < scores[1], "{scores:?}");
        assert!(trained.metrics.iter().all(|split| split.metrics.get(&ROC_AUC).unwrap() > 0.8));
    }
}

#[test]
fn the_order_of_rows_does_not_matter() {
    let set = rows();
    let mut reversed = set.clone();
    reversed.features[0].1.reverse();
    reversed.labels.reverse();
    reversed.splits.reverse();
    assert_eq!(train_default(&set).unwrap(), train_default(&reversed).unwrap());
}

#[test]
fn only_training_rows_fit_and_only_validation_rows_tune() {
    let set = rows();
    let before = train_default(&set).unwrap();
    let mut other_test = set.clone();
    for row in 800..1000 {
        other_test.features[0].1[row] = 100.0;
        other_test.labels[row] = row % 2 == 0;
    }
    let after = train_default(&other_test).unwrap();
    assert_eq!((&before.scorer, before.threshold), (&after.scorer, after.threshold));
    assert_eq!(before.metrics[..2], after.metrics[..2]);
    assert_ne!(before.metrics[2], after.metrics[2]);
}

#[test]
fn the_naive_rule_scores_by_its_feature_and_claims_no_probability() {
    let set = rows();
    let trained = train_one(&set, &options("naive")).unwrap();
    assert_eq!(trained.scorer.score(&[&set.features[0].1]), set.features[0].1);
    let test = &trained.metrics[2].metrics;
    assert_eq!((test.get(&LOG_LOSS), test.get(&BRIER)), (None, None));
    assert!(test.get(&AVERAGE_PRECISION).is_some());
    assert_eq!(test.reason.as_deref(), Some("the score is not a probability"));
}

#[test]
fn the_threshold_rule_alerts_from_the_quantile_of_training_rows_on() {
    let mut options = options("quantile_threshold");
    options.set("quantile", &json!(0.5)).unwrap();
    let column = vec![3.0, 1.0, 2.0, 100.0, 200.0];
    let splits = [vec![Split::Train; 3], vec![Split::Validation, Split::Test]].concat();
    let labels = vec![true, false, false, true, false];
    let set = TrainingSet { features: vec![("vol".into(), column)], labels, splits, ..TrainingSet::default() };
    let trained = train_one(&set, &options).unwrap();
    assert_eq!(trained.threshold, Some(1.0), "an alert is an alert, whatever F1 it gets");
    let scorer = trained.scorer;
    assert_eq!(scorer.score(&[&[1.9, 2.0, 2.1, f64::NAN]])[..3], [0.0, 1.0, 1.0]);
    assert!(scorer.score(&[&[f64::NAN]])[0].is_nan());
}

#[test]
fn a_split_without_positives_has_a_reason_instead_of_numbers() {
    let mut set = rows();
    set.labels[800..].fill(false);
    let test = train_default(&set).unwrap().metrics.remove(2).metrics;
    assert_eq!((test.rows, test.positives, test.get(&PREVALENCE)), (200, 0, Some(0.0)));
    assert_eq!((test.get(&AVERAGE_PRECISION), test.get(&LOG_LOSS), test.get(&F1)), (None, None, None));
    assert_eq!(test.reason.as_deref(), Some("no row is positive"));

    let mut set = rows();
    set.labels[600..800].fill(false);
    let trained = train_default(&set).unwrap();
    assert_eq!(trained.threshold, None);
    assert_eq!(trained.metrics[2].metrics.reason.as_deref(), Some("no threshold: no validation row is positive"));
}

#[test]
fn training_sets_that_cannot_teach_are_refused() {
    let message = |set: &TrainingSet| train_default(set).unwrap_err().to_string();
    let mut set = rows();
    set.labels.fill(false);
    assert_eq!(message(&set), "the training set has one class only: none of its 600 rows are positive");
    let mut set = rows();
    set.features[0].1[5] = f64::NEG_INFINITY;
    assert_eq!(message(&set), "`x` is NaN or infinite in 1 of the training rows");
    let mut set = rows();
    set.features[0].1.fill(0.5);
    assert_eq!(message(&set), "feature `x` is 0.5 in every training row");
    let set = TrainingSet { features: vec![("x".into(), vec![])], skipped: 7, ..TrainingSet::default() };
    assert_eq!(message(&set), "no training rows: each of the 7 has a NULL among the columns that it learns from");
    assert!(matches!(train_default(&TrainingSet::default()), Err(Error::NoFeatures)));
    let mut few = options("logistic_reg");
    few.set("max_iterations", &json!(2)).unwrap();
    let error = train_one(&rows(), &few).unwrap_err();
    assert!(matches!(error, Error::NotConverged { iterations: 2 }));
    assert!(error.hint().unwrap().starts_with("raise max_iterations"));
    let hint = ModelType::parse("logistic_regg").unwrap_err().hint();
    assert_eq!(hint.as_deref(), Some("did you mean `logistic_reg`?"));
}

/// 200 rows whose logarithm is a sum of two features and noise; a tenth of them are positive.
fn regression() -> TrainingSet {
    let (x1, x2): (Vec<f64>, Vec<f64>) =
        (0..200).map(|row| ((row * 37 % 101) as f64 / 10.0, (row * 53 % 97) as f64 * 3.0 - 100.0)).unzip();
    let noise = |row: usize| ((row * 29 % 31) as f64 - 15.0) / 20.0;
    let target: Vec<f64> = (0..200).map(|row| (0.3 * x1[row] - 0.01 * x2[row] + noise(row)).exp()).collect();
    let mut sorted = target.clone();
    sorted.sort_unstable_by(f64::total_cmp);
    TrainingSet {
        labels: target.iter().map(|value| *value > sorted[178]).collect(),
        features: vec![("x1".into(), x1), ("x2".into(), x2)],
        splits: vec![Split::Train; 200],
        target: Some(("y".into(), target)),
        ..TrainingSet::default()
    }
}

/// Made with scikit-learn 1.9.1 and NumPy 2.4.6: `Ridge(alpha, solver='cholesky')` on the logarithm of the target after
/// `StandardScaler`, and `1 - numpy.interp` over `numpy.quantile` of the residuals. squall leaves a share of 1/400 to either side.
#[test]
fn a_linear_regression_is_scikit_learns_ridge() {
    let set = regression();
    let cases = [
        (0.5, [0.8769257585000116, -0.8473290537972278], 0.6497313723830405),
        (100.0, [0.5751297861232104, -0.5549949422206443], 0.2580552460296991),
    ];
    for (l2_reg, coefficients, score) in cases {
        let mut options = options("linear_reg");
        options.set("l2_reg", &json!(l2_reg)).unwrap();
        let trained = train_one(&set, &options).unwrap();
        let weights: Vec<f64> = trained.scorer.weights().iter().map(|term| term.weight.unwrap()).collect();
        let theirs = [coefficients[0], coefficients[1], 1.0753499999999998];
        assert!(distance(&weights, &theirs) < 1e-12, "{weights:?}, scikit-learn's {theirs:?}");
        let columns: Vec<&[f64]> = set.features.iter().map(|(_, column)| column.as_slice()).collect();
        let scores = trained.scorer.score(&columns);
        let score: f64 = (0.5 + 199.0 * score) / 200.0;
        assert!((scores[2] - score).abs() < 1e-9, "{} instead of {score}", scores[2]);
        assert!(scores[0] > 0.0 && scores[0] < 1.0 / 400.0, "{}", scores[0]);
    }
}

#[test]
fn a_linear_regression_does_not_depend_on_the_order_of_rows() {
    let set = regression();
    let mut reversed = set.clone();
    reversed.labels.reverse();
    reversed.features.iter_mut().chain(&mut reversed.target).for_each(|(_, column)| column.reverse());
    let options = options("linear_reg");
    assert_eq!(train_one(&set, &options).unwrap().scorer, train_one(&reversed, &options).unwrap().scorer);
}

#[test]
fn a_linear_regression_says_what_it_needs() {
    let refused = |change: &dyn Fn(&mut TrainingSet)| {
        let mut set = regression();
        change(&mut set);
        let error = train_one(&set, &options("linear_reg")).unwrap_err();
        assert!(error.hint().is_some(), "{error}");
        error.to_string()
    };
    assert!(refused(&|set| set.target = None).contains("lacks target_col"));
    assert!(refused(&|set| set.labels.reverse()).contains("the label is not `y` from a threshold on"));
    let target = |set: &mut TrainingSet, value: f64| {
        let labels = set.labels.clone();
        let target = set.target.iter_mut().flat_map(|(_, target)| target.iter_mut());
        target.zip(labels).filter(|(_, label)| !label).for_each(|(target, _)| *target = value);
    };
    assert!(refused(&|set| target(set, -1.0)).contains("no logarithm"));
    assert!(refused(&|set| target(set, f64::INFINITY)).contains("infinite"));
    // A market that stands still has a volatility of 0, and a constant feature weighs nothing.
    let mut set = regression();
    assert!(refused(&|set| target(set, 0.0)).contains("is 0 in the negative training rows"));
    let calm = set.labels.iter().position(|label| !label).unwrap();
    set.target.as_mut().unwrap().1[calm] = 0.0;
    set.features.push(("one".into(), vec![1.0; 200]));
    let trained = train_one(&set, &options("linear_reg")).unwrap();
    assert_eq!(trained.scorer.weights()[2].weight, Some(0.0));
}
