//! Training rows that cannot teach, or that mislead: each a clear error with a hint, or a model that says so.

use tempfile::TempDir;

use super::statement::{failure, latest, text};
use super::weather;

/// Trains on generated rows, `i` from 1 to 200; returns the failure, or the warnings of the model.
async fn trained(model_type: &str, options: &str, columns: &str) -> Result<String, String> {
    let folder = TempDir::new().unwrap();
    let session = weather::empty(&folder).await;
    let rows = "(SELECT value AS i, CAST(value * 7919 % 101 AS DOUBLE) AS x, exp(value * 31 % 17 / 10.0) AS y FROM generate_series(1, 200))";
    let sql = format!(
        "CREATE MODEL m OPTIONS (model_type = '{model_type}', input_label_cols = ['label'] {options})
         AS SELECT {columns} FROM {rows}"
    );
    match session.sql(&sql).await {
        Ok(_) => {
            // What was written can be read, and scores.
            let scores = format!(
                "SELECT count(score) FROM ml_predict('m', 'SELECT {} FROM {rows}')",
                columns.replace('\'', "''")
            );
            let counted = text(&session, &scores).await;
            assert!(counted.parse::<u64>().unwrap() > 0, "{columns}: {counted} scores");
            let warned = text(&session, "SELECT DISTINCT coalesce(warning, '') FROM ml_evaluate('m')").await;
            assert_eq!(latest(&folder, "m").scorer.warning().unwrap_or_default(), warned);
            Ok(warned)
        }
        Err(_) => {
            let message = failure(&session, &sql).await;
            assert!(!message.ends_with("()"), "{columns}: no hint in {message}");
            let models = text(&session, "SELECT count(*) FROM ml_models()").await;
            assert_eq!(models, "0", "{columns}: a model was left");
            Err(message)
        }
    }
}

#[tokio::test]
async fn what_cannot_be_learned_from_is_an_error_with_a_hint() {
    let label = "i % 10 = 3 AS label";
    for (columns, expected) in [
        ("x, false AS label".to_string(), "one class only: none of its 200 rows are positive"),
        ("x, true AS label".to_string(), "one class only: all of its 200 rows are positive"),
        (format!("x, CAST(NULL AS DOUBLE) AS z, {label}"), "no training rows: each of the 200 has a NULL"),
        (format!("x, NULL AS z, {label}"), "column `z` is Null, but a feature is"),
        ("x, CAST(NULL AS BOOLEAN) AS label".to_string(), "no training rows: each of the 200 has a NULL"),
        ("x, CAST('NaN' AS DOUBLE) AS label".to_string(), "no training rows: each of the 200"),
        ("x, CASE WHEN i % 2 = 0 THEN 1 ELSE -1 END AS label".to_string(), "the label `label` is -1 in a row"),
        ("x, i % 3 AS label".to_string(), "the label `label` is 2 in a row"),
        (format!("5.0 AS x, {label}"), "feature `x` is 5 in every training row"),
        (format!("CASE WHEN i = 7 THEN CAST('inf' AS DOUBLE) ELSE x END AS x, {label}"), "`x` is NaN or infinite in 1"),
        (format!("CASE WHEN i = 7 THEN CAST('NaN' AS DOUBLE) ELSE x END AS x, {label}"), "`x` is NaN or infinite in 1"),
        (format!("x * 1e155 AS x, {label}"), "the values of feature `x` are too large"),
        (format!("x * 1e306 AS x, {label}"), "the values of feature `x` are too large"),
        (
            format!("CASE WHEN i % 2 = 0 THEN 0.1 + CAST(0.2 AS DOUBLE) ELSE CAST(0.3 AS DOUBLE) END AS x, {label}"),
            "differ by less than a standard deviation can be computed from",
        ),
    ] {
        let error = trained("logistic_reg", "", &columns).await.expect_err(&columns);
        assert!(error.contains(expected), "{columns}: {error}");
    }
    let no_penalty = ", l2_reg = 0";
    let collinear = format!("x, 2 * x + 1 AS z, {label}");
    let apart = "x, x > 50 AS label";
    let error = trained("logistic_reg", no_penalty, &collinear).await.expect_err("collinear");
    assert!(error.contains("collinear"), "{error}");
    let error = trained("logistic_reg", no_penalty, apart).await.expect_err("separated");
    assert!(error.contains("separate the classes perfectly") && error.contains("set l2_reg above 0"), "{error}");
    let error = trained("linear_reg", ", target_col = 'y', l2_reg = 0", "x, 2 * x + 1 AS z, y, y > 3 AS label").await;
    assert!(error.as_ref().is_err_and(|error| error.contains("collinear")), "{error:?}");
}

