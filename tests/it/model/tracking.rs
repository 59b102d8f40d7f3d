//! Runs: the local table, and MLflow's interface against our own server and, if one is named, a real server.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use squall::text::fingerprint;
use squall::track::{Run, Tracker, read};
use tempfile::TempDir;

use super::weather;
use crate::slt::rows;

/// The requests that a server got: method, path and body.
type Requests = Arc<Mutex<Vec<(String, String, Vec<u8>)>>>;

/// A server that answers as MLflow does; `answer` gives the answer to each request.
fn serve(answer: fn(&str) -> (u16, Value)) -> (String, Requests) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("http://{}", listener.local_addr().unwrap());
    let requests = Requests::default();
    let log = Arc::clone(&requests);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            handle(stream.unwrap(), answer, &log);
        }
    });
    (uri, requests)
}

fn handle(stream: TcpStream, answer: fn(&str) -> (u16, Value), log: &Requests) {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first).unwrap();
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let mut words = first.split(' ');
    let (method, path) = (words.next().unwrap().to_string(), words.next().unwrap().to_string());
    let (status, value) = answer(&path);
    log.lock().unwrap().push((method, path, body));
    let text = value.to_string();
    let head = format!("HTTP/1.1 {status} -\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", text.len());
    reader.get_mut().write_all(format!("{head}{text}").as_bytes()).unwrap();
}

fn run() -> Run {
    Run {
        run_id: "spike_logistic-3".into(),
        model: "spike_logistic".into(),
        version: 3,
        started_at_ms: 1_764_000_000_000,
        ended_at_ms: 1_764_000_001_500,
        sql_fingerprint: fingerprint("CREATE MODEL"),
        params: (0..150).map(|index| (format!("param_{index}"), "x".repeat(7000))).collect(),
        metrics: BTreeMap::from([("test".into(), BTreeMap::from([("average_precision".into(), 0.75)]))]),
        mlflow_run_id: None,
    }
}

/// Warnings of the trackers in this file, which one process shares.
static WARNINGS: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn warn(message: &str, hint: Option<&str>) {
    WARNINGS.lock().unwrap().push(format!("{message} ({})", hint.unwrap_or_default()));
}

fn warned(part: &str) -> bool {
    WARNINGS.lock().unwrap().iter().any(|warning| warning.contains(part))
}

