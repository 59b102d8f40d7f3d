//! What lint refuses, and what it accepts: every case of `tests/pipeline/`, and how findings are said and placed.

use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{Float64Array, StringArray, TimestampNanosecondArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::datasource::MemTable;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::prelude::SessionContext;
use squall::catalog::{Options, Session};
use squall::pipeline::{Extent, Parameters, Project};

use super::{empty_session, project_of, root};

const GRAIN: &str = "-- description: x\n-- grain: product_id, ts\n-- time column: ts\n-- units:\n--   v: 1\n";
const PLAIN: &str = "-- description: x\n";

/// The queries of every case's project beside its own.
const SHARED: [(&str, &str); 4] = [
    ("sources/ticks.sql", "SELECT * FROM landed_ticks WHERE status = 'ok'"),
    (
        "lib/seconds.sql",
        "SELECT product_id, date_bin(INTERVAL '1 second', ts) AS second, last_value(price ORDER BY ts) AS price FROM ticks GROUP BY 1, 2",
    ),
    (
        "labels/forward.sql",
        "SELECT product_id, ts, stddev(price) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '1 nanosecond' FOLLOWING AND INTERVAL '60 seconds' FOLLOWING) AS v FROM ticks",
    ),
    ("features/spreads.sql", "SELECT product_id, ts, best_ask - best_bid AS spread FROM ticks"),
];

/// One case of a file.
#[derive(Debug)]
pub struct Case {
    pub name: String,
    expect: Option<String>,
    /// The project's files, each a path and its text.
    files: Vec<(String, String)>,
}

pub fn cases(path: &Path) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in std::fs::read_to_string(path).unwrap().lines() {
        if let Some(name) = line.strip_prefix("-- case: ") {
            cases.push(Case { name: name.into(), expect: None, files: Vec::new() });
            continue;
        }
        let case = cases.last_mut().expect("a file begins with a case");
        if let Some(expect) = line.strip_prefix("-- expect: ") {
            case.expect = Some(expect.into());
        } else if let Some(file) = line.strip_prefix("-- file: ") {
            case.files.push((file.into(), String::new()));
        } else if !line.is_empty() || !case.files.is_empty() {
            if case.files.is_empty() {
                case.files.push(("features/checked.sql".into(), String::new()));
            }
            let (_, text) = case.files.last_mut().expect("it was added");
            text.push_str(line);
            text.push('\n');
        }
    }
    cases
}

fn header(path: &str) -> &'static str {
    if path.starts_with("features/") || path.starts_with("labels/") { GRAIN } else { PLAIN }
}

/// A folder with files that are not landed ticks.
pub fn data() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let time = DataType::Timestamp(datafusion::arrow::datatypes::TimeUnit::Nanosecond, Some("UTC".into()));
    let fields = [("product_id", DataType::Utf8), ("ts", time), ("v", DataType::Float64)];
    let schema = Arc::new(Schema::new(fields.map(|(name, kind)| Field::new(name, kind, true)).to_vec()));
    let columns: Vec<datafusion::arrow::array::ArrayRef> = vec![
        Arc::new(StringArray::from(vec!["BTC-USD"])),
        Arc::new(TimestampNanosecondArray::from(vec![0]).with_timezone("UTC")),
        Arc::new(Float64Array::from(vec![1.0])),
    ];
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns).unwrap();
    for path in ["other.parquet", "forward/forward-1.parquet"] {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut writer = ArrowWriter::try_new(std::fs::File::create(path).unwrap(), Arc::clone(&schema), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    }
    dir
}

/// A session as the command line opens it, so that a quoted path is a table.
pub async fn session(data: &Path) -> Session {
    let options = Options {
        ticks_dir: data.join("ticks"),
        tables_dir: data.join("tables"),
        models_dir: data.join("models"),
        threads: 1,
        batch_size: 8192,
        memory_limit_mb: 0,
        rolling: true,
    };
    let session = Session::open(options).await.unwrap();
    let table = MemTable::try_new(
        Arc::new(Schema::new(vec![
            Field::new("product_id", DataType::Utf8, true),
            Field::new("v", DataType::Float64, true),
        ])),
        vec![vec![]],
    );
    session.context().register_table("elsewhere", Arc::new(table.unwrap())).unwrap();
    session
}

