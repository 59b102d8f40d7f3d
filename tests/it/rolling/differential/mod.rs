//! The same answer as DataFusion's own operators, over generated tables, frames and orders.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::{DataType, Float64Type};
use proptest::prelude::{Just, Strategy, any, prop, prop_oneof};
use proptest::test_runner::{Config, TestRunner};

use super::{Setup, plan, query, register, session};

/// One row: partition keys, a time with ties, a number, a number with what no sum can hold, an integer.
type Row = (Option<u8>, Option<u8>, Option<i64>, Option<f64>, Option<f64>, Option<i64>);

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let time = prop::option::weighted(0.9, 0..30i64);
    let finite = prop::option::weighted(
        0.85,
        prop_oneof![
            4 => (-400..400i32).prop_map(|value| f64::from(value) / 8.0),
            2 => Just(1.5),
            1 => -1e3..1e3,
        ],
    );
    let special = prop::option::weighted(
        0.85,
        prop_oneof![
            6 => -10.0..10.0,
            1 => Just(f64::NAN),
            1 => Just(f64::INFINITY),
            1 => Just(f64::NEG_INFINITY),
            1 => Just(-0.0),
            1 => Just(0.0),
        ],
    );
    let integer = prop::option::weighted(0.85, prop_oneof![9 => -100..100i64, 1 => any::<i64>()]);
    let row = (prop::option::of(0..3u8), prop::option::weighted(0.95, 0..2u8), time, finite, special, integer);
    prop::collection::vec(row, 0..60)
}

fn table(rows: &[Row]) -> RecordBatch {
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int64Array::from_iter_values(0..rows.len() as i64))),
        ("p", Arc::new(rows.iter().map(|row| row.0.map(|p| format!("p{p}"))).collect::<StringArray>())),
        ("q", Arc::new(rows.iter().map(|row| row.1.map(i64::from)).collect::<Int64Array>())),
        ("t", Arc::new(rows.iter().map(|row| row.2).collect::<TimestampMicrosecondArray>().with_timezone("UTC"))),
        // Distinct, and not in the order of the rows.
        ("k", Arc::new(Int64Array::from_iter_values((0..rows.len() as i64).map(|id| (id * 37) % 1009)))),
        ("x", Arc::new(rows.iter().map(|row| row.3).collect::<Float64Array>())),
        ("y", Arc::new(rows.iter().map(|row| row.4).collect::<Float64Array>())),
        ("n", Arc::new(rows.iter().map(|row| row.5).collect::<Int64Array>())),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)))
        .expect("columns are equally long")
}

const FUNCTIONS: &[&str] = &[
    "count(*)",
    "count(x)",
    "sum(x)",
    "avg(x)",
    "var_samp(x)",
    "var_pop(x)",
    "stddev_samp(x)",
    "stddev_pop(x)",
    "min(x)",
    "max(x)",
    "min(y)",
    "max(y)",
    "sum(n)",
    "min(n)",
    "max(n)",
    "avg(q)",
    "min(t)",
    "max(t)",
    "count(y)",
    "first_value(p)",
    "last_value(x)",
    "nth_value(n, 2)",
    "first_value(y)",
    "lag(x)",
    "lag(p, 2, 'none')",
    "lead(n, 3)",
    "lead(x, 1, 0.5)",
    "row_number()",
    "covar_samp(x, q)",
    "covar_pop(x, x + q)",
    "corr(x, q)",
    "regr_slope(x, q)",
    "regr_intercept(x, q)",
    "regr_r2(x, q)",
    "count(*) FILTER (WHERE q = 1)",
    "sum(x) FILTER (WHERE n > 0)",
    "max(y) FILTER (WHERE p = 'p1')",
    "stddev_samp(x) FILTER (WHERE q = 0)",
    "stddev(q)",
    "median(x)",
    "median(y)",
    "median(n)",
    "percentile_cont(x, 0.9)",
    "percentile_cont(y, 0.3)",
    "quantile_cont(n, 0.7)",
    "percentile_cont(y, 0)",
    "percentile_cont(y, 1)",
    "regr_count(y, q)",
    "regr_avgx(x, q)",
    "regr_avgy(x, q)",
    "regr_sxx(x, q)",
    "regr_syy(x, q)",
    "regr_sxy(x, q)",
    "median(y) FILTER (WHERE q = 1)",
    "percentile_cont(x, 0.25) FILTER (WHERE n > 0)",
    "corr(x, q) FILTER (WHERE n > 0)",
    "covar_pop(x, q) FILTER (WHERE p = 'p1')",
    "regr_count(x, q) FILTER (WHERE n > 0)",
    "regr_avgy(x, q) FILTER (WHERE n > 0)",
];

const ORDERS: &[&str] = &["t", "t DESC", "t NULLS FIRST", "t DESC NULLS LAST", "k", "k DESC", "t, k", "t DESC, k"];

