//! `squall replay` on recordings: on real ones if they are available, and always on damaged ones.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use squall::log::{FileLog, Log, Message};

const TICK: &str =
    r#"{"product_id":"BTC-USD","price":"2","best_bid":"1","best_ask":"2","timestamp":"2026-04-06T15:02:34Z"}"#;

/// Runs squall in `dir`, without the developer's own settings.
fn squall(dir: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
    command.current_dir(dir).env_clear().args(arguments).output().expect("squall runs")
}

fn replay(dir: &Path, arguments: &[&str]) -> String {
    let output = squall(dir, &[&["replay"], arguments].concat());
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    assert!(output.status.success(), "{}", text(output.stderr));
    text(output.stdout)
}

fn refusal(dir: &Path, arguments: &[&str]) -> String {
    let output = squall(dir, &[&["replay"], arguments].concat());
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(output.stdout, b"");
    String::from_utf8(output.stderr).expect("text")
}

/// Returns the recordings' folder; if it is missing, says so past the test harness.
fn recordings(test: &str) -> Option<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    if !dir.is_dir() {
        use std::io::Write;
        let _ = writeln!(std::io::stderr(), "skipped log::replay::{test}: there are no recordings in ../shared/data");
        return None;
    }
    Some(dir)
}

async fn messages(dir: &Path) -> Vec<Message> {
    let log = FileLog::open(dir).await.expect("the log opens");
    let held = log.offsets(0).await.expect("offsets");
    let limit = usize::try_from(held.end).expect("a count");
    log.read(0, held.start, limit).await.expect("the log can be read")
}

fn payloads(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|message| std::str::from_utf8(&message.record.payload).expect("text")).collect()
}

#[tokio::test]
async fn every_recorded_shape_is_read_whole() {
    let Some(recordings) = recordings("every_recorded_shape_is_read_whole") else { return };
    // Lines, ticks and control messages, as counted in the recordings' own description. The larger files are left out,
    // because an unoptimised build takes long to read them.
    let expected = [
        ("advanced-envelope-15min.ndjson", "advanced-envelope", 3108, 3108, 0),
        ("inner-under-raw-43s.ndjson", "flat", 223, 223, 0),
        ("flat-65min.ndjson", "flat", 10_881, 10_881, 0),
        ("flat-1min.ndjson", "flat", 330, 330, 0),
        ("flat-10min.ndjson", "flat", 3578, 3578, 0),
        ("flat-10min-doubled.ndjson", "flat", 7156, 7156, 0),
        ("flat-floats-two-products-15min.ndjson", "flat", 5028, 5028, 0),
        ("exchange-in-string-7min.ndjson", "exchange", 6000, 5996, 4),
        ("binance-spot-bookticker.zst", "binance-bookticker", 28_040, 28_040, 0),
        ("coinbase-exchange-2025-11-27.ndjson.zst", "exchange", 16_239, 16_239, 0),
    ];
    let temp = tempfile::tempdir().expect("a temporary folder");
    for (name, shape, lines, ticks, control) in expected {
        let file = recordings.join(name);
        let summary = replay(temp.path(), &[file.to_str().expect("text"), "--to", name]);
        let row: Vec<String> = summary.lines().nth(1).expect("a row").split_whitespace().map(String::from).collect();
        let counts = [lines, ticks, control, lines].map(|count: usize| match (count / 1000, count % 1000) {
            (0, ones) => ones.to_string(),
            (thousands, ones) => format!("{thousands},{ones:03}"),
        });
        assert_eq!(row, [&[name.to_string(), shape.to_string()][..], &counts].concat());
        if !name.ends_with(".zst") {
            let log = messages(&temp.path().join(name)).await;
            let text = std::fs::read_to_string(&file).expect("the recording");
            assert!(payloads(&log).into_iter().eq(text.lines()), "{name} is in the log byte for byte");
        }
    }
    let log = messages(&temp.path().join("exchange-in-string-7min.ndjson")).await;
    let mut connections: Vec<_> = log.iter().filter_map(|message| message.record.connection.as_deref()).collect();
    connections.dedup();
    let numbers: Vec<&str> = connections.iter().filter_map(|name| Some(name.split_once('-')?.1)).collect();
    assert_eq!(numbers, ["0", "1", "2", "3"], "each subscription begins a connection");
}

