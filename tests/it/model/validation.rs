//! Folds in `CREATE MODEL`: what is compared and chosen, what is kept of it, calibration, and the errors.

use squall::catalog::Session;
use squall::model::{Artifact, Registry};
use tempfile::TempDir;

use super::statement::{failure, text};
use super::weather;

/// 3,000 rows, one a second. The target depends on `a` and `b`; `spike` is the target's upper tenth over all rows. The last
/// 600 rows are validation and test.
const ROWS: &str = "CREATE TABLE rows AS SELECT *, vol >= 3.2 AS spike FROM (
    SELECT 'BTC-USD' AS product_id, to_timestamp_nanos(value * 1000000000) AS ts,
        CASE WHEN value <= 2400 THEN 'train' WHEN value <= 2700 THEN 'validation' ELSE 'test' END AS split,
        CAST(value * 7919 % 1009 AS DOUBLE) / 1009 AS a, CAST(value * 104729 % 997 AS DOUBLE) / 997 AS b,
        -- Knows the target in the first rows, and nothing of it later.
        CASE WHEN value <= 1200 THEN CAST(value * 7919 % 1009 AS DOUBLE) / 1009 ELSE CAST(value * 1299709 % 991 AS DOUBLE) / 991 END AS trap,
        0.5 + 2 * CAST(value * 7919 % 1009 AS DOUBLE) / 1009 + CAST(value * 104729 % 997 AS DOUBLE) / 997
            + 0.3 * CAST(value * 15485863 % 983 AS DOUBLE) / 983 AS vol
    FROM generate_series(1, 3000))";

fn create(name: &str, options: &str, select: &str) -> String {
    format!(
        "CREATE OR REPLACE MODEL {name} OPTIONS (input_label_cols = ['spike'], data_split_col = 'split', time_col = 'ts',
            id_cols = ['product_id'], cv_purge_s = 60, {options}) AS SELECT {select} FROM rows"
    )
}

const ALL: &str = "product_id, ts, split, spike, vol, a, b, trap";

async fn session(folder: &TempDir) -> Session {
    let session = weather::empty(folder).await;
    text(&session, ROWS).await;
    session
}

fn latest(folder: &TempDir, name: &str) -> Artifact {
    Registry::new(folder.path().join("models")).load(name).unwrap()
}

#[tokio::test]
async fn variants_are_compared_over_folds_and_all_of_it_is_kept() {
    let folder = TempDir::new().unwrap();
    let session = session(&folder).await;
    let options = "model_type = 'linear_reg', target_col = 'vol', target_transform = 'none', positive_quantile = 0.9,
        l2_reg = 'auto', feature_selection = 'backward', cv_blocks = 6, cv_train_blocks = 2, cv_embargo_s = 30";
    text(&session, &create("m", options, ALL)).await;
    let model = latest(&folder, "m");
    let validation = model.validation.as_ref().unwrap();
    assert_eq!((validation.folds.len(), validation.purge_s, validation.embargo_s), (4, 60.0, 30.0));
    // 2,400 training rows in 6 blocks: the third block begins at second 801, and training ends 90 s before.
    assert_eq!(
        (validation.folds[0].training_rows, validation.folds[0].from.as_deref()),
        (710, Some("1970-01-01T00:13:21Z"))
    );
    assert!(validation.folds.iter().all(|fold| fold.tau.is_some() && fold.metrics.rows == 400));
    // Seven penalties, and then at least three subsets of features.
    assert!(validation.variants.len() >= 10, "{}", validation.variants.len());
    let chosen = &validation.variants[validation.chosen().unwrap()];
    assert_eq!(chosen.features, model.scorer.features());
    assert!(!chosen.features.contains(&"trap".to_string()) && chosen.options == model.options, "{chosen:?}");

    let folds = text(&session, "SELECT count(*), count(fold), count(tau), max(rows) FROM ml_folds('m')").await;
    assert_eq!(folds, "5 | 4 | 4 | 1600");
    let trials = "SELECT count(*) = (SELECT max(trial) FROM ml_trial_info('m')), sum(CAST(chosen AS INT)) FROM ml_trial_info('m')";
    assert_eq!(text(&session, trials).await, "true | 1");
    let judged = "SELECT count(*), count(DISTINCT fold), min(ts), round(average_precision(label, score), 12) FROM ml_out_of_fold('m')";
    let pooled = validation.metrics.get(&squall::model::metrics::AVERAGE_PRECISION).unwrap();
    let expected = format!("1600 | 4 | 1970-01-01T00:13:21Z | {}", (pooled * 1e12).round() / 1e12);
    assert_eq!(text(&session, judged).await, expected);
    // Whoever drops the version drops its rows too.
    text(&session, "DROP MODEL m VERSION 1").await;
    assert!(!folder.path().join("models/m/1/out_of_fold.parquet").exists());
}

