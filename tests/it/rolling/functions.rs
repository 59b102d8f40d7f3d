//! squall's own window functions. Either operator gives the same bits, whatever the batches, the start of the input or the
//! earlier rows are; and the results match the referee's answers.
//!
//! `referee/functions.parquet` holds what `referee/make_functions.py` computed with 2000 bits from the hard inputs that
//! `super::exact` describes, and the results of pandas' own `ewm`.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::{DataType, DurationMicrosecondType, Float64Type, Int64Type, TimeUnit};
use datafusion::dataframe::DataFrameWriteOptions;
use datafusion::prelude::ParquetReadOptions;
use proptest::prelude::{Just, Strategy, any, prop, prop_oneof};
use proptest::test_runner::{Config, TestRunner};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::exact::{floats, referee, ulps};
use super::{ROLLING, Setup, between, plan, query, register, session};

/// Compares doubles by their bits.
fn assert_same_bits(a: &RecordBatch, b: &RecordBatch, what: &str) {
    assert_eq!(a.num_rows(), b.num_rows(), "{what}");
    assert_eq!(a.schema(), b.schema(), "{what}");
    for (field, (a, b)) in a.schema().fields().iter().zip(a.columns().iter().zip(b.columns())) {
        if a.data_type() == &DataType::Float64 {
            let bits = |array: &ArrayRef| -> Vec<Option<u64>> {
                array.as_primitive::<Float64Type>().iter().map(|value| value.map(f64::to_bits)).collect()
            };
            assert_eq!(bits(a), bits(b), "{}, {what}", field.name());
        } else {
            assert_eq!(a, b, "{}, {what}", field.name());
        }
    }
}

/// One row: partition, a time with ties, a price, and another price that may have no logarithm.
type Row = (Option<u8>, Option<i64>, Option<f64>, Option<f64>);

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let price = prop_oneof![4 => (1..40i32).prop_map(|price| f64::from(price) / 8.0), 3 => Just(2.5), 1 => 0.1..1e3];
    let special = prop_oneof![
        20 => 0.5..2.0,
        4 => Just(1.0),
        1 => Just(0.0),
        1 => Just(-1.0),
        1 => Just(f64::NAN),
        1 => Just(f64::INFINITY),
        1 => Just(f64::NEG_INFINITY),
        1 => Just(1e300),
        1 => Just(-1e-300),
    ];
    let time = prop_oneof![6 => -20..30i64, 1 => -100_000..100_000i64];
    let row = (
        prop::option::weighted(0.95, 0..2u8),
        prop::option::weighted(0.9, time),
        prop::option::weighted(0.85, price),
        prop::option::weighted(0.85, special),
    );
    prop::collection::vec(row, 0..60)
}

fn table(rows: &[Row]) -> RecordBatch {
    let times = || rows.iter().map(|row| row.1);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int64Array::from_iter_values(0..rows.len() as i64))),
        ("p", Arc::new(rows.iter().map(|row| row.0.map(|p| format!("p{p}"))).collect::<StringArray>())),
        ("t", Arc::new(times().collect::<TimestampMicrosecondArray>().with_timezone("UTC"))),
        ("k", Arc::new(times().collect::<Int64Array>())),
        ("x", Arc::new(rows.iter().map(|row| row.2).collect::<Float64Array>())),
        ("y", Arc::new(rows.iter().map(|row| row.3).collect::<Float64Array>())),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)))
        .expect("columns are equally long")
}

/// Calls; `{half_life}` stands for a half-life that fits the order.
const CALLS: &[&str] = &[
    "realized_volatility(x)",
    "realized_volatility(y)",
    "bipower_variation(x)",
    "bipower_variation(y)",
    "ewma(x, {half_life})",
    "ewma(y, {half_life})",
    "decayed_sum(x, {half_life})",
    "decayed_sum(y, {half_life})",
    "price_changes(y)",
    "tick_imbalance(x)",
    "tick_imbalance(y)",
    "max_gap(t)",
    "max_gap(k)",
    "max_gap(id)",
    "time_weighted_avg(x, t)",
    "time_weighted_avg(y, k)",
    "time_weighted_avg(y, id)",
    "sum(x)",
];

const ORDERS: &[&str] = &["t", "t DESC", "t NULLS FIRST", "k", "k DESC NULLS LAST", "k NULLS FIRST"];

