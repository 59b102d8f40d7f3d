//! Aggregates over two samples against SciPy's and Evidently's numbers, recorded in `tests/reference/two_sample.json`.
//!
//! Tolerance 1e-9, relative: the p-values of Anderson and Darling go through a fitted parabola, and those of Cramér and von Mises through a
//! series that SciPy ends at terms of 1e-7.

use serde_json::Value;
use squall::catalog::Session;
use tempfile::TempDir;

use crate::model::weather;
use crate::slt::rows;

const TOLERANCE: f64 = 1e-9;

async fn session(folder: &TempDir) -> Session {
    weather::empty(folder).await
}

async fn text(session: &Session, sql: &str) -> Vec<Vec<String>> {
    rows(&session.sql(sql).await.unwrap_or_else(|error| panic!("{sql}\n{error}")).collect().await.unwrap())
}

fn pairs() -> Vec<Value> {
    let recorded: Value = serde_json::from_str(include_str!("../../reference/two_sample.json")).unwrap();
    recorded["pairs"].as_array().unwrap().clone()
}

/// Makes a table of a pair of samples, its rows in an order that mixes them.
async fn make(session: &Session, pair: &Value) {
    let value = |value: &Value| {
        value.as_str().map_or_else(|| format!("{:?}", value.as_f64().unwrap_or_default()), |text| format!("'{text}'"))
    };
    let sample = |name: &str, current: bool| -> Vec<String> {
        pair[name].as_array().unwrap().iter().map(|item| format!("({current}, {})", value(item))).collect()
    };
    let mut all = [sample("reference", false), sample("current", true)].concat();
    all.sort();
    let values = format!(
        "CREATE OR REPLACE TABLE pair AS SELECT column1 AS current, column2 AS value FROM (VALUES {})",
        all.join(", ")
    );
    text(session, &values).await;
}

fn near(found: &str, expected: &Value, what: &str) {
    let expected = expected.as_f64().unwrap_or_else(|| expected.as_str().unwrap().parse().unwrap());
    if found == "NULL" {
        assert!(expected.is_nan(), "{what}: NULL, expected {expected}");
        return;
    }
    let found: f64 = found.parse().unwrap_or_else(|_| panic!("{what}: {found}"));
    let close = found == expected || (found - expected).abs() <= TOLERANCE * expected.abs().max(1e-5);
    assert!(close, "{what}: {found}, expected {expected}");
}

#[tokio::test]
async fn every_pair_is_as_the_reference_says() {
    let folder = TempDir::new().unwrap();
    let session = session(&folder).await;
    for pair in pairs() {
        make(&session, &pair).await;
        for (function, expected) in pair["expected"].as_object().unwrap() {
            let what = format!("{function} of {}", pair["name"]);
            match expected.as_array() {
                None => {
                    let found = text(&session, &format!("SELECT {function}(current, value) FROM pair")).await;
                    near(&found[0][0], expected, &what);
                }
                Some(both) => {
                    let sql = format!(
                        "SELECT t['statistic'], t['p_value'] FROM (SELECT {function}(current, value) AS t FROM pair)"
                    );
                    let found = text(&session, &sql).await;
                    near(&found[0][0], &both[0], &format!("statistic, {what}"));
                    near(&found[0][1], &both[1], &format!("p-value, {what}"));
                }
            }
        }
    }
}

#[tokio::test]
async fn empty_samples_are_null_and_other_arguments_are_errors() {
    let folder = TempDir::new().unwrap();
    let session = session(&folder).await;
    for function in ["ks_statistic", "wasserstein_distance", "population_stability_index", "hellinger_distance"] {
        let found =
            text(&session, &format!("SELECT {function}(value > 9, CAST(value AS DOUBLE)) FROM generate_series(1, 5)"))
                .await;
        assert_eq!(found[0][0], "NULL", "{function}");
    }
    for function in
        ["ks_test", "t_test", "mann_whitney_u", "cramer_von_mises", "anderson_darling", "chi_square_test", "z_test"]
    {
        let sql = format!("SELECT {function}(value > 9, CAST(value AS DOUBLE))['p_value'] FROM generate_series(1, 5)");
        assert_eq!(text(&session, &sql).await[0][0], "NULL", "{function}");
    }
    // NULL, NaN and infinity do not count, on either side.
    let sql = "SELECT ks_statistic(column1, column2) FROM (VALUES (true, 1.0), (false, 1.0), (false, NULL), (true, 'NaN'::DOUBLE),
        (NULL, 5.0), (true, 'inf'::DOUBLE))";
    assert_eq!(text(&session, sql).await[0][0], "0.0");
    for (call, expected) in [
        ("ks_statistic(value > 2, 'a')", "must be a number"),
        ("ks_statistic('a', value)", "must say whether the row is of the current sample"),
        ("z_test(value, value)", "must be 0 (reference) or 1 (current)"),
        ("psi(value > 2, value)", "psi"),
    ] {
        let error = match session.sql(&format!("SELECT {call} FROM generate_series(1, 5)")).await {
            Ok(frame) => frame.collect().await.unwrap_err().to_string(),
            Err(error) => format!("{error} {:?}", std::error::Error::source(&error).map(ToString::to_string)),
        };
        assert!(error.contains(expected), "{call}: {error}");
    }
}

/// The same bits for any number of threads and any order of rows.
#[tokio::test]
async fn groups_and_orders_do_not_change_a_bit() {
    let folder = TempDir::new().unwrap();
    let session = session(&folder).await;
    let rows =
        "SELECT value % 2 = 0 AS current, cos(value) * (1 + value % 3) AS x, value FROM generate_series(1, 20000)";
    let of = |order: &str| {
        format!(
            "SELECT energy_distance(current, x), population_stability_index(current, x),
        t_test(current, x)['p_value'] FROM (SELECT * FROM ({rows}) ORDER BY {order})"
        )
    };
    assert_eq!(text(&session, &of("value")).await, text(&session, &of("x DESC")).await);
}
