//! Figures with intervals: `ml_evaluate`, `ml_compare` and `ml_episodes` over rows that have a time.

use tempfile::TempDir;

use super::weather;
use crate::slt::rows;

/// Eight hours, a row in every second. A spike begins in every quarter of an hour. The volatility rises before it, the decoy does
/// so only sometimes.
const TRAINING: &str = "CREATE TABLE training AS
    SELECT to_timestamp(value) AS ts, CASE WHEN value <= 7200 THEN 'train' ELSE 'test' END AS split,
        value % 900 < 60 AS spike,
        CASE WHEN value % 900 < 60 THEN 1.0 ELSE 0.0 END + sin(value * 1.7) AS vol,
        CASE WHEN value % 1800 < 60 THEN 1.0 ELSE 0.0 END + 2 * sin(value * 0.9) AS decoy,
        1.0 AS nothing
    FROM generate_series(1, 28800)";

const TEST: &str = "SELECT * FROM training WHERE split = ''test''";

async fn session(folder: &TempDir) -> squall::catalog::Session {
    let session = weather::empty(folder).await;
    session.sql(TRAINING).await.unwrap().collect().await.unwrap();
    for (name, model_type, features) in
        [("ours", "logistic_reg", "vol"), ("rule", "naive", "decoy"), ("constant", "naive", "nothing")]
    {
        let sql = format!(
            "CREATE MODEL {name} OPTIONS (model_type = '{model_type}', input_label_cols = ['spike'], time_col = 'ts',
                data_split_col = 'split') AS SELECT ts, split, spike, {features} FROM training"
        );
        session.sql(&sql).await.unwrap().collect().await.unwrap();
    }
    session
}

async fn text(session: &squall::catalog::Session, sql: &str) -> Vec<String> {
    let batches = session.sql(sql).await.unwrap().collect().await.unwrap();
    rows(&batches).iter().map(|row| row.join(" | ")).collect()
}

#[tokio::test]
async fn metrics_have_intervals_and_episodes() {
    let folder = TempDir::new().unwrap();
    let session = session(&folder).await;
    let sql = format!(
        "SELECT rows, episodes, resamples, average_precision_low < average_precision,
            average_precision < average_precision_high, roc_auc_low < roc_auc_high, brier_low < brier_high,
            recall_low <= recall, interval_reason
        FROM ml_evaluate('ours', '{TEST}')"
    );
    let found = text(&session, &sql).await;
    assert!(found[0].starts_with("21600 | 25 | 1000 | true | true | true | true | "), "{found:?}");
    assert!(found[0].ends_with(" | NULL"), "{found:?}");
    let by_hour = format!(
        "SELECT split, rows, episodes FROM ml_evaluate('ours', 'SELECT *, date_part(''hour'', ts) AS hour FROM ({TEST})', 'hour')
        ORDER BY split LIMIT 1"
    );
    assert_eq!(text(&session, &by_hour).await, ["2 | 3599 | 4"]);
}

#[tokio::test]
async fn models_are_compared_with_the_naive_rule_on_the_same_resamples() {
    let folder = TempDir::new().unwrap();
    let session = session(&folder).await;
    let columns =
        "model, baseline, rows, episodes, verdict, difference_low > 0, difference_high > 0, share_better, reason";
    let sql = format!("SELECT {columns} FROM ml_compare('rule, ours', '{TEST}') ORDER BY model");
    assert_eq!(
        text(&session, &sql).await,
        [
            "ours | rule | 21600 | 25 | beats the naive rule | true | true | 1.0 | NULL",
            "rule | rule | 21600 | 25 | is the baseline | NULL | NULL | NULL | NULL",
        ]
    );
    let sql = format!("SELECT verdict FROM ml_compare('rule, constant', '{TEST}', 'ours') ORDER BY model");
    assert_eq!(text(&session, &sql).await, ["equals guessing and does not beat ours", "does not beat ours"]);
    // Little time: nothing is claimed.
    let short = "SELECT * FROM training WHERE ts BETWEEN to_timestamp(7201) AND to_timestamp(8200)";
    let sql = format!("SELECT verdict, reason FROM ml_compare('rule, ours', '{short}') WHERE model = 'ours'");
    assert_eq!(text(&session, &sql).await, ["not known | the rows span less than two blocks of time"]);
    // A few episodes: it cannot be told.
    let few = "SELECT * FROM training WHERE ts BETWEEN to_timestamp(7201) AND to_timestamp(14400)";
    let sql = format!("SELECT verdict, episodes FROM ml_compare('rule, ours', '{few}') WHERE model = 'ours'");
    assert_eq!(text(&session, &sql).await, ["cannot be told yet: it would take about 10 episodes | 9"]);
    let without = "SELECT * FROM training WHERE split = ''test'' AND NOT spike";
    let sql = format!(
        "SELECT verdict, reason, average_precision FROM ml_compare('rule, ours', '{without}') WHERE model = 'ours'"
    );
    assert_eq!(
        text(&session, &sql).await,
        ["cannot be told: the rows are all of one class | no row is positive | NULL"]
    );
}

#[tokio::test]
async fn a_comparison_refuses_the_rows_that_a_model_learned_from() {
    let folder = TempDir::new().unwrap();
    let session = session(&folder).await;
    let frame =
        session.sql("SELECT * FROM ml_compare('rule, ours', 'SELECT ts, spike, vol, decoy FROM training')").await;
    let error = frame.unwrap().collect().await.unwrap_err();
    assert!(error.to_string().contains("cannot be judged on these rows"), "{error}");
}

#[tokio::test]
async fn alerts_meet_episodes() {
    let folder = TempDir::new().unwrap();
    let session = session(&folder).await;
    let sql = format!(
        "SELECT episodes, caught <= episodes, alerts_per_hour <= 6, reason FROM ml_episodes('ours', '{TEST}', 6)"
    );
    assert_eq!(text(&session, &sql).await, ["25 | true | true | NULL"]);
    let refused = session.sql("SELECT * FROM ml_episodes('ours', 'training', 0)").await.map(|_| ());
    assert!(squall::error::with_causes(&refused.unwrap_err()).contains("alerts_per_hour"));
}
