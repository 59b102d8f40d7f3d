//! Materialising: what is written, when it is used, and what a failure leaves behind.

use std::path::Path;

use datafusion::prelude::SessionContext;
use squall::pipeline::{Parameters, Project, RunOptions};

use super::{project_of, register, rows};

const DOUBLED: &str = "-- description: x\n-- grain: id\nSELECT id, 2 * id AS twice FROM numbers WHERE id < {{ limit }}";
const SUMMED: &str = "-- description: x\nSELECT sum(twice) AS total FROM doubled";

fn parameters(limit: i64) -> Parameters {
    [("limit".to_string(), limit.into())].into()
}

/// Writes the table `numbers`, the ids from `last` down to 0, as a Parquet file.
async fn write_numbers(file: &Path, last: i64) {
    let context = SessionContext::new();
    let sql =
        format!("COPY (SELECT value AS id FROM generate_series(0, {last}) ORDER BY id DESC) TO '{}'", file.display());
    context.sql(&sql).await.unwrap().collect().await.unwrap();
}

async fn session(numbers: &Path) -> SessionContext {
    let context = SessionContext::new();
    register(&context, "numbers", numbers).await;
    context
}

async fn number(context: &SessionContext, sql: &str) -> String {
    let batch = rows(context, sql).await;
    datafusion::common::ScalarValue::try_from_array(batch.column(0), 0).unwrap().to_string()
}

/// Returns the folder of a query's only table.
fn folder(tables: &Path, name: &str) -> std::path::PathBuf {
    let folders: Vec<_> = std::fs::read_dir(tables.join(name)).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(folders.len(), 1, "{folders:?}");
    folders[0].clone()
}

/// Returns whether a query reads the materialised file.
async fn reads_table(context: &SessionContext, name: &str) -> bool {
    let plan = context.table(name).await.unwrap().create_physical_plan().await.unwrap();
    let shown = datafusion::physical_plan::displayable(plan.as_ref()).indent(false).to_string();
    shown.contains(&format!("/{name}-"))
}

#[tokio::test]
async fn a_materialised_table_is_used_while_it_is_fresh() {
    let dir = project_of(&[("a/doubled.sql", DOUBLED), ("b/summed.sql", SUMMED)]);
    let (numbers, tables) = (dir.path().join("numbers.parquet"), dir.path().join("tables"));
    write_numbers(&numbers, 9).await;
    let project = Project::load(dir.path(), &parameters(5)).unwrap();
    let context = session(&numbers).await;
    project.register(&context, &tables).await.unwrap();
    assert!(!reads_table(&context, "doubled").await);

    let mut done = Vec::new();
    project
        .run(&context, "+summed", &tables, &RunOptions::default(), &mut |table| {
            done.push((table.name.clone(), table.rows))
        })
        .await
        .unwrap();
    assert_eq!(done, [("doubled".to_string(), 5), ("summed".to_string(), 1)]);
    assert!(reads_table(&context, "doubled").await, "in the session that made it");
    assert_eq!(number(&context, "SELECT first_value(id) FROM doubled").await, "0", "sorted by its grain");
    assert_eq!(number(&context, "SELECT total FROM summed").await, "20");

    let again = session(&numbers).await;
    project.register(&again, &tables).await.unwrap();
    assert!(reads_table(&again, "doubled").await && reads_table(&again, "summed").await, "in a later session");

    // Comments and blanks do not make it stale.
    let commented = DOUBLED.replace("2 * ", "2 -- twice\n  *   ");
    assert_ne!(commented, DOUBLED);
    std::fs::write(dir.path().join("a/doubled.sql"), commented).unwrap();
    let same = Project::load(dir.path(), &parameters(5)).unwrap();
    let again = session(&numbers).await;
    same.register(&again, &tables).await.unwrap();
    assert!(reads_table(&again, "doubled").await && reads_table(&again, "summed").await, "with a comment");

    // Another parameter, another text or other input makes it stale, and also everything that reads it.
    let other = Project::load(dir.path(), &parameters(4)).unwrap();
    other.register(&again, &tables).await.unwrap();
    assert!(!reads_table(&again, "doubled").await && !reads_table(&again, "summed").await);
    assert_eq!(number(&again, "SELECT total FROM summed").await, "12");
    std::fs::write(dir.path().join("a/doubled.sql"), DOUBLED.replace("2 *", "3 *")).unwrap();
    let edited = Project::load(dir.path(), &parameters(5)).unwrap();
    edited.register(&again, &tables).await.unwrap();
    assert_eq!(number(&again, "SELECT total FROM summed").await, "30");
    write_numbers(&numbers, 2).await;
    let later = session(&numbers).await;
    project.register(&later, &tables).await.unwrap();
    assert_eq!(number(&later, "SELECT total FROM summed").await, "6");

    // Made again, it is fresh as before.
    project.run(&later, "doubled", &tables, &RunOptions::default(), &mut |_| {}).await.unwrap();
    assert!(reads_table(&later, "doubled").await);
    assert_eq!(number(&later, "SELECT total FROM summed").await, "6");
    let names: Vec<_> = std::fs::read_dir(&tables).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "nothing but the tables is left: {names:?}");
}

