//! `squall prune` deletes what the settings no longer keep, and never what has not landed.

use std::path::Path;
use std::process::{Command, Output};

/// Runs squall with this data folder, away from the project's own folders.
fn squall(data: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
    command.args(["--quiet", "--data"]).arg(data).args(arguments).current_dir(data).env_clear();
    command.output().unwrap()
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Writes a day of a file log with one tick, received at noon of that day.
fn day(dir: &Path, day: &str, offset: i64) {
    let date = chrono::NaiveDate::parse_from_str(day, "%Y%m%d").unwrap();
    let noon = date.and_hms_opt(12, 0, 0).unwrap().and_utc();
    let message = format!(
        r#"{{"type":"ticker","product_id":"BTC-USD","price":"2","best_bid":"1","best_ask":"3","sequence":{offset},"time":"{}"}}"#,
        noon.format("%Y-%m-%dT%H:%M:%SZ")
    );
    let time = noon.timestamp_nanos_opt().unwrap();
    std::fs::create_dir_all(dir).unwrap();
    let line = format!("{{\"offset\":{offset},\"ingest_time\":{time},\"message\":{message}}}\n");
    std::fs::write(dir.join(format!("{day}.ndjson")), line).unwrap();
}

/// Writes three days of a file log, two of them old.
fn three_days(dir: &Path) {
    day(dir, "20250101", 0);
    day(dir, "20250102", 1);
    day(dir, "20250301", 2);
}

fn names(dir: &Path, end: &str) -> Vec<String> {
    let entries =
        std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = entries.filter(|name| name.ends_with(end)).collect();
    names.sort();
    names
}

#[test]
fn raw_days_go_once_they_have_landed() {
    let temp = tempfile::tempdir().unwrap();
    let (data, raw) = (temp.path(), temp.path().join("raw"));
    three_days(&raw);
    let prune = ["prune", "--set", "retention.raw_days=30"];
    let said = text(&squall(data, &prune));
    assert!(said.contains("kept: 2 old days in") && said.contains("they have not landed"), "{said}");
    assert_eq!(names(&raw, ".ndjson").len(), 3);

    text(&squall(data, &["land"]));
    let said = text(&squall(data, &[&prune[..], &["--dry-run"]].concat()));
    assert!(said.contains("20250101.ndjson") && said.contains("20250102.ndjson"), "{said}");
    assert_eq!(names(&raw, ".ndjson").len(), 3);

    text(&squall(data, &prune));
    assert_eq!(names(&raw, ".ndjson"), ["20250301.ndjson"]);
    assert!(text(&squall(data, &["land"])).starts_with("nothing new"));
    day(&raw, "20250302", 3);
    assert!(text(&squall(data, &["land"])).starts_with("1 messages"));
    let count = text(&squall(data, &["sql", "--format", "csv", "SELECT count(*) AS n FROM landed_ticks"]));
    assert_eq!(count, "n\n4\n");
}

#[test]
fn archived_days_stay_until_the_topic_has_landed_or_only_kafka_is_asked_for() {
    let temp = tempfile::tempdir().unwrap();
    let (data, archive) = (temp.path(), temp.path().join("raw/ticks.raw"));
    three_days(&archive);
    let note = r#"{"archive":"file:1","topic":"kafka:cluster/ticks.raw","next_offset":1,"last":null}"#;
    std::fs::write(archive.join("ticks.raw.forwarded.json"), note).unwrap();
    let prune = ["prune", "--set", "retention.raw_days=30", "--set", "kafka.bootstrap_servers=127.0.0.1:1"];
    let said = text(&squall(data, &prune));
    assert!(said.contains("it is not known whether they landed: cannot reach Kafka"), "{said}");
    assert_eq!(names(&archive, ".ndjson").len(), 3);
    let said = text(&squall(data, &[&prune[..], &["--forwarded"]].concat()));
    assert!(said.contains("kept: 1 old day in") && said.contains("Kafka does not have them yet"), "{said}");
    assert_eq!(names(&archive, ".ndjson"), ["20250102.ndjson", "20250301.ndjson"]);
}

#[test]
fn landed_files_go_by_age_and_by_size() {
    let temp = tempfile::tempdir().unwrap();
    let (data, ticks) = (temp.path(), temp.path().join("ticks"));
    three_days(&temp.path().join("raw"));
    text(&squall(data, &["land", "--set", "land.flush_messages=1"]));
    assert_eq!(names(&ticks, ".parquet").len(), 3);
    let said = text(&squall(data, &["prune"]));
    assert!(said.contains("everything is kept"), "{said}");
    text(&squall(data, &["prune", "--set", "retention.ticks_mb=1"]));
    assert_eq!(names(&ticks, ".parquet").len(), 3);
    text(&squall(data, &["prune", "--set", "retention.ticks_days=30"]));
    assert_eq!(names(&ticks, ".parquet"), ["raw-0-2-2.parquet"]);
    // Landing continues where it was, and nothing counts as missing.
    assert!(text(&squall(data, &["land"])).starts_with("nothing new"));
    assert!(text(&squall(data, &["land", "--check"])).contains("none"));
}

#[test]
fn events_dead_letters_and_torn_lines_go_by_age() {
    let temp = tempfile::tempdir().unwrap();
    let data = temp.path();
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(40 * 86_400);
    for name in ["events/20250101.ndjson", "raw/t/20250101.torn", "dead/raw-0-0-0.ndjson", "dead/raw-0-9-9.ndjson"] {
        let path = data.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, "{}\n").unwrap();
        std::fs::File::options().write(true).open(&path).unwrap().set_modified(old).unwrap();
    }
    three_days(&data.join("raw"));
    text(&squall(data, &["land"]));
    let settings = ["retention.events_days=30", "retention.dead_days=30", "retention.torn_days=30"];
    let prune: Vec<&str> = ["prune"].into_iter().chain(settings.into_iter().flat_map(|set| ["--set", set])).collect();
    text(&squall(data, &prune));
    assert_eq!(names(&data.join("events"), ".ndjson"), [""; 0]);
    assert_eq!(names(&data.join("raw/t"), ".torn"), [""; 0]);
    // Landing removes the dead letters of ranges that were never committed.
    assert_eq!(names(&data.join("dead"), ".ndjson"), [""; 0]);
}

