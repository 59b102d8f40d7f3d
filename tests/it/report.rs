//! The reports: they hold the queries' numbers, say what is not known, and are safe and small whatever the data hold.

mod reference;
mod synthetic;

use std::path::Path;

use chrono::{DateTime, Utc};
use datafusion::prelude::SessionContext;
use squall::catalog::FUNCTIONS;
use squall::error::Hint;
use squall::report::{DriftOptions, EvaluationOptions, Report, drift, evaluation};

use synthetic::{Market, Metrics, market, metrics};

/// The promise of the design, section 8.
const LARGEST: usize = 500_000;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_764_590_000, 0).unwrap()
}

fn options() -> EvaluationOptions {
    EvaluationOptions { model: None, generated_at: now() }
}

async fn evaluate(market: &Market, metrics: &[Metrics]) -> Report {
    let context = market.register(metrics).await;
    evaluation(&context, &options()).await.unwrap()
}

async fn compare(context: &SessionContext, reference: &str, current: &str) -> Report {
    FUNCTIONS.register(context, Path::new("no/models/here"));
    let options =
        DriftOptions { reference: Some(reference.into()), current: Some(current.into()), generated_at: now() };
    drift(context, &options).await.unwrap()
}

/// Leaves the report where `tests/report_in_browser.sh` and a curious reader find it.
fn keep(name: &str, report: &Report) {
    assert!(report.html.len() < LARGEST, "{name} has {} bytes", report.html.len());
    report.write(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("reports").join(name)).unwrap();
}

/// What a test split without spikes leaves of the metrics.
fn unknown_on_test(reason: &'static str, rows: f64, positives: f64) -> Vec<Metrics> {
    let mut table = metrics();
    for row in table.iter_mut().filter(|row| row.split == "test") {
        *row = Metrics {
            model: row.model,
            split: row.split,
            rows: Some(rows),
            positives: Some(positives),
            prevalence: (rows > 0.0).then_some(0.0),
            threshold: row.threshold,
            reason: Some(reason),
            ..Metrics::default()
        };
    }
    table
}

#[tokio::test]
async fn evaluation_shows_the_numbers_of_the_queries() {
    let market = market(12_000);
    let report = evaluate(&market, &metrics()).await;
    keep("evaluation.html", &report);
    for number in ["0.7712", "0.5534", "0.3145", "0.0613", "0.4121", "0.9628"] {
        assert!(report.html.contains(number), "{number} is missing");
    }
    assert_eq!(report.verdict, "spike_logistic beats the naive rule on the test split.");

    // The confusion matrix, counted again from the rows.
    let hits = market.count("spike_logistic", |row, score| row.split == "test" && row.spike && score >= 0.4121);
    let missed = market.count("spike_logistic", |row, score| row.split == "test" && row.spike && score < 0.4121);
    assert!(hits > 0 && missed > 0);
    assert!(report.html.contains(&format!("<b>{hits}</b>")) && report.html.contains(&format!("<b>{missed}</b>")));
}

#[tokio::test]
async fn a_report_fetches_nothing_and_runs_nothing() {
    let report = evaluate(&market(2_000), &metrics()).await;
    for forbidden in ["<script", "http://", "https://", "<link rel=\"stylesheet", "@import", "url(", " onload="] {
        assert!(!report.html.contains(forbidden), "{forbidden}");
    }
    assert!(report.html.contains("prefers-color-scheme: dark") && report.html.contains("@media print"));
}

#[tokio::test]
async fn a_model_that_does_not_beat_the_naive_rule_is_told_so() {
    let mut table = metrics();
    for row in table.iter_mut().filter(|row| row.model == "spike_logistic" && row.split == "test") {
        row.average_precision = Some(0.5534);
    }
    let report = evaluate(&market(2_000), &table).await;
    assert_eq!(report.verdict, "spike_logistic does not beat the naive rule on the test split.");
}

#[tokio::test]
async fn without_a_spike_in_test_nothing_is_claimed() {
    let mut market = market(4_000);
    market.rows.iter_mut().filter(|row| row.split == "test").for_each(|row| row.spike = false);
    let report = evaluate(&market, &unknown_on_test("no row is positive", 800.0, 0.0)).await;
    keep("evaluation-no-spikes.html", &report);
    assert_eq!(
        report.verdict,
        "How good spike_logistic is, is not known: none of the 800 test rows is followed by a spike."
    );
    assert!(report.html.contains("spike_logistic, naive_volatility, volatility_threshold: no row is positive"));
    assert!(report.html.contains("Not defined: the test split needs scored rows"));
    assert!(!report.html.contains("NaN"));
}

#[tokio::test]
async fn an_empty_test_split_is_told_so() {
    let mut market = market(4_000);
    market.rows.retain(|row| row.split != "test");
    let table: Vec<Metrics> = metrics().into_iter().filter(|row| row.split != "test").collect();
    let report = evaluate(&market, &table).await;
    assert_eq!(report.verdict, "spike_logistic has no test split: how good it is, is not known.");
    assert!(report.html.contains("There are no scored rows in the test split."));
}