#[tokio::test]
async fn a_query_without_rows_is_a_table_without_rows() {
    let dir = project_of(&[("doubled.sql", DOUBLED)]);
    let (numbers, tables) = (dir.path().join("numbers.parquet"), dir.path().join("tables"));
    write_numbers(&numbers, 9).await;
    let project = Project::load(dir.path(), &parameters(0)).unwrap();
    let context = session(&numbers).await;
    project.run(&context, "*", &tables, &RunOptions::default(), &mut |table| assert_eq!(table.rows, 0)).await.unwrap();
    assert!(reads_table(&context, "doubled").await);
    assert_eq!(number(&context, "SELECT count(*) FROM doubled").await, "0");
}

#[tokio::test]
async fn a_failure_leaves_the_old_table_and_nothing_half_written() {
    let dir = project_of(&[("doubled.sql", DOUBLED)]);
    let (numbers, tables) = (dir.path().join("numbers.parquet"), dir.path().join("tables"));
    write_numbers(&numbers, 9).await;
    let context = session(&numbers).await;
    let project = Project::load(dir.path(), &parameters(5)).unwrap();
    project.run(&context, "doubled", &tables, &RunOptions::default(), &mut |_| {}).await.unwrap();

    std::fs::write(dir.path().join("doubled.sql"), DOUBLED.replace("2 * id", "id / (id - 3)")).unwrap();
    let broken = Project::load(dir.path(), &parameters(5)).unwrap();
    let error = broken
        .run(&context, "doubled", &tables, &RunOptions::default(), &mut |_| panic!("it was not done"))
        .await
        .unwrap_err();
    assert!(error.to_string().ends_with("doubled.sql: `doubled` failed"), "{error}");
    let names: Vec<_> = std::fs::read_dir(&tables).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["doubled"]);
    project.register(&context, &tables).await.unwrap();
    assert!(reads_table(&context, "doubled").await);

    std::fs::write(dir.path().join("doubled.sql"), DOUBLED.replace("grain: id", "grain: id, ts")).unwrap();
    let project = Project::load(dir.path(), &parameters(5)).unwrap();
    let error = project.run(&context, "doubled", &tables, &RunOptions::default(), &mut |_| {}).await.unwrap_err();
    assert!(error.to_string().ends_with("`doubled` has no column `ts`, which its grain names"), "{error}");
}

