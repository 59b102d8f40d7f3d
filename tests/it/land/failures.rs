//! What goes wrong: garbage in the log, crashes between steps, damaged files, two landers at once.

use std::sync::Arc;

use squall::error::Hint;
use squall::land::{Error, Folder, Landed, LandedFile, Lander};
use squall::log::{Log, Record};
use squall::tick::Status;

use super::memory::{Data, MemoryLog, envelope, flat, record};

#[tokio::test]
async fn what_is_no_tick_is_kept_with_the_reason() {
    let truncated = &flat("BTC-USD", 0, 100)[..60];
    let crossed =
        r#"{"product_id":"BTC-USD","price":"5","best_bid":"7","best_ask":"6","timestamp":"2026-04-01T00:00:00Z"}"#;
    let data = Data::new();
    let log = MemoryLog::of([
        b"\xff\xfe".to_vec(),
        truncated.into(),
        Vec::new(),
        crossed.into(),
        flat("BTC-USD", 5, 100).into(),
    ]);
    let landing = data.land(&log, 2).await.unwrap();
    assert_eq!((landing.summary.messages, landing.summary.all_rows()), (5, 1));
    assert_eq!(landing.summary.dead.values().sum::<u64>(), 4);
    let letters = data.dead_letters();
    let told: Vec<(i64, &str)> =
        letters.iter().map(|letter| (letter["offset"].as_i64().unwrap(), letter["reason"].as_str().unwrap())).collect();
    assert_eq!(
        told,
        [
            (0, "message is not UTF-8 text from byte 0 on"),
            (1, "message ends in the middle, after 60 bytes"),
            (2, "message is empty"),
            (3, "quote is crossed: best_bid 7 is above best_ask 6"),
        ]
    );
    assert_eq!(letters[0]["payload_hex"], "fffe");
    assert_eq!(letters[1]["payload"], truncated);
    assert_eq!((&letters[3]["topic"], &letters[3]["partition"]), (&"ticks.raw".into(), &0.into()));
    // Ranges without rows are also committed, because the files' names must account for every offset.
    assert_eq!(data.files(), ["ticks.raw-0-0-1.parquet", "ticks.raw-0-2-3.parquet", "ticks.raw-0-4-4.parquet"]);
    assert_eq!(data.number("SELECT count(*) FROM landed_ticks").await, 1);
}

#[tokio::test]
async fn a_time_far_ahead_does_not_make_what_follows_late() {
    let data = Data::new();
    let log = MemoryLog::of([flat("BTC-USD", 0, 100)]);
    for (millis, received_ms) in [(86_400_000, 1), (400_000_000_000, 2), (3, 3), (86_400_000, 4)] {
        let received = (1_775_000_000_000 + received_ms) * 1_000_000;
        log.push(0, Record { ingest_time: received, ..record(flat("BTC-USD", millis, 100)) });
    }
    let landing = data.land(&log, 100).await.unwrap();
    let statuses: Vec<Status> = data.rows().await.iter().map(|row| row.status).collect();
    assert_eq!(statuses, [Status::Ok, Status::Ahead, Status::Ahead, Status::Ok, Status::Duplicate]);
    assert_eq!((landing.summary.rows(Status::Ahead), landing.summary.dead.len()), (2, 0));
    assert_eq!(data.number("SELECT count(*) FROM landed_ticks WHERE status = 'ok' AND ts = event_time").await, 2);
    assert_eq!(data.number("SELECT ahead FROM landed_files").await, 2);
}

#[tokio::test]
async fn a_crash_before_the_commit_keeps_each_dead_letter_once() {
    let data = Data::new();
    let log = MemoryLog::of(["garbage", "more garbage", "and more"]);
    data.land(&log, 1).await.unwrap();
    // As if the last two commits had never happened, and the next run cuts the ranges differently.
    std::fs::remove_file(data.ticks_dir().join("ticks.raw-0-1-1.parquet")).unwrap();
    std::fs::remove_file(data.ticks_dir().join("ticks.raw-0-2-2.parquet")).unwrap();
    std::fs::write(data.ticks_dir().join(".staging/ticks.raw-0-1-2.parquet"), "half").unwrap();
    data.land(&log, 10).await.unwrap();
    let offsets: Vec<i64> = data.dead_letters().iter().map(|letter| letter["offset"].as_i64().unwrap()).collect();
    assert_eq!(offsets, [0, 1, 2]);
    assert_eq!(data.files(), ["ticks.raw-0-0-0.parquet", "ticks.raw-0-1-2.parquet"]);
}