/// A category may be absent from the rows of a fold, and a flag may never be set.
#[tokio::test]
async fn a_feature_that_never_varies_weighs_nothing_beside_others_and_the_warning_names_it() {
    for l2_reg in ["0", "1"] {
        let columns = "5.0 AS k, x, 'a' AS side, i % 10 = 3 AS label";
        let warned = trained("logistic_reg", &format!(", l2_reg = {l2_reg}"), columns).await.unwrap();
        assert_eq!(warned, "feature `k` is 5 in every training row, so its weight is 0");
    }
}

#[tokio::test]
async fn separated_classes_and_huge_penalties_converge_and_separation_is_a_warning() {
    let label = "i % 10 = 3 AS label";
    for l2_reg in ["1e4", "1e8", "1e-9"] {
        let options = format!(", l2_reg = {l2_reg}");
        assert_eq!(trained("logistic_reg", &options, &format!("x, i % 7 AS z, {label}")).await, Ok(String::new()));
    }
    for (columns, expected) in [
        ("x, i % 7 AS z, x > 50 AS label", "the feature `x` separates the classes"),
        ("x, i % 7 AS z, x < 50 AS label", "the feature `x` separates the classes"),
        // One side of the flag has one class, the other both.
        ("x, i % 10 = 3 AND i % 4 = 1 AS flag, i % 10 = 3 AS label", "the feature `flag` separates the classes"),
        (
            "x + CASE WHEN x + 3 * (i % 7) > 70 THEN 10 ELSE 0 END AS x, i % 7 AS z, x + 3 * (i % 7) > 70 AS label",
            "the features together separate the classes",
        ),
    ] {
        for l2_reg in ["1e-3", "1e-8", "1e-12"] {
            let warned = trained("logistic_reg", &format!(", l2_reg = {l2_reg}"), columns).await.unwrap();
            assert!(warned.starts_with(expected), "{columns}, {l2_reg}: {warned:?}");
        }
    }
    // Collinear features, and more features than rows, with a penalty.
    assert_eq!(trained("logistic_reg", "", &format!("x, 2 * x + 1 AS z, {label}")).await, Ok(String::new()));
    let many: Vec<String> = (1..206).map(|k| format!("sin(i * i * {k}) AS x{k}")).collect();
    let warned = trained("logistic_reg", ", l2_reg = 1e-6", &format!("{}, {label}", many.join(", "))).await.unwrap();
    assert!(warned.starts_with("the features together separate"), "{warned}");
    let linear = trained("linear_reg", ", target_col = 'y'", &format!("{}, y, y > 3 AS label", many.join(", "))).await;
    assert_eq!(linear, Ok(String::new()));
}

/// A column that is constant but for rounding weighs nothing in a linear regression, whatever the penalty.
#[tokio::test]
async fn rounding_noise_is_not_fitted() {
    for l2_reg in ["0", "1"] {
        let folder = TempDir::new().unwrap();
        let session = weather::empty(&folder).await;
        let near =
            "CASE WHEN value % 2 = 0 THEN CAST(0.1 AS DOUBLE) + CAST(0.2 AS DOUBLE) ELSE CAST(0.3 AS DOUBLE) END";
        let sql = format!(
            "CREATE MODEL m OPTIONS (model_type = 'linear_reg', input_label_cols = ['label'], target_col = 'y', l2_reg = {l2_reg})
             AS SELECT {near} AS near, value * 7 % 11 AS x, y, y > 4 AS label FROM (SELECT value, value * 13 % 9 + 1 AS y FROM generate_series(1, 100))"
        );
        session.sql(&sql).await.unwrap();
        assert_eq!(
            text(&session, "SELECT weight, scale FROM ml_weights('m') WHERE feature = 'near'").await,
            "0.0 | 1.0"
        );
    }
}

