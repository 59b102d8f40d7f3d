//! The table of metrics: what follows from it, and that it agrees with the aggregates and with scikit-learn.

use std::path::Path;

use serde_json::Value;
use squall::model::metrics::{METRICS, Metrics, Sample};
use squall::model::types::TYPES;
use tempfile::TempDir;

use super::commands::Folder;
use super::weather;
use crate::slt::rows;

async fn text(session: &squall::catalog::Session, sql: &str) -> Vec<String> {
    let batches = session.sql(sql).await.unwrap().collect().await.unwrap();
    rows(&batches).iter().map(|row| row.join(" | ")).collect()
}

/// The value in the column with this name in scikit-learn's record.
fn theirs(case: &Value, name: &str) -> Option<f64> {
    let name = if name == "brier" { "brier_score" } else { name };
    let recorded = case.get(name).or_else(|| case.get(format!("{name}_at")));
    recorded.and_then(Value::as_f64)
}

#[test]
fn every_metric_is_that_of_scikit_learn() {
    let recorded: Value = serde_json::from_str(include_str!("../../reference/sklearn_metrics.json")).unwrap();
    for case in recorded["cases"].as_array().unwrap() {
        let numbers =
            |name: &str| case[name].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect::<Vec<_>>();
        let labels: Vec<bool> = numbers("label").iter().map(|label| *label != 0.0).collect();
        let scores = numbers("score");
        let metrics = Metrics::measure(&Sample::new(&labels, &scores, case["threshold"].as_f64(), true));
        for (metric, ours) in metrics.iter() {
            let expected = theirs(case, metric.name);
            let expected = expected.unwrap_or_else(|| panic!("scikit-learn's record has no {}", metric.name));
            // Both sides are a few roundings from the exact value.
            assert!((ours.unwrap() - expected).abs() < 1e-12, "{} of {}: {ours:?}", metric.name, case["name"]);
        }
    }
}

#[tokio::test]
async fn columns_follow_from_the_table() {
    let folder = TempDir::new().unwrap();
    let session = weather::session(&folder).await;
    let names: Vec<&str> = METRICS.iter().map(|metric| metric.name).collect();
    let all = [&["rows", "positives"], names.as_slice(), &["reason"]].concat();
    let frame = session.sql("SELECT * FROM ml_evaluate('calm_or_wild')").await.unwrap();
    let columns: Vec<String> = frame.schema().fields().iter().map(|field| field.name().clone()).collect();
    let measured = METRICS.iter().filter(|metric| metric.resampled.is_some());
    let ends: Vec<String> =
        measured.flat_map(|metric| [format!("{}_low", metric.name), format!("{}_high", metric.name)]).collect();
    let ends: Vec<&str> = ends.iter().map(String::as_str).collect();
    let before = ["skipped", "warning", "episodes", "resamples"];
    let expected =
        [&["model", "version", "role", "split"], all.as_slice(), &before, ends.as_slice(), &["interval_reason"]];
    assert_eq!(columns, expected.concat());
    assert_eq!(text(&session, "SELECT name FROM ml_metrics()").await, names);
    let evaluated = "SELECT * FROM ml_evaluate('calm_or_wild', 'weather')";
    let frame = session.sql(evaluated).await.unwrap();
    let columns_of_relation: Vec<String> = frame.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(columns_of_relation, columns);
    // Computing on the relation gives what was recorded.
    // What was skipped, episodes and intervals are known of a relation only.
    let shared = format!("role, {}", all.join(", "));
    let select = |columns: &str, arguments: &str| format!("SELECT {columns} FROM ml_evaluate({arguments})");
    let recorded = text(&session, &select(&shared, "'calm_or_wild'")).await;
    assert_eq!(text(&session, &select(&shared, "'calm_or_wild', 'weather'")).await, recorded);
    let rest = "skipped, warning, episodes, resamples, average_precision_low, interval_reason";
    assert_eq!(text(&session, &select(rest, "'calm_or_wild'")).await, ["NULL | NULL | NULL | NULL | NULL | NULL"]);
    assert_eq!(
        text(&session, &select(rest, "'calm_or_wild', 'weather'")).await,
        ["0 | NULL | NULL | 0 | NULL | no time column: name it in time_col at training"]
    );
}

#[tokio::test]
async fn a_split_column_gives_a_row_for_each_of_its_values() {
    let folder = TempDir::new().unwrap();
    let session = weather::session(&folder).await;
    let parts = "SELECT *, CASE WHEN wind < 4 THEN 'calm' WHEN wind < 9 THEN 'windy' END AS part FROM weather";
    let sql = format!(
        "SELECT split, rows, positives, brier FROM ml_evaluate('calm_or_wild', '{}', 'part') ORDER BY split",
        parts.replace('\'', "''")
    );
    let by_part = text(&session, &sql).await;
    let mut one_by_one = Vec::new();
    for part in ["calm", "windy"] {
        let relation = format!("SELECT * FROM ({parts}) WHERE part = '{part}'").replace('\'', "''");
        let sql = format!("SELECT '{part}', rows, positives, brier FROM ml_evaluate('calm_or_wild', '{relation}')");
        one_by_one.extend(text(&session, &sql).await);
    }
    assert_eq!(by_part, one_by_one);
    assert_eq!(by_part.len(), 2, "rows of no part do not count");
}