#[tokio::test]
async fn overlapping_recordings_merge_into_one_clean_log() {
    let Some(recordings) = recordings("overlapping_recordings_merge_into_one_clean_log") else { return };
    let temp = tempfile::tempdir().expect("a temporary folder");
    let path = |name: &str| recordings.join(name).to_str().expect("text").to_string();

    let files = [path("flat-10min-doubled.ndjson"), path("flat-10min.ndjson")];
    replay(temp.path(), &["--merge", &files[0], &files[1], "--to", "flat"]);
    let once = std::fs::read_to_string(&files[1]).expect("the recording");
    let merged = messages(&temp.path().join("flat")).await;
    assert!(payloads(&merged).into_iter().eq(once.lines()), "doubled and once make once");

    // The 27th has no repeated messages. Merging it with itself gives the 27th again, in the same order.
    let file = path("coinbase-exchange-2025-11-27.ndjson.zst");
    let summary = replay(temp.path(), &["--merge", &file, &file, "--product", "BTC-USD", "--to", "twice"]);
    replay(temp.path(), &["--merge", &file, "--product", "BTC-USD", "--to", "once"]);
    let (twice, once) = (messages(&temp.path().join("twice")).await, messages(&temp.path().join("once")).await);
    assert_eq!(payloads(&twice), payloads(&once));
    assert!(summary.contains("duplicates"), "{summary}");
    let order = |message: &Message| {
        let value: serde_json::Value = serde_json::from_slice(&message.record.payload).expect("JSON");
        let text = |field: &str| value[field].as_str().expect("text").to_string();
        (text("time"), value["sequence"].as_i64().expect("a number"), text("product_id"))
    };
    let places: Vec<_> = once.iter().map(order).collect();
    assert!(places.is_sorted() && places.iter().all(|place| place.2 == "BTC-USD"));
}