/// Writes a window specification; the numbers choose among what is allowed.
fn window(order: usize, units: usize, bounds: (usize, usize), offsets: (u32, u32), partition: usize) -> String {
    let order = ORDERS[order % ORDERS.len()];
    let single = !order.contains(',');
    let units = ["ROWS", "RANGE", "GROUPS"][units % 3];
    let offset = |offset: u32| match (units, order.starts_with('t')) {
        ("RANGE", true) => format!("INTERVAL '{offset} microseconds'"),
        ("RANGE", false) => (offset * 40).to_string(),
        _ => offset.to_string(),
    };
    // Of two bounds of one kind the first may not lie behind the second.
    let offsets = match (bounds.0 % 4, offsets.0 <= offsets.1) {
        (1, true) | (3, false) => (offsets.1, offsets.0),
        _ => offsets,
    };
    // In the order in which bounds follow each other; a frame may not end in an earlier kind than it starts in.
    let start = [
        "UNBOUNDED PRECEDING".to_owned(),
        format!("{} PRECEDING", offset(offsets.0)),
        "CURRENT ROW".to_owned(),
        format!("{} FOLLOWING", offset(offsets.0)),
    ];
    let end = [
        format!("{} PRECEDING", offset(offsets.1)),
        "CURRENT ROW".to_owned(),
        format!("{} FOLLOWING", offset(offsets.1)),
        "UNBOUNDED FOLLOWING".to_owned(),
    ];
    let (mut from, mut to) = (bounds.0 % 4, bounds.1 % 4);
    if units == "RANGE" && !single {
        (from, to) = ([0, 2][from % 2], [1, 3][to % 2]);
    }
    to = to.max(from.saturating_sub(1));
    let partition = ["", "PARTITION BY p ", "PARTITION BY q, p "][partition % 3];
    format!("({partition}ORDER BY {order} {units} BETWEEN {} AND {})", start[from], end[to])
}

/// Compares results: doubles to within what adding and retracting in floating point loses, all else exactly.
fn assert_same(stock: &RecordBatch, rolling: &RecordBatch, sql: &str) {
    assert_eq!(stock.schema(), rolling.schema(), "{sql}");
    for (index, (expected, found)) in stock.columns().iter().zip(rolling.columns()).enumerate() {
        let exact = !sql_computes(sql, index);
        if expected.data_type() != &DataType::Float64 || exact {
            assert_eq!(expected, found, "column {index} of {sql}");
            continue;
        }
        // Ratios magnify what stock loses by retracting, up to taking a column for constant or not.
        let column = sql.split(" AS c").nth(index.saturating_sub(1)).unwrap_or_default();
        if (column.contains("corr") || column.contains("regr")) && !column.contains("UNBOUNDED PRECEDING") {
            continue;
        }
        let (expected, found) = (expected.as_primitive::<Float64Type>(), found.as_primitive::<Float64Type>());
        assert_eq!(expected.nulls(), found.nulls(), "column {index} of {sql}");
        for (row, (expected, found)) in expected.iter().zip(found).enumerate() {
            let (Some(expected), Some(found)) = (expected, found) else { continue };
            // Where values cancel, stock's variance is off by what was there before, even negative: its root then is NaN.
            let near = |a: f64, b: f64, scale: f64| (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(scale);
            let close = near(expected, found, 1e3)
                || near(expected * expected, found * found, 1e3)
                || (expected.is_nan() && found.abs() < 1e-3);
            assert!(close, "column {index}, row {row}: {expected} is stock's, {found} is ours\n{sql}");
        }
    }
}

/// Returns whether a result column is rounded, rather than picked from the input.
fn sql_computes(sql: &str, index: usize) -> bool {
    let column = sql.split(" AS c").nth(index.saturating_sub(1)).unwrap_or_default();
    ["sum(", "avg(", "var", "stddev", "corr", "regr"].iter().any(|name| column.contains(name))
}

#[test]
fn answers_are_those_of_the_stock_operators() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let spec = (0..8usize, 0..3usize, (0..4usize, 0..4usize), (0..12u32, 0..12u32), 0..3usize);
    let case = (
        rows(),
        prop::collection::vec(spec, 1..4),
        prop::collection::vec((0..FUNCTIONS.len(), any::<prop::sample::Index>()), 1..7),
        prop::sample::select(vec![1usize, 2, 7, 8192]),
    );
    let mut runner =
        TestRunner::new(Config { cases: 64, failure_persistence: None, max_shrink_iters: 40, ..Config::default() });
    runner
        .run(&case, |(rows, windows, calls, batch_size)| {
            let windows: Vec<String> = windows
                .into_iter()
                .map(|(order, units, bounds, offsets, partition)| window(order, units, bounds, offsets, partition))
                .collect();
            let calls: Vec<String> = calls
                .iter()
                .enumerate()
                .map(|(index, (function, over))| {
                    format!("{} OVER {} AS c{index}", FUNCTIONS[*function], over.get(&windows))
                })
                .collect();
            let sql = format!("SELECT id, {} FROM data ORDER BY id", calls.join(", "));
            let table = table(&rows);
            // Stock takes a frame that ends before the current row for complete even if that row is NULL and has peers to
            // come; in one batch they are there.
            let batch_size = if sql.contains("PRECEDING AND INTERVAL") { 8192 } else { batch_size };
            let mut results = Vec::new();
            for rolling in [false, true] {
                let context = session(Setup { rolling, partitions: 1, batch_size });
                register(&context, "data", &table, 1, batch_size);
                results.push(runtime.block_on(query(&context, &sql)));
                if rolling {
                    let plan = runtime.block_on(plan(&context, &sql));
                    // Stock may stay for a function that it has turned round to suit the order of another window.
                    assert!(plan.contains("RollingWindowExec"), "{sql}\n{plan}");
                }
            }
            assert_same(&results[0], &results[1], &sql);
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
}
