//! Queries that cannot run live are refused before anything starts, with the file, the line and the reason.

use squall::error::Hint;

use super::Place;

const HEAD: &str = "-- description: x\n-- grain: product_id, ts\n-- time column: ts\n";

/// What follows the header of a query, the line that is to blame, and what the reason says.
const REFUSED: [(&str, usize, &str); 12] = [
    (
        "SELECT product_id, ts,\nlead(price) OVER (PARTITION BY product_id ORDER BY ts) AS x\nFROM ticks",
        5,
        "looks ahead",
    ),
    (
        "SELECT product_id, ts, max(price) OVER (PARTITION BY product_id ORDER BY ts\nRANGE BETWEEN CURRENT ROW AND INTERVAL '1 second' FOLLOWING) AS x FROM ticks",
        5,
        "looks ahead",
    ),
    ("SELECT product_id, ts, max(price) OVER (PARTITION BY product_id) AS x FROM ticks", 4, "whole partition"),
    ("SELECT product_id, ts, lag(price) OVER (ORDER BY ts) AS x FROM ticks", 4, "mixes products"),
    (
        "SELECT product_id, ts, lag(price) OVER (PARTITION BY product_id\nORDER BY event_time) AS x FROM ticks",
        5,
        "not ordered by ts alone",
    ),
    (
        "SELECT product_id, max(ts) AS ts, max(price) AS x\nFROM ticks\nGROUP BY product_id",
        6,
        "a group needs all of its rows",
    ),
    ("SELECT DISTINCT product_id, ts FROM ticks", 4, "a group needs all of its rows"),
    ("SELECT product_id, ts FROM ticks\nORDER BY ts\nLIMIT 10", 6, "LIMIT"),
    (
        "SELECT a.product_id, a.ts, b.price AS x FROM ticks AS a\nJOIN ticks AS b ON a.product_id = b.product_id AND a.price = b.price",
        5,
        "joins ticks with other ticks",
    ),
    ("SELECT product_id, ts, random() AS x FROM ticks", 4, "can change from run to run"),
    ("SELECT product_id, price AS x FROM ticks", 4, "do not carry product_id and ts"),
    (
        "SELECT product_id, ts, lag(price) OVER (PARTITION BY product_id ORDER BY ts) AS x FROM (\nSELECT product_id, ts, price FROM ticks\nUNION ALL SELECT product_id, ts, price FROM ticks)",
        6,
        "may have several",
    ),
];

#[tokio::test]
async fn what_cannot_run_live_is_refused_with_its_place() {
    let files: Vec<(String, String)> = REFUSED
        .iter()
        .enumerate()
        .map(|(number, (sql, ..))| (format!("sql/sources/refused_{number}.sql"), format!("{HEAD}{sql}\n")))
        .collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let place = Place::with(&files).await;
    for (number, (sql, line, reason)) in REFUSED.iter().enumerate() {
        let name = format!("refused_{number}");
        let error = place.plan(&name).await.err().unwrap_or_else(|| panic!("it is not refused: {sql}"));
        let text = error.to_string();
        assert!(text.contains(&format!("{name}.sql:{line}")), "line {line} is to blame: {text}");
        assert!(text.contains(reason), "{reason}: {text}");
        assert!(error.hint().is_some_and(|hint| hint.contains("docs/live.md")), "{error}");
    }
}

#[tokio::test]
async fn a_refusal_names_the_query_that_is_read() {
    let place = Place::with(&[]).await;
    let text = place.plan("spike_training").await.err().unwrap().to_string();
    assert!(text.contains("`spike_training` cannot run live: it reads `rv_spike_60s`"), "{text}");
    assert!(text.contains("sql/labels/rv_spike_60s.sql:"), "{text}");
    let text = place.plan("spike_logistic").await.err().unwrap().to_string();
    assert!(text.contains("only queries run live"), "{text}");
}

#[tokio::test]
async fn a_plan_says_what_keeps_a_state() {
    let place = Place::with(&[]).await;
    let described = place.plan("spike_features").await.unwrap().describe();
    assert!(!described.windows.is_empty() && described.fixed == 0);
    let expressions: Vec<&String> = described.windows.iter().flat_map(|window| &window.expressions).collect();
    assert!(expressions.iter().any(|name| name.contains("1800 seconds PRECEDING")), "{expressions:?}");
    assert!(described.windows[0].input.contains("the ticks of the poll"), "{}", described.windows[0].input);
    assert!(!described.rest.contains("RollingWindowExec"), "{}", described.rest);
}