#[tokio::test]
async fn nothing_of_a_damaged_recording_is_lost() {
    let temp = tempfile::tempdir().expect("a temporary folder");
    let lines = [
        TICK.to_string(),
        TICK.replace("\"2\",\"best_bid\"", "\"abc\",\"best_bid\""),
        String::new(),
        "not JSON".to_string(),
        TICK[..50].to_string(),
    ];
    std::fs::write(temp.path().join("a.ndjson"), lines.join("\n")).expect("write a recording");
    let expected = "\
recording  shape  lines  ticks  control  problems  kept
a.ndjson   flat       4      1        0         3     4
a.ndjson: 1 with a problem, kept for the dead letters: message ends in the middle
a.ndjson: 1 with a problem, kept for the dead letters: message has none of the known shapes
a.ndjson: 1 with a problem, kept for the dead letters: price is not a number
a.ndjson: 1 blank lines left out
a.ndjson: the last line ends in the middle
4 messages appended to data/raw
";
    assert_eq!(replay(temp.path(), &["a.ndjson"]), expected);
    let kept: Vec<&str> = lines.iter().map(String::as_str).filter(|line| !line.is_empty()).collect();
    let raw = temp.path().join("data/raw");
    assert_eq!(payloads(&messages(&raw).await), kept);

    // Replay again, merged: the messages are appended to the log, and problem lines are kept each time.
    assert_eq!(replay(temp.path(), &["--merge", "a.ndjson"]), expected);
    let log = messages(&raw).await;
    assert_eq!(payloads(&log), [kept.as_slice(), &kept].concat());
    assert!(log.iter().all(|message| message.record.connection == log[0].record.connection));
    let offsets: Vec<i64> = log.iter().map(|message| message.offset).collect();
    assert_eq!(offsets, [0, 1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn a_recording_of_which_hardly_anything_is_read_says_so_first() {
    let temp = tempfile::tempdir().expect("a temporary folder");
    let heartbeat = r#"{"type":"heartbeat","sequence":90,"product_id":"BTC-USD","time":"2025-11-24T15:08:18Z"}"#;
    let foreign = r#"{"table":"quote","action":"insert","data":[{"symbol":"XBTUSD","bidPrice":1,"askPrice":2}]}"#;
    let lines = [vec![TICK; 3], vec![heartbeat; 20], vec![foreign; 20]].concat().join("\n");
    std::fs::write(temp.path().join("a.ndjson"), lines).expect("write a recording");
    for merge in [&["--merge"][..], &[]] {
        let error = refusal(temp.path(), &[&["a.ndjson", "--strict"], merge].concat());
        let expected =
            "Error: hardly anything of a.ndjson is read: 3 of 43 messages hold ticks\nHint: docs/formats.md ";
        assert!(error.starts_with(expected), "{error}");
        assert!(!temp.path().join("data/raw").exists());
        let summary =
            replay(temp.path(), &[&["a.ndjson", "--to", if merge.is_empty() { "a" } else { "b" }], merge].concat());
        let first = summary.lines().next().expect("a line");
        let expected = "Warning: hardly anything of a.ndjson is read: 3 of 43 messages hold ticks; 20 are control messages, and 20 have a problem";
        assert_eq!(first, expected);
    }
    // Of this one, enough is read.
    std::fs::write(temp.path().join("b.ndjson"), [vec![TICK; 3], vec![heartbeat; 20]].concat().join("\n"))
        .expect("write");
    let summary = replay(temp.path(), &["b.ndjson", "--strict", "--to", "c"]);
    assert!(summary.starts_with("recording "), "{summary}");
    // Nothing of this one is read.
    std::fs::write(temp.path().join("c.ndjson"), vec![foreign; 20].join("\n")).expect("write");
    let error = refusal(temp.path(), &["c.ndjson"]);
    assert!(error.contains("c.ndjson holds no message of a known shape; line 1: message has none"), "{error}");
}

#[test]
fn bad_input_is_refused_before_anything_is_written() {
    let temp = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, text: &str| std::fs::write(temp.path().join(name), text).expect("write a file");
    write("good.ndjson", TICK);
    write("empty.ndjson", "");
    write("words.txt", "to be or not to be\n");
    for (arguments, expected) in [
        (&["good.ndjson", "missing.ndjson"][..], "Error: there is no file missing.ndjson\nHint: "),
        (&["good.ndjson", "empty.ndjson"], "Error: empty.ndjson is empty\nHint: "),
        (&["good.ndjson", "."], "Error: . is a folder\nHint: name its files: `squall replay ./*`\n"),
        (
            &["good.ndjson", "words.txt"],
            "Error: words.txt holds no message of a known shape; line 1: message has none of the known shapes\nHint: docs/formats.md ",
        ),
        (&["good.ndjson", "--product", "XYZ-USD"], "Error: no recording holds XYZ-USD\nHint: they hold BTC-USD\n"),
        (
            &["good.ndjson", "--merge", "--product", "XYZ-USD"],
            "Error: no recording holds XYZ-USD\nHint: they hold BTC-USD\n",
        ),
        (&["good.ndjson", "--to", "s3://bucket"], "Error: `s3:…` is not a log: it has the scheme `s3`"),
        (&["good.ndjson", "--to", "good.ndjson"], "Error: good.ndjson is a file, not the folder of a log\nHint: "),
        (&["good.ndjson", "--to", "kafka://127.0.0.1:1/t"], "Error: cannot reach Kafka at 127.0.0.1:1: "),
    ] {
        let refusal = refusal(temp.path(), arguments);
        assert!(refusal.starts_with(expected), "{refusal}");
        assert!(refusal.contains("\nHint: "), "{refusal}");
        assert!(!temp.path().join("data").exists(), "{arguments:?} wrote something");
    }
}

#[tokio::test]
async fn a_log_that_another_process_writes_to_is_left_alone() {
    let temp = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(temp.path().join("good.ndjson"), TICK).expect("write a recording");
    let _writer = FileLog::create(&temp.path().join("raw")).await.expect("a log");
    let refusal = refusal(temp.path(), &["good.ndjson", "--to", "raw"]);
    assert_eq!(
        refusal,
        "Error: another squall writes to raw\nHint: stop it first, or write to another folder with --to\n"
    );
}
