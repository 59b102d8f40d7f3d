//! Where a plan contains the operator, and where it keeps the stock operator.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, UInt64Array};
use datafusion::arrow::compute::take_record_batch;
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::catalog::MemTable;
use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::col;

use super::{ROLLING, Setup, plan, query, register, session, session_with};

fn table(rows: i64) -> RecordBatch {
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("p", Arc::new(Int64Array::from_iter_values((0..rows).map(|row| row % 2)))),
        ("t", Arc::new(Int64Array::from_iter_values(0..rows))),
        ("x", Arc::new(Float64Array::from_iter_values((0..rows).map(|row| row as f64)))),
    ];
    RecordBatch::try_from_iter(columns).expect("columns are equally long")
}

const COVERED: &str = "SELECT sum(x) OVER (PARTITION BY p ORDER BY t ROWS 2 PRECEDING) FROM data";

#[tokio::test]
async fn explain_names_the_operator_and_a_setting_removes_it() {
    let context = session(ROLLING);
    register(&context, "data", &table(10), 1, 8192);
    assert!(plan(&context, COVERED).await.contains("RollingWindowExec"));
    context.sql("SET squall.rolling.enabled = false").await.expect("the setting exists");
    let plan = plan(&context, COVERED).await;
    assert!(!plan.contains("RollingWindowExec") && plan.contains("BoundedWindowAggExec"), "{plan}");
}

#[tokio::test]
async fn what_is_not_covered_stays_with_the_stock_operator() {
    let context = session(ROLLING);
    register(&context, "data", &table(10), 1, 8192);
    for call in [
        "array_agg(x) FILTER (WHERE t > 3) OVER (ORDER BY t)",
        "ntile(3) OVER (ORDER BY t)",
        "rank() OVER (ORDER BY t)",
    ] {
        let sql = format!(
            "SELECT t, sum(x) OVER (ORDER BY t ROWS 2 PRECEDING) AS total, {call} AS value, \
             lag(x) OVER (ORDER BY t) AS previous FROM data ORDER BY t"
        );
        let shown = plan(&context, &sql).await;
        assert!(shown.contains("WindowAggExec") && shown.contains("RollingWindowExec"), "each has its part: {shown}");
        let found = query(&context, &sql).await;
        let stock = session(Setup { rolling: false, ..ROLLING });
        register(&stock, "data", &table(10), 1, 8192);
        assert_eq!(found, query(&stock, &sql).await, "{sql}");
    }
}

#[tokio::test]
async fn every_frame_is_covered_for_every_aggregate() {
    let context = session(ROLLING);
    register(&context, "data", &table(10), 1, 8192);
    let stock = session(Setup { rolling: false, ..ROLLING });
    register(&stock, "data", &table(10), 1, 8192);
    for call in [
        "array_agg(x) OVER (ORDER BY t ROWS 2 PRECEDING)",
        "count(DISTINCT x) OVER (ORDER BY t ROWS 2 PRECEDING)",
        "count(DISTINCT x) FILTER (WHERE t > 3) OVER (ORDER BY t)",
        "first_value(x) IGNORE NULLS OVER (ORDER BY t)",
        "sum(x) OVER (ORDER BY x RANGE 2.5 PRECEDING)",
        "time_weighted_avg(x, t) OVER (ORDER BY x RANGE 2.5 PRECEDING)",
        "lag(x, 2, 0.5) IGNORE NULLS OVER (ORDER BY t)",
        "string_agg(CAST(t AS VARCHAR), ',') OVER (ORDER BY t)",
    ] {
        let sql = format!("SELECT t, {call} AS value FROM data ORDER BY t");
        let shown = plan(&context, &sql).await;
        assert!(shown.contains("RollingWindowExec") && !shown.contains("WindowAggExec"), "{shown}");
        assert_eq!(query(&context, &sql).await, query(&stock, &sql).await, "{sql}");
    }
}

#[tokio::test]
async fn frames_of_one_partitioning_share_one_operator() {
    let context = session(ROLLING);
    register(&context, "data", &table(10), 1, 8192);
    let sql = "SELECT sum(x) OVER (PARTITION BY p ORDER BY t ROWS 2 PRECEDING), avg(x) OVER (PARTITION BY p ORDER BY t ROWS 2 PRECEDING), \
        stddev(x) OVER (PARTITION BY p ORDER BY t RANGE BETWEEN 3 PRECEDING AND 3 FOLLOWING) FROM data";
    let plan = plan(&context, sql).await;
    assert_eq!(plan.matches("RollingWindowExec").count(), 1, "{plan}");
    assert!(plan.contains("frames=2, arguments=1"), "{plan}");
}

