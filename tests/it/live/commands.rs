//! The commands: a run that is killed again and again, and what it leaves.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::market::Market;

pub fn squall(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
    command.env_clear().current_dir(folder).stdin(Stdio::null());
    command
}

pub fn run(folder: &Path, line: &str) -> Output {
    squall(folder).args(line.split(' ')).output().unwrap()
}

pub fn succeed(folder: &Path, line: &str) -> (String, String) {
    let output = run(folder, line);
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "squall {line}\n{out}{err}");
    (out, err)
}

/// Makes a project, and a log of a market.
pub fn begin(market: &mut Market, messages: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    succeed(folder.path(), "init .");
    go_on(folder.path(), market, messages);
    folder
}

/// Adds messages to the log.
pub fn go_on(folder: &Path, market: &mut Market, messages: usize) {
    std::fs::write(folder.join("market.ndjson"), market.messages(messages).join("\n") + "\n").unwrap();
    succeed(folder, "replay market.ndjson");
}

#[test]
fn a_run_that_is_killed_goes_on_where_its_folder_ends() {
    let market = &mut Market::new(3);
    let folder = begin(market, 6000);
    let folder = folder.path();
    let mut random = StdRng::seed_from_u64(3);
    let mut killed = 0;
    for round in 0..10 {
        let mut live = squall(folder)
            .args(["live", "spike_features", "tick_features", "--to", "out", "--flush", "1ms", "--quiet"])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        if round == 0 {
            wait_for("rows have a beginning", || folder.join("out/tick_features.json").exists());
        }
        std::thread::sleep(Duration::from_millis(random.random_range(200..2500)));
        // SIGKILL.
        killed += u32::from(live.try_wait().unwrap().is_none());
        live.kill().unwrap();
        live.wait().unwrap();
        match round {
            2 | 6 => drop(succeed(folder, "land")),
            4 | 8 => go_on(folder, market, 1500),
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
    let folder = begin(&mut Market::new(4), 400);
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
    let folder = begin(&mut Market::new(5), 50);
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
    let folder = begin(&mut Market::new(6), 300);
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

#[test]
fn a_difference_shows_the_frame_and_the_rows_of_the_value_in_batch() {
    let folder = begin(&mut Market::new(16), 400);
    let folder = folder.path();
    let query = |price: &str| {
        let text = format!(
            "-- description: Means.\n-- grain: product_id, ts\n-- time column: ts\n-- units:\n--   mean: USD\n\n\
             SELECT product_id, ts, avg({price}) OVER (PARTITION BY product_id ORDER BY ts \
             RANGE BETWEEN INTERVAL '30 seconds' PRECEDING AND CURRENT ROW) AS mean FROM ticks\n"
        );
        std::fs::write(folder.join("sql/features/means.sql"), text).unwrap();
    };
    query("price");
    succeed(folder, "live means --to out --once");
    succeed(folder, "land");
    succeed(folder, "parity --of out");
    query("CASE WHEN log_offset >= 200 THEN price + 1 ELSE price END");
    let output = run(folder, "parity --of out --from 2026-03-01");
    let shown = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{shown}");
    assert!(shown.starts_with("means: `mean` of the row of A-USD at "), "{shown}");
    let time = shown.split(" at ").nth(1).unwrap().split(' ').next().unwrap();
    let sql = format!(
        "SELECT count(*), min(ts), max(ts) FROM ticks WHERE product_id = 'A-USD' AND ts <= TIMESTAMP '{time}' \
         AND ts >= TIMESTAMP '{time}' - INTERVAL '30 seconds'"
    );
    let counted = squall(folder).args(["sql", "-c", &sql, "--format", "csv"]).output().unwrap();
    let counted = String::from_utf8(counted.stdout).unwrap();
    let counted: Vec<&str> = counted.lines().nth(1).unwrap().split(',').collect();
    let call = "avg(CASE WHEN log_offset >= 200 THEN price + 1 ELSE price END) OVER (PARTITION BY product_id ORDER BY ts \
                RANGE BETWEEN 30 seconds PRECEDING AND CURRENT ROW)";
    assert!(shown.contains(&format!("\nbatch computes {call}\n  over {} rows", counted[0])), "{shown}{counted:?}");
    for time in &counted[1..] {
        assert!(shown.contains(time.trim_end_matches('Z')), "{shown}{counted:?}");
    }
    assert!(shown.contains("the row's tick, as it landed:") && shown.contains("log_offset"), "{shown}");
}

#[test]
fn parity_compares_the_rows_of_a_span_of_time() {
    let folder = begin(&mut Market::new(17), 1200);
    let folder = folder.path();
    let (lines, _) = succeed(folder, "live spike_features tick_features --to out --to - --once");
    succeed(folder, "land");
    let rows: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let own = rows.iter().filter(|row| row["query"] == "spike_features").map(|row| row["ts"].as_str().unwrap());
    // Texts of times are not in the order of time: their digits differ in number.
    let mut times: Vec<_> = own.map(|text| (chrono::DateTime::parse_from_rfc3339(text).unwrap(), text)).collect();
    times.sort();
    let (at, middle) = times[times.len() / 2];
    let later = times.iter().filter(|(time, _)| *time >= at).count();
    let compared = |line: String, count: usize| {
        let (told, _) = succeed(folder, &line);
        assert_eq!(
            told,
            format!("spike_features: {} rows are the same, bit for bit\n", squall::text::grouped(count as u64))
        );
    };
    // The windows look back over the beginning of the span, in time and in rows.
    compared(format!("parity spike_features --of out --from {middle}"), later);
    compared(format!("parity spike_features --of out --to {middle}"), times.len() - later);
    let (last, end) = times[times.len() * 3 / 4];
    let inside = times.iter().filter(|(time, _)| (at..last).contains(time)).count();
    compared(format!("parity spike_features --of out --from {middle} --to {end}"), inside);
    let (told, _) = succeed(folder, &format!("parity --of out --from {middle}"));
    assert_eq!(told.matches(&format!("{later} rows are the same")).count(), 2, "{told}");
    compared(format!("parity spike_features --of out --from 2026-03-31 --to {}", &middle[..10]), times.len());
    compared("parity spike_features --of out --to 2026-03-30".into(), 0);
    let output = run(folder, &format!("parity spike_features --of out --from {middle} --to {middle}"));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && told.contains("--from is not before --to"), "{told}");
}

#[test]
fn the_plan_says_how_large_the_state_is() {
    let folder = begin(&mut Market::new(19), 1500);
    let folder = folder.path();
    let (shown, _) = succeed(folder, "plan --live spike_features");
    assert!(shown.contains("no ticks have landed, so its size is not known"), "{shown}");
    succeed(folder, "land");
    let (shown, _) = succeed(folder, "plan --live spike_features");
    let (_, told) = succeed(folder, "live spike_features --to out --once --parity-every 0");
    // A start reads the same ticks.
    let read = told.split("the windows start from ").nth(1).unwrap().split(' ').next().unwrap();
    assert!(shown.contains(&format!("made from {read} landed ticks, as a start makes it now")), "{shown}{told}");
    let held = told.split("the queries hold ").nth(1).unwrap().split(" bytes").next().unwrap();
    assert!(shown.contains(&format!(" in {held} bytes: made from")), "{shown}{told}");
    assert!(shown.contains("the query looks back 1,800 s"), "{shown}");
    for product in super::market::PRODUCTS {
        let sql = format!(
            "SELECT count(*) FROM landed_ticks WHERE product_id = '{product}' AND ts > (SELECT max(ts) FROM landed_ticks \
             WHERE product_id = '{product}') - INTERVAL '1800 seconds'"
        );
        let output = squall(folder).args(["sql", "-c", &sql, "--format", "csv"]).output().unwrap();
        let count: u64 = String::from_utf8(output.stdout).unwrap().lines().nth(1).unwrap().parse().unwrap();
        let line = shown.lines().find(|line| line.starts_with(product)).unwrap_or_else(|| panic!("{shown}"));
        assert_eq!(line.split_whitespace().nth(1), Some(squall::text::grouped(count).as_str()), "{shown}");
    }
}

/// A query of scores by the champion.
pub const SCORES: &str = "-- description: The score of each tick, by the champion.\n-- grain: product_id, ts\n-- time column: ts\n\n\
    SELECT product_id, ts, price, score FROM ml_predict('slope@champion', 'SELECT product_id, ts, price FROM ticks')\n";

/// Waits until a file holds a text, or has lines.
pub fn wait_for(what: &str, found: impl Fn() -> bool) {
    for _ in 0..300 {
        if found() {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("it took too long: {what}");
}

#[test]
fn the_champion_is_followed_and_garbage_is_not() {
    let market = &mut Market::new(8);
    let folder = begin(market, 300);
    let folder = folder.path();
    let sql = |statement: &str| {
        let output = squall(folder).args(["sql", "-c", statement]).output().unwrap();
        assert!(output.status.success(), "{statement}: {}", String::from_utf8_lossy(&output.stderr));
    };
    let train = |label: &str| {
        sql(&format!(
            "CREATE OR REPLACE MODEL slope OPTIONS (model_type = 'logistic_reg', input_label_cols = ['label']) AS \
             SELECT price, {label} AS label FROM (SELECT CAST(value AS DOUBLE) AS price FROM generate_series(1, 100))"
        ));
        sql("ALTER MODEL slope SET ALIAS champion");
    };
    train("price > 50");
    std::fs::create_dir_all(folder.join("sql/scores")).unwrap();
    std::fs::write(folder.join("sql/scores/slope_now.sql"), SCORES).unwrap();
    let (lines, told) = (folder.join("lines"), folder.join("told"));
    let mut live = squall(folder)
        .args(["live", "slope_now"])
        .stdout(std::fs::File::create(&lines).unwrap())
        .stderr(std::fs::File::create(&told).unwrap())
        .spawn()
        .unwrap();
    let rows = || -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(&lines).unwrap();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let said = |text: &str| std::fs::read_to_string(&told).unwrap().contains(text);
    let mut more = || {
        let before = rows().len();
        go_on(folder, market, 200);
        wait_for("rows come", || rows().len() > before + 50);
    };
    wait_for("rows come", || rows().len() > 100);
    train("price < 50");
    wait_for("the new champion is seen", || said("`slope@champion` is slope@2 now, and was slope@1"));
    more();
    std::fs::write(folder.join("data/models/slope/aliases/champion"), "garbage").unwrap();
    wait_for("garbage is seen", || said("scoring goes on with slope@2"));
    more();
    live.kill().unwrap();
    live.wait().unwrap();
    // The price of the first product is near 100.
    let scores: Vec<f64> =
        rows().iter().filter(|row| row["product_id"] == "A-USD").filter_map(|row| row["score"].as_f64()).collect();
    assert!(scores[0] > 0.9, "for the first champion, a high price is likely: {}", scores[0]);
    assert!(scores[scores.len() - 1] < 0.1, "for the second one, it is not");
    for (row, score) in rows().iter().zip(rows().iter().map(|row| row["score"].as_f64().unwrap())) {
        // A price is above 50 for the first product only.
        let is_first = (score > 0.5) == (row["product_id"] == "A-USD");
        let version = if is_first { "1" } else { "2" };
        assert_eq!((row["model"].as_str(), row["model_version"].as_str()), (Some("slope"), Some(version)), "{row}");
    }
    let place = |row: &serde_json::Value| format!("{} {} {}", row["log_offset"], row["product_id"], row["ts"]);
    let distinct: BTreeSet<String> = rows().iter().map(place).collect();
    assert_eq!(distinct.len(), rows().len(), "no row comes twice");
}

#[test]
fn a_folder_says_which_model_gave_a_score_and_batch_agrees() {
    let folder = begin(&mut Market::new(18), 900);
    let folder = folder.path();
    for statement in [
        "CREATE MODEL slope OPTIONS (model_type = 'logistic_reg', input_label_cols = ['label']) AS \
         SELECT price, price > 50 AS label FROM (SELECT CAST(value AS DOUBLE) AS price FROM generate_series(1, 100))",
        "ALTER MODEL slope SET ALIAS champion",
    ] {
        assert!(squall(folder).args(["sql", "-c", statement]).status().unwrap().success());
    }
    std::fs::create_dir_all(folder.join("sql/scores")).unwrap();
    std::fs::write(folder.join("sql/scores/slope_now.sql"), SCORES).unwrap();
    succeed(folder, "live slope_now --to out --once");
    succeed(folder, "land");
    let (told, _) = succeed(folder, "parity slope_now --of out");
    assert!(told.contains("rows are the same, bit for bit"), "{told}");
    // The last minute has no outcome yet.
    let outcomes =
        ["outcomes", "slope_now", "--of", "out", "--label", "rv_spike_60s", "--event", "forward_vol > 0.0005"];
    let output = squall(folder).args(outcomes).args(["--span", "1d", "--format", "ndjson"]).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let lines: Vec<serde_json::Value> =
        String::from_utf8_lossy(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    for line in lines {
        let number = |name: &str| line[name].as_f64().unwrap_or_else(|| panic!("{name} of {line}"));
        assert!(number("known") < number("rows") && line["model_version"] == "1", "{line}");
        let sql = format!(
            "SELECT count(l.forward_vol), avg(CAST(l.forward_vol > 0.0005 AS INT)) FROM 'out/*.parquet' AS s \
             JOIN rv_spike_60s AS l ON l.product_id = s.product_id AND l.ts = s.ts WHERE s.product_id = {}",
            line["product_id"].to_string().replace('"', "'")
        );
        let output = squall(folder).args(["sql", "-c", &sql, "--format", "csv"]).output().unwrap();
        let found = String::from_utf8_lossy(&output.stdout).lines().nth(1).unwrap().to_string();
        let (known, happened) = found.split_once(',').unwrap();
        assert_eq!(number("known"), known.parse::<f64>().unwrap());
        assert!((number("happened") - happened.parse::<f64>().unwrap()).abs() < 1e-12);
    }
    for (option, value, expected) in [
        ("--event", "true) OR (true", "--event: the condition ends before `)`"),
        ("--event", "forward_vol >", "--event: expected an expression, found the end of the condition"),
        ("--threshold", "nan", "no score can be compared with it"),
        ("--threshold", "high", "it is not a number"),
    ] {
        let mut line: Vec<&str> = outcomes.to_vec();
        match line.iter().position(|word| *word == option) {
            Some(at) => line[at + 1] = value,
            None => line.extend([option, value]),
        }
        let output = squall(folder).args(&line).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && told.contains(expected), "{line:?}: {told}");
    }
    let sql = "SELECT DISTINCT model, model_version FROM 'out/*.parquet'";
    let output = squall(folder).args(["sql", "-c", sql, "--format", "csv"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "model,model_version\nslope,1\n");
}

#[test]
fn a_board_needs_a_terminal() {
    let folder = begin(&mut Market::new(19), 10);
    let output = run(folder.path(), "live --watch");
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("standard output is not a terminal") && told.contains("Hint: without --watch"), "{told}");
}