/// Writes the project of a case.
pub fn folder_of(case: &Case, data: &Path) -> tempfile::TempDir {
    let shared = SHARED.iter().map(|(path, text)| (path.to_string(), text.to_string()));
    let files = shared.chain(case.files.iter().cloned()).map(|(path, text)| {
        let text = text.replace("DATA", &data.to_string_lossy());
        let text = format!("{}{text}", header(&path));
        (path, text)
    });
    let files: Vec<(String, String)> = files.collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    project_of(&files)
}

/// Returns the findings about the project's file `checked.sql`, each with its place.
async fn findings(case: &Case, context: &SessionContext, data: &Path) -> Result<Vec<String>, String> {
    let dir = folder_of(case, data);
    let project = Project::load(dir.path(), &Parameters::new()).map_err(|error| error.to_string())?;
    let checked = project.query("checked").ok_or("no file is named checked")?;
    let found = project.lint(checked, context).await.map_err(|error| squall::error::with_causes(&error))?;
    let place = |finding: &squall::pipeline::Finding| {
        let file = finding.place.file.strip_prefix(dir.path()).unwrap_or(&finding.place.file).display();
        format!("{file}:{}:{}: {}", finding.place.line, finding.place.column.unwrap_or_default(), finding.message)
    };
    Ok(found.iter().map(place).collect())
}

async fn verdicts(folder: &str) -> Vec<(Case, Result<Vec<String>, String>)> {
    let data = data();
    let session = session(data.path()).await;
    let folder = root().join("tests/pipeline").join(folder);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut verdicts = Vec::new();
    for case in files.iter().flat_map(|file| cases(file)) {
        let found = findings(&case, session.context(), data.path()).await;
        verdicts.push((case, found));
    }
    verdicts
}

