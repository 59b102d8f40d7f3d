//! What a verdict depends on: a model is judged only on rows that it has not seen, by the label that it learned; and a new model or
//! feature is scored, judged and reported without a change of another file.

use std::path::Path;

use squall::error::Hint;
use squall::model::Registry;
use tempfile::TempDir;

use super::commands::Folder;
use super::weather;
use crate::slt::rows;

const COMMANDS: [&[&str]; 5] = [
    &["evaluate"],
    &["report", "eval", "--model", "spike_logistic"],
    &["score"],
    &["compare"],
    &["score", "spike_logistic"],
];

#[test]
fn a_model_of_another_horizon_is_not_judged() {
    let folder = Folder::with_ticks();
    folder.succeed(&["--set", "parameters.horizon_s=10", "train"]);
    for command in COMMANDS {
        let refused = folder.fail(command);
        let learned = "it learned the label `rv_spike_60s`, 10 s ahead, and their label is `rv_spike_60s`, 60 s ahead";
        assert!(refused.contains(learned) && refused.contains("Hint: use the settings"), "{command:?}: {refused}");
        let same = [&["--set", "parameters.horizon_s=10"][..], command].concat();
        folder.succeed(&same);
    }
    let model = Registry::new(folder.path().join("data/models")).load("spike_logistic").unwrap();
    let basis = model.basis.unwrap();
    assert_eq!((basis.labels[0].name.as_str(), basis.labels[0].horizon.as_str()), ("rv_spike_60s", "10 s"));
    assert_eq!(basis.labels[0].horizon_ns, Some(10_000_000_000));
    assert_eq!((basis.time_column.as_deref(), basis.split_column.as_deref()), (Some("ts"), Some("split")));
    assert_eq!(basis.product_names(), ["BTC-USD"]);
    let names: Vec<&str> = basis.queries.keys().map(String::as_str).collect();
    assert_eq!(names, ["rv_spike_60s", "spike_features", "spike_training", "ticks"]);
    let splits: Vec<(&str, bool)> =
        basis.splits.iter().map(|split| (split.name.as_str(), split.from < split.to)).collect();
    assert_eq!(splits, [("train", true), ("validation", true), ("test", true)]);
}

#[test]
fn a_model_is_not_judged_on_rows_that_trained_it_or_by_another_threshold() {
    let folder = Folder::with_ticks();
    folder.succeed(&["--set", "parameters.train_share=0.75", "--set", "parameters.validation_share=0.1", "train"]);
    for command in COMMANDS {
        let refused = folder.fail(command);
        assert!(
            refused.contains("cannot be judged on these rows") && refused.contains("Hint:"),
            "{command:?}: {refused}"
        );
    }
    let refused = folder.fail(&["compare", "--split", "validation"]);
    assert!(refused.contains("it learned from rows of BTC-USD of 2025-11-24 15:12:57"), "{refused}");
    assert!(refused.contains("a row of split 'validation' is of") && refused.contains("Hint:"), "{refused}");
    // Training rows may be scored: they judge nothing.
    let training = "SELECT * FROM spike_training WHERE split = 'train'";
    folder.succeed(&["score", "spike_logistic", "--from", training]);

    let folder = Folder::with_ticks();
    folder.succeed(&["--set", "parameters.tau_quantile=0.8", "train"]);
    for command in COMMANDS {
        let refused = folder.fail(command);
        assert!(refused.contains("it learned with tau = ") && refused.contains("Hint:"), "{command:?}: {refused}");
    }
}

#[test]
fn a_model_of_another_product_is_judged_with_a_warning() {
    let folder = Folder::with_ticks();
    folder.succeed(&["train"]);
    let renamed =
        "COPY (SELECT replace(product_id, 'BTC', 'ETH') AS product_id, * EXCEPT (product_id) FROM landed_ticks
        WHERE product_id = 'BTC-USD') TO 'renamed.parquet'";
    folder.succeed(&["sql", renamed]);
    std::fs::rename(folder.path().join("renamed.parquet"), folder.path().join("data/ticks/raw-0-0-1752.parquet"))
        .unwrap();
    for command in COMMANDS {
        let other = [&["--set", "parameters.products=ETH-USD"][..], command].concat();
        let (success, stdout, stderr) = folder.squall(&other);
        assert!(success, "{command:?}: {stderr}");
        assert!(stderr.contains("learned from BTC-USD and") && stderr.contains("ETH-USD"), "{command:?}: {stderr}");
        assert!(stderr.contains("Hint: `squall train"), "{stderr}");
        assert!(
            command != ["evaluate"] || stdout.contains("(it learned from BTC-USD and is judged on ETH-USD)"),
            "{stdout}"
        );
    }
    let report = std::fs::read_to_string(folder.path().join("reports/out/evaluation.html")).unwrap();
    assert!(report.contains("Take care: it learned from BTC-USD and is judged on ETH-USD."));
}