/// Writes a frame; the kind of the second bound is never earlier than that of the first.
fn frame(units: usize, bounds: (usize, usize), offsets: (u32, u32), times: bool) -> String {
    let units = ["ROWS", "RANGE", "GROUPS"][units % 3];
    let offset = |offset: u32| match (units, times) {
        ("RANGE", true) => format!("INTERVAL '{offset} microseconds'"),
        _ => offset.to_string(),
    };
    format!("{units} {}", between((bounds.0 % 4, bounds.1 % 4), offsets, offset))
}

#[test]
fn either_operator_gives_the_same_bits() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let spec = (0..ORDERS.len(), 0..3usize, (0..4usize, 0..4usize), (0..12u32, 0..12u32), any::<bool>());
    let case = (
        rows(),
        prop::collection::vec(spec, 1..3),
        prop::collection::vec((0..CALLS.len(), any::<prop::sample::Index>(), 1..50u32), 1..8),
        prop::sample::select(vec![1usize, 2, 7, 8192]),
    );
    let mut runner =
        TestRunner::new(Config { cases: 96, failure_persistence: None, max_shrink_iters: 60, ..Config::default() });
    runner
        .run(&case, |(rows, windows, calls, batch_size)| {
            let calls: Vec<String> = calls
                .iter()
                .enumerate()
                .map(|(index, (call, over, half_life))| {
                    let (order, units, bounds, offsets, partitioned) = *over.get(&windows);
                    let times = ORDERS[order].starts_with('t');
                    let partition = if partitioned { "PARTITION BY p " } else { "" };
                    let half_life =
                        if times { format!("INTERVAL '{half_life} microseconds'") } else { half_life.to_string() };
                    let call = CALLS[*call].replace("{half_life}", &half_life);
                    let frame = frame(units, bounds, offsets, times);
                    format!("{call} OVER ({partition}ORDER BY {} {frame}) AS c{index}", ORDERS[order])
                })
                .collect();
            let sql = format!("SELECT id, {} FROM data ORDER BY id", calls.join(", "));
            let table = table(&rows);
            // For a frame that ends before the current row, stock treats the frame as complete even if that row is NULL and
            // more peers will follow. In one batch, all peers are already there.
            let batch_size = if sql.contains("PRECEDING AND") { 8192 } else { batch_size };
            let mut results = Vec::new();
            for rolling in [false, true] {
                let context = session(Setup { rolling, partitions: 1, batch_size });
                register(&context, "data", &table, 1, batch_size);
                results.push(runtime.block_on(query(&context, &sql)));
                let plan = runtime.block_on(plan(&context, &sql));
                assert_eq!(plan.contains("RollingWindowExec"), rolling, "{sql}\n{plan}");
                assert_eq!(plan.contains("WindowAggExec"), !rolling, "{sql}\n{plan}");
            }
            // Stock's own sum is not exact.
            let exact = |batch: &RecordBatch| {
                let own: Vec<usize> = (0..batch.num_columns())
                    .filter(|column| *column == 0 || !calls[column - 1].starts_with("sum"))
                    .collect();
                batch.project(&own).expect("the columns are there")
            };
            assert_same_bits(&exact(&results[0]), &exact(&results[1]), &sql);
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
}

const WINDOWS: &str = "SELECT id, p, realized_volatility(x) OVER back AS volatility, bipower_variation(x) OVER back AS bipower, \
    ewma(x, INTERVAL '20 microseconds') OVER back AS decayed, tick_imbalance(x) OVER back AS imbalance, \
    max_gap(t) OVER back AS gap, time_weighted_avg(x, t) OVER back AS held, \
    realized_volatility(x) OVER ahead AS next_volatility, ewma(x, INTERVAL '300 nanoseconds') OVER ahead AS next_decayed, \
    time_weighted_avg(x, t) OVER ahead AS next_held, tick_imbalance(x) OVER of_rows AS imbalance_of_rows, \
    ewma(x, INTERVAL '5 microseconds') OVER of_rows AS decayed_of_rows \
    FROM data WINDOW back AS (PARTITION BY p ORDER BY t RANGE BETWEEN INTERVAL '50 microseconds' PRECEDING AND CURRENT ROW), \
    ahead AS (PARTITION BY p ORDER BY t RANGE BETWEEN INTERVAL '1 microsecond' FOLLOWING AND INTERVAL '40 microseconds' FOLLOWING), \
    of_rows AS (PARTITION BY p ORDER BY t ROWS 5 PRECEDING) ORDER BY id";

const ROWS: i64 = 400;

/// Three partitions in the order of time, with prices that often stay the same, some NULLs, and a few outliers.
fn prices(seed: u64) -> RecordBatch {
    let mut random = StdRng::seed_from_u64(seed);
    let prices: Float64Array = (0..ROWS)
        .map(|_| match random.random_range(0..30) {
            0 => None,
            1 => Some(1e-12),
            2 => Some(random.random_range(1e9..1e12)),
            3..10 => Some(100.0),
            _ => Some(random.random_range(99.0..101.0)),
        })
        .collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int64Array::from_iter_values(0..ROWS))),
        ("p", Arc::new(StringArray::from_iter_values((0..ROWS).map(|id| ["a", "b", "c"][(id * id % 3) as usize])))),
        ("t", Arc::new(TimestampMicrosecondArray::from_iter_values((0..ROWS).map(|id| id * 3)))),
        ("x", Arc::new(prices)),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)))
        .expect("columns are equally long")
}