#[tokio::test(flavor = "multi_thread")]
async fn every_leak_is_refused() {
    let verdicts = verdicts("leaks").await;
    let passed = verdicts.iter().filter_map(|(case, found)| match found {
        Err(error) => Some(format!("{}: {error}", case.name)),
        Ok(found) if found.is_empty() => Some(format!("{}: it passes", case.name)),
        Ok(found) => {
            let expect = case.expect.as_ref()?;
            let said = found.iter().any(|finding| finding.contains(expect.as_str()));
            (!said).then(|| format!("{}: expected `{expect}` among\n  {}", case.name, found.join("\n  ")))
        }
    });
    let passed: Vec<String> = passed.collect();
    assert!(passed.is_empty(), "{} of {}:\n{}", passed.len(), verdicts.len(), passed.join("\n"));
    assert!(verdicts.len() >= 200, "only {} leaks", verdicts.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_clean_is_accepted() {
    let verdicts = verdicts("clean").await;
    let refused = verdicts.iter().filter_map(|(case, found)| match found {
        Err(error) => Some(format!("{}: {error}", case.name)),
        Ok(found) if found.is_empty() => None,
        Ok(found) => Some(format!("{}:\n  {}", case.name, found.join("\n  "))),
    });
    let refused: Vec<String> = refused.collect();
    assert!(refused.is_empty(), "{} of {}:\n{}", refused.len(), verdicts.len(), refused.join("\n"));
    assert!(verdicts.len() >= 200, "only {} clean queries", verdicts.len());
}

/// Returns the findings about one query, in a session without files.
async fn found(files: &[(&str, &str)]) -> Vec<String> {
    let files = files.iter().map(|(path, text)| (path.to_string(), format!("{text}\n")));
    let case = Case { name: "one".into(), expect: None, files: files.collect() };
    findings(&case, &empty_session(), Path::new("no/data")).await.unwrap()
}

#[tokio::test]
async fn a_window_that_is_built_on_another_is_the_whole_window() {
    let checked = |calls: &str, windows: &str| {
        let windows = format!("WINDOW w AS (PARTITION BY product_id ORDER BY ts){windows}");
        format!("SELECT product_id, ts,\n  {calls} AS v\nFROM ticks {windows}")
    };
    for (calls, windows) in [
        ("avg(price) OVER (w ROWS 5 PRECEDING)", ""),
        ("avg(price) OVER back", ", back AS (w ROWS 5 PRECEDING)"),
        ("avg(price) OVER back", ", back AS (same ROWS 5 PRECEDING), same AS w"),
    ] {
        let text = checked(calls, windows);
        assert_eq!(found(&[("features/checked.sql", &text)]).await, [""; 0], "{text}");
    }
    let latest = "SELECT product_id, date_trunc('day', ts) AS d, ts, price AS v FROM ticks\nWINDOW w AS (PARTITION BY product_id) QUALIFY row_number() OVER (w ORDER BY ts DESC) = 1";
    for (text, place) in [
        (checked("avg(price) OVER (w ROWS BETWEEN 1 FOLLOWING AND 2 FOLLOWING)", ""), "7:3"),
        (
            checked(
                "avg(price) OVER (w ROWS 1 PRECEDING) + avg(price) OVER late",
                ", late AS (w ROWS BETWEEN 1 PRECEDING AND 2 FOLLOWING)",
            ),
            "7:42",
        ),
        (
            checked("avg(price) OVER late", ", late AS (same ROWS BETWEEN 1 PRECEDING AND 2 FOLLOWING), same AS w"),
            "7:3",
        ),
        (latest.to_string(), "7:"),
    ] {
        let findings = found(&[("features/checked.sql", &text)]).await;
        let is_there = findings.iter().any(|finding| {
            finding.starts_with(&format!("features/checked.sql:{place}")) && finding.contains("looks ahead")
        });
        assert!(is_there, "{text}\n{findings:?}");
    }
}

#[tokio::test]
async fn the_grain_is_not_dated_before_the_time_column() {
    let feature = |columns: &str| format!("SELECT product_id, {columns}, price AS v FROM ticks");
    let header = |grain: &str, time: &str| {
        format!("-- description: x\n-- grain: product_id, {grain}\n-- time column: {time}\n-- units:\n--   v: 1\n")
    };
    let earlier = "ts - INTERVAL '10 seconds' AS ts, ts AS t2";
    for (folder, columns, grain, time, refused) in [
        ("features", earlier, "ts", "t2", true),
        ("features", earlier, "t2", "t2", false),
        ("features", earlier, "ts, t2", "t2", false),
        ("features", "date_trunc('minute', ts) AS minute, ts", "minute, ts", "ts", false),
        ("features", "epoch_ns(ts - INTERVAL '10 seconds') AS i, ts", "i", "ts", true),
        ("features", "ts + INTERVAL '10 seconds' AS later, ts", "later", "ts", false),
    ] {
        let text = format!("{}{}\n", header(grain, time), feature(columns));
        let dir = project_of(&[SHARED[0], (&format!("{folder}/checked.sql"), &text)]);
        let project = Project::load(dir.path(), &Parameters::new()).unwrap();
        let checked = project.query("checked").expect("it is a query");
        let findings = project.lint(checked, &empty_session()).await.unwrap();
        let is_there = findings.iter().any(|finding| {
            finding.message.contains("of the grain lies before the time column") && finding.place.line == 2
        });
        assert_eq!(is_there, refused, "{text}{findings:?}");
    }
}

#[tokio::test]
async fn a_finding_has_the_place_of_the_function() {
    let text = "SELECT product_id, ts,\n  lag(price) OVER w AS back, lead(price) OVER w AS v\nFROM ticks WINDOW w AS (PARTITION BY product_id ORDER BY ts)";
    assert_eq!(
        found(&[("features/checked.sql", text)]).await,
        ["features/checked.sql:7:30: this feature looks ahead (1 tick): `lead` takes the value of a later row: `v`"]
    );
    let steps = "SELECT *, avg(price) OVER (PARTITION BY product_id ORDER BY ts ROWS 2 PRECEDING) AS a,\n avg(price) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN 1 FOLLOWING AND 2 FOLLOWING) AS b FROM ticks";
    let reader = "SELECT product_id, ts, a + b AS v FROM steps";
    assert_eq!(
        found(&[("lib/steps.sql", steps), ("features/checked.sql", reader)]).await,
        [
            "lib/steps.sql:3:2: the feature `checked` looks ahead (2 ticks): the frame of `avg` reaches rows that follow: `v`"
        ]
    );
    let only_a = "SELECT product_id, ts, a AS v FROM steps";
    assert_eq!(found(&[("lib/steps.sql", steps), ("features/checked.sql", only_a)]).await, [""; 0]);
    let joined = "SELECT a.product_id, a.ts, max(b.price) AS v\nFROM ticks AS a\nJOIN ticks AS b ON b.product_id = a.product_id\nGROUP BY a.product_id, a.ts";
    let places: Vec<String> = found(&[("features/checked.sql", joined)]).await;
    assert!(
        places.iter().all(
            |place| place.starts_with("features/checked.sql:6:28") || place.starts_with("features/checked.sql:8:6")
        ),
        "{places:?}"
    );
}

#[tokio::test]
async fn the_shipped_project_passes() {
    let (project, context) = (super::shipped(), empty_session());
    for query in project.queries() {
        assert_eq!(project.lint(query, &context).await.unwrap(), [], "{}", query.name);
    }
}

#[tokio::test]
async fn the_reach_of_the_shipped_queries_is_found() {
    let (project, context) = (super::shipped(), empty_session());
    for (name, before, after) in [
        ("spike_features", "1800 s and 1 tick", "none"),
        ("tick_features", "59 ticks", "none"),
        ("rv_spike_60s", "none", "60 s and 1 tick"),
        ("ticks", "none", "none"),
    ] {
        let reach = project.reach(project.query(name).unwrap(), &context).await.unwrap();
        let total = reach.total();
        assert_eq!((total.before.to_string().as_str(), total.after.to_string().as_str()), (before, after), "{name}");
    }
    let features = project.reach(project.query("spike_features").unwrap(), &context).await.unwrap();
    let column = |name: &str| &features.columns.iter().find(|(known, _)| known == name).unwrap().1;
    assert_eq!(column("midprice").before, Extent::NOTHING);
    assert_eq!(column("spread_10s").before.to_string(), "10 s and 1 tick");
}

#[tokio::test]
async fn a_chain_in_which_each_query_joins_the_two_before_is_linear() {
    let mut files = vec![
        ("q0.sql".to_string(), format!("{PLAIN}SELECT product_id, ts, price AS v FROM landed_ticks")),
        ("q1.sql".to_string(), format!("{PLAIN}SELECT product_id, ts, price AS v FROM landed_ticks")),
    ];
    for number in 2..40 {
        let (one, two) = (number - 1, number - 2);
        let sql = format!(
            "SELECT a.product_id, a.ts, a.v + b.v AS v FROM q{one} AS a JOIN q{two} AS b ON b.product_id = a.product_id AND b.ts <= a.ts AND b.ts > a.ts - INTERVAL '1 second'"
        );
        files.push((format!("q{number}.sql"), format!("{PLAIN}{sql}")));
    }
    files.push(("features/last.sql".into(), format!("{GRAIN}SELECT product_id, ts, v FROM q39")));
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let dir = project_of(&files);
    let project = Project::load(dir.path(), &Parameters::new()).unwrap();
    let context = empty_session();
    let started = std::time::Instant::now();
    let last = project.query("last").unwrap();
    assert_eq!(project.lint(last, &context).await.unwrap(), []);
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
    let before = project.reach(last, &context).await.unwrap().total().before;
    assert_eq!(before.to_string(), "19 s");
}

#[tokio::test]
async fn deep_expressions_take_bounded_work() {
    let started = std::time::Instant::now();
    let feature = |value: &str| format!("SELECT product_id, ts, {value} AS v FROM ticks");
    let nested = (0..30)
        .fold("price".to_string(), |inner, level| format!("CASE WHEN price > {level} THEN {inner} ELSE {level} END"));
    let conditions = format!("{} WHERE {}", feature("price"), vec!["price <> 1"; 150].join(" AND "));
    for text in [feature(&nested), feature(&vec!["price"; 150].join(" + ")), conditions] {
        assert_eq!(found(&[("features/checked.sql", &text)]).await, [""; 0]);
    }
    // The engine doubles the first argument of coalesce.
    let doubled =
        (0..20).fold("price".to_string(), |inner, level| format!("coalesce(nullif({inner}, {level}), best_bid)"));
    let case = Case {
        name: "doubled".into(),
        expect: None,
        files: vec![("features/checked.sql".into(), format!("{}\n", feature(&doubled)))],
    };
    let error = findings(&case, &empty_session(), Path::new("no/data")).await.unwrap_err();
    assert!(error.contains("calls of `coalesce` are nested so deep"), "{error}");
    assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
}

#[test]
fn a_file_may_begin_with_a_byte_order_mark_but_not_be_empty() {
    let files =
        [("sources/a.sql", "\u{feff}-- description: x\nSELECT 1 AS one"), ("sources/b.sql", "-- only a comment\n")];
    let dir = project_of(&files);
    let project = Project::load(dir.path(), &Parameters::new()).unwrap();
    assert!(project.query("a").is_some_and(|query| query.header.description == "x"));
    assert!(project.query("b").is_none());
}

#[test]
fn a_length_in_a_header_cannot_overflow() {
    let ticks = Extent::parse("99999999999999999999 ticks and 1 tick");
    assert_eq!(ticks, Some(Extent::Within { time_ns: 0, rows: u64::MAX }));
    assert_eq!(Extent::parse("1 week"), Extent::parse("7 d"));
}