#[test]
fn an_artifact_of_an_earlier_squall_is_judged_by_what_it_says() {
    let folder = Folder::with_ticks();
    folder.succeed(&["train"]);
    let forget = |change: &dyn Fn(&mut serde_json::Value)| {
        for model in ["naive_volatility", "spike_logistic", "spike_regression", "volatility_threshold"] {
            let path = folder.path().join("data/models").join(model).join("1/model.json");
            let mut artifact: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            artifact.as_object_mut().unwrap().remove("basis");
            change(&mut artifact);
            std::fs::write(path, artifact.to_string()).unwrap();
        }
    };
    forget(&|_| {});
    for command in [&["evaluate"][..], &["report", "eval"], &["compare"]] {
        let (success, _, stderr) = folder.squall(command);
        assert!(
            success && stderr.contains("did not record its label's horizon: train it again"),
            "{command:?}: {stderr}"
        );
    }
    // Its times and its tau are known all the same.
    forget(&|artifact| artifact["training"]["to"] = "2025-11-24T15:21:00Z".into());
    assert!(folder.fail(&["evaluate"]).contains("a row of split 'validation' is of"));
}

#[test]
fn a_new_model_and_a_new_feature_need_no_other_file() {
    let mut folder = Folder::with_ticks();
    folder.own_project();
    folder.succeed(&["train"]);
    folder.succeed(&["score"]);
    let count = |what: &str| folder.succeed(&["sql", "--format", "csv", what]).lines().nth(1).unwrap().to_string();
    let scored = "SELECT count(DISTINCT model) FROM spike_scores";
    assert_eq!(count(scored), "4");

    let training = folder.path().join("sql/training/spike_training.sql");
    let text = std::fs::read_to_string(&training).unwrap();
    let text = text.replace(
        "    ln(features.ticks_60s) AS log_ticks_60s,\n",
        "    ln(features.ticks_60s) AS log_ticks_60s,\n    features.range_60s AS range_60s,\n",
    );
    std::fs::write(
        &training,
        text.replace("log_spread_60s\nFROM thresholds", "log_spread_60s, range_60s\nFROM thresholds"),
    )
    .unwrap();
    let model = std::fs::read_to_string(folder.path().join("sql/models/spike_logistic.sql")).unwrap();
    let model = model.replace("spike_logistic", "spike_ranges").replace("log_ticks_60s\n", "range_60s\n");
    std::fs::write(folder.path().join("sql/models/spike_ranges.sql"), model).unwrap();

    // Until it is trained, the others are judged, and a note says why it is not.
    let (success, evaluated, note) = folder.squall(&["evaluate"]);
    assert!(success && !evaluated.contains("spike_ranges"), "{note}");
    assert!(note.contains("Warning: spike_ranges is left out: it is not trained"), "{note}");

    folder.succeed(&["train"]);
    assert_eq!(count(scored), "5", "the table of scores is stale");
    assert!(folder.succeed(&["score"]).starts_with("spike_scores"));
    assert_eq!(count(scored), "5");
    assert!(folder.succeed(&["evaluate"]).contains("spike_ranges"));
    assert!(folder.succeed(&["compare"]).contains("spike_ranges"));
    folder.succeed(&["report", "eval", "--model", "spike_ranges"]);
    assert_eq!(count("SELECT count(*) FROM spike_thresholds"), "5");
    assert_eq!(count("SELECT count(*) FROM spike_drift WHERE column_name = 'range_60s'"), "1");

    // A model that is trained in SQL counts too, and makes the tables of scores and metrics stale.
    folder.succeed(&["run", "spike_metrics", "spike_thresholds"]);
    folder.succeed(&["sql", "CREATE MODEL by_hand OPTIONS (model_type = 'naive', input_label_cols = ['spike'], data_split_col = 'split', time_col = 'ts') AS SELECT ts, split, spike, range_60s FROM spike_training"]);
    assert_eq!(
        [count(scored), count("SELECT count(*) FROM spike_metrics"), count("SELECT count(*) FROM spike_thresholds")],
        ["6", "18", "6"]
    );
}