/// Returns a page in which the text between `<!-- name -->` and `<!-- end -->` is replaced.
fn with_block(page: &str, name: &str, block: &str) -> String {
    let open = format!("<!-- {name} -->\n");
    let (before, rest) = page.split_once(&open).unwrap_or_else(|| panic!("docs/models.md has no {open}"));
    let (_, after) = rest.split_once("<!-- end -->").expect("a block ends");
    // Blank lines, so that every reader of Markdown sees a table.
    format!("{before}{open}\n{block}\n<!-- end -->{after}")
}

fn capitalised(text: &str) -> String {
    let (first, rest) = text.split_at(1);
    first.to_uppercase() + rest
}

#[test]
fn the_page_on_models_lists_every_type_option_and_metric() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/models.md");
    let written = std::fs::read_to_string(&path).unwrap();
    let mut types =
        String::from("| `model_type` | what it does | its score | its own options |\n| --- | --- | --- | --- |\n");
    let mut options = String::from("| option | of | meaning | values | default |\n| --- | --- | --- | --- | --- |\n");
    for known in TYPES {
        let names: Vec<String> = known.options.iter().map(|option| format!("`{}`", option.name)).collect();
        let names = if names.is_empty() { "none".to_string() } else { names.join(", ") };
        let score = if known.gives_probabilities { "a probability" } else { "not a probability" };
        types += &format!("| `{}` | {} | {score} | {names} |\n", known.name, known.summary);
        for option in known.options {
            let meaning = capitalised(option.meaning);
            options += &format!(
                "| `{}` | `{}` | {meaning} | {} | {} |\n",
                option.name,
                known.name,
                option.range,
                match option.range.recorded(option.default) {
                    serde_json::Value::String(word) => format!("'{word}'"),
                    serde_json::Value::Null | serde_json::Value::Array(_) => "none".into(),
                    _ => option.default.to_string(),
                }
            );
        }
        let section = format!("**`{}`**", known.name);
        assert!(written.contains(&section), "docs/models.md describes no {section}");
    }
    let mut metrics =
        String::from("| metric | meaning | unit and range | better | NULL when |\n| --- | --- | --- | --- | --- |\n");
    for metric in METRICS {
        let better = metric.better.as_str();
        metrics += &format!(
            "| `{}` | {} | {} | {better} | {} |\n",
            metric.name, metric.meaning, metric.range, metric.when_null
        );
    }
    let page = with_block(&written, "types", &types);
    let page = with_block(&page, "options", &options);
    let page = with_block(&page, "metrics", &metrics);
    if std::env::var_os("SQUALL_BLESS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(written == page, "docs/models.md is stale: SQUALL_BLESS=1 cargo test --test it model:: rewrites it");
}

/// A row without a time has no block, so neither the figures nor their intervals count it, and a warning says so.
#[test]
fn rows_without_a_time_count_nowhere() {
    let folder = Folder::new();
    folder.succeed(&["sql", "COPY (SELECT sin(value * 1.3) AS a, CAST(sin(value * 1.3) + sin(value * 9.1) > 0.8 AS INT) AS y, to_timestamp(value * 30) AS ts FROM generate_series(1, 3000)) TO 'rows.parquet'"]);
    let options = "OPTIONS (model_type = 'logistic_reg', input_label_cols = ['y'], time_col = 'ts')";
    let train = "SELECT a, y, ts FROM 'rows.parquet' WHERE ts < to_timestamp(30000)";
    folder.succeed(&["sql", &format!("CREATE MODEL m {options} AS {train}")]);
    let judged = "SELECT a, y, CASE WHEN CAST(ts AS BIGINT) / 30000000000 % 2 = 0 THEN ts END AS ts FROM 'rows.parquet' WHERE ts > to_timestamp(31000)";
    folder.succeed(&["sql", &format!("COPY ({judged}) TO 'judged.parquet'")]);
    let timed = "(SELECT average_precision(y, ml_score('m', a)) FROM 'judged.parquet' WHERE ts IS NOT NULL)";
    let rows = "(SELECT count(ts) FROM 'judged.parquet')";
    for (function, skipped) in [
        ("ml_evaluate('m', 'SELECT * FROM ''judged.parquet''')", "skipped > 0"),
        ("ml_compare('m', 'SELECT * FROM ''judged.parquet''')", "true"),
    ] {
        let sql = format!(
            "SELECT abs(average_precision - {timed}) < 1e-12 AND rows = {rows} AND {skipped} AND average_precision_low <= average_precision
                AND average_precision <= average_precision_high AND warning LIKE '% rows have no time and do not count' AS holds FROM {function}"
        );
        let said = folder.succeed(&["sql", "--format", "csv", &sql]);
        assert_eq!(said, "holds\ntrue\n", "{function}");
    }
}
