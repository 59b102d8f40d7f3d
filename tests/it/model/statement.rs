//! `CREATE MODEL` through a session: what it trains, what it stores, and where its errors point.

use std::process::Command;

use squall::catalog::Session;
use squall::error::Hint;
use squall::model::{Artifact, Registry};
use tempfile::TempDir;

use super::weather;
use crate::slt::rows;

/// 2,000 rows of two features, in time order over three splits, in a table `training`.
const TRAINING: &str = "CREATE TABLE training AS
    SELECT 'BTC-USD' AS product_id, to_timestamp_nanos(value * 1000000000) AS ts, 0.25 AS tau,
        CASE WHEN value <= 1200 THEN 'train' WHEN value <= 1600 THEN 'validation' WHEN value <= 1990 THEN 'test' END AS split,
        CAST(value * 7919 % 1000 AS DOUBLE) / 1000 + CASE WHEN value % 12 = 5 THEN 0.4 ELSE 0 END AS vol,
        CASE WHEN value % 100 = 0 THEN NULL ELSE CAST(value * 104729 % 997 AS DOUBLE) END AS other,
        value % 12 = 5 AS spike
    FROM generate_series(1, 2000)";

const REGRESSION: &str = "CREATE OR REPLACE MODEL spike_model
    OPTIONS (model_type = 'LOGISTIC_REG', input_label_cols = ['spike'], data_split_col = 'split', time_col = 'ts',
        id_cols = ['product_id', 'tau'], l2_reg = 0.5)
    AS SELECT * FROM training;";

async fn session(folder: &TempDir) -> Session {
    let session = weather::empty(folder).await;
    session.sql(TRAINING).await.unwrap().collect().await.unwrap();
    session
}

pub async fn text(session: &Session, sql: &str) -> String {
    let batches = session.sql(sql).await.unwrap().collect().await.unwrap();
    rows(&batches).iter().map(|row| row.join(" | ")).collect::<Vec<_>>().join("\n")
}

pub fn latest(folder: &TempDir, name: &str) -> Artifact {
    Registry::new(folder.path().join("models")).load(name).unwrap()
}

/// The message, its causes and its hint.
pub async fn failure(session: &Session, sql: &str) -> String {
    let error = match session.sql(sql).await {
        Ok(frame) => squall::catalog::Error::from(frame.collect().await.unwrap_err()),
        Err(error) => error,
    };
    let mut message = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        message = format!("{message}: {cause}");
        source = cause.source();
    }
    format!("{message} ({})", error.hint().unwrap_or_default())
}

#[tokio::test]
async fn a_label_that_is_nan_is_left_out_like_null() {
    let folder = TempDir::new().unwrap();
    let session = session(&folder).await;
    let label = "CASE value % 10 WHEN 0 THEN 'NaN'::DOUBLE WHEN 1 THEN NULL WHEN 2 THEN 1.0 ELSE 0.0 END";
    let rows = format!("SELECT value::DOUBLE AS x, {label} AS y FROM generate_series(1, 100)");
    let options = "OPTIONS (model_type = 'naive', input_label_cols = ['y'])";
    session.sql(&format!("CREATE MODEL odd_labels {options} AS {rows}")).await.unwrap();
    let model = latest(&folder, "odd_labels");
    assert_eq!((model.training.rows, model.training.skipped), (80, 20));
}

#[tokio::test]
async fn the_artifact_says_where_the_model_came_from() {
    let folder = TempDir::new().unwrap();
    let session = session(&folder).await;
    session.sql(REGRESSION).await.unwrap();
    let model = latest(&folder, "spike_model");
    assert_eq!((model.version, model.probability, model.label.as_str()), (1, true, "spike"));
    assert_eq!(model.scorer.features(), ["vol", "other"]);
    // 12 of the 1,200 training rows have a NULL, and so do 7 other rows. 10 rows have no split; one of these also
    // has a NULL.
    assert_eq!((model.training.rows, model.training.skipped), (1188, 12 + 7 + 10));
    assert_eq!(model.training.from.as_deref(), Some("1970-01-01T00:00:01Z"));
    assert_eq!(model.training.to.as_deref(), Some("1970-01-01T00:19:59Z"));
    assert_eq!(model.training.constants["product_id"], "BTC-USD");
    assert_eq!(model.training.constants["tau"], 0.25);
    assert_eq!(model.options["l2_reg"], 0.5);
    assert_eq!(model.sql, REGRESSION);
    assert_eq!(model.metrics.iter().map(|split| split.metrics.rows).collect::<Vec<_>>(), [1188, 396, 387]);
}

