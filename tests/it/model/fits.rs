//! Fits against those of scikit-learn, recorded in `tests/reference/sklearn_fits.json`.
//!
//! Tolerance 1e-6, relative to the largest coefficient: scikit-learn's lbfgs, which fits the collinear and the wide samples, stops there.

use serde_json::{Value, json};
use squall::model::{ModelType, Options, Recipe, Split, TrainingSet, train};

/// The feature `k` in a row, as the script computes it.
fn feature(row: u64, k: u64) -> f64 {
    ((row * row * (k + 3) + row * (k * k + 7)) % 1009) as f64 / 100.0
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

#[test]
fn fits_are_those_of_scikit_learn() {
    let recorded: Value = serde_json::from_str(include_str!("../../reference/sklearn_fits.json")).unwrap();
    let cases = recorded["cases"].as_array().unwrap();
    for case in cases {
        let (rows, count) = (case["rows"].as_u64().unwrap(), case["count"].as_u64().unwrap());
        let mut columns: Vec<Vec<f64>> = (0..count).map(|k| (0..rows).map(|row| feature(row, k)).collect()).collect();
        if let Some(parts) = case["sum_of"].as_array() {
            let [a, b] = [&parts[0], &parts[1]].map(|part| columns[part.as_u64().unwrap() as usize].clone());
            let last = columns.last_mut().unwrap();
            *last = a.iter().zip(&b).map(|(a, b)| a + b).collect();
        }
        let set = TrainingSet {
            features: columns.into_iter().enumerate().map(|(k, column)| (format!("x{k}"), column)).collect(),
            labels: case["labels"].as_str().unwrap().chars().map(|label| label == '1').collect(),
            splits: vec![Split::Train; rows as usize],
            target: Some(("y".into(), numbers(&case["target"]))),
            weights: (!case["weights"].is_null()).then(|| ("w".into(), numbers(&case["weights"]))),
            skipped: 0,
        };
        let mut options = Options::of(ModelType::parse(case["model"].as_str().unwrap()).unwrap());
        options.set("l2_reg", &case["l2_reg"]).unwrap();
        if !case["class_weight"].is_null() {
            options.set("class_weight", &case["class_weight"]).unwrap();
        }
        let name = format!("{} {}", case["model"], case["name"]);
        let trained = train(&set, &[], &Recipe::of(options)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut ours: Vec<f64> = trained.scorer.weights().iter().map(|term| term.weight.unwrap()).collect();
        let intercept = ours.pop().unwrap();
        let theirs = numbers(&case["coefficients"]);
        let largest = theirs.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert!((ours - theirs).abs() <= 1e-6 * largest, "{name}: {ours}, scikit-learn's {theirs}");
        }
        let theirs = case["intercept"].as_f64().unwrap();
        assert!((intercept - theirs).abs() <= 1e-6 * theirs.abs().max(1e-3), "{name}: intercept {intercept}, {theirs}");
    }
    assert_eq!(cases.len(), 20);
}

/// More rows than one thread sums at once: the same bits in any order.
#[test]
fn many_rows_have_the_same_fit_in_any_order() {
    const ROWS: u64 = 100_000;
    let set = |step: u64| {
        let of = |row: u64| row * step % ROWS;
        let values: Vec<f64> = (0..ROWS).map(|row| feature(of(row), 0) + feature(of(row), 1)).collect();
        let mut sorted = values.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        TrainingSet {
            features: (0..3).map(|k| (format!("x{k}"), (0..ROWS).map(|row| feature(of(row), k)).collect())).collect(),
            labels: values.iter().map(|value| *value >= sorted[90_000]).collect(),
            splits: vec![Split::Train; ROWS as usize],
            target: Some(("y".into(), values)),
            weights: Some(("w".into(), (0..ROWS).map(|row| (of(row) % 5) as f64).collect())),
            skipped: 0,
        }
    };
    for model_type in ["logistic_reg", "linear_reg"] {
        let mut options = Options::of(ModelType::parse(model_type).unwrap());
        options.set("class_weight", &json!("balanced")).unwrap();
        let [some, other] = [1, 7919].map(|step| train(&set(step), &[], &Recipe::of(options.clone())).unwrap().scorer);
        assert_eq!(some, other, "{model_type}");
    }
}
