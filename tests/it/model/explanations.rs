//! What explains a model: `ml_feature_importance`, `ml_explain_predict`, `ml_threshold_sweep`, `ml_training_info`.

use squall::catalog::Session;
use tempfile::TempDir;

use super::weather;
use crate::slt::rows;

/// Eight hours, a row in every second, of two products. A spike begins in every quarter of an hour, and the volatility rises with it.
const TRAINING: &str = "CREATE TABLE training AS
    SELECT to_timestamp(value) AS ts, product_id, CASE WHEN value <= 7200 THEN 'train' ELSE 'test' END AS split,
        value % 900 < 60 AS spike,
        CASE WHEN value % 900 < 60 THEN 1.0 ELSE 0.0 END + sin(value * 1.7) AS vol,
        CASE WHEN value % 1800 < 60 THEN 0.5 ELSE 0.0 END + sin(value * 0.9) AS hint,
        cos(value * 0.3) AS noise
    FROM generate_series(1, 28800) CROSS JOIN (VALUES ('A'), ('B')) AS products (product_id)";

const TEST: &str = "SELECT * FROM training WHERE split = ''test''";

async fn session(folder: &TempDir) -> Session {
    let session = weather::empty(folder).await;
    session.sql(TRAINING).await.unwrap().collect().await.unwrap();
    let sql = "CREATE MODEL ours OPTIONS (model_type = 'logistic_reg', input_label_cols = ['spike'], time_col = 'ts',
        data_split_col = 'split', id_cols = ['product_id']) AS SELECT ts, product_id, split, spike, vol, hint, noise FROM training";
    session.sql(sql).await.unwrap().collect().await.unwrap();
    session
}

async fn text(session: &Session, sql: &str) -> Vec<String> {
    let batches = session.sql(sql).await.unwrap().collect().await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    rows(&batches).iter().map(|row| row.join(" | ")).collect()
}

async fn failure(session: &Session, sql: &str) -> String {
    match session.sql(sql).await {
        Ok(frame) => frame.collect().await.unwrap_err().to_string(),
        Err(error) => squall::error::with_causes(&error),
    }
}

#[tokio::test]
async fn the_importance_ranks_features_whatever_the_order_of_rows_and_the_threads() {
    let folder = TempDir::new().unwrap();
    let session = session(&folder).await;
    let importance = |relation: &str, more: &str| {
        format!(
            "SELECT rank, feature, importance, importance_stddev, average_precision, rows, block_s, reason FROM ml_feature_importance('ours', '{relation}'{more})"
        )
    };
    let found = text(&session, &importance(TEST, "")).await;
    assert!(found[0].starts_with("1 | vol | ") && found[1].starts_with("2 | hint | "), "{found:?}");
    assert!(found[2].starts_with("3 | noise | "), "{found:?}");
    assert!(found.iter().all(|row| row.ends_with(" | 43200 | 600 | NULL")), "{found:?}");
    let reversed = format!("{TEST} ORDER BY ts DESC, product_id DESC");
    assert_eq!(text(&session, &importance(&reversed, "")).await, found);
    session.sql("SET datafusion.execution.target_partitions = 5").await.unwrap().collect().await.unwrap();
    session.sql("SET datafusion.execution.batch_size = 77").await.unwrap().collect().await.unwrap();
    assert_eq!(text(&session, &importance(TEST, "")).await, found);
    assert_ne!(text(&session, &importance(TEST, ", 5, 1")).await, found, "another seed shuffles otherwise");
    // Single rows have the same importance, and pretend to be surer.
    let by_row = "SELECT abs(r.importance - b.importance) < 0.1 FROM ml_feature_importance('ours', '{}', 5, 0, 0) AS r
        JOIN ml_feature_importance('ours', '{}') AS b USING (feature)";
    assert_eq!(text(&session, &by_row.replace("{}", TEST)).await, ["true", "true", "true"]);
}

