//! Which log has landed: another one is refused or recognised, and nothing is doubled or skipped.

use std::sync::Arc;

use datafusion::arrow::array::AsArray;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use datafusion::parquet::file::properties::WriterProperties;
use squall::error::Hint;
use squall::land::{Error, Stranger};
use squall::log::{FileLog, Log};
use squall::tick::Status;

use super::memory::{Data, MemoryLog, envelope, flat, record};

fn ticks(range: std::ops::Range<i64>, cents: u32) -> Vec<String> {
    range.map(|i| flat("BTC-USD", i * 10, cents)).collect()
}

fn stranger(error: Error) -> (Stranger, String) {
    let hint = error.hint().unwrap();
    match error {
        Error::Stranger { stranger, .. } => (stranger, hint),
        error => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_log_that_was_made_anew_and_is_longer_now_is_refused() {
    let data = Data::new();
    data.land(&MemoryLog::of(ticks(0..10, 100)), 100).await.unwrap();
    // The same name and id, but other messages and more of them; its first ten would be skipped.
    let anew = MemoryLog::of(ticks(1000..1020, 100));
    let (why, hint) = stranger(data.land(&anew, 100).await.unwrap_err());
    assert_eq!(why, Stranger::Message { name: "ticks.raw".into(), partition: 0, offset: 9 });
    assert!(hint.contains("`squall land --from memory --as ticks.raw-2`"), "{hint}");
    assert_eq!(data.files(), ["ticks.raw-0-0-9.parquet"]);
    // The command in the hint lands all of it.
    let landing = data.land_as(&anew, "ticks.raw-2").await.unwrap();
    assert_eq!(landing.summary.rows(Status::Ok), 20);
    assert_eq!(data.files(), ["ticks.raw-0-0-9.parquet", "ticks.raw-2-0-0-19.parquet"]);
    // From then on, the log is recognised by what has landed from it.
    anew.push(0, record(flat("BTC-USD", 20_000, 100)));
    let landing = data.land(&anew, 100).await.unwrap();
    assert_eq!(landing.files[0].to_string(), "ticks.raw-2-0-20-20.parquet");
    assert_eq!(data.number("SELECT count(*) FROM landed_ticks WHERE status = 'ok'").await, 31);
}

#[tokio::test]
async fn a_log_that_was_made_anew_and_is_shorter_is_refused() {
    let data = Data::new();
    data.land(&MemoryLog::of(ticks(0..10, 100)), 100).await.unwrap();
    let error = data.land(&MemoryLog::of(ticks(0..1, 100)), 100).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "memory is not the log that has landed: it was made anew, since partition 0 ends at offset 1, and ticks.raw-0-* end \
         before 10"
    );
    let (why, _) = stranger(error);
    assert_eq!(why, Stranger::Ends { name: "ticks.raw".into(), partition: 0, end: 1, next: 10 });
}

#[tokio::test]
async fn a_log_with_another_id_is_refused_whatever_it_holds() {
    let data = Data::new();
    data.land(&MemoryLog::of(ticks(0..10, 100)), 100).await.unwrap();
    let other = MemoryLog::with_id("other", ticks(0..20, 100));
    let (why, _) = stranger(data.land(&other, 100).await.unwrap_err());
    assert!(matches!(why, Stranger::Id { .. }), "{why}");
    assert_eq!(data.number("SELECT count(*) FROM landed_files WHERE log_id = 'memory:'").await, 1);
}

#[tokio::test]
async fn two_logs_of_the_same_ticks_never_double_them() {
    let messages: Vec<String> = (0..20).map(|i| envelope(i, i * 10, &["BTC-USD", "ETH-USD"])).collect();
    let data = Data::new();
    let temp = tempfile::tempdir().unwrap();
    let raw: Arc<dyn Log> = Arc::new(FileLog::create(&temp.path().join("raw")).await.unwrap());
    raw.append(messages.iter().map(|message| record(message.clone())).collect()).await.unwrap();
    let land_raw = async || {
        let lander = squall::land::Lander::open(Arc::clone(&raw), data.options(100)).await?;
        lander.drain(&std::sync::atomic::AtomicBool::new(false), &mut |_| {}).await
    };
    land_raw().await.unwrap();
    // The topic that the folder is an archive of holds the same messages, and some more.
    let topic = MemoryLog::of(messages);
    topic.push(0, record(envelope(20, 200, &["BTC-USD"])));
    let (why, hint) = stranger(data.land(&topic, 100).await.unwrap_err());
    assert_eq!(why, Stranger::Product { name: "raw".into(), product_id: "BTC-USD".into() });
    assert_eq!(why.to_string(), "ticks of BTC-USD have landed from another log, as raw-*");
    assert!(hint.contains("--as ticks.raw`"), "{hint}");
    assert_eq!(data.files(), ["raw-0-0-19.parquet"]);

    let landing = data.land_as(&topic, "ticks.raw").await.unwrap();
    assert_eq!(landing.summary.rows(Status::Duplicate), 40);
    assert_eq!(landing.summary.rows(Status::Ok), 1);
    // Each log can continue alone, and a message that both contain is landed as ok only once.
    topic.push(0, record(envelope(21, 210, &["ETH-USD"])));
    raw.append(vec![record(envelope(20, 200, &["BTC-USD"])), record(envelope(21, 210, &["ETH-USD"]))]).await.unwrap();
    data.land(&topic, 100).await.unwrap();
    land_raw().await.unwrap();
    assert_eq!(data.number("SELECT count(*) FROM landed_ticks WHERE status = 'ok'").await, 42);
    let doubled = "SELECT count(*) FROM (SELECT 1 FROM landed_ticks GROUP BY product_id, ts HAVING count(*) > 1)";
    assert_eq!(data.number(doubled).await, 0);
}

#[tokio::test]
async fn a_product_in_two_partitions_is_never_doubled() {
    let data = Data::new();
    let log = MemoryLog::of([envelope(0, 0, &["BTC-USD", "ETH-USD"])]);
    log.push(1, record(envelope(0, 0, &["BTC-USD", "ETH-USD"])));
    log.push(1, record(envelope(1, 10, &["ETH-USD"])));
    data.land(&log, 100).await.unwrap();
    let rows = data.rows().await;
    assert_eq!(rows.iter().filter(|row| row.status == Status::Ok).count(), 3);
    assert_eq!(rows.iter().filter(|row| row.status == Status::Duplicate).count(), 2);
}

/// Removes the log from a landed file's footer, as in files of earlier versions.
fn forget_origin(data: &Data, name: &str) {
    let path = data.ticks_dir().join(name);
    let reader = ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(&path).unwrap()).unwrap();
    let mut entries = reader.metadata().file_metadata().key_value_metadata().unwrap().clone();
    entries.retain(|entry| entry.key == "squall.landed");
    let properties = WriterProperties::builder().set_key_value_metadata(Some(entries)).build();
    let batches: Vec<_> = reader.build().unwrap().map(Result::unwrap).collect();
    let file = std::fs::File::create(&path).unwrap();
    let mut writer = ArrowWriter::try_new(file, squall::tick::schema(), Some(properties)).unwrap();
    for batch in batches {
        writer.write(&batch).unwrap();
    }
    writer.close().unwrap();
}

#[tokio::test]
async fn files_of_earlier_versions_are_adopted_by_their_log_alone() {
    let data = Data::new();
    let log = MemoryLog::of(ticks(0..10, 100));
    data.land(&log, 100).await.unwrap();
    forget_origin(&data, "ticks.raw-0-0-9.parquet");
    let (why, _) = stranger(data.land(&MemoryLog::of(ticks(1000..1020, 100)), 100).await.unwrap_err());
    assert!(matches!(why, Stranger::Message { .. }), "{why}");
    log.push(0, record(flat("BTC-USD", 500, 100)));
    data.land(&log, 100).await.unwrap();
    let ids = data.query("SELECT log_id FROM landed_files ORDER BY first_offset").await;
    let ids: Vec<Option<&str>> = ids.iter().flat_map(|batch| batch.column(0).as_string::<i32>()).collect();
    assert_eq!(ids, [None, Some("memory:")]);
}
