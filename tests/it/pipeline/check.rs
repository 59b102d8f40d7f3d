//! `check` goes on after each fault, and each fault has its file, line and column.

use datafusion::prelude::SessionContext;
use squall::pipeline::{Check, Checked, Fault, Options, Outcome, Parameters, Project, Report, Severity};

use super::{empty_session, project_of};

/// Keeps what a check finds.
#[derive(Default)]
struct Found {
    faults: Vec<Fault>,
    skipped: Vec<String>,
}

impl Report for Found {
    fn begins(&mut self, _check: Check, _subject: &str) {}

    fn ends(&mut self, checked: Checked) {
        match checked.outcome {
            Outcome::Ok(_) => {}
            Outcome::Skipped(reason) => self.skipped.push(format!("{}: {reason}", checked.subject)),
            Outcome::Faults(faults) => self.faults.extend(faults),
        }
    }
}

async fn check(files: &[(&str, &str)], context: &SessionContext, options: &Options) -> Found {
    let dir = project_of(files);
    let parameters: Parameters = [("horizon_s".to_string(), 60.into())].into();
    let project = Project::load(dir.path(), &parameters).unwrap().with_built_in(context);
    let unplanned = project.register(context, &dir.path().join("tables")).await.unwrap();
    let mut found = Found::default();
    project.check(context, &unplanned, options, &mut found).await.unwrap();
    let folder = format!("{}/", dir.path().display());
    for fault in &mut found.faults {
        fault.place.file = fault.place.file.strip_prefix(dir.path()).unwrap().into();
        fault.message = fault.message.replace(&folder, "");
    }
    found
}

/// Returns each fault as `check file:line:column: message`.
async fn faults(files: &[(&str, &str)]) -> Vec<String> {
    let found = check(files, &empty_session(), &Options::default()).await;
    let shown = |fault: &Fault| format!("{} {}: {}", fault.check.as_str(), fault.place, fault.message);
    found.faults.iter().map(shown).collect()
}

const TICKS: (&str, &str) = ("sources/ticks.sql", "-- description: x\nSELECT * FROM landed_ticks");

#[tokio::test]
async fn everything_that_is_wrong_is_found_at_once() {
    let reads = |from: &str| format!("-- description: x\nSELECT * FROM {from}");
    let found = faults(&[
        TICKS,
        ("a.sql", "-- description: x\nSELEC 1"),
        ("b.sql", &reads("no_such_table")),
        ("c.sql", &reads("d")),
        ("d.sql", &reads("c")),
        ("x/e.sql", &reads("ticks")),
        ("y/e.sql", &reads("ticks")),
        ("f.sql", "-- descripton: x\nSELECT 1 AS one"),
        ("g.sql", "-- description: x\nSELECT {{ horizons }}"),
        ("h.sql", "-- description: x\nSELECT avgg(price) AS price FROM ticks"),
        ("runs.sql", &reads("ticks")),
        ("features/i.sql", "-- description: x\nSELECT price FROM ticks"),
        (
            "models/m.sql",
            "-- description: x\nCREATE MODEL m OPTIONS (model_type = 'naive', input_label_cols = ['y']) AS\nSELECT price FROM ticks",
        ),
        (
            "models/n.sql",
            "-- description: x\nCREATE MODEL n OPTIONS (model_type = 'naive', input_label_cols = ['price']) AS\nSELECT prise FROM ticks",
        ),
        ("audits/j.sql", "-- description: x\nSELECT * FROM tick"),
        ("tests/h.sql", "-- test: one\n-- expect(price)\nVALUES (1)"),
    ])
    .await;
    let begins = [
        "parse a.sql:2:1: expected SELECT",
        "parse c.sql:2:15: queries need each other: c -> d -> c",
        "parse g.sql:2:8: unknown parameter `horizons`",
        "parse runs.sql:1: runs.sql has the name of the built-in table `runs`",
        "parse y/e.sql:1: x/e.sql and y/e.sql would have the same name, `e`",
        "plan audits/j.sql:2:15: table 'tick' not found",
        "plan b.sql:2:15: table 'no_such_table' not found",
        "plan h.sql:2:8: invalid function 'avgg'",
        "plan models/m.sql:2:68: the training query has no column `y`, which input_label_cols names",
        "plan models/n.sql:3:8: column 'prise' not found",
        "header f.sql:1:4: unknown key `descripton` in the header",
        "header f.sql:1:1: the header lacks `description`",
        "header features/i.sql:1:1: the header lacks `grain`, `time column`, `units`",
        "test tests/h.sql:",
    ];
    let missing: Vec<&str> =
        begins.into_iter().filter(|begin| !found.iter().any(|fault| fault.starts_with(begin))).collect();
    assert!(missing.is_empty(), "missing: {missing:#?}\nfound: {found:#?}");
    assert_eq!(found.len(), begins.len(), "{found:#?}");
}

