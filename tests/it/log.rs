//! The file log: what is appended is read back, across days, restarts, crashes and processes.

mod bad_tables;
mod history;
mod replay;

use std::path::Path;

use squall::error::Hint;
use squall::log::{Error, FileLog, Location, Log, Message, Options, Record, open};

const DAY: i64 = 86_400_000_000_000;
/// 2025-11-24, 00:00 UTC.
const START: i64 = 1_763_942_400_000_000_000;

fn record(number: usize, ingest_time: i64) -> Record {
    Record {
        key: Some("BTC-USD".into()),
        payload: format!("{{\"number\":{number},\"padding\":\"{}\"}}", "x".repeat(number % 300)).into(),
        ingest_time,
        connection: Some("c1".into()),
    }
}

async fn append(log: &FileLog, numbers: std::ops::Range<usize>, ingest_time: i64) {
    let records = numbers.map(|number| record(number, ingest_time)).collect();
    log.append(records).await.expect("the log takes records");
}

async fn read_all(log: &dyn Log, from: i64, limit: usize) -> Vec<Message> {
    let mut messages: Vec<Message> = Vec::new();
    loop {
        let next = messages.last().map_or(from, |message| message.offset + 1);
        let more = log.read(0, next, limit).await.expect("the log can be read");
        if more.is_empty() {
            return messages;
        }
        assert!(more.len() <= limit);
        messages.extend(more);
    }
}

fn assert_numbered(messages: &[Message], from: usize) {
    for (index, message) in messages.iter().enumerate() {
        assert_eq!(message.offset, (from + index) as i64);
        assert_eq!(message.record.payload, record(from + index, 0).payload);
    }
}

fn names(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).expect("the folder is there");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn offsets_run_on_across_days_and_restarts() {
    let temp = tempfile::tempdir().expect("a temporary folder");
    let dir = temp.path().join("raw");
    {
        let log = FileLog::create(&dir).await.expect("a new log");
        assert_eq!(log.offsets(0).await.expect("offsets"), 0..0);
        assert_eq!(log.topic(), "raw");
        append(&log, 0..3000, START).await;
        // One group across midnight, and a clock that is set back: offsets still rise with the files' names.
        let records = vec![record(3000, START + DAY - 1), record(3001, START + DAY), record(3002, START)];
        log.append(records).await.expect("the log takes records");
    }
    let log = FileLog::create(&dir).await.expect("the log opens again");
    append(&log, 3003..3010, START + 3 * DAY).await;
    assert_eq!(names(&dir), [".lock", ".synced", "20251124.ndjson", "20251125.ndjson", "20251127.ndjson", "log.id"]);
    assert_eq!(log.offsets(0).await.expect("offsets"), 0..3010);
    for limit in [1, 7, 5000] {
        let messages = read_all(&log, 0, limit).await;
        assert_eq!(messages.len(), 3010);
        assert_numbered(&messages, 0);
    }
    assert_eq!(log.read(0, 3002, 1).await.expect("read")[0].record.ingest_time, START);
    for from in [0, 1, 1234, 2999, 3000, 3001, 3003, 3009] {
        assert_numbered(&log.read(0, from, 3).await.expect("read"), usize::try_from(from).expect("positive"));
    }
    assert_eq!(log.read(0, 3010, 3).await.expect("read at the end"), []);
}

