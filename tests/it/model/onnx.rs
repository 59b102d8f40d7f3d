//! ONNX: models that scikit-learn trained, scored in SQL; and models of squall, written as ONNX and read again.
//!
//! `tests/reference/onnx/` is made by `tests/reference/sklearn_onnx.py`, which says with which versions. Its models compute in 32-bit
//! floats, so scores agree to 1e-6. `tests/onnx_scores.py` scores what squall writes with onnxruntime.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use squall::catalog::Session;
use squall::error::Hint;
use squall::model::Registry;
use tempfile::TempDir;

use super::weather;
use crate::slt::rows;

fn reference(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/onnx").join(name)
}

fn recorded() -> Value {
    serde_json::from_str(&std::fs::read_to_string(reference("scores.json")).unwrap()).unwrap()
}

async fn text(session: &Session, sql: &str) -> String {
    let batches = session.sql(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}")).collect().await.unwrap();
    rows(&batches).iter().map(|row| row.join(" | ")).collect::<Vec<_>>().join("\n")
}

async fn numbers(session: &Session, sql: &str) -> Vec<f64> {
    text(session, sql).await.lines().map(|line| line.parse().unwrap_or(f64::NAN)).collect()
}

/// A session with the table `judged`: the recorded rows, with labels of both classes.
async fn session(folder: &TempDir) -> Session {
    let session = weather::empty(folder).await;
    let row =
        |(place, row): (usize, &Value)| format!("({place}, {}, {}, {}, {})", row[0], row[1], row[2], place % 2 == 0);
    let values: Vec<String> = recorded()["rows"].as_array().unwrap().iter().enumerate().map(row).collect();
    let table = format!("CREATE TABLE judged AS SELECT * FROM (VALUES {}) AS t(place, a, b, c, y)", values.join(", "));
    session.sql(&table).await.unwrap().collect().await.unwrap();
    session
}

fn create(file: &str, options: &str, select: &str) -> String {
    format!(
        "CREATE OR REPLACE MODEL m OPTIONS (model_type = 'onnx', input_label_cols = ['y'], model_path = '{file}'{options}) AS {select} FROM judged"
    )
}

const SELECT: &str = "SELECT a, b, c, y";

#[tokio::test]
async fn models_of_scikit_learn_score_as_there() {
    let folder = TempDir::new().unwrap();
    let session = session(&folder).await;
    for (name, expected) in recorded()["scores"].as_object().unwrap() {
        let file = reference(&format!("{name}.onnx"));
        text(&session, &create(file.to_str().unwrap(), "", SELECT)).await;
        let scores = numbers(&session, "SELECT score FROM ml_predict('m', 'judged') ORDER BY place").await;
        let expected: Vec<f64> = expected.as_array().unwrap().iter().map(|score| score.as_f64().unwrap()).collect();
        let distance = scores.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(
            scores.len() == expected.len() && distance < 1e-6,
            "{name}: {distance}: {scores:?}, there {expected:?}"
        );
    }
    // A row without a feature has no score, as in every model.
    let missing =
        text(&session, "SELECT ml_score('m', 'NaN'::DOUBLE, 1.0, 1.0) IS NULL, ml_score('m', NULL, 1.0, 1.0) IS NULL");
    assert_eq!(missing.await, "true | true");
}

#[tokio::test]
async fn the_artifact_holds_the_file_and_gives_it_back() {
    let folder = TempDir::new().unwrap();
    let session = session(&folder).await;
    let copy = folder.path().join("it's a model.onnx");
    std::fs::copy(reference("logistic.onnx"), &copy).unwrap();
    let path = copy.to_str().unwrap().replace('\'', "''");
    text(&session, &create(&path, ", output = 'output_probability'", SELECT)).await;
    let model = Registry::new(folder.path().join("models")).load("m").unwrap();
    assert_eq!(model.options, *json!({"model_path": copy, "output": "output_probability"}).as_object().unwrap());
    std::fs::remove_file(&copy).unwrap();
    let written = folder.path().join("out").join("again.onnx");
    std::fs::create_dir(written.parent().unwrap()).unwrap();
    let exported = text(&session, &format!("EXPORT MODEL m TO '{}'", written.display())).await;
    assert_eq!(exported, format!("m | 1 | {} | {}", written.display(), std::fs::metadata(&written).unwrap().len()));
    assert_eq!(std::fs::read(written).unwrap(), std::fs::read(reference("logistic.onnx")).unwrap());
}

