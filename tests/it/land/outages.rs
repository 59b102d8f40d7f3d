//! A log that cannot be read for a time: a follower tries again, and says so once and again when the log is back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use squall::land::{Error, Lander, Landing, Options, Stranger};
use squall::log::{Log, Tell};

use super::memory::{Data, MemoryLog, flat, record};

/// Lands as messages come; returns the flag that stops it, what the user is told, and the result.
async fn follow(
    data: &Data,
    log: &Arc<MemoryLog>,
    change: impl FnOnce(&mut Options),
) -> (Arc<AtomicBool>, Arc<Mutex<Vec<String>>>, tokio::task::JoinHandle<Result<Landing, Error>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let list = Arc::clone(&told);
    let tell = Tell::new(move |sentence| list.lock().unwrap().push(sentence.to_string()));
    let mut options = Options { tell, flush_interval: Duration::from_millis(1), ..data.options(100) };
    change(&mut options);
    let lander = Lander::open(Arc::clone(log) as Arc<dyn Log>, options).await.unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    (stop, told, tokio::spawn(async move { lander.follow(&flag, &mut |_| {}).await }))
}

async fn until(what: &str, done: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !done() {
        assert!(Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_follower_outlasts_an_outage_and_tells_it_once() {
    let data = Data::new();
    let log = MemoryLog::of([flat("BTC-USD", 0, 100)]);
    let (stop, told, landing) = follow(&data, &log, |_| {}).await;
    until("the first message lands", || data.files().len() == 1).await;
    log.go_away(true);
    log.push(0, record(flat("BTC-USD", 1, 100)));
    until("the outage is told", || !told.lock().unwrap().is_empty()).await;
    tokio::time::sleep(Duration::from_millis(1200)).await;
    log.go_away(false);
    until("the second message lands", || data.files().len() == 2).await;
    stop.store(true, Ordering::Relaxed);
    let landing = landing.await.unwrap().unwrap();
    assert_eq!(landing.summary.messages, 2);
    let told = told.lock().unwrap().clone();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with("Warning: memory cannot be read: cannot reach Kafka"), "{told:?}");
    assert!(told[1].starts_with("Note: memory can be read again, after "), "{told:?}");
}

#[tokio::test]
async fn a_follower_ends_at_an_outage_on_request_and_lands_what_it_read() {
    let data = Data::new();
    let log = MemoryLog::of([flat("BTC-USD", 0, 100)]);
    let (_, _, landing) = follow(&data, &log, |options| {
        options.retry = false;
        options.flush_interval = Duration::from_secs(3600);
    })
    .await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    log.go_away(true);
    let error = landing.await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Log { .. }), "{error}");
    assert_eq!(data.files(), ["ticks.raw-0-0-0.parquet"]);
}

#[tokio::test]
async fn a_log_that_was_replaced_during_an_outage_is_refused() {
    let data = Data::new();
    let log = MemoryLog::of([flat("BTC-USD", 0, 100)]);
    let (_, _, landing) = follow(&data, &log, |_| {}).await;
    until("the first message lands", || data.files().len() == 1).await;
    log.go_away(true);
    tokio::time::sleep(Duration::from_millis(300)).await;
    log.replace(0, [flat("BTC-USD", 7, 100), flat("BTC-USD", 8, 100)]);
    log.go_away(false);
    let error = landing.await.unwrap().unwrap_err();
    assert!(matches!(&error, Error::Stranger { stranger: Stranger::Message { offset: 0, .. }, .. }), "{error}");
    assert_eq!(data.files().len(), 1);
}

#[tokio::test]
async fn a_follower_goes_on_where_the_log_begins() {
    let data = Data::new();
    let log = MemoryLog::of((0..3).map(|i| flat("BTC-USD", i, 100)));
    let (stop, told, landing) = follow(&data, &log, |_| {}).await;
    until("the messages land", || data.files().len() == 1).await;
    log.go_away(true);
    tokio::time::sleep(Duration::from_millis(200)).await;
    for i in 3..9 {
        log.push(0, record(flat("BTC-USD", i, 100)));
    }
    // Retention removes what was not read yet.
    log.forget(0, 6);
    log.go_away(false);
    until("the rest lands", || data.files().len() == 2).await;
    stop.store(true, Ordering::Relaxed);
    let landing = landing.await.unwrap().unwrap();
    assert_eq!(landing.lost, [(0, 3, 5)]);
    assert_eq!(data.files(), ["ticks.raw-0-0-2.parquet", "ticks.raw-0-6-8.parquet"]);
    let told = told.lock().unwrap().clone();
    assert!(told.iter().any(|told| told.contains("offsets 3 to 5 were gone")), "{told:?}");
}

#[tokio::test]
async fn a_follower_merges_small_files_of_earlier_runs() {
    let data = Data::new();
    let log = MemoryLog::of((0..70).map(|i| flat("BTC-USD", i, 100)));
    data.land(&log, 1).await.unwrap();
    let (stop, _, landing) = follow(&data, &log, |options| options.compact = true).await;
    until("the files are merged", || data.files().contains(&"ticks.raw-0-0-69.parquet".to_string())).await;
    stop.store(true, Ordering::Relaxed);
    landing.await.unwrap().unwrap();
    assert_eq!(data.rows().await.len(), 70);
}

#[tokio::test]
async fn what_comes_before_damage_lands() {
    let data = Data::new();
    let log = MemoryLog::failing_at(5);
    for i in 0..9 {
        log.push(0, record(flat("BTC-USD", i, 100)));
    }
    let log = Arc::new(log);
    let error = data.land(&log, 1_000).await.unwrap_err();
    assert!(matches!(error, Error::Log { .. }), "{error}");
    assert_eq!(data.files(), ["ticks.raw-0-0-4.parquet"]);
}
