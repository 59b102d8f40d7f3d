//! A real MLflow server, if `SQUALL_TEST_MLFLOW` names one.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use squall::track::{Pushed, Run, Server, Tracker, read};
use tempfile::TempDir;

use super::commands::Folder;
use super::tracking::{at, run, warn, warned};

fn server() -> Option<String> {
    let uri = std::env::var("SQUALL_TEST_MLFLOW").ok();
    if uri.is_none() {
        eprintln!("skipped: SQUALL_TEST_MLFLOW=http://host:port names no MLflow server");
    }
    uri
}

/// Returns a name that no earlier test used.
fn fresh(name: &str) -> String {
    format!("{name} {}", SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos())
}

fn post(uri: &str, call: &str, body: Value) -> Value {
    let url = format!("{uri}/api/2.0/mlflow/{call}");
    let mut answer = ureq::post(url).content_type("application/json").send(body.to_string()).unwrap();
    serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap()
}

fn get(uri: &str, call: &str, name: &str, value: &str) -> Value {
    let mut answer = ureq::get(format!("{uri}/api/2.0/mlflow/{call}")).query(name, value).call().unwrap();
    serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap()
}

fn experiment(uri: &str, name: &str) -> String {
    let found = get(uri, "experiments/get-by-name", "experiment_name", name);
    found["experiment"]["experiment_id"].as_str().unwrap().to_string()
}

fn runs_of(uri: &str, name: &str) -> Vec<Value> {
    let found = post(uri, "runs/search", json!({"experiment_ids": [experiment(uri, name)]}));
    found["runs"].as_array().cloned().unwrap_or_default()
}

fn with(uri: &str, experiment: &str) -> Server {
    Server { experiment: experiment.into(), timeout: Duration::from_secs(120), ..at(uri) }
}

#[test]
fn a_training_is_a_run_with_model_data_sets_and_registered_version() {
    let Some(uri) = server() else { return };
    let name = fresh("trained");
    let folder = Folder::with_ticks();
    let environment = [("MLFLOW_TRACKING_URI", uri.as_str()), ("MLFLOW_EXPERIMENT_NAME", &name), ("USER", "me")];
    let squall = |arguments: &[&str]| {
        let settings = ["--set", "track.timeout_ms=120000"];
        folder.squall_in(&environment, &[&settings[..], arguments].concat())
    };
    let (success, _, stderr) = squall(&["train", "spike_logistic"]);
    assert!(success && !stderr.contains("Warning"), "{stderr}");
    let (_, listed, _) = squall(&["runs", "list"]);
    assert!(listed.contains("spike_logistic-1-") && listed.contains("on MLflow, "), "{listed}");

    let run = runs_of(&uri, &name).remove(0);
    let tags = |run: &Value, key: &str| {
        run["data"]["tags"].as_array().unwrap().iter().find(|tag| tag["key"] == key).map(|tag| tag["value"].clone())
    };
    assert_eq!(run["info"]["status"], "FINISHED");
    assert_eq!(tags(&run, "mlflow.user"), Some(json!("me")));
    assert_eq!(tags(&run, "mlflow.source.type"), Some(json!("LOCAL")));
    assert!(run["data"]["params"].as_array().unwrap().iter().any(|param| param["key"] == "l2_reg"));
    assert!(run["data"]["metrics"].as_array().unwrap().iter().any(|metric| metric["key"] == "train/average_precision"));
    assert_eq!(run["outputs"]["model_outputs"].as_array().unwrap().len(), 1);
    let data = run["inputs"]["dataset_inputs"].as_array().unwrap();
    assert!(data.iter().any(|data| data["dataset"]["name"] == "spike_logistic_train"), "{data:?}");

    let (success, _, stderr) = squall(&["sql", "ALTER MODEL spike_logistic SET ALIAS champion"]);
    assert!(success && !stderr.contains("Warning"), "{stderr}");
    let model = get(&uri, "registered-models/get", "name", "spike_logistic");
    let aliases = model["registered_model"]["aliases"].as_array().unwrap().clone();
    assert!(aliases.iter().any(|alias| alias["alias"] == "champion"), "{model}");

    // An evaluation is a run too, and says which model it is of.
    let (success, _, stderr) = squall(&["evaluate"]);
    assert!(success && !stderr.contains("not sent"), "{stderr}");
    let evaluation = runs_of(&uri, &name).remove(0);
    assert_eq!(tags(&evaluation, "squall.kind"), Some(json!("evaluation")));
    // A search does not return the models.
    let id = evaluation["info"]["run_id"].as_str().unwrap();
    let evaluation = get(&uri, "runs/get", "run_id", id)["run"].clone();
    assert_eq!(evaluation["inputs"]["model_inputs"].as_array().unwrap().len(), 1, "{evaluation}");

    let (_, pushed, _) = squall(&["runs", "push"]);
    assert_eq!(pushed, "0 runs sent\n");
    assert_eq!(runs_of(&uri, &name).len(), 2);
}

