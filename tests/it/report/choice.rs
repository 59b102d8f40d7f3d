//! Which model a report is about, which stand beside it, and what fails a build because nothing judges the model.

use squall::error::Hint;

use super::evaluation::rows;
use super::make;
use crate::model::commands::Folder;

/// Scores of eight models: `m` ranks the validation rows best, and `a` the test rows.
const SCORES: &str = "SELECT m AS model, value % 5 = 0 AS y, CASE WHEN value <= 400 THEN 'validation' ELSE 'test' END AS split,
        w * CAST(value % 5 = 0 AS INT) + (1 - w) * abs(sin(value * 1.7)) AS score
    FROM (SELECT value, m, CASE WHEN value <= 400 THEN on_validation ELSE on_test END AS w
        FROM generate_series(1, 800) CROSS JOIN (VALUES ('a', 0.1, 0.9), ('b', 0.2, 0.2), ('c', 0.3, 0.2), ('d', 0.4, 0.2),
            ('e', 0.45, 0.2), ('f', 0.47, 0.2), ('m', 0.8, 0.45), ('z', 0.05, 0.1)) AS t (m, on_validation, on_test))";

#[tokio::test]
async fn scores_are_chosen_by_validation_rows_and_never_by_name() {
    let context = rows(SCORES).await;
    let page = make("eval", &context, &[("on", "scored"), ("label", "y"), ("baseline", "z")]).await.unwrap();
    assert!(page.verdict.starts_with("m beats z on the test rows"), "{}", page.verdict);
    // The baseline stays although its name and its figure are the last.
    assert_eq!(page.warnings, ["6 models are shown at most, so b and a are left out"]);
    assert!(page.html.contains("so b and a are left out."), "the page says so too");

    // Without validation rows nothing may choose: neither the test rows nor the names.
    let tested = "SELECT * FROM scored WHERE split = 'test'";
    let error = make("eval", &context, &[("on", tested), ("label", "y")]).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "which of a, b, c, d, e, f, m and z the report is about is not known, because no validation rows compare them"
    );
    assert!(error.hint().unwrap().starts_with("--model names it"));
    let page = make("eval", &context, &[("on", tested), ("label", "y"), ("model", "z")]).await.unwrap();
    assert!(page.verdict.contains("z "), "{}", page.verdict);
}

/// Seven models of one feature each, of which the fifth is the best, and a naive rule whose name is the last.
fn eight_models() -> Folder {
    let folder = Folder::new();
    let features: Vec<String> = [0.2, 0.25, 0.3, 0.35, 0.8, 0.4, 0.45]
        .iter()
        .enumerate()
        .map(|(place, weight)| format!("{weight} * y + abs(sin(value * {}.7)) AS f{}", place + 2, place + 1))
        .collect();
    let sql = format!(
        "COPY (SELECT y, abs(sin(value * 9.1)) + 0.1 * y AS f0, {}, CASE WHEN value <= 500 THEN 'train' WHEN value <= 800 THEN 'validation' ELSE 'test' END AS split
           FROM (SELECT value, CAST(abs(sin(value * 3.3)) > 0.9 AS INT) AS y FROM generate_series(1, 1200))) TO 'rows.parquet'",
        features.join(", ")
    );
    let train = |name: &str, model_type: &str, feature: &str| {
        let options =
            format!("OPTIONS (model_type = '{model_type}', input_label_cols = ['y'], data_split_col = 'split')");
        format!("CREATE MODEL {name} {options} AS SELECT {feature}, y, split FROM 'rows.parquet'")
    };
    let mut statements = vec![sql, train("zz", "naive", "f0")];
    statements.extend((1..=7).map(|number| train(&format!("m{number}"), "logistic_reg", &format!("f{number}"))));
    folder.succeed(&["sql", &statements.join(";\n")]);
    folder
}

#[test]
fn models_are_chosen_by_validation_rows_and_the_naive_rule_stays() {
    let folder = eight_models();
    let (success, stdout, stderr) = folder.squall(&["report", "eval", "--on", "rows.parquet", "--out", "eval.html"]);
    assert!(success && stdout.starts_with("m5 beats the naive rule on the test rows"), "{stdout}{stderr}");
    assert!(stderr.contains("6 models are shown at most, so ") && stderr.contains(" are left out"), "{stderr}");
    assert!(!stderr.contains("zz") && !stderr.contains("m5"), "{stderr}");
    let (success, stdout, stderr) = folder.squall(&["report", "card", "--on", "rows.parquet", "--out", "card.html"]);
    assert!(success && stdout.starts_with("m5@1: m5 beats the naive rule"), "{stdout}{stderr}");
    let card = std::fs::read_to_string(folder.path().join("card.md")).unwrap();
    assert!(card.contains("No row was left out."), "{card}");
    let json = folder.succeed(&["report", "eval", "--on", "rows.parquet", "--format", "json", "--out", "-"]);
    let document: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert!(document["warnings"][0].as_str().unwrap().ends_with("are left out"), "{}", document["warnings"]);
    assert_eq!(document["conditions"], serde_json::json!([]));

    // A gate on nothing does not pass, and neither does one on a finding that there cannot be.
    let none = "SELECT * FROM 'rows.parquet' WHERE y > 1";
    let one_class = "SELECT * FROM 'rows.parquet' WHERE y = 1";
    for (report, more, passes) in [
        ("eval", ["--on", "rows.parquet", "--model", "m5"], true),
        ("eval", ["--on", none, "--model", "m5"], false),
        ("card", ["--on", one_class, "--model", "m5"], false),
        ("eval", ["--on", "rows.parquet", "--model", "zz"], false),
    ] {
        let arguments = [&["report", report, "--out", "x.html", "--fail-on", "worse"][..], &more].concat();
        let (success, stdout, stderr) = folder.squall(&arguments);
        assert_eq!(success, passes, "{report} {more:?}: {stderr}");
        assert!(stdout.contains("x.html"), "the page is written all the same: {stdout}");
        assert!(passes || stderr.contains("the report cannot tell whether there is `worse`\nHint: "), "{stderr}");
    }
    for (report, finding) in [("eval", "missing"), ("card", "drift")] {
        let stderr = folder.fail(&["report", report, "--on", "rows.parquet", "--fail-on", finding]);
        let refusal = format!("Error: the report `{report}` cannot find `{finding}`\nHint: it can find `worse`");
        assert!(stderr.starts_with(&refusal), "{stderr}");
    }
}
