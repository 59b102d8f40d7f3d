//! Rows on which a model is judged: those that its training should have kept apart, rows that cover no time, and columns of another kind.

use tempfile::TempDir;

use super::statement::{failure, text};
use super::weather;

/// 300 rows in the table `rows`, two of them at each time, a minute apart; the last rows of `train` have the time of the first of `test`.
async fn session(folder: &TempDir) -> squall::catalog::Session {
    let session = weather::empty(folder).await;
    text(
        &session,
        "CREATE TABLE rows AS SELECT sin(value * 1.0) AS x, value % 3 = 0 AS late, sin(value * 1.0) + cos(value * 17.3) > 0.7 AS y,
            timestamp '2026-01-01' + (value / 2) * interval '1 minute' AS ts, CASE WHEN value <= 200 THEN 'train' ELSE 'test' END AS split
        FROM generate_series(1, 300)",
    )
    .await;
    session
}

fn create(name: &str, query: &str) -> String {
    format!(
        "CREATE OR REPLACE MODEL {name} OPTIONS (model_type = 'logistic_reg', input_label_cols = ['y'], time_col = 'ts',
            data_split_col = 'split') AS {query}"
    )
}

#[tokio::test]
async fn a_training_says_which_rows_it_will_not_judge_later() {
    let folder = TempDir::new().unwrap();
    let session = session(&folder).await;
    let warned = |name: &str| format!("SELECT split, warning FROM ml_evaluate('{name}') ORDER BY split DESC");
    // The rows 200 and 201 are of one time.
    text(
        &session,
        &create("apart", "SELECT x, y, ts, split FROM rows WHERE split = 'train' OR ts > '2026-01-01T01:40'"),
    )
    .await;
    assert_eq!(text(&session, &warned("apart")).await, "train | NULL\ntest | NULL");
    assert_eq!(
        text(
            &session,
            "SELECT count(score) > 200 FROM ml_predict('apart', 'SELECT * FROM rows WHERE ts <> ''2026-01-01T01:40''')"
        )
        .await,
        "true"
    );

    text(&session, &create("o", "SELECT x, y, ts, split FROM rows")).await;
    let rows = text(&session, &warned("o")).await;
    let expected = "train | NULL\ntest | it has 1 row of times that the labels of the training rows reach, so the model cannot be judged on them later: leave a gap between the splits, and train again";
    assert_eq!(rows, expected);
    let refused = failure(&session, "SELECT * FROM ml_evaluate('o', 'rows', 'split')").await;
    assert!(refused.contains("and a row of split 'test' is of 2026-01-01 01:40:00"), "{refused}");
    assert!(refused.contains("the splits of its training query overlap in time"), "{refused}");
}

#[tokio::test]
async fn rows_are_refused_whatever_columns_a_query_reads() {
    let folder = TempDir::new().unwrap();
    let session = session(&folder).await;
    text(&session, &create("m", "SELECT x, y, ts, split FROM rows WHERE split = 'train'")).await;
    let moved = "SELECT ''test'' AS split, x, ts FROM rows";
    for read in ["*", "score", "count(*)", "x", "max(ts)", "ts, x"] {
        for relation in [
            "ml_predict('m', 'SELECT x, ts FROM rows', 'judge')",
            "ml_predict('m', 'MOVED')",
            "ml_predict_all('MOVED', 'm')",
            "ml_explain_predict('m', 'MOVED')",
        ] {
            let sql = format!("SELECT {read} FROM {}", relation.replace("MOVED", moved));
            let refused = failure(&session, &sql).await;
            assert!(refused.contains("cannot be judged on these rows"), "{sql}: {refused}");
        }
    }
    // Only rows that the query reads are looked at.
    let later = "FROM ml_predict('m', 'SELECT x, ts FROM rows', 'judge') WHERE ts > '2026-01-01T01:40'";
    for (read, expected) in [("count(*)", "99"), ("count(x), count(ts)", "99 | 99"), ("count(score)", "99")] {
        assert_eq!(text(&session, &format!("SELECT {read} {later}")).await, expected);
    }
    let sorted = text(&session, &format!("SELECT x {later} ORDER BY x LIMIT 3")).await;
    let expected = "SELECT x FROM rows WHERE ts > '2026-01-01T01:40' ORDER BY x LIMIT 3";
    assert_eq!(sorted, text(&session, expected).await);
}