#[test]
fn the_documented_commands_run_on_the_shipped_project() {
    let folder = Folder::with_ticks();
    let (success, made, notes) = folder.squall(&["run", "--all"]);
    assert!(success && made.contains("drift_current"), "{notes}");
    assert!(notes.contains("waits for the model"), "what scores waits: {notes}");
    folder.succeed(&["train"]);
    for arguments in [
        &["list"][..],
        &["run", "spike_features"],
        &["run", "+spike_training"],
        &["run", "spike_features+"],
        &["run", "+spike_metrics"],
        &["run", "+spike_scores+", "tick_features"],
        &["run", "--all"],
        &["score"],
        &["evaluate"],
        &["compare"],
        &["check"],
        &["report", "eval"],
        &["report", "drift"],
    ] {
        let (success, stdout, stderr) = folder.squall(arguments);
        assert!(success && !stderr.contains("Warning"), "{arguments:?}: {stderr}");
        let tables = !["check", "list", "report", "run"].contains(&arguments[0]);
        for line in stdout.lines().filter(|line| tables && !line.contains("the naive rule")) {
            assert!(line.chars().count() <= 80, "{arguments:?}: {line}");
        }
    }
    let (_, _, notes) = folder.squall(&["run", "--all"]);
    assert!(!notes.contains("compute it anew"), "every table can be fresh: {notes}");
    assert!(folder.succeed(&["train"]).lines().all(|line| line.chars().count() <= 80));
}

#[test]
fn one_bad_model_file_stops_only_itself() {
    let mut folder = Folder::with_ticks();
    folder.own_project();
    folder.succeed(&["train"]);
    let artifact = |version: u64| folder.path().join(format!("data/models/volatility_threshold/{version}/model.json"));
    let good = std::fs::read_to_string(artifact(1)).unwrap();
    let edited = |field: &str, value: serde_json::Value| {
        let mut artifact: serde_json::Value = serde_json::from_str(&good).unwrap();
        artifact[field] = value;
        artifact.to_string()
    };
    std::fs::create_dir_all(artifact(2).parent().unwrap()).unwrap();
    for (text, problem) in [
        (good[..good.len() / 2].to_string(), "is not a model artifact"),
        (edited("features", serde_json::json!([])), "is not a model artifact"),
        (edited("format", 3.into()), "has format 3; this squall reads format"),
        (edited("model_type", "forest".into()), "holds a model of type 'forest'"),
    ] {
        std::fs::write(artifact(2), &text).unwrap();
        for command in [&["evaluate"][..], &["report", "eval"], &["score"], &["compare"]] {
            let (success, stdout, stderr) = folder.squall(command);
            assert!(success, "{command:?}: {stderr}");
            assert!(
                stderr.contains("volatility_threshold is left out: ") && stderr.contains(problem),
                "{command:?}: {stderr}"
            );
            assert!(!stdout.contains("volatility_threshold"), "{command:?}: {stdout}");
        }
        let broken = folder.fail(&["score", "volatility_threshold"]);
        assert!(broken.contains(problem) && broken.contains("Hint:"), "{broken}");
        let listed = folder.succeed(&[
            "sql",
            "--format",
            "csv",
            "SELECT model, version, problem FROM ml_models() WHERE latest ORDER BY model",
        ]);
        assert!(listed.contains(problem) && listed.contains("spike_logistic,1,"), "{listed}");
    }
    // An old version that is broken matters only to those who name it.
    std::fs::write(artifact(1), "{").unwrap();
    std::fs::write(artifact(2), edited("version", u64::MAX.into())).unwrap();
    let evaluated = folder.succeed(&["evaluate"]);
    assert!(evaluated.contains("volatility_threshold"), "{evaluated}");
    std::fs::create_dir_all(folder.path().join("data/models/volatility_threshold/18446744073709551615")).unwrap();
    std::fs::copy(artifact(2), folder.path().join("data/models/volatility_threshold/18446744073709551615/model.json"))
        .unwrap();
    folder.succeed(&["evaluate"]);
    let trained = folder.succeed(&["train", "volatility_threshold"]);
    assert!(trained.contains("volatility_threshold version 3"), "{trained}");

    // A wrong SQL file of a model, and a label that is wrong.
    std::fs::write(folder.path().join("sql/models/broken.sql"), "-- description: x\nCREATE MODEL broken OPTIONS (")
        .unwrap();
    std::fs::write(folder.path().join("sql/labels/broken_label.sql"), "-- description: x\nSELECT {{ nothing }}")
        .unwrap();
    for command in [&["evaluate"][..], &["report", "eval"], &["score"], &["compare"], &["train", "spike_logistic"]] {
        let (success, _, stderr) = folder.squall(command);
        assert!(success && stderr.contains("disabled"), "{command:?}: {stderr}");
    }
    let (success, trained, stderr) = folder.squall(&["train"]);
    assert!(!success && trained.contains("spike_logistic version") && stderr.contains("broken"), "{trained} {stderr}");
}

