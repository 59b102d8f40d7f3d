//! The project as a tool: what is built in, templates, lineage, profiles, differences, and the project as tables.

use std::collections::BTreeSet;
use std::sync::Arc;

use squall::error::Hint;
use squall::pipeline::compare::{By, CompareError, compare};
use squall::pipeline::lineage::{Direction, Lineage, Use};
use squall::pipeline::profile::profile;
use squall::pipeline::{Template, shipped as built_in, tables};

use super::*;

/// Compares a generated file with what it should be, or rewrites it.
fn blessed(path: &str, text: &str) {
    let path = root().join(path);
    if std::env::var_os("SQUALL_BLESS").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == text, "{} is stale: SQUALL_BLESS=1 cargo test --test it project:: rewrites it", path.display());
}

#[test]
fn every_file_of_the_project_is_built_in() {
    let mut files = Vec::new();
    let mut folders = vec![root().join("sql")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')) => {}
                false => files.push(path.strip_prefix(root().join("sql")).unwrap().to_string_lossy().into_owned()),
            }
        }
    }
    files.sort();
    let source = std::fs::read_to_string(root().join("src/pipeline/shipped/files.rs")).unwrap();
    let (head, _) = source.split_once("&[\n").unwrap();
    let entries = files.iter().map(|file| format!("    (\"{file}\", include_str!(\"../../../sql/{file}\")),\n"));
    blessed("src/pipeline/shipped/files.rs", &format!("{head}&[\n{}];\n", entries.collect::<String>()));
    for (path, text) in built_in::sql() {
        assert_eq!(std::fs::read_to_string(root().join(&path)).unwrap(), text, "{path}");
    }
}

#[test]
fn the_project_is_written_once_and_overwrites_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let files = built_in::sql();
    assert_eq!(built_in::write(dir.path(), &files).unwrap(), files.len());
    assert_eq!(built_in::write(dir.path(), &files).unwrap(), 0, "what is there already is left alone");
    std::fs::remove_file(dir.path().join("sql/sources/ticks.sql")).unwrap();
    assert_eq!(built_in::write(dir.path(), &files).unwrap(), 1, "an interrupted start can be finished");

    let changed = dir.path().join("sql/sources/ticks.sql");
    std::fs::write(&changed, "SELECT 1").unwrap();
    std::fs::remove_file(dir.path().join("sql/features/tick_features.sql")).unwrap();
    let error = built_in::write(dir.path(), &files).unwrap_err();
    assert!(error.to_string().contains("ticks.sql"), "{error}");
    assert!(error.hint().is_some_and(|hint| hint.contains("squall init DIR")));
    assert_eq!(std::fs::read_to_string(&changed).unwrap(), "SELECT 1");
    assert!(!dir.path().join("sql/features/tick_features.sql").exists(), "nothing is written beside it");

    let own = project_of(&[("sql/features/mine.sql", "SELECT 1")]);
    let error = built_in::write(own.path(), &files).unwrap_err();
    assert!(error.to_string().contains("mine.sql"), "another project is not mixed up with this one: {error}");
}

#[tokio::test]
async fn the_specification_of_features_is_fresh() {
    let (project, context) = (shipped(), empty_session());
    project.register(&context, Path::new("no/tables")).await.unwrap();
    blessed("docs/feature_spec.md", &project.feature_spec(&context).await.unwrap());
}

/// Checks a project with a file added; returns what is wrong.
async fn faults_with(dir: &Path, context: &SessionContext) -> Vec<String> {
    let project = Project::load(dir, &parameters()).unwrap();
    let unplanned = project.register(context, &dir.join("tables")).await.unwrap();
    let mut found = Found::default();
    project.check(context, &unplanned, &squall::pipeline::Options::default(), &mut found).await.unwrap();
    found.0
}

#[derive(Default)]
struct Found(Vec<String>);

impl squall::pipeline::Report for Found {
    fn begins(&mut self, _check: squall::pipeline::Check, _subject: &str) {}

    fn ends(&mut self, checked: squall::pipeline::Checked) {
        if let squall::pipeline::Outcome::Faults(faults) = checked.outcome {
            self.0.extend(faults.iter().map(|fault| format!("{} {}: {}", fault.query, fault.place, fault.message)));
        }
    }
}