#[tokio::test]
async fn the_statement_returns_the_metrics_that_the_aggregates_give() {
    let folder = TempDir::new().unwrap();
    let session = session(&folder).await;
    let columns = "split, rows, positives, prevalence, average_precision, roc_auc, log_loss, brier, threshold, \
                   \"precision\", recall, f1, reason";
    let returned = session
        .sql(REGRESSION)
        .await
        .unwrap()
        .select_columns(&columns.replace('"', "").split(", ").collect::<Vec<_>>());
    let returned = rows(&returned.unwrap().collect().await.unwrap());
    for (row, split) in returned.iter().zip(["train", "validation", "test"]) {
        assert_eq!(row[0], split);
        let sql = format!(
            "SELECT {columns} FROM ml_evaluate('spike_model', 'SELECT * FROM training WHERE split = ''{split}''')"
        );
        let batches = session.sql(&sql).await.unwrap().collect().await.unwrap();
        assert_eq!(rows(&batches)[0][1..], row[1..], "{split}");
    }
    let recorded = text(&session, &format!("SELECT {columns} FROM ml_evaluate('spike_model')")).await;
    assert_eq!(recorded, returned.iter().map(|row| row.join(" | ")).collect::<Vec<_>>().join("\n"));
}

#[tokio::test]
async fn versions_count_up_and_old_ones_stay() {
    let folder = TempDir::new().unwrap();
    let session = session(&folder).await;
    let view = "CREATE VIEW scored AS SELECT ml_score('spike_model', vol, other) AS score FROM training";
    session.sql(view).await.unwrap();
    let missing = failure(&session, "SELECT max(score) FROM scored").await;
    assert!(missing.contains("no model is called `spike_model`") && missing.contains("squall train"), "{missing}");

    session.sql(REGRESSION).await.unwrap();
    let first = text(&session, "SELECT max(score) FROM scored").await;
    session.sql(&REGRESSION.replace("0.5", "50")).await.unwrap();
    let second = text(&session, "SELECT max(score) FROM scored").await;
    assert_ne!(first, second, "a view sees the latest version");
    let old = "SELECT max(score) FROM ml_predict('spike_model@1', 'training')";
    assert_eq!(text(&session, old).await, first);

    let again = failure(&session, &REGRESSION.replace("OR REPLACE ", "")).await;
    assert!(again.contains("`spike_model` exists already, at version 2") && again.contains("OR REPLACE"), "{again}");
    assert_eq!(latest(&folder, "spike_model").version, 2);
    let third = failure(&session, "SELECT * FROM ml_predict('spike_model@3', 'training')").await;
    assert!(third.contains("no version 3; its versions are [1, 2]"), "{third}");
}

#[tokio::test]
async fn a_version_that_was_not_finished_is_invisible() {
    let folder = TempDir::new().unwrap();
    let session = session(&folder).await;
    session.sql(REGRESSION).await.unwrap();
    std::fs::create_dir_all(folder.path().join("models/spike_model/2")).unwrap();
    std::fs::write(folder.path().join("models/spike_model/2/model.json.part"), "{").unwrap();
    assert_eq!(latest(&folder, "spike_model").version, 1);
    session.sql(REGRESSION).await.unwrap();
    assert_eq!(latest(&folder, "spike_model").version, 2, "nothing was ever read as version 2");
}

