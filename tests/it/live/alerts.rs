//! Alerts: each once, although the run is killed at any instant, whoever is told.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt as _;
use std::process::Stdio;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rdkafka::mocking::MockCluster;
use squall::log::{KafkaLog, Log};

use super::commands::{begin, go_on, squall, succeed, wait_for};
use super::listener::{Does, Listener};
use super::market::Market;

const QUERY: &str = "-- description: The midprice of each tick.\n-- grain: product_id, ts\n-- time column: ts\n-- units:\n--   mid: USD\n\
     SELECT product_id, ts, (best_bid + best_ask) / 2 AS mid, log_offset % 10 = 0 AS odd FROM ticks\n";

fn place(market: &mut Market, messages: usize) -> tempfile::TempDir {
    let folder = begin(market, messages);
    std::fs::write(folder.path().join("sql/features/mids.sql"), QUERY).unwrap();
    folder
}

/// Returns the alerts of one run over the whole log, by their keys.
fn of_one_run(folder: &std::path::Path, rule: &[&str]) -> BTreeMap<String, serde_json::Value> {
    let to = "command:echo \"$SQUALL_ALERT_KEY\" >> keys; cat >> alerts";
    let mut command = squall(folder);
    command.env("PATH", std::env::var_os("PATH").unwrap());
    let output = command
        .args(["live", "mids", "--once", "--to", "all", "--data", "other"])
        .args(["--from", "data/raw", "--alert-to", to])
        .args(rule)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!String::from_utf8_lossy(&output.stderr).contains("dropped"));
    let keys = std::fs::read_to_string(folder.join("keys")).unwrap();
    let alerts = std::fs::read_to_string(folder.join("alerts")).unwrap();
    let alerts: Vec<serde_json::Value> = alerts.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(keys.lines().count(), alerts.len());
    keys.lines().map(String::from).zip(alerts).collect()
}

const RULE: [&str; 6] = ["--alert", "mid > 0 AND odd", "--alert-clear", "NOT odd", "--alert-cooldown", "5s"];

#[test]
fn a_run_that_is_killed_posts_each_alert_to_a_receiver_that_fails_in_turns() {
    let listener = Listener::start(|number, _| match number % 9 {
        2 => Does::Answers(503),
        3 => Does::Closes,
        4 => Does::TakesAndCloses,
        6 => Does::Waits(300),
        _ => Does::Takes,
    });
    let market = &mut Market::new(41);
    let folder = place(market, 1200);
    let folder = folder.path();
    let mut random = StdRng::seed_from_u64(41);
    let live = || {
        let mut command = squall(folder);
        command.args(["live", "mids", "--to", "out", "--flush", "1ms", "--alert-to", &listener.address]).args(RULE);
        command
    };
    let mut killed = 0;
    for round in 0..6 {
        let before = listener.seen();
        let mut running = live().stderr(Stdio::null()).spawn().unwrap();
        wait_for("alerts come", || listener.seen() > before);
        std::thread::sleep(Duration::from_millis(random.random_range(0..700)));
        killed += u32::from(running.try_wait().unwrap().is_none());
        running.kill().unwrap();
        running.wait().unwrap();
        if round % 2 == 0 {
            go_on(folder, market, 600);
        }
        if round == 3 {
            succeed(folder, "land");
        }
    }
    assert!(killed >= 4, "{killed} runs were killed");
    let output = live().arg("--once").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // Those that a run left are given at the next start.
    let expected = of_one_run(folder, &RULE);
    for _ in 0..20 {
        if listener.distinct().len() == expected.len() {
            break;
        }
        live().arg("--once").output().unwrap();
    }
    let found: BTreeMap<String, serde_json::Value> =
        listener.distinct().iter().map(|request| (request.key().to_string(), request.json())).collect();
    assert!(expected.len() > 20, "{} alerts", expected.len());
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (key, alert) in &expected {
        // The last minute too: what came before a start is read again.
        assert!(found[key] == *alert, "{key}");
    }
    let minutes: Vec<usize> = expected.values().map(|alert| alert["last_minute"].as_array().unwrap().len()).collect();
    assert!(minutes.iter().all(|rows| *rows <= 60) && minutes.iter().any(|rows| *rows > 20), "{minutes:?}");
    succeed(folder, "land");
    let (told, _) = succeed(folder, "parity mids --of out");
    assert!(told.contains("rows are the same, bit for bit"), "{told}");
}

