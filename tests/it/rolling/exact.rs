//! Within 2 units in the last place of the exact answer, on inputs that ruin adding and retracting in floating point.
//!
//! `referee/` holds the inputs and what `peers/exact_features.py` computed from them in rational arithmetic; `make.py`
//! there makes both again. The inputs: a bad tick (bid 0.01, ask 1e12) amid ordinary prices, a constant price, prices of
//! 1e-9 and of 1e12, and prices anywhere between 1e-100 and 1e100.

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

/// Reads the peers' query; `None`, with a message, where the shared folder is absent.
pub fn features_sql() -> Option<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/peers/features.sql");
    let sql = std::fs::read_to_string(&path).ok();
    if sql.is_none() {
        eprintln!("skipped: no {}", path.display());
    }
    sql
}

/// Returns how many doubles lie between two.
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