/// Models with folds and calibrations: `mlflow.pyfunc` scores as squall does, and each fold is a run below its training.
#[test]
fn folds_are_runs_below_a_training_and_calibrated_models_are_scored_by_mlflow() {
    let Some(uri) = server() else { return };
    let (name, model) =
        (fresh("folds"), format!("m{}", SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos()));
    let folder = Folder::new();
    let environment = [("MLFLOW_TRACKING_URI", uri.as_str()), ("MLFLOW_EXPERIMENT_NAME", &name)];
    let rows = "SELECT to_timestamp_nanos(value * 1000000000) AS ts, value * 7919 % 1009 / 1009.0 AS a, value * 104729 % 997 / 997.0 AS b,
        value * 7919 % 1009 / 1009.0 + value * 15485863 % 983 / 983.0 AS vol FROM generate_series(1, 400)";
    for (version, kind) in [
        (1, "'linear_reg', target_transform = 'none', target_col = 'vol', calibration = 'isotonic'"),
        (2, "'logistic_reg', calibration = 'sigmoid'"),
        (3, "'logistic_reg', l2_reg = [1, 10]"),
    ] {
        let create = format!("CREATE OR REPLACE MODEL {model} OPTIONS (model_type = {kind}, input_label_cols = ['spike'], time_col = 'ts',
            id_cols = ['vol'], cv_purge_s = 10) AS SELECT *, vol >= 1.5 AS spike FROM ({rows})")
            .replace("id_cols = ['vol'],", if version == 1 { "" } else { "id_cols = ['vol']," });
        let (success, _, stderr) =
            folder.squall_in(&environment, &["--set", "track.timeout_ms=120000", "sql", &create]);
        assert!(success && !stderr.contains("Warning"), "{stderr}");
        let runs = runs_of(&uri, &name);
        assert_eq!(runs.len(), 6 * version, "a training and its five folds");
        let tag = |run: &Value, key: &str| {
            let tags = run["data"]["tags"].as_array().unwrap();
            tags.iter().find(|tag| tag["key"] == key).map(|tag| tag["value"].clone())
        };
        let training = runs.iter().find(|run| tag(run, "squall.kind") == Some(json!("training"))).unwrap();
        let below =
            runs.iter().filter(|run| tag(run, "mlflow.parentRunId") == Some(training["info"]["run_id"].clone()));
        assert_eq!(below.filter(|run| run["info"]["status"] == "FINISHED").count(), 5);
        let id = training["info"]["run_id"].as_str().unwrap();
        let steps = get(&uri, &format!("metrics/get-history?run_id={id}"), "metric_key", "fold/average_precision");
        let steps: Vec<i64> =
            steps["metrics"].as_array().unwrap().iter().map(|metric| metric["step"].as_i64().unwrap()).collect();
        assert_eq!(steps, [1, 2, 3, 4, 5]);

        let Ok(python) = std::env::var("SQUALL_TEST_MLFLOW_PYTHON") else {
            eprintln!("skipped in part: SQUALL_TEST_MLFLOW_PYTHON names no Python with mlflow");
            continue;
        };
        let export =
            format!("COPY (SELECT a, b, score FROM ml_predict('{model}', '{rows}') ORDER BY ts) TO 'scores.csv'");
        folder.succeed(&["sql", &export]);
        let program = format!(
            "import mlflow, pandas
mlflow.set_tracking_uri('{uri}')
rows = pandas.read_csv('{}')
print(abs(mlflow.pyfunc.load_model('models:/{model}/{version}').predict(rows) - rows['score']).max() < 1e-15)",
            folder.path().join("scores.csv").display()
        );
        let output = std::process::Command::new(python).args(["-c", &program]).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(String::from_utf8_lossy(&output.stdout), "True\n", "{stderr}");
    }
}