#[tokio::test]
async fn an_importance_that_is_not_known_has_a_reason() {
    let folder = TempDir::new().unwrap();
    let session = session(&folder).await;
    for (filter, reason) in [
        ("false", "no row has a label and a score"),
        ("NOT spike", "no row is positive"),
        (
            "ts < to_timestamp(9000)",
            "the rows fill 6 blocks of 600 s, and 10 are needed: give more rows or a smaller block_s",
        ),
    ] {
        let sql = format!(
            "SELECT count(*), count(rank), count(importance), min(reason) FROM ml_feature_importance('ours', '{TEST} AND {filter}')"
        );
        assert_eq!(text(&session, &sql).await, [format!("3 | 0 | 0 | {reason}")]);
    }
    let judged =
        failure(&session, "SELECT * FROM ml_feature_importance('ours', 'SELECT * EXCEPT (split) FROM training')").await;
    assert!(judged.contains("cannot be judged on these rows"), "{judged}");
    let zero = failure(&session, "SELECT * FROM ml_feature_importance('ours', 'training', 0)").await;
    assert!(zero.contains("repeats of ") && zero.contains("must be between 1 and 10000, not 0"), "{zero}");
    let label =
        failure(&session, "SELECT * FROM ml_feature_importance('ours', 'SELECT * EXCEPT (spike) FROM training')").await;
    assert!(label.contains("label"), "{label}");
    let other = failure(
        &session,
        "SELECT * FROM ml_feature_importance('ours', 'SELECT * EXCEPT (spike), 3 AS spike FROM training')",
    )
    .await;
    assert!(other.contains("a label is 3"), "{other}");
}

#[tokio::test]
async fn attributions_and_the_baseline_add_up_to_the_prediction() {
    let folder = TempDir::new().unwrap();
    let session = session(&folder).await;
    let explained = format!("ml_explain_predict('ours', '{TEST} AND product_id = ''A'' AND spike', 10)");
    let sums = format!(
        "SELECT count(*), bool_and(abs(attributed + baseline_prediction_value - prediction_value) < 1e-12),
            bool_and(abs(1 / (1 + exp(-prediction_value)) - score) < 1e-15), bool_and(features = 3), bool_and(falls)
        FROM (SELECT score, baseline_prediction_value, prediction_value,
                  top_feature_attributions[1]['attribution'] + top_feature_attributions[2]['attribution']
                      + top_feature_attributions[3]['attribution'] AS attributed,
                  array_length(top_feature_attributions) AS features,
                  abs(top_feature_attributions[1]['attribution']) >= abs(top_feature_attributions[2]['attribution']) AS falls
              FROM {explained})"
    );
    let found = text(&session, &sums).await;
    assert!(found[0].ends_with("true | true | true | true") && !found[0].starts_with("0 "), "{found:?}");
    // An attribution is the weight times the standardised value.
    let by_hand = "SELECT bool_and(top_feature_attributions[1]['attribution'] = weight * ((vol - mean) / scale))
        FROM ml_explain_predict('ours', 'SELECT * FROM training WHERE spike', 1), ml_weights('ours') AS weights
        WHERE weights.feature = 'vol' AND top_feature_attributions[1]['feature'] = 'vol'";
    assert_eq!(text(&session, by_hand).await, ["true"]);
    let odd = "SELECT score, top_feature_attributions, baseline_prediction_value, prediction_value FROM ml_explain_predict('ours',
        'SELECT NULL AS vol, 1 AS hint, 1 AS noise UNION ALL SELECT ''NaN''::DOUBLE, 1, 1')";
    assert_eq!(text(&session, odd).await, vec!["NULL | NULL | NULL | NULL"; 2]);
    assert!(
        text(&session, "SELECT * FROM ml_explain_predict('ours', 'SELECT * FROM training WHERE false')")
            .await
            .is_empty()
    );
    session.sql("CREATE MODEL rule OPTIONS (model_type = 'naive', input_label_cols = ['spike']) AS SELECT spike, vol FROM training")
        .await.unwrap().collect().await.unwrap();
    let rule = "SELECT bool_and(top_feature_attributions[1]['attribution'] = score AND prediction_value = score AND baseline_prediction_value = 0)
        FROM ml_explain_predict('rule', 'training')";
    assert_eq!(text(&session, rule).await, ["true"]);
    let taken =
        failure(&session, "SELECT * FROM ml_explain_predict('ours', 'SELECT *, 1 AS prediction_value FROM training')")
            .await;
    assert!(taken.contains("has a column `prediction_value` already"), "{taken}");
    let none = failure(&session, "SELECT * FROM ml_explain_predict('ours', 'training', 0)").await;
    assert!(none.contains("top_k_features of "), "{none}");
}

