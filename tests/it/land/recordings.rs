//! Real recorded messages: nothing is lost, and everything unusual about them is reported.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::sync::Arc;

use squall::tick::Status;

use super::memory::{Data, MemoryLog};

/// Returns the lines of a recording; if the recordings are missing, says so and returns `None`.
pub fn recording(name: &str) -> Option<Vec<Vec<u8>>> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(name);
    let Ok(file) = std::fs::File::open(&path) else {
        eprintln!("skipped: {} is absent", path.display());
        return None;
    };
    let reader: Box<dyn Read> = match name.ends_with(".zst") {
        true => Box::new(zstd::Decoder::new(file).unwrap()),
        false => Box::new(file),
    };
    Some(BufReader::new(reader).split(b'\n').map(Result::unwrap).collect())
}

async fn landed(name: &str, flush_messages: usize) -> Option<Data> {
    let data = Data::new();
    data.land(&MemoryLog::of(recording(name)?), flush_messages).await.unwrap();
    Some(data)
}

#[tokio::test]
async fn a_recording_with_each_line_twice_is_half_duplicates() {
    let Some(once) = landed("flat-10min.ndjson", 1000).await else { return };
    let Some(doubled) = landed("flat-10min-doubled.ndjson", 1000).await else { return };
    let (once, doubled) = (once.summary().await, doubled.summary().await);
    assert_eq!(once.messages, 3578);
    assert_eq!(doubled.messages, 2 * once.messages);
    assert_eq!(doubled.rows(Status::Duplicate), once.messages + 2 * once.rows(Status::Duplicate));
    assert_eq!(once.rows(Status::Duplicate), 0);
    assert_eq!(doubled.rows(Status::Late), once.rows(Status::Late));
}

#[tokio::test]
async fn a_step_in_the_sequence_of_an_envelope_is_a_gap() {
    let Some(data) = landed("advanced-envelope-15min.ndjson", 1000).await else { return };
    let summary = data.summary().await;
    assert_eq!(summary.messages, 3108);
    assert_eq!(summary.all_rows() + summary.control.values().sum::<u64>(), 3108);
    let gaps: Vec<_> = summary.gaps.iter().map(|gap| (gap.after_sequence_num, gap.next_sequence_num)).collect();
    assert_eq!(gaps, [(Some(0), 2)]);
}

/// Parts of the five days were recorded twice: 54,402 of their sequence numbers repeat an earlier one. (Counted by reading
/// the recordings line by line into a set of (product_id, sequence).)
#[tokio::test]
async fn five_days_land_whole_and_in_order() {
    let mut lines = Vec::new();
    for day in 24..29 {
        let Some(mut more) = recording(&format!("coinbase-exchange-2025-11-{day}.ndjson.zst")) else { return };
        lines.append(&mut more);
    }
    let data = Data::new();
    data.land(&MemoryLog::of(lines), 200_000).await.unwrap();
    let summary = data.summary().await;
    assert_eq!(summary.messages, 702_947);
    assert_eq!(summary.all_rows(), 702_947);
    assert_eq!(summary.rows(Status::Duplicate), 54_402);
    assert_eq!(data.number("SELECT count(DISTINCT log_offset) FROM landed_ticks").await, 702_947);
    let backwards =
        "SELECT count(*) FROM (SELECT ts, lag(ts) OVER (PARTITION BY product_id ORDER BY log_offset) AS before
                     FROM landed_ticks) WHERE ts <= before";
    assert_eq!(data.number(backwards).await, 0);
    let early = "SELECT count(*) FROM landed_ticks WHERE ts < event_time";
    assert_eq!(data.number(early).await, 0);
    let late = "SELECT count(*) FROM landed_ticks WHERE status <> 'duplicate' AND (status = 'late') <> (ts - event_time > INTERVAL '1 second')";
    assert_eq!(data.number(late).await, 0);
}

#[tokio::test]
async fn a_file_log_lands_as_a_log_in_memory_does() {
    let Some(lines) = recording("exchange-in-string-7min.ndjson") else { return };
    let in_memory = Data::new();
    let memory = MemoryLog::of(lines.clone());
    in_memory.land(&memory, 1000).await.unwrap();

    let dir = tempfile::TempDir::new().unwrap();
    let raw = dir.path().join("ticks.raw");
    let log: Arc<dyn squall::log::Log> = Arc::new(squall::log::FileLog::create(&raw).await.unwrap());
    log.append(lines.into_iter().map(super::memory::record).collect()).await.unwrap();
    let on_disk = Data::new();
    let lander = squall::land::Lander::open(Arc::clone(&log), on_disk.options(4321)).await.unwrap();
    lander.drain(&std::sync::atomic::AtomicBool::new(false), &mut |_| {}).await.unwrap();

    let summary = on_disk.summary().await;
    assert_eq!(summary, in_memory.summary().await);
    assert_eq!(summary.messages, 6000);
    assert_eq!(summary.all_rows() + summary.control["subscriptions"], 6000);
    assert_eq!(on_disk.rows().await, in_memory.rows().await);
}