#[tokio::test]
async fn an_order_by_columns_of_the_partition_is_that_of_the_others() {
    let sql = "SELECT p, t, sum(x) OVER (PARTITION BY p ORDER BY p, t ROWS 2 PRECEDING) AS total, \
        avg(x) OVER (PARTITION BY p ORDER BY t RANGE 3 PRECEDING) AS mean, lag(x) OVER (PARTITION BY p ORDER BY p DESC, t) AS previous \
        FROM data ORDER BY p, t";
    let context = session(ROLLING);
    register(&context, "data", &table(40), 1, 8192);
    let shown = plan(&context, sql).await;
    assert!(shown.contains("RollingWindowExec") && !shown.contains("WindowAggExec"), "{shown}");
    let stock = session(Setup { rolling: false, ..ROLLING });
    register(&stock, "data", &table(40), 1, 8192);
    assert_eq!(query(&context, sql).await, query(&stock, sql).await);
}

#[tokio::test]
async fn a_memory_limit_ends_the_query_and_not_the_process() {
    let runtime = RuntimeEnvBuilder::new().with_memory_pool(Arc::new(GreedyMemoryPool::new(400_000))).build_arc();
    let context = session_with(ROLLING, runtime.expect("a runtime"));
    // The input is in the order that the window needs, so there is no sort that could reach the limit first.
    register(&context, "data", &table(200_000), 1, 8192);
    let sql = "SELECT sum(x) OVER (ROWS BETWEEN 100000 PRECEDING AND CURRENT ROW) FROM data";
    assert!(plan(&context, sql).await.contains("RollingWindowExec"));
    let error = context.sql(sql).await.expect("it plans").collect().await.expect_err("the limit is too low");
    assert!(matches!(error.find_root(), DataFusionError::ResourcesExhausted(_)), "{error}");
}

/// Compares columns; doubles may differ by what adding in floating point loses.
fn assert_near(found: &ArrayRef, expected: &ArrayRef, call: &str) {
    if found.data_type() != &DataType::Float64 {
        assert_eq!(found, expected, "{call}");
        return;
    }
    let (found, expected) = (found.as_primitive::<Float64Type>(), expected.as_primitive::<Float64Type>());
    assert_eq!(found.nulls(), expected.nulls(), "{call}");
    for (row, (found, expected)) in found.iter().flatten().zip(expected.iter().flatten()).enumerate() {
        assert!(
            (found - expected).abs() <= 1e-9 * expected.abs(),
            "row {row} of {call}: {found}, {expected} is stock's"
        );
    }
}

#[tokio::test]
async fn frames_from_the_partitions_start_take_no_more_memory_than_others() {
    let calls = [
        "sum(x)",
        "avg(x)",
        "stddev_samp(x)",
        "var_pop(x)",
        "count(x)",
        "sum(t)",
        "min(x)",
        "max(t)",
        "first_value(t)",
        "nth_value(x, 3)",
        "last_value(x)",
    ];
    let since_start: Vec<String> = calls
        .iter()
        .flat_map(|call| ["ROWS UNBOUNDED PRECEDING", "RANGE UNBOUNDED PRECEDING"].map(|frame| (call, frame)))
        .enumerate()
        .map(|(index, (call, frame))| format!("{call} OVER (ORDER BY t {frame}) AS c{index}"))
        .collect();
    let sql = format!("SELECT {} FROM data", since_start.join(", "));
    let mut results = Vec::new();
    // The rows alone, at 8 bytes per value, would take more if they were kept.
    for (rolling, pool) in [(true, 800_000), (false, 1 << 30)] {
        let runtime = RuntimeEnvBuilder::new().with_memory_pool(Arc::new(GreedyMemoryPool::new(pool))).build_arc();
        let context = session_with(Setup { rolling, ..ROLLING }, runtime.expect("a runtime"));
        let data = table(100_000);
        // Taken, not sliced, because a slice counts with the size of the whole array.
        let rows = |batch: u64| UInt64Array::from_iter_values(batch * 1000..(batch + 1) * 1000);
        let batches =
            (0..100).map(|batch| take_record_batch(&data, &rows(batch)).expect("rows of the table")).collect();
        let memory = MemTable::try_new(data.schema(), vec![batches]).expect("the batches have the table's schema");
        let memory = memory.with_sort_order(vec![vec![col("t").sort(true, false)]]);
        context.register_table("data", Arc::new(memory)).expect("the name is free");
        assert_eq!(plan(&context, &sql).await.contains("RollingWindowExec"), rolling);
        results.push(query(&context, &sql).await);
    }
    let [found, expected] = results.as_slice() else { panic!("two results") };
    for (column, call) in since_start.iter().enumerate() {
        assert_near(found.column(column), expected.column(column), call);
    }
}
