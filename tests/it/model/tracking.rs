//! Runs: the local table, and MLflow's interface against our own server.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use squall::text::fingerprint;
use squall::track::{Dataset, Kind, Pushed, Run, Server, Tracker, read};
use tempfile::TempDir;

use super::weather;
use crate::slt::rows;

/// The requests that a server got: method, path and body.
pub type Requests = Arc<Mutex<Vec<(String, String, Vec<u8>)>>>;

/// A server that answers as MLflow does; `answer` gives the answer to each request.
pub fn serve(answer: impl Fn(&str) -> (u16, Value) + Send + 'static) -> (String, Requests) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("http://{}", listener.local_addr().unwrap());
    let requests = Requests::default();
    let log = Arc::clone(&requests);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            handle(stream.unwrap(), |path, _| answer(path), &log);
        }
    });
    (uri, requests)
}

/// Answers one request; `answer` gets the path and what the request says of who asks.
pub fn handle<S: Read + Write>(stream: S, answer: impl Fn(&str, &str) -> (u16, Value), log: &Requests) {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first).unwrap();
    let mut length = 0;
    let mut authorization = String::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("authorization")
        {
            authorization = value.trim().to_string();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let mut words = first.split(' ');
    let (method, path) = (words.next().unwrap().to_string(), words.next().unwrap().to_string());
    let (status, value) = answer(&path, &authorization);
    log.lock().unwrap().push((method, path, body));
    let text = value.to_string();
    let head = format!("HTTP/1.1 {status} -\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", text.len());
    reader.get_mut().write_all(format!("{head}{text}").as_bytes()).unwrap();
}

/// Returns a server's settings.
pub fn at(uri: &str) -> Server {
    Server { uri: uri.into(), experiment: "squall tests".into(), timeout: Duration::from_secs(30), ..Server::default() }
}

pub fn run() -> Run {
    Run {
        run_id: "spike_logistic-3".into(),
        kind: Kind::Training,
        model: "spike_logistic".into(),
        version: 3,
        started_at_ms: 1_764_000_000_000,
        ended_at_ms: 1_764_000_001_500,
        sql_fingerprint: fingerprint("CREATE MODEL"),
        params: (0..150).map(|index| (format!("param_{index}"), "x".repeat(7000))).collect(),
        metrics: BTreeMap::from([("test".into(), BTreeMap::from([("average_precision".into(), 0.75)]))]),
        tags: BTreeMap::from([("mlflow.user".into(), "me".into())]),
        datasets: vec![Dataset {
            name: "spike_logistic_test".into(),
            split: "test".into(),
            digest: "0123456789abcdef".into(),
            rows: 7,
            sql: "SELECT 1".into(),
            features: vec!["rv_60s".into()],
            label: "spike".into(),
        }],
        folds: Vec::new(),
        mlflow_run_id: None,
    }
}

/// Warnings of the trackers in this file, which one process shares.
static WARNINGS: Mutex<Vec<String>> = Mutex::new(Vec::new());

pub fn warn(message: &str, hint: Option<&str>) {
    WARNINGS.lock().unwrap().push(format!("{message} ({})", hint.unwrap_or_default()));
}

pub fn warned(part: &str) -> bool {
    WARNINGS.lock().unwrap().iter().any(|warning| warning.contains(part))
}

