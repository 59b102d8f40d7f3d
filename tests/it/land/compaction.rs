//! Compaction, and what is left if it crashes in the middle.

use std::time::Duration;

use squall::error::Hint;
use squall::land::{self, Folder};

use super::memory::{Data, MemoryLog, envelope, flat};

/// Returns a folder of many small files: two products, a control message, a dead one, a duplicate.
async fn small_files() -> (Data, std::sync::Arc<MemoryLog>) {
    let mut payloads: Vec<String> = (0..40).map(|i| envelope(i, i * 10, &["ETH-USD", "BTC-USD"])).collect();
    payloads[3] = r#"{"channel":"heartbeats","timestamp":"2026-04-01T00:00:00Z","sequence_num":3,"events":[]}"#.into();
    payloads[7] = "garbage".into();
    payloads[20] = payloads[19].clone();
    payloads.extend((0..10).map(|i| flat("SOL-USD", i, 100)));
    let data = Data::new();
    let log = MemoryLog::of(payloads);
    data.land(&log, 4).await.unwrap();
    assert_eq!(data.files().len(), 13);
    (data, log)
}

#[tokio::test]
async fn many_files_become_one_of_the_same_rows() {
    let (data, log) = small_files().await;
    let (rows, summary) = (data.rows().await, data.summary().await);
    let folder = Folder::new(&data.ticks_dir()).unwrap();
    let lock = folder.lock().unwrap();
    let compaction = land::compact(&folder, &lock, Duration::ZERO).await.unwrap();
    drop(lock);
    assert_eq!(data.files(), ["ticks.raw-0-0-49.parquet"]);
    assert_eq!((compaction.merged.len(), compaction.deleted, compaction.kept), (1, 13, 0));
    assert_eq!(data.rows().await, rows);
    assert_eq!(data.summary().await, summary);
    // The merged file is sorted, like every landed file.
    let merged = data.file_rows("ticks.raw-0-0-49.parquet");
    assert!(merged.is_sorted_by_key(|row| (row.tick.product_id.clone(), row.ts)));
    assert_eq!(merged.len(), rows.len());
    // Messages that are landed after it get the same rows as if its parts were still there.
    log.push(0, super::memory::record(envelope(39, 390, &["BTC-USD"])));
    data.land(&log, 4).await.unwrap();
    assert_eq!(data.files(), ["ticks.raw-0-0-49.parquet", "ticks.raw-0-50-50.parquet"]);
    assert_eq!(data.rows().await.last().unwrap().status, squall::tick::Status::Duplicate);
}

#[tokio::test]
async fn a_crash_at_any_instant_loses_nothing_and_shows_nothing_twice() {
    let (data, log) = small_files().await;
    let (rows, summary) = (data.rows().await, data.summary().await);
    let parts = data.files();
    let folder = Folder::new(&data.ticks_dir()).unwrap();
    let lock = folder.lock().unwrap();
    // Until the merged file has its name, the folder does not contain it.
    std::fs::create_dir_all(data.ticks_dir().join(".staging")).unwrap();
    std::fs::write(data.ticks_dir().join(".staging/ticks.raw-0-0-49.parquet"), "half a fi").unwrap();
    assert_eq!(data.rows().await, rows);
    // After that, its parts are hidden, however many of them still exist.
    assert_eq!(land::merge(&folder, &lock).await.unwrap().len(), 1);
    drop(lock);
    assert_eq!(data.files().len(), parts.len() + 1);
    assert_eq!(data.rows().await, rows);
    for part in &parts[..6] {
        std::fs::remove_file(data.ticks_dir().join(part)).unwrap();
        assert_eq!(data.rows().await, rows);
        assert_eq!(data.summary().await, summary);
    }
    // Landing continues after the merged file, and the next compaction deletes what this one left.
    data.land(&log, 4).await.unwrap();
    assert_eq!(data.rows().await, rows);
    let lock = folder.lock().unwrap();
    let compaction = land::compact(&folder, &lock, Duration::from_secs(60)).await.unwrap();
    assert_eq!((compaction.merged.len(), compaction.deleted, compaction.kept), (0, 0, parts.len() - 6));
    let compaction = land::compact(&folder, &lock, Duration::ZERO).await.unwrap();
    assert_eq!((compaction.merged.len(), compaction.deleted, compaction.kept), (0, parts.len() - 6, 0));
    assert_eq!(data.files(), ["ticks.raw-0-0-49.parquet"]);
    assert_eq!(data.rows().await, rows);
}