#[tokio::test]
async fn what_a_model_scores_waits_for_the_model() {
    let scores = "-- description: x\nSELECT * FROM ml_predict_of_tests('m', 'doubled')";
    let dir = project_of(&[
        ("doubled.sql", DOUBLED),
        (
            "models/m.sql",
            "-- description: x\nCREATE MODEL m OPTIONS (model_type = 'naive', input_label_cols = ['y']) AS SELECT * FROM doubled",
        ),
        ("scores.sql", scores),
        ("metrics.sql", "-- description: x\nSELECT count(*) AS rows FROM scores"),
    ]);
    let (numbers, tables, models) = ("numbers.parquet", "tables", "models_dir");
    let [numbers, tables, models] = [numbers, tables, models].map(|name| dir.path().join(name));
    write_numbers(&numbers, 9).await;
    let context = session(&numbers).await;
    let project = Project::load(dir.path(), &parameters(5)).unwrap().with_models(&models);
    assert_eq!(project.model_names(), ["m"]);
    assert_eq!(project.select("+metrics").unwrap(), ["doubled", "scores", "metrics"]);
    assert_eq!(project.select("doubled+").unwrap(), ["doubled", "scores", "metrics"]);

    // The function does not exist as long as there is no model.
    project.register(&context, &tables).await.unwrap();
    assert!(!context.table_exist("scores").unwrap() && !context.table_exist("metrics").unwrap());
    let error = project.run(&context, "metrics", &tables, &RunOptions::default(), &mut |_| {}).await.unwrap_err();
    assert_eq!(error.to_string(), "`metrics` waits for its model: `m` is not trained");

    let artifact = models.join("m/1/model.json");
    std::fs::create_dir_all(artifact.parent().unwrap()).unwrap();
    std::fs::write(&artifact, "{}").unwrap();
    context.register_udtf("ml_predict_of_tests", std::sync::Arc::new(NoScores));
    project.run(&context, "scores metrics", &tables, &RunOptions::default(), &mut |_| {}).await.unwrap();
    assert!(reads_table(&context, "metrics").await);

    // After the model is trained again, its scores are stale.
    std::fs::write(&artifact, "{ }").unwrap();
    project.register(&context, &tables).await.unwrap();
    assert!(!reads_table(&context, "metrics").await);
}

/// Runs the query `doubled`, reads it in a new session, changes something, and returns whether the table was used before and
/// after.
async fn used_before_and_after(
    project: &Project,
    tables: &Path,
    session: impl AsyncFn() -> SessionContext,
    change: impl FnOnce(),
) -> (bool, bool) {
    let context = session().await;
    project.run(&context, "doubled", tables, &RunOptions::default(), &mut |_| {}).await.unwrap();
    let before = session().await;
    project.register(&before, tables).await.unwrap();
    let used = reads_table(&before, "doubled").await;
    change();
    let after = session().await;
    project.register(&after, tables).await.unwrap();
    (used, reads_table(&after, "doubled").await)
}

#[tokio::test]
async fn a_file_that_a_query_reads_by_its_path_counts() {
    let dir = tempfile::tempdir().unwrap();
    let (csv, folder) = (dir.path().join("limits.csv"), dir.path().join("parts"));
    let write = |path: &Path, text: &str| std::fs::write(path, text).unwrap();
    write(&csv, "id\n1\n2\n");
    std::fs::create_dir(&folder).unwrap();
    write(&folder.join("a.csv"), "id\n1\n");
    for (path, change) in [(&csv, &csv), (&folder, &folder.join("b.csv"))] {
        let shown = path.display().to_string() + if path.is_dir() { "/" } else { "" };
        let project =
            project_of(&[("doubled.sql", &format!("-- description: x\nSELECT count(*) AS n FROM '{shown}'"))]);
        let tables = project.path().join("tables");
        let loaded = Project::load(project.path(), &parameters(5)).unwrap();
        let session = async || SessionContext::new().enable_url_table();
        let used = used_before_and_after(&loaded, &tables, session, || write(change, "id\n7\n8\n9\n")).await;
        assert_eq!(used, (true, false), "{shown}");
    }
}

