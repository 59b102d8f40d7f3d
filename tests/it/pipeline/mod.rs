//! The SQL project: loading, its errors, running, lint, audits and tests; and the shipped queries against reference outputs.

mod check;
mod days;
mod errors;
mod generated;
mod lint;
mod lookback;
mod project;
mod prove;
mod run;
mod stores;
mod workers;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::ScalarValue;
use datafusion::datasource::MemTable;
use datafusion::prelude::{ParquetReadOptions, SessionContext};
use squall::catalog::{Options, Session};
use squall::pipeline::{Parameters, Project, RunOptions};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn parameters() -> Parameters {
    let settings = squall::config::resolve(None, [], &[], None).unwrap().settings;
    let values = settings.parameters.into_iter();
    values.map(|(name, value)| (name, serde_json::to_value(value).unwrap())).collect()
}

/// The landed table's columns, as the design fixes them.
fn landed_schema() -> Schema {
    let time = || DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()));
    let numbers = |names: &str| names.split(' ').map(|n| Field::new(n, DataType::Float64, true)).collect::<Vec<_>>();
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    let mut fields = vec![text("product_id")];
    fields.extend(["ts", "event_time", "ingest_time"].map(|name| Field::new(name, time(), true)));
    fields
        .extend(numbers("price best_bid best_bid_quantity best_ask best_ask_quantity volume_24_h low_24_h high_24_h"));
    fields.extend(numbers("low_52_w high_52_w price_percent_chg_24_h"));
    fields.extend([text("side"), Field::new("last_size", DataType::Float64, true)]);
    fields.extend([Field::new("sequence_num", DataType::Int64, true), text("connection"), text("status")]);
    fields
        .extend([Field::new("log_partition", DataType::Int32, true), Field::new("log_offset", DataType::Int64, true)]);
    Schema::new(fields)
}

/// A session whose table of landed ticks is empty.
fn empty_session() -> SessionContext {
    let context = SessionContext::new();
    // The shipped queries call squall's functions, but none of these tests has a model.
    squall::catalog::FUNCTIONS.register(&context, Path::new("no/models/here"));
    let table = MemTable::try_new(Arc::new(landed_schema()), vec![vec![]]).unwrap();
    context.register_table("landed_ticks", Arc::new(table)).unwrap();
    context
}

/// Writes a project with these files, each given as a path and its text.
fn project_of(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    dir
}

fn shipped() -> Project {
    Project::load(&root().join("sql"), &parameters()).unwrap()
}

/// Runs the tests of a project; how many cases there were.
async fn holds_its_own_tests(project: &Project, context: &SessionContext) -> usize {
    let tables = tempfile::tempdir().unwrap();
    project.register(context, tables.path()).await.unwrap();
    let outcomes = project.test(context).await.unwrap();
    let failures: Vec<String> = outcomes
        .iter()
        .filter_map(|outcome| {
            let failure = outcome.failure.as_ref()?;
            Some(format!("{} {}: {failure}", outcome.place, outcome.case))
        })
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    outcomes.len()
}

#[tokio::test]
async fn the_shipped_project_holds_its_own_tests() {
    let cases = holds_its_own_tests(&shipped(), &empty_session()).await;
    assert!(cases >= 10, "only {cases} cases ran");
}

/// The shipped project with the examples copied into it, as docs/models.md says.
fn with_examples() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for from in ["sql", "examples/sql"] {
        for folder in std::fs::read_dir(root().join(from)).unwrap() {
            let to = dir.path().join(folder.as_ref().unwrap().file_name());
            std::fs::create_dir_all(&to).unwrap();
            for file in std::fs::read_dir(folder.unwrap().path()).unwrap() {
                let file = file.unwrap();
                std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
            }
        }
    }
    dir
}

#[tokio::test]
async fn the_examples_hold_their_own_tests_and_look_back_as_far_as_they_say() {
    let dir = with_examples();
    let project = Project::load(dir.path(), &parameters()).unwrap();
    let data = tempfile::tempdir().unwrap();
    let session = prove::session(data.path()).await;
    let cases = holds_its_own_tests(&project, session.context()).await;
    assert!(cases > holds_its_own_tests(&shipped(), &empty_session()).await, "only {cases} cases ran");

    let ticks = project.ticks_to_cut(session.context(), 7).await.unwrap();
    for name in ["time_of_day", "bitcoin_volatility"] {
        let query = project.query(name).unwrap();
        let findings = project.lint(query, session.context()).await.unwrap();
        assert!(findings.is_empty(), "{name}: {findings:?}");
        let proof = project.prove(query, &ticks, session.context(), prove::HOW).await;
        assert_eq!(prove::messages(&proof), [""; 0], "{name}");
        assert_eq!(proof.skipped, None, "{name}");
    }
}

/// The folder of outputs that `reference.py` recorded; the script says which versions it used and how to make them again.
fn reference() -> PathBuf {
    root().join("tests/reference/pipeline")
}

/// How far a column may be from the reference: relative, and absolute for values that cancel to almost nothing.
struct Tolerance {
    relative: f64,
    absolute: f64,
}

