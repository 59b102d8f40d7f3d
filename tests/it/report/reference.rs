//! `drift` against Evidently's own output, recorded by `tests/reference/evidently_drift.py`.

use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, StringArray};
use datafusion::arrow::datatypes::Float64Type;
use datafusion::prelude::SessionContext;
use serde_json::Value;
use squall::catalog::FUNCTIONS;

use super::synthetic::register;

/// A p-value or distance may differ because of rounding in sums of some thousand terms.
const TOLERANCE: f64 = 1e-9;

fn dice(seed: u64, rows: usize) -> Vec<f64> {
    let mut state = seed;
    let roll = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    (0..rows).map(roll).collect()
}

fn numbers(rolls: Vec<f64>, value: impl Fn(f64) -> f64) -> ArrayRef {
    Arc::new(Float64Array::from_iter_values(rolls.into_iter().map(value)))
}

fn whole(rolls: Vec<f64>, value: impl Fn(f64) -> f64) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(rolls.into_iter().map(|u| value(u).floor() as i64)))
}

fn texts(rolls: Vec<f64>, value: impl Fn(f64) -> &'static str) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(rolls.into_iter().map(value)))
}

/// The columns of the script, in its order; `current` chooses one of the two samples.
fn columns(current: bool, rows: usize, seed: u64) -> Vec<(&'static str, ArrayRef)> {
    let letters = ["a", "b", "c", "d"];
    let pick = |reference: f64, now: f64| if current { now } else { reference };
    let rolls = |index: u64| dice(1_000 * seed + 2 * index + u64::from(current), rows);
    let shift = |index, by| numbers(rolls(index), move |u| u + pick(0.0, by));
    let hole = |u: f64| match () {
        () if u < pick(0.1, 0.2) => f64::NAN,
        () if u > 0.95 && !current => f64::INFINITY,
        () => u,
    };
    vec![
        ("same", shift(0, 0.0)),
        ("shifted_little", shift(1, 0.02)),
        ("shifted", shift(2, 0.0625)),
        ("shifted_far", shift(3, 0.25)),
        ("squared", numbers(rolls(4), |u| pick(u, u * u))),
        ("rounded", numbers(rolls(5), |u| (u * 50.0).floor() / 2.0 + pick(0.0, 0.5))),
        ("holes", numbers(rolls(6), hole)),
        ("levels", numbers(rolls(7), |u| (pick(u, u * u) * 4.0).floor() / 2.0)),
        ("pair", numbers(rolls(8), |u| if u < pick(0.5, 0.55) { 1.5 } else { 0.5 })),
        ("constant", numbers(rolls(9), |_| 1.0)),
        ("whole_few", whole(rolls(10), |u| pick(u * 8.0, u * (u + 1.0) / 2.0 * 8.0))),
        ("whole_many", whole(rolls(11), |u| (u * 200.0).floor() + pick(0.0, 3.0))),
        ("text", texts(rolls(12), |u| letters[(pick(u, u * u) * 3.0) as usize])),
        ("text_pair", texts(rolls(13), |u| if u < pick(0.3, 0.33) { "yes" } else { "no" })),
        ("text_new", texts(rolls(14), |u| letters[(u * pick(3.0, 4.0)) as usize])),
        ("flag", {
            let flags = rolls(15).into_iter().map(|u| Some(u < pick(0.5, 0.52)));
            Arc::new(flags.collect::<BooleanArray>())
        }),
    ]
}

fn display_name(test: &str) -> &str {
    match test {
        "ks" => "K-S p_value",
        "wasserstein" => "Wasserstein distance (normed)",
        "chisquare" => "chi-square p_value",
        "z" => "Z-test p_value",
        "jensenshannon" => "Jensen-Shannon distance",
        other => other,
    }
}

#[tokio::test]
async fn drift_agrees_with_evidently() {
    let recorded: Value = serde_json::from_str(include_str!("../../reference/evidently_drift.json")).unwrap();
    let names = ["small", "equal", "one_side_large", "tiny_against_large", "large"];
    for (seed, name) in names.into_iter().enumerate() {
        let sample = &recorded["samples"][name];
        let rows = |side: &str| sample[side].as_u64().unwrap() as usize;
        let context = SessionContext::new();
        FUNCTIONS.register(&context, Path::new("no/models/here"));
        register(&context, "reference", vec![columns(false, rows("reference_rows"), seed as u64)]);
        register(&context, "current", vec![columns(true, rows("current_rows"), seed as u64)]);
        let query = "SELECT column_name, test, value, threshold, drifted FROM drift('reference', 'current')";
        let batches = context.sql(query).await.unwrap().collect().await.unwrap();
        let batch = &batches[0];
        assert_eq!(batch.num_rows(), sample["columns"].as_object().unwrap().len(), "{name}");
        for index in 0..batch.num_rows() {
            let column = batch.column(0).as_string::<i32>().value(index);
            let theirs = &sample["columns"][column];
            let test = batch.column(1).as_string::<i32>().value(index);
            assert_eq!(display_name(test), theirs["test"], "{name}.{column}");
            let number = |at: usize| batch.column(at).as_primitive::<Float64Type>().value(index);
            let (value, expected) = (number(2), theirs["value"].as_f64().unwrap());
            assert!((value - expected).abs() <= TOLERANCE, "{name}.{column}: {value} against {expected}");
            assert_eq!(number(3), theirs["threshold"].as_f64().unwrap(), "{name}.{column}");
            assert!(batch.column(4).is_valid(index), "{name}.{column}");
        }
    }
}