#[tokio::test]
async fn what_changes_by_itself_is_never_fresh() {
    for (sql, reason) in [
        ("SELECT now() AS t", "it calls `now`, whose value can change from run to run"),
        ("SELECT current_date AS t", "it calls `current_date`, whose value can change from run to run"),
        (
            "SELECT * FROM (SELECT 1 AS a WHERE random() < 2)",
            "it calls `random`, whose value can change from run to run",
        ),
        ("SELECT * FROM ml_models()", "the folder of models cannot be read"),
        (
            "SELECT * FROM generate_series(1, 3)",
            "it calls the table function `generate_series`, which does not say what it reads",
        ),
        (
            "SELECT * FROM ml_predict_of_tests('SELECT 1')",
            "it gives `ml_predict_of_tests` the text 'SELECT 1', which is not the name of a query, a table or a model",
        ),
        ("SELECT * FROM in_memory", "it reads `in_memory`, which is not made of files on this machine"),
        ("SELECT * FROM clock", "it reads `clock`, and it calls `now`, whose value can change from run to run"),
    ] {
        let dir = project_of(&[
            ("doubled.sql", &format!("-- description: x\n{sql}")),
            ("clock.sql", "-- description: x\nSELECT now() AS t"),
        ]);
        let tables = dir.path().join("tables");
        let session = async || {
            let context = SessionContext::new();
            squall::catalog::FUNCTIONS.register(&context, Path::new("no/models/here"));
            context.register_udtf("ml_predict_of_tests", std::sync::Arc::new(NoScores));
            let rows = context.sql("SELECT 1 AS a").await.unwrap().collect().await.unwrap();
            let table = datafusion::datasource::MemTable::try_new(rows[0].schema(), vec![rows]).unwrap();
            context.register_table("in_memory", std::sync::Arc::new(table)).unwrap();
            context
        };
        let project = Project::load(dir.path(), &parameters(5)).unwrap();
        let mut told = None;
        project
            .run(&session().await, "doubled", &tables, &RunOptions::default(), &mut |table| {
                told = table.never_fresh.clone()
            })
            .await
            .unwrap();
        assert_eq!(told.as_deref(), Some(reason), "{sql}");
        assert_eq!(used_before_and_after(&project, &tables, session, || {}).await, (false, false), "{sql}");
    }
}

#[tokio::test]
async fn a_model_that_no_file_of_the_project_makes_counts_by_its_artifacts() {
    let dir = project_of(&[
        ("doubled.sql", "-- description: x\nSELECT * FROM ml_predict_of_tests('by_hand@1', 'none')"),
        ("none.sql", "-- description: x\nSELECT 1 AS a WHERE false"),
    ]);
    let (tables, models) = (dir.path().join("tables"), dir.path().join("models_dir"));
    let artifact = models.join("by_hand/1/model.json");
    std::fs::create_dir_all(artifact.parent().unwrap()).unwrap();
    std::fs::write(&artifact, "{}").unwrap();
    let project = Project::load(dir.path(), &parameters(5)).unwrap().with_models(&models);
    let session = async || {
        let context = SessionContext::new();
        context.register_udtf("ml_predict_of_tests", std::sync::Arc::new(NoScores));
        context
    };
    let second = models.join("by_hand/2/model.json");
    let train_again = || {
        std::fs::create_dir_all(second.parent().unwrap()).unwrap();
        std::fs::write(&second, "{}").unwrap();
    };
    assert_eq!(used_before_and_after(&project, &tables, session, train_again).await, (true, false));
}

#[tokio::test]
async fn another_program_makes_its_own_tables() {
    let dir = project_of(&[("doubled.sql", DOUBLED)]);
    let (numbers, tables) = (dir.path().join("numbers.parquet"), dir.path().join("tables"));
    write_numbers(&numbers, 9).await;
    let project = Project::load(dir.path(), &parameters(5)).unwrap();
    let another_build = || {
        let manifest = folder(&tables, "doubled").join("manifest.json");
        let text = std::fs::read_to_string(&manifest).unwrap();
        let mut value: serde_json::Value = serde_json::from_str(&text).unwrap();
        let program = value["recipe"]["squall"].as_str().unwrap().to_string();
        assert!(program.starts_with(concat!(env!("CARGO_PKG_VERSION"), ", ")), "{program}");
        value["recipe"]["squall"] = format!("{program}1").into();
        std::fs::write(&manifest, value.to_string()).unwrap();
    };
    let session = async || session(&numbers).await;
    assert_eq!(used_before_and_after(&project, &tables, session, another_build).await, (true, false));
}

#[tokio::test]
async fn a_reader_finishes_with_the_table_that_it_opened() {
    let dir = project_of(&[("doubled.sql", DOUBLED)]);
    let (numbers, tables) = (dir.path().join("numbers.parquet"), dir.path().join("tables"));
    write_numbers(&numbers, 9).await;
    let context = session(&numbers).await;
    let five = Project::load(dir.path(), &parameters(5)).unwrap();
    five.run(&context, "doubled", &tables, &RunOptions::default(), &mut |_| {}).await.unwrap();
    // The query is planned, but nothing has been read yet.
    let frame = context.sql("SELECT count(*) AS n, max(twice) AS most FROM doubled").await.unwrap();
    let plan = frame.create_physical_plan().await.unwrap();

    let other = session(&numbers).await;
    write_numbers(&numbers, 1).await;
    five.run(&other, "doubled", &tables, &RunOptions::default(), &mut |_| {}).await.unwrap();
    assert_eq!(number(&other, "SELECT count(*) FROM doubled").await, "2");

    let old = datafusion::physical_plan::collect(plan, context.task_ctx()).await.unwrap();
    let old = datafusion::arrow::util::pretty::pretty_format_batches(&old).unwrap().to_string();
    assert!(old.contains("| 5 | 8    |"), "{old}");
}

