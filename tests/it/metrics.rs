//! `/metrics`, `/healthz` and JSON messages of the commands that run for long, as a monitor sees them.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use squall::feed::server::{self, Faults, Served, Server, Speed};
use squall::log::{FileLog, Log};
use squall::metrics::{TABLE, markdown};

use super::live::market::Market;

fn squall(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
    command.env_clear().current_dir(folder).stdin(Stdio::null());
    command
}

fn succeed(folder: &Path, line: &str) -> String {
    let output = squall(folder).args(line.split(' ')).output().unwrap();
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "squall {line}\n{out}{err}");
    out
}

/// A command that serves metrics. It is killed when it is dropped.
pub struct Running {
    child: Child,
    address: String,
    told: BufReader<ChildStderr>,
}

impl Running {
    /// Starts a command, and waits until it says where its metrics are.
    pub fn start(folder: &Path, line: &str) -> Running {
        let arguments = line.split(' ').chain(["--metrics", "127.0.0.1:0"]);
        let mut child = squall(folder).args(arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let told = BufReader::new(child.stderr.take().unwrap());
        let mut running = Running { child, address: String::new(), told };
        let mut line = String::new();
        while running.address.is_empty() {
            line.clear();
            assert!(running.told.read_line(&mut line).unwrap() > 0, "the command ended");
            if let Some((_, rest)) = line.split_once("http://") {
                running.address = rest.split_once("/metrics").unwrap().0.into();
            }
        }
        running
    }

    /// Returns the status and the body of an answer.
    fn ask(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.address).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_string())
    }

    /// Returns all values by name and labels.
    pub fn metrics(&self) -> BTreeMap<String, f64> {
        let (status, body) = self.ask("/metrics");
        assert_eq!(status, 200);
        let lines = body.lines().filter(|line| !line.starts_with('#'));
        lines
            .map(|line| line.rsplit_once(' ').unwrap())
            .map(|(name, value)| (name.into(), value.parse().unwrap()))
            .collect()
    }

    /// Waits until a value is there; then returns all.
    pub fn wait_for(&self, name: &str, value: f64) -> BTreeMap<String, f64> {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let metrics = self.metrics();
            if metrics.get(name) == Some(&value) {
                return metrics;
            }
            assert!(Instant::now() < deadline, "{name} is {:?}, and not {value}: {metrics:#?}", metrics.get(name));
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits for an answer of `/healthz`.
    fn wait_for_health(&self, status: u16, text: &str) {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let found = self.ask("/healthz");
            if found.0 == status && found.1.contains(text) {
                serde_json::from_str::<serde_json::Value>(&found.1).unwrap();
                return;
            }
            assert!(Instant::now() < deadline, "{found:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Asks the command to end, and returns how it ended and what it said.
    pub fn terminate(mut self) -> (ExitStatus, String) {
        let killed = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(killed.success());
        let mut said = String::new();
        self.told.read_to_string(&mut said).unwrap();
        (self.child.wait().unwrap(), said)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn exchange(seconds: Option<u64>, speed: Speed, faults: Faults) -> (String, tokio::task::JoinHandle<Served>) {
    let names = ["BTC-USD", "ETH-USD", "SOL-USD"].map(String::from);
    let server = Server::bind(server::Options {
        host: "127.0.0.1".into(),
        port: 0,
        products: server::products(&names).unwrap(),
        seed: 7,
        start: 1_767_571_200_000_000_000,
        duration: seconds.map(Duration::from_secs),
        speed,
        faults,
    })
    .await
    .unwrap();
    (server.url(), tokio::spawn(server.run()))
}

#[tokio::test(flavor = "multi_thread")]
async fn ingest_counts_what_was_sent() {
    let folder = tempfile::tempdir().unwrap();
    let faults = Faults { skip_every: Some(500), garble_every: Some(700), ..Faults::default() };
    let (url, server) = exchange(Some(600), Speed::Max, faults).await;
    let ingest = Running::start(folder.path(), &format!("ingest --from {url} --to raw"));
    let sent = server.await.unwrap().messages;
    assert!(sent > 2000, "{sent}");
    let metrics = ingest.wait_for("squall_messages_total", sent as f64);
    let log = FileLog::open(&folder.path().join("raw")).await.unwrap();
    let messages = log.read(0, 0, usize::MAX).await.unwrap();
    let bytes: usize = messages.iter().map(|message| message.record.payload.len()).sum();
    assert_eq!(metrics["squall_message_bytes_total"], bytes as f64);
    let is_cut =
        |message: &&squall::log::Message| serde_json::from_slice::<serde_json::Value>(&message.record.payload).is_err();
    let cut = messages.iter().filter(is_cut).count();
    assert!(cut > 5);
    assert_eq!(metrics["squall_dead_letters_total"], cut as f64);
    assert!(
        metrics["squall_gaps_total"] >= (sent / 500) as f64
            && metrics["squall_missing_messages_total"] >= metrics["squall_gaps_total"]
    );
    assert!(metrics["squall_received_ticks_total"] > 1000.0 && metrics["squall_control_messages_total"] > 500.0);
    assert_eq!(metrics["squall_receive_to_log_seconds_count"], sent as f64);
    assert_eq!(metrics["squall_receive_to_log_seconds_bucket{le=\"+Inf\"}"], sent as f64);
    assert!(metrics["squall_last_event_age_seconds"] > 1000.0, "the market is of another day");
    // The server has gone.
    ingest.wait_for_health(503, "\"exchange\":");
    assert!(ingest.metrics()["squall_reconnects_total"] >= 1.0 && ingest.metrics()["squall_connected"] == 0.0);
    assert_eq!(ingest.ask("/").0, 404);
    let (status, said) = ingest.terminate();
    assert!(status.success(), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connected_ingest_is_well_and_ends_at_a_signal() {
    let folder = tempfile::tempdir().unwrap();
    let (url, server) = exchange(None, Speed::Times(5.0), Faults::default()).await;
    let ingest = Running::start(folder.path(), &format!("ingest --from {url} --to raw"));
    ingest.wait_for_health(200, "{\"status\":\"ok\",\"command\":\"ingest\"}");
    assert_eq!(ingest.metrics()["squall_connected"], 1.0);
    let (status, said) = ingest.terminate();
    assert!(status.success(), "{said}");
    server.abort();
}

/// Adds messages to the log of a project.
fn go_on(folder: &Path, market: &mut Market, messages: usize) {
    std::fs::write(folder.join("market.ndjson"), market.messages(messages).join("\n") + "\n").unwrap();
    succeed(folder, "replay market.ndjson");
}

fn sum(metrics: &BTreeMap<String, f64>, name: &str) -> f64 {
    metrics.iter().filter(|(found, _)| found.split('{').next() == Some(name)).map(|(_, value)| value).sum()
}

#[test]
fn land_and_live_count_what_came() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut market = Market::new(3);
    succeed(folder, "init .");
    go_on(folder, &mut market, 400);
    let live = Running::start(folder, "live spike_features tick_features --to out --flush 1ms --parity-every 1");
    let metrics = live.wait_for("squall_lag_messages{partition=\"0\"}", 0.0);
    assert_eq!(metrics["squall_messages_total"], 400.0);
    let metrics = live
        .wait_for("squall_rows_emitted_total{query=\"tick_features\"}", metrics["squall_ticks_total{status=\"ok\"}"]);
    let rows = metrics["squall_rows_emitted_total{query=\"spike_features\"}"];
    assert!(rows > 300.0, "{rows}");
    live.wait_for("squall_consume_to_emit_seconds_count", 2.0 * rows);
    live.wait_for("squall_lag_messages{partition=\"0\"}", 0.0);
    live.wait_for_health(200, "\"command\":\"live\"");
    assert_eq!(metrics["squall_parity_checked_total{query=\"spike_features\"}"], 0.0);

    let land = Running::start(folder, "land --follow --set land.flush_interval_ms=300");
    let landed = land.wait_for("squall_landed_messages_total", 400.0);
    assert_eq!(landed["squall_landed_files_total"], 1.0);
    assert_eq!(landed["squall_message_bytes_total"], metrics["squall_message_bytes_total"]);
    for status in ["ok", "late", "duplicate", "ahead"] {
        let name = format!("squall_ticks_total{{status=\"{status}\"}}");
        let sql = format!("SELECT count(*) AS n FROM landed_ticks WHERE status = '{status}'");
        let output = squall(folder).args(["sql", "--format", "csv", "-c", &sql]).output().unwrap();
        let output = String::from_utf8(output.stdout).unwrap();
        let rows: f64 = output.lines().last().unwrap().parse().unwrap_or_else(|_| panic!("{output}"));
        assert_eq!(landed[&name], rows, "{status}");
        assert_eq!(metrics[&name], rows, "live counts as landing does: {status}");
    }
    let seen = sum(&landed, "squall_control_messages_total") + sum(&landed, "squall_dead_letters_total");
    assert!(seen > 4.0 && seen < 60.0, "{seen}");
    land.wait_for("squall_lag_messages{partition=\"0\"}", 0.0);
    land.wait_for_health(200, "{\"status\":\"ok\",\"command\":\"land\"}");

    // Once ticks have landed, live compares its rows with batch, a product at a time.
    let deadline = Instant::now() + Duration::from_secs(60);
    let metrics = loop {
        let metrics = live.metrics();
        if sum(&metrics, "squall_parity_checked_total") > 0.0 {
            break metrics;
        }
        assert!(Instant::now() < deadline, "nothing was compared: {metrics:#?}");
        std::thread::sleep(Duration::from_millis(100));
    };
    assert_eq!(sum(&metrics, "squall_parity_mismatches_total"), 0.0);
    assert!(metrics["squall_state_bytes{query=\"spike_features\"}"] > 1000.0);
    go_on(folder, &mut market, 100);
    live.wait_for("squall_messages_total", 500.0);
    land.wait_for("squall_landed_messages_total", 500.0);
    assert_eq!(land.ask("/metrics/x").0, 404);
    for running in [live, land] {
        let (status, said) = running.terminate();
        assert!(status.success(), "{said}");
    }
    assert!(succeed(folder, "parity tick_features --of out").contains("rows are the same"));
}

#[test]
fn a_command_that_is_behind_is_unwell() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut market = Market::new(3);
    succeed(folder, "init .");
    go_on(folder, &mut market, 50);
    // Messages wait for their file, so landing falls behind.
    let land = Running::start(folder, "land --follow --set land.flush_interval_ms=5000 --set metrics.behind_s=1");
    land.wait_for("squall_landed_messages_total", 50.0);
    land.wait_for_health(200, "ok");
    go_on(folder, &mut market, 50);
    land.wait_for_health(503, "\"behind\":\"partition 0 is 50 messages and ");
    land.wait_for("squall_landed_messages_total", 100.0);
    land.wait_for_health(200, "ok");
}

#[test]
fn messages_are_json_if_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    succeed(folder, "init .");
    go_on(folder, &mut Market::new(3), 60);
    let told = |line: &str| -> (bool, Vec<serde_json::Value>) {
        let output = squall(folder).args(line.split(' ')).args(["--log-format", "json"]).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{text}")));
        (output.status.success(), lines.collect())
    };
    let (is_done, lines) = told("live tick_features --to out --once --metrics 0");
    assert!(is_done && lines.len() > 2, "{lines:?}");
    for line in &lines {
        let names: Vec<&str> = line.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names[..4], ["time", "level", "command", "message"]);
        assert_eq!((line["level"].as_str(), line["command"].as_str()), (Some("info"), Some("live")));
        chrono::DateTime::parse_from_rfc3339(line["time"].as_str().unwrap()).unwrap();
    }
    assert!(lines[0]["address"].as_str().unwrap().starts_with("127.0.0.1:"), "{lines:?}");
    let (is_done, lines) = told("land --from nowhere");
    assert!(!is_done && lines.len() == 1, "{lines:?}");
    assert_eq!(lines[0]["level"], "error");
    assert!(lines[0]["hint"].is_string() && !lines[0]["message"].as_str().unwrap().contains("Error"), "{lines:?}");
    let (_, lines) = told("land --set land.late_ms=500 --metrics nonsense");
    assert_eq!(lines[0]["message"], "`nonsense` is not an address for metrics");
}

#[test]
fn the_page_of_metrics_is_what_the_table_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
    let page = std::fs::read_to_string(&path).unwrap_or_default();
    const BEGIN: &str = "<!-- from src/metrics/table.rs -->\n\n";
    let (before, after) = page.split_once(BEGIN).expect("the place of the table");
    let rest = after.split_once("\n\n").map_or("", |(_, rest)| rest);
    let wanted = format!("{before}{BEGIN}{}\n{rest}", markdown());
    if std::env::var_os("SQUALL_BLESS").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    } else {
        assert!(page == wanted, "docs/metrics.md is stale: SQUALL_BLESS=1 cargo test --test it metrics:: rewrites it");
    }
}

#[test]
fn dashboards_and_alerts_use_names_of_the_table() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("docker");
    for (file, least) in [("grafana/dashboards/squall.json", 20), ("prometheus/alerts.yml", 4)] {
        let text = std::fs::read_to_string(root.join(file)).unwrap();
        if file.ends_with("json") {
            serde_json::from_str::<serde_json::Value>(&text).unwrap();
        }
        let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        let names: Vec<&str> = words.filter(|word| word.starts_with("squall_")).collect();
        assert!(names.len() >= least, "{file}: {names:?}");
        for name in names {
            let is_of = |described: &&squall::metrics::Described| match described.kind {
                "histogram" => {
                    ["_bucket", "_sum", "_count"].iter().any(|part| name == format!("{}{part}", described.name))
                }
                _ => name == described.name,
            };
            assert!(TABLE.iter().any(|described| is_of(&described)), "{file} uses {name}, which no command serves");
        }
    }
}