#[tokio::test]
async fn weights_of_rows_are_stated_and_bad_ones_refused() {
    let (label, by) = ("i % 10 = 3 AS label", ", weight_col = 'w'");
    for model_type in ["logistic_reg", "linear_reg", "boosted_tree_regressor", "boosted_tree_classifier"] {
        let has_target = ["linear_reg", "boosted_tree_regressor"].contains(&model_type);
        let options = if has_target { format!("{by}, target_col = 'y'") } else { by.to_string() };
        let columns = |weight: &str| {
            if has_target {
                format!("x, y, y > 3 AS label, {weight} AS w")
            } else {
                format!("x, {label}, {weight} AS w")
            }
        };
        for (weight, expected) in [
            (
                "CASE WHEN i = 5 THEN -1 ELSE 1 END",
                "the weight `w` is neither 0 nor from 1e-100 to 1e100 in 1 of the training rows",
            ),
            (
                "CASE WHEN i < 3 THEN CAST('NaN' AS DOUBLE) ELSE 1 END",
                "the weight `w` is neither 0 nor from 1e-100 to 1e100 in 2",
            ),
            (
                "CASE WHEN i < 3 THEN CAST('inf' AS DOUBLE) ELSE 1 END",
                "the weight `w` is neither 0 nor from 1e-100 to 1e100 in 2",
            ),
            ("1e-320", "the weight `w` is neither 0 nor from 1e-100 to 1e100 in 200"),
            ("0", "the weight `w` is 0 in every training row"),
            ("CAST(NULL AS DOUBLE)", "no training rows: each of the 200 has a NULL"),
            ("'heavy'", "column `w` is Utf8, but a weight is a number"),
        ] {
            let error = trained(model_type, &options, &columns(weight)).await.expect_err(weight);
            assert!(error.contains(expected), "{weight}: {error}");
        }
        assert_eq!(
            trained(model_type, &options, &columns("CASE WHEN i % 2 = 0 THEN NULL ELSE i END")).await,
            Ok(String::new())
        );
    }
    let error =
        trained("logistic_reg", by, "x, CASE WHEN i % 10 = 3 THEN 0 ELSE 1 END AS w, i % 10 = 3 AS label").await;
    assert!(error.as_ref().is_err_and(|error| error.contains("one class only")), "{error:?}");
    let error = trained("naive", by, "x, i AS w, i % 10 = 3 AS label").await.unwrap_err();
    assert!(error.contains("`weight_col` is not an option of a naive model"), "{error}");
    assert!(
        error.contains(
            "types that take it are boosted_tree_classifier, boosted_tree_regressor, linear_reg, logistic_reg"
        ),
        "{error}"
    );
    let error = trained("logistic_reg", ", auto_class_weights = TRUE", "x, i % 10 = 3 AS label").await.unwrap_err();
    assert!(error.contains("(write class_weight = 'balanced')"), "{error}");
    let error = trained("boosted_tree_classifier", ", num_leaves = 4", "x, i % 10 = 3 AS label").await.unwrap_err();
    assert!(error.contains("(write max_leaves = 8)"), "{error}");
}