#[tokio::test]
async fn a_table_that_others_replaced_twice_is_an_error_and_not_empty() {
    let dir = project_of(&[("doubled.sql", DOUBLED)]);
    let (numbers, tables) = (dir.path().join("numbers.parquet"), dir.path().join("tables"));
    write_numbers(&numbers, 9).await;
    let context = session(&numbers).await;
    let project = Project::load(dir.path(), &parameters(5)).unwrap();
    project.run(&context, "doubled", &tables, &RunOptions::default(), &mut |_| {}).await.unwrap();
    let frame = context.sql("SELECT count(*) FROM doubled").await.unwrap();
    let again = RunOptions { full: true, ..RunOptions::default() };
    for _ in 0..2 {
        project.run(&session(&numbers).await, "doubled", &tables, &again, &mut |_| {}).await.unwrap();
    }
    let failed = frame.collect().await.unwrap_err();
    assert!(failed.to_string().contains("run it again"), "{failed}");
    assert_eq!(number(&context, "SELECT count(*) FROM doubled").await, "5", "the next statement reads the new table");
}

#[tokio::test]
async fn a_crash_before_the_manifest_leaves_the_old_table() {
    let dir = project_of(&[("doubled.sql", DOUBLED)]);
    let (numbers, tables) = (dir.path().join("numbers.parquet"), dir.path().join("tables"));
    write_numbers(&numbers, 9).await;
    let project = Project::load(dir.path(), &parameters(5)).unwrap();
    project.run(&session(&numbers).await, "doubled", &tables, &RunOptions::default(), &mut |_| {}).await.unwrap();
    let table = folder(&tables, "doubled");
    std::fs::write(table.join("doubled-2.parquet"), "half a file").unwrap();
    let later = session(&numbers).await;
    project.register(&later, &tables).await.unwrap();
    assert!(reads_table(&later, "doubled").await);
    assert_eq!(number(&later, "SELECT count(*) FROM doubled").await, "5");
    // A file that a power loss damaged is not used; the view gives the rows.
    std::fs::write(table.join("doubled-1.parquet"), "torn").unwrap();
    let torn = session(&numbers).await;
    project.register(&torn, &tables).await.unwrap();
    assert!(!reads_table(&torn, "doubled").await);
    assert_eq!(number(&torn, "SELECT count(*) FROM doubled").await, "5");
}

#[tokio::test]
async fn runs_of_one_table_at_the_same_time_leave_a_whole_one() {
    let dir = project_of(&[("doubled.sql", DOUBLED)]);
    let (numbers, tables) = (dir.path().join("numbers.parquet"), dir.path().join("tables"));
    write_numbers(&numbers, 9).await;
    let project = Project::load(dir.path(), &parameters(5)).unwrap();
    let run = async || {
        let again = RunOptions { full: true, ..RunOptions::default() };
        for _ in 0..3 {
            project.run(&session(&numbers).await, "doubled", &tables, &again, &mut |_| {}).await.unwrap();
        }
    };
    tokio::join!(run(), run(), run());
    let context = session(&numbers).await;
    project.register(&context, &tables).await.unwrap();
    assert!(reads_table(&context, "doubled").await);
    assert_eq!(number(&context, "SELECT count(*) FROM doubled").await, "5");
    let files = std::fs::read_dir(folder(&tables, "doubled")).unwrap().count();
    assert_eq!(files, 4, "the version, the one before, the manifest, the lock");
}

/// A table function that returns no scores.
#[derive(Debug)]
struct NoScores;

