//! Several places for the rows of one run: each keeps its own promise, whatever the others do and whenever the run is killed.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rdkafka::mocking::MockCluster;
use squall::log::{KafkaLog, Log};

use super::commands::{begin, go_on, run, squall, succeed, wait_for};
use super::listener::{Does, Listener};
use super::market::Market;

/// Returns the number of rows of the query over landed ticks.
fn rows(folder: &Path) -> usize {
    let (told, _) = {
        let output =
            squall(folder).args(["sql", "-c", "SELECT count(*) FROM spike_features", "--format", "csv"]).output();
        let output = output.unwrap();
        (String::from_utf8(output.stdout).unwrap(), output.status)
    };
    told.lines().nth(1).unwrap().parse().unwrap()
}

/// Checks that a folder has each row once, with the bits of batch.
fn has_all(folder: &Path, out: &str) {
    let (told, _) = succeed(folder, &format!("parity spike_features --of {out}"));
    assert!(told.contains(&format!("{} rows are the same, bit for bit", grouped(rows(folder)))), "{told}");
    assert!(!told.contains("have not landed"), "{told}");
}

fn grouped(number: usize) -> String {
    squall::text::grouped(number as u64)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_killed_keeps_the_promise_of_each_place() {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("features", 2, 1).unwrap();
    let brokers = cluster.bootstrap_servers();
    let listener = Listener::start(|number, _| match number % 7 {
        2 => Does::Answers(500),
        5 => Does::TakesAndCloses,
        _ => Does::Waits(20),
    });
    let market = &mut Market::new(61);
    let folder = begin(market, 4000);
    let folder = folder.path();
    let topic = format!("kafka://{brokers}/features");
    let places = ["--to", "out", "--to", &topic, "--to", &listener.address, "--flush", "50ms"];
    let mut random = StdRng::seed_from_u64(61);
    let mut killed = 0;
    for round in 0..8 {
        let mut live = squall(folder);
        live.args(["live", "spike_features", "--quiet"]).args(places).stderr(Stdio::null());
        let mut live = live.spawn().unwrap();
        if round == 0 {
            wait_for("rows have a beginning", || folder.join("out/spike_features.json").exists());
            // All places begin before anything lands.
            wait_for("requests come", || listener.seen() > 0);
        }
        tokio::time::sleep(Duration::from_millis(random.random_range(300..2500))).await;
        // SIGKILL.
        killed += u32::from(live.try_wait().unwrap().is_none());
        live.kill().unwrap();
        live.wait().unwrap();
        match round {
            1 | 5 => drop(succeed(folder, "land")),
            3 | 6 => go_on(folder, market, 1000),
            _ => {}
        }
    }
    assert!(killed >= 6, "{killed} runs were killed");
    succeed(folder, &format!("live spike_features --once {}", places.join(" ")));
    succeed(folder, "land");
    has_all(folder, "out");
    let rows = rows(folder);
    // A row that comes twice is the same row, so that a reader can leave it out by its offset and product.
    let log = KafkaLog::create(&brokers, "features", &squall::log::Options::default()).await.unwrap();
    let mut messages = BTreeMap::new();
    let mut sent = 0;
    for partition in log.partitions().await.unwrap() {
        for message in log.read(partition, 0, 1_000_000).await.unwrap() {
            let row: serde_json::Value = serde_json::from_slice(&message.record.payload).unwrap();
            let place =
                (row["log_offset"].as_i64().unwrap(), message.record.key.unwrap().to_string(), row["ts"].to_string());
            assert_eq!(messages.entry(place).or_insert_with(|| row.clone()), &row);
            sent += 1;
        }
    }
    assert_eq!(messages.len(), rows, "every row is in the topic");
    assert!(sent - rows < rows / 20, "{sent} messages for {rows} rows");
    let mut posted = BTreeMap::new();
    for request in listener.distinct() {
        for row in request.json()["rows"].as_array().unwrap() {
            let product = row["product_id"].as_str().unwrap().to_string();
            let place = (row["log_offset"].as_i64().unwrap(), product, row["ts"].to_string());
            assert!(posted.insert(place, row.clone()).is_none(), "{row}");
        }
    }
    assert_eq!(posted, messages, "a receiver that remembers keys has the same rows, each once");
}

#[test]
fn a_place_that_is_away_holds_up_no_files_and_gets_its_rows_later() {
    let listener = Listener::start(|number, _| if number < 4 { Does::Answers(503) } else { Does::Takes });
    let folder = begin(&mut Market::new(62), 400);
    let folder = folder.path();
    let mut live = squall(folder);
    live.args(["live", "spike_features", "--to", &listener.address, "--to", "out", "--flush", "1ms"]);
    let mut live = live.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let has_file = || {
        let files = std::fs::read_dir(folder.join("out")).into_iter().flatten();
        files.flatten().any(|file| file.file_name().to_string_lossy().ends_with("-399.parquet"))
    };
    wait_for("a file is written", has_file);
    assert!(listener.taken().is_empty(), "the receiver has taken nothing yet");
    live.kill().unwrap();
    live.wait().unwrap();
    succeed(folder, &format!("live spike_features --once --to {} --to out", listener.address));
    succeed(folder, "land");
    has_all(folder, "out");
    let posted =
        listener.distinct().iter().map(|request| request.json()["rows"].as_array().unwrap().len()).sum::<usize>();
    assert_eq!(posted, rows(folder));
}

#[test]
fn a_place_that_refuses_ends_the_run_and_the_others_have_what_was_read() {
    let listener = Listener::start(|number, _| if number == 0 { Does::Answers(400) } else { Does::Takes });
    let folder = begin(&mut Market::new(63), 300);
    let folder = folder.path();
    let line = format!("live spike_features --once --to {} --to out", listener.address);
    let output = run(folder, &line);
    let told = String::from_utf8_lossy(&output.stderr).to_string();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("refuses the rows of offsets 0 to 299"), "{told}");
    succeed(folder, "land");
    has_all(folder, "out");
    // What the folder has is not computed for it again, and the receiver gets it from landed ticks.
    let (_, told) = succeed(folder, &line);
    has_all(folder, "out");
    assert!(told.contains(&format!("spike_features: {} rows", grouped(rows(folder)))), "{told}");
    let posted =
        listener.distinct().iter().map(|request| request.json()["rows"].as_array().unwrap().len()).sum::<usize>();
    assert_eq!(posted, rows(folder));
}

#[test]
fn a_place_that_is_added_begins_where_landing_has_come_to() {
    let market = &mut Market::new(64);
    let folder = begin(market, 300);
    let folder = folder.path();
    succeed(folder, "live --once --to out");
    succeed(folder, "land");
    go_on(folder, market, 100);
    let (lines, _) = succeed(folder, "live --once --to out --to more --to -");
    let begin = std::fs::read_to_string(folder.join("more/spike_features.json")).unwrap();
    assert!(begin.contains("\"0\": 300"), "{begin}");
    assert!(lines.lines().count() > 50 && lines.lines().all(|line| !line.contains("\"log_offset\":299,")), "{lines}");
    succeed(folder, "land");
    has_all(folder, "out");
    let (told, _) = succeed(folder, "parity spike_features --of more");
    assert!(told.contains(&format!("spike_features: {} rows are the same", lines.lines().count())), "{told}");
    for twice in ["out --to out", "out --to ./out/", "- --to -"] {
        let output = run(folder, &format!("live --once --to {twice}"));
        let told = String::from_utf8_lossy(&output.stderr).to_string();
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains("two of --to name the same place"), "{told}");
    }
}