/// Validation and test rows judge what the folds chose, so they have no part in it.
#[tokio::test]
async fn held_out_rows_and_the_order_of_rows_change_nothing_that_is_chosen() {
    let folder = TempDir::new().unwrap();
    let session = session(&folder).await;
    let options = "model_type = 'auto', target_col = 'vol', l2_reg = [0.1, 10], calibration = 'isotonic'";
    text(&session, &create("m", options, ALL)).await;
    let others = "product_id, ts, split, CASE WHEN split = 'train' THEN spike ELSE NOT spike END AS spike,
        CASE WHEN split = 'train' THEN vol ELSE 9 END AS vol, a, b, trap";
    text(&session, &format!("{} ORDER BY trap", create("other", options, others))).await;
    let (model, other) = (latest(&folder, "m"), latest(&folder, "other"));
    assert_eq!((&model.scorer, &model.validation), (&other.scorer, &other.validation));
    let types: Vec<&str> =
        model.validation.as_ref().unwrap().variants.iter().map(|variant| variant.model_type.as_str()).collect();
    assert_eq!(types, ["linear_reg", "linear_reg", "logistic_reg", "logistic_reg"]);
    assert!(model.probability);
}

#[tokio::test]
async fn a_calibrated_score_is_a_probability_that_agrees_with_the_shares_of_positives() {
    let folder = TempDir::new().unwrap();
    let session = session(&folder).await;
    for method in ["isotonic", "sigmoid"] {
        let options = format!("model_type = 'naive', calibration = '{method}', cv_window = 'rolling'");
        text(&session, &create("rule", &options, "product_id, ts, split, spike, a * 1000 AS a")).await;
        let model = latest(&folder, "rule");
        assert!(
            model.probability && model.threshold.is_some_and(|threshold| threshold <= 1.0),
            "{:?}",
            model.threshold
        );
        let scored = "SELECT min(score) >= 0 AND max(score) <= 1, abs(avg(score) - avg(CAST(spike AS DOUBLE))) < 0.02
            FROM ml_predict('rule', 'SELECT spike, a * 1000 AS a FROM rows')";
        assert_eq!(text(&session, scored).await, "true | true", "{method}");
        assert_eq!(model.validation.unwrap().window, "rolling");
    }
    // Without held-out rows the threshold comes from the judged rows of the folds, on the scale of the calibrated scores.
    let whole =
        "CREATE OR REPLACE MODEL whole OPTIONS (model_type = 'naive', input_label_cols = ['spike'], time_col = 'ts',
        calibration = 'sigmoid', cv_purge_s = 0) AS SELECT ts, spike, a * 1000 AS a FROM rows";
    text(&session, whole).await;
    assert!(latest(&folder, "whole").threshold.is_some_and(|threshold| threshold > 0.0 && threshold < 1.0));
}

#[tokio::test]
async fn options_that_do_not_go_together_are_errors_with_hints() {
    let folder = TempDir::new().unwrap();
    let session = session(&folder).await;
    let without_purge = create("m", "model_type = 'naive', cv = 'walk_forward'", "product_id, ts, split, spike, a")
        .replace("cv_purge_s = 60, ", "");
    let two = "product_id, ts, split, spike, a";
    for (statement, expected) in [
        (
            create("m", "model_type = 'naive'", two),
            "line 2, column 39: `cv_purge_s` is about folds, and there are none (add cv = 'walk_forward')",
        ),
        (
            without_purge,
            "the label looks ahead by an unknown length of time (say how far, such as cv_purge_s = 60 in OPTIONS or --purge-s 60; 0 if it does not look ahead)",
        ),
        (
            create("m", "model_type = 'quantile_threshold', calibration = 'sigmoid'", two),
            "a quantile_threshold model has a threshold of its own, so its scores are not calibrated (leave out calibration)",
        ),
        (
            create("m", "model_type = 'naive', calibration = 'isotonic', cv = 'none'", two),
            "these options compare variants or calibrate scores, which needs folds (leave out cv = 'none')",
        ),
        (
            create("m", "model_type = 'naive', calibration = 'platt'", two),
            "calibration must be 'isotonic', 'sigmoid' or 'none', not \"platt\"",
        ),
        (
            create("m", "model_type = 'logistic_reg', max_iterations = 'auto'", two),
            "max_iterations must be a whole number of at least 1, not \"auto\"",
        ),
        (
            create("m", "model_type = 'logistic_reg', l2_reg = [1, 'x']", two),
            "l2_reg must be a number of at least 0, not \"x\"",
        ),
        (
            create("m", "model_type = 'logistic_reg', l2_reg = 'auto', cv_blocks = 3, cv_train_blocks = 3", two),
            "cv_train_blocks must be a whole number from 1 to 2, not 3",
        ),
        (create("m", "model_type = 'auto', quantity = 3", two), "unknown option `quantity`"),
        (
            create("m", "model_type = 'auto'", two).replace("time_col = 'ts',", ""),
            "OPTIONS lacks time_col (such as time_col = 'ts')",
        ),
    ] {
        let found = failure(&session, &statement).await;
        assert!(found.contains(expected), "{statement}\n{found}");
    }
    assert!(Registry::new(folder.path().join("models")).names().unwrap().is_empty());
}