#[tokio::test]
async fn prediction_is_a_projection_that_streams() {
    let folder = TempDir::new().unwrap();
    let session = session(&folder).await;
    session.sql(REGRESSION).await.unwrap();
    let plan =
        text(&session, "EXPLAIN SELECT ts, score FROM ml_predict('spike_model', 'training') WHERE vol > 1").await;
    assert!(plan.contains(" as ts, ml_score"), "{plan}");
    assert!(plan.contains("FilterExec: vol@") && plan.contains(" > 1"), "{plan}");
    let nested = "SELECT count(*) FROM ml_predict('spike_model', 'SELECT ts, vol, other FROM ml_predict(''spike_model'', ''training'')')";
    assert_eq!(text(&session, nested).await, "2000");
    let undefined =
        "SELECT count(*) FROM ml_predict('spike_model', 'training') WHERE (score IS NULL) <> (other IS NULL)";
    assert_eq!(text(&session, undefined).await, "0");
    let limited = "SELECT split, score IS NULL FROM ml_predict('spike_model', 'training') LIMIT 1";
    assert_eq!(text(&session, limited).await, "train | false");
    let scalars = "SELECT ml_score('spike_model', 0.5, 1), ml_score('spike_model', NULL, 1), ml_score('spike_model', 'NaN'::DOUBLE, 1)";
    assert!(text(&session, scalars).await.ends_with(" | NULL | NULL"));
}

#[tokio::test]
async fn the_rules_need_one_feature_and_claim_no_probability() {
    let folder = TempDir::new().unwrap();
    let session = session(&folder).await;
    let options = "input_label_cols = ['spike'], data_split_col = 'split'";
    let naive = format!(
        "CREATE MODEL naive_rule OPTIONS (model_type = 'naive', {options}) AS SELECT vol, spike, split FROM training"
    );
    session.sql(&naive).await.unwrap();
    let alert = format!(
        "CREATE MODEL alert_rule OPTIONS (model_type = 'quantile_threshold', quantile = 0.9, {options}) AS SELECT vol, spike, split FROM training"
    );
    session.sql(&alert).await.unwrap();
    let cut = text(&session, "SELECT quantile_cont FROM (SELECT percentile_cont(0.9) WITHIN GROUP (ORDER BY vol) AS quantile_cont FROM training WHERE split = 'train')").await;
    let ours = serde_json::to_value(latest(&folder, "alert_rule").scorer).unwrap()["cut"].as_f64().unwrap();
    assert!((ours - cut.parse::<f64>().unwrap()).abs() < 1e-12);
    let models =
        text(&session, "SELECT model, model_type, role, probability, features FROM ml_models() ORDER BY model").await;
    assert_eq!(
        models,
        "alert_rule | quantile_threshold | rule | false | vol\nnaive_rule | naive | naive | false | vol"
    );
    let same = "SELECT count(*) FROM ml_predict('naive_rule', 'training') WHERE score = vol";
    assert_eq!(text(&session, same).await, "2000");
    let reasons = "SELECT DISTINCT log_loss, brier, reason FROM ml_evaluate('naive_rule')";
    assert_eq!(text(&session, reasons).await, "NULL | NULL | the score is not a probability");
}

