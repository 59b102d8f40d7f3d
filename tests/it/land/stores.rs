//! Landing into an object store: each message exactly once, whatever happens to the lander, to the store and between them.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use squall::log::{self, FileLog, Log, Record};
use tempfile::TempDir;

use crate::support::s3::{Faults, S3Server};

const ROWS: &str = "SELECT * FROM landed_ticks ORDER BY log_partition, log_offset, product_id, ts";
const DEAD: &str = "SELECT topic, log_partition, log_offset, reason, payload FROM dead_letters ORDER BY log_offset";
const GAPS: &str = "SELECT * FROM landed_gaps ORDER BY log_offset";

/// A log in a folder, landed into a bucket.
struct Cloud {
    server: S3Server,
    data: TempDir,
}

impl Cloud {
    fn new(messages: usize) -> Cloud {
        let cloud = Cloud { server: S3Server::start(), data: TempDir::new().unwrap() };
        cloud.append(0, messages);
        cloud
    }

    /// Appends a range of messages to the log: ticks of some products, and now and then a message that cannot be read.
    fn append(&self, from: usize, to: usize) {
        let record = |offset: usize| {
            let (product, second) = (offset % 5, offset / 10);
            let (seconds, minute, hour) = (second % 60, second / 60 % 60, second / 3600);
            let payload = match offset % 97 {
                96 => r#"{"type":"ticker","product_id":"P0-USD"}"#.to_string(),
                _ => format!(
                    r#"{{"type":"ticker","product_id":"P{product}-USD","price":"2","best_bid":"1","best_ask":"3","sequence":{offset},"time":"2026-01-05T{hour:02}:{minute:02}:{seconds:02}Z"}}"#
                ),
            };
            let ingest_time = 1_767_571_200_000_000_000 + offset as i64 * 100_000_000;
            Record { key: None, payload: payload.into(), ingest_time, connection: Some("c".into()) }
        };
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async {
            let options = log::Options { pack_days: false, ..log::Options::default() };
            let log = FileLog::create_with(&self.dir().join("raw"), &options).await.unwrap();
            log.append((from..to).map(record).collect()).await.unwrap();
            log.close().await.unwrap();
        });
    }

    fn dir(&self) -> &Path {
        self.data.path()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
        command.args(["--quiet", "--data"]).arg(self.dir()).args(arguments).current_dir(self.dir()).env_clear();
        command
    }

    /// Runs squall on the bucket.
    fn on_store(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(arguments);
        command.args(["--set", "paths.ticks=s3://bucket/a/ticks", "--set", "paths.dead=s3://bucket/a/dead"]);
        command.envs(self.server.environment());
        command
    }

    fn land(&self, flush_messages: usize) -> Command {
        let mut command = self.on_store(&["land"]);
        command.arg("--set").arg(format!("land.flush_messages={flush_messages}"));
        command.args(["--set", "land.flush_interval_ms=50"]).stdout(Stdio::null());
        command
    }

    fn follow(&self, flush_messages: usize) -> Child {
        self.land(flush_messages).arg("--follow").stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Returns whether a file is claimed and was not put.
    fn has_claim_without_file(&self) -> bool {
        let Ok(stored) = std::fs::read(self.server.path("a/ticks/.land/claims-raw-0.json")) else { return false };
        let Ok(stored) = serde_json::from_slice::<serde_json::Value>(&stored) else { return false };
        let files = self.server.keys("a/ticks");
        let claims = stored["claims"].as_array().unwrap();
        claims.iter().any(|claim| !files.contains(&format!("raw-0-{}-{}.parquet", claim[0], claim[1])))
    }

    fn ask(&self, sql: &str) -> String {
        text(&self.on_store(&["sql", "--format", "csv", sql]).output().unwrap())
    }

    /// Waits until so many messages have landed.
    fn until_landed(&self, messages: &str) {
        let deadline = Instant::now() + Duration::from_secs(60);
        let sql = "SELECT sum(messages) FROM landed_files";
        loop {
            let landed = self.ask(sql).lines().nth(1).unwrap_or_default().to_string();
            if landed == messages {
                return;
            }
            assert!(Instant::now() < deadline, "{landed} messages have landed, not {messages}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Checks that the bucket has what landing into a folder gives, row by row.
    fn check(&self) {
        self.server.fail(Faults::default(), 0);
        let _ = std::fs::remove_dir_all(self.dir().join("ticks"));
        let _ = std::fs::remove_dir_all(self.dir().join("dead"));
        text(&self.command(&["land"]).output().unwrap());
        for sql in [ROWS, DEAD, GAPS] {
            let local = text(&self.command(&["sql", "--format", "csv", sql]).output().unwrap());
            let stored = self.ask(sql);
            let first = local.lines().zip(stored.lines()).find(|(local, stored)| local != stored);
            assert!(
                local == stored,
                "{sql}: {} and {} lines; {first:?}",
                local.lines().count(),
                stored.lines().count()
            );
            assert!(sql == GAPS || local.lines().count() > 2);
        }
        text(&self.on_store(&["land", "--check"]).output().unwrap());
    }
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", said(output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn signal(process: &Child, signal: &str) {
    assert!(Command::new("kill").arg(signal).arg(process.id().to_string()).status().unwrap().success());
}

#[test]
fn a_store_has_what_a_folder_has() {
    let cloud = Cloud::new(1000);
    text(&cloud.land(90).output().unwrap());
    assert_eq!(cloud.server.keys("a/ticks").len(), 12);
    assert!(!cloud.dir().join("ticks").exists() && !cloud.dir().join("dead").exists());
    cloud.check();
    // The lease was given back, so nobody waits for it.
    let start = Instant::now();
    let again = text(&cloud.on_store(&["land"]).output().unwrap());
    assert!(again.contains("nothing new") && start.elapsed() < Duration::from_secs(5), "{again}");
    cloud.append(1000, 1100);
    text(&cloud.land(90).output().unwrap());
    let merged = text(&cloud.on_store(&["land", "--compact"]).output().unwrap());
    assert!(merged.contains("14 files merged into raw-0-0-1099.parquet"), "{merged}");
    assert_eq!(cloud.server.keys("a/ticks"), ["raw-0-0-1099.parquet"]);
    cloud.check();
}

#[test]
fn a_damaged_file_in_a_store_lands_again() {
    let cloud = Cloud::new(300);
    text(&cloud.land(100).output().unwrap());
    cloud.server.put("a/ticks/raw-0-100-199.parquet", b"PAR1 and nothing more");
    let repaired = text(&cloud.on_store(&["land", "--repair"]).output().unwrap());
    assert!(repaired.contains("set aside as s3://bucket/a/ticks/raw-0-100-199.parquet.damaged"), "{repaired}");
    cloud.check();
    let pruned = cloud.on_store(&["prune", "--set", "retention.ticks_days=1", "--set", "land.dedup_hours=1"]).output();
    text(&pruned.unwrap());
    assert!(cloud.server.keys("a/ticks").contains(&"raw-0-200-299.parquet".to_string()));
    assert!(!cloud.server.keys("a/ticks").contains(&"raw-0-0-99.parquet".to_string()));
}

#[test]
fn kills_at_random_instants_lose_and_double_nothing() {
    let cloud = Cloud::new(6000);
    cloud.server.fail(Faults { latency: Duration::from_millis(20), ..Faults::default() }, 1);
    let mut random = Pcg64::seed_from_u64(11);
    let (mut killed, mut between) = (0, 0);
    for round in 0..30 {
        // Every round cuts the log into other files.
        let mut lander = cloud.land(20 + round % 7 * 9).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(random.random_range(400..1400)));
        killed += usize::from(lander.try_wait().unwrap().is_none());
        lander.kill().unwrap();
        lander.wait().unwrap();
        between += usize::from(cloud.has_claim_without_file());
    }
    let files = cloud.server.keys("a/ticks").len();
    println!(
        "{killed} of 30 landers were killed before they ended, {between} of them between claim and file; {files} files"
    );
    assert!(killed >= 10, "{killed}");
    text(&cloud.land(1000).output().unwrap());
    cloud.check();
}

#[test]
fn a_failing_store_loses_and_doubles_nothing() {
    let cloud = Cloud::new(1500);
    let latency = Duration::from_millis(2);
    let faults = Faults { slow_down: 0.08, error_after: 0.06, cut_after: 0.06, latency };
    cloud.server.fail(faults, 5);
    text(&cloud.land(60).output().unwrap());
    let merged = text(&cloud.on_store(&["land", "--compact"]).output().unwrap());
    assert!(merged.contains("files merged into"), "{merged}");
    let counts = cloud.server.counts();
    println!("{counts:?}");
    assert!(counts.slow_down > 10 && counts.error_after > 10 && counts.cut_after > 10, "{counts:?}");
    cloud.check();
    assert_eq!(cloud.server.keys("a/ticks"), ["raw-0-0-1499.parquet"]);
}

#[test]
fn one_lander_a_store_and_the_next_waits_for_a_dead_one() {
    let cloud = Cloud::new(200);
    let mut first = cloud.follow(50);
    cloud.until_landed("200");
    let refused = cloud.land(50).output().unwrap();
    let expected = format!("process {} on ", first.id());
    assert!(!refused.status.success());
    assert!(
        said(&refused).contains(&expected) && said(&refused).contains("lands into s3://bucket/a/ticks"),
        "{}",
        said(&refused)
    );
    cloud.append(200, 300);
    cloud.until_landed("300");
    signal(&first, "-TERM");
    assert!(first.wait().unwrap().success());
    text(&cloud.land(50).output().unwrap());
    cloud.check();
}

#[test]
fn a_lander_that_was_halted_doubles_nothing() {
    let cloud = Cloud::new(600);
    cloud.server.fail(Faults { latency: Duration::from_millis(8), ..Faults::default() }, 3);
    let zombie = cloud.follow(25);
    while cloud.server.keys("a/ticks").len() < 3 {
        std::thread::sleep(Duration::from_millis(5));
    }
    signal(&zombie, "-STOP");
    // The other one waits until the lease has ended, and lands the rest in other files.
    text(&cloud.land(40).output().unwrap());
    cloud.append(600, 700);
    signal(&zombie, "-CONT");
    let ended = zombie.wait_with_output().unwrap();
    assert!(!ended.status.success());
    assert!(said(&ended).contains("taken over") || said(&ended).contains("exists"), "{}", said(&ended));
    text(&cloud.land(40).output().unwrap());
    cloud.check();
}

#[test]
fn a_follower_outlasts_a_store_that_is_away() {
    let cloud = Cloud::new(100);
    let follower = cloud.follow(50);
    cloud.until_landed("100");
    cloud.server.fail(Faults { slow_down: 1.0, ..Faults::default() }, 0);
    cloud.append(100, 200);
    std::thread::sleep(Duration::from_secs(2));
    cloud.server.fail(Faults::default(), 0);
    cloud.until_landed("200");
    signal(&follower, "-TERM");
    let ended = follower.wait_with_output().unwrap();
    assert!(ended.status.success(), "{}", said(&ended));
    cloud.check();
}

#[test]
fn what_a_store_refuses_is_said_without_secrets() {
    let cloud = Cloud::new(10);
    let wrong_key = cloud.land(5).env("AWS_SECRET_ACCESS_KEY", "another-secret-key").output().unwrap();
    let mut no_bucket = cloud.land(5);
    let no_bucket = no_bucket.args(["--set", "paths.ticks=s3://none/ticks"]).output().unwrap();
    let mut web = cloud.land(5);
    let web = web.args(["--set", "paths.ticks=https://host/ticks"]).output().unwrap();
    let mut data = Command::new(env!("CARGO_BIN_EXE_squall"));
    data.args(["sql", "select 1", "--set", "paths.local=s3://bucket/data"]).current_dir(cloud.dir()).env_clear();
    let data = data.output().unwrap();
    for (output, expected, hint) in [
        (wrong_key, "s3://bucket/a/ticks", "look at the account and its rights"),
        (no_bucket, "s3://none/ticks", "is there such a bucket?"),
        (web, "nothing can be stored on a web server", "s3://bucket/path"),
        (data, "paths.local", "it must be a folder of this machine"),
    ] {
        let said = said(&output);
        assert!(!output.status.success() && said.contains(expected) && said.contains(hint), "{said}");
        assert!(!said.contains(cloud.server.secret()) && !said.contains("another-secret-key"), "{said}");
    }
}