#[tokio::test]
async fn a_merged_file_says_which_log_it_came_from() {
    let (data, log) = small_files().await;
    let folder = Folder::new(&data.ticks_dir()).unwrap();
    let lock = folder.lock().unwrap();
    let before = folder.list().await.unwrap().landed.visible().last().unwrap().clone();
    let before = land::read_footer(&folder, &before).await.unwrap().origin;
    assert!(before.is_some());
    land::compact(&folder, &lock, Duration::ZERO).await.unwrap();
    drop(lock);
    let merged = folder.list().await.unwrap().landed.visible().next().unwrap().clone();
    assert_eq!(land::read_footer(&folder, &merged).await.unwrap().origin, before);
    // So landing continues, and another log is still refused.
    data.land(&log, 4).await.unwrap();
    data.land(&super::memory::MemoryLog::with_id("other", (0..60).map(|i| flat("SOL-USD", i, 100))), 4)
        .await
        .unwrap_err();
}

#[tokio::test]
async fn a_missing_range_is_not_merged_over() {
    let (data, _) = small_files().await;
    std::fs::remove_file(data.ticks_dir().join("ticks.raw-0-8-11.parquet")).unwrap();
    let folder = Folder::new(&data.ticks_dir()).unwrap();
    let lock = folder.lock().unwrap();
    land::compact(&folder, &lock, Duration::ZERO).await.unwrap();
    assert_eq!(data.files(), ["ticks.raw-0-0-7.parquet", "ticks.raw-0-12-49.parquet"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_see_every_row_once_while_files_are_merged() {
    let data = Data::new();
    let log = MemoryLog::of((0..400).map(|i| flat("BTC-USD", i, 100)));
    data.land(&log, 10).await.unwrap();
    let folder = Folder::new(&data.ticks_dir()).unwrap();
    let lister = folder.clone();
    let reading = tokio::spawn(async move {
        for _ in 0..200 {
            let landed = lister.list().await.unwrap().landed;
            let coverage = landed.partitions().next().unwrap();
            assert_eq!((coverage.offsets(), coverage.missing()), (0..=399, Vec::new()));
        }
    });
    let lock = folder.lock().unwrap();
    land::compact(&folder, &lock, Duration::ZERO).await.unwrap();
    reading.await.unwrap();
}

#[tokio::test]
async fn a_copy_under_another_name_deletes_nothing() {
    let (data, _) = small_files().await;
    let names = data.files();
    // The copy's name covers all files, and its rows are those of the first.
    std::fs::copy(data.ticks_dir().join(&names[0]), data.ticks_dir().join("ticks.raw-0-0-49.parquet")).unwrap();
    let folder = Folder::new(&data.ticks_dir()).unwrap();
    let lock = folder.lock().unwrap();
    let error = land::compact(&folder, &lock, Duration::ZERO).await.unwrap_err();
    let expected =
        format!("landed file ticks.raw-0-0-49.parquet was written as {}, and copied or renamed since", names[0]);
    assert_eq!(error.to_string(), expected);
    assert!(error.hint().unwrap().contains("remove ticks.raw-0-0-49.parquet"));
    assert_eq!(data.files().len(), names.len() + 1);
    // A query says so too, instead of reading the copy in place of the files.
    let error =
        data.session(2).await.sql("SELECT count(*) FROM landed_ticks").await.unwrap().collect().await.unwrap_err();
    assert!(error.to_string().contains(&expected), "{error}");
}

#[tokio::test]
async fn a_query_names_a_file_that_cannot_be_read() {
    let (data, _) = small_files().await;
    let name = &data.files()[3];
    let path = data.ticks_dir().join(name);
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 20]).unwrap();
    let error =
        data.session(2).await.sql("SELECT count(*) FROM landed_ticks").await.unwrap().collect().await.unwrap_err();
    assert!(error.to_string().contains(name.as_str()), "{error}");
}