#[tokio::test]
async fn a_statement_says_where_it_goes_wrong() {
    let folder = TempDir::new().unwrap();
    let session = session(&folder).await;
    let options = "model_type = 'logistic_reg', input_label_cols = ['spike'], data_split_col = 'split'";
    let cases = [
        ("CREATE MODEL m\n  OPTION (x = 1) AS SELECT 1", "line 2, column 3: expected OPTIONS, found `OPTION`"),
        (
            "CREATE MODEL m OPTIONS (l2reg = 1) AS SELECT 1",
            "line 1, column 25: unknown option `l2reg` (did you mean `l2_reg`?)",
        ),
        (
            "CREATE MODEL m OPTIONS (l2_reg = ) AS SELECT 1",
            "line 1, column 34: expected a number, text in single quotes or a list in brackets, found `)`",
        ),
        ("CREATE MODEL m OPTIONS (l2_reg = 1, l2_reg = 2) AS SELECT 1", "column 37: `l2_reg` is given twice"),
        (
            "CREATE MODEL m OPTIONS (model_type = 'naive', l2_reg = 1) AS SELECT 1",
            "`l2_reg` is not an option of a naive model (a naive model takes no options of its own)",
        ),
        (
            "CREATE MODEL m OPTIONS (model_type = 'logistic') AS SELECT 1",
            "unknown model type 'logistic' (did you mean `logistic_reg`?)",
        ),
        ("CREATE MODEL m OPTIONS (model_type = 'naive') AS SELECT 1", "OPTIONS lacks input_label_cols"),
        (
            "CREATE MODEL m OPTIONS (model_type = 'naive', input_label_cols = 'spike') AS SELECT 1",
            "input_label_cols must be a list of columns",
        ),
        (
            "CREATE MODEL m OPTIONS (model_type = 'logistic_reg', l2_reg = -1) AS SELECT 1",
            "line 1, column 54: l2_reg must be a number of at least 0, not -1",
        ),
        (
            "CREATE MODEL m OPTIONS (model_type = 'quantile_threshold', quantile = 1) AS SELECT 1",
            "quantile must be a number between 0 and 1, not 1",
        ),
        (
            "CREATE MODEL m OPTIONS (model_type = 'logistic_reg', colour = 0.5) AS SELECT 1",
            "unknown option `colour` (options are calibration, class_weight, cv, cv_blocks,",
        ),
        (
            "CREATE MODEL m OPTIONS (model_type = 'logistic_reg', max_iteration = 5) AS SELECT 1",
            "unknown option `max_iteration` (did you mean `max_iterations`?)",
        ),
        ("CREATE MODEL m", "line 1, column 15: expected OPTIONS, found the end"),
        ("CREATE MODEL \"../m\" OPTIONS () AS SELECT 1", "`../m` cannot be the name of a model"),
        ("CREATE MODEL m OPTIONS (OPT) AS DELETE FROM training", "expected a query"),
        ("CREATE MODEL m OPTIONS (OPT) AS SELECT 1; SELECT 2", "expected the end of the statement"),
        ("CREATE MODEL m OPTIONS (OPT) AS\nSELECT vol FROM FROM training x y", "Line: 2"),
        (
            "CREATE MODEL m OPTIONS (OPT) AS SELECT vol, split, spike AS spikes FROM training",
            "no column `spike`, which input_label_cols names (did you mean `spikes`?)",
        ),
        (
            "CREATE MODEL m OPTIONS (OPT) AS SELECT * FROM training",
            "but a feature is a number, BOOLEAN or VARCHAR (name `ts` in id_cols",
        ),
        (
            "CREATE MODEL m OPTIONS (OPT) AS SELECT vol, spike, 'holdout' AS split FROM training",
            "`split` holds 'holdout', which is not a split",
        ),
        (
            "CREATE MODEL m OPTIONS (OPT) AS SELECT vol, spike, split FROM training WHERE NOT spike",
            "one class only: none of its",
        ),
        ("CREATE MODEL m OPTIONS (OPT) AS SELECT vol, spike, split FROM training WHERE false", "no training rows"),
        ("CREATE MODEL m OPTIONS (OPT) AS SELECT spike, split FROM training", "no features"),
        (
            "CREATE MODEL m OPTIONS (OPT) AS SELECT ln(vol) AS v, spike, split FROM training UNION ALL SELECT ln(0), true, 'train'",
            "`v` is NaN or infinite in 2 of the training rows",
        ),
        (
            "CREATE MODEL m OPTIONS (OPT) AS SELECT 1.5 AS one, spike, split FROM training",
            "feature `one` is 1.5 in every training row (leave `one` out",
        ),
    ];
    for (sql, expected) in cases {
        let message = failure(&session, &sql.replace("OPT)", &format!("{options})"))).await;
        assert!(message.contains(expected), "{sql}\ngave {message}\nnot {expected}");
    }
    assert_eq!(text(&session, "SELECT count(*) FROM ml_models()").await, "0", "a statement that fails leaves nothing");
}

#[tokio::test]
async fn a_call_with_wrong_features_is_refused() {
    let folder = TempDir::new().unwrap();
    let session = session(&folder).await;
    session.sql(REGRESSION).await.unwrap();
    let cases = [
        (
            "SELECT ml_score('spike_model', other, vol) FROM training",
            "feature 1 of model `spike_model` is `vol`, but `other` is given there",
        ),
        ("SELECT ml_score('spike_model', vol) FROM training", "takes 2 features (vol, other), 1 given"),
        ("SELECT ml_score('spike_modl', vol, other) FROM training", "did you mean `spike_model`?"),
        ("SELECT ml_score(product_id, vol, other) FROM training", "the model of ml_score must be constant"),
        (
            "SELECT * FROM ml_predict('spike_model', 'SELECT vol, other AS others FROM training')",
            "needs feature `other`, which `SELECT vol, other AS others FROM training` does not have; did you mean `others`?",
        ),
        ("SELECT * FROM ml_predict('spike_model', 'SELECT 1 AS score')", "has a column `score` already"),
        ("SELECT * FROM ml_predict('spike_model')", "ml_predict(model, relation[, purpose]) was given 1 arguments"),
        ("SELECT * FROM ml_weights('none_such')", "no model is called `none_such`"),
    ];
    for (sql, expected) in cases {
        let message = failure(&session, sql).await;
        assert!(message.contains(expected), "{sql}\ngave {message}\nnot {expected}");
    }
}

