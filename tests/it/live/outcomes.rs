//! What became of scores, while they are emitted and afterwards: every figure against a plain computation from the rows.

use std::collections::BTreeMap;
use std::path::Path;

use super::commands::{SCORES, begin, go_on, run, squall, succeed};
use super::market::{Market, PRODUCTS};
use crate::metrics::Running;

/// A query with scores that are often equal.
const GUESS: &str = "-- description: A guess.\n-- grain: product_id, ts\n-- time column: ts\n\n\
    SELECT product_id, ts, price, CAST(log_offset % 10 AS DOUBLE) / 10 AS score FROM ticks\n";
const THRESHOLD: f64 = 0.7;
/// The two are needed together, and without spaces.
const EVENT: &str = "--outcomes rv_spike_60s --event forward_vol>0.0005 --threshold 0.7";

/// Makes a project with a score query, and a log of a market.
fn project(market: &mut Market, query: &str, text: &str) -> tempfile::TempDir {
    let folder = begin(market, 900);
    std::fs::create_dir_all(folder.path().join("sql/scores")).unwrap();
    std::fs::write(folder.path().join(format!("sql/scores/{query}.sql")), text).unwrap();
    folder
}

/// Returns the lines of a statement.
fn sql(folder: &Path, statement: &str) -> Vec<String> {
    let output = squall(folder).args(["sql", "--format", "csv", "-c", statement]).output().unwrap();
    assert!(output.status.success(), "{statement}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().skip(1).map(String::from).collect()
}

/// Returns the score of each row, and whether the event happened, if that is known.
fn rows(folder: &Path, query: &str, condition: &str) -> Vec<(f64, Option<bool>)> {
    let statement = format!(
        "SELECT s.score, l.forward_vol > 0.0005 FROM 'out/{query}-*.parquet' AS s \
         LEFT JOIN rv_spike_60s AS l ON l.product_id = s.product_id AND l.ts = s.ts WHERE {condition}"
    );
    let rows = sql(folder, &statement).into_iter().map(|line| {
        let (score, happened) = line.split_once(',').unwrap();
        (score.parse().unwrap(), happened.parse().ok())
    });
    rows.collect()
}

/// Returns average precision, Brier score, precision and recall of rows, each of which is an event in so far as its weight says.
fn figures(rows: &[(f64, f64)]) -> [f64; 4] {
    let all: f64 = rows.iter().map(|(_, weight)| weight).sum();
    let above = |least: f64| {
        let weights: Vec<f64> = rows.iter().filter(|(score, _)| *score >= least).map(|(_, weight)| *weight).collect();
        (weights.iter().sum::<f64>(), weights.len() as f64)
    };
    let average: f64 = rows.iter().map(|(score, weight)| weight * above(*score).0 / above(*score).1).sum();
    // The mean of the squared error, over the event and its absence.
    let brier = rows.iter().map(|(score, weight)| weight * (1.0 - score).powi(2) + (1.0 - weight) * score.powi(2));
    let (hits, alerts) = above(THRESHOLD);
    [average / all, brier.sum::<f64>() / rows.len() as f64, hits / alerts, hits / all]
}

/// Returns the figures by name that a line of these rows has to have.
fn wanted(rows: &[(f64, Option<bool>)]) -> BTreeMap<&'static str, f64> {
    let known: Vec<(f64, f64)> =
        rows.iter().filter_map(|(score, happened)| Some((*score, f64::from(u8::from((*happened)?))))).collect();
    let scores: Vec<(f64, f64)> = rows.iter().map(|(score, _)| (*score, *score)).collect();
    let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / known.len() as f64;
    let mut wanted = BTreeMap::from([("rows", rows.len() as f64), ("known", known.len() as f64)]);
    if !known.is_empty() {
        wanted.insert("expected", mean(&mut known.iter().map(|(score, _)| *score)));
        wanted.insert("happened", mean(&mut known.iter().map(|(_, weight)| *weight)));
        wanted
            .extend(["average_precision", "brier", "alert_precision", "alert_recall"].into_iter().zip(figures(&known)));
    }
    let names = ["expected_average_precision", "expected_brier", "expected_alert_precision", "expected_alert_recall"];
    wanted.extend(names.into_iter().zip(figures(&scores)));
    wanted
}