async fn run(table: &RecordBatch, partitions: usize, batch_size: usize) -> RecordBatch {
    let context = session(Setup { rolling: true, partitions, batch_size });
    register(&context, "data", table, partitions, batch_size);
    assert!(!plan(&context, WINDOWS).await.contains("WindowAggExec"), "the kernels cover the functions");
    query(&context, WINDOWS).await
}

#[tokio::test]
async fn batches_partitions_and_where_the_input_begins_do_not_matter() {
    let table = prices(1);
    let expected = run(&table, 1, 8192).await;
    for partitions in [1, 2, 4] {
        for batch_size in [1, 7, 8192] {
            let found = run(&table, partitions, batch_size).await;
            assert_same_bits(&expected, &found, &format!("{partitions} partitions, batches of {batch_size}"));
        }
    }
    let later = run(&table.slice(100, 300), 1, 7).await;
    // The widest frame reaches 50 microseconds back, which is 16 rows; 5 earlier rows of the same partition are within 15.
    assert_same_bits(&expected.slice(117, 283), &later.slice(17, 283), "input from row 100 on");
    let (first, second) = (run(&table.slice(0, 240), 1, 8192).await, run(&table.slice(160, 240), 1, 8192).await);
    let joined =
        concat_batches(&expected.schema(), [&first.slice(0, 200), &second.slice(40, 200)]).expect("one schema");
    assert_same_bits(&expected, &joined, "two halves");
}

#[tokio::test]
async fn what_was_before_the_frame_does_not_matter() {
    let table = prices(3);
    let expected = run(&table, 1, 16).await;
    for replacement in [None, Some(0.0), Some(f64::NAN), Some(f64::INFINITY), Some(1e300), Some(-1e-300), Some(100.0)] {
        let values = table["x"].as_primitive::<Float64Type>();
        let changed: Float64Array =
            values.iter().enumerate().map(|(row, x)| if row < 100 { replacement } else { x }).collect();
        let mut columns = table.columns().to_vec();
        columns[3] = Arc::new(changed);
        let changed = RecordBatch::try_new(table.schema(), columns).expect("the column keeps its type");
        let found = run(&changed, 1, 16).await;
        assert_same_bits(&expected.slice(117, 283), &found.slice(117, 283), &format!("{replacement:?} before"));
    }
}

const FRAME: &str =
    "(PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '60 seconds' PRECEDING AND CURRENT ROW)";

/// Twice the relative error of a weight, plus the rounding of the mean.
///
/// In units of 2^-53: the fraction of a half-life is rounded three times, which ln 2 turns into 2.1 of its weight, and
/// `exp2` adds 2. The error of the mean is then at most twice that, times the mean of absolute values with the same weights:
/// 8.2. Its own rounding adds 1.
const EWMA_TOLERANCE: f64 = 10.0 * f64::EPSILON / 2.0;

