//! The commands: a run that is killed again and again, and what it leaves.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::market::Market;

fn squall(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
    command.env_clear().current_dir(folder).stdin(Stdio::null());
    command
}

fn run(folder: &Path, line: &str) -> Output {
    squall(folder).args(line.split(' ')).output().unwrap()
}

fn succeed(folder: &Path, line: &str) -> (String, String) {
    let output = run(folder, line);
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "squall {line}\n{out}{err}");
    (out, err)
}

/// Makes a project, and a log of a market.
fn begin(seed: u64, messages: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    succeed(folder.path(), "init .");
    let mut text = Market::new(seed).messages(messages).join("\n");
    text.push('\n');
    std::fs::write(folder.path().join("market.ndjson"), text).unwrap();
    succeed(folder.path(), "replay market.ndjson");
    folder
}

#[test]
fn a_run_that_is_killed_goes_on_where_its_folder_ends() {
    let folder = begin(3, 6000);
    let folder = folder.path();
    let mut random = StdRng::seed_from_u64(3);
    let mut killed = 0;
    for round in 0..10 {
        let mut live = squall(folder)
            .args(["live", "spike_features", "tick_features", "--to", "out", "--flush", "1ms", "--quiet"])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(random.random_range(200..2500)));
        // SIGKILL.
        killed += u32::from(live.try_wait().unwrap().is_none());
        live.kill().unwrap();
        live.wait().unwrap();
        match round {
            2 | 6 => drop(succeed(folder, "land")),
            4 => {
                let mut text = Market::new(400 + round).messages(1500).join("\n");
                text.push('\n');
                std::fs::write(folder.join("more.ndjson"), text).unwrap();
                succeed(folder, "replay more.ndjson");
            }
            _ => {}
        }
    }
    assert!(killed >= 8, "{killed} runs were killed");
    succeed(folder, "live spike_features tick_features --to out --once");
    succeed(folder, "land");
    let (told, _) = succeed(folder, "parity spike_features tick_features --of out");
    assert_eq!(told.matches("rows are the same, bit for bit").count(), 2, "{told}");
    assert!(!told.contains("have not landed"), "{told}");
}

#[test]
fn standard_output_gets_a_line_for_each_tick() {
    let folder = begin(4, 400);
    let folder = folder.path();
    let (lines, told) = succeed(folder, "live --once");
    let rows: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(rows.len() > 300, "{} rows\n{told}", rows.len());
    assert!(rows.iter().all(|row| row["query"] == "spike_features" && row["log_offset"].is_i64()));
    assert!(rows.iter().any(|row| row["rv_10s"].is_null()) && rows.iter().any(|row| row["rv_10s"].is_f64()));
    assert!(rows.is_sorted_by_key(|row| row["log_offset"].as_i64()), "rows come in the order of the log");
    assert!(told.contains("late") && told.contains("duplicate"), "{told}");
    // What has landed is not emitted again.
    succeed(folder, "land");
    let (lines, _) = succeed(folder, "live --once");
    assert_eq!(lines, "");
}

#[test]
fn a_query_that_looks_ahead_is_refused() {
    let folder = begin(5, 50);
    for command in ["live rv_spike_60s --once", "plan --live rv_spike_60s"] {
        let output = run(folder.path(), command);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains("sql/labels/rv_spike_60s.sql:") && told.contains("cannot run live"), "{told}");
        assert!(told.contains("Hint: docs/live.md"), "{told}");
    }
    let (shown, _) = succeed(folder.path(), "plan --live spike_features");
    assert!(shown.contains("window 1 reads") && shown.contains("each poll then runs"), "{shown}");
}

#[test]
fn parity_fails_at_a_difference() {
    let folder = begin(6, 300);
    let folder = folder.path();
    succeed(folder, "live tick_features --to out --once");
    succeed(folder, "land");
    succeed(folder, "parity tick_features --of out");
    // The query has changed since the rows were written.
    let query = folder.join("sql/features/tick_features.sql");
    let text = std::fs::read_to_string(&query).unwrap();
    std::fs::write(&query, text.replace("- 1 AS midprice_return", "- 1.5 AS midprice_return")).unwrap();
    let output = run(folder, "parity tick_features --of out");
    let (shown, told) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(1), "{shown}{told}");
    assert!(shown.contains("tick_features: `") && shown.contains("in batch"), "{shown}");
    assert!(told.contains("live and batch differ: tick_features"), "{told}");
}
