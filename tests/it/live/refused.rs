//! Queries that cannot run live are refused before anything starts, with the file, the line and the reason.

use squall::catalog::{GROWING_TABLES, Session};
use squall::error::Hint;
use squall::track::{Server, Tracker};

use super::Place;

const HEAD: &str = "-- description: x\n-- grain: product_id, ts\n-- time column: ts\n";

/// What follows the header of a query, the line that is to blame, and what the reason says.
const REFUSED: [(&str, usize, &str); 23] = [
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
    (
        "SELECT product_id, ts, a.price AS x FROM ticks AS a\nFULL JOIN ticks AS b USING (product_id, ts)",
        5,
        "write LEFT JOIN or RIGHT JOIN",
    ),
    (
        "SELECT product_id, ts,\napprox_distinct(price) OVER (PARTITION BY product_id ORDER BY ts) AS x FROM ticks",
        5,
        "the engine's own window operator",
    ),
    (
        "SELECT t.product_id, t.ts, f.topic AS x FROM ticks AS t\nJOIN landed_files AS f ON t.log_partition = f.log_partition",
        5,
        "it reads `landed_files`, which grows",
    ),
    (
        "SELECT product_id, ts FROM ticks\nWHERE product_id NOT IN (SELECT product_id FROM landed_silences)",
        5,
        "it reads `landed_silences`, which grows",
    ),
    (
        "SELECT t.product_id, t.ts, b.price AS x FROM ticks AS t\nASOF JOIN ticks AS b ON t.ts >= b.ts",
        5,
        "it is not known which products' ticks",
    ),
    (
        "SELECT t.product_id, t.ts, b.price AS x FROM ticks AS t\nASOF JOIN ticks AS b ON t.side = b.side AND t.ts >= b.ts",
        5,
        "it is not known which products' ticks",
    ),
    (
        "SELECT t.product_id, t.ts, b.price AS x FROM ticks AS t\nASOF JOIN (SELECT * FROM ticks WHERE product_id IN ('B', 'C')) AS b ON t.side = b.side AND t.ts >= b.ts",
        5,
        "ON has to name the right side's product_id",
    ),
    (
        "SELECT t.product_id, t.ts, b.price AS x FROM ticks AS t\nASOF JOIN ticks AS b ON t.product_id = b.product_id AND t.ts <= b.ts",
        5,
        "compares the ts of both, and looks back",
    ),
    (
        "SELECT t.product_id, t.ts, b.price AS x FROM ticks AS t\nASOF JOIN ticks AS b ON t.product_id = b.product_id AND t.ts >= b.event_time",
        5,
        "compares the ts of both, and looks back",
    ),
    (
        "SELECT t.product_id, t.ts, b.x FROM ticks AS t\nASOF JOIN (SELECT product_id, ts, price AS x FROM ticks UNION ALL SELECT product_id, ts, best_bid FROM ticks) AS b\nON t.product_id = b.product_id AND t.ts >= b.ts",
        5,
        "may have several",
    ),
    (
        "SELECT t.product_id, t.ts, b.x FROM ticks AS t\nASOF JOIN (SELECT s.ts, c.price AS x FROM ticks AS s ASOF JOIN (SELECT ts, price FROM ticks WHERE product_id = 'C') AS c\nON s.ts >= c.ts WHERE s.product_id = 'B') AS b ON t.ts >= b.ts",
        5,
        "would wait for another product itself",
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
async fn every_table_of_squalls_own_is_known_to_grow() {
    let place = Place::with(&[]).await;
    let dir = tempfile::tempdir().unwrap();
    let tracker = Tracker::new(dir.path().to_path_buf(), Server::default(), |_, _| {});
    let session = Session::open(place.options()).await.unwrap().with_events(dir.path()).unwrap();
    let session = session.with_dead_letters(dir.path()).unwrap().with_tracker(tracker).unwrap();
    let schema = session.context().catalog("datafusion").unwrap().schema("public").unwrap();
    let mut names = schema.table_names();
    names.sort();
    let mut known = GROWING_TABLES;
    known.sort();
    assert_eq!(names, known);
}

#[tokio::test]
async fn a_view_over_a_table_that_grows_is_refused() {
    let sql = format!("{HEAD}SELECT product_id, ts FROM ticks\nWHERE log_offset NOT IN (SELECT first FROM kept)\n");
    let place = Place::with(&[("sql/features/over_view.sql", sql.as_str())]).await;
    let context = place.session.context();
    let view = context.sql("SELECT first_offset AS first FROM landed_files").await.unwrap().into_view();
    context.register_table("kept", view).unwrap();
    let text = place.plan("over_view").await.err().unwrap().to_string();
    assert!(text.contains("over_view.sql:5") && text.contains("it reads `landed_files` through a view"), "{text}");
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