#[test]
fn pauses_and_clearing_are_counted_by_product() {
    let folder = place(&mut Market::new(42), 2000);
    let alerts = of_one_run(folder.path(), &RULE);
    let mut last: BTreeMap<String, chrono::DateTime<chrono::FixedOffset>> = BTreeMap::new();
    let mut alerts: Vec<&serde_json::Value> = alerts.values().collect();
    alerts.sort_by_key(|alert| alert["log_offset"].as_i64());
    for alert in alerts {
        assert_eq!((alert["query"].as_str(), alert["alert"].as_str()), (Some("mids"), Some("mid > 0 AND odd")));
        assert_eq!(alert["row"]["odd"], true);
        assert_eq!(alert["row"]["log_offset"], alert["log_offset"]);
        let product = alert["product_id"].as_str().unwrap();
        let ts = chrono::DateTime::parse_from_rfc3339(alert["ts"].as_str().unwrap()).unwrap();
        if let Some(last) = last.insert(product.into(), ts) {
            assert!(ts - last >= chrono::Duration::seconds(5), "{product}: {last} and {ts}");
        }
        for row in alert["last_minute"].as_array().unwrap() {
            let before = chrono::DateTime::parse_from_rfc3339(row["ts"].as_str().unwrap()).unwrap();
            assert_eq!(row["product_id"], alert["product_id"]);
            assert!(before < ts && ts - before <= chrono::Duration::seconds(60));
        }
    }
    assert_eq!(last.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_killed_sends_each_alert_to_the_topic_once() {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("alerts", 2, 1).unwrap();
    let brokers = cluster.bootstrap_servers();
    let market = &mut Market::new(43);
    let folder = place(market, 3000);
    let folder = folder.path();
    let to = format!("kafka://{brokers}/alerts");
    let mut random = StdRng::seed_from_u64(43);
    let live = || {
        let mut command = squall(folder);
        command.args(["live", "mids", "--to", "out", "--flush", "1ms", "--alert-to", &to]).args(RULE);
        command
    };
    for _ in 0..8 {
        let mut running = live().stderr(Stdio::null()).spawn().unwrap();
        wait_for("the run begins", || folder.join("data/live/alerts").exists());
        tokio::time::sleep(Duration::from_millis(random.random_range(300..1500))).await;
        running.kill().unwrap();
        running.wait().unwrap();
        go_on(folder, market, 300);
    }
    let output = live().arg("--once").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let expected = of_one_run(folder, &RULE);
    let topic = KafkaLog::open(&brokers, "alerts", &squall::log::Options::default()).await.unwrap();
    let mut found: Vec<serde_json::Value> = Vec::new();
    for partition in 0..2 {
        for message in topic.read(partition, 0, 100_000).await.unwrap() {
            let alert: serde_json::Value = serde_json::from_slice(&message.record.payload).unwrap();
            assert_eq!(alert["product_id"].as_str(), message.record.key.as_deref());
            found.push(alert);
        }
    }
    let place = |alert: &serde_json::Value| (alert["log_offset"].as_i64(), alert["product_id"].to_string());
    found.sort_by_key(place);
    let mut expected: Vec<&serde_json::Value> = expected.values().collect();
    expected.sort_by_key(|alert| place(alert));
    assert_eq!(
        found.iter().map(place).collect::<Vec<_>>(),
        expected.iter().map(|alert| place(alert)).collect::<Vec<_>>()
    );
    assert!(found.iter().eq(expected), "each message is the same");
}

#[test]
fn conditions_are_checked_before_anything_starts() {
    let folder = place(&mut Market::new(44), 10);
    let folder = folder.path();
    let refused = |rule: &[&str]| {
        let output = squall(folder).args(["live", "mids", "--once", "--to", "out"]).args(rule).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{rule:?}");
        assert!(!folder.join("out").exists() && !folder.join("data/live").exists());
        String::from_utf8(output.stderr).unwrap()
    };
    let told = refused(&["--alert", "mid > 1 AND scor >= 0.5"]);
    assert!(told.contains("Error: --alert: the rows have no column `scor`"), "{told}");
    assert!(told.contains("1 | mid > 1 AND scor >= 0.5\n  |             ^^^^\n"), "{told}");
    let told = refused(&["--alert", "mid > 1", "--alert-clear", "middle < 1"]);
    assert!(told.contains("--alert-clear: the rows have no column `middle`"), "{told}");
    let told = refused(&["--alert", "mid + 1"]);
    assert!(told.contains("it is a DOUBLE, and an alert needs a condition that is true or false"), "{told}");
    let told = refused(&["--alert", "mid > random()"]);
    assert!(told.contains("it calls `random`, whose value can change"), "{told}");
    let told = refused(&["--alert", "ts < now()"]);
    assert!(told.contains("it calls `now`, whose value can change"), "{told}");
    for bad in ["mid >", "mid > 1 mid", "mid > 1) OR (true", "sum(mid) > 1", "lag(mid) > 1", "mid > (SELECT 1)"] {
        let told = refused(&["--alert", bad]);
        assert!(told.contains("Error: --alert: ") && told.contains("Hint: ") && !told.contains(['{', '}']), "{told}");
    }
    let told = refused(&["--alert", "mid > 1", "--alert-to", "mail"]);
    assert!(told.contains("alerts cannot go there") && told.contains("Hint: write --alert-to kafka:TOPIC"), "{told}");
}

#[test]
fn a_condition_that_fails_for_a_row_is_not_true_there_and_the_run_goes_on() {
    let folder = place(&mut Market::new(47), 400);
    let folder = folder.path();
    let mut command = squall(folder);
    command.args(["live", "mids", "--once", "--to", "out", "--alert", "100 / (log_offset % 7) > 90"]);
    let output = command.args(["--alert-cooldown", "1ms"]).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let warning = "cannot be computed for the row of `mids` at offset 0: divide by zero";
    assert_eq!(told.matches(warning).count(), 1, "{told}");
    assert_eq!(told.matches("cannot be computed").count(), 1, "{told}");
    assert!(told.matches("Alert: ").count() > 20, "{told}");
}

#[test]
fn ctrl_c_waits_for_the_alert_under_way_and_repeats_none() {
    let folder = place(&mut Market::new(48), 300);
    let folder = folder.path();
    let to = "command:echo \"$SQUALL_ALERT_KEY\" >> begun; sleep 1; echo \"$SQUALL_ALERT_KEY\" >> given";
    let live = |condition: &str| {
        let mut command = squall(folder);
        command.env("PATH", std::env::var_os("PATH").unwrap()).args(["live", "mids", "--to", "out"]);
        command.args(["--alert", condition, "--alert-cooldown", "1h", "--alert-to", to]).process_group(0);
        command
    };
    let lines = |name: &str| -> Vec<String> {
        let text = std::fs::read_to_string(folder.join(name)).unwrap_or_default();
        text.lines().map(String::from).collect()
    };
    let mut running = live("odd").stderr(Stdio::null()).spawn().unwrap();
    wait_for("an alert is under way", || !lines("begun").is_empty());
    // As the terminal does, to the whole group.
    let group = nix::unistd::Pid::from_raw(i32::try_from(running.id()).unwrap());
    let pressed = std::time::Instant::now();
    nix::sys::signal::killpg(group, nix::sys::signal::Signal::SIGINT).unwrap();
    assert!(running.wait().unwrap().success());
    assert!(pressed.elapsed() < Duration::from_secs(15), "{:?}", pressed.elapsed());
    assert_eq!(lines("begun"), lines("given"), "the command runs to its end");
    assert!(lines("given").len() < 3, "the others wait for the next start: {:?}", lines("given"));
    assert!(live("odd").arg("--once").output().unwrap().status.success());
    let given = lines("given");
    let distinct: std::collections::BTreeSet<&String> = given.iter().collect();
    assert_eq!((given.len(), distinct.len()), (3, 3), "one for each product: {given:?}");
}

#[test]
fn alerts_that_are_refused_are_kept_and_the_run_goes_on() {
    let listener = Listener::start(|_, _| Does::Answers(400));
    let folder = place(&mut Market::new(45), 400);
    let folder = folder.path();
    let mut command = squall(folder);
    command.args(["live", "mids", "--once", "--to", "out", "--alert", "odd", "--alert-to", &listener.address]);
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("it answers 400") || told.contains("answers 400: the receiver says why"), "{told}");
    let kept = std::fs::read_dir(folder.join("data/live/alerts")).unwrap();
    let kept: Vec<_> = kept
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(".refused.ndjson"))
        .collect();
    assert_eq!(kept.len(), 1);
    assert_eq!(std::fs::read_to_string(&kept[0]).unwrap().lines().count(), listener.seen());
}

#[test]
fn a_receiver_that_hangs_does_not_hold_up_rows() {
    let listener = Listener::start(|_, _| Does::Waits(600_000));
    let folder = place(&mut Market::new(46), 3000);
    let folder = folder.path();
    let rule = ["--alert", "true", "--alert-cooldown", "1ms", "--alert-to", &listener.address];
    let mut command = squall(folder);
    let output = command.args(["live", "mids", "--once", "--to", "out"]).args(rule).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("256 alerts wait to be given, so others are dropped"), "{told}");
    assert!(told.contains(" dropped\n"), "{told}");
    succeed(folder, "land");
    let (told, _) = succeed(folder, "parity mids --of out");
    assert!(told.contains("rows are the same, bit for bit"), "{told}");
}
