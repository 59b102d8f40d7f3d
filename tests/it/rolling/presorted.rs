//! A sort below windows is skipped if the files are in order, and only then.

use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, UInt64Array};
use datafusion::arrow::compute::take_record_batch;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::file::properties::WriterProperties;
use datafusion::prelude::{ParquetReadOptions, SessionContext};

use super::{Setup, plan, query, session};

const ROWS: i64 = 3000;

const SQL: &str = "SELECT p, t, x, sum(x) OVER (PARTITION BY p ORDER BY t RANGE 20 PRECEDING) AS total, \
    lag(x) OVER (PARTITION BY p ORDER BY t) AS previous FROM data";

/// Rows in the order of (p, t).
fn table() -> RecordBatch {
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("p", Arc::new(StringArray::from_iter_values((0..ROWS).map(|row| format!("p{}", row * 5 / ROWS))))),
        ("t", Arc::new(Int64Array::from_iter_values((0..ROWS).map(|row| row * 3 % (ROWS * 3))))),
        ("x", Arc::new(Float64Array::from_iter_values((0..ROWS).map(|row| (row * 31 % 97) as f64 / 8.0)))),
    ];
    RecordBatch::try_from_iter(columns).expect("columns are equally long")
}

fn write(folder: &Path, file: &str, rows: &RecordBatch) {
    write_in_groups(folder, file, rows, rows.num_rows());
}

fn write_in_groups(folder: &Path, file: &str, rows: &RecordBatch, most: usize) {
    let file = std::fs::File::create(folder.join(file)).expect("a file in a folder of the test's own");
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(most)).build();
    let mut writer = ArrowWriter::try_new(file, rows.schema(), Some(properties)).expect("a schema that Parquet knows");
    writer.write(rows).expect("rows of the schema");
    writer.close().expect("a footer");
}

async fn over(folder: &Path, rolling: bool, partitions: usize) -> SessionContext {
    let context = session(Setup { rolling, partitions, batch_size: 256 });
    // Files this small are split between partitions only with this setting.
    context.sql("SET datafusion.optimizer.repartition_file_min_size = 0").await.expect("the setting exists");
    let options = ParquetReadOptions::default();
    context.register_parquet("data", folder.to_string_lossy(), options).await.expect("the folder holds Parquet");
    context
}

async fn assert_same_answers(folder: &Path, expected_in_place: bool) {
    let sql = format!("SELECT * FROM ({SQL}) ORDER BY p, t");
    let expected = query(&over(folder, false, 1).await, &sql).await;
    for partitions in [1, 2, 4] {
        let context = over(folder, true, partitions).await;
        assert!(plan(&context, SQL).await.contains("SortUnlessOrderedExec"), "a sort over a scan can look first");
        assert_eq!(expected, query(&context, &sql).await, "{partitions} partitions");
        if partitions > 1 {
            let frame = context.sql(SQL).await.expect("it plans");
            let parts = frame.collect_partitioned().await.expect("it runs");
            let filled = parts.iter().filter(|part| part.iter().any(|batch| batch.num_rows() > 0)).count();
            assert_eq!(
                filled == 1,
                expected_in_place,
                "rows in order leave through one partition, sorted ones by hash"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_in_order_are_not_sorted() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(folder.path(), "1.parquet", &table().slice(0, 1000));
    write(folder.path(), "2.parquet", &table().slice(1000, 2000));
    assert_same_answers(folder.path(), true).await;
}

/// The second group of rows begins with the end of p0 and goes on with the beginning of p1, so its least values are those of the
/// first group.
#[tokio::test(flavor = "multi_thread")]
async fn groups_of_rows_with_several_keys_stay_in_their_order() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("p", Arc::new(StringArray::from_iter_values((0..ROWS).map(|row| format!("p{}", row * 5 / ROWS))))),
        ("t", Arc::new(Int64Array::from_iter_values((0..ROWS).map(|row| row % (ROWS / 5))))),
        ("x", Arc::new(Float64Array::from_iter_values((0..ROWS).map(|row| (row * 31 % 97) as f64 / 8.0)))),
    ];
    let rows = RecordBatch::try_from_iter(columns).expect("columns are equally long");
    write_in_groups(folder.path(), "1.parquet", &rows, 250);
    let context = over(folder.path(), true, 2).await;
    let frame = context.sql(SQL).await.expect("it plans");
    let parts = frame.collect_partitioned().await.expect("it runs");
    let filled = parts.iter().filter(|part| part.iter().any(|batch| batch.num_rows() > 0)).count();
    assert_eq!(filled, 1, "rows in order leave through one partition");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_out_of_order_are_sorted() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(folder.path(), "2.parquet", &table().slice(0, 1000));
    write(folder.path(), "1.parquet", &table().slice(1000, 2000));
    assert_same_answers(folder.path(), false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_row_out_of_order_is_seen() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut order: Vec<u64> = (0..ROWS as u64).collect();
    order.swap(2100, 2101);
    let rows = take_record_batch(&table(), &UInt64Array::from(order)).expect("rows of the table");
    write(folder.path(), "1.parquet", &rows);
    assert_same_answers(folder.path(), false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn under_a_join_rows_stay_where_their_hash_puts_them() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(folder.path(), "1.parquet", &table());
    let context = over(folder.path(), true, 2).await;
    let sql = format!("SELECT count(*) FROM ({SQL}) AS a JOIN ({SQL}) AS b ON a.p = b.p AND a.t = b.t");
    assert!(!plan(&context, &sql).await.contains("SortUnlessOrderedExec"));
    assert_eq!(query(&context, &sql).await, query(&over(folder.path(), false, 2).await, &sql).await);
}
