//! Boosted trees through SQL: what they learn, what they store, and what they refuse.

use std::process::Command;

use serde_json::{Value, json};
use squall::catalog::Session;
use squall::error::Hint;
use squall::model::metrics::ROC_AUC;
use squall::model::{Error, ModelType, Options, Recipe, Registry, Split, Trained, TrainingSet};
use tempfile::TempDir;

use super::weather;
use crate::slt::rows;

const TYPES: [&str; 2] = ["boosted_tree_classifier", "boosted_tree_regressor"];

/// 1,000 rows whose storms come from an interaction of two features; the third one is noise.
const STORMS: &str = "CREATE TABLE storms AS
    SELECT value % 31 AS \"the \"\"wind\"\", at 10 m\", value * 7919 % 101 AS p, value * 104729 % 997 AS noise,
        CASE WHEN value % 31 > 15 AND value * 7919 % 101 > 50 THEN 20.0 ELSE 5.0 END + value % 7 / 10.0 AS gust,
        CASE WHEN value % 31 > 15 AND value * 7919 % 101 > 50 THEN 20.0 ELSE 5.0 END + value % 7 / 10.0 >= 20.3 AS storm
    FROM generate_series(1, 1000)";

fn create(model_type: &str, options: &str) -> String {
    format!(
        "CREATE OR REPLACE MODEL m OPTIONS (model_type = '{model_type}', input_label_cols = ['storm'], target_col = 'gust'{options})
         AS SELECT * FROM storms"
    )
}

async fn session(folder: &TempDir) -> Session {
    let session = weather::empty(folder).await;
    session.sql(STORMS).await.unwrap().collect().await.unwrap();
    session
}

async fn text(session: &Session, sql: &str) -> String {
    let batches = session.sql(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}")).collect().await.unwrap();
    rows(&batches).iter().map(|row| row.join(" | ")).collect::<Vec<_>>().join("\n")
}

