//! Several threads share one partition, and give the same bits as one thread alone.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionContext;

use super::{Setup, register, session_with};

const ROWS: i64 = 4000;

/// One product with ties in time, some NULLs and a bad tick; then a second product, shorter than a section.
fn table() -> RecordBatch {
    let value = |row: i64| match row {
        1700 => Some(1e12),
        row if row % 97 == 0 => None,
        row => Some(95_000.0 + (row * 7919 % 1013) as f64 / 64.0),
    };
    let product = |row: i64| if row < ROWS - 20 { "BTC-USD" } else { "ETH-USD" };
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("p", Arc::new(StringArray::from_iter_values((0..ROWS).map(product)))),
        ("i", Arc::new(Int64Array::from_iter_values(0..ROWS))),
        ("t", Arc::new(Int64Array::from_iter_values((0..ROWS).map(|row| row * 2 / 3)))),
        ("x", Arc::new((0..ROWS).map(value).collect::<Float64Array>())),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)))
        .expect("columns are equally long")
}

async fn context(partitions: usize, runtime: Arc<RuntimeEnv>) -> SessionContext {
    let context = session_with(Setup { rolling: true, partitions, batch_size: 50 }, runtime);
    register(&context, "unsorted", &table(), 1, 50);
    context
}

/// Runs a query; returns the lines of its output, sorted, and the number of sections into which the rows were cut.
async fn run(partitions: usize, sql: &str) -> (Vec<String>, usize) {
    let context = context(partitions, Arc::new(RuntimeEnv::default())).await;
    let plan = context.sql(sql).await.expect("it plans").create_physical_plan().await.expect("it plans");
    let batches = datafusion::physical_plan::collect(Arc::clone(&plan), context.task_ctx()).await.expect("it runs");
    let printed = datafusion::arrow::util::pretty::pretty_format_batches(&batches).expect("it prints").to_string();
    let mut lines: Vec<String> = printed.lines().map(str::to_owned).collect();
    lines.sort();
    (lines, sections(&plan))
}

fn sections(plan: &Arc<dyn ExecutionPlan>) -> usize {
    let mut count = 0;
    plan.apply(|node| {
        count += node.metrics().and_then(|metrics| metrics.sum_by_name("sections")).map_or(0, |value| value.as_usize());
        Ok(TreeNodeRecursion::Continue)
    })
    .expect("counting does not fail");
    count
}

/// Compares lines, and names the first one that differs.
fn assert_same(found: &[String], expected: &[String], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    if let Some((found, expected)) = found.iter().zip(expected).find(|(found, expected)| found != expected) {
        panic!("{what}: {found} instead of {expected}");
    }
}

fn windows(frames: &[(&str, &str)]) -> String {
    let calls: Vec<String> = frames
        .iter()
        .enumerate()
        .map(|(index, (call, frame))| {
            // For ranges and groups it does not matter how rows that share a time are ordered; otherwise it does.
            let order = if frame.starts_with("RANGE") || frame.starts_with("GROUPS") { "t" } else { "i" };
            format!("{call} OVER (PARTITION BY p ORDER BY {order} {frame}) AS c{index}")
        })
        .collect();
    format!("SELECT p, i, x, {} FROM unsorted", calls.join(", "))
}

const NEAR: &[(&str, &str)] = &[
    ("stddev_samp(x)", "RANGE 9 PRECEDING"),
    ("avg(x)", "RANGE BETWEEN 3 FOLLOWING AND 11 FOLLOWING"),
    ("min(x)", "ROWS BETWEEN 5 PRECEDING AND 4 FOLLOWING"),
    ("count(x)", "GROUPS BETWEEN 2 PRECEDING AND CURRENT ROW"),
    ("corr(x, t)", "RANGE 8 PRECEDING"),
    ("lag(x, 3)", ""),
    ("lead(x)", ""),
    ("row_number()", ""),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sections_give_the_bits_of_one_pass() {
    let sql = windows(NEAR);
    let (expected, whole) = run(1, &sql).await;
    assert_eq!(whole, 0, "one thread cuts nothing");
    for partitions in [2, 3] {
        let (found, sections) = run(partitions, &sql).await;
        assert_same(&found, &expected, &format!("{partitions} threads"));
        assert!(sections > 20, "the one product is shared out: {sections} sections");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_wider_than_sections_are_left_to_one_thread() {
    // Wide from the start; or wide because a later partition has many rows per unit of time.
    for frame in ["ROWS 700 PRECEDING", "RANGE 300 PRECEDING", "RANGE BETWEEN CURRENT ROW AND 200 FOLLOWING"] {
        let sql = windows(&[("sum(x)", frame), ("last_value(t)", frame)]);
        let (found, sections) = run(2, &sql).await;
        assert_same(&found, &run(1, &sql).await.0, frame);
        assert!((1..8).contains(&sections), "{frame}: {sections} sections before the pass of one thread");
    }
    // Frames that are only counted begin at the partition's start, where rows are no longer held.
    let sql = windows(&[("sum(x)", "ROWS 700 PRECEDING"), ("row_number()", ""), ("count(*)", "ROWS 900 PRECEDING")]);
    assert_same(&run(2, &sql).await.0, &run(1, &sql).await.0, "rows counted from the partition's start");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_that_reach_to_the_partitions_end_are_not_cut() {
    for frame in ["ROWS UNBOUNDED PRECEDING", "RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING"] {
        let near = if frame.starts_with("ROWS") { "ROWS 2 PRECEDING" } else { "RANGE 2 PRECEDING" };
        let sql = windows(&[("sum(x)", frame), ("avg(x)", near)]);
        let (found, sections) = run(2, &sql).await;
        assert_same(&found, &run(1, &sql).await.0, frame);
        assert_eq!(sections, 0, "{frame}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_memory_limit_ends_sections_with_an_error() {
    let pool = RuntimeEnvBuilder::new().with_memory_pool(Arc::new(GreedyMemoryPool::new(20_000))).build_arc();
    let context = context(2, pool.expect("a runtime")).await;
    // The query asks for no order, so there is no sort that could reach the limit first.
    let sql = "SELECT sum(x) OVER (ROWS 20 PRECEDING) FROM unsorted";
    let error = context.sql(sql).await.expect("it plans").collect().await.expect_err("the limit is too low");
    assert!(matches!(error.find_root(), DataFusionError::ResourcesExhausted(_)), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_in_a_section_ends_the_query() {
    let sql = "SELECT sum(1 / (t - 1000)) OVER (PARTITION BY p ORDER BY t ROWS 2 PRECEDING) FROM unsorted";
    let context = context(2, Arc::new(RuntimeEnv::default())).await;
    let error = context.sql(sql).await.expect("it plans").collect().await.expect_err("it divides by zero");
    assert!(error.to_string().to_lowercase().contains("divide by zero"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn few_threads_that_write_files_have_enough_to_do() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (partitions, cut) in [(2, false), (4, true)] {
        let sql = windows(&[("avg(x)", "RANGE 9 PRECEDING")]);
        let copy = format!("COPY ({sql}) TO '{}/out.parquet'", folder.path().display());
        let (_, sections) = run(partitions, &copy).await;
        assert_eq!(sections > 0, cut, "{partitions} threads: {sections} sections");
    }
}