#[tokio::test]
async fn shuffled_labels_are_at_guessing_and_a_label_moved_by_one_row_is_too_good_to_be_true() {
    let folder = TempDir::new().unwrap();
    let session = session(&folder).await;
    // A label that does not depend on the features.
    let shuffled = "product_id, ts, split, a, b, CAST(ts AS BIGINT) / 1000000000 * 48271 % 65537 < 6553 AS spike";
    text(&session, &create("blind", "model_type = 'logistic_reg', cv = 'walk_forward'", shuffled)).await;
    let within = "SELECT prevalence(label) BETWEEN average_precision_interval(label, score, ts, 50)['low']
        AND average_precision_interval(label, score, ts, 50)['high'] FROM ml_out_of_fold('blind')";
    assert_eq!(text(&session, within).await, "true");
    assert_eq!(text(&session, "SELECT count(warning) FROM ml_evaluate('blind')").await, "0");

    // The label is of 60 rows at a time, and the feature is the label of the row after.
    let runs = "SELECT product_id, ts, split, late AS spike, CAST(lead(late) OVER (ORDER BY ts) AS INT) AS next FROM
        (SELECT *, CAST(ts AS BIGINT) / 60000000000 % 4 = 1 AS late FROM rows)";
    let options = "model_type = 'logistic_reg', cv = 'walk_forward'";
    let leaking = create("leaking", options, "*").replace("FROM rows", &format!("FROM ({runs})"));
    text(&session, &leaking).await;
    let warned = "SELECT split, warning FROM ml_evaluate('leaking') WHERE warning IS NOT NULL ORDER BY split";
    let expected = "validation | its average precision is too good to be true: does a feature know the label?";
    assert!(text(&session, warned).await.starts_with(expected));
}

#[tokio::test]
async fn a_fold_without_rows_has_no_times_and_a_warning() {
    let folder = TempDir::new().unwrap();
    let session = session(&folder).await;
    // Half of the training rows have one time.
    let tied =
        "CASE WHEN ts BETWEEN to_timestamp(1100) AND to_timestamp(2300) THEN to_timestamp(1100) ELSE ts END AS ts";
    let options =
        "model_type = 'logistic_reg', cv = 'walk_forward', cv_blocks = 8, cv_train_blocks = 2, cv_embargo_s = 1e1";
    let sql = create("m", options, &format!("product_id, {tied}, split, spike, a, b"));
    text(&session, &sql.replace("cv_purge_s = 60", "cv_purge_s = 0.6e2")).await;
    let validation = latest(&folder, "m").validation.unwrap();
    assert_eq!((validation.purge_s, validation.embargo_s), (60.0, 10.0));
    let folds = "SELECT count(*) FILTER (WHERE rows = 0), count(*) FILTER (WHERE rows = 0 AND (first_ts IS NOT NULL OR last_ts IS NOT NULL)),
        min(first_ts) > to_timestamp(300) FROM ml_folds('m')";
    let found = text(&session, folds).await;
    assert!(found.ends_with(" | 0 | true") && !found.starts_with("0 "), "{found}");
    let empty = found.split(' ').next().unwrap();
    let warning = text(&session, "SELECT DISTINCT warning FROM ml_evaluate('m')").await;
    let expected = format!(
        "of 6 folds, {empty} judge no row, because many rows have the same time: give fewer blocks (cv_blocks)"
    );
    assert_eq!(warning, expected);
}

#[tokio::test]
async fn auto_tries_a_regression_of_a_target_only_where_there_is_one() {
    let folder = TempDir::new().unwrap();
    let session = session(&folder).await;
    let tried = "SELECT string_agg(DISTINCT model_type, ' '), count(problem) FROM ml_trial_info('m')";
    text(&session, &create("m", "model_type = 'auto', cv_blocks = 4", "product_id, ts, split, spike, a")).await;
    assert_eq!(text(&session, tried).await, "logistic_reg | 0");
    let target = "model_type = 'auto', target_col = 'vol', cv_blocks = 4";
    text(&session, &create("m", target, "product_id, ts, split, spike, vol, a")).await;
    assert_eq!(
        text(&session, "SELECT count(DISTINCT model_type), count(problem) FROM ml_trial_info('m')").await,
        "2 | 0"
    );
    let unused = create("m", "model_type = 'auto', target_transform = 'ln'", "product_id, ts, split, spike, a");
    assert!(failure(&session, &unused).await.contains("is an option of no type that model_type = 'auto' tries"));
}