#[tokio::test]
async fn what_is_begun_passes_the_check() {
    let (dir, context) = (tempfile::tempdir().unwrap(), empty_session());
    built_in::write(dir.path(), &built_in::sql()).unwrap();
    let sql = dir.path().join("sql");
    let from = || "spike_training".to_string();
    for (template, name, file) in [
        (Template::Feature, "my_feature", "features/my_feature.sql"),
        (Template::Label, "my_label", "labels/my_label.sql"),
        (Template::Model { from: from() }, "my_model", "models/my_model.sql"),
        (Template::Audit, "my_audit", "audits/my_audit.sql"),
        (Template::Test, "my_feature", "tests/my_feature.sql"),
        (Template::Test, "my_label", "tests/my_label.sql"),
        (Template::Test, "drift_current", "tests/drift_current.sql"),
        (Template::Test, "my_audit", "tests/my_audit.sql"),
    ] {
        let project = Project::load(&sql, &parameters()).unwrap();
        project.register(&context, &dir.path().join("tables")).await.unwrap();
        let begun = project.begin(&template, name, &context).await.unwrap();
        assert_eq!(begun.file, sql.join(file));
        assert!(begun.text.contains("-- "), "it is commented");
        assert!(!begun.text.contains("NAME") && !begun.text.contains("QUERY"), "{}", begun.text);
        std::fs::write(&begun.file, &begun.text).unwrap();
        let faults = faults_with(&sql, &context).await;
        assert_eq!(faults, [] as [&str; 0], "{name}:\n{}", begun.text);
    }
    let model = std::fs::read_to_string(sql.join("models/my_model.sql")).unwrap();
    assert!(model.contains("log_rv_60s") && !model.contains("forward_vol"), "{model}");
    let test = std::fs::read_to_string(sql.join("tests/my_feature.sql")).unwrap();
    assert!(test.contains("-- given ticks(") && test.contains("2.0"), "the spread of 99 and 101 is 2:\n{test}");
}

#[tokio::test]
async fn a_template_without_the_shipped_project_passes_too() {
    let (dir, context) = (tempfile::tempdir().unwrap(), empty_session());
    let sql = dir.path().join("sql");
    std::fs::create_dir_all(&sql).unwrap();
    std::fs::write(sql.join("one.sql"), "-- description: One row.\nSELECT 1 AS one").unwrap();
    for (template, name) in [(Template::Feature, "f"), (Template::Label, "l"), (Template::Audit, "a")] {
        let project = Project::load(&sql, &Parameters::new()).unwrap();
        project.register(&context, &dir.path().join("tables")).await.unwrap();
        let begun = project.begin(&template, name, &context).await.unwrap();
        std::fs::create_dir_all(begun.file.parent().unwrap()).unwrap();
        std::fs::write(&begun.file, &begun.text).unwrap();
        assert_eq!(faults_with(&sql, &context).await, [] as [&str; 0], "{}", begun.text);
    }
}

#[tokio::test]
async fn a_name_that_is_taken_or_wrong_is_refused() {
    let (project, context) = (shipped(), empty_session());
    project.register(&context, Path::new("no/tables")).await.unwrap();
    let from = |from: &str| Template::Model { from: from.into() };
    for (template, name, message) in [
        (Template::Feature, "ticks", "there is already a `ticks`"),
        (Template::Label, "spike_60s", "there is already a `spike_60s`"),
        (Template::Test, "ticks", "there is already a `ticks`"),
        (Template::Test, "tick", "no query is named `tick`"),
        (Template::Test, "spike_logistic", "`spike_logistic` is a model"),
        (Template::Feature, "Bad", "`Bad` is not a name"),
        (Template::Feature, "a-b", "`a-b` is not a name"),
        (Template::Feature, "../x", "`../x` is not a name"),
        (Template::Feature, "", "`` is not a name"),
        (Template::Feature, "landed_ticks", "has the name of the built-in table"),
        (Template::Feature, "squall_queries", "has the name of the built-in table"),
        (Template::Feature, "not_null", "has the name of the table function"),
        (from("spike_featurs"), "m", "no query is named `spike_featurs`"),
        (from("spike_features"), "m", "`spike_features` has no BOOLEAN column"),
        (from("spike_logistic"), "m", "`spike_logistic` is a model"),
    ] {
        let error = project.begin(&template, name, &context).await.unwrap_err();
        assert!(error.to_string().contains(message), "{name}: {error}");
        assert!(error.hint().is_some(), "{name}: {error}");
    }
}

