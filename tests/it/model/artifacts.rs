//! Artifacts on disk: those of an earlier squall can be loaded, and one that cannot be read affects only itself.
//!
//! `tests/reference/artifacts/*.json` were written by squall at commit 1aa58b4, before model types became a table.

use std::path::Path;

use serde_json::Value;
use squall::error::Hint;
use squall::model::metrics::{AVERAGE_PRECISION, LOG_LOSS};
use squall::model::{Artifact, Registry};
use tempfile::TempDir;

use super::weather;
use crate::slt::rows;

const RECORDED: [&str; 3] = ["alert_rule", "naive_rule", "regression"];

fn recorded(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/reference/artifacts/{name}.json"));
    std::fs::read_to_string(path).unwrap()
}

/// Puts an artifact where the registry looks for this version.
fn put(folder: &Path, name: &str, version: u64, text: &str) {
    let dir = folder.join("models").join(name).join(version.to_string());
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join("model.json"), text).unwrap();
}

#[test]
fn artifacts_of_an_earlier_squall_come_back_as_they_were_written() {
    let folder = TempDir::new().unwrap();
    let registry = Registry::new(folder.path().join("models"));
    for name in RECORDED {
        put(folder.path(), name, 1, &recorded(name));
        let model = registry.load(name).unwrap();
        let written = serde_json::to_string_pretty(&model).unwrap();
        assert_eq!(written.trim(), recorded(name).trim(), "{name}: the same fields in the same order");
    }
    let regression = registry.load("regression").unwrap();
    assert_eq!(regression.model_type().name, "logistic_reg");
    assert_eq!(regression.metrics[1].metrics.get(&AVERAGE_PRECISION), Some(0.7));
    let columns: [&[f64]; 2] = [&[9.0, f64::NAN], &[1000.0, 1000.0]];
    let scores = regression.scorer.score(&columns);
    assert!(scores[0] > 0.5 && scores[1].is_nan(), "{scores:?}");
    let naive = registry.load("naive_rule").unwrap();
    assert_eq!((naive.scorer.score(&[&[3.0]]), naive.metrics[0].metrics.get(&LOG_LOSS)), (vec![3.0], None));
    assert_eq!(registry.load("alert_rule").unwrap().scorer.score(&[&[8.0, 9.0]]), [0.0, 1.0]);
}

#[test]
fn an_artifact_of_an_unknown_type_or_format_says_which_are_known() {
    let folder = TempDir::new().unwrap();
    let registry = Registry::new(folder.path().join("models"));
    let change = |field: &str, value: Value| {
        let mut artifact: Value = serde_json::from_str(&recorded("regression")).unwrap();
        artifact[field] = value;
        put(folder.path(), "regression", 1, &artifact.to_string());
        let error = registry.load("regression").unwrap_err();
        format!("{error} ({})", error.hint().unwrap())
    };
    let unknown = change("model_type", "boosted_tree".into());
    assert!(unknown.contains("holds a model of type 'boosted_tree', which this squall does not know"), "{unknown}");
    let known: Vec<&str> = squall::model::ModelType::names().collect();
    assert!(unknown.contains(&format!("model types are {}", known.join(", "))), "{unknown}");
    let newer = change("format", 3.into());
    assert!(newer.contains("has format 3; this squall reads formats 1 to 2"), "{newer}");
    let broken = change("features", "none".into());
    assert!(broken.contains("is not a model artifact"), "{broken}");
    let inputs = change("inputs", serde_json::json!([{"name": "wind"}, {"name": "side", "categories": ["a"]}]));
    assert!(inputs.contains("its inputs do not give its features"), "{inputs}");
}

#[tokio::test]
async fn a_version_that_cannot_be_read_does_not_hide_the_others() {
    let folder = TempDir::new().unwrap();
    let session = weather::session(&folder).await;
    let good = std::fs::read_to_string(folder.path().join("models/calm_or_wild/1/model.json")).unwrap();
    let second: Artifact = serde_json::from_str(&good).unwrap();
    put(folder.path(), "calm_or_wild", 1, "{ half");
    put(folder.path(), "calm_or_wild", 2, &serde_json::to_string(&Artifact { version: 2, ..second }).unwrap());
    let text = |sql: &'static str| {
        let context = session.context().clone();
        async move {
            let batches = context.sql(sql).await.unwrap().collect().await.unwrap();
            rows(&batches).iter().map(|row| row.join(" | ")).collect::<Vec<_>>()
        }
    };
    let listed = text("SELECT version, latest, model_type, problem FROM ml_models() ORDER BY version").await;
    assert!(
        listed[0].starts_with("1 | false | NULL | ") && listed[0].contains("is not a model artifact: "),
        "{listed:?}"
    );
    assert_eq!(listed[1], "2 | true | logistic_reg | NULL");
    assert_eq!(text("SELECT split, version FROM ml_evaluate('calm_or_wild')").await, ["train | 2"]);
}

#[tokio::test]
async fn what_a_writer_that_died_left_is_removed() {
    let folder = TempDir::new().unwrap();
    let session = weather::session(&folder).await;
    let left = folder.path().join("models/calm_or_wild/2/.model.json.1-2-3.part");
    std::fs::create_dir_all(left.parent().unwrap()).unwrap();
    std::fs::write(&left, "{").unwrap();
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
    std::fs::File::options().append(true).open(&left).unwrap().set_modified(long_ago).unwrap();
    let again = weather::blocks("sql")[1].trim().replace("CREATE MODEL", "CREATE OR REPLACE MODEL");
    session.sql(&again).await.unwrap();
    let names: Vec<_> =
        std::fs::read_dir(left.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["model.json"]);
}

#[test]
fn a_query_says_why_a_model_cannot_be_read_and_what_to_do() {
    let folder = super::commands::Folder::with_ticks();
    put(&folder.path().join("data"), "broken", 1, "{ half");
    let broken = folder.fail(&["sql", "SELECT * FROM ml_weights('broken')"]);
    assert!(broken.contains("is not a model artifact: key must be a string"), "{broken}");
    assert!(broken.contains("Hint: remove that version's folder"), "{broken}");
    let missing = folder.fail(&["sql", "SELECT * FROM ml_training_info('brokem')"]);
    assert!(
        missing.contains("no model is called `brokem`") && missing.contains("Hint: did you mean `broken`?"),
        "{missing}"
    );
    let version = folder.fail(&["sql", "SELECT * FROM ml_predict('broken@3', 'ticks')"]);
    assert!(version.contains("has no version 3") && version.contains("Hint: "), "{version}");
}