#[tokio::test]
async fn a_header_is_compared_with_the_columns() {
    let header = "-- description: x\n-- grain: product_id, tz\n-- time column: price\n-- horizon: 60\n-- units:\n--   prize: USD\n";
    let found = faults(&[TICKS, ("features/f.sql", &format!("{header}SELECT product_id, ts, price FROM ticks"))]).await;
    let found: Vec<String> = found.into_iter().filter(|fault| fault.starts_with("header")).collect();
    assert_eq!(
        found,
        [
            "header features/f.sql:4:13: the horizon `60` is not a length of time or a number of ticks",
            "header features/f.sql:2:23: the grain names `tz`, which is not a column of the query",
            "header features/f.sql:6:6: a unit names `prize`, which is not a column of the query",
            "header features/f.sql:3:17: the time column `price` is not a time: its type is Float64",
            "header features/f.sql:5:10: the header gives no unit for ts",
        ]
    );
    let header = "-- description: x\n-- time column: tss\n";
    let found =
        check(&[TICKS, ("f.sql", &format!("{header}SELECT ts FROM ticks"))], &empty_session(), &Options::default())
            .await;
    assert_eq!(found.faults[0].message, "the time column names `tss`, which is not a column of the query");
    assert_eq!(found.faults[0].hint.as_deref(), Some("did you mean `ts`?"));
}

#[tokio::test]
async fn a_grain_must_be_unique_in_the_data() {
    let context = super::prove::ticks(100).await;
    let files = [
        TICKS,
        ("fine.sql", "-- description: x\n-- grain: product_id, ts\nSELECT * FROM ticks"),
        ("coarse.sql", "-- description: x\n-- grain: product_id, side\nSELECT * FROM ticks"),
    ];
    let found = check(&files, &context, &Options::default()).await;
    let [fault] = found.faults.as_slice() else { panic!("{:?}", found.faults) };
    assert_eq!((fault.check, fault.place.line, fault.place.column), (Check::Grain, 2, Some(11)));
    assert!(
        fault.message.starts_with(
            "the grain is not unique: 196 rows have the grain of another, such as product_id = BTC-USD, side = BUY"
        ),
        "{}",
        fault.message
    );
    let without = Options { without_data: true, ..Options::default() };
    assert_eq!(check(&files, &super::prove::ticks(100).await, &without).await.faults, []);
}

#[tokio::test]
async fn what_a_test_names_must_exist() {
    let query = "-- description: x\nSELECT ts, price, {{ horizon_s }} AS h FROM ticks";
    for (case, place, message, hint) in [
        (
            "-- test: a\n-- parameters: horizon = 4\n-- expect(price):\n",
            "2:16",
            "the project has no parameter `horizon`",
            "did you mean `horizon_s`?",
        ),
        (
            "-- test: a\n-- given tikcs(price):\n-- expect(price):\n",
            "2",
            "no table is named `tikcs`",
            "did you mean `ticks`",
        ),
        (
            "-- test: a\n-- given other(one):\n-- expect(price):\n",
            "2",
            "`q` does not read `other`, so giving it",
            "it reads",
        ),
        ("-- test: a\n-- given ticks(prise):\n-- expect(price):\n", "2", "given ticks: there is no column `prise`", ""),
        ("-- test: a\n-- given ticks(price):\n-- expect(prise):\n", "3", "expect: ", ""),
        ("-- test: a\n-- given ticks(price)\n", "2", "rows stand", "a case is"),
        (
            "-- test: a\n-- given ticks(product_id, price):\nVALUES\n  ('A', '1'),\n  -- and\n  ('B', 'abc')\n-- expect(price):\n",
            "6:9",
            "given ticks: `price` cannot be 'abc', because it is DOUBLE",
            "",
        ),
        (
            "-- test: a\n-- given ticks(ts):\nSELECT 'yesterday'\n-- expect(price):\n",
            "2",
            "given ticks: `ts` cannot be 'yesterday', because it is TIMESTAMP",
            "",
        ),
        (
            "-- test: a\n-- given ticks(price):\n-- expect(h):\nVALUES (1.5)\n",
            "4:9",
            "expect: `h` cannot be 1.5, because it is BIGINT",
            "",
        ),
        (
            "-- test: a\n-- expect(h):\n-- given ticks(ts):\n-- given ticks(ts):\n",
            "4",
            "line 3 gives `ticks` already",
            "a case is",
        ),
        (
            "-- test: a\n-- expect(h):\n-- test: a\n-- expect(h):\n",
            "3",
            "a case in line 1 is named `a` too",
            "a case is",
        ),
        (
            "-- test: a\n-- expect(ts):\nVALUES ('2026-01-01T00:00:01Z')\n-- given ticks(ts):\nVALUES ('2026-01-01T00:00:00Z')\n",
            "1",
            "row 1: expected ts = 2026-01-01T00:00:01Z, got 2026-01-01T00:00:00Z",
            "",
        ),
    ] {
        let found = check(
            &[TICKS, ("q.sql", query), ("other.sql", "-- description: x\nSELECT 1 AS one"), ("tests/q.sql", case)],
            &empty_session(),
            &Options::default(),
        )
        .await;
        let [fault] = found.faults.as_slice() else { panic!("{case}: {:?}", found.faults) };
        let at = fault.place.to_string();
        assert!(
            at == format!("tests/q.sql:{place}") || message == "rows stand" || message == "expect: ",
            "{case}: {at}"
        );
        if message != "rows stand" && message != "expect: " {
            assert!(fault.message.starts_with(message), "{case}: {}", fault.message);
            assert!(fault.hint.as_deref().unwrap_or_default().starts_with(hint), "{case}: {:?}", fault.hint);
        }
    }
}

