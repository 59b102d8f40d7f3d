//! `squall doctor` says what is wrong and what to do about it.

use std::path::Path;
use std::process::{Command, Output};

fn doctor(data: &Path, arguments: &[&str]) -> (String, bool) {
    let output = squall(data, &[&["doctor"], arguments].concat());
    (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.success())
}

fn squall(data: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
    command.args(["--quiet", "--data"]).arg(data).args(arguments).current_dir(data).env_clear();
    command.output().unwrap()
}

/// Writes a file log of some ticks, one of which cannot be read, and lands it, one file a message.
fn landed(data: &Path, messages: usize) {
    let raw = data.join("raw");
    std::fs::create_dir_all(&raw).unwrap();
    let line = |offset: usize| {
        let bid = if offset == 1 { "" } else { r#""best_bid":"1","# };
        let message = format!(
            r#"{{"type":"ticker","product_id":"BTC-USD","price":"2",{bid}"best_ask":"3","sequence":{offset},"time":"2026-01-01T00:00:{offset:02}Z"}}"#
        );
        format!("{{\"offset\":{offset},\"ingest_time\":1767225600000000000,\"message\":{message}}}\n")
    };
    std::fs::write(raw.join("20260101.ndjson"), (0..messages).map(line).collect::<String>()).unwrap();
    assert!(squall(data, &["land", "--set", "land.flush_messages=1"]).status.success());
}

#[test]
fn an_empty_folder_has_nothing_wrong() {
    let temp = tempfile::tempdir().unwrap();
    let (said, fine) = doctor(temp.path(), &["--no-feed"]);
    assert!(fine, "{said}");
    for part in
        ["warning  project", "there is no log in", "nothing has landed yet", "MB are free in", "no MLflow server"]
    {
        assert!(said.contains(part), "{part} is not in\n{said}");
    }
}

#[test]
fn logs_and_landed_files_are_counted_and_dead_letters_told() {
    let temp = tempfile::tempdir().unwrap();
    landed(temp.path(), 5);
    let (said, fine) = doctor(temp.path(), &["--no-feed"]);
    assert!(fine, "{said}");
    for part in
        ["raw: 5 messages in 1 partition, 0 not landed; id file:", "5 messages in 5 files in", "1 dead letter: "]
    {
        assert!(said.contains(part), "{part} is not in\n{said}");
    }
}

#[test]
fn a_hole_a_shorter_log_and_an_exchange_that_is_away_are_wrong() {
    let temp = tempfile::tempdir().unwrap();
    landed(temp.path(), 5);
    std::fs::remove_file(temp.path().join("ticks/raw-0-2-2.parquet")).unwrap();
    let day = temp.path().join("raw/20260101.ndjson");
    let lines = std::fs::read_to_string(&day).unwrap();
    std::fs::write(&day, lines.split_inclusive('\n').take(3).collect::<String>()).unwrap();
    std::fs::remove_file(temp.path().join("raw/.synced")).unwrap();
    let (said, fine) = doctor(temp.path(), &["--set", "feed.url=ws://127.0.0.1:1"]);
    assert!(!fine, "{said}");
    for part in [
        "wrong    feed",
        "raw partition 0: offsets 2-2 are missing",
        "squall land --repair",
        "raw ends at offset 3, and 5 messages of partition 0 have landed",
    ] {
        assert!(said.contains(part), "{part} is not in\n{said}");
    }
}

#[test]
fn no_secret_is_printed() {
    let temp = tempfile::tempdir().unwrap();
    let mlflow = "track.mlflow_tracking_uri=http://me:hunter2@127.0.0.1:1/x?token=hunter3";
    let (said, fine) =
        doctor(temp.path(), &["--set", mlflow, "--set", "feed.url=ws://me:hunter4@127.0.0.1:1/?key=hunter5"]);
    assert!(!fine && said.contains("127.0.0.1:1") && !said.contains("hunter"), "{said}");
}

#[test]
fn each_worker_is_looked_at() {
    let temp = tempfile::tempdir().unwrap();
    let workers = "cluster.workers=['127.0.0.1:1', 'nothing']";
    let (said, fine) = doctor(temp.path(), &["--no-feed", "--set", workers]);
    assert!(!fine, "{said}");
    for part in [
        "warning  workers   worker 127.0.0.1:1 does not answer",
        "`squall worker --listen ADDR` starts one",
        "wrong    workers   `nothing` is not the address of a worker",
    ] {
        assert!(said.contains(part), "{part} is not in\n{said}");
    }
}