#[tokio::test]
async fn each_threshold_of_a_sweep_has_the_figures_of_the_other_functions() {
    let folder = TempDir::new().unwrap();
    let session = session(&folder).await;
    let sweep = format!("ml_threshold_sweep('ours', '{TEST}', 20)");
    let shape = format!(
        "SELECT product_id, count(*) BETWEEN 10 AND 20, min(alert_rows), max(alert_rows), max(recall), max(episodes), max(caught)
        FROM {sweep} GROUP BY product_id ORDER BY product_id"
    );
    let found = text(&session, &shape).await;
    assert_eq!(found, ["A | true | 1 | 21600 | 1.0 | 25 | 25", "B | true | 1 | 21600 | 1.0 | 25 | 25"]);
    let one =
        format!("SELECT threshold FROM {sweep} WHERE product_id = 'A' AND alerts > 20 ORDER BY threshold DESC LIMIT 1");
    let threshold = text(&session, &one).await.remove(0);
    let theirs = format!(
        "SELECT m['alerts'], m['alerts_per_hour'], m['false_alerts_per_hour'], m['episodes'], m['caught'], m['median_lead_s'], p, r
        FROM (SELECT episode_metrics(spike, score, ts, {threshold}) AS m, precision_at(spike, score, {threshold}) AS p,
                  recall_at(spike, score, {threshold}) AS r
              FROM ml_predict('ours', '{TEST} AND product_id = ''A'''))"
    );
    let ours = format!(
        "SELECT alerts, alerts_per_hour, false_alerts_per_hour, episodes, caught, median_lead_s, \"precision\", recall
        FROM {sweep} WHERE product_id = 'A' AND threshold = {threshold}"
    );
    assert_eq!(text(&session, &ours).await, text(&session, &theirs).await);
    for (filter, expected) in
        [("false", vec![]), ("NOT spike", vec!["A | NULL | 0".to_string(), "B | NULL | 0".into()])]
    {
        let sql = format!(
            "SELECT product_id, max(recall), max(episodes) FROM ml_threshold_sweep('ours', '{TEST} AND {filter}') GROUP BY product_id ORDER BY 1"
        );
        assert_eq!(text(&session, &sql).await, expected, "{filter}");
    }
    let one = failure(&session, "SELECT * FROM ml_threshold_sweep('ours', 'training', 1)").await;
    assert!(one.contains("max_points of ") && one.contains("must be at least 2, not 1"), "{one}");
}

#[tokio::test]
async fn the_training_says_what_it_did() {
    let folder = TempDir::new().unwrap();
    let session = weather::empty(&folder).await;
    let rows = "SELECT value AS x, CASE WHEN value % 10 = 0 THEN NULL ELSE value % 7 END AS \"odd name\",
        CASE value % 20 WHEN 3 THEN 'NaN'::DOUBLE WHEN 4 THEN NULL ELSE CAST(value % 3 = 0 AS INT)::DOUBLE END AS y
        FROM generate_series(1, 100)";
    let model = format!("CREATE MODEL odd OPTIONS (model_type = 'logistic_reg', input_label_cols = ['y']) AS {rows}");
    session.sql(&model).await.unwrap().collect().await.unwrap();
    let info = "SELECT part, name, fact, number FROM ml_training_info('odd') WHERE part IN ('split', 'skipped', 'option') OR fact = 'converged'";
    assert_eq!(
        text(&session, info).await,
        [
            "split | train | rows | 80.0",
            "split | train | positives | 26.0",
            "skipped | NULL | rows | 20.0",
            "skipped | `odd name` is NULL | rows | 10.0",
            "skipped | `y` is NULL | rows | 5.0",
            "skipped | `y` is NaN | rows | 5.0",
            "fit | NULL | converged | 1.0",
            "option | l2_reg | value | 1.0",
            "option | class_weight | value | 1.0",
            "option | max_iterations | value | 1000.0",
        ]
    );
    let words =
        "SELECT fact FROM ml_training_info('odd@1') WHERE part = 'preparation' AND text IS NOT NULL AND number IS NULL";
    assert_eq!(text(&session, words).await, ["standardisation", "imputation", "encoding"]);
    let seconds = "SELECT number >= 0 FROM ml_training_info('odd') WHERE part = 'fit' AND fact = 'seconds'";
    assert_eq!(text(&session, seconds).await, ["true"]);
    let missing = failure(&session, "SELECT * FROM ml_training_info('odd@7')").await;
    assert!(missing.contains("has no version 7"), "{missing}");
}
