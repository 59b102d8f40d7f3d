//! Several `CREATE MODEL` statements with one name at once: tasks of one process, threads on the registry, processes.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use squall::catalog::Session;
use squall::model::{Artifact, Registry, Saved, When};
use tempfile::TempDir;

use super::weather;
use crate::slt::rows;

/// How many statements run at once.
const WRITERS: usize = 4;

/// Runs one statement in several sessions over one folder at once; returns each one's rows or its error with its cause.
async fn at_once(folder: &TempDir, statement: &str) -> Vec<Result<Vec<Vec<String>>, String>> {
    let barrier = Arc::new(tokio::sync::Barrier::new(WRITERS));
    let mut writers = Vec::new();
    for _ in 0..WRITERS {
        let session = weather::empty(folder).await;
        session.sql(weather::blocks("sql")[0].trim()).await.unwrap().collect().await.unwrap();
        let (barrier, statement) = (Arc::clone(&barrier), statement.to_string());
        writers.push(tokio::spawn(async move {
            barrier.wait().await;
            run(&session, &statement).await
        }));
    }
    let mut results = Vec::new();
    for writer in writers {
        results.push(writer.await.unwrap());
    }
    results
}

async fn run(session: &Session, statement: &str) -> Result<Vec<Vec<String>>, String> {
    match session.sql(statement).await {
        Ok(frame) => Ok(rows(&frame.collect().await.unwrap())),
        Err(error) => Err(format!("{error}: {}", std::error::Error::source(&error).unwrap())),
    }
}

fn statement(create: &str) -> String {
    weather::blocks("sql")[1].trim().replace("CREATE MODEL", create)
}

