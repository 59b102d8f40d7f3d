//! A result depends only on the rows in its frame, not on batches, partitions, the start of the input, or earlier rows.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::{DataType, Float64Type};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::{Setup, query, register, session};

const WINDOWS: &str = "SELECT id, p, \
    sum(x) OVER back AS total, avg(x) OVER back AS mean, stddev_samp(x) OVER back AS deviation, var_pop(x) OVER ahead AS variance, \
    min(x) OVER back AS low, max(x) OVER ahead AS high, count(x) OVER back AS n, lag(x) OVER (PARTITION BY p ORDER BY t) AS previous, \
    stddev_samp(x) OVER (PARTITION BY p ORDER BY t ROWS 5 PRECEDING) AS of_rows \
    FROM data WINDOW back AS (PARTITION BY p ORDER BY t RANGE BETWEEN INTERVAL '50 microseconds' PRECEDING AND CURRENT ROW), \
    ahead AS (PARTITION BY p ORDER BY t RANGE BETWEEN INTERVAL '1 microsecond' FOLLOWING AND INTERVAL '40 microseconds' FOLLOWING) \
    ORDER BY id";

const ROWS: i64 = 400;

/// Three partitions in the order of time, with values of every magnitude and some NULLs.
fn table(seed: u64) -> RecordBatch {
    let mut random = StdRng::seed_from_u64(seed);
    let values: Float64Array = (0..ROWS)
        .map(|_| match random.random_range(0..20) {
            0 => None,
            1 => Some(random.random_range(-1e12..1e12)),
            2 => Some(random.random_range(-1e-12..1e-12)),
            _ => Some(random.random_range(-1.0..1.0)),
        })
        .collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int64Array::from_iter_values(0..ROWS))),
        ("p", Arc::new(StringArray::from_iter_values((0..ROWS).map(|id| ["a", "b", "c"][(id * id % 3) as usize])))),
        ("t", Arc::new(TimestampMicrosecondArray::from_iter_values((0..ROWS).map(|id| id * 3)))),
        ("x", Arc::new(values)),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)))
        .expect("columns are equally long")
}

async fn run(table: &RecordBatch, partitions: usize, batch_size: usize) -> RecordBatch {
    let context = session(Setup { rolling: true, partitions, batch_size });
    register(&context, "data", table, partitions, batch_size);
    query(&context, WINDOWS).await
}

/// Compares doubles by their bits.
fn assert_same_bits(a: &RecordBatch, b: &RecordBatch, what: &str) {
    assert_eq!(a.num_rows(), b.num_rows(), "{what}");
    for (name, (a, b)) in a.schema().fields().iter().zip(a.columns().iter().zip(b.columns())) {
        if a.data_type() == &DataType::Float64 {
            let bits = |array: &ArrayRef| -> Vec<Option<u64>> {
                array.as_primitive::<Float64Type>().iter().map(|value| value.map(f64::to_bits)).collect()
            };
            assert_eq!(bits(a), bits(b), "{name}, {what}");
        } else {
            assert_eq!(a, b, "{name}, {what}");
        }
    }
}

#[tokio::test]
async fn batches_and_partitions_do_not_matter() {
    let table = table(1);
    let expected = run(&table, 1, 8192).await;
    for partitions in [1, 2, 4] {
        for batch_size in [1, 7, 8192] {
            let found = run(&table, partitions, batch_size).await;
            assert_same_bits(&expected, &found, &format!("{partitions} partitions, batches of {batch_size}"));
        }
    }
}

#[tokio::test]
async fn where_the_input_begins_does_not_matter() {
    let table = table(2);
    let whole = run(&table, 1, 8192).await;
    let later = run(&table.slice(100, 300), 1, 8192).await;
    // The widest frame reaches 50 microseconds back, which is 17 rows; 5 rows of one partition are within 30.
    assert_same_bits(&whole.slice(140, 260), &later.slice(40, 260), "input from row 100 on");
}

#[tokio::test]
async fn what_was_before_the_frame_does_not_matter() {
    let table = table(3);
    let expected = run(&table, 1, 16).await;
    for replacement in [0.0, f64::NAN, f64::INFINITY, 1e300, -1e-300, 1e12] {
        let values = table["x"].as_primitive::<Float64Type>();
        let changed: Float64Array =
            values.iter().enumerate().map(|(row, x)| if row < 100 { Some(replacement) } else { x }).collect();
        let mut columns = table.columns().to_vec();
        columns[3] = Arc::new(changed);
        let changed = RecordBatch::try_new(table.schema(), columns).expect("the column keeps its type");
        let found = run(&changed, 1, 16).await;
        assert_same_bits(&expected.slice(140, 260), &found.slice(140, 260), &format!("{replacement} before"));
    }
}

#[tokio::test]
async fn two_halves_are_the_whole() {
    let table = table(4);
    let whole = run(&table, 1, 8192).await;
    // Each half, with the overlap that its frames need: 50 microseconds back and 40 ahead.
    let first = run(&table.slice(0, 240), 1, 8192).await;
    let second = run(&table.slice(160, 240), 1, 8192).await;
    let joined = concat_batches(&whole.schema(), [&first.slice(0, 200), &second.slice(40, 200)]).expect("one schema");
    assert_same_bits(&whole, &joined, "two halves");
}