#[tokio::test]
async fn rows_further_apart_than_the_horizon_cover_no_time_and_a_reason_says_so() {
    let folder = TempDir::new().unwrap();
    let session = session(&folder).await;
    text(&session, &create("m", "SELECT x, y, ts, split FROM rows WHERE split = 'train'")).await;
    let far = "SELECT x, y, ts + (ts - timestamp ''2026-01-01'') AS ts FROM rows WHERE split = ''test'' AND late";
    let reason = "the rows cover no time: they are further apart than the horizon";
    let found =
        text(&session, &format!("SELECT hours, alerts > 0, alerts_per_hour, reason FROM ml_episodes('m', '{far}')"))
            .await;
    assert_eq!(found, format!("0.0 | true | NULL | {reason}"));
    let budget = text(&session, &format!("SELECT hours, alerts, reason FROM ml_episodes('m', '{far}', 6)")).await;
    assert_eq!(budget, format!("0.0 | NULL | {reason}"));
    let swept =
        text(&session, &format!("SELECT DISTINCT alerts_per_hour, reason FROM ml_threshold_sweep('m', '{far}', 4)"))
            .await;
    assert_eq!(swept, format!("NULL | {reason}"));
    let near = "SELECT x, y, ts FROM rows WHERE split = ''test'' AND ts > ''2026-01-01T01:40''";
    let swept = text(
        &session,
        &format!("SELECT DISTINCT alerts_per_hour > 0, reason FROM ml_threshold_sweep('m', '{near}', 4)"),
    )
    .await;
    assert_eq!(swept, "true | NULL");
    let both = "SELECT m['reason'] FROM (SELECT episode_metrics(false, 0.5, to_timestamp(value * 100), 0.4) AS m FROM generate_series(1, 3))";
    assert_eq!(text(&session, both).await, format!("no row is positive; {reason}"));
}

#[tokio::test]
async fn messages_name_the_relation_and_the_label_that_a_person_gave() {
    let folder = TempDir::new().unwrap();
    let session = session(&folder).await;
    text(&session, &create("m", "SELECT x, y, ts, split FROM rows WHERE split = 'train'")).await;
    text(&session, "CREATE TABLE few AS SELECT late, y, ts FROM rows").await;
    for call in
        ["ml_compare('m', 'few')", "ml_evaluate('m', 'few')", "ml_pr_curve('m', 'few')", "ml_episodes('m', 'few')"]
    {
        let refused = failure(&session, &format!("SELECT * FROM {call}")).await;
        assert!(refused.contains("model `m` needs feature `x`, which `few` does not have"), "{call}: {refused}");
    }
    text(&session, "CREATE TABLE named AS SELECT x, ts, CASE WHEN y THEN 'yes' ELSE 'no' END AS y FROM rows").await;
    for call in [
        "ml_evaluate('m', 'named')",
        "ml_compare('m', 'named')",
        "ml_roc_curve('m', 'named')",
        "ml_feature_importance('m', 'named')",
    ] {
        let refused = failure(&session, &format!("SELECT * FROM {call}")).await;
        assert!(refused.contains("the label `y` of `named` is Utf8"), "{call}: {refused}");
    }
}

#[tokio::test]
async fn numbers_and_booleans_are_not_taken_for_each_other() {
    let folder = TempDir::new().unwrap();
    let session = session(&folder).await;
    text(&session, &create("m", "SELECT x, late, y, ts, split FROM rows WHERE split = 'train'")).await;
    for (call, column, learned, given) in [
        ("SELECT ml_score('m', 0.5, 7)", "late", "BOOLEAN", "Float64"),
        ("SELECT ml_score('m', true, false)", "x", "a number", "Boolean"),
        ("SELECT ml_score('m', x, late::INT) FROM rows", "late", "BOOLEAN", "Float64"),
        ("SELECT * FROM ml_predict('m', 'SELECT x, 1 AS late FROM rows')", "late", "BOOLEAN", "Int64"),
        ("SELECT * FROM ml_predict('m', 'SELECT late AS x, late FROM rows')", "x", "a number", "Boolean"),
    ] {
        let refused = failure(&session, call).await;
        let says = format!("learned from {learned} `{column}`, but `{column}` of ");
        assert!(refused.contains(&says) && refused.contains(&format!(" is {given}")), "{call}: {refused}");
    }
    let same = "SELECT count(*) FROM ml_predict('m', 'SELECT x, late FROM rows') WHERE score = ml_score('m', x, late)";
    assert_eq!(text(&session, same).await, "300");
    assert_eq!(text(&session, "SELECT ml_score('m', 0.5, NULL), ml_score('m', 0.5, true) > 0").await, "NULL | true");
    // An earlier squall did not record which columns are BOOLEAN.
    let path = folder.path().join("models/m/1/model.json");
    let mut artifact: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(artifact.as_object_mut().unwrap().remove("boolean_columns"), Some(serde_json::json!(["late"])));
    std::fs::write(&path, artifact.to_string()).unwrap();
    assert_eq!(text(&session, "SELECT ml_score('m', 0.5, 1) = ml_score('m', 0.5, true)").await, "true");
}
