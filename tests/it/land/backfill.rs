//! Landing an earlier period after a later one: the table is the one of landing in order.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use squall::land::{self, Landing, Row};
use squall::log::Log;
use squall::tick::Status;

use super::memory::{Data, MemoryLog, flat, record};
use super::recordings::recording;

const DAY_MS: i64 = 86_400_000;

/// A day's messages: ticks that share a time, ticks behind the one before, a message that comes twice.
fn day(start: i64, products: &[&str]) -> Vec<String> {
    let mut messages = Vec::new();
    for step in 0..120 {
        for (number, product) in products.iter().enumerate() {
            let behind = if step % 17 == 16 { 5_000 } else { 0 };
            let millis = start + step / 3 * 700 + number as i64 - behind;
            messages.push(flat(product, millis, 10_000 + (step * 7 % 40) as u32));
            if step % 29 == 28 {
                messages.push(messages[messages.len() - 1].clone());
            }
        }
    }
    messages
}

async fn backfill(data: &Data, log: &Arc<MemoryLog>, name: Option<&str>, flush_messages: usize) -> Landing {
    let log: Arc<dyn Log> = Arc::clone(log) as Arc<dyn Log>;
    let options = land::Options { by_time: true, name: name.map(str::to_string), ..data.options(flush_messages) };
    let lander = land::Lander::open(log, options).await.unwrap();
    lander.drain(&AtomicBool::new(false), &mut |_| {}).await.unwrap()
}

/// Returns what a row says of its tick, apart from where its message lies.
fn told(rows: Vec<Row>) -> Vec<(String, i64, i64, Option<f64>, Status)> {
    let row = |row: Row| (row.tick.product_id, row.ts, row.tick.event_time, row.tick.price, row.status);
    let mut told: Vec<_> = rows.into_iter().map(row).collect();
    told.sort_by(|one, other| (&one.0, one.1).cmp(&(&other.0, other.1)));
    told
}

#[tokio::test]
async fn an_earlier_day_lands_as_if_it_had_come_first() {
    let (first, second) = (day(0, &["A", "B"]), day(DAY_MS, &["A", "C"]));
    let ordered = Data::new();
    ordered.land(&MemoryLog::of([first.clone(), second.clone()].concat()), 1_000).await.unwrap();
    let wanted = told(ordered.rows().await);
    assert!(Status::ALL[..3].iter().all(|status| wanted.iter().any(|row| row.4 == *status)));

    // In the same log, after the later day, whatever the number of runs.
    for flush_messages in [1_000, 37, 3] {
        let data = Data::new();
        let log = MemoryLog::of(second.clone());
        data.land(&log, 1_000).await.unwrap();
        for (number, message) in first.iter().enumerate() {
            log.push(0, record(message.as_str()));
            if flush_messages == 3 && number % 16 == 7 {
                backfill(&data, &log, None, 3).await;
            }
        }
        backfill(&data, &log, None, flush_messages).await;
        assert_eq!(told(data.rows().await), wanted, "{flush_messages} messages a file");
        // What comes afterwards follows the later day.
        log.push(0, record(flat("A", 2 * DAY_MS, 1)));
        data.land(&log, 1_000).await.unwrap();
        assert_eq!(data.rows().await.last().unwrap().status, Status::Ok);
    }

    // As a log of its own.
    let data = Data::new();
    data.land(&MemoryLog::of(second), 1_000).await.unwrap();
    backfill(&data, &MemoryLog::of(first), Some("earlier"), 50).await;
    assert_eq!(told(data.rows().await), wanted);
}

#[tokio::test]
async fn one_log_can_go_back_again_and_again() {
    let days = [0, DAY_MS, 2 * DAY_MS, 3 * DAY_MS].map(|start| day(start, &["A", "B"]));
    let ordered = Data::new();
    ordered.land(&MemoryLog::of(days.concat()), 1_000).await.unwrap();
    let wanted = told(ordered.rows().await);
    for (flush_messages, messages_a_run) in [(1_000, 1_000), (1_000, 60), (37, 1_000), (37, 100), (500, 77), (3, 16)] {
        let data = Data::new();
        let log = MemoryLog::of(days[3].clone());
        data.land(&log, 1_000).await.unwrap();
        // The 27th, the 24th, then the day between them.
        let earlier = [&days[2], &days[0], &days[1]].map(|day| day.iter()).into_iter().flatten();
        for (number, message) in earlier.enumerate() {
            log.push(0, record(message.as_str()));
            if number % messages_a_run == messages_a_run - 1 {
                backfill(&data, &log, None, flush_messages).await;
            }
        }
        backfill(&data, &log, None, flush_messages).await;
        assert!(told(data.rows().await) == wanted, "{flush_messages} messages a file, {messages_a_run} a run");
    }
}

