//! Sessions: a file that a statement writes appears whole or not at all.

use std::path::Path;
use std::time::{Duration, Instant};

use squall::catalog::{Options, Session};
use tempfile::TempDir;

async fn session(folder: &Path) -> Session {
    let options = Options {
        ticks_dir: folder.join("ticks"),
        tables_dir: folder.join("tables"),
        models_dir: folder.join("models"),
        threads: 2,
        batch_size: 1000,
        memory_limit_mb: 0,
        rolling: true,
    };
    Session::open(options).await.expect("a session over empty folders")
}

async fn run(session: &Session, sql: &str) -> Result<usize, String> {
    let frame = session.sql(sql).await.expect("it plans");
    let batches = frame.collect().await.map_err(|error| error.to_string())?;
    Ok(batches.iter().map(|batch| batch.num_rows()).sum())
}

/// Returns the files in a folder, once at most `expected` are left or the time is up, because the store cleans up in its own
/// time.
fn files(folder: &Path, expected: usize) -> Vec<String> {
    let start = Instant::now();
    loop {
        let entries = std::fs::read_dir(folder).expect("the folder is there");
        let mut names: Vec<String> =
            entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        if names.len() <= expected || start.elapsed() > Duration::from_secs(10) {
            return names;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Fails at its 19,000th row.
const FAILS: &str = "SELECT value, sqrt(value) AS root, 1 / (19000 - value) AS inverse FROM generate_series(1, 20000)";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_copy_leaves_no_file() {
    let folder = TempDir::new().expect("a temporary folder");
    let session = session(folder.path()).await;
    let out = folder.path().join("out");
    std::fs::create_dir(&out).expect("a folder of the test's own");
    for format in ["parquet", "csv", "json"] {
        let file = out.join(format!("rows.{format}"));
        let copy = |query: &str| format!("COPY ({query}) TO '{}' STORED AS {format}", file.display());
        let error = run(&session, &copy(FAILS)).await.expect_err("it divides by zero");
        assert!(error.to_lowercase().contains("divide by zero"), "{error}");
        assert_eq!(files(&out, 0), Vec::<String>::new(), "{format}");

        run(&session, &copy("SELECT 1 AS one")).await.expect("one row is written");
        let before = std::fs::read(&file).expect("it was written");
        run(&session, &copy(FAILS)).await.expect_err("it divides by zero");
        assert_eq!(files(&out, 1), [format!("rows.{format}")]);
        assert_eq!(std::fs::read(&file).expect("it is still there"), before, "the file of before stays");
        std::fs::remove_file(&file).expect("it is there");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_insert_adds_nothing() {
    let folder = TempDir::new().expect("a temporary folder");
    let session = session(folder.path()).await;
    let table = folder.path().join("table");
    std::fs::create_dir(&table).expect("a folder of the test's own");
    let create = format!(
        "CREATE EXTERNAL TABLE sink (value BIGINT, root DOUBLE, inverse BIGINT) STORED AS PARQUET LOCATION '{}/'",
        table.display()
    );
    run(&session, &create).await.expect("a table over a folder");
    run(&session, &format!("INSERT INTO sink {FAILS}")).await.expect_err("it divides by zero");
    assert_eq!(files(&table, 0), Vec::<String>::new());
    run(&session, "INSERT INTO sink VALUES (1, 1.0, 1)").await.expect("one row is written");
    assert_eq!(run(&session, "SELECT * FROM sink").await, Ok(1));
}
