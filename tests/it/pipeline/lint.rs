//! What lint refuses, and what it accepts.

use squall::pipeline::{Parameters, Project};

use super::{empty_session, project_of};

/// Returns the messages of lint about one query, with line and column.
fn findings(folder: &str, select: &str) -> Vec<String> {
    let header = "-- description: x\n-- grain: product_id, ts\n-- time column: ts\n-- lookback: 1 s\n-- horizon: 1 s\n-- units:\n--   v: 1\n";
    let text = format!("{header}{select}");
    let label = format!(
        "{header}SELECT product_id, ts, lead(price) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks"
    );
    let dir = project_of(&[
        ("sources/ticks.sql", "-- description: x\nSELECT * FROM landed_ticks"),
        ("labels/a_label.sql", &label),
        (&format!("{folder}/checked.sql"), &text),
    ]);
    let project = Project::load(dir.path(), &Parameters::new()).unwrap();
    let findings = project.lint(project.query("checked").unwrap());
    let place = |finding: &squall::pipeline::Finding| {
        format!("{}:{}: {}", finding.place.line, finding.place.column.unwrap_or_default(), finding.message)
    };
    findings.iter().map(place).collect()
}

const PRODUCT: &str = "PARTITION BY product_id ORDER BY ts";

fn over(call: &str, window: &str) -> String {
    format!("SELECT product_id, ts, {call} OVER ({window}) AS v FROM ticks")
}

#[test]
fn a_feature_may_look_back() {
    for (call, frame) in [
        ("avg(price)", "RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND CURRENT ROW"),
        ("count(*)", "ROWS 5 PRECEDING"),
        ("sum(price)", ""),
        ("lag(price)", ""),
        ("lag(price, 3)", ""),
        ("lead(price, -3)", ""),
        ("row_number()", ""),
        ("last_value(price)", "ROWS BETWEEN 9 PRECEDING AND 1 PRECEDING"),
        ("ewma(price, INTERVAL '5 seconds')", ""),
        ("time_weighted_avg(price, ts)", "RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND CURRENT ROW"),
    ] {
        assert_eq!(findings("features", &over(call, &format!("{PRODUCT} {frame}"))), [""; 0], "{call} {frame}");
    }
    let by_both = over("lag(price)", "ORDER BY product_id, ticks.ts");
    assert_eq!(findings("features", &by_both), [""; 0]);
}

#[test]
fn a_feature_may_not_look_ahead() {
    for (call, window) in [
        (
            "avg(price)",
            "PARTITION BY product_id ORDER BY ts RANGE BETWEEN CURRENT ROW AND INTERVAL '1 second' FOLLOWING",
        ),
        ("avg(price)", "PARTITION BY product_id ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING"),
        ("avg(price)", "PARTITION BY product_id"),
        ("lead(price)", PRODUCT),
        ("lag(price, -1)", PRODUCT),
        ("percent_rank()", PRODUCT),
        ("max_gap(ts)", "PARTITION BY product_id"),
        ("realized_volatility(price)", "PARTITION BY product_id ORDER BY ts ROWS BETWEEN 9 PRECEDING AND 1 FOLLOWING"),
    ] {
        let found = findings("features", &over(call, window));
        assert_eq!(found.len(), 1, "{call} {window}: {found:?}");
        assert!(found[0].starts_with("8:24: this feature looks ahead"), "{found:?}");
    }
    let named = "SELECT product_id, ts, avg(price) OVER ahead AS v FROM ticks\n\
        WINDOW product AS (PARTITION BY product_id ORDER BY ts), ahead AS (product ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING)";
    assert!(findings("features", named)[0].contains("rows that follow"));
    let nested = format!("SELECT product_id, ts, v FROM ({}) AS inner_query", over("lead(price)", PRODUCT));
    assert!(findings("features", &nested)[0].contains("later row"));
    for (sql, message) in [
        ("SELECT product_id, max(ts) AS ts, avg(price) AS v FROM ticks GROUP BY product_id", "a group may hold"),
        ("SELECT product_id, ts, price AS v FROM ticks LIMIT 5", "a limit keeps a number of rows"),
        ("SELECT product_id, ts, v FROM a_label", "it reads the label `a_label`"),
    ] {
        let found = findings("features", sql);
        assert!(found.len() == 1 && found[0].contains(message), "{sql}: {found:?}");
    }
}

#[test]
fn order_must_be_that_of_the_grain() {
    for window in
        ["PARTITION BY product_id ORDER BY event_time", "ORDER BY ts", "PARTITION BY product_id ORDER BY ts DESC"]
    {
        for folder in ["features", "labels"] {
            let found = findings(folder, &over("lag(price)", window));
            assert!(found[0].contains("write PARTITION BY product_id ORDER BY ts"), "{window}: {found:?}");
        }
    }
}

#[test]
fn a_label_looks_ahead_and_only_ahead() {
    let ahead = "RANGE BETWEEN INTERVAL '1 nanosecond' FOLLOWING AND INTERVAL '60 seconds' FOLLOWING";
    assert_eq!(findings("labels", &over("avg(price)", &format!("{PRODUCT} {ahead}"))), [""; 0]);
    assert_eq!(findings("labels", &over("realized_volatility(price)", &format!("{PRODUCT} {ahead}"))), [""; 0]);
    assert_eq!(findings("labels", &over("lead(price)", PRODUCT)), [""; 0]);
    assert_eq!(findings("labels", &over("max(ts)", "PARTITION BY product_id")), [""; 0]);
    let back = findings("labels", &over("lag(price)", PRODUCT));
    assert_eq!(back, ["1:1: no window of this label looks ahead"]);
    let holds_itself = over("avg(price)", &format!("{PRODUCT} ROWS BETWEEN CURRENT ROW AND 5 FOLLOWING"));
    assert!(findings("labels", &holds_itself)[0].contains("holds the tick itself"));
    let before = findings("labels", &over("avg(price)", PRODUCT));
    assert!(before[0].contains("ends at the tick itself"), "{before:?}");
}

#[test]
fn the_shipped_project_passes() {
    let project = super::shipped();
    for query in project.queries() {
        assert_eq!(project.lint(query), [], "{}", query.name);
    }
}

#[tokio::test]
async fn every_column_has_a_unit() {
    let context = empty_session();
    let project = super::shipped();
    let tables = tempfile::tempdir().unwrap();
    project.register(&context, tables.path()).await.unwrap();
    for query in project.queries() {
        assert_eq!(project.columns_without_unit(query, &context).await.unwrap(), [""; 0], "{}", query.name);
    }
    let header = "-- description: x\n-- grain: ts\n-- time column: ts\n-- lookback: 1 s\n-- units:\n--   a: 1\n";
    let dir = project_of(&[("features/f.sql", &format!("{header}SELECT ts, 1 AS a, 2 AS b FROM landed_ticks"))]);
    let project = Project::load(dir.path(), &Parameters::new()).unwrap();
    let missing = project.columns_without_unit(project.query("f").unwrap(), &context).await.unwrap();
    assert_eq!(missing, ["b"]);
}