#[test]
fn any_name_of_a_column_or_an_experiment_can_be_recorded() {
    let Some(uri) = server() else { return };
    let long = "x".repeat(250);
    let names = ["100%", "ü", "../x", "a/../b", "/", long.as_str(), "quote'\"`"];
    for name in names {
        let folder = TempDir::new().unwrap();
        let experiment = fresh(name);
        let params = names.iter().map(|name| (format!("{name}{long}"), "1".to_string()));
        let params = params.chain(names.iter().map(|name| (name.to_string(), "ü%".repeat(5000)))).collect();
        let metrics = BTreeMap::from([(name.to_string(), BTreeMap::from([("brier".into(), 0.5)]))]);
        let odd = Run { run_id: "odd-1".into(), params, metrics, ..run() };
        Tracker::new(folder.path().into(), with(&uri, &experiment), warn).record(odd, Some(b"{}"));
        assert!(read(folder.path()).unwrap().runs[0].mlflow_run_id.is_some(), "{name}");
        let recorded = runs_of(&uri, &experiment).remove(0);
        assert_eq!(recorded["info"]["status"], "FINISHED", "{name}");
        assert_eq!(recorded["data"]["params"].as_array().unwrap().len(), 2 * names.len(), "{name}");
        assert_eq!(recorded["data"]["metrics"].as_array().unwrap().len(), 1, "{name}");
    }
}

#[test]
fn several_that_create_one_experiment_at_once_lose_nothing() {
    let Some(uri) = server() else { return };
    let name = fresh("at once");
    std::thread::scope(|scope| {
        for number in 0..4 {
            let (uri, name) = (&uri, &name);
            scope.spawn(move || {
                let folder = TempDir::new().unwrap();
                let run = Run { run_id: format!("at_once-{number}"), ..run() };
                let tracker = Tracker::new(folder.path().into(), with(uri, name), warn);
                tracker.record(run, Some(b"{}"));
                // A server that is too busy for all of them at once gets the rest later.
                let mut problem = None;
                for _ in 0..10 {
                    let known = read(folder.path()).unwrap().runs.remove(0);
                    if known.mlflow_run_id.is_some() {
                        return;
                    }
                    problem = tracker.push(&known, None).err();
                }
                panic!("not sent: {problem:?}");
            });
        }
    });
    assert_eq!(runs_of(&uri, &name).len(), 4);
}

#[test]
fn runs_for_a_deleted_experiment_are_kept_and_sent_after_it_is_restored() {
    let Some(uri) = server() else { return };
    let name = fresh("deleted");
    let id = post(&uri, "experiments/create", json!({"name": name}))["experiment_id"].clone();
    post(&uri, "experiments/delete", json!({"experiment_id": id}));
    let folder = TempDir::new().unwrap();
    let tracker = Tracker::new(folder.path().into(), with(&uri, &name), warn);
    tracker.record(run(), Some(b"{}"));
    assert!(warned(&format!("the MLflow experiment `{name}` is deleted; what is not sent is kept")));
    post(&uri, "experiments/restore", json!({"experiment_id": id}));
    assert!(matches!(tracker.push(&run(), None).unwrap(), Pushed::Sent));
    // As if the process had been killed before it noted that the run is sent.
    let path = folder.path().join("spike_logistic-3.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let id = read(folder.path()).unwrap().runs[0].mlflow_run_id.clone().unwrap();
    std::fs::write(&path, text.replace(&format!("\"{id}\""), "null")).unwrap();
    assert!(matches!(tracker.push(&run(), Some(b"{}")).unwrap(), Pushed::Sent));
    assert_eq!(read(folder.path()).unwrap().runs[0].mlflow_run_id.as_deref(), Some(id.as_str()));
    assert_eq!(runs_of(&uri, &name).len(), 1);
}

#[test]
fn every_type_of_model_is_scored_by_the_module_that_mlflow_loads() {
    for name in squall::model::ModelType::names() {
        assert!(
            squall::track::LOADER.contains(&format!("    \"{name}\": _{name},")),
            "src/track/squall_model.py lacks {name}"
        );
    }
}