pub fn like_mlflow(path: &str) -> (u16, Value) {
    match path.rsplit('/').next().unwrap().split('?').next().unwrap() {
        "get-by-name" => (404, json!({"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "none"})),
        "create" if path.contains("experiments") => (200, json!({"experiment_id": "7"})),
        "logged-models" => (
            200,
            json!({"model": {"info": {"model_id": "m-1", "artifact_uri": "mlflow-artifacts:/7/models/m-1/artifacts"}}}),
        ),
        "create" if path.contains("model") => (200, json!({})),
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
    let artifact = br#"{"sql": "CREATE MODEL", "features": [{"name": "rv_60s"}]}"#;
    Tracker::new(folder.path().into(), at(&uri), warn).record(run(), Some(artifact));

    let requests = requests.lock().unwrap();
    let calls: Vec<String> = requests.iter().map(|(method, path, _)| format!("{method} {}", &path[9..])).collect();
    let model = "PUT mlflow-artifacts/artifacts/7/models/m-1/artifacts";
    let own = "PUT mlflow-artifacts/artifacts/7/abc/artifacts";
    assert_eq!(
        calls,
        [
            "GET mlflow/experiments/get-by-name?experiment_name=squall+tests",
            "POST mlflow/experiments/create",
            "POST mlflow/runs/search",
            "POST mlflow/runs/create",
            "POST mlflow/runs/log-batch",
            "POST mlflow/runs/log-batch",
            "POST mlflow/runs/log-inputs",
            "POST mlflow/logged-models/search",
            "POST mlflow/logged-models",
            &format!("{model}/MLmodel"),
            &format!("{model}/model.json"),
            &format!("{model}/code/squall_model.py"),
            &format!("{model}/requirements.txt"),
            &format!("{model}/conda.yaml"),
            &format!("{model}/python_env.yaml"),
            "PATCH mlflow/logged-models/m-1",
            "POST mlflow/runs/outputs",
            "POST mlflow/runs/log-batch",
            &format!("{own}/run.json"),
            &format!("{own}/model.json"),
            &format!("{own}/model.sql"),
            "POST mlflow/registered-models/create",
            "GET mlflow/model-versions/search?filter=name%3D%27spike_logistic%27+and+run_id%3D%27abc%27&max_results=1",
            "POST mlflow/model-versions/create",
            "POST mlflow/runs/set-tag",
            "POST mlflow/runs/update",
        ]
    );
    let body = |index: usize| serde_json::from_slice::<Value>(&requests[index].2).unwrap();
    assert_eq!(body(3)["start_time"], 1_764_000_000_000_i64);
    assert_eq!((body(4)["params"].as_array().unwrap().len(), body(5)["params"].as_array().unwrap().len()), (100, 50));
    assert_eq!(body(4)["params"][0]["value"].as_str().unwrap().len(), 6000);
    let metric = json!({
        "key": "test/average_precision", "value": 0.75, "timestamp": 1_764_000_001_500_i64, "step": 0, "model_id": "m-1",
        "dataset_name": "spike_logistic_test", "dataset_digest": "0123456789abcdef",
    });
    assert_eq!(body(17)["metrics"], json!([metric]));
    assert_eq!(requests[19].2, artifact);
    assert_eq!(body(25), json!({"run_id": "abc", "status": "FINISHED", "end_time": 1_764_000_001_500_i64}));
    let recorded = read(folder.path()).unwrap().runs;
    assert_eq!(recorded, [Run { mlflow_run_id: Some("abc".into()), ..run() }]);
    assert!(std::fs::read_dir(folder.path().join("unsent")).unwrap().next().is_none());
}

#[test]
fn a_server_that_is_not_there_is_one_warning_and_the_runs_are_kept_until_they_are_sent() {
    let folder = TempDir::new().unwrap();
    // Opened and closed again, so nothing listens there.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let nobody = format!("http://me:hunter2@127.0.0.1:{port}");
    let tracker = Tracker::new(folder.path().into(), at(&nobody), warn);
    let other = Run { run_id: "spike_logistic-4".into(), version: 4, ..run() };
    tracker.record(run(), Some(b"{}"));
    tracker.record(other.clone(), Some(b"{}"));
    let about = format!("127.0.0.1:{port} cannot be reached");
    assert_eq!(WARNINGS.lock().unwrap().iter().filter(|warning| warning.contains(&about)).count(), 1);
    assert!(warned("`squall runs push`") && !warned("hunter2"));
    assert_eq!(read(folder.path()).unwrap().runs, [run(), other.clone()]);

    let (uri, requests) = serve(like_mlflow);
    let tracker = Tracker::new(folder.path().into(), at(&uri), warn);
    for run in [run(), other] {
        assert!(matches!(tracker.push(&run, None).unwrap(), Pushed::Sent));
        // The file says that it is sent, whatever the caller thinks.
        assert!(matches!(tracker.push(&run, None).unwrap(), Pushed::Already));
    }
    let requests = requests.lock().unwrap();
    assert_eq!(requests.iter().filter(|(_, path, _)| path.ends_with("runs/create")).count(), 2);
    // The artifact was kept with the run.
    assert_eq!(
        requests.iter().filter(|(_, path, body)| path.ends_with("abc/artifacts/model.json") && body == b"{}").count(),
        2
    );
}

#[test]
fn what_the_server_refuses_does_not_lose_the_rest() {
    let folder = TempDir::new().unwrap();
    let (uri, requests) = serve(|path| match path.ends_with("log-batch") {
        true => (400, json!({"message": "a metric it does not like\nand more"})),
        false => like_mlflow(path),
    });
    Tracker::new(folder.path().into(), at(&uri), warn).record(run(), Some(b"{}"));
    assert!(warned("runs/log-batch answered 400: a metric it does not like (the run is in the local table"));
    let requests = requests.lock().unwrap();
    let end: Value = serde_json::from_slice(&requests.last().unwrap().2).unwrap();
    assert_eq!(end["status"], "FINISHED");
}

#[test]
fn a_run_that_the_server_has_is_found_and_not_made_again() {
    fn found(path: &str) -> (u16, Value) {
        let info = json!({"run_id": "abc", "experiment_id": "7", "artifact_uri": "mlflow-artifacts:/7/abc/artifacts"});
        match path {
            path if path.ends_with("runs/search") => (200, json!({"runs": [{"info": info, "data": {"tags": []}}]})),
            path => like_mlflow(path),
        }
    }
    let folder = TempDir::new().unwrap();
    let (uri, requests) = serve(found);
    Tracker::new(folder.path().into(), at(&uri), warn).record(run(), Some(b"{}"));
    assert_eq!(read(folder.path()).unwrap().runs[0].mlflow_run_id.as_deref(), Some("abc"));
    assert!(!requests.lock().unwrap().iter().any(|(_, path, _)| path.ends_with("runs/create")));
}

#[test]
fn a_server_that_hangs_delays_a_training_no_longer_than_the_setting_says() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("http://{}", listener.local_addr().unwrap());
    let folder = TempDir::new().unwrap();
    let server = Server { timeout: Duration::from_millis(400), ..at(&uri) };
    let start = std::time::Instant::now();
    Tracker::new(folder.path().into(), server, warn).record(run(), Some(b"{}"));
    assert!(start.elapsed() < Duration::from_millis(2500), "{:?}", start.elapsed());
    assert!(warned(&format!("{uri} does not answer in time")));
    assert!(folder.path().join("unsent/spike_logistic-3.json").exists());
    drop(listener);
}

#[test]
fn an_address_that_is_not_a_servers_and_a_deleted_experiment_are_said_with_a_hint() {
    let folder = TempDir::new().unwrap();
    let tracker = |server| Tracker::new(folder.path().into(), server, warn);
    tracker(at("sqlite:///mlflow.db")).record(Run { run_id: "a-1".into(), ..run() }, None);
    assert!(warned("`sqlite:///mlflow.db` is not the address of an MLflow server") && warned("begins with http://"));

    let (uri, _) = serve(|path| match path.contains("get-by-name") {
        true => (200, json!({"experiment": {"experiment_id": "9", "name": "old", "lifecycle_stage": "deleted"}})),
        false => like_mlflow(path),
    });
    tracker(at(&uri)).record(Run { run_id: "a-2".into(), ..run() }, None);
    assert!(warned("the MLflow experiment `old` is deleted") && warned("mlflow experiments restore --experiment-id 9"));
    assert!(folder.path().join("unsent/a-2.json").exists());
}

#[test]
fn an_experiment_that_another_process_creates_meanwhile_is_used() {
    static ASKED: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let (uri, _) = serve(|path| {
        if path.contains("get-by-name") && ASKED.fetch_add(1, std::sync::atomic::Ordering::SeqCst) > 0 {
            return (200, json!({"experiment": {"experiment_id": "7", "lifecycle_stage": "active"}}));
        }
        match path.ends_with("experiments/create") {
            true => (400, json!({"error_code": "RESOURCE_ALREADY_EXISTS", "message": "exists"})),
            false => like_mlflow(path),
        }
    });
    let folder = TempDir::new().unwrap();
    Tracker::new(folder.path().into(), at(&uri), warn).record(run(), None);
    assert!(read(folder.path()).unwrap().runs[0].mlflow_run_id.is_some());
}

#[tokio::test]
async fn each_training_is_a_row_a_split_of_the_table_runs() {
    let folder = TempDir::new().unwrap();
    let dir: PathBuf = folder.path().join("runs");
    let session = weather::empty(&folder).await.with_tracker(Tracker::new(dir, at(""), warn)).unwrap();
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

/// A file that is not a run must not hide the others.
#[tokio::test]
async fn a_run_that_cannot_be_read_is_a_row_with_its_problem() {
    let folder = TempDir::new().unwrap();
    let dir: PathBuf = folder.path().join("runs");
    let session = weather::empty(&folder).await.with_tracker(Tracker::new(dir.clone(), at(""), warn)).unwrap();
    for statement in &weather::blocks("sql")[..2] {
        session.sql(statement.trim()).await.unwrap().collect().await.unwrap();
    }
    std::fs::write(dir.join("yyy.json"), "{}").unwrap();
    let sql = "SELECT split_part(run_id, '-', 1) AS id, model, problem LIKE '%yyy.json is not a run: missing field%' FROM runs ORDER BY id";
    let found = rows(&session.sql(sql).await.unwrap().collect().await.unwrap());
    assert_eq!(found, [["calm_or_wild", "calm_or_wild", "NULL"], ["yyy", "NULL", "true"]]);
}

#[tokio::test]
async fn a_run_is_never_overwritten() {
    let folder = TempDir::new().unwrap();
    let dir: PathBuf = folder.path().join("runs");
    let session = weather::empty(&folder).await.with_tracker(Tracker::new(dir.clone(), at(""), warn)).unwrap();
    let statements = weather::blocks("sql");
    session.sql(statements[0].trim()).await.unwrap().collect().await.unwrap();
    session.sql(statements[1].trim()).await.unwrap().collect().await.unwrap();
    let first = read(&dir).unwrap().runs;
    // The models are deleted, so versions start at 1 again; even so, it is another run.
    std::fs::remove_dir_all(folder.path().join("models")).unwrap();
    session.sql(statements[1].trim()).await.unwrap().collect().await.unwrap();
    let both = read(&dir).unwrap().runs;
    assert_eq!((both.len(), &both[0]), (2, &first[0]));
    assert_eq!((both[0].version, both[1].version), (1, 1));
    assert_ne!(both[0].run_id, both[1].run_id);

    let other = Run { model: "another".into(), ..first[0].clone() };
    Tracker::new(dir.clone(), at(""), warn).record(other, Some(b"{}"));
    assert!(warned(&format!("{}.json holds another run of the same id", first[0].run_id)));
    assert_eq!(read(&dir).unwrap().runs, both);
}

#[test]
fn what_a_tracker_that_died_left_is_removed() {
    let folder = TempDir::new().unwrap();
    let left = folder.path().join(".spike_logistic-2.json.1-2-3.part");
    std::fs::write(&left, "{").unwrap();
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
    std::fs::File::options().append(true).open(&left).unwrap().set_modified(long_ago).unwrap();
    Tracker::new(folder.path().into(), at(""), warn).record(run(), Some(b"{}"));
    assert!(!left.exists());
    assert_eq!(read(folder.path()).unwrap().runs, [run()]);
}