/// What was damaged and has landed again goes by age; what is missing stays, because it may be all that is left.
#[test]
fn damaged_files_go_once_their_range_has_landed_again() {
    let temp = tempfile::tempdir().unwrap();
    let (data, ticks) = (temp.path(), temp.path().join("ticks"));
    three_days(&data.join("raw"));
    text(&squall(data, &["land", "--set", "land.flush_messages=1"]));
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(40 * 86_400);
    let damaged = ["raw-0-0-0.parquet.damaged", "raw-0-1-1.parquet.damaged", "raw-0-1-1.parquet.damaged-2"];
    for (name, old) in [(damaged[0], Some(old)), (damaged[1], Some(old)), (damaged[2], None)] {
        std::fs::write(ticks.join(name), "PAR?").unwrap();
        if let Some(old) = old {
            std::fs::File::options().write(true).open(ticks.join(name)).unwrap().set_modified(old).unwrap();
        }
    }
    std::fs::remove_file(ticks.join("raw-0-0-0.parquet")).unwrap();
    let prune = ["prune", "--set", "retention.torn_days=30"];
    assert!(text(&squall(data, &prune)).contains("damaged files"));
    assert_eq!(names(&ticks, ".damaged"), [damaged[0]]);
    assert_eq!(names(&ticks, ".damaged-2"), [damaged[2]]);
    text(&squall(data, &["land", "--repair"]));
    text(&squall(data, &prune));
    assert_eq!(names(&ticks, ".damaged"), [""; 0]);
}

#[test]
fn a_follower_deletes_what_is_not_kept() {
    let temp = tempfile::tempdir().unwrap();
    let (data, ticks) = (temp.path(), temp.path().join("ticks"));
    three_days(&temp.path().join("raw"));
    text(&squall(data, &["land", "--set", "land.flush_messages=1"]));
    let mut follower = Command::new(env!("CARGO_BIN_EXE_squall"))
        .args(["--quiet", "--data"])
        .arg(data)
        .args(["land", "--follow", "--set", "retention.ticks_days=30"])
        .current_dir(data)
        .env_clear()
        .spawn()
        .unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while names(&ticks, ".parquet").len() > 1 && std::time::Instant::now() < deadline {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    // Meanwhile `squall prune` leaves the landed ticks to it.
    let said = text(&squall(data, &["prune", "--set", "retention.ticks_days=30"]));
    follower.kill().unwrap();
    follower.wait().unwrap();
    assert_eq!(names(&ticks, ".parquet"), ["raw-0-2-2.parquet"]);
    assert!(said.contains("the process that lands deletes them itself"), "{said}");
}
