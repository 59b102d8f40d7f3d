//! A log that cannot be read for a time: it is a problem that others can see, and it passes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use squall::live::Until;
use squall::metrics::{Command, Metrics};
use squall::tick::SystemClock;

use super::super::land::memory::{MemoryLog, record};
use super::Place;
use super::market::Market;

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_seen_and_passes() {
    let place = Place::with(&[]).await;
    let mut market = Market::new(5);
    let log = MemoryLog::of(market.messages(100));
    let mut live = place.open(&log, &["tick_features"], &mut |folder| Box::new(folder)).await.unwrap();
    let metrics = Metrics::new(Command::Live, Duration::from_secs(3600), Arc::new(SystemClock));
    live.measure(metrics.clone());
    assert_eq!(metrics.problems()[0].0, "start");
    let stop = Arc::new(AtomicBool::new(false));
    let (stopped, mut models) = (Arc::clone(&stop), place.no_models());
    let running = tokio::spawn(async move {
        live.run(Until::Stopped(None), &stopped, &mut models, &mut || 64).await.unwrap();
        live.counts().messages
    });
    let wait_for = async |what: &str, found: &dyn Fn() -> bool| {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !found() {
            assert!(Instant::now() < deadline, "it took too long: {what}; {:?}", metrics.problems());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    wait_for("everything is read", &|| metrics.messages.get(&[]) == 100).await;
    assert_eq!(metrics.problems(), []);
    log.go_away(true);
    wait_for("the outage is seen", &|| metrics.problems().first().is_some_and(|(part, _)| *part == "reading")).await;
    assert!(metrics.problems()[0].1.contains("it is away"), "{:?}", metrics.problems());
    assert_eq!(metrics.outages.get(&[]), 1);
    log.go_away(false);
    for message in market.messages(50) {
        log.push(0, record(message));
    }
    wait_for("reading goes on", &|| metrics.messages.get(&[]) == 150).await;
    wait_for("the problem is over", &|| metrics.problems().is_empty()).await;
    stop.store(true, Ordering::Relaxed);
    assert_eq!(running.await.unwrap(), 150);
}