/// Waits until a file is there.
async fn appears(path: &Path) {
    for _ in 0..1000 {
        if path.exists() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("{} does not appear", path.display());
}

#[tokio::test]
async fn packed_days_read_like_plain_ones() {
    let temp = tempfile::tempdir().expect("a temporary folder");
    let dir = temp.path();
    let options = Options { pack_days: true, ..Options::default() };
    let log = FileLog::create_with(dir, &options).await.expect("a new log");
    append(&log, 0..3000, START).await;
    let first = std::fs::read(dir.join("20251124.ndjson")).expect("the first day");
    // A reader that stands in the middle of a day goes on while the day is packed.
    let standing = FileLog::open(dir).await.expect("the log opens");
    assert_numbered(&standing.read(0, 0, 1000).await.expect("read"), 0);
    append(&log, 3000..3010, START + DAY).await;
    append(&log, 3010..3020, START + 2 * DAY).await;
    appears(&dir.join("20251124.ndjson.zst")).await;
    appears(&dir.join("20251125.ndjson.zst")).await;
    while dir.join("20251125.ndjson").exists() {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_numbered(&standing.read(0, 1000, 5000).await.expect("read"), 1000);
    let packed = ["20251124.ndjson.zst", "20251125.ndjson.zst", "20251126.ndjson"];
    let expected = [&[".lock", ".lock.reader", ".synced"][..], &packed, &["log.id"]].concat();
    assert_eq!(names(dir), expected);
    let packed = std::fs::read(dir.join("20251124.ndjson.zst")).expect("the packed day");
    assert!(zstd::decode_all(packed.as_slice()).expect("zstd") == first, "the same bytes");
    for from in [0, 1, 1234, 2999, 3000, 3005, 3009, 3010, 3019] {
        assert_numbered(&log.read(0, from, 30).await.expect("read"), usize::try_from(from).expect("positive"));
    }
    for limit in [1, 7, 5000] {
        let messages = read_all(&log, 0, limit).await;
        assert_eq!(messages.len(), 3020);
        assert_numbered(&messages, 0);
    }
    assert_eq!(log.offsets(0).await.expect("offsets"), 0..3020);

    // If the newest file is removed, the log goes on behind the packed days, with new offsets, in a file of a later name.
    let id = log.id().await.expect("an id");
    drop((log, standing));
    std::fs::remove_file(dir.join("20251126.ndjson")).expect("removed");
    let log = FileLog::create(dir).await.expect("the log opens again");
    assert_eq!(log.id().await.expect("an id"), id);
    append(&log, 3020..3021, START + DAY).await;
    assert_eq!(log.offsets(0).await.expect("offsets"), 0..3021);
    assert_eq!(log.read(0, 3009, 5).await.expect("read").iter().map(|m| m.offset).collect::<Vec<_>>(), [3009, 3020]);
}

#[tokio::test]
async fn a_log_stays_addressable_when_old_days_are_removed() {
    let temp = tempfile::tempdir().expect("a temporary folder");
    let log = FileLog::create(temp.path()).await.expect("a new log");
    append(&log, 0..10, START).await;
    append(&log, 10..20, START + DAY).await;
    std::fs::remove_file(temp.path().join("20251124.ndjson")).expect("remove the day");
    assert_eq!(log.offsets(0).await.expect("offsets"), 10..20);
    assert_numbered(&read_all(&log, 10, 100).await, 10);
    let error = log.read(0, 9, 1).await.expect_err("offset 9 is gone");
    assert!(matches!(error, Error::OffsetGone { offset: 9, first: 10, .. }), "{error}");
    let error = log.read(0, 21, 1).await.expect_err("offset 21 was never given");
    assert!(matches!(error, Error::OffsetPastEnd { offset: 21, end: 20, .. }), "{error}");
    let error = log.read(1, 0, 1).await.expect_err("a folder has one partition");
    assert!(matches!(error, Error::NoPartition { partition: 1, .. }), "{error}");
}

#[tokio::test]
async fn what_a_crash_left_of_a_line_is_set_aside() {
    let temp = tempfile::tempdir().expect("a temporary folder");
    let file = temp.path().join("20251124.ndjson");
    append(&FileLog::create(temp.path()).await.expect("a new log"), 0..5, START).await;
    let whole = std::fs::read(&file).expect("the day file");
    let torn = br#"{"offset":5,"ingest_time":1,"mess"#;
    std::fs::write(&file, [whole.as_slice(), torn].concat()).expect("write the torn line");

    // If a writer is in the middle of a line, a reader sees only whole lines.
    let reader = FileLog::open(temp.path()).await.expect("the log opens");
    assert_eq!(reader.offsets(0).await.expect("offsets"), 0..5);
    assert_eq!(read_all(&reader, 0, 100).await.len(), 5);

    let log = FileLog::create(temp.path()).await.expect("the log opens again");
    let notices = log.notices();
    assert_eq!(notices.len(), 1);
    assert!(notices[0].contains("the last 33 bytes") && notices[0].contains("20251124.torn"), "{notices:?}");
    assert_eq!(std::fs::read(&file).expect("the day file"), whole);
    let aside = std::fs::read(temp.path().join("20251124.torn")).expect("the torn line");
    assert_eq!(aside, [torn.as_slice(), b"\n"].concat());

    append(&log, 5..8, START).await;
    // The reader that was open in the meantime continues where it was.
    assert_numbered(&read_all(&reader, 5, 100).await, 5);
    assert_eq!(read_all(&reader, 0, 100).await.len(), 8);
}

/// Returns the bytes of a day file that holds the records with these numbers.
async fn day_file(numbers: std::ops::Range<usize>) -> Vec<u8> {
    let temp = tempfile::tempdir().expect("a temporary folder");
    append(&FileLog::create(temp.path()).await.expect("a new log"), numbers, START).await;
    std::fs::read(temp.path().join("20251124.ndjson")).expect("the day file")
}

#[tokio::test]
async fn only_what_is_synced_is_read_and_a_power_loss_gives_no_offset_twice() {
    let (synced, written) = (day_file(0..5).await, day_file(0..8).await);
    // What a power loss may leave of lines that were written but not synced: their beginning, or blocks of zeros in them.
    let mut left: Vec<Vec<u8>> =
        [0, 1, 100, 300, written.len() - synced.len()].map(|n| written[..synced.len() + n].to_vec()).to_vec();
    let mut zeros = written.clone();
    zeros[synced.len() + 10..synced.len() + 60].fill(0);
    left.push(zeros);
    for left in left {
        let temp = tempfile::tempdir().expect("a temporary folder");
        let file = temp.path().join("20251124.ndjson");
        let log = FileLog::create(temp.path()).await.expect("a new log");
        append(&log, 0..5, START).await;
        // The writer is between writing and syncing.
        std::fs::write(&file, &written).expect("written");
        let reader = FileLog::open(temp.path()).await.expect("the log opens");
        for log in [&log, &reader] {
            assert_eq!(log.offsets(0).await.expect("offsets"), 0..5);
            assert_eq!(read_all(log, 0, 100).await.len(), 5);
            assert_eq!(log.read(0, 5, 10).await.expect("nothing is synced from there on"), []);
        }
        drop(log);

        std::fs::write(&file, &left).expect("written");
        let log = FileLog::create(temp.path()).await.expect("the log opens again");
        append(&log, 100..101, START).await;
        // The reader that was open sees each offset once, and misses nothing that exists now.
        let seen = read_all(&reader, 5, 100).await;
        assert_eq!(seen, read_all(&log, 5, 100).await);
        assert_eq!(seen.last().expect("a message").record.payload, record(100, 0).payload);
        assert_numbered(&read_all(&log, 0, 5).await[..seen.len() + 4], 0);
        assert!(seen.iter().map(|message| message.offset).eq(5..5 + seen.len() as i64));
    }
}

#[tokio::test]
async fn what_could_not_be_synced_is_not_shown_to_readers() {
    let temp = tempfile::tempdir().expect("a temporary folder");
    let log = FileLog::create(temp.path()).await.expect("a new log");
    let synced = std::fs::read(temp.path().join(".synced")).expect("the end of what is synced");
    // A pipe accepts writes but cannot be synced.
    let pipe = temp.path().join("20251124.ndjson");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs").success());
    let _held = std::fs::File::options().read(true).write(true).open(&pipe).expect("opened");
    let error = log.append(vec![record(0, START)]).await.expect_err("a pipe cannot be synced");
    assert!(matches!(error, Error::Io { action: "sync", .. }), "{error}");
    assert_eq!(std::fs::read(temp.path().join(".synced")).expect("the end of what is synced"), synced);
}

#[tokio::test]
async fn lines_of_an_append_that_failed_are_not_shown_later() {
    const DAY: i64 = 24 * 3600 * 1_000_000_000;
    let temp = tempfile::tempdir().expect("a temporary folder");
    let log = FileLog::create(temp.path()).await.expect("a new log");
    append(&log, 0..5, START).await;
    let next = temp.path().join("20251125.ndjson");
    assert!(std::process::Command::new("mkfifo").arg(&next).status().expect("mkfifo runs").success());
    let held = std::fs::File::options().read(true).write(true).open(&next).expect("opened");
    log.append(vec![record(5, START + DAY)]).await.expect_err("a pipe cannot be synced");
    drop(held);
    // The lines look whole, but the disk may have lost them.
    std::fs::remove_file(&next).expect("removed");
    std::fs::write(&next, day_file(0..6).await.split_inclusive(|byte| *byte == b'\n').next_back().expect("a line"))
        .expect("written");
    append(&log, 6..7, START + DAY).await;
    let read = read_all(&log, 5, 100).await;
    assert_eq!(read.len(), 1);
    assert_eq!((read[0].offset, &read[0].record.payload), (5, &record(6, 0).payload));
}

#[tokio::test]
async fn a_torn_note_of_what_is_synced_is_mended_by_whoever_may_write() {
    let temp = tempfile::tempdir().expect("a temporary folder");
    let log = FileLog::create(temp.path()).await.expect("a new log");
    append(&log, 0..5, START).await;
    let note = temp.path().join(".synced");
    std::fs::write(&note, "{\"end\":9").expect("written");
    let error = log.offsets(0).await.expect_err("the note is torn");
    assert!(matches!(error, Error::TornNote { .. }), "{error}");
    drop(log);
    // A power loss may also leave lines that cannot be read.
    let day = temp.path().join("20251124.ndjson");
    let mut left = std::fs::read(&day).expect("read");
    left.extend(b"\0\0\0\n");
    std::fs::write(&day, left).expect("written");
    let reader = FileLog::open(temp.path()).await.expect("the log opens");
    assert_numbered(&read_all(&reader, 0, 100).await, 0);
    assert_eq!(reader.offsets(0).await.expect("offsets"), 0..5);
    assert_eq!(reader.read(0, 5, 10).await.expect("nothing is synced from there on"), []);
    // The same in a new day's file that has nothing else.
    append(&FileLog::create(temp.path()).await.expect("the log opens"), 5..6, START).await;
    std::fs::write(temp.path().join("20251125.ndjson"), b"\0\0\0\n").expect("written");
    let reader = FileLog::open(temp.path()).await.expect("the log opens");
    assert_numbered(&read_all(&reader, 0, 2).await, 0);
    assert_eq!(reader.offsets(0).await.expect("offsets"), 0..6);
}

#[tokio::test]
async fn a_killed_writers_last_lines_are_read_once_nobody_appends() {
    let temp = tempfile::tempdir().expect("a temporary folder");
    let log = FileLog::create(temp.path()).await.expect("a new log");
    append(&log, 0..5, START).await;
    std::fs::write(temp.path().join("20251124.ndjson"), day_file(0..8).await).expect("written");
    drop(log);
    let reader = FileLog::open(temp.path()).await.expect("the log opens");
    assert_numbered(&read_all(&reader, 0, 100).await, 0);
    assert_eq!(reader.offsets(0).await.expect("offsets"), 0..8);
}

#[tokio::test]
async fn offsets_of_removed_messages_are_not_given_again() {
    let temp = tempfile::tempdir().expect("a temporary folder");
    append(&FileLog::create(temp.path()).await.expect("a new log"), 0..10, START).await;
    std::fs::remove_file(temp.path().join("20251124.ndjson")).expect("remove the day");
    let log = FileLog::create(temp.path()).await.expect("the log opens again");
    assert!(log.notices()[0].contains("new ones go on at offset 10"), "{:?}", log.notices());
    assert_eq!(log.offsets(0).await.expect("offsets"), 10..10);
    append(&log, 10..12, START).await;
    assert_numbered(&read_all(&log, 10, 100).await, 10);
}

#[tokio::test]
async fn a_log_keeps_its_id_and_two_logs_never_share_one() {
    let temp = tempfile::tempdir().expect("a temporary folder");
    let (first, second) = (temp.path().join("a/raw"), temp.path().join("b/raw"));
    let id = async |dir: &Path| FileLog::create(dir).await.expect("the log opens").id().await.expect("an id");
    let made = id(&first).await;
    assert!(made.as_str().starts_with("file:") && made.as_str().len() == 37, "{made}");
    assert_eq!(id(&first).await, made);
    assert_ne!(id(&second).await, made);
    assert_eq!(std::fs::read_to_string(first.join("log.id")).expect("the id"), format!("{made}\n"));

    // A log of an earlier version, which kept no id, gets one from its first line, for readers and writers alike.
    append(&FileLog::create(&second).await.expect("the log opens"), 0..3, START).await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        std::fs::remove_file(second.join("log.id")).expect("remove the id");
        ids.push(FileLog::open(&second).await.expect("the log opens").id().await.expect("an id"));
        std::fs::remove_file(second.join("log.id")).expect("remove the id");
        ids.push(id(&second).await);
    }
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    // The id stays when the first line is removed.
    append(&FileLog::create(&second).await.expect("the log opens"), 3..4, START + DAY).await;
    std::fs::remove_file(second.join("20251124.ndjson")).expect("remove the day");
    assert_eq!(id(&second).await, ids[0]);
}

#[tokio::test]
async fn archives_below_a_log_are_not_part_of_it() {
    let temp = tempfile::tempdir().expect("a temporary folder");
    append(&FileLog::create(temp.path()).await.expect("a new log"), 0..3, START).await;
    for topic in ["ticks.raw", "20251130.ndjson"] {
        append(&FileLog::create(&temp.path().join(topic)).await.expect("a new log"), 7..9, START).await;
    }
    let log = FileLog::create(temp.path()).await.expect("the log opens");
    append(&log, 3..5, START).await;
    assert_numbered(&read_all(&log, 0, 100).await, 0);
    assert_eq!(log.offsets(0).await.expect("offsets"), 0..5);
}

#[tokio::test]
async fn a_damaged_line_is_an_error_that_names_it_after_what_stands_before() {
    let temp = tempfile::tempdir().expect("a temporary folder");
    let log = FileLog::create(temp.path()).await.expect("a new log");
    append(&log, 0..3, START).await;
    let file = temp.path().join("20251124.ndjson");
    let text = std::fs::read_to_string(&file).expect("the day file");
    std::fs::write(&file, text.replace("\"number\":1", "\"number\"!1")).expect("damage the second line");
    assert_numbered(&log.read(0, 0, 10).await.expect("the first line is whole"), 0);
    let error = log.read(0, 1, 10).await.expect_err("the second line is damaged");
    let position = text.find('\n').expect("a line end") + 1;
    assert!(error.to_string().contains(&format!("20251124.ndjson is damaged at byte {position}: ")), "{error}");
}

#[tokio::test]
async fn one_process_appends_while_others_read() {
    let temp = tempfile::tempdir().expect("a temporary folder");
    let log = FileLog::create(temp.path()).await.expect("a new log");
    append(&log, 0..1, START).await;
    let error = FileLog::create(temp.path()).await.err().expect("the folder is locked");
    assert_eq!(error.to_string(), format!("another squall writes to {}", temp.path().display()));

    let reader = FileLog::open(temp.path()).await.expect("reading needs no lock");
    let error = reader.append(vec![record(1, START)]).await.expect_err("a reader does not append");
    assert!(matches!(error, Error::ReadOnly { .. }), "{error}");
    let writing = async {
        for number in 1..200 {
            append(&log, number..number + 1, START + (number as i64 / 50) * DAY).await;
        }
    };
    let reading = async {
        let mut messages = Vec::new();
        while messages.len() < 200 {
            messages.extend(read_all(&reader, messages.len() as i64, 3).await);
            tokio::task::yield_now().await;
        }
        messages
    };
    let ((), messages) = tokio::join!(writing, reading);
    assert_numbered(&messages, 0);
    drop(log);
    FileLog::create(temp.path()).await.expect("the lock goes with the log");
}

#[tokio::test]
async fn a_missing_or_empty_log_names_what_makes_one() {
    let temp = tempfile::tempdir().expect("a temporary folder");
    let options = Options::default();
    let missing = temp.path().join("nowhere");
    let error = open(&Location::Folder(missing.clone()), &options).await.err().expect("there is no log");
    assert_eq!(error.to_string(), format!("there is no log in {}", missing.display()));
    let hint = error.hint().expect("a hint");
    assert!(hint.contains("squall ingest --to") && hint.contains("squall replay FILE…"), "{hint}");

    drop(FileLog::create(&missing).await.expect("a new log"));
    let error = open(&Location::Folder(missing), &options).await.err().expect("there is no day file");
    assert!(matches!(error, Error::NoLog { .. }), "{error}");
    std::fs::write(temp.path().join("20251124.ndjson"), "").expect("write an empty day");
    let error = open(&Location::Folder(temp.path().into()), &options).await.err().expect("there is no message");
    assert!(matches!(error, Error::EmptyLog { .. }), "{error}");

    let file = temp.path().join("ticks.ndjson");
    std::fs::write(&file, "{}\n").expect("write a file");
    let error = open(&Location::Folder(file), &options).await.err().expect("a file is no log");
    assert!(error.hint().expect("a hint").starts_with("`squall replay "), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_syncs_the_log_does_not_keep_a_writer_out() {
    let temp = tempfile::tempdir().expect("a temporary folder");
    let dir = temp.path().join("ticks.raw");
    append(&FileLog::create(&dir).await.expect("the log opens"), 0..3, START).await;
    let file = |name: &str| {
        std::fs::File::options().create(true).append(true).open(dir.join(name)).expect("the file of a lock")
    };
    // A reader holds both locks while it syncs, here for longer than a writer waits for another writer.
    let (reader, writer) = (file(".lock.reader"), file(".lock"));
    reader.lock().expect("locked");
    writer.lock().expect("locked");
    let opening = tokio::spawn({
        let dir = dir.clone();
        async move { FileLog::create(&dir).await }
    });
    tokio::time::sleep(std::time::Duration::from_millis(2500)).await;
    drop(writer);
    drop(reader);
    opening.await.expect("no panic").expect("the log opens");
    // A writer keeps a writer out nevertheless, and not a reader.
    let writer = FileLog::create(&dir).await.expect("the log opens");
    FileLog::open(&dir).await.expect("readers may read");
    assert!(matches!(FileLog::create(&dir).await, Err(Error::Locked { .. })));
    drop(writer);
}