const TRAINING: &str = "CREATE TABLE training AS
    SELECT to_timestamp_nanos(value * 1000000000) AS ts,
        CASE WHEN value <= 60 THEN 'train' WHEN value <= 80 THEN 'validation' ELSE 'test' END AS split,
        CAST(value * 7919 % 100 AS DOUBLE) AS vol, value * 7919 % 100 > 80 AS spike
    FROM generate_series(1, 100)";

async fn session(folder: &TempDir, options: &str) -> squall::catalog::Session {
    let session = weather::empty(folder).await;
    session.sql(TRAINING).await.unwrap().collect().await.unwrap();
    let sql = format!(
        "CREATE MODEL m OPTIONS (model_type = 'logistic_reg', input_label_cols = ['spike']{options}) AS SELECT * FROM training"
    );
    session.sql(&sql).await.unwrap();
    session
}

async fn outcome(session: &squall::catalog::Session, sql: &str) -> String {
    let frame = match session.sql(sql).await {
        Ok(frame) => frame.collect().await.map_err(squall::catalog::Error::from),
        Err(error) => Err(error),
    };
    match frame {
        Ok(batches) => rows(&batches).iter().map(|row| row.join(" | ")).collect::<Vec<_>>().join("\n"),
        Err(error) => format!("{} ({})", squall::error::with_causes(&error), error.hint().unwrap_or_default()),
    }
}

#[tokio::test]
async fn rows_without_a_split_are_judged_only_if_they_are_later() {
    let folder = TempDir::new().unwrap();
    let session = session(&folder, ", data_split_col = 'split', time_col = 'ts'").await;
    let without = "SELECT ts, vol, spike FROM training";
    let all = outcome(&session, &format!("SELECT rows FROM ml_evaluate('m', '{without}')")).await;
    assert!(all.contains("it learned from rows of 1970-01-01 00:00:01 to 1970-01-01 00:01:00"), "{all}");
    assert!(all.contains("mark them with 'train' AS split"), "{all}");
    let curve = outcome(&session, &format!("SELECT * FROM ml_pr_curve('m', '{without}')")).await;
    assert!(curve.contains("cannot be judged"), "{curve}");
    let later = format!("{without} WHERE ts > to_timestamp_nanos(60000000000)");
    assert_eq!(outcome(&session, &format!("SELECT rows FROM ml_evaluate('m', '{later}')")).await, "40");
    // Scoring without judging, and a table without a time: nothing can be known.
    assert_eq!(outcome(&session, &format!("SELECT count(score) FROM ml_predict('m', '{without}')")).await, "100");
    assert_eq!(outcome(&session, "SELECT rows FROM ml_evaluate('m', 'SELECT vol, spike FROM training')").await, "100");
    // `vol` separates the classes, which is said; nothing else is.
    let splits = "SELECT split, rows, skipped, warning LIKE 'the feature `vol` separates the classes%' AND warning NOT LIKE '%;%' AS only
        FROM ml_evaluate('m', 'training', 'split') ORDER BY split";
    assert_eq!(
        outcome(&session, splits).await,
        "test | 20 | 0 | true\ntrain | 60 | 0 | true\nvalidation | 20 | 0 | true"
    );
    let moved = "SELECT ''test'' AS split, ts, vol, spike FROM training";
    let moved = outcome(&session, &format!("SELECT count(score) FROM ml_predict('m', '{moved}')")).await;
    assert!(moved.contains("a row of split 'test' is of 1970-01-01 00:00:01"), "{moved}");
}