#[tokio::test]
async fn files_that_cannot_score_are_refused_with_a_remedy() {
    let folder = TempDir::new().unwrap();
    let session = session(&folder).await;
    let file = |name: &str| reference(name).to_str().unwrap().to_string();
    let noise = folder.path().join("noise.onnx");
    std::fs::write(&noise, b"not a model").unwrap();
    let whole = std::fs::read(reference("forest.onnx")).unwrap();
    let cut = folder.path().join("cut.onnx");
    std::fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    let empty = folder.path().join("empty.onnx");
    std::fs::write(&empty, b"").unwrap();
    for (file, options, select, expected, hint) in [
        ("none.onnx".to_string(), "", SELECT, "cannot read the ONNX file none.onnx", "model_path names a file"),
        (noise.display().to_string(), "", SELECT, "noise.onnx cannot score: it is not an ONNX file", "onnxruntime"),
        (cut.display().to_string(), "", SELECT, "it is not an ONNX file", "onnxruntime"),
        (empty.display().to_string(), "", SELECT, "it holds no graph", "onnxruntime"),
        (
            file("forest.onnx"),
            "",
            "SELECT a, b, y",
            "its input `X` takes 3 features, and the query selects 2: a, b",
            "select the features",
        ),
        (
            file("forest.onnx"),
            ", output = 'score'",
            SELECT,
            "has no output `score`; its outputs are output_label, ",
            "name one of them",
        ),
        (file("unmapped.onnx"), ", output = 'label'", SELECT, "its output `label` is ", "name the output that holds"),
        (file("amount.onnx"), "", SELECT, "amount.onnx, output `variable`, gives ", "sigmoid"),
        (
            file("double.onnx"),
            "",
            SELECT,
            "it computes in 64-bit floats, which tract cannot compute here: ",
            "export it with float32 inputs",
        ),
        (file("texts.onnx"), "", SELECT, "the labels of its classes are text", "train it on the labels 0 and 1"),
        (
            file("three_classes.onnx"),
            "",
            SELECT,
            "a score is one number a row, or two probabilities",
            "several classes",
        ),
    ] {
        let error = session.sql(&create(&file, options, select)).await.unwrap_err();
        let message = squall::error::with_causes(&error);
        assert!(message.contains(expected), "{file} {options}: {message}");
        assert!(error.hint().unwrap_or_default().contains(hint), "{file}: {:?}", error.hint());
    }
    let without = create("x", "", SELECT).replace(", model_path = 'x'", "");
    let error = session.sql(&without).await.unwrap_err();
    assert!(squall::error::with_causes(&error).contains("OPTIONS lacks model_path"));
    assert_eq!(text(&session, "SELECT count(*) FROM ml_models()").await, "0");
}

#[tokio::test]
async fn a_corrupted_artifact_is_refused() {
    let folder = TempDir::new().unwrap();
    let session = session(&folder).await;
    text(&session, &create(reference("boosting.onnx").to_str().unwrap(), "", SELECT)).await;
    let registry = Registry::new(folder.path().join("models"));
    let good: Value = serde_json::from_slice(&std::fs::read(registry.path("m", 1)).unwrap()).unwrap();
    for (field, value) in [
        ("onnx", json!("%%%")),
        ("onnx", json!("AAAA")),
        ("output", json!("none")),
        ("features", json!([{"name": "a"}])),
        ("onnx", Value::Null),
    ] {
        let mut changed = good.clone();
        changed[field] = value;
        std::fs::write(registry.path("m", 1), changed.to_string()).unwrap();
        let error = registry.load("m").unwrap_err();
        assert!(error.to_string().contains("is not a model artifact") && error.hint().is_some(), "{field}: {error}");
    }
}

