//! Ranges that were lost or damaged in the middle: a deep look finds them, and a repair lands exactly them again.

use std::sync::Arc;

use squall::land::{self, Compared, Error, Folder, Repair};
use squall::log::Log;
use squall::tick::Status;

use super::memory::{Data, MemoryLog, envelope, flat, record};

/// Returns a log of two products with a duplicate, a dead letter, a control message and offsets without a message.
fn mixed_log() -> Arc<MemoryLog> {
    let log = MemoryLog::of((0..30).map(|i| envelope(i, i * 10, &["ETH-USD", "BTC-USD"])));
    log.push(0, record("garbage"));
    log.push_hole(0);
    log.push(0, record(envelope(29, 290, &["ETH-USD"])));
    log.push(0, record(r#"{"channel":"heartbeats","timestamp":"2026-04-01T00:00:00Z","sequence_num":30,"events":[]}"#));
    for i in 31..60 {
        log.push(0, record(envelope(i, i * 10, &["BTC-USD"])));
    }
    log
}

async fn repair(data: &Data, log: &Arc<MemoryLog>, flush_messages: usize) -> Result<Repair, Error> {
    land::repair(Arc::clone(log) as Arc<dyn Log>, data.options(flush_messages)).await
}

/// Returns what is wrong with each file.
async fn look(data: &Data, log: &Arc<MemoryLog>) -> Vec<String> {
    let log = Arc::clone(log) as Arc<dyn Log>;
    let id = log.id().await.unwrap();
    let folder = Folder::new(&data.ticks_dir()).unwrap();
    let mut problems = Vec::new();
    for file in folder.list().await.unwrap().landed.visible() {
        let looked = async {
            let inspected = land::inspect(&folder, file).await?;
            land::compare(&log, &id, &folder, file, &inspected).await
        };
        match looked.await {
            Ok(compared) => assert_eq!(compared, Compared::Same),
            Err(error) => {
                let reason = std::error::Error::source(&error).map_or(String::new(), |source| format!(": {source}"));
                problems.push(format!("{error}{reason}"));
            }
        }
    }
    problems
}

#[tokio::test]
async fn a_lost_range_lands_again_as_it_was() {
    let (data, log) = (Data::new(), mixed_log());
    data.land(&log, 7).await.unwrap();
    let (files, rows, letters, summary) = (data.files(), data.rows().await, data.dead_letters(), data.summary().await);
    assert_eq!(look(&data, &log).await, Vec::<String>::new());
    // One file, and two neighbours.
    for lost in [&files[1..2], &files[2..4]] {
        for name in lost {
            std::fs::remove_file(data.ticks_dir().join(name)).unwrap();
        }
        let again = data.land(&log, 7).await.unwrap();
        assert_eq!(again.summary.messages, 0, "landing alone does not look back");
        let repaired = repair(&data, &log, 7).await.unwrap();
        assert_eq!((repaired.gone.len(), repaired.set_aside.len()), (0, 0));
        assert!(!repaired.files.is_empty());
        assert_eq!(data.rows().await, rows);
        assert_eq!(data.dead_letters(), letters);
        assert_eq!(data.summary().await, summary);
    }
    let repaired = repair(&data, &log, 7).await.unwrap();
    assert_eq!(repaired, Repair::default(), "nothing is left to do");
}

#[tokio::test]
async fn a_damaged_file_is_found_set_aside_and_landed_again() {
    let (data, log) = (Data::new(), mixed_log());
    data.land(&log, 7).await.unwrap();
    let (files, rows) = (data.files(), data.rows().await);
    let other = std::fs::read(data.ticks_dir().join(&files[4])).unwrap();
    let path = data.ticks_dir().join(&files[2]);
    let whole = std::fs::read(&path).unwrap();
    let mut flipped = whole.clone();
    flipped[200] ^= 0xff;
    for (damage, reason) in [
        (whole[..whole.len() / 2].to_vec(), "cannot be read"),
        (Vec::new(), "cannot be read"),
        (other, "was written as"),
        (flipped, &files[2]),
    ] {
        std::fs::write(&path, damage).unwrap();
        let problems = look(&data, &log).await;
        assert_eq!(problems.len(), 1);
        assert!(problems[0].contains(&files[2]) && problems[0].contains(reason), "{problems:?}");
        let repaired = repair(&data, &log, 100).await.unwrap();
        assert_eq!((repaired.set_aside.len(), repaired.files.len()), (1, 1));
        assert!(repaired.set_aside[0].2.exists());
        assert_eq!(data.rows().await, rows);
        assert_eq!(look(&data, &log).await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_file_whose_rows_differ_from_the_log_is_found() {
    let (data, log) = (Data::new(), mixed_log());
    data.land(&log, 100).await.unwrap();
    // The file is whole, but the log holds other messages.
    let other = MemoryLog::of((0..30).map(|i| envelope(i, i * 10, &["ETH-USD", "SOL-USD"])));
    for i in 30..63 {
        other.push(0, record(envelope(i, i * 10, &["BTC-USD"])));
    }
    let problems = look(&data, &other).await;
    assert_eq!(problems.len(), 1);
    assert!(problems[0].contains("messages") && problems[0].contains("the log has"), "{problems:?}");
}

#[tokio::test]
async fn what_the_log_no_longer_holds_stays_as_it_is() {
    let (data, log) = (Data::new(), mixed_log());
    data.land(&log, 7).await.unwrap();
    let files = data.files();
    std::fs::remove_file(data.ticks_dir().join(&files[1])).unwrap();
    std::fs::write(data.ticks_dir().join(&files[2]), "PAR1").unwrap();
    log.forget(0, 40);
    let repaired = repair(&data, &log, 7).await.unwrap();
    assert_eq!((repaired.gone.len(), repaired.files.len(), repaired.set_aside.len()), (2, 0, 0));
    assert!(data.ticks_dir().join(&files[2]).exists());
}

#[tokio::test]
async fn what_landed_after_the_loss_is_not_ok_twice() {
    let data = Data::new();
    let log = MemoryLog::of((0..10).map(|i| flat("BTC-USD", i, 100)));
    data.land(&log, 5).await.unwrap();
    for i in 10..15 {
        log.push(0, record(flat("BTC-USD", i, 100)));
    }
    data.land(&log, 5).await.unwrap();
    std::fs::remove_file(data.ticks_dir().join("ticks.raw-0-5-9.parquet")).unwrap();
    // Messages of the lost range come again, and land as new: the folder does not hold the first ones.
    log.push(0, record(flat("BTC-USD", 7, 100)));
    data.land(&log, 5).await.unwrap();
    repair(&data, &log, 5).await.unwrap();
    assert_eq!(data.number("SELECT count(*) FROM landed_ticks WHERE status <> 'duplicate'").await, 15);
    assert_eq!(data.number("SELECT count(*) FROM landed_ticks WHERE status = 'duplicate'").await, 1);
    let rows = data.rows().await;
    assert_eq!(rows.iter().filter(|row| row.status == Status::Duplicate).count(), 1);
}

#[tokio::test]
async fn a_damaged_merged_file_uncovers_its_parts() {
    let (data, log) = (Data::new(), mixed_log());
    data.land(&log, 7).await.unwrap();
    let rows = data.rows().await;
    let folder = Folder::new(&data.ticks_dir()).unwrap();
    let lock = folder.lock().unwrap();
    let merged = land::merge(&folder, &lock).await.unwrap();
    drop(lock);
    std::fs::write(data.ticks_dir().join(merged[0].0.to_string()), "PAR1").unwrap();
    let repaired = repair(&data, &log, 7).await.unwrap();
    assert_eq!((repaired.set_aside.len(), repaired.files.len()), (1, 0));
    assert_eq!(data.rows().await, rows);
}

/// Returns a log of messages that have a connection but no numbers, so that equal messages are copies of each other.
fn copies_log() -> Arc<MemoryLog> {
    let mut messages: Vec<String> = (0..50).map(|i| flat("ETH-USD", i * 10, 100)).collect();
    messages[30] = messages[19].clone();
    messages[15] = flat("BTC-USD", 150, 100);
    messages[31] = flat("BTC-USD", 100, 100);
    messages[32] = flat("BTC-USD", 150, 101);
    MemoryLog::of(messages)
}

#[tokio::test]
async fn several_lost_files_land_again_as_they_were() {
    let (data, log) = (Data::new(), copies_log());
    data.land(&log, 10).await.unwrap();
    let rows = data.rows().await;
    assert_eq!(rows.iter().filter(|row| row.status == Status::Duplicate).count(), 1);
    for name in ["ticks.raw-0-10-19.parquet", "ticks.raw-0-30-39.parquet"] {
        std::fs::remove_file(data.ticks_dir().join(name)).unwrap();
    }
    assert_eq!(repair(&data, &log, 10).await.unwrap().files.len(), 2);
    assert_eq!(data.rows().await, rows);
}

#[tokio::test]
async fn a_repair_that_was_interrupted_goes_on() {
    let (data, log) = (Data::new(), copies_log());
    data.land(&log, 10).await.unwrap();
    let rows = data.rows().await;
    // The first file, which nothing but its name remembers, and the last one.
    for name in ["ticks.raw-0-0-9.parquet", "ticks.raw-0-40-49.parquet"] {
        let path = data.ticks_dir().join(name);
        std::fs::rename(&path, path.with_added_extension("damaged")).unwrap();
    }
    let folder = Folder::new(&data.ticks_dir()).unwrap();
    let landed = folder.list().await.unwrap().landed;
    let missing: Vec<_> = landed.partitions().flat_map(|coverage| coverage.missing()).collect();
    assert_eq!(missing, [0..=9, 40..=49]);
    assert_eq!(repair(&data, &log, 10).await.unwrap().files.len(), 2);
    assert_eq!(data.rows().await, rows);
    assert_eq!(repair(&data, &log, 10).await.unwrap(), Repair::default());
}

#[tokio::test]
async fn messages_that_a_topic_has_lost_are_no_damage() {
    let (data, log) = (Data::new(), copies_log());
    data.land(&log, 10).await.unwrap();
    let rows = data.rows().await;
    log.compact(0, |offset| offset % 7 == 0 || offset == 49);
    assert_eq!(repair(&data, &log, 10).await.unwrap(), Repair::default());
    assert_eq!(data.rows().await, rows);
}

#[tokio::test]
async fn another_log_repairs_nothing() {
    let (data, log) = (Data::new(), copies_log());
    data.land(&log, 10).await.unwrap();
    let files = data.files();
    log.replace(0, (0..150).map(|i| flat("ETH-USD", i * 10, 200)));
    assert!(matches!(repair(&data, &log, 10).await, Err(Error::Stranger { .. })));
    assert_eq!(data.files(), files);
}

#[tokio::test]
async fn what_is_left_of_a_lost_range_lands() {
    let (data, log) = (Data::new(), copies_log());
    data.land(&log, 10).await.unwrap();
    std::fs::remove_file(data.ticks_dir().join("ticks.raw-0-10-19.parquet")).unwrap();
    log.forget(0, 15);
    let repaired = repair(&data, &log, 10).await.unwrap();
    let named = |files: &[land::LandedFile]| files.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(named(&repaired.files), ["ticks.raw-0-15-19.parquet"]);
    assert_eq!(named(&repaired.gone), ["ticks.raw-0-10-14.parquet"]);
}

#[tokio::test]
async fn a_lost_file_of_an_earlier_period_lands_again_as_it_was() {
    let day = 86_400_000;
    let (data, log) = (Data::new(), MemoryLog::of((0..10).map(|i| flat("ETH-USD", day + i * 10, 100))));
    data.land(&log, 10).await.unwrap();
    let mut earlier: Vec<String> = (0..20).map(|i| flat("ETH-USD", i * 10, 100)).collect();
    earlier[10] = earlier[9].clone();
    earlier.into_iter().for_each(|message| log.push(0, record(message)));
    let options = land::Options { by_time: true, ..data.options(10) };
    let lander = land::Lander::open(Arc::clone(&log) as Arc<dyn Log>, options).await.unwrap();
    lander.drain(&std::sync::atomic::AtomicBool::new(false), &mut |_| {}).await.unwrap();
    let rows = data.rows().await;
    assert_eq!(rows.iter().filter(|row| row.status == Status::Duplicate).count(), 1);
    std::fs::remove_file(data.ticks_dir().join("ticks.raw-0-10-19.parquet")).unwrap();
    repair(&data, &log, 10).await.unwrap();
    assert_eq!(data.rows().await, rows);
}