fn check(what: &str, found: &BTreeMap<String, f64>, wanted: &BTreeMap<&'static str, f64>) {
    for name in
        ["rows", "known", "expected", "happened", "average_precision", "brier", "alert_precision", "alert_recall"]
    {
        assert_eq!(found.contains_key(name), wanted.contains_key(name), "{what}: {name} in {found:?}");
    }
    for (name, wanted) in wanted {
        // The table shows ten digits.
        assert!((found[*name] - wanted).abs() < 1e-8, "{what}: {name} is {}, and not {wanted}", found[*name]);
    }
}

/// Returns the cells of a printed table with one row, as far as they are numbers.
fn table(text: &str) -> BTreeMap<String, f64> {
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split('│').map(str::trim).collect()).collect();
    let head = lines.iter().position(|line| line.contains(&"known")).unwrap_or_else(|| panic!("{text}"));
    let cells = lines[head].iter().zip(&lines[head + 2]);
    cells.filter_map(|(name, cell)| Some(((*name).to_string(), cell.parse().ok()?))).collect()
}

#[test]
fn the_last_span_is_judged_as_its_rows_say() {
    let folder = project(&mut Market::new(41), "guess", GUESS);
    let folder = folder.path();
    let line = format!("live guess --to out --once {EVENT} --outcomes-span 2m");
    let (shown, told) = succeed(folder, &line);
    let recent = "s.ts >= (SELECT max(ts) FROM 'out/guess-*.parquet') - INTERVAL '2 minutes'";
    let all = rows(folder, "guess", "true").len();
    let before = rows(folder, "guess", recent);
    assert!(before.len() > 50 && before.len() + 50 < all, "{} of {all}", before.len());
    let found = table(&shown);
    check("nothing has landed", &found, &wanted(&before));
    assert_eq!((found["known"], found.get("brier")), (0.0, None), "{shown}{told}");
    succeed(folder, "land");
    let (shown, _) = succeed(folder, &line);
    let after = rows(folder, "guess", recent);
    let known = after.iter().filter(|(_, happened)| happened.is_some()).count();
    assert!(known > 20 && known < after.len(), "{known} of {}", after.len());
    check("the last span", &table(&shown), &wanted(&after));
    // Each product by itself, over all time; and its episodes are those of the table, if that has all rows.
    let line = format!("live guess --to out --once {EVENT} --outcomes-span 1d");
    let total = table(&succeed(folder, &line).0);
    let line = "outcomes guess --of out --label rv_spike_60s --event forward_vol>0.0005 --threshold 0.7 --span 365d --format ndjson";
    let (shown, _) = succeed(folder, line);
    let mut episodes = [0.0, 0.0];
    for (line, product) in shown.lines().zip(PRODUCTS) {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["product_id"], product);
        let found: BTreeMap<String, f64> = line
            .as_object()
            .unwrap()
            .iter()
            .filter_map(|(name, value)| Some((name.clone(), value.as_f64()?)))
            .collect();
        check(product, &found, &wanted(&rows(folder, "guess", &format!("s.product_id = '{product}'"))));
        episodes = [episodes[0] + found["episodes"], episodes[1] + found["caught"]];
    }
    assert_eq!(shown.lines().count(), 3);
    assert_eq!([total["episodes"], total["caught"]], episodes);
    assert!(episodes[0] > 0.0 && episodes[1] > 0.0, "{episodes:?}");
}

