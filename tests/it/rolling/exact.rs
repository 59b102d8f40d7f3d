//! Results are within 2 units in the last place of the exact answer, on inputs for which adding and retracting in floating
//! point fails.
//!
//! `referee/` holds the inputs and the exact results. `peers/exact_features.py` computed these in rational arithmetic; for
//! pairs and quantiles, `make.py` there did. `make.py` makes all of them again. The inputs: a bad tick (bid 0.01, ask 1e12)
//! among ordinary prices, a constant price, prices of 1e-9 and of 1e12, and prices anywhere between 1e-100 and 1e100.

use std::path::PathBuf;

use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::datatypes::{Float64Type, Int64Type};
use datafusion::prelude::ParquetReadOptions;

use super::{ROLLING, plan, query, session};

const FLOATS: &[&str] = &[
    "midprice",
    "ret",
    "spread",
    "vol_10s",
    "vol_60s",
    "vol_300s",
    "spread_60s",
    "low_60s",
    "high_60s",
    "vol_next_60s",
];

pub fn referee(file: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/rolling/referee");
    folder.join(file).to_string_lossy().into_owned()
}

/// Reads the peers' query; returns `None`, with a message, if the shared folder is missing.
pub fn features_sql() -> Option<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/peers/features.sql");
    let sql = std::fs::read_to_string(&path).ok();
    if sql.is_none() {
        eprintln!("skipped: no {}", path.display());
    }
    sql
}

/// Returns how many doubles lie between two doubles.
pub fn ulps(a: f64, b: f64) -> u64 {
    let ordered = |value: f64| {
        let bits = value.to_bits().cast_signed();
        if bits < 0 { i64::MIN - bits } else { bits }
    };
    ordered(a).abs_diff(ordered(b))
}

pub fn floats(batch: &RecordBatch, name: &str) -> Vec<Option<f64>> {
    let column = batch.column_by_name(name).unwrap_or_else(|| panic!("no column {name}"));
    column.as_primitive::<Float64Type>().iter().collect()
}

#[tokio::test]
async fn features_are_those_of_the_referee() {
    let Some(sql) = features_sql() else { return };
    let context = session(ROLLING);
    for (name, file) in [("ticks", "quotes.parquet"), ("exact", "exact.parquet")] {
        context.register_parquet(name, referee(file), ParquetReadOptions::default()).await.expect("the file is there");
    }
    assert!(!plan(&context, &sql).await.contains("WindowAggExec"), "the kernels cover features.sql");
    let found = query(&context, &format!("SELECT * FROM ({sql}) ORDER BY product_id, ts")).await;
    let exact = query(&context, "SELECT * FROM exact ORDER BY product_id, ts").await;
    assert_eq!(found.num_rows(), exact.num_rows());
    let products =
        query(&context, "SELECT arrow_cast(product_id, 'Utf8') AS p FROM exact ORDER BY product_id, ts").await;
    let products = products.column(0).as_string::<i32>();
    for name in FLOATS {
        for (row, (found, exact)) in floats(&found, name).into_iter().zip(floats(&exact, name)).enumerate() {
            let near = match (found, exact) {
                (Some(found), Some(exact)) => ulps(found, exact) <= 2,
                (found, exact) => found.is_none() && exact.is_none(),
            };
            assert!(near, "{name} of {} in row {row}: {found:?}, exactly {exact:?}", products.value(row));
            if products.value(row) == "CONSTANT" && name.starts_with("vol") {
                assert!(found.is_none_or(|value| value == 0.0), "{name} of a constant price is {found:?}");
            }
        }
    }
    let counts = |batch: &RecordBatch| batch["n_60s"].as_primitive::<Int64Type>().clone();
    assert_eq!(counts(&found), counts(&exact));
}

/// Aggregates of (best_ask, best_bid) and of (spread, best_bid), or of the first column alone.
const OF_PAIRS: &[&str] = &["covar_samp", "covar_pop", "corr", "regr_slope", "regr_intercept", "regr_r2"];

fn pairs_sql() -> String {
    let mut columns = vec!["product_id".to_owned(), "ts".to_owned()];
    for (kind, y) in [("ask", "best_ask"), ("spread", "(best_ask - best_bid)")] {
        columns.extend(OF_PAIRS.iter().map(|name| format!("{name}({y}, best_bid) OVER w AS {name}_{kind}")));
        columns.push(format!("median({y}) OVER w AS median_{kind}"));
        columns.push(format!("percentile_cont({y}, 0.9) OVER w AS percentile_cont_{kind}"));
    }
    format!(
        "SELECT {} FROM ticks WINDOW w AS (PARTITION BY product_id ORDER BY ts \
         RANGE BETWEEN INTERVAL '60 seconds' PRECEDING AND CURRENT ROW) ORDER BY product_id, ts",
        columns.join(", ")
    )
}

#[tokio::test]
async fn pairs_and_quantiles_are_those_of_the_referee() {
    let context = session(ROLLING);
    for (name, file) in [("ticks", "quotes.parquet"), ("exact", "exact_pairs.parquet")] {
        context.register_parquet(name, referee(file), ParquetReadOptions::default()).await.expect("the file is there");
    }
    let sql = pairs_sql();
    assert!(!plan(&context, &sql).await.contains("WindowAggExec"), "the kernels cover all of it");
    let found = query(&context, &sql).await;
    let exact = query(&context, "SELECT * FROM exact ORDER BY product_id, ts").await;
    let names = OF_PAIRS.iter().chain(&["median", "percentile_cont"]);
    let names: Vec<String> = names.flat_map(|name| [format!("{name}_ask"), format!("{name}_spread")]).collect();
    for name in names {
        let (found, exact) = (floats(&found, &name), floats(&exact, &name));
        assert_eq!(found.len(), exact.len(), "{name}");
        for (row, (found, exact)) in found.into_iter().zip(exact).enumerate() {
            let near = match (found, exact) {
                (Some(found), Some(exact)) => ulps(found, exact) <= 2,
                (found, exact) => found.is_none() && exact.is_none(),
            };
            assert!(near, "{name} in row {row}: {found:?}, exactly {exact:?}");
        }
    }
}