#[tokio::test]
async fn named_queries_are_checked_with_what_they_read() {
    let files = [
        TICKS,
        ("a.sql", "-- description: x\nSELECT * FROM b"),
        ("b.sql", "-- descripton: x\nSELECT price FROM ticks"),
        ("c.sql", "-- description: x\nSELEC"),
    ];
    let options = |name: &str| Options { names: vec![name.into()], ..Options::default() };
    let queries = async |name: &str| {
        let found = check(&files, &empty_session(), &options(name)).await;
        found.faults.into_iter().map(|fault| fault.query).collect::<Vec<_>>()
    };
    assert_eq!(queries("a").await, ["b", "b"]);
    assert_eq!(queries("c").await, ["c"]);
    assert_eq!(queries("ticks").await, [""; 0]);
}

#[tokio::test]
async fn the_name_of_a_function_is_a_warning() {
    let found = check(
        &[TICKS, ("lag.sql", "-- description: x\nSELECT price FROM ticks")],
        &empty_session(),
        &Options::default(),
    )
    .await;
    let [fault] = found.faults.as_slice() else { panic!("{:?}", found.faults) };
    assert_eq!((fault.severity, fault.message.as_str()), (Severity::Warning, "`lag` is also the name of a function"));
}

#[tokio::test]
async fn lint_by_itself_does_not_pass_over_what_it_cannot_read() {
    let header = "-- description: x\n-- grain: product_id, ts\n-- time column: ts\n-- units:\n--   v: USD\n";
    let feature = |sql: &str| format!("{header}{sql}");
    let files = [
        TICKS,
        ("plain.sql", "-- description: x\nSELECT product_id, ts, prise AS v FROM ticks"),
        ("features/a.sql", &feature("SELECT product_id, ts, prise AS v FROM ticks")),
        ("features/b.sql", &feature("SELECT product_id, ts, price AS v FRO ticks")),
        ("features/c.sql", &feature("SELECT product_id, ts, v FROM plain")),
        ("features/d.sql", &feature("SELECT product_id, ts, price AS v FROM ticks")),
        ("features/e.sql", "-- description: x\n-- grain: product_id, ts\nSELECT product_id, ts, price AS v FROM ticks"),
    ];
    let options = Options { checks: vec![Check::Lint], ..Options::default() };
    let found = check(&files, &empty_session(), &options).await;
    let mut shown: Vec<String> =
        found.faults.iter().map(|fault| format!("{}: {}", fault.query, fault.message)).collect();
    shown.sort();
    let begins = [
        "a: column 'prise' not found",
        "b: expected",
        "c: it reads `plain`, which is disabled",
        "e: the header lacks `time column`",
    ];
    assert_eq!(shown.len(), begins.len(), "{shown:#?}");
    assert!(shown.iter().zip(begins).all(|(shown, begin)| shown.starts_with(begin)), "{shown:#?}");
}

#[tokio::test]
async fn functions_of_dbt_have_a_hint_of_their_own() {
    let hint = async |sql: &str| {
        let text = format!("-- description: x\n{sql}");
        let found = check(&[TICKS, ("a.sql", &text)], &empty_session(), &Options::default()).await;
        found.faults.into_iter().find_map(|fault| fault.hint).unwrap_or_default()
    };
    assert!(hint("SELECT * FROM {{ ref('ticks') }}").await.contains("FROM ticks"));
    assert!(hint("SELECT {{ var('horizon_s') }} AS s FROM ticks").await.contains("{{ horizon_s }}"));
    assert!(hint("{{ config(materialized='table') }} SELECT * FROM ticks").await.contains("header"));
    assert!(hint("").await.contains("one SELECT"));
}