#[tokio::test]
async fn what_was_not_counted_is_counted() {
    let folder = TempDir::new().unwrap();
    let session = session(&folder, ", data_split_col = 'split', id_cols = ['ts']").await;
    let odd = "SELECT split, ts, CASE WHEN vol < 50 THEN 1e308 * 10 ELSE vol END AS vol,
        CASE WHEN vol = 99 THEN ''NaN''::DOUBLE ELSE spike::DOUBLE END AS spike FROM training WHERE split = ''test''";
    let counted = format!("SELECT rows, skipped, roc_auc IS NULL FROM ml_evaluate('m', '{odd}', 'split')");
    let seen = outcome(&session, &counted).await;
    let cells: Vec<u64> = seen.split(" | ").take(2).map(|cell| cell.parse().unwrap()).collect();
    assert!(cells[0] + cells[1] == 20 && cells[0] < 20 && seen.ends_with("false"), "{seen}");

    let time = outcome(&session, "SELECT * FROM ml_predict('m', 'SELECT ts AS vol FROM training')").await;
    assert!(time.contains("learned from a number `vol`, but `vol` of") && time.contains("Timestamp"), "{time}");
    let options = "OPTIONS (model_type = 'naive', input_label_cols = ['spike'])";
    let score =
        outcome(&session, &format!("CREATE MODEL s {options} AS SELECT vol AS score, spike FROM training")).await;
    assert!(score.contains("a feature cannot be named `score`"), "{score}");
    let regression = options.replace("naive", "logistic_reg");
    let huge =
        outcome(&session, &format!("CREATE MODEL h {regression} AS SELECT vol * 1e300 AS v, spike FROM training"))
            .await;
    assert!(huge.contains("cannot be stored") || huge.contains("too large"), "{huge}");
    assert!(!Path::new(&folder.path().join("models/h")).exists());
}

#[tokio::test]
async fn every_model_of_a_relation_is_scored_and_judged() {
    let folder = TempDir::new().unwrap();
    let session = session(&folder, ", data_split_col = 'split', time_col = 'ts'").await;
    session.sql("CREATE TABLE other AS SELECT * FROM training").await.unwrap().collect().await.unwrap();
    let naive = |name: &str, from: &str| {
        format!(
            "CREATE MODEL {name} OPTIONS (model_type = 'naive', input_label_cols = ['spike'], data_split_col = 'split') AS SELECT split, vol, spike FROM {from}"
        )
    };
    for (name, from) in
        [("rule", "training"), ("elsewhere", "other"), ("both", "training JOIN other USING (split, vol, spike)")]
    {
        session.sql(&naive(name, from)).await.unwrap();
    }
    let models = "SELECT DISTINCT model, version FROM ml_predict_all('training') ORDER BY model";
    assert_eq!(outcome(&session, models).await, "m | 1\nrule | 1");
    let models = "SELECT model, sum(rows) FROM ml_evaluate_all('SELECT * FROM training WHERE split <> ''train''', 'split') GROUP BY model ORDER BY model";
    assert_eq!(outcome(&session, models).await, "m | 40\nrule | 40");
    // A view is its rows: what learned from `training` learned from what the view reads.
    for view in [
        "few AS SELECT * FROM training WHERE split <> 'train'",
        "fewer AS SELECT * FROM few",
        "judged AS SELECT * FROM ml_evaluate_all('fewer')",
    ] {
        session.sql(&format!("CREATE VIEW {view}")).await.unwrap();
    }
    for relation in ["judged", "ml_evaluate_all('few')", "ml_compare_all('fewer')"] {
        let sql = format!("SELECT model, rows FROM {relation} ORDER BY model");
        assert_eq!(outcome(&session, &sql).await, "m | 40\nrule | 40", "{relation}");
    }
    assert_eq!(outcome(&session, "SELECT model FROM ml_models('fewer') ORDER BY model").await, "m\nrule");
    let scored = "SELECT model, count(*) FROM ml_predict_all('few') GROUP BY model ORDER BY model";
    assert_eq!(outcome(&session, scored).await, "m | 40\nrule | 40");
    let named = "SELECT DISTINCT model FROM ml_predict_all('other', 'else*, m@1') ORDER BY model";
    assert_eq!(outcome(&session, named).await, "elsewhere\nm");
    assert_eq!(outcome(&session, "SELECT model FROM ml_models('training') ORDER BY model").await, "m\nrule");
    for (sql, problem) in [
        ("SELECT * FROM ml_predict_all('SELECT 1 AS x')", "no trained model learned from `SELECT 1 AS x`"),
        ("SELECT * FROM ml_predict_all('training', 'x*')", "no trained model is named by 'x*'"),
        ("SELECT * FROM ml_predict_all('training', 'rul')", "did you mean `rule`?"),
        ("SELECT * FROM ml_predict_all('SELECT vol, 1 AS model FROM training')", "has a column `model` already"),
        ("SELECT * FROM ml_predict('m', 'training', 'jugde')", "is 'score' or 'judge', not 'jugde'"),
    ] {
        let message = outcome(&session, sql).await;
        assert!(message.contains(problem), "{sql}: {message}");
    }
}