/// The lineage of a query in a project of one query beside the landed ticks.
async fn lineage_of(files: &[(&str, &str)], about: &str, direction: Direction) -> Lineage {
    let (dir, context) = (project_of(files), empty_session());
    let project = Project::load(dir.path(), &parameters()).unwrap();
    let unplanned = project.register(&context, &dir.path().join("tables")).await.unwrap();
    assert!(unplanned.is_empty(), "{unplanned:?}");
    project.lineage(Some(about), direction, &context).await.unwrap()
}

/// Returns the steps to a place, as `source: uses`.
fn steps(lineage: &Lineage, column: Option<&str>) -> Vec<String> {
    let own = lineage.edges.iter().filter(|edge| &*edge.to.relation == "q" && edge.to.column.as_deref() == column);
    own.map(|edge| {
        let from = edge.from.column.as_deref().unwrap_or("*");
        format!("{}.{from}: {}", edge.from.relation, edge.how())
    })
    .collect()
}

#[tokio::test]
async fn each_part_of_a_query_has_its_use() {
    for (sql, column, expected) in [
        ("SELECT price * 2 AS x FROM landed_ticks", Some("x"), vec!["landed_ticks.price: value"]),
        ("SELECT 1 AS x FROM landed_ticks", Some("x"), vec![]),
        (
            "WITH a AS (SELECT price AS p FROM landed_ticks), b AS (SELECT p + 1 AS r FROM a) SELECT r AS x FROM b",
            Some("x"),
            vec!["landed_ticks.price: value"],
        ),
        (
            "SELECT avg(price) FILTER (WHERE side = 'buy') OVER (PARTITION BY product_id ORDER BY ts) AS x FROM landed_ticks",
            Some("x"),
            vec![
                "landed_ticks.price: value",
                "landed_ticks.product_id: partition",
                "landed_ticks.side: filter",
                "landed_ticks.ts: order",
            ],
        ),
        (
            "SELECT CASE WHEN side = 'buy' THEN price ELSE best_bid END AS x FROM landed_ticks",
            Some("x"),
            vec!["landed_ticks.best_bid: value", "landed_ticks.price: value", "landed_ticks.side: condition"],
        ),
        (
            "SELECT product_id, max(price) AS x FROM landed_ticks WHERE status = 'ok' GROUP BY product_id HAVING min(best_bid) > 0",
            None,
            vec!["landed_ticks.best_bid: filter", "landed_ticks.product_id: group", "landed_ticks.status: filter"],
        ),
        (
            "SELECT a.price AS x FROM landed_ticks AS a JOIN landed_ticks AS b ON a.product_id = b.product_id AND a.ts > b.event_time",
            None,
            vec!["landed_ticks.event_time: join", "landed_ticks.product_id: join", "landed_ticks.ts: join"],
        ),
        (
            "SELECT price AS x FROM landed_ticks UNION ALL SELECT best_ask FROM landed_ticks WHERE side = 'sell'",
            Some("x"),
            vec!["landed_ticks.best_ask: value", "landed_ticks.price: value"],
        ),
        (
            "SELECT (SELECT max(best_ask) FROM landed_ticks AS b WHERE b.side = a.side) AS x FROM landed_ticks AS a",
            Some("x"),
            vec!["landed_ticks.best_ask: value", "landed_ticks.side: filter"],
        ),
        (
            "SELECT price AS x FROM landed_ticks WHERE product_id IN (SELECT connection FROM landed_ticks)",
            None,
            vec!["landed_ticks.connection: filter", "landed_ticks.product_id: filter"],
        ),
        ("SELECT DISTINCT side AS x FROM landed_ticks", None, vec!["landed_ticks.side: group"]),
        (
            "SELECT DISTINCT ON (product_id) price AS x FROM landed_ticks ORDER BY product_id, ts DESC",
            None,
            vec!["landed_ticks.product_id: group, order", "landed_ticks.ts: order"],
        ),
        (
            "WITH RECURSIVE r AS (SELECT 1 AS n, price AS p FROM landed_ticks UNION ALL SELECT n + 1, p FROM r WHERE n < 3) SELECT p AS x FROM r",
            Some("x"),
            vec!["landed_ticks.price: value"],
        ),
        ("SELECT price AS x FROM not_null('landed_ticks', 'best_bid')", Some("x"), vec!["landed_ticks.price: value"]),
        ("SELECT value AS x FROM generate_series(1, 3)", Some("x"), vec!["generate_series().value: value"]),
        (
            "SELECT product_id, side, count(*) AS x FROM landed_ticks GROUP BY ROLLUP (product_id, side)",
            Some("side"),
            vec!["landed_ticks.side: value"],
        ),
    ] {
        let text = format!("-- description: d\n{sql}");
        let lineage = lineage_of(&[("q.sql", &text)], "q", Direction::Up).await;
        assert_eq!(steps(&lineage, column), expected, "{sql}");
    }
}