fn like_mlflow(path: &str) -> (u16, Value) {
    match path.rsplit('/').next().unwrap().split('?').next().unwrap() {
        "get-by-name" => (404, json!({"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "none"})),
        "create" if path.contains("experiments") => (200, json!({"experiment_id": "7"})),
        "create" => {
            (200, json!({"run": {"info": {"run_id": "abc", "artifact_uri": "mlflow-artifacts:/7/abc/artifacts"}}}))
        }
        _ => (200, json!({})),
    }
}

#[test]
fn a_run_is_recorded_on_mlflow_within_its_limits() {
    let (uri, requests) = serve(like_mlflow);
    let folder = TempDir::new().unwrap();
    Tracker::new(folder.path().into(), &uri, "squall tests", warn).record(run(), b"{\"model\": 1}");

    let requests = requests.lock().unwrap();
    let calls: Vec<String> = requests.iter().map(|(method, path, _)| format!("{method} {path}")).collect();
    assert_eq!(
        calls,
        [
            "GET /api/2.0/mlflow/experiments/get-by-name?experiment_name=squall%20tests",
            "POST /api/2.0/mlflow/experiments/create",
            "POST /api/2.0/mlflow/runs/create",
            "POST /api/2.0/mlflow/runs/log-batch",
            "POST /api/2.0/mlflow/runs/log-batch",
            "POST /api/2.0/mlflow/runs/log-batch",
            "PUT /api/2.0/mlflow-artifacts/artifacts/7/abc/artifacts/model.json",
            "POST /api/2.0/mlflow/runs/update",
        ]
    );
    let body = |index: usize| serde_json::from_slice::<Value>(&requests[index].2).unwrap();
    assert_eq!(body(2)["start_time"], 1_764_000_000_000_i64);
    assert_eq!((body(3)["params"].as_array().unwrap().len(), body(4)["params"].as_array().unwrap().len()), (100, 50));
    assert_eq!(body(3)["params"][0]["value"].as_str().unwrap().len(), 6000);
    let metric = json!({"key": "test/average_precision", "value": 0.75, "timestamp": 1_764_000_001_500_i64, "step": 0});
    assert_eq!(body(5)["metrics"], json!([metric]));
    assert_eq!(requests[6].2, b"{\"model\": 1}");
    assert_eq!(body(7), json!({"run_id": "abc", "status": "FINISHED", "end_time": 1_764_000_001_500_i64}));
    let recorded = read(folder.path()).unwrap();
    assert_eq!(recorded, [Run { mlflow_run_id: Some("abc".into()), ..run() }]);
}

#[test]
fn a_server_that_is_not_there_or_refuses_is_a_warning_and_the_run_is_kept() {
    let folder = TempDir::new().unwrap();
    // Opened and closed again, so nothing listens there.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let nobody = format!("http://127.0.0.1:{port}");
    Tracker::new(folder.path().into(), &nobody, "squall", warn).record(run(), b"{}");
    assert!(warned(&format!("{nobody} cannot be reached")) && warned("MLFLOW_TRACKING_URI"));
    assert_eq!(read(folder.path()).unwrap(), [run()]);

    let (uri, requests) = serve(|path| match path.ends_with("log-batch") {
        true => (400, json!({"message": "a metric it does not like\nand more"})),
        false => like_mlflow(path),
    });
    Tracker::new(folder.path().into(), &uri, "squall", warn).record(run(), b"{}");
    assert!(warned("runs/log-batch answered 400: a metric it does not like (trainings are in the local table"));
    let requests = requests.lock().unwrap();
    let end: Value = serde_json::from_slice(&requests.last().unwrap().2).unwrap();
    assert_eq!(end["status"], "FAILED");
}

#[tokio::test]
async fn each_training_is_a_row_a_split_of_the_table_runs() {
    let folder = TempDir::new().unwrap();
    let dir: PathBuf = folder.path().join("runs");
    let session = weather::empty(&folder).await.with_tracker(Tracker::new(dir, "", "squall", warn)).unwrap();
    let count = |session: &squall::catalog::Session| {
        let context = session.context().clone();
        async move { rows(&context.sql("SELECT count(*) FROM runs").await.unwrap().collect().await.unwrap())[0][0].clone() }
    };
    assert_eq!(count(&session).await, "0");
    for statement in &weather::blocks("sql")[..2] {
        session.sql(statement.trim()).await.unwrap().collect().await.unwrap();
    }
    let sql = "SELECT run_id, model, version, split, rows, positives, duration_ms >= 0, params, average_precision = (
                   SELECT average_precision FROM ml_evaluate('calm_or_wild')) FROM runs";
    let batches = session.sql(sql).await.unwrap().collect().await.unwrap();
    let row = rows(&batches).remove(0).join(" | ");
    let (id, row) = row.split_once(" | ").unwrap();
    assert!(id.starts_with("calm_or_wild-1-2"), "{id}");
    assert!(row.starts_with("calm_or_wild | 1 | train | 60.0 | 17.0 | true | {"), "{row}");
    assert!(row.contains("\"features\":\"wind, pressure\"") && row.ends_with("| true"), "{row}");
    let failing = "CREATE MODEL none OPTIONS (model_type = 'naive', input_label_cols = ['storm']) AS SELECT * FROM weather WHERE false";
    assert!(session.sql(failing).await.is_err());
    assert_eq!(count(&session).await, "1");
}

#[tokio::test]
async fn a_run_is_never_overwritten() {
    let folder = TempDir::new().unwrap();
    let dir: PathBuf = folder.path().join("runs");
    let session = weather::empty(&folder).await.with_tracker(Tracker::new(dir.clone(), "", "squall", warn)).unwrap();
    let statements = weather::blocks("sql");
    session.sql(statements[0].trim()).await.unwrap().collect().await.unwrap();
    session.sql(statements[1].trim()).await.unwrap().collect().await.unwrap();
    let first = read(&dir).unwrap();
    // The models are deleted, so versions start at 1 again; even so, it is another run.
    std::fs::remove_dir_all(folder.path().join("models")).unwrap();
    session.sql(statements[1].trim()).await.unwrap().collect().await.unwrap();
    let both = read(&dir).unwrap();
    assert_eq!((both.len(), &both[0]), (2, &first[0]));
    assert_eq!((both[0].version, both[1].version), (1, 1));
    assert_ne!(both[0].run_id, both[1].run_id);

    let other = Run { model: "another".into(), ..first[0].clone() };
    Tracker::new(dir.clone(), "", "squall", warn).record(other, b"{}");
    assert!(warned(&format!("{}.json holds another run of the same id", first[0].run_id)));
    assert_eq!(read(&dir).unwrap(), both);
}

#[test]
fn what_a_tracker_that_died_left_is_removed() {
    let folder = TempDir::new().unwrap();
    let left = folder.path().join(".spike_logistic-2.json.1-2-3.part");
    std::fs::write(&left, "{").unwrap();
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
    std::fs::File::options().append(true).open(&left).unwrap().set_modified(long_ago).unwrap();
    Tracker::new(folder.path().into(), "", "squall", warn).record(run(), b"{}");
    assert!(!left.exists());
    assert_eq!(read(folder.path()).unwrap(), [run()]);
}

#[test]
fn a_real_mlflow_server_takes_a_run() {
    let Ok(uri) = std::env::var("SQUALL_TEST_MLFLOW") else {
        eprintln!("skipped: SQUALL_TEST_MLFLOW=http://host:port names no MLflow server");
        return;
    };
    let folder = TempDir::new().unwrap();

    Tracker::new(folder.path().into(), &uri, "squall tests", warn).record(run(), b"{\"model\": 1}");
    let recorded = read(folder.path()).unwrap();
    assert!(recorded[0].mlflow_run_id.is_some(), "{:?}", WARNINGS.lock().unwrap());
}
