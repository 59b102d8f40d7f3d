//! Offsets that hold no message: a landed file covers them, and its footer counts them.

use squall::tick::Status;

use super::memory::{Data, MemoryLog, flat, record};

#[tokio::test]
async fn offsets_without_a_message_are_accounted_for() {
    let data = Data::new();
    let log = MemoryLog::of([flat("BTC-USD", 0, 100)]);
    log.push_hole(0);
    log.push(0, record(flat("BTC-USD", 1, 100)));
    for _ in 0..3 {
        log.push_hole(0);
    }
    let landing = data.land(&log, 100).await.unwrap();
    assert_eq!((landing.summary.messages, landing.summary.absent), (2, 4));
    assert_eq!(data.files(), ["ticks.raw-0-0-5.parquet"]);
    // A range of such offsets alone lands too, so that nobody takes it for lost when the log has removed it.
    log.push_hole(0);
    log.push_hole(0);
    let landing = data.land(&log, 100).await.unwrap();
    assert_eq!((landing.summary.messages, landing.summary.absent), (0, 2));
    assert_eq!(data.files(), ["ticks.raw-0-0-5.parquet", "ticks.raw-0-6-7.parquet"]);
    log.push(0, record(flat("BTC-USD", 2, 100)));
    log.forget(0, 7);
    let landing = data.land(&log, 100).await.unwrap();
    assert_eq!((landing.summary.rows(Status::Ok), landing.lost), (1, Vec::new()));
    assert_eq!(data.number("SELECT sum(absent) FROM landed_files").await, 6);
    assert_eq!(data.number("SELECT sum(messages + absent) FROM landed_files").await, 9);
}