#[tokio::test]
async fn lineage_goes_through_queries_both_ways() {
    let files = [
        ("a.sql", "-- description: a\nSELECT product_id, ts, best_bid AS bid FROM landed_ticks WHERE status = 'ok'"),
        ("b.sql", "-- description: b\nSELECT ts, lag(bid) OVER (PARTITION BY product_id ORDER BY ts) AS before FROM a"),
        ("q.sql", "-- description: q\nSELECT before + 1 AS x, 2 AS y FROM b"),
    ];
    let up = lineage_of(&files, "q.x", Direction::Up).await;
    let names: Vec<&str> = up.nodes.iter().map(|node| &*node.name).collect();
    assert_eq!(names, ["landed_ticks", "a", "b", "q"]);
    let origin = up.edges.iter().find(|edge| edge.from.column.as_deref() == Some("best_bid")).unwrap();
    assert!(origin.is_value() && &*origin.to.relation == "a");
    assert_eq!(
        up.text(),
        "q.x\n  b.before (value)\n    a.bid (value)\n      landed_ticks.best_bid (value)\n      rows of a\n        \
         landed_ticks.status (filter)\n    a.product_id (partition)\n      landed_ticks.product_id (value)\n      \
         rows of a (above)\n    a.ts (order)\n      landed_ticks.ts (value)\n      rows of a (above)\n"
    );

    let down = lineage_of(&files, "landed_ticks.best_bid", Direction::Down).await;
    let places: BTreeSet<String> = down.edges.iter().map(|edge| edge.to.to_string()).collect();
    assert_eq!(places, ["a.bid", "b.before", "q.x"].map(String::from).into());
    let status = lineage_of(&files, "landed_ticks.status", Direction::Down).await;
    let filter = &status.edges[0];
    assert_eq!((filter.to.to_string(), filter.uses.clone()), ("rows of a".to_string(), BTreeSet::from([Use::Filter])));

    let mermaid = up.mermaid();
    assert!(mermaid.starts_with("flowchart LR\n  subgraph n0[\"landed_ticks (table)\"]"), "{mermaid}");
    assert!(mermaid.contains("-.->|filter|") && mermaid.contains(" --> "), "{mermaid}");
    let html = up.html();
    for part in
        ["<!doctype html>", "prefers-color-scheme: dark", "class=\"value\"", "class=\"other\"", ">best_bid</text>"]
    {
        assert!(html.contains(part), "{part}");
    }
    assert!(
        !html.contains("http://") && !html.contains("https://") && !html.contains("<script"),
        "it is self-contained"
    );
    let json = up.json();
    assert_eq!(json["nodes"][3]["name"], "q");
    assert!(
        json["edges"]
            .as_array()
            .unwrap()
            .iter()
            .all(|edge| edge["uses"].as_array().is_some_and(|uses| !uses.is_empty()))
    );
}