#[test]
fn outcomes_and_drift_are_metrics_while_live_runs() {
    let market = &mut Market::new(42);
    let folder = project(market, "slope_now", SCORES);
    let folder = folder.path();
    for statement in [
        "CREATE MODEL slope OPTIONS (model_type = 'logistic_reg', input_label_cols = ['label']) AS \
         SELECT price, price > 50 AS label FROM (SELECT CAST(value AS DOUBLE) AS price FROM generate_series(1, 100))",
        "ALTER MODEL slope SET ALIAS champion",
    ] {
        sql(folder, statement);
    }
    let live = Running::start(
        folder,
        &format!(
            "live slope_now tick_features --to out --flush 1ms {EVENT} --outcomes-every 100ms --outcomes-span 10h"
        ),
    );
    let labels = "query=\"slope_now\",model=\"slope\",version=\"1\"";
    let ticks = live.wait_for("squall_lag_messages{partition=\"0\"}", 0.0)["squall_ticks_total{status=\"ok\"}"];
    let metrics = live.wait_for(&format!("squall_outcome_rows{{{labels}}}"), ticks);
    let before = wanted(&rows(folder, "slope_now", "true"));
    let of = |metrics: &BTreeMap<String, f64>, name: &str, of: &str| {
        metrics.get(&format!("squall_outcome_{name}{{{labels},of=\"{of}\"}}")).copied()
    };
    let pairs = [
        ("average_precision", "average_precision"),
        ("brier_score", "brier"),
        ("alert_precision", "alert_precision"),
        ("alert_recall", "alert_recall"),
    ];
    for (name, column) in pairs {
        let expected = of(&metrics, name, "expected").unwrap();
        assert!((expected - before[format!("expected_{column}").as_str()]).abs() < 1e-12, "{name}: {expected}");
        assert_eq!(of(&metrics, name, "realised"), None, "nothing has landed");
    }
    succeed(folder, "land");
    let after = wanted(&rows(folder, "slope_now", "true"));
    let metrics = live.wait_for(&format!("squall_outcome_known_rows{{{labels}}}"), after["known"]);
    for (name, column) in pairs {
        let realised = of(&metrics, name, "realised").unwrap();
        assert!((realised - after[column]).abs() < 1e-12, "{name} is {realised}, and not {}", after[column]);
    }
    for (name, column) in [("mean_score", "expected"), ("event_share", "happened")] {
        let found = metrics[&format!("squall_outcome_{name}{{{labels}}}")];
        assert!((found - after[column]).abs() < 1e-12, "{name} is {found}, and not {}", after[column]);
    }
    assert!(metrics[&format!("squall_outcome_episodes{{{labels}}}")] > 0.0);
    // What `drift` says of the same rows.
    let said = sql(
        folder,
        "SELECT test, value, drifted FROM drift('model:slope@1', 'SELECT price FROM ''out/slope_now-*.parquet''')",
    );
    let said: Vec<&str> = said[0].split(',').collect();
    let drift = metrics[&format!("squall_feature_drift{{{labels},column=\"price\",test=\"{}\"}}", said[0])];
    assert!((drift - said[1].parse::<f64>().unwrap()).abs() < 1e-9, "{drift} {said:?}");
    let drifted = f64::from(u8::from(said[2] == "true"));
    assert_eq!(metrics[&format!("squall_feature_drifted{{{labels},column=\"price\"}}")], drifted);
    assert_eq!(metrics[&format!("squall_feature_drifted_share{{{labels}}}")], drifted);
    // More rows come, and are looked at too.
    go_on(folder, market, 100);
    let ticks = live.wait_for("squall_messages_total", 1000.0)["squall_ticks_total{status=\"ok\"}"];
    live.wait_for(&format!("squall_outcome_rows{{{labels}}}"), ticks);
    let (status, said) = live.terminate();
    assert!(status.success(), "{said}");
    assert!(!said.contains("Warning"), "{said}");
    let (told, _) = succeed(folder, &format!("live slope_now --to out --once {EVENT} --outcomes-span 10h"));
    assert!(told.contains("slope_now"), "{told}");
}

#[test]
fn what_cannot_be_answered_is_refused_before_the_start() {
    let folder = project(&mut Market::new(43), "guess", GUESS);
    for (line, expected) in [
        (format!("live guess --once {EVENT}"), "Hint: name a folder: --to out"),
        (
            format!("live guess --once --to out {EVENT} --outcomes-span 60s"),
            "not longer than the horizon of `rv_spike_60s`",
        ),
        (format!("live tick_features --once --to out {EVENT}"), "no rows have a column `score`"),
        (
            "live guess --once --to out --outcomes rv_spike_60s --event forward_vol".into(),
            "it is neither true nor false",
        ),
        ("live guess --once --to out --outcomes nothing --event forward_vol>0".into(), "nothing"),
        ("live guess --once --to out --outcomes rv_spike_60s".into(), "--event"),
        ("live guess --once --to out --threshold 0.3".into(), "--outcomes"),
    ] {
        let output = run(folder.path(), &line);
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && told.contains(expected), "{line}: {told}");
        assert!(!folder.path().join("out").exists(), "{line}");
    }
}