/// What squall writes, squall reads, as far as tract knows the operators: all but trees.
#[tokio::test]
async fn what_squall_writes_scores_the_same() {
    let folder = TempDir::new().unwrap();
    let session = session(&folder).await;
    let file = folder.path().join("own.onnx");
    for (model_type, select, probabilities) in [
        ("logistic_reg", "SELECT a, b, c, y", true),
        ("linear_reg", "SELECT a, b, c, b + 100.0 AS n, b + 100.0 >= 150.0 AS y", true),
        ("quantile_threshold", "SELECT a, y", true),
        ("naive", "SELECT a, y", false),
    ] {
        let target = if model_type == "linear_reg" { ", target_col = 'n'" } else { "" };
        let options = format!("model_type = '{model_type}', input_label_cols = ['y']{target}");
        text(&session, &format!("CREATE OR REPLACE MODEL own OPTIONS ({options}) AS {select} FROM judged")).await;
        text(&session, &format!("EXPORT MODEL own TO '{}'", file.display())).await;
        assert!(std::fs::metadata(&file).unwrap().len() > 100);
        if !probabilities {
            continue;
        }
        let select = select.replace(", b + 100.0 AS n, b + 100.0 >= 150.0 AS y", ", y");
        text(&session, &create(file.to_str().unwrap(), "", &select)).await;
        let ours = numbers(&session, "SELECT score FROM ml_predict('own', 'judged') ORDER BY place").await;
        let theirs = numbers(&session, "SELECT score FROM ml_predict('m', 'judged') ORDER BY place").await;
        let distance = ours.iter().zip(&theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(distance < 1e-14 && ours.len() == 12, "{model_type}: {distance}: {ours:?} {theirs:?}");
    }
    for model_type in ["boosted_tree_classifier", "boosted_tree_regressor"] {
        let select = "SELECT a, b, c, b + 100.0 AS n, b + 100.0 >= 150.0 AS y";
        let options =
            format!("model_type = '{model_type}', input_label_cols = ['y'], target_col = 'n', min_samples_leaf = 1");
        text(&session, &format!("CREATE OR REPLACE MODEL own OPTIONS ({options}) AS {select} FROM judged")).await;
        text(&session, &format!("EXPORT MODEL own TO '{}'", file.display())).await;
        let error = session.sql(&create(file.to_str().unwrap(), "", SELECT)).await.unwrap_err();
        assert!(
            squall::error::with_causes(&error).contains("tract does not know its operator TreeEnsemble"),
            "{error}"
        );
    }
    let missing = session.sql("EXPORT MODEL none TO 'x.onnx'").await.unwrap_err();
    assert!(
        squall::error::with_causes(&missing).contains("no model is called `none`") && !Path::new("x.onnx").exists()
    );
    // A file stands where the folder would be.
    let blocked = file.join("x.onnx");
    let nowhere = session.sql(&format!("EXPORT MODEL own TO '{}'", blocked.display())).await;
    let message = squall::error::with_causes(&nowhere.unwrap_err());
    assert!(message.contains(&format!("cannot write {}", blocked.display())), "{message}");
}

/// 32-bit floats round the sum of a forest's shares to 1.0000001.
#[tokio::test]
async fn rounding_beyond_1_is_clipped_and_more_is_an_error() {
    let folder = TempDir::new().unwrap();
    let session = session(&folder).await;
    // Where the largest score is 0.9, training never sees one of 1.0000001.
    let unsure = "WHERE place IN (1, 3, 5, 6)";
    let sql = create(reference("certain.onnx").to_str().unwrap(), "", SELECT);
    text(&session, &format!("{sql} {unsure}")).await;
    assert_eq!(text(&session, "SELECT max(score), count(*) FROM ml_predict('m', 'judged')").await, "1.0 | 12");
    let known = "SELECT rows, log_loss > 0, brier > 0, reason FROM ml_evaluate('m', 'judged')";
    assert_eq!(text(&session, known).await, "12 | true | true | NULL");

    // The file gives probabilities for the training rows, and other numbers for these.
    let registry = Registry::new(folder.path().join("models"));
    text(&session, &create(reference("share.onnx").to_str().unwrap(), "", SELECT)).await;
    let path = registry.path("m", 2);
    let mut artifact: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let file = std::fs::read(reference("amount.onnx")).unwrap();
    artifact["onnx"] = json!(base64::Engine::encode(&base64::engine::general_purpose::STANDARD, file));
    std::fs::write(&path, artifact.to_string()).unwrap();
    let error = session.sql("SELECT score FROM ml_predict('m', 'judged')").await.unwrap().collect().await.unwrap_err();
    let error = squall::catalog::Error::from(error);
    let message = squall::error::with_causes(&error);
    assert!(message.contains("m@2 gives ") && message.contains(" for a row, which is not a probability"), "{message}");
}

/// The Python file that MLflow loads gives squall's scores, also of a file that takes one row at a time; without onnxruntime, nothing is
/// checked.
#[tokio::test]
async fn python_scores_files_as_squall_does() {
    let folder = TempDir::new().unwrap();
    let session = session(&folder).await;
    let python = "import json, sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
try:
    import numpy, onnxruntime
except ImportError:
    sys.exit(77)
import squall_model
rows = [[float(number) for number in line.split(' | ')] for line in sys.argv[3].splitlines()]
model = squall_model.SquallModel(json.load(open(sys.argv[2])))
scores = model.predict(numpy.array(rows)[:, :3])
assert max(abs(score - row[3]) for score, row in zip(scores, rows)) < 1e-6, scores
assert scores.min() >= 0 and scores.max() <= 1, scores
";
    for name in ["single.onnx", "certain.onnx"] {
        text(&session, &create(reference(name).to_str().unwrap(), "", SELECT)).await;
        let rows = text(&session, "SELECT a, b, c, score FROM ml_predict('m', 'judged')").await;
        let registry = Registry::new(folder.path().join("models"));
        let artifact = registry.path("m", registry.load("m").unwrap().version);
        let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/track");
        let python3 = std::env::var("SQUALL_TEST_PYTHON").unwrap_or_else(|_| "python3".into());
        let Ok(output) =
            std::process::Command::new(python3).args(["-c", python]).arg(module).arg(artifact).arg(rows).output()
        else {
            eprintln!("skipped: there is no python3");
            return;
        };
        if output.status.code() == Some(77) {
            eprintln!("skipped: python3 has no onnxruntime; SQUALL_TEST_PYTHON names another interpreter");
            return;
        }
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