#[tokio::test]
async fn functions_are_those_of_the_referee() {
    let context = session(ROLLING);
    for (name, file) in [("ticks", "quotes.parquet"), ("exact", "functions.parquet")] {
        context.register_parquet(name, referee(file), ParquetReadOptions::default()).await.expect("the file is there");
    }
    let sql = format!(
        "SELECT product_id, ts, realized_volatility(best_bid) OVER w AS realized_volatility, \
         bipower_variation(best_bid) OVER w AS bipower_variation, tick_imbalance(best_bid) OVER w AS tick_imbalance, \
         max_gap(ts) OVER w AS max_gap, time_weighted_avg(best_bid, ts) OVER w AS time_weighted_avg, \
         ewma(best_bid, INTERVAL '10 seconds') OVER w AS ewma, ewma(change, INTERVAL '10 seconds') OVER w AS ewma_of_change, \
         ewma(best_bid, INTERVAL '10 seconds') OVER (PARTITION BY product_id ORDER BY ts) AS pandas_ewma \
         FROM (SELECT *, best_bid - lag(best_bid) OVER (PARTITION BY product_id ORDER BY ts) AS change FROM ticks) \
         WINDOW w AS {FRAME} ORDER BY product_id, ts"
    );
    assert!(!plan(&context, &sql).await.contains("WindowAggExec"), "the kernels cover the functions");
    let found = query(&context, &sql).await;
    let exact = query(&context, "SELECT * FROM exact ORDER BY product_id, ts").await;
    assert_eq!(found.num_rows(), exact.num_rows());
    let both = |name: &str| -> Vec<(Option<f64>, Option<f64>)> {
        let both: Vec<_> = floats(&found, name).into_iter().zip(floats(&exact, name)).collect();
        for (row, (found, exact)) in both.iter().enumerate() {
            assert_eq!(found.is_none(), exact.is_none(), "{name} in row {row}: {found:?}, exactly {exact:?}");
        }
        both
    };
    for (name, tolerance) in
        [("realized_volatility", 1), ("bipower_variation", 2), ("tick_imbalance", 0), ("time_weighted_avg", 0)]
    {
        let both = both(name);
        let distances =
            both.iter().map(|(found, exact)| found.zip(*exact).map_or(0, |(found, exact)| ulps(found, exact)));
        let greatest = distances.max().unwrap_or(0);
        assert!(greatest <= tolerance, "{name} is up to {greatest} units in the last place off");
    }
    let scales = floats(&exact, "ewma_of_change_scale");
    for (name, tolerance) in [("ewma", EWMA_TOLERANCE), ("ewma_of_change", EWMA_TOLERANCE), ("pandas_ewma", 1e-14)] {
        let greatest = both(name).into_iter().zip(&scales).map(|((found, exact), scale)| {
            let (Some(found), Some(exact)) = (found, exact) else { return 0.0 };
            let scale = if name == "ewma_of_change" { scale.unwrap_or(0.0) } else { exact };
            if found == exact { 0.0 } else { (found - exact).abs() / scale }
        });
        let greatest = greatest.fold(0.0, f64::max);
        assert!(greatest <= tolerance, "{name} is up to {greatest} of its scale off");
    }
    let gaps: Vec<Option<i64>> = found["max_gap"].as_primitive::<DurationMicrosecondType>().iter().collect();
    let exact: Vec<Option<i64>> = exact["max_gap"].as_primitive::<Int64Type>().iter().collect();
    assert_eq!(gaps, exact);
}

#[tokio::test]
async fn a_gap_survives_parquet_and_is_of_the_type_of_a_difference() {
    let context = session(ROLLING);
    register(&context, "data", &prices(5), 1, 8192);
    let folder = tempfile::TempDir::new().expect("a folder");
    let path = folder.path().join("gaps.parquet").to_string_lossy().into_owned();
    let sql = "SELECT t, max_gap(t) OVER (ORDER BY t) AS gap, t - lag(t) OVER (ORDER BY t) AS difference FROM data";
    let written = query(&context, sql).await;
    assert_eq!(written["gap"].data_type(), &DataType::Duration(TimeUnit::Microsecond));
    assert_eq!(written["gap"].data_type(), written["difference"].data_type());
    let frame = context.sql(sql).await.expect("it plans");
    frame.write_parquet(&path, DataFrameWriteOptions::new(), None).await.expect("it is written");
    context.register_parquet("gaps", &path, ParquetReadOptions::default()).await.expect("it is there");
    let seconds =
        query(&context, "SELECT gap, gap::BIGINT / 1e6 AS seconds FROM gaps WHERE gap > INTERVAL '2 microseconds'")
            .await;
    assert_eq!(seconds.num_rows(), ROWS as usize - 1);
    assert!(floats(&seconds, "seconds").into_iter().all(|seconds| seconds == Some(3e-6)));
}

#[tokio::test]
async fn calls_of_one_argument_share_what_is_kept_of_it() {
    let context = session(ROLLING);
    register(&context, "data", &prices(5), 1, 8192);
    let sql = "SELECT realized_volatility(x) OVER a, realized_volatility(x) OVER b, ewma(x, INTERVAL '1 second') OVER a, \
        ewma(x, INTERVAL '1 second') OVER b, ewma(x, INTERVAL '2 seconds') OVER b, time_weighted_avg(x, t) OVER a, \
        time_weighted_avg(x, id) OVER a, time_weighted_avg(x, t) OVER b \
        FROM data WINDOW a AS (ORDER BY t ROWS 2 PRECEDING), b AS (ORDER BY t ROWS 9 PRECEDING)";
    let plan = plan(&context, sql).await;
    assert!(plan.contains("frames=2, arguments=5"), "{plan}");
}