/// A row of weight 0 is as good as absent, and the artifact says what weighed.
#[tokio::test]
async fn a_row_of_weight_0_does_not_train() {
    let folder = TempDir::new().unwrap();
    let session = weather::empty(&folder).await;
    let create = |name: &str, options: &str, columns: &str, filter: &str| {
        format!("CREATE MODEL {name} OPTIONS (model_type = 'logistic_reg', input_label_cols = ['label'], class_weight = 'balanced' {options})
            AS SELECT value * 7 % 11 AS x, value % 13 < 4 AS label {columns} FROM generate_series(1, 100) {filter}")
    };
    let weight = ", CASE WHEN value < 40 THEN 0 ELSE 2 END AS w";
    session.sql(&create("weighted", ", weight_col = 'w'", weight, "")).await.unwrap();
    session.sql(&create("filtered", ", weight_col = 'w'", ", 2 AS w", "WHERE value >= 40")).await.unwrap();
    let [weighted, filtered] = ["weighted", "filtered"].map(|name| latest(&folder, name));
    assert_eq!(weighted.scorer, filtered.scorer);
    assert_eq!((weighted.training.rows, weighted.training.positives), (61, filtered.training.positives));
    assert_eq!(weighted.training.weight_column.as_deref(), Some("w"));
    assert_eq!(weighted.options["class_weight"], "balanced");
    assert_eq!(weighted.scorer.features(), ["x"]);
}

/// A feature that is the same in every row has nothing to say, and a model of such features alone would be guessing.
#[tokio::test]
async fn a_constant_feature_is_named() {
    for (model_type, options) in [("logistic_reg", ""), ("linear_reg", ", target_col = 'y'")] {
        let y = if options.is_empty() { "" } else { ", y" };
        let columns =
            |features: &str| format!("{features}{y}, i % 10 = 3 AS label").replace("y, i % 10 = 3", "y, y > 3");
        let warned = trained(model_type, options, &columns("x, 1.5 AS same")).await;
        assert_eq!(warned, Ok("feature `same` is 1.5 in every training row, so its weight is 0".into()));
        let error = trained(model_type, options, &columns("1.5 AS same")).await.unwrap_err();
        assert!(error.contains("feature `same` is 1.5 in every training row"), "{error}");
    }
}

/// What an option names must exist, be one thing, and matter.
#[tokio::test]
async fn options_that_cannot_matter_are_refused() {
    let label = "i % 10 = 3 AS label";
    for (model_type, options, columns, expected) in [
        ("auto", ", time_col = 'ts', cv_purge_s = 0, max_leaves = 4", "x", "`max_leaves` is an option of no type that"),
        (
            "auto",
            ", time_col = 'ts', cv_purge_s = 0, model_path = 'x'",
            "x",
            "`model_path` is an option of no type that",
        ),
        ("logistic_reg", ", positive_quantile = 0.5", "x", "OPTIONS lacks target_col"),
        (
            "logistic_reg",
            ", weight_col = 'label'",
            "x",
            "column `label` is named by both input_label_cols and weight_col",
        ),
        ("logistic_reg", ", id_cols = ['label']", "x", "column `label` is named by both input_label_cols and id_cols"),
        (
            "linear_reg",
            ", target_col = 'y', weight_col = 'y'",
            "x, y",
            "column `y` is named by both target_col and weight_col",
        ),
        ("logistic_reg", ", l2_reg = -1", "x", "l2_reg must be"),
        ("onnx", ", model_path = '/dev/zero'", "x", "cannot read the ONNX file /dev/zero"),
        ("onnx", ", model_path = 'nope.onnx'", "x", "cannot read the ONNX file nope.onnx"),
        ("onnx", ", model_path = '.'", "x", "cannot read the ONNX file ."),
    ] {
        let error = trained(model_type, options, &format!("{columns}, {label}")).await.expect_err(options);
        assert!(error.contains(expected), "{options}: {error}");
    }
    // A target of 0 counts as the least positive one; if that is tau, the rows would count as positive.
    for target in ["CASE WHEN x > 50 THEN 1 ELSE 0 END", "CASE WHEN x > 50 THEN 3 + i ELSE 0 END"] {
        let columns = format!("i % 7 AS z, {target} AS y, x > 50 AS label");
        for model_type in ["linear_reg", "boosted_tree_regressor"] {
            let error = trained(model_type, ", target_col = 'y'", &columns).await.expect_err(target);
            assert!(error.contains("`y` is 0 in the negative training rows"), "{error}");
            assert!(error.contains("target_transform = 'none'"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_broken_alias_hides_no_other_and_can_be_dropped() {
    let folder = TempDir::new().unwrap();
    let session = weather::empty(&folder).await;
    let sql = "CREATE MODEL m OPTIONS (model_type = 'logistic_reg', input_label_cols = ['label'])
               AS SELECT value % 17 AS x, value % 10 = 3 AS label FROM generate_series(1, 200)";
    session.sql(sql).await.unwrap();
    session.sql("ALTER MODEL m SET ALIAS champion").await.unwrap();
    let aliases = folder.path().join("models/m/aliases");
    std::fs::write(aliases.join("bad"), "x").unwrap();
    let listed = text(&session, "SELECT aliases, problem LIKE '%alias `bad` of model `m`%' FROM ml_models()").await;
    assert_eq!(listed, "champion | true");
    let error = failure(&session, "SELECT * FROM ml_weights('m@bad')").await;
    assert!(error.contains("it holds no version") && error.contains("ALTER MODEL m DROP ALIAS bad"), "{error}");
    assert_ne!(text(&session, "SELECT count(*) FROM ml_weights('m@champion')").await, "0");
    session.sql("ALTER MODEL m DROP ALIAS bad").await.unwrap();
    std::fs::write(aliases.join("late"), "99").unwrap();
    let listed =
        text(&session, "SELECT problem LIKE '%names version 99, which does not exist%' FROM ml_models()").await;
    assert_eq!(listed, "true");
    session.sql("ALTER MODEL m DROP ALIAS late").await.unwrap();
    assert_eq!(text(&session, "SELECT problem IS NULL FROM ml_models()").await, "true");
    let error = failure(&session, "SELECT * FROM ml_weights('m@latest')").await;
    assert!(error.contains("`m` without an alias is the latest version"), "{error}");
    let error = failure(&session, "EXPORT MODEL m TO 's3://bucket/m.onnx'").await;
    assert!(error.contains("a file on this machine"), "{error}");
}