#[tokio::test]
async fn one_model_alone_is_not_said_to_beat_anything() {
    let mut market = market(4_000);
    market.models.truncate(1);
    let table: Vec<Metrics> = metrics().into_iter().filter(|row| row.model == "spike_logistic").collect();
    let report = evaluate(&market, &table).await;
    assert!(
        report.verdict.starts_with("Whether spike_logistic beats the naive rule is not known"),
        "{}",
        report.verdict
    );
}

#[tokio::test]
async fn undefined_scores_are_left_out() {
    let whole = evaluate(&market(4_000), &metrics()).await;
    let mut market = market(4_000);
    market.undefined_scores = true;
    let report = evaluate(&market, &metrics()).await;
    assert!(!report.html.contains("NaN") && !report.html.contains("inf"));
    assert_ne!(report.html, whole.html);
}

#[tokio::test]
async fn hostile_names_stay_text() {
    const HOSTILE: &str = "<script>alert('x')</script>\"&";
    let mut market = market(2_000);
    market.product = HOSTILE.into();
    market.models[0].0 = HOSTILE.into();
    let mut table = metrics();
    table.iter_mut().filter(|row| row.model == "spike_logistic").for_each(|row| row.model = HOSTILE);
    let report = evaluate(&market, &table).await;
    assert!(!report.html.contains("<script") && report.html.contains("&lt;script&gt;"));
}

#[tokio::test]
async fn a_missing_query_names_the_command_that_makes_it() {
    let error = evaluation(&SessionContext::new(), &options()).await.unwrap_err();
    assert_eq!(error.to_string(), "there is no query or table named spike_training");
    assert!(error.hint().unwrap().contains("squall run +spike_training"));

    let context = market(1_000).register(&metrics()).await;
    let wrong = EvaluationOptions { model: Some("spike_forest".into()), generated_at: now() };
    let error = evaluation(&context, &wrong).await.unwrap_err();
    assert_eq!(error.to_string(), "no scores of a model named spike_forest");
    assert!(error.hint().unwrap().contains("naive_volatility, spike_logistic"));

    let context = market(1_000).register(&[]).await;
    assert!(evaluation(&context, &options()).await.unwrap_err().hint().unwrap().contains("squall train"));
}

#[tokio::test]
async fn a_report_is_written_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let report = evaluate(&market(1_000), &metrics()).await;
    let path = folder.path().join("deep/evaluation.html");
    report.write(&path).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), report.html);
    assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    let blocked = report.write(&path.join("below-a-file.html")).unwrap_err();
    assert!(blocked.to_string().starts_with("cannot write the report to"));
}

#[tokio::test]
async fn drift_shows_every_column_drifted_first() {
    let context = market(12_000).register(&metrics()).await;
    let columns = "midprice, current_vol, forward_vol, log_rv_60s, spike, product_id, ts";
    let report = compare(
        &context,
        &format!("SELECT {columns} FROM spike_training WHERE split = 'train'"),
        &format!("SELECT {columns} FROM spike_training WHERE split = 'test'"),
    )
    .await;
    keep("drift.html", &report);
    let html = &report.html;
    let last_drifted = html.rfind("▲ drifted").unwrap();
    let first_steady = html.find("● steady").unwrap();
    assert!(last_drifted < first_steady, "drifted columns come first");
    assert!(html.contains("columns of this type are not compared"));
    assert!(report.verdict.contains("of 6 columns drifted"), "{}", report.verdict);
}

#[tokio::test]
async fn equal_samples_do_not_drift() {
    let context = market(3_000).register(&metrics()).await;
    let columns = "SELECT midprice, current_vol, spike FROM spike_training";
    let report = compare(&context, columns, columns).await;
    assert_eq!(report.verdict, "The data did not drift: 0 of 3 columns drifted.");
}

#[tokio::test]
async fn drift_without_rows_is_not_known() {
    let context = market(1_000).register(&metrics()).await;
    let columns = "SELECT midprice, spike FROM spike_training";
    let report = compare(&context, columns, &format!("{columns} WHERE split = 'nowhere'")).await;
    assert_eq!(report.verdict, "Whether the data drifted is not known: no column could be compared.");
    assert!(report.html.contains("the current sample has no value"));
}

#[tokio::test]
async fn a_wide_table_stays_small() {
    let context = SessionContext::new();
    let columns: Vec<String> = (0..300).map(|index| format!("value * {index} % 97 AS \"column <{index}>\"")).collect();
    let values: Vec<String> = (0..1_500).map(|value| format!("({value}.5)")).collect();
    let sql = format!("SELECT {} FROM (VALUES {}) AS t(value)", columns.join(", "), values.join(", "));
    let report = compare(&context, &sql, &sql).await;
    assert!(report.html.len() < LARGEST, "{} bytes", report.html.len());
    assert!(report.html.contains("240 columns further down the table are not drawn"));
    assert!(!report.html.contains("column <1>"), "names are escaped");
}