/// Exact windows differ only in the last digit of a logarithm or a root.
const EXACT_WINDOWS: Tolerance = Tolerance { relative: 1e-13, absolute: 1e-18 };
/// Stock windows subtract what leaves a frame. So a small error remains where a market stands still.
const STOCK_WINDOWS: Tolerance = Tolerance { relative: 1e-9, absolute: 1e-12 };
/// Columns that have the same bits as the reference.
const SAME_BITS: [&str; 8] =
    ["midprice", "midprice_return", "spread", "trade_intensity", "ticks_10s", "ticks_60s", "ticks_300s", "split"];

#[tokio::test]
async fn the_shipped_queries_agree_with_the_reference() {
    for (rolling, tolerance) in [(true, EXACT_WINDOWS), (false, STOCK_WINDOWS)] {
        let data = tempfile::tempdir().unwrap();
        let ticks_dir = data.path().join("ticks");
        std::fs::create_dir_all(&ticks_dir).unwrap();
        // The name of a landed file says which offsets it holds.
        std::fs::copy(reference().join("landed_ticks.parquet"), ticks_dir.join("recorded-0-0-1752.parquet")).unwrap();
        let options = Options {
            ticks_dir,
            tables_dir: data.path().join("tables"),
            models_dir: data.path().join("models"),
            threads: 2,
            batch_size: 8192,
            memory_limit_mb: 0,
            rolling,
        };
        let session = Session::open(options).await.unwrap();
        let project = shipped();
        project.register(session.context(), &data.path().join("tables")).await.unwrap();
        for name in ["tick_features", "spike_features", "spike_60s", "rv_spike_60s", "spike_training"] {
            compare(session.context(), name, &tolerance).await;
        }
    }
}

#[tokio::test]
async fn the_shipped_tables_can_be_fresh() {
    let data = tempfile::tempdir().unwrap();
    let (ticks_dir, tables_dir) = (data.path().join("ticks"), data.path().join("tables"));
    std::fs::create_dir_all(&ticks_dir).unwrap();
    std::fs::copy(reference().join("landed_ticks.parquet"), ticks_dir.join("recorded-0-0-1752.parquet")).unwrap();
    let options = Options {
        ticks_dir,
        tables_dir: tables_dir.clone(),
        models_dir: data.path().join("models"),
        threads: 2,
        batch_size: 8192,
        memory_limit_mb: 0,
        rolling: true,
    };
    let session = Session::open(options).await.unwrap();
    let mut done = Vec::new();
    let selector = "tick_features spike_60s +spike_training";
    let project = shipped();
    project
        .run(session.context(), selector, &tables_dir, &RunOptions::default(), &mut |table| {
            done.push((table.name.clone(), table.never_fresh.clone()))
        })
        .await
        .unwrap();
    assert!(done.len() >= 6 && done.iter().all(|(_, never_fresh)| never_fresh.is_none()), "{done:?}");
}

async fn compare(context: &SessionContext, name: &str, tolerance: &Tolerance) {
    register(context, "reference", &reference().join(format!("{name}.parquet"))).await;
    let expected = rows(context, "SELECT * FROM reference ORDER BY product_id, ts").await;
    let columns: Vec<String> = expected.schema().fields().iter().map(|field| field.name().clone()).collect();
    let sql = format!("SELECT {} FROM {name} ORDER BY product_id, ts", columns.join(", "));
    let actual = rows(context, &sql).await;
    assert_eq!(actual.num_rows(), expected.num_rows(), "{name}");
    assert!(actual.num_rows() > 300, "{name}: {} rows prove little", actual.num_rows());
    for (index, column) in columns.iter().enumerate() {
        for row in 0..actual.num_rows() {
            let cell = |batch: &RecordBatch| ScalarValue::try_from_array(batch.column(index), row).unwrap();
            let (got, wanted) = (cell(&actual), cell(&expected));
            let same_bits = SAME_BITS.contains(&column.as_str());
            let agrees =
                if same_bits { got.to_string() == wanted.to_string() } else { agree(&got, &wanted, tolerance) };
            assert!(agrees, "{name}.{column}, row {row}: expected {wanted}, got {got}");
        }
    }
    let all = context.table(name).await.unwrap().schema().fields().len();
    assert_eq!(columns.len(), all, "{name} has columns that the reference lacks");
}

fn agree(got: &ScalarValue, wanted: &ScalarValue, tolerance: &Tolerance) -> bool {
    match (got, wanted) {
        (ScalarValue::Float64(Some(got)), ScalarValue::Float64(Some(wanted))) => {
            (got - wanted).abs() <= (tolerance.relative * wanted.abs()).max(tolerance.absolute)
        }
        // Text may have different types on the two sides, and a NULL may have any type.
        _ => got.to_string() == wanted.to_string() && got.is_null() == wanted.is_null(),
    }
}

async fn register(context: &SessionContext, name: &str, file: &Path) {
    context.deregister_table(name).unwrap();
    context.register_parquet(name, file.to_str().unwrap(), ParquetReadOptions::default()).await.unwrap();
}

async fn rows(context: &SessionContext, sql: &str) -> RecordBatch {
    let frame = context.sql(sql).await.unwrap();
    let schema = Arc::new(frame.schema().as_arrow().clone());
    concat_batches(&schema, &frame.collect().await.unwrap()).unwrap()
}