fn versions(folder: &TempDir) -> Vec<u64> {
    Registry::new(folder.path().join("models")).versions("calm_or_wild").unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_several_create_model_exactly_one_succeeds_and_the_others_are_told() {
    let folder = TempDir::new().unwrap();
    let results = at_once(&folder, &statement("CREATE MODEL")).await;
    let (made, refused): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    assert_eq!(made.len(), 1, "{refused:?}");
    for error in refused {
        let error = error.unwrap_err();
        assert!(error.contains("model `calm_or_wild` exists already, at version 1"), "{error}");
    }
    assert_eq!(versions(&folder), [1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_several_create_or_replace_each_gets_a_version_of_its_own() {
    let folder = TempDir::new().unwrap();
    let results = at_once(&folder, &statement("CREATE OR REPLACE MODEL")).await;
    let mut given: Vec<String> = results.into_iter().map(|rows| rows.unwrap()[0][1].clone()).collect();
    given.sort();
    assert_eq!(given, ["1", "2", "3", "4"]);
    assert_eq!(versions(&folder), [1, 2, 3, 4]);
    for version in versions(&folder) {
        let model = Registry::new(folder.path().join("models")).load(&format!("calm_or_wild@{version}")).unwrap();
        assert_eq!(model.version, version);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_several_create_if_not_exists_one_trains_and_all_return_its_metrics() {
    let folder = TempDir::new().unwrap();
    let results = at_once(&folder, &statement("CREATE MODEL IF NOT EXISTS")).await;
    let first = results[0].as_ref().unwrap();
    assert!(results.iter().all(|rows| rows.as_ref().unwrap() == first), "{results:?}");
    assert_eq!(versions(&folder), [1]);
}

#[tokio::test]
async fn create_if_not_exists_trains_nothing_where_the_model_exists() {
    let folder = TempDir::new().unwrap();
    let session = weather::session(&folder).await;
    let path = Registry::new(folder.path().join("models")).path("calm_or_wild", 1);
    let before = std::fs::read(&path).unwrap();
    // The query would fail if it ran.
    let other = "CREATE MODEL IF NOT EXISTS calm_or_wild OPTIONS (model_type = 'naive', input_label_cols = ['storm']) AS SELECT * FROM nowhere";
    let metrics = run(&session, other).await.unwrap();
    assert_eq!(metrics, run(&session, "SELECT * FROM ml_evaluate('calm_or_wild')").await.unwrap());
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert_eq!(versions(&folder), [1]);
}

/// On a runtime with one thread, a task that sleeps again and again is delayed by anything that keeps the thread busy.
#[tokio::test(flavor = "current_thread")]
async fn training_leaves_other_tasks_running() {
    let folder = TempDir::new().unwrap();
    let session = weather::empty(&folder).await;
    let table = "CREATE TABLE noise AS SELECT sin(value) AS a, sin(value * 7) AS b, cos(value * 3) AS c, value * 7919 % 10 < 3 AS y
        FROM generate_series(1, 60000)";
    session.sql(table).await.unwrap().collect().await.unwrap();
    let ticker = tokio::spawn(async {
        let mut longest = Duration::ZERO;
        loop {
            let before = Instant::now();
            tokio::time::sleep(Duration::from_millis(1)).await;
            longest = longest.max(before.elapsed());
            LONGEST_MS.store(longest.as_millis() as u64, Ordering::Relaxed);
        }
    });
    let start = Instant::now();
    let create = "CREATE MODEL noise OPTIONS (model_type = 'logistic_reg', input_label_cols = ['y'], l2_reg = 0.001) AS SELECT * FROM noise";
    session.sql(create).await.unwrap();
    let total = start.elapsed().as_millis() as u64;
    // The ticker gets its turn, and measures how long it waited.
    tokio::time::sleep(Duration::from_millis(5)).await;
    let longest = LONGEST_MS.load(Ordering::Relaxed);
    ticker.abort();
    assert!(longest * 2 < total, "a task waited {longest} ms of {total} ms");
}

/// The longest time that a task waited for its turn.
static LONGEST_MS: AtomicU64 = AtomicU64::new(0);

/// Saves one artifact from several threads at once.
fn save_at_once(registry: &Registry, artifact: &Artifact, when: When) -> Vec<Saved> {
    let barrier = Barrier::new(8);
    std::thread::scope(|scope| {
        let save = || {
            barrier.wait();
            registry.save(artifact.clone(), None, when).unwrap()
        };
        let writers: Vec<_> = (0..8).map(|_| scope.spawn(save)).collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    })
}

#[tokio::test]
async fn threads_that_save_at_once_agree_who_was_first() {
    let folder = TempDir::new().unwrap();
    weather::session(&folder).await;
    let artifact = Registry::new(folder.path().join("models")).load("calm_or_wild").unwrap();
    for round in 0..20 {
        let registry = Registry::new(folder.path().join(format!("round {round}")));
        let saved = save_at_once(&registry, &artifact, When::Absent);
        let new = saved.iter().filter(|saved| matches!(saved, Saved::New(_))).count();
        assert_eq!((new, saved.len()), (1, 8), "{saved:?}");
        let saved = save_at_once(&registry, &artifact, When::Always);
        assert!(saved.iter().all(|saved| matches!(saved, Saved::New(_))));
        assert_eq!(registry.versions("calm_or_wild").unwrap(), (1..=9).collect::<Vec<u64>>());
    }
}

#[test]
fn of_several_processes_exactly_one_makes_the_model() {
    let folder = TempDir::new().unwrap();
    let table = weather::blocks("sql")[0].trim().replace("60", "40000").replace("CREATE TABLE", "CREATE TEMP TABLE");
    let sql = format!("{table} {}", statement("CREATE MODEL"));
    let start = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
        command.args(["sql", sql.as_str()]).current_dir(folder.path()).env_clear();
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let processes: Vec<_> = (0..3).map(|_| start()).collect();
    let outputs: Vec<_> = processes.into_iter().map(|process| process.wait_with_output().unwrap()).collect();
    let (made, refused): (Vec<_>, Vec<_>) = outputs.iter().partition(|output| output.status.success());
    let errors: Vec<_> = refused.iter().map(|output| String::from_utf8_lossy(&output.stderr)).collect();
    assert_eq!(made.len(), 1, "{errors:?}");
    for error in errors {
        assert!(error.contains("exists already, at version 1") && error.contains("Hint: CREATE OR REPLACE"), "{error}");
    }
    assert_eq!(std::fs::read_dir(folder.path().join("data/runs")).unwrap().count(), 1);
}