#[tokio::test]
async fn python_scores_from_the_file_alone() {
    let folder = TempDir::new().unwrap();
    let session = weather::session(&folder).await;
    let ours = text(&session, "SELECT ml_score('calm_or_wild', 7.0, 1003.0)").await;
    let program = format!("{}\nprint(repr(score({{'wind': 7.0, 'pressure': 1003.0}})))", weather::blocks("python")[0]);
    let program = program.replace("data/models", folder.path().join("models").to_str().unwrap());
    let Ok(output) = Command::new("python3").args(["-c", &program]).output() else {
        eprintln!("skipped: python3 is not installed");
        return;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let theirs: f64 = String::from_utf8(output.stdout).unwrap().trim().parse().unwrap();
    assert!((theirs - ours.parse::<f64>().unwrap()).abs() < 1e-15, "ours {ours}, Python's {theirs}");
}

#[tokio::test]
async fn python_scores_a_linear_regression_from_the_file_alone() {
    let folder = TempDir::new().unwrap();
    let session = weather::session(&folder).await;
    let create = "CREATE MODEL gusts OPTIONS (model_type = 'linear_reg', input_label_cols = ['storm'], target_col = 'gust')
        AS SELECT pressure, wind * 3 % 5 AS other, wind + pressure / 100.0 AS gust, wind + pressure / 100.0 >= 17 AS storm FROM weather";
    text(&session, create).await;
    let blocks = weather::blocks("python");
    let load = blocks[0]
        .replace("calm_or_wild", "gusts")
        .replace("data/models", folder.path().join("models").to_str().unwrap());
    for pressure in [990.0, 1003.0, 1100.0] {
        let ours = text(&session, &format!("SELECT ml_score('gusts', {pressure:?}, 2.0)")).await;
        let program = format!("{load}\n{}\nprint(repr(score({{'pressure': {pressure:?}, 'other': 2.0}})))", blocks[1]);
        let Ok(output) = Command::new("python3").args(["-c", &program]).output() else {
            eprintln!("skipped: python3 is not installed");
            return;
        };
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let theirs: f64 = String::from_utf8(output.stdout).unwrap().trim().parse().unwrap();
        assert!((theirs - ours.parse::<f64>().unwrap()).abs() < 1e-12, "ours {ours}, Python's {theirs}");
    }
}

/// A fit that leaves nothing is sure, in SQL as in the documentation's Python.
#[tokio::test]
async fn a_regression_without_residuals_is_sure() {
    let folder = TempDir::new().unwrap();
    let session = weather::session(&folder).await;
    let create = "CREATE MODEL sure OPTIONS (model_type = 'linear_reg', input_label_cols = ['y'], target_col = 't', target_transform = 'none', l2_reg = 0)
        AS FROM (SELECT x, x AS t, x > 0 AS y FROM (VALUES (-1.0::DOUBLE), (1.0), (-1.0), (1.0)) AS v(x))";
    text(&session, create).await;
    let ours =
        text(&session, "SELECT ml_score('sure', x) FROM (VALUES (-1.0::DOUBLE), (0.5), (1.0), (2.0)) AS v(x)").await;
    assert_eq!(ours, "0.0\n0.0\n1.0\n1.0");
    let blocks = weather::blocks("python");
    let load = blocks[0]
        .replace("calm_or_wild", "sure")
        .replace("data/models", folder.path().join("models").to_str().unwrap());
    let program = format!("{load}\n{}\nfor x in [-1.0, 0.5, 1.0, 2.0]: print(score({{'x': x}}))", blocks[1]);
    let Ok(output) = Command::new("python3").args(["-c", &program]).output() else {
        eprintln!("skipped: python3 is not installed");
        return;
    };
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), ours, "{}", String::from_utf8_lossy(&output.stderr));
}