#[tokio::test]
async fn what_crashes_leave_is_removed() {
    let data = Data::new();
    let log = MemoryLog::of(["garbage", "more garbage"]);
    data.land(&log, 1).await.unwrap();
    let staged = data.ticks_dir().join(".staging/ticks.raw-0-2-9.parquet");
    let aside = data.dead_dir().join(".ticks.raw-0-2-9.ndjson.1-2-3.part");
    let earlier = data.dead_dir().join("ticks.raw-0-2-9.ndjson.tmp");
    std::fs::create_dir_all(data.ticks_dir().join(".staging")).unwrap();
    for path in [&staged, &aside, &earlier] {
        std::fs::write(path, "half").unwrap();
    }
    let past = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
    std::fs::File::open(&aside).unwrap().set_modified(past).unwrap();
    data.land(&log, 1).await.unwrap();
    for path in [staged, aside, earlier] {
        assert!(!path.exists(), "{}", path.display());
    }
    assert_eq!(data.dead_letters().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_waits_for_the_commit_under_way() {
    let data = Data::new();
    let log = MemoryLog::failing_at(4096);
    for i in 0..5000 {
        log.push(0, record(flat("BTC-USD", i, 100)));
    }
    let log: Arc<dyn Log> = Arc::new(log);
    let lander = Lander::open(Arc::clone(&log), data.options(4096)).await.unwrap();
    lander.drain(&std::sync::atomic::AtomicBool::new(false), &mut |_| {}).await.unwrap_err();
    // The file that is being committed is complete before the folder is released.
    assert_eq!(data.files(), ["ticks.raw-0-0-4095.parquet"]);
    Lander::open(log, data.options(4096)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lander_that_is_dropped_holds_the_folder_until_its_commit_ends() {
    let data = Data::new();
    let log: Arc<dyn Log> = MemoryLog::of((0..40_000).map(|i| flat("BTC-USD", i, 100)));
    let lander = Lander::open(Arc::clone(&log), data.options(30_000)).await.unwrap();
    let read = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let counted = Arc::clone(&read);
    let landing = tokio::spawn(async move {
        let mut count = |n| {
            counted.fetch_add(n, std::sync::atomic::Ordering::Relaxed);
        };
        lander.drain(&std::sync::atomic::AtomicBool::new(false), &mut count).await
    });
    while read.load(std::sync::atomic::Ordering::Relaxed) < 30_000 {
        tokio::task::yield_now().await;
    }
    landing.abort();
    let _ = landing.await;
    // The next process that gets the folder finds the commit finished, so ranges never overlap.
    let folder = Folder::new(&data.ticks_dir()).unwrap();
    let lock = loop {
        match folder.lock() {
            Ok(lock) => break lock,
            Err(error) => assert!(matches!(error, Error::Busy { .. }), "{error}"),
        }
        tokio::task::yield_now().await;
    };
    let files = data.files();
    assert_eq!(files.first().map(String::as_str), Some("ticks.raw-0-0-29999.parquet"));
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(data.files(), files, "nothing is committed after the folder was let go");
    drop(lock);
}

#[tokio::test]
async fn landing_again_lands_nothing() {
    let data = Data::new();
    let log = MemoryLog::of((0..10).map(|i| flat("BTC-USD", i, 100)));
    data.land(&log, 100).await.unwrap();
    let again = data.land(&log, 100).await.unwrap();
    assert_eq!((again.summary.messages, again.files.len()), (0, 0));
    assert_eq!(data.files(), ["ticks.raw-0-0-9.parquet"]);
}

#[tokio::test]
async fn one_lander_a_folder() {
    let data = Data::new();
    let log: Arc<dyn Log> = MemoryLog::of(["garbage"]);
    let first = Lander::open(Arc::clone(&log), data.options(10)).await.unwrap();
    let error = Lander::open(Arc::clone(&log), data.options(10)).await.err().unwrap();
    assert!(matches!(error, Error::Busy { .. }), "{error}");
    drop(first);
    Lander::open(log, data.options(10)).await.unwrap();
}

#[tokio::test]
async fn a_name_is_committed_once() {
    let data = Data::new();
    let folder = Folder::new(&data.ticks_dir()).unwrap();
    let file = LandedFile { topic: "t".into(), partition: 0, first: 0, last: 9 };
    folder.commit(&file, b"first".to_vec()).await.unwrap();
    folder.commit(&file, b"second".to_vec()).await.unwrap_err();
    assert_eq!(std::fs::read(data.ticks_dir().join("t-0-0-9.parquet")).unwrap(), b"first");
}

#[tokio::test]
async fn what_the_log_forgot_is_told() {
    let data = Data::new();
    let log = MemoryLog::of((0..10).map(|i| flat("BTC-USD", i, 100)));
    log.forget(0, 4);
    let landing = data.land(&log, 100).await.unwrap();
    // If a log begins after offset 0, nothing was lost as far as we know.
    assert_eq!((landing.summary.messages, landing.lost), (6, Vec::new()));
    for i in 10..20 {
        log.push(0, record(flat("BTC-USD", i, 100)));
    }
    log.forget(0, 13);
    let landing = data.land(&log, 100).await.unwrap();
    assert_eq!((landing.summary.messages, landing.lost), (7, vec![(0, 10, 12)]));
    let names = data.files();
    assert_eq!(names, ["ticks.raw-0-13-19.parquet", "ticks.raw-0-4-9.parquet"]);
    let landed = Landed::from_names(names.iter().map(String::as_str)).unwrap();
    assert_eq!(landed.partitions().next().unwrap().missing(), [10..=12]);
}

#[tokio::test]
async fn a_damaged_file_is_named_and_can_be_landed_again() {
    let data = Data::new();
    let log = MemoryLog::of((0..10).map(|i| flat("BTC-USD", i, 100)));
    data.land(&log, 5).await.unwrap();
    let rows = data.rows().await;
    let last = data.ticks_dir().join("ticks.raw-0-5-9.parquet");
    std::fs::write(&last, "PAR1").unwrap();
    let error = data.land(&log, 5).await.unwrap_err();
    assert_eq!(error.to_string(), "landed file ticks.raw-0-5-9.parquet cannot be read");
    assert!(error.hint().unwrap().contains("squall land --repair"));
    std::fs::remove_file(last).unwrap();
    data.land(&log, 5).await.unwrap();
    assert_eq!(data.rows().await, rows);
}

#[tokio::test]
async fn a_topic_that_can_be_named_reads_back() {
    let data = Data::new();
    let folder = Folder::new(&data.ticks_dir()).unwrap();
    for topic in ["ticks.raw-2", "my log", "a#1", "a%b", "a%20b", "ä", "a..b", "~", "..", "a/b", "a\\b", "a\nb", ""] {
        if Folder::check_name(topic).is_ok() {
            let file = LandedFile { topic: topic.into(), partition: 0, first: 0, last: 9 };
            folder.commit(&file, b"content".to_vec()).await.unwrap();
            let listing = folder.list().await.unwrap();
            assert_eq!(listing.landed.of(topic, 0), [file]);
        } else {
            assert!(!["ticks.raw-2", "my log", "ä"].contains(&topic), "{topic}");
        }
    }
    assert!(Folder::check_name("a/b").is_err());
    assert!(Folder::check_name(&"t".repeat(249)).is_err());
    assert!(Folder::check_name("").is_err());
}

#[tokio::test]
async fn partitions_have_an_order_each() {
    let data = Data::new();
    let log = MemoryLog::of([flat("BTC-USD", 500, 100)]);
    log.push(1, record(flat("ETH-USD", 100, 100)));
    log.push(1, record(envelope(7, 100, &["ETH-USD"])));
    let landing = data.land(&log, 100).await.unwrap();
    assert_eq!(data.files(), ["ticks.raw-0-0-0.parquet", "ticks.raw-1-0-1.parquet"]);
    // A topic of several partitions spreads a connection's messages, so a missing number does not mean a gap.
    assert_eq!(landing.summary.gaps, []);
    assert_eq!(data.number("SELECT count(*) FROM landed_ticks WHERE log_partition = 1").await, 2);
}

#[tokio::test]
async fn a_topic_with_a_long_name_is_refused_before_it_is_read() {
    let data = Data::new();
    let log = MemoryLog::of([flat("BTC-USD", 0, 100)]);
    let error = data.land_as(&log, &"t".repeat(249)).await.unwrap_err();
    assert!(error.to_string().ends_with("cannot be part of a file's name: it is too long"), "{error}");
    assert!(error.hint().unwrap().contains("--as NAME"));
    // The longest name that is taken fits, with dead letters too.
    log.push(0, record("garbage"));
    data.land_as(&log, &"t".repeat(150)).await.unwrap();
    assert_eq!((data.files().len(), data.dead_letters().len()), (1, 1));
}
