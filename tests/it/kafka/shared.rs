//! Several processes share a topic's partitions, and none of them can land what belongs to another.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use squall::log::{KafkaLog, Log, Record};

use super::{cluster, options};

fn land(data: &Path, address: &str, partitions: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
    command.args(["--quiet", "--data"]).arg(data).args(["land", "--from", address, "--partitions", partitions]);
    command.args(["--set", "land.flush_interval_ms=50"]).current_dir(data).env_clear();
    command
}

fn follow(data: &Path, address: &str, partitions: &str) -> Child {
    following(data, address, partitions).stderr(Stdio::null()).spawn().unwrap()
}

pub(super) fn following(data: &Path, address: &str, partitions: &str) -> Command {
    let mut command = land(data, address, partitions);
    command.arg("--follow").stdout(Stdio::null());
    command
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Returns a quote of one of many products, so that each partition has some.
pub(super) fn quote(number: usize) -> Record {
    let product = format!("P{}-USD", number % 17);
    let payload = format!(
        r#"{{"type":"ticker","product_id":"{product}","price":"2","best_bid":"1","best_ask":"3","sequence":{number},"time":"2026-01-05T00:{:02}:{:02}Z"}}"#,
        number / 60 % 60,
        number % 60
    );
    let ingest_time = 1_767_571_200_000_000_000 + number as i64 * 1_000_000_000;
    Record { key: Some(product.into()), payload: payload.into(), ingest_time, connection: Some("c1".into()) }
}

pub(super) fn rows(data: &Path) -> String {
    let sql = "SELECT count(*) AS rows, count(DISTINCT sequence_num) AS messages FROM landed_ticks WHERE status = 'ok'";
    let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
    let output = command.args(["--data"]).arg(data).args(["sql", "--format", "csv", sql]).current_dir(data).output();
    String::from_utf8_lossy(&output.unwrap().stdout).lines().nth(1).unwrap_or_default().to_string()
}

/// Waits until this many rows have landed.
pub(super) fn until_landed(data: &Path, expected: &str) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while rows(data) != expected {
        assert!(Instant::now() < deadline, "{} rows and messages have landed, not {expected}", rows(data));
        std::thread::sleep(Duration::from_millis(100));
    }
}

pub(super) fn signal(process: &Child, signal: &str) {
    assert!(Command::new("kill").arg(signal).arg(process.id().to_string()).status().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_was_halted_cannot_double_what_others_land() {
    let cluster = cluster("ticks.raw", 3);
    let address = format!("kafka://{}/ticks.raw", cluster.bootstrap_servers());
    let log = KafkaLog::create(&cluster.bootstrap_servers(), "ticks.raw", &options()).await.unwrap();
    log.append((0..300).map(quote).collect()).await.unwrap();
    let temp = tempfile::tempdir().unwrap();
    let data = temp.path();
    let (mut zombie, mut other) = (follow(data, &address, "0"), follow(data, &address, "1,2"));
    until_landed(data, "300,300");

    // The process is halted with messages before it. Nobody can land in its place, and the others go on.
    signal(&zombie, "-STOP");
    log.append((300..600).map(quote).collect()).await.unwrap();
    let refused = land(data, &address, "0,1").output().unwrap();
    assert!(!refused.status.success());
    assert!(said(&refused).contains("another process lands partition 0 into"), "{}", said(&refused));
    let refused = land(data, &address, "").output().unwrap();
    assert!(!refused.status.success(), "an empty list is refused");
    signal(&zombie, "-CONT");
    until_landed(data, "600,600");

    // Killed, it makes room for the next one, which goes on where it was.
    zombie.kill().unwrap();
    zombie.wait().unwrap();
    log.append((600..900).map(quote).collect()).await.unwrap();
    assert!(land(data, &address, "0").output().unwrap().status.success());
    until_landed(data, "900,900");
    other.kill().unwrap();
    other.wait().unwrap();

    let refused = land(data, &address, "3").output().unwrap();
    assert!(said(&refused).contains("has no partition 3"), "{}", said(&refused));
}