#[tokio::test]
async fn lineage_of_what_is_not_there_names_what_is_near() {
    let (project, context) = (shipped(), empty_session());
    project.register(&context, Path::new("no/tables")).await.unwrap();
    for (about, message, hint) in [
        ("spike_feature", "no query is named `spike_feature`", "did you mean `spike_features`?"),
        ("spike_features.rv_6s", "`spike_features` has no column `rv_6s`", "did you mean"),
        ("landed_ticks", "no query is named `landed_ticks`", "did you mean"),
    ] {
        let error = project.lineage(Some(about), Direction::Up, &context).await.unwrap_err();
        assert_eq!(error.to_string(), message);
        assert!(error.hint().is_some_and(|told| told.starts_with(hint)), "{:?}", error.hint());
    }
    let all = project.lineage(None, Direction::Up, &context).await.unwrap();
    assert!(all.text().contains("feature  spike_features"), "{}", all.text());
    // Every shipped query that needs no model has a lineage that ends at landed messages.
    for query in project.queries().iter().filter(|query| query.kind.as_str() == "feature") {
        let lineage = project.lineage(Some(&query.name), Direction::Up, &context).await.unwrap();
        assert!(lineage.nodes.iter().any(|node| &*node.name == "landed_ticks"), "{}", query.name);
    }
}