impl datafusion::catalog::TableFunctionImpl for NoScores {
    fn call(
        &self,
        _arguments: &[datafusion::logical_expr::Expr],
    ) -> datafusion::error::Result<std::sync::Arc<dyn datafusion::catalog::TableProvider>> {
        let schema = std::sync::Arc::new(super::landed_schema());
        Ok(std::sync::Arc::new(datafusion::datasource::MemTable::try_new(schema, vec![vec![]])?))
    }
}

#[tokio::test]
async fn audits_return_what_is_wrong() {
    let dir = project_of(&[
        ("doubled.sql", DOUBLED),
        ("audits/large.sql", "-- description: x\nSELECT id FROM doubled WHERE twice > 4 ORDER BY id"),
        ("audits/small.sql", "-- description: x\nSELECT id FROM doubled WHERE twice < 0"),
    ]);
    let numbers = dir.path().join("numbers.parquet");
    write_numbers(&numbers, 9).await;
    let context = session(&numbers).await;
    let project = Project::load(dir.path(), &parameters(5)).unwrap();
    project.register(&context, dir.path()).await.unwrap();
    let mut outcomes = Vec::new();
    for audit in project.audits() {
        let audited = project.audit(audit, &context).await.unwrap();
        outcomes.push((audit.name.as_str(), audited.rows, audited.sample.map(|rows| rows.num_rows())));
    }
    assert_eq!(outcomes, [("large", 2, Some(2)), ("small", 0, None)]);
}

#[tokio::test]
async fn a_test_that_fails_says_where() {
    let cases = "-- test: wrong value\n-- parameters: limit = 9\n-- given numbers(id):\nVALUES (4)\n-- expect(twice):\nVALUES (9)\n\
        -- test: too many\n-- given numbers(id):\nVALUES (1), (2)\n-- expect(id):\nVALUES (1)\n\
        -- test: none is right\n-- given numbers(id):\nVALUES (7)\n-- expect(id):\n\
        -- test: no such column\n-- given numbers(no):\nVALUES (7)\n-- expect(id):\n";
    let dir = project_of(&[("doubled.sql", DOUBLED), ("tests/doubled.sql", cases)]);
    let numbers = dir.path().join("numbers.parquet");
    write_numbers(&numbers, 9).await;
    let context = session(&numbers).await;
    let project = Project::load(dir.path(), &parameters(5)).unwrap();
    project.register(&context, dir.path()).await.unwrap();
    let outcomes = project.test(&context).await.unwrap();
    let told: Vec<_> = outcomes.iter().map(|o| (o.place.line, o.failure.as_deref())).collect();
    assert_eq!(
        told,
        [
            (1, Some("row 1: expected twice = 9, got 8")),
            (7, Some("expected 1 row, got 2")),
            (12, None),
            (17, Some("given numbers: there is no column `no`")),
        ]
    );
}

#[tokio::test]
async fn a_chain_in_which_each_query_reads_the_two_before_is_planned_once_for_each() {
    let mut files = vec![("q0.sql".to_string(), "-- description: x\nSELECT 1 AS v".to_string())];
    files.push(("q1.sql".into(), "-- description: x\nSELECT 1 AS v".into()));
    for n in 2..60 {
        let sql =
            format!("-- description: x\nSELECT (a.v + b.v) % 1000 AS v FROM q{} a CROSS JOIN q{} b", n - 1, n - 2);
        files.push((format!("q{n}.sql"), sql));
    }
    let files: Vec<(&str, &str)> = files.iter().map(|(name, sql)| (name.as_str(), sql.as_str())).collect();
    let dir = project_of(&files);
    let project = Project::load(dir.path(), &Parameters::new()).unwrap();
    let context = SessionContext::new();
    let tables = dir.path().join("tables");
    // As a plan of its own, the last query would read the first one some 10^12 times.
    assert!(project.register(&context, &tables).await.unwrap().is_empty());
    let fibonacci = (2..60).fold((1, 1), |(a, b), _| (b, (a + b) % 1000)).1;
    assert_eq!(number(&context, "SELECT v FROM q59").await, fibonacci.to_string());
    project.run(&context, "+q59", &tables, &RunOptions::default(), &mut |_| {}).await.unwrap();
    assert_eq!(number(&context, "SELECT v FROM q59").await, fibonacci.to_string());
    assert!(reads_table(&context, "q59").await);
}