fn artifact(folder: &TempDir, version: u64) -> Value {
    let path = Registry::new(folder.path().join("models")).path("m", version);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[tokio::test]
async fn an_interaction_is_learnt_and_the_artifact_scores() {
    for model_type in TYPES {
        let folder = TempDir::new().unwrap();
        let session = session(&folder).await;
        text(&session, &create(model_type, ", max_iterations = 30, monotone_constraints = ['+the \"wind\", at 10 m']"))
            .await;
        let model = Registry::new(folder.path().join("models")).load("m").unwrap();
        assert!(model.metrics[0].metrics.get(&ROC_AUC).unwrap() > 0.9, "{:?}", model.metrics);
        assert_eq!(model.scorer.features(), ["the \"wind\", at 10 m", "p", "noise"]);
        assert_eq!(model.options["monotone_constraints"], json!(["+the \"wind\", at 10 m"]));
        assert_eq!((&model.options["max_iterations"], &model.options["learn_rate"]), (&json!(30), &json!(0.1)));
        let predicted =
            text(&session, "SELECT score FROM ml_predict('m', 'storms') WHERE p = 60 ORDER BY noise LIMIT 1").await;
        let direct = text(
            &session,
            "SELECT ml_score('m', \"the \"\"wind\"\", at 10 m\", p, noise) FROM storms WHERE p = 60 ORDER BY noise LIMIT 1",
        );
        assert_eq!(predicted, direct.await);
        let ranges = text(&session, "SELECT min(score) > 0 AND max(score) < 1 FROM ml_predict('m', 'storms')").await;
        assert_eq!(ranges, "true", "{model_type}");
        assert_eq!(text(&session, "SELECT count(weight), count(*) FROM ml_weights('m')").await, "0 | 3");
    }
}

#[tokio::test]
async fn the_order_of_rows_and_threads_change_no_bit() {
    for model_type in TYPES {
        let folder = TempDir::new().unwrap();
        let session = session(&folder).await;
        let options = ", subsample = 0.5, seed = 7, max_iterations = 20";
        text(&session, &create(model_type, options)).await;
        text(&session, &create(model_type, options).replace("FROM storms", "FROM storms ORDER BY noise DESC, p")).await;
        text(&session, &create(model_type, &options.replace('7', "8"))).await;
        let trees = |version| artifact(&folder, version)["trees"].clone();
        assert_eq!(trees(1), trees(2), "{model_type}");
        assert_ne!(trees(1), trees(3), "{model_type}");
    }
}

#[tokio::test]
async fn options_outside_their_ranges_and_unknown_features_are_refused() {
    let folder = TempDir::new().unwrap();
    let session = session(&folder).await;
    for (options, expected, hint) in [
        ("learn_rate = 0", "learn_rate must be a number above 0 and at most 1, not 0", ""),
        ("max_leaves = 1", "max_leaves must be a whole number of at least 2, not 1", ""),
        ("monotone_constraints = 'p'", "monotone_constraints must be a list of features with their signs", ""),
        ("monotone_constraints = ['p']", "'p' in monotone_constraints has no sign", "write '+p'"),
        (
            "monotone_constraints = ['+nois']",
            "names `nois`, which is not a feature of the training query",
            "did you mean `noise`?",
        ),
        ("monotone_constraints = ['+p', '-p']", "monotone_constraints names `p` twice", "keep one"),
        ("min_samples_leaf = 600", "no split of the 1000 training rows helps", "lower min_samples_leaf"),
        ("target_transform = 'ln'", "`target_transform` is not an option of a boosted_tree_classifier model", ""),
    ] {
        let error = session.sql(&create(TYPES[0], &format!(", {options}"))).await.unwrap_err();
        let message = squall::error::with_causes(&error);
        assert!(message.contains(expected), "{options}: {message}");
        assert!(error.hint().unwrap_or_default().contains(hint), "{options}: {:?}", error.hint());
    }
}

/// Numbers that do not make a tree would send a row in circles.
#[tokio::test]
async fn a_corrupted_artifact_is_refused() {
    for model_type in TYPES {
        let folder = TempDir::new().unwrap();
        let session = session(&folder).await;
        text(&session, &create(model_type, ", max_iterations = 2")).await;
        let registry = Registry::new(folder.path().join("models"));
        let good = artifact(&folder, 1);
        let changed = |pointer: &str, value: Value| {
            let mut changed = good.clone();
            *changed.pointer_mut(pointer).unwrap() = value;
            std::fs::write(registry.path("m", 1), changed.to_string()).unwrap();
            registry.load("m").map(|_| ()).map_err(|error| (squall::error::with_causes(&error), error.hint()))
        };
        assert!(changed("/intercept", good["intercept"].clone()).is_ok());
        for (pointer, value) in [
            ("/trees/0/left_child/0", json!(0)),
            ("/trees/1/right_child/0", json!(99)),
            ("/trees/0/split_feature/0", json!(3)),
            ("/trees/0/leaf_value", json!([])),
            ("/trees/0/threshold/0", json!(null)),
            ("/trees", json!("none")),
            ("/features", json!([])),
        ] {
            let (message, hint) = changed(pointer, value).unwrap_err();
            assert!(message.contains("is not a model artifact") && hint.is_some(), "{pointer}: {message}");
        }
    }
}

fn set(features: Vec<Vec<f64>>, target: Vec<f64>, tau: f64) -> TrainingSet {
    TrainingSet {
        labels: target.iter().map(|value| *value >= tau).collect(),
        splits: vec![Split::Train; target.len()],
        features: features.into_iter().enumerate().map(|(place, column)| (format!("x{place}"), column)).collect(),
        target: Some(("y".into(), target)),
        ..TrainingSet::default()
    }
}

fn train(set: &TrainingSet, options: &Options) -> Result<Trained, Error> {
    squall::model::train(set, &[], &Recipe::of(options.clone()))
}

#[test]
fn training_sets_at_the_edge() {
    for model_type in TYPES {
        let mut options = Options::of(ModelType::parse(model_type).unwrap());
        options.set("min_samples_leaf", &json!(1)).unwrap();
        let target: Vec<f64> = (1..=20).map(f64::from).collect();
        let noise = |seed: usize| (0..20).map(|row| (row * seed % 23) as f64).collect::<Vec<f64>>();
        // More features than rows.
        let wide = set((1..60).map(noise).collect(), target.clone(), 15.0);
        let columns: Vec<&[f64]> = wide.features.iter().map(|(_, column)| column.as_slice()).collect();
        let scores = train(&wide, &options).unwrap().scorer.score(&columns);
        assert!(scores.iter().all(|score| (0.0..=1.0).contains(score)), "{scores:?}");
        assert!(scores[..14].iter().all(|score| *score < scores[19]), "{scores:?}");
        // A constant feature is left alone beside another one, and teaches nothing alone.
        let beside = set(vec![vec![1.0; 20], noise(1)], target.clone(), 15.0);
        let text = serde_json::to_value(&train(&beside, &options).unwrap().scorer).unwrap();
        let used = text["trees"].as_array().unwrap().iter().flat_map(|tree| tree["split_feature"].as_array().unwrap());
        assert!(used.into_iter().all(|place| place == 1));
        let alone = train(&set(vec![vec![0.1 + 0.2; 20]], target.clone(), 15.0), &options).unwrap_err();
        assert!(matches!(alone, Error::NoSplit { rows: 20, .. }) && alone.hint().is_some(), "{alone}");
        // Infinite values and one class.
        let infinite = set(vec![[noise(1)[..19].to_vec(), vec![f64::INFINITY]].concat()], target.clone(), 15.0);
        assert!(matches!(train(&infinite, &options), Err(Error::NotFinite { rows: 1, .. })));
        assert!(matches!(train(&set(vec![noise(1)], target.clone(), 99.0), &options), Err(Error::OneClass { .. })));
        // The largest and the smallest numbers, and a feature that separates the classes.
        let far = [f64::MIN, -1e-308, -0.0, 0.0, 5e-324, 1e-308, 1.0, 1e300, f64::MAX];
        let extreme = set(vec![far.to_vec()], (0..9).map(|row| f64::from(row) + 1.0).collect(), 6.0);
        let scores = train(&extreme, &options).unwrap().scorer.score(&[&far]);
        assert!(scores.iter().all(|score| score.is_finite()) && scores[0] < scores[8], "{scores:?}");
    }
    let mut options = Options::of(ModelType::parse(TYPES[1]).unwrap());
    options.set("target_transform", &json!("none")).unwrap();
    let large = set(vec![(0..50).map(f64::from).collect()], (0..50).map(|row| f64::from(row) * 3e306).collect(), 1e308);
    assert!(matches!(train(&large, &options), Err(Error::TooLarge { .. })));
}

#[tokio::test]
async fn python_predicts_from_the_file_alone() {
    let folder = TempDir::new().unwrap();
    let session = session(&folder).await;
    text(&session, &create(TYPES[0], "")).await;
    let blocks = weather::blocks("python");
    let load = blocks[0].replace("data/models/calm_or_wild", folder.path().join("models/m").to_str().unwrap());
    let ours: f64 = text(&session, "SELECT ml_score('m', 20.0, 60.0, 5.0)").await.parse().unwrap();
    let row = "{'the \"wind\", at 10 m': 20.0, 'p': 60.0, 'noise': 5.0}";
    let program = format!("{load}\n{}\nprint(repr(1 / (1 + math.exp(-prediction({row})))))", blocks[2]);
    let Ok(output) = Command::new("python3").args(["-c", &program]).output() else {
        eprintln!("skipped: python3 is not installed");
        return;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let theirs: f64 = String::from_utf8(output.stdout).unwrap().trim().parse().unwrap();
    assert!((theirs - ours).abs() < 1e-15, "ours {ours}, Python's {theirs}");
}
