//! `drift` against Evidently's own output, recorded by `tests/reference/evidently_drift.py`.

use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, StringArray,
    TimestampSecondArray,
};
use datafusion::arrow::datatypes::{Float64Type, Int64Type};
use datafusion::prelude::SessionContext;
use serde_json::Value;
use squall::catalog::FUNCTIONS;

use super::synthetic::register;

/// A p-value or distance may differ because of rounding in sums of some thousand terms.
const TOLERANCE: f64 = 1e-9;

/// NumPy takes the deviation of a column of REAL in single precision, to which the distance is normed.
const TOLERANCE_OF_REAL: f64 = 1e-7;

/// The first whole number that is not a DOUBLE.
const LARGE: i64 = (1 << 53) + 1;

fn dice(seed: u64, rows: usize) -> Vec<f64> {
    let mut state = seed;
    let roll = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    (0..rows).map(roll).collect()
}

/// Returns a value of a column as the script makes it; `None` for NULL.
fn value(how: &Value, u: f64) -> Option<f64> {
    let number = |name: &str, absent: f64| how[name].as_f64().unwrap_or(absent);
    match () {
        () if u < number("null_below", 0.0) => return None,
        () if u < number("nan_below", 0.0) => return Some(f64::NAN),
        () if u > number("inf_above", 1.0) => return Some(f64::INFINITY),
        () if u > number("minus_inf_above", 1.0) => return Some(f64::NEG_INFINITY),
        () => {}
    }
    let power = how["power"].as_u64().unwrap_or(1);
    let mut value = (0..power).fold(1.0, |product, _| product * u) * number("scale", 1.0);
    if how["floor"].as_bool().unwrap_or(false) {
        value = value.floor();
    }
    Some(value * number("step", 1.0) + number("offset", 0.0))
}

fn column(spec: &Value, current: bool, rolls: &[f64]) -> ArrayRef {
    let how = &spec[if current { "current" } else { "reference" }];
    let values = rolls.iter().map(|u| value(how, *u));
    let whole = values.clone().map(|value| value.map(|value| value.floor() as i64));
    let letter = |value: i64| char::from(b'a' + u8::try_from(value).unwrap()).to_string();
    match spec["type"].as_str().unwrap() {
        "double" => Arc::new(values.collect::<Float64Array>()),
        "real" => Arc::new(values.map(|value| value.map(|value| value as f32)).collect::<Float32Array>()),
        "bigint" => Arc::new(whole.collect::<Int64Array>()),
        "int" => Arc::new(whole.map(|value| value.map(|value| value as i32)).collect::<Int32Array>()),
        "large" => Arc::new(whole.map(|value| value.map(|value| value + LARGE)).collect::<Int64Array>()),
        "text" => Arc::new(whole.map(|value| value.map(letter)).collect::<StringArray>()),
        "boolean" => Arc::new(whole.map(|value| value.map(|value| value >= 1)).collect::<BooleanArray>()),
        "timestamp" => Arc::new(whole.collect::<TimestampSecondArray>()),
        other => panic!("no column has the type {other}"),
    }
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
    // Tables of tests take names that live as long as the program.
    let recorded: &'static Value = Box::leak(Box::new(recorded));
    let specs = recorded["columns"].as_object().unwrap();
    let order: Vec<&str> = recorded["order"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    let mut compared = 0;
    for (seed, sample) in recorded["samples"].as_array().unwrap().iter().enumerate() {
        let rows = |side: &str| sample[side].as_u64().unwrap() as usize;
        let context = SessionContext::new();
        FUNCTIONS.register(&context, Path::new("no/models/here"));
        for (name, current) in [("reference", false), ("current", true)] {
            let rows = rows(&format!("{name}_rows"));
            let columns = order.iter().enumerate().map(|(index, column_name)| {
                let rolls = dice(1_000 * seed as u64 + 2 * index as u64 + u64::from(current), rows);
                (*column_name, column(&specs[*column_name], current, &rolls))
            });
            register(&context, name, vec![columns.collect()]);
        }
        let query = "SELECT column_name, test, value, threshold, drifted, reason, reference_rows, current_rows \
            FROM drift('reference', 'current')";
        let batches = context.sql(query).await.unwrap().collect().await.unwrap();
        let batch = &batches[0];
        assert_eq!(batch.num_rows(), order.len());
        for index in 0..batch.num_rows() {
            let name = batch.column(0).as_string::<i32>().value(index);
            let what = format!("{name}, {} against {}", rows("reference_rows"), rows("current_rows"));
            let theirs = &sample["columns"][name];
            let number = |at: usize| batch.column(at).as_primitive::<Float64Type>().value(index);
            if theirs.is_null() {
                // Evidently refuses the column or takes a test of texts. Here it has a result or a reason.
                let answered = batch.column(4).is_valid(index) || batch.column(5).is_valid(index);
                assert!(answered, "{what}");
                continue;
            }
            let test = batch.column(1).as_string::<i32>().value(index);
            assert_eq!(display_name(test), theirs["test"], "{what}");
            let (value, expected) = (number(2), theirs["value"].as_f64().unwrap());
            let is_real = specs[name]["type"] == "real" && test == "wasserstein";
            let tolerance = if is_real { TOLERANCE_OF_REAL } else { TOLERANCE };
            let near = (value - expected).abs() <= tolerance * expected.abs().max(1.0);
            assert!(near, "{what}: {value} against {expected}");
            assert_eq!(number(3), theirs["threshold"].as_f64().unwrap(), "{what}");
            assert!(batch.column(4).is_valid(index), "{what}");
            let counted = |at: usize| batch.column(at).as_primitive::<Int64Type>().value(index);
            assert!(counted(6) > 0 && counted(7) > 0, "{what}");
            compared += 1;
        }
    }
    assert!(compared > 800, "{compared} comparisons");
}