#[tokio::test]
async fn a_long_chain_of_diamonds_is_fast() {
    let files: Vec<(String, String)> = (0..60)
        .map(|number| {
            let text = match number {
                0 => "SELECT ts, price AS v FROM landed_ticks".to_string(),
                1 => "SELECT ts, v FROM q0".to_string(),
                n => format!("SELECT a.ts, a.v + b.v AS v FROM q{} AS a JOIN q{} AS b ON a.ts = b.ts", n - 1, n - 2),
            };
            (format!("q{number}.sql"), format!("-- description: d\n{text}"))
        })
        .collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let (dir, context) = (project_of(&files), empty_session());
    let project = Project::load(dir.path(), &parameters()).unwrap();
    let started = std::time::Instant::now();
    let lineage = project.lineage(Some("q59.v"), Direction::Up, &context).await.unwrap();
    assert_eq!(lineage.nodes.len(), 61);
    assert!(lineage.text().lines().count() < 500, "a place is told once");
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_profile_counts_what_is_missing_apart() {
    let context = empty_session();
    let sql = "SELECT * FROM (VALUES (1.0, 'a', true, TIMESTAMP '2026-01-01T00:00:00'), (2.0, 'b', NULL, NULL), \
               (CAST('NaN' AS DOUBLE), 'b', false, NULL), (NULL, NULL, false, NULL), (3.0, 'b', true, NULL)) AS t(x, s, f, ts)";
    let found = profile(sql, &context).await.unwrap();
    assert_eq!((found.rows, found.is_exact, found.head.num_rows()), (5, true, 5));
    let [x, s, f, ts] = found.columns.as_slice() else { panic!("{found:?}") };
    assert_eq!((x.nulls, x.nans, x.distinct), (1, Some(1), Some(4)));
    assert_eq!((x.min.as_deref(), x.max.as_deref(), x.mean, x.std), (Some("1.0"), Some("3.0"), Some(2.0), Some(1.0)));
    assert_eq!(x.quantiles, [Some(1.1), Some(1.5), Some(2.0), Some(2.5), Some(2.9)], "as numpy.quantile has them");
    assert_eq!((s.distinct, s.min.as_deref(), s.mean, s.nans), (Some(2), Some("a"), None, None));
    assert_eq!((f.nulls, f.distinct, ts.nulls, ts.distinct), (1, Some(2), 4, Some(1)));

    let empty = profile("SELECT 1.5 AS x WHERE false", &context).await.unwrap();
    assert_eq!((empty.rows, empty.columns[0].mean, empty.columns[0].min.clone()), (0, None, None));
    let nested =
        profile("SELECT [1, 2] AS l, arrow_cast('a', 'Utf8View') AS \"Odd \"\"name\"", &context).await.unwrap();
    assert_eq!((nested.columns[0].distinct, nested.columns[1].distinct), (None, Some(1)));
    let interval = profile("SELECT INTERVAL '1 day' AS e UNION ALL SELECT NULL", &context).await.unwrap();
    assert_eq!((interval.columns[0].nulls, interval.columns[0].distinct), (1, None));
}

async fn difference(
    a: &str,
    b: &str,
    keys: &[&str],
    tolerance: f64,
) -> Result<squall::pipeline::compare::Difference, CompareError> {
    let by = By { keys: keys.iter().map(|key| key.to_string()).collect(), tolerance };
    compare([("a", a), ("b", b)], &by, &empty_session()).await
}

#[tokio::test]
async fn differences_are_found_and_nothing_else() {
    let rows = |rows: &str| format!("SELECT * FROM (VALUES {rows}) AS t(k, v, s)");
    let base = rows("(1, 0.5, 'a'), (2, CAST('NaN' AS DOUBLE), 'b'), (NULL, 2.0, NULL)");
    for keys in [&["k"] as &[&str], &[]] {
        let same = difference(&base, &base, keys, 0.0).await.unwrap();
        assert!(same.is_none(), "{same:?}");
        let other_nan = rows("(1, 0.5, 'a'), (2, -CAST('NaN' AS DOUBLE), 'b'), (NULL, 2.0, NULL)");
        assert!(difference(&base, &other_nan, keys, 0.0).await.unwrap().is_none(), "NaN equals NaN");
    }
    let changed = rows("(1, 0.5000000001, 'a'), (2, 7.0, NULL), (3, 2.0, 'c')");
    let found = difference(&base, &changed, &["k"], 0.0).await.unwrap();
    assert_eq!((found.rows, found.only, found.paired), ([3, 3], [1, 1], Some(2)));
    let columns: Vec<(&str, u64)> = found.columns.iter().map(|column| (column.name.as_str(), column.rows)).collect();
    assert_eq!(columns, [("v", 2), ("s", 1)]);
    let worst = found.columns[0].worst.unwrap();
    // 0.5 and 1 lie 2^52 doubles apart.
    assert_eq!(worst.ulp, Some(((0.500_000_000_1_f64 - 0.5) * 2_f64.powi(53)).round() as u64));
    assert_eq!((worst.absolute, found.columns[1].worst), (0.500_000_000_1 - 0.5, None));
    let signs = difference("SELECT 1 AS k, 1e-323 AS v", "SELECT 1 AS k, -5e-324 AS v", &["k"], 0.0).await.unwrap();
    assert_eq!(
        signs.columns[0].worst.unwrap().ulp,
        Some(4),
        "from the second double above zero to the first below -0.0"
    );
    let within = difference(&base, &changed, &["k"], 1e-6).await.unwrap();
    assert_eq!((within.columns[0].name.as_str(), within.columns[0].rows), ("v", 1), "NaN is near no number");
    let whole = difference(&base, &changed, &[], 0.0).await.unwrap();
    assert_eq!(whole.only, [3, 3]);

    let twice = rows("(1, 0.5, 'a'), (1, 0.5, 'a')");
    let once = rows("(1, 0.5, 'a')");
    assert_eq!(difference(&twice, &once, &[], 0.0).await.unwrap().only, [1, 0], "how often a row comes counts");
    assert!(matches!(difference(&twice, &once, &["k"], 0.0).await, Err(CompareError::Repeated { rows: 2, .. })));
    assert!(matches!(difference(&once, &once, &["z"], 0.0).await, Err(CompareError::NoKey { .. })));

    let zero = difference("SELECT 1 AS k, 0.0 AS v", "SELECT 1 AS k, -0.0 AS v", &["k"], 0.0).await.unwrap();
    assert_eq!(zero.columns.len(), 1, "the bits differ");
    let infinite = "SELECT 1 AS k, CAST('inf' AS DOUBLE) AS v";
    assert!(!difference(infinite, "SELECT 1 AS k, 1.0 AS v", &["k"], 0.5).await.unwrap().is_none());
    assert!(difference(infinite, infinite, &["k"], 0.5).await.unwrap().is_none());

    let types =
        difference("SELECT 1 AS k, 2 AS v, 3 AS w", "SELECT 1 AS k, 2.0 AS v, [3] AS x", &["k"], 0.0).await.unwrap();
    assert_eq!(types.schema.len(), 3, "{:?}", types.schema);
    assert!(types.columns.is_empty() && !types.is_none());
    let nested = difference("SELECT 1 AS k, [1] AS l", "SELECT 1 AS k, [2] AS l", &["k"], 0.0).await.unwrap();
    assert_eq!((nested.columns.len(), nested.columns[0].rows, nested.not_compared.len()), (1, 1, 0));
}

#[tokio::test]
async fn the_project_can_be_queried() {
    let context = empty_session();
    let project = shipped();
    tables::register(&project, &context).unwrap();
    project.register(&context, Path::new("no/tables")).await.unwrap();
    for (sql, expected) in [
        (
            "SELECT kind, lookback, reads FROM squall_queries WHERE name = 'spike_features'",
            "feature | 1800 s and 1 tick | ticks",
        ),
        ("SELECT type, unit FROM squall_columns WHERE query = 'spike_features' AND name = 'midprice'", "DOUBLE | USD"),
        (
            "SELECT source, source_column, uses FROM squall_lineage WHERE query = 'drift_current' AND column_name = 'spike'",
            "spike_training | spike | value",
        ),
        ("SELECT count(*) FROM squall_findings WHERE query NOT LIKE 'spike_%'", "0"),
    ] {
        let found = rows(&context, sql).await;
        let cells: Vec<String> = (0..found.num_columns())
            .map(|column| ScalarValue::try_from_array(found.column(column), 0).unwrap().to_string())
            .collect();
        assert_eq!(cells.join(" | "), expected, "{sql}");
    }
}

#[tokio::test]
async fn an_audit_says_how_much_it_matters_and_what_it_found() {
    let files = [
        ("rows.sql", "-- description: Rows.\nSELECT * FROM (VALUES (1, 2.0), (2, NULL)) AS t(k, v)"),
        ("audits/complete.sql", "-- description: v is there.\n-- severity: warn\nSELECT * FROM not_null('rows', 'v')"),
        ("audits/once.sql", "-- description: k is unique.\nSELECT * FROM unique('rows', 'k')"),
        (
            "audits/high.sql",
            "-- description: k is at most 1.\n-- severity: error\nSELECT * FROM accepted_range('rows', 'k', NULL, 1)",
        ),
    ];
    let (dir, context) = (project_of(&files), empty_session());
    let one = MemTable::try_new(
        Arc::new(Schema::new(vec![Field::new("a", DataType::Int64, true)])),
        vec![vec![
            RecordBatch::try_from_iter([(
                "a",
                Arc::new(datafusion::arrow::array::Int64Array::from(vec![Some(1)])) as _,
            )])
            .unwrap(),
        ]],
    );
    // Anything that has landed lets audits run.
    context.deregister_table("landed_ticks").unwrap();
    context.register_table("landed_ticks", Arc::new(one.unwrap())).unwrap();
    let project = Project::load(dir.path(), &parameters()).unwrap();
    let unplanned = project.register(&context, &dir.path().join("tables")).await.unwrap();
    let mut audits = Audits::default();
    project.check(&context, &unplanned, &squall::pipeline::Options::default(), &mut audits).await.unwrap();
    assert_eq!(
        audits.0,
        [
            "complete: warning, 1 row is wrong: v is there., 1",
            "high: error, 1 row is wrong: k is at most 1., 1",
            "once: ok"
        ]
    );
}

#[derive(Default)]
struct Audits(Vec<String>);

impl squall::pipeline::Report for Audits {
    fn begins(&mut self, _check: squall::pipeline::Check, _subject: &str) {}

    fn ends(&mut self, checked: squall::pipeline::Checked) {
        if checked.check != squall::pipeline::Check::Audit {
            return;
        }
        let shown = checked.sample.map(|sample| sample.num_rows());
        self.0.push(match checked.outcome {
            squall::pipeline::Outcome::Faults(faults) => {
                let fault = &faults[0];
                format!(
                    "{}: {}, {}, {}",
                    checked.subject,
                    fault.severity.as_str(),
                    fault.message,
                    shown.unwrap_or_default()
                )
            }
            _ => format!("{}: ok", checked.subject),
        });
    }
}