#[tokio::test]
async fn a_period_that_comes_twice_is_a_duplicate_in_the_same_backfill() {
    let data = Data::new();
    let log = MemoryLog::of(day(3 * DAY_MS, &["A"]));
    data.land(&log, 1_000).await.unwrap();
    let messages = day(0, &["A"]);
    for message in messages.iter().chain(&day(DAY_MS, &["A"])).chain(&messages) {
        log.push(0, record(message.as_str()));
    }
    let landing = backfill(&data, &log, None, 1_000).await;
    assert!(landing.summary.rows(Status::Duplicate) >= messages.len() as u64);
    assert_eq!(data.number("SELECT count(*) - count(DISTINCT ts) FROM landed_ticks").await, 0);
}

#[tokio::test]
async fn without_it_the_earlier_day_is_late() {
    let data = Data::new();
    let log = MemoryLog::of(day(DAY_MS, &["A"]));
    data.land(&log, 1_000).await.unwrap();
    day(0, &["A"]).iter().for_each(|message| log.push(0, record(message.as_str())));
    let landing = data.land(&log, 1_000).await.unwrap();
    assert_eq!(landing.summary.rows(Status::Ok), 0);
}

#[tokio::test]
async fn a_lost_file_of_an_earlier_day_lands_again_as_it_was() {
    let data = Data::new();
    let log = MemoryLog::of(day(DAY_MS, &["A", "B"]));
    data.land(&log, 1_000).await.unwrap();
    day(0, &["A", "B"]).iter().for_each(|message| log.push(0, record(message.as_str())));
    backfill(&data, &log, None, 40).await;
    let (rows, files) = (data.rows().await, data.files());
    assert!(files.len() > 4, "{files:?}");
    for lost in &files[1..files.len() - 1] {
        std::fs::remove_file(data.ticks_dir().join(lost)).unwrap();
        let repaired = land::repair(Arc::clone(&log) as Arc<dyn Log>, data.options(1_000)).await.unwrap();
        assert_eq!(repaired.files.len(), 1);
        assert_eq!(data.rows().await, rows, "{lost}");
    }
}

#[tokio::test]
async fn ticks_that_have_landed_already_are_duplicates() {
    let data = Data::new();
    let messages = day(0, &["A"]);
    let log = MemoryLog::of(messages.clone());
    data.land(&log, 1_000).await.unwrap();
    messages.iter().for_each(|message| log.push(0, record(message.as_str())));
    let landing = backfill(&data, &log, None, 1_000).await;
    assert_eq!(landing.summary.rows(Status::Duplicate), messages.len() as u64);
    assert_eq!(data.number("SELECT count(*) - count(DISTINCT ts) FROM landed_ticks").await, 0);
}

/// The recorded days overlap by some minutes, which both recordings hold.
#[tokio::test]
async fn recorded_days_give_one_table_in_any_order() {
    let day = |day: u32| recording(&format!("coinbase-exchange-2025-11-{day}.ndjson.zst"));
    let (Some(first), Some(second)) = (day(26), day(27)) else { return };
    let ordered = Data::new();
    let log = MemoryLog::of(first.clone());
    ordered.land(&log, 200_000).await.unwrap();
    second.iter().for_each(|message| log.push(0, record(message.clone())));
    ordered.land(&log, 200_000).await.unwrap();
    let backwards = Data::new();
    let log = MemoryLog::of(second);
    backwards.land(&log, 200_000).await.unwrap();
    first.iter().for_each(|message| log.push(0, record(message.clone())));
    backfill(&backwards, &log, None, 20_000).await;
    let ok = |rows: Vec<Row>| {
        let rows = told(rows).into_iter().filter(|row| row.4 == Status::Ok);
        rows.map(|row| (row.0, row.1, row.2, row.3)).collect::<Vec<_>>()
    };
    let (wanted, got) = (ok(ordered.rows().await), ok(backwards.rows().await));
    assert!(wanted.len() > 20_000, "{}", wanted.len());
    assert_eq!(got.len(), wanted.len());
    assert!(got == wanted, "the first that differs: {:?}", got.iter().zip(&wanted).find(|(one, other)| one != other));
}
